"""What was refused for certain goes again when what it waits for has changed, and only then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Engine

from reconciler.domain.errors import UnreachableError
from reconciler.domain.evidence import Catalog, FailureCause
from reconciler.domain.policy import Delivery, Policy, Send
from reconciler.ports import Capabilities, Outcome, OutcomeKind
from reconciler.services.compare import open_bench
from reconciler.services.context import Context
from reconciler.services.release import release_waiting
from tests.builders import cart_order
from tests.integration.test_submission import OURS, Counter, Shop

THEIRS = replace(OURS, delivery=Delivery.THEIRS)


def refused(cause: FailureCause, **told: Any) -> Outcome:
    """The POS says no."""
    return Outcome(kind=OutcomeKind.REFUSED, cause=cause, words="no", **told)


@dataclass
class Store(Shop):
    """A POS with a catalog, and a menu that can be imported."""

    menu: Catalog = field(default_factory=Catalog)
    imports: int | None = None
    import_fails: bool = False

    @property
    def capabilities(self) -> Capabilities:
        """With or without menu imports."""
        return Capabilities(idempotency_keys=True, menu_import=self.imports is not None)

    def catalog(self) -> Catalog:
        """Tell what can be taken."""
        return self.menu

    def import_menu(self) -> None:
        """Take the menu over, or not."""
        if self.import_fails:
            raise UnreachableError("the menu cannot be imported now")
        self.imports = (self.imports or 0) + 1


class Desk(Counter):
    """A channel whose refused order may be released."""

    shop: Store

    def release(self) -> int:
        """Do what every run and every turn does when it has judged."""
        with self.unit() as unit:
            known = unit.channels.by_id(self.channel.id)
            context = Context(unit, self.shop, lambda: datetime.now(UTC))
            released = release_waiting(open_bench(context, known, 1))
            unit.commit()
        return released

    def set_policy(self, **changes: Any) -> None:
        """Apply another channel file."""
        self.policy = replace(self.policy, **changes)
        for name, value in changes.items():
            told = value if isinstance(value, dict) else str(value)
            self.execute("UPDATE channels SET policy = policy || %(p)s", p={name: told})

    def execute(self, statement: str, p: dict[str, Any]) -> None:
        """Change something with a JSON parameter."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement, {"p": Jsonb(p)})


@pytest.fixture
def desk(engine: Engine) -> Callable[..., Desk]:
    """A function that makes a channel whose one order was just refused."""

    def make(cause: FailureCause, policy: Policy = OURS, *, untried: bool = False, **store: Any) -> Desk:
        outcomes = [refused(cause, untried=untried)]
        made = Desk(engine, Store(cart_order(shipping_method="Van"), outcomes=outcomes, **store), policy)
        assert made.work() == "failed flagged"
        return made

    return make


def map_article(desk: Desk) -> None:
    """Map the order's article."""
    desk.set_policy(sku_map={"ROSE-12": "R12"})


def map_delivery(desk: Desk) -> None:
    """Map its delivery method."""
    desk.set_policy(shipping_map={"Van": "VAN"})


def map_another(desk: Desk) -> None:
    """Map an article that the order has not."""
    desk.set_policy(sku_map={"LILY": "L1"})


def list_article(desk: Desk) -> None:
    """Add the article to the POS's catalog."""
    desk.shop.menu = replace(desk.shop.menu, skus=frozenset({"ROSE-12", "TULIP"}))


def edit_menu(desk: Desk) -> None:
    """Change something in the POS's menu."""
    desk.shop.menu = replace(desk.shop.menu, menu="2")


def edit_taxes(desk: Desk) -> None:
    """Set the POS's taxes up otherwise."""
    desk.shop.menu = replace(desk.shop.menu, taxes="2")


def authorise(desk: Desk) -> None:
    """Give us other credentials."""
    desk.do(r"UPDATE connections SET credentials = '\x01', credentials_digest = '\x01' WHERE side = 'pos'")


def relocate(desk: Desk) -> None:
    """Send the channel's orders to another location."""
    desk.set_policy(location="attic")


def edit_order(desk: Desk) -> None:
    """Let the cart have another version of the order."""
    desk.shop.order = replace(desk.shop.order, tip=5)
    desk.do("UPDATE cart_orders SET tip = 5")


C = FailureCause
CHANGES = [map_another, map_article, map_delivery, list_article, edit_menu, edit_taxes, authorise]
CHANGES += [relocate, edit_order]
CURES = {
    C.UNMAPPED_SKU: [map_article, list_article, edit_menu],
    C.UNMAPPED_SHIPPING: [map_delivery],
    C.UNMAPPED_TAX: [edit_taxes],
    C.UNMAPPED_PAYMENT: [relocate, edit_order],
    C.MENU_SETUP: [map_article, list_article, edit_menu],
    C.PERMISSIONS: [authorise],
    C.TAX_SETUP: [edit_taxes, edit_order],
    C.REJECTED: [relocate, edit_order],
}
CATALOG = Catalog(skus=frozenset({"TULIP"}), menu="1", taxes="1")


@pytest.mark.parametrize(
    ("cause", "cure"), [(cause, cure) for cause, cures in CURES.items() for cure in cures]
)
def test_what_an_order_waits_for_releases_it(
    desk: Callable[..., Desk], cause: FailureCause, cure: Callable[[Desk], None]
):
    """A mapping for an unmapped article, a right for a lost one; the attempt says why it was made."""
    store = desk(cause, menu=CATALOG)
    cure(store)
    assert (store.release(), store.release()) == (1, 0)
    assert store.work() == "success"
    told = store.value("SELECT trigger || ': ' || reason FROM attempts WHERE number = 2")
    assert told.startswith("retry: since it was refused, this has changed: ")


@pytest.mark.parametrize("cause", CURES)
def test_nothing_else_does(desk: Callable[..., Desk], cause: FailureCause):
    """The try would be spent in vain: another article's mapping, another cause's cure."""
    store = desk(cause, menu=CATALOG)
    for change in CHANGES:
        if change not in CURES[cause]:
            change(store)
    assert store.release() == 0


def test_what_has_no_try_left_waits_for_a_person(desk: Callable[..., Desk]):
    """Where delivery is theirs, the one re-send was the one that was refused."""
    store = desk(C.PERMISSIONS, THEIRS)
    authorise(store)
    assert store.release() == 0


def test_a_check_of_our_own_costs_no_try(desk: Callable[..., Desk]):
    """No byte left, so that the one re-send is still there when the mapping comes."""
    store = desk(C.UNMAPPED_SKU, THEIRS, untried=True)
    assert store.value("SELECT spent FROM queue_entries") == 0
    map_article(store)
    assert store.release() == 1
    assert store.work() == "success"
    assert store.value("SELECT spent FROM queue_entries") == 1


@pytest.mark.parametrize("hindrance", ["a person gave it up", "sending was switched off"])
def test_nobody_is_overruled(desk: Callable[..., Desk], hindrance: str):
    """What a person closed stays closed, and a channel that does not send by itself does not begin to."""
    store = desk(C.PERMISSIONS)
    authorise(store)
    if hindrance == "a person gave it up":
        with store.unit() as unit:
            told = {"actor": "ann", "reason": "refunded", "origin": "cli"}
            unit.queue.give_up(store.channel.id, "1001", **told)
            unit.commit()
    else:
        store.set_policy(send=Send.ASK)
    assert store.release() == 0


def test_a_menu_is_imported_first_and_once(desk: Callable[..., Desk]):
    """The same turn that was told of the menu's fault imports it, and the order goes again after that."""
    outcomes = [refused(C.MENU_SETUP), refused(C.MENU_SETUP)]
    store = desk_with(desk, outcomes, imports=0)
    assert store.shop.imports == 1
    assert store.value("SELECT reason FROM queue_entries") == "after a menu import"
    assert store.work() == "failed flagged"
    assert (store.shop.imports, len(store.shop.sent)) == (1, 2)
    assert store.release() == 0


def test_a_check_of_our_own_has_a_menu_imported_only_once(desk: Callable[..., Desk]):
    """It costs no try, so that the budget alone would not end the circle."""
    store = desk_with(desk, [refused(C.MENU_SETUP, untried=True)] * 9, imports=0)
    for _ in range(4):
        store.work()
    assert (store.shop.imports, len(store.shop.sent)) == (1, 2)


def test_a_menu_that_cannot_be_imported_is_tried_again(desk: Callable[..., Desk]):
    """The order keeps waiting, flagged, and the next run asks for the import again."""
    store = desk(C.MENU_SETUP, imports=0, import_fails=True)
    store.shop.import_fails = False
    assert store.release() == 1
    assert store.shop.imports == 1


def desk_with(desk: Callable[..., Desk], outcomes: list[Outcome], **store: Any) -> Desk:
    """Return a channel whose order waits for its second try, after the first of these outcomes."""
    made = desk(C.REJECTED, **store)
    made.do("UPDATE queue_entries SET status = 'ready', flagged = false, spent = 0, attempts = attempts")
    made.shop.outcomes[:] = outcomes
    made.shop.sent.clear()
    assert made.work() == "ready"
    return made
