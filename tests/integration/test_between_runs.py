"""What happens between two runs, or in the middle of one, and what the next ones make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from reconciler.domain.errors import UnreachableError
from reconciler.domain.orders import FulfillmentStatus
from reconciler.domain.policy import Delivery
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import ConfigurationSpec, Coverage, Lookup, MismatchState, Page, Side, Snapshot
from reconciler.ports.reports import Scope
from reconciler.services import review
from reconciler.services.context import Context
from reconciler.services.report import build_report
from reconciler.services.run import run_channel
from tests.builders import NOW, cart_order, pos_order, ticket
from tests.integration.persistence.world import apply, connection
from tests.integration.test_submission import OURS, UNKNOWN, Shop
from tests.integration.test_tasks import BEGINNING, Unread

pytestmark = pytest.mark.integration


class Shown(Shop):
    """A shop whose cart and POS can be read, each whole."""

    def read(self, since: datetime | None, now: datetime) -> Iterator[Any]:
        """Show the order."""
        yield Page([Snapshot(self.order, "{}")])
        yield Coverage(covers_from=BEGINNING, covers_to=now, complete=True)

    def pos(self, _connection: object) -> Any:
        """Its POS shows the records."""
        told = {name: getattr(self, name) for name in ("catalog", "handed_over", "prepare", "submit")}
        return SimpleNamespace(
            **told, read=self.read_pos, find=self.find_named, capabilities=self.capabilities
        )

    def read_pos(self, since: datetime | None, now: datetime) -> Iterator[Any]:
        """Show the records."""
        yield Page([Snapshot(record, "{}") for record in self.records])
        yield Coverage(covers_from=BEGINNING, covers_to=now, complete=True)

    def find_named(self, reference: str, now: datetime) -> Lookup:
        """Show the records that bear the reference."""
        named = [record for record in self.records if record.reference == reference]
        return Lookup([Snapshot(record, "{}") for record in named], conclusive=True)


class Desk(Unread):
    """A channel, its runs, and what a person says between them."""

    shop: Shown

    def run(self) -> str:
        """Let a run happen; return the order's verdict."""
        with self.unit() as unit:
            where = unit.channels.by_id(self.channel.id)
            run_channel(self.context(unit), where, full=False, trigger="test")
        return str(self.value("SELECT coalesce(verdict, 'agreed') FROM cart_orders"))

    def context(self, unit: Any) -> Context:
        """Return what a service works with."""
        return Context(unit, self.shop, lambda: datetime.now(UTC))

    def give_up(self) -> None:
        """Close the order on a person's word."""
        told = {"actor": "ann", "reason": "keyed in by hand", "origin": "test"}
        with self.unit() as unit:
            review.give_up(self.context(unit), {self.channel.name: ["1001"]}, **told)

    def standing(self) -> str:
        """Return where the books have the order."""
        return str(self.value("SELECT state FROM order_standing"))


@pytest.fixture
def desk(engine: Engine) -> Desk:
    """A channel that we deliver for, and an order that was paid five minutes ago."""
    placed = datetime.now(UTC) - timedelta(minutes=5)
    return Desk(engine, Shown(cart_order(placed_at=placed, paid_at=placed)), OURS)


def test_what_staff_keyed_in_while_it_was_queued_is_not_sent(desk: Desk):
    """The POS was away, the kitchen helped itself: a person answers first, and may have it sent."""
    assert desk.run() == "sync_delay"
    desk.shop.records = [ticket(created_at=datetime.now(UTC))]
    assert desk.run() == "probable_rekey"
    assert [desk.work(), desk.work()] == ["failed", "failed"]
    assert desk.shop.sent == []
    assert desk.value("SELECT verdict FROM cart_orders") == "probable_rekey"
    desk.set_ready()
    assert desk.work() == "success"


def test_what_staff_keyed_in_while_it_was_in_doubt_is_not_sent_again(desk: Desk):
    """The same bytes make no second order of ours, and they do make one beside the ticket."""
    desk.run()
    desk.shop.takes, desk.shop.outcomes = False, [UNKNOWN]
    assert desk.work() == "in_doubt"
    desk.shop.records = [ticket(created_at=datetime.now(UTC))]
    assert desk.run() == "probable_rekey"
    assert desk.look_ups_later() == "failed flagged"
    assert len(desk.shop.sent) == 1


def test_what_left_the_download_rule_while_it_was_queued_is_not_sent(desk: Desk):
    """The shop made it by hand and said so in the cart: sent after that, it would be made twice."""
    desk.run()
    desk.shop.order = replace(desk.shop.order, fulfillment_status=FulfillmentStatus.FULFILLED)
    assert desk.work() == "failed"
    desk.do("UPDATE queue_entries SET not_before = NULL")
    assert desk.work() == "failed"
    assert desk.shop.sent == []
    past = "placed_at = placed_at - interval '1 day', paid_at = paid_at - interval '1 day'"
    desk.do(f"UPDATE cart_orders SET {past}")
    assert desk.run() == "missing"
    assert desk.standing() == "open", "a person is told"


def test_what_the_shop_holds_back_while_it_is_queued_goes_when_it_is_released(desk: Desk):
    """For a check, or because the customer may still add to it: nobody has to set it ready for that."""
    desk.run()
    desk.shop.order = replace(desk.shop.order, fulfillment_status=FulfillmentStatus.ON_HOLD)
    assert desk.work() == "ready"
    desk.run()
    desk.do("UPDATE queue_entries SET not_before = NULL")
    assert desk.work() == "ready"
    assert desk.shop.sent == []
    desk.shop.order = replace(desk.shop.order, fulfillment_status=FulfillmentStatus.UNFULFILLED)
    desk.run()
    desk.do("UPDATE queue_entries SET not_before = NULL")
    assert desk.work() == "success"


def test_a_run_that_is_judging_the_same_orders_is_not_got_in_the_way_of(desk: Desk):
    """It holds their rows until it is through: the worker leaves the word to it, and what it did is kept."""
    desk.run()
    with desk.engine.begin() as run:
        run.exec_driver_sql("SELECT FROM cart_orders FOR UPDATE")
        assert desk.work() == "success"
    assert desk.value("SELECT verdict FROM cart_orders") == "sync_delay"
    assert desk.run() == "agreed"


def test_an_order_that_was_given_up_stays_given_up_though_a_ticket_looks_like_it(desk: Desk):
    """Judged on the spot, it keeps the ticket that the run gave it: the decision is about that evidence."""
    desk.shop.records = [ticket(created_at=datetime.now(UTC))]
    assert desk.run() == "probable_rekey"
    desk.give_up()
    assert desk.standing() == "closed"
    assert desk.run() == "probable_rekey"
    assert desk.standing() == "closed"


def meanwhile(desk: Desk, change: Callable[[SqlUnitOfWork], object]) -> None:
    """Have somebody apply a change while the next run reads the POS."""
    read = desk.shop.read_pos
    done: list[object] = []

    def read_pos(since: datetime | None, now: datetime) -> Iterator[Any]:
        if not done:
            with desk.unit() as unit:
                done.append(change(unit))
                unit.commit()
        yield from read(since, now)

    desk.shop.read_pos = read_pos  # type: ignore[method-assign]


def test_rules_that_change_in_the_middle_of_a_run_are_not_overlooked(desk: Desk):
    """The run judged by the old ones; the next one judges everything anew, agreeing orders, too."""
    desk.shop.records = [pos_order(created_at=datetime.now(UTC))]
    assert desk.run() == "agreed"
    meanwhile(desk, lambda unit: apply(unit, replace(OURS, location="elsewhere")))
    desk.run()
    assert desk.run() == "hidden_in_pos"


def test_nothing_is_queued_by_rules_that_changed_meanwhile(desk: Desk):
    """They said to send; by the new ones another integration delivers."""
    meanwhile(desk, lambda unit: apply(unit, replace(OURS, delivery=Delivery.THEIRS)))
    desk.run()
    assert "was changed meanwhile" in desk.value("SELECT notes::text FROM runs")
    desk.run()
    assert desk.value("SELECT count(*) FROM queue_entries") == 0


def test_a_read_of_the_old_source_proves_nothing_of_the_new_one(desk: Desk):
    """The POS moved while it was read: what was covered there would call orders missing here."""
    moved = ConfigurationSpec((), (connection("rosebud-pos", Side.POS, base_url="other.jsonl"),), ())
    meanwhile(desk, lambda unit: unit.configuration.apply(moved, NOW))
    assert desk.run() == "cannot_tell"
    assert desk.value("SELECT count(*) FROM covered WHERE side = 'pos'") == 0
    assert desk.run() == "sync_delay"


def test_records_read_under_an_old_prefix_are_told_apart_by_the_new_one(desk: Desk):
    """Stored with the keys of before, and never read again, they would make their orders look missing."""
    desk.shop.records = [pos_order(reference="RB-1001", created_at=datetime.now(UTC))]
    meanwhile(desk, lambda unit: apply(unit, replace(OURS, reference_prefix="RB-")))
    desk.run()
    assert desk.run() == "agreed"


def test_a_record_with_a_mistyped_number_is_the_orders_once_a_person_says_so(desk: Desk):
    """Staff keyed in 1O01: linked, it counts for the order in the verdict and in the accounts."""
    desk.shop.records = [pos_order(reference="1O01", created_at=datetime.now(UTC))]
    assert desk.run() == "sync_delay"
    told = {"actor": "ann", "reason": "a slip of the pen", "origin": "test"}
    with desk.unit() as unit:
        review.adopt(desk.context(unit), desk.channel.name, "1001", "P1", **told)
    assert desk.value("SELECT count(*) FROM mismatches WHERE state = 'open'") == 0
    assert desk.run() == "agreed"
    scope = Scope(since=datetime.now(UTC) - timedelta(days=2))
    with SqlReportUnit(desk.engine) as unit:
        (section,) = build_report(unit, scope, datetime.now(UTC)).merchants
    assert [(day.cart, day.pos, day.unexplained) for day in section.tie_outs] == [(50_00, 50_00, 0)]


def test_an_order_that_was_given_up_while_the_pos_was_away_stays_given_up(desk: Desk):
    """Nobody can judge it just then: it keeps its place in the books, and the decision holds afterwards."""
    placed = datetime.now(UTC) - timedelta(days=1)
    desk.shop.order = replace(desk.shop.order, placed_at=placed, paid_at=placed)
    assert desk.run() == "missing"
    pos = desk.shop.pos

    def away(_: object) -> Any:
        raise UnreachableError("the POS does not answer")

    desk.shop.pos = away  # type: ignore[assignment,method-assign]
    desk.give_up()
    assert desk.standing() == "closed"
    desk.shop.pos = pos  # type: ignore[method-assign]
    assert desk.run() == "missing"
    assert desk.standing() == "closed"


@pytest.mark.parametrize("state", [MismatchState.RESOLVED, MismatchState.IGNORED])
def test_a_decision_on_a_connections_finding_loses_none_of_its_orders(desk: Desk, state: MismatchState):
    """The POS is still away, whatever a person says of it: its orders are undecided, and not nowhere."""

    def away(_: object) -> Any:
        raise UnreachableError("the POS does not answer")

    desk.shop.pos = away  # type: ignore[assignment,method-assign]
    assert desk.run() == "cannot_tell"
    number = desk.value("SELECT id FROM mismatches")
    with desk.unit() as unit:
        told = {"actor": "ann", "reason": "the vendor knows"}
        unit.mismatches.decide(desk.channel.id, number, state, **told, now=datetime.now(UTC))
        unit.commit()
    assert desk.standing() == "undecided"
    desk.run()
    assert desk.standing() == "undecided"
