"""Orders that are paid without a new stamp: no read of what changed brings them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from reconciler.domain.errors import UnreachableError
from reconciler.domain.orders import CartOrder, PaymentStatus
from reconciler.ports import Coverage, Page, Snapshot
from reconciler.services.context import Context
from reconciler.services.run import run_channel
from tests.builders import cart_order, pos_order
from tests.integration.persistence.world import read_pos
from tests.integration.test_submission import OURS
from tests.integration.test_tasks import BEGINNING, Listed, Unread

pytestmark = pytest.mark.integration


@dataclass
class Silent(Listed):
    """A cart that shows an order once, and then only to those who ask for it."""

    shown: bool = False
    asked: list[Mapping[str, str] | None] = field(default_factory=list)
    away: bool = False

    def read(self, since: datetime | None, now: datetime) -> Iterator[Any]:
        """Show what changed: the order, the first time."""
        if not self.shown:
            yield Page([Snapshot(self.order, "{}")])
        self.shown = True
        yield Coverage(covers_from=BEGINNING, covers_to=now, complete=True)

    def fetch(self, references: Sequence[str], ids: Mapping[str, str] | None = None) -> dict[str, CartOrder]:
        """Read the order again, if the cart is there."""
        self.asked.append(ids)
        if self.away:
            raise UnreachableError("the cart does not answer")
        return super().fetch(references, ids)


@pytest.fixture
def cart() -> Silent:
    """A cart with one order that nobody has paid for yet."""
    placed = datetime.now(UTC) - timedelta(hours=1)
    order = replace(
        cart_order(placed_at=placed, updated_at=placed, paid_at=None, captured=0, vendor_id="gid-1"),
        payment_status=PaymentStatus.PENDING,
    )
    return Silent(order)


@pytest.fixture
def desk(engine: Engine, cart: Silent) -> Unread:
    """A channel of that cart's."""
    return Unread(engine, cart, OURS)


def run(desk: Unread) -> str | None:
    """Let a run happen; return the order's verdict."""
    with desk.unit() as unit:
        context = Context(unit, desk.shop, lambda: datetime.now(UTC))
        run_channel(context, unit.channels.by_id(desk.channel.id), full=False, trigger="test")
    return str(desk.value("SELECT coalesce(verdict, 'agreed') FROM cart_orders"))


def test_an_order_that_was_paid_without_a_new_stamp_is_found(desk: Unread, cart: Silent):
    """It is asked for by the cart's own id when its second look is due, and not before."""
    assert [run(desk), run(desk)] == ["unpaid", "unpaid"]
    assert cart.asked == []
    cart.order = replace(cart.order, payment_status=PaymentStatus.PAID, captured=cart.order.total)
    desk.do("UPDATE cart_orders SET check_at = now() - interval '1 minute'")
    assert run(desk) == "sync_delay"
    assert cart.asked == [{"1001": "gid-1"}]


@pytest.mark.parametrize("verdict", ["unpaid_in_pos", "payment_conflict"])
def test_whatever_hangs_on_the_payment_is_asked_for_again(desk: Unread, cart: Silent, verdict: str):
    """An order that the POS has unpaid, or whose cart contradicts itself, is settled by the payment, too."""
    placed = datetime.now(UTC) - timedelta(hours=9)
    cart.order = replace(cart.order, placed_at=placed, updated_at=placed)
    if verdict == "unpaid_in_pos":
        with desk.unit() as unit:
            read_pos(unit, desk.channel, pos_order(created_at=placed))
            unit.commit()
    else:
        cart.order = replace(cart.order, captured=cart.order.total)
    assert run(desk) == verdict
    cart.order = replace(cart.order, payment_status=PaymentStatus.PAID, captured=cart.order.total)
    desk.do("UPDATE cart_orders SET check_at = now() - interval '1 minute'")
    assert run(desk) in {"agreed", "sync_delay"}


def test_a_cart_that_does_not_answer_leaves_the_order_as_it_was(desk: Unread, cart: Silent):
    """It is due again later, and the run goes on."""
    run(desk)
    cart.away = True
    desk.do("UPDATE cart_orders SET check_at = now() - interval '1 minute'")
    assert run(desk) == "unpaid"
    assert len(cart.asked) == 1
    assert desk.value("SELECT check_at > now() FROM cart_orders")
