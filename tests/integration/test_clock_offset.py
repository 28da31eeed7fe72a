"""A cart whose clock is wrong: what it says of times is put right before anything rests on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import CartOrder
from reconciler.domain.policy import ALWAYS
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Coverage, Page, Side, Snapshot
from reconciler.services.context import Context
from reconciler.services.run import run_channel
from tests.builders import NOW, POLICY, G, cart_order
from tests.integration.persistence.world import channel, value

HALF_AN_HOUR = timedelta(minutes=30)


@dataclass
class Vendors:
    """A cart with one order and a clock of its own, and a POS that has nothing."""

    order: CartOrder
    ahead: timedelta

    def cart(self, _connection: object) -> Any:
        """It is its own cart."""
        return self

    def pos(self, _connection: object) -> Any:
        """Its POS was read to the end."""
        return Till()

    def read(self, since: datetime | None, now: datetime) -> Iterator[Any]:
        """Show the order."""
        yield Page([Snapshot(self.order, "{}")])
        yield Coverage(covers_from=ALWAYS, covers_to=now, complete=True, clock_offset=self.ahead)


class Till:
    """A POS without orders."""

    def read(self, since: datetime | None, now: datetime) -> Iterator[Coverage]:
        """Read nothing, whole."""
        yield Coverage(covers_from=ALWAYS, covers_to=now, complete=True)

    def handed_over(self) -> dict[str, datetime]:
        """Keep no such list."""
        return {}

    def catalog(self) -> Catalog:
        """Take everything."""
        return Catalog()


@pytest.mark.parametrize(
    ("ahead", "paid", "verdict", "queued"),
    [
        (timedelta(), NOW - G - HALF_AN_HOUR, "missing", 1),
        (-2 * HALF_AN_HOUR, NOW - G - HALF_AN_HOUR, "sync_delay", 0),
        (-2 * HALF_AN_HOUR, NOW - G - 3 * HALF_AN_HOUR, "missing", 1),
        (3 * G, NOW + 2 * G - HALF_AN_HOUR, "missing", 1),
        (3 * G, NOW + 2 * G + HALF_AN_HOUR, "sync_delay", 0),
        (timedelta(seconds=29), NOW - G, "missing", 1),
    ],
    ids=["right", "behind", "behind, and late", "ahead", "ahead, and early", "by the network's seconds"],
)
def test_an_order_waits_for_g_by_our_clock(
    unit: SqlUnitOfWork, ahead: timedelta, paid: datetime, verdict: str, queued: int
):
    """Sent before G is over, it would be delivered twice; and a time to come would keep it for hours."""
    where = channel(unit, POLICY)
    unit.connection.exec_driver_sql("UPDATE channels SET live_from = '2020-01-01Z'")
    vendors = Vendors(cart_order(placed_at=paid, paid_at=paid), ahead)
    context = Context(unit, cast("Any", vendors), lambda: NOW)
    run_channel(context, unit.channels.get(where.name), full=False, trigger="test")
    assert value(unit, "SELECT verdict FROM cart_orders") == verdict
    assert value(unit, "SELECT count(*) FROM queue_entries") == queued


def test_a_read_that_failed_does_not_make_the_clock_right(unit: SqlUnitOfWork):
    """What was last told of it holds until it is told anew."""
    where = channel(unit, POLICY)
    told = Coverage(covers_from=NOW, covers_to=NOW, complete=True, clock_offset=HALF_AN_HOUR)
    unit.orders.add_coverage(where.id, 1, Side.CART, told)
    unit.orders.add_coverage(where.id, 2, Side.CART, Coverage(covers_from=NOW, covers_to=NOW, complete=False))
    assert unit.orders.proof(where.id, Side.CART).clock_offset == HALF_AN_HOUR
