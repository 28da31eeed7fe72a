"""What every cart must do, whatever vendor it is from: subclass ``CartContract`` and give it a ``stage``.

A stage is a shop that the test can put orders into: a file, or a vendor's sandbox.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Protocol

import pytest

from reconciler.domain.errors import ReconcilerError, VendorError
from reconciler.domain.orders import CartOrder, PaymentStatus, normalise_reference
from reconciler.ports import Capabilities, Cart, Coverage, Page, Quarantined, Snapshot
from tests.builders import NOW, SECOND, ago, cart_order


class CartStage(Protocol):
    """A shop under the test's control. The time is NOW."""

    cart: Cart

    def put(self, *orders: CartOrder) -> None:
        """Make the shop hold these orders; one of a known reference replaces it."""
        ...

    def put_garbage(self) -> None:
        """Make the shop answer with something among its orders that is none."""
        ...

    def break_off(self) -> None:
        """Make the shop fail in the middle of the next read, after it has shown something or not."""
        ...

    def vanish(self) -> None:
        """Make the shop unreachable."""
        ...


def read(cart: Cart) -> tuple[list[Snapshot[CartOrder]], list[Quarantined], Coverage]:
    """Read everything; the coverage comes last and once."""
    *pages, coverage = cart.read(None, NOW)
    assert isinstance(coverage, Coverage)
    snapshots: list[Snapshot[CartOrder]] = []
    quarantined: list[Quarantined] = []
    for page in pages:
        assert isinstance(page, Page)
        snapshots.extend(page.snapshots)
        quarantined.extend(page.quarantined)
    return snapshots, quarantined, coverage


def some(count: int) -> Sequence[CartOrder]:
    """Return so many different orders, all placed and changed in the same second."""
    return [
        cart_order(reference=str(1001 + n), updated_at=ago(hours=20), total=(n + 1) * 100)
        for n in range(count)
    ]


class CartContract:
    """The suite. What a shop need not tell (tips, tags) is not compared."""

    @pytest.fixture
    @abstractmethod
    def stage(self, tmp_path) -> CartStage:
        """An empty shop, just opened."""

    def test_it_declares_what_it_can_do(self, stage):
        """Services ask capabilities, never vendors."""
        assert isinstance(stage.cart.capabilities, Capabilities)

    def test_every_order_arrives_as_it_is(self, stage):
        """Number, money, state, customer and lines, whatever the currency."""
        orders = [
            cart_order(reference="1001", updated_at=ago(hours=20)),
            cart_order(reference="1002", currency="JPY", total=4585, updated_at=ago(hours=19)),
            cart_order(reference="1003", payment_status=PaymentStatus.PENDING, updated_at=ago(hours=18)),
        ]
        stage.put(*orders)
        seen = {snapshot.order.reference: snapshot.order for snapshot in read(stage.cart)[0]}
        for order in orders:
            got = seen[order.reference]
            assert (got.currency, got.total, got.captured) == (order.currency, order.total, order.captured)
            assert (got.payment_status, got.fulfillment_status) == (
                order.payment_status,
                order.fulfillment_status,
            )
            assert got.placed_at == order.placed_at
            assert got.customer == order.customer
            assert [(line.sku, line.quantity) for line in got.lines] == [
                (line.sku, line.quantity) for line in order.lines
            ]

    def test_times_are_aware_and_in_utc(self, stage):
        """No order carries a time that means something else elsewhere."""
        stage.put(cart_order(updated_at=ago(hours=20)))
        (snapshot,) = read(stage.cart)[0]
        times = [snapshot.order.placed_at, snapshot.order.updated_at, snapshot.order.paid_at]
        assert {time.tzinfo for time in times if time} == {UTC}

    def test_references_are_normalised(self, stage):
        """Trimmed, and without the # with which shops print them."""
        stage.put(*some(3))
        for snapshot in read(stage.cart)[0]:
            assert snapshot.order.reference == normalise_reference(snapshot.order.reference) != ""

    def test_the_payload_is_kept(self, stage):
        """Each order comes with the JSON that it was read from."""
        stage.put(*some(2))
        assert all(isinstance(json.loads(snapshot.raw), dict) for snapshot in read(stage.cart)[0])

    def test_orders_of_one_second_all_arrive(self, stage):
        """More of them than fit a page, with one and the same stamp."""
        stage.put(*some(1203))
        seen = [snapshot.order.reference for snapshot in read(stage.cart)[0]]
        assert set(seen) == {str(1001 + n) for n in range(1203)}

    def test_reading_twice_finds_the_same(self, stage):
        """A read changes nothing at the shop, and nothing in the adapter."""
        stage.put(*some(5))
        assert read(stage.cart)[0] == read(stage.cart)[0]

    def test_a_good_read_is_complete_and_does_not_reach_beyond_now(self, stage):
        """Its window begins before it ends."""
        stage.put(*some(5))
        coverage = read(stage.cart)[2]
        assert coverage.complete, coverage.reason
        assert coverage.covers_from <= coverage.covers_to <= NOW
        assert (coverage.covers_from.tzinfo, coverage.covers_to.tzinfo) == (UTC, UTC)

    def test_what_changed_lately_is_in_a_read_of_what_changed(self, stage):
        """More may be in it; less may not."""
        stage.put(*some(3))
        stage.put(cart_order(reference="1002", total=99_00, updated_at=ago(minutes=5)))
        items = list(stage.cart.read(ago(minutes=10), NOW))
        pages = [item for item in items if isinstance(item, Page)]
        assert {s.order.reference: s.order.total for page in pages for s in page.snapshots}["1002"] == 99_00

    def test_what_is_no_order_is_set_aside_and_the_rest_arrives(self, stage):
        """With where it stood, why, and its content; and the read does not count as complete."""
        stage.put(*some(3))
        stage.put_garbage()
        snapshots, quarantined, coverage = read(stage.cart)
        assert len({snapshot.order.reference for snapshot in snapshots}) == 3
        assert [bool(item.source and item.reason and item.raw) for item in quarantined] == [True]
        assert not coverage.complete
        assert not coverage.absence_trusted
        assert coverage.reason

    def test_a_read_that_breaks_off_is_never_complete(self, stage):
        """It raises a clear error, or says that it is incomplete and why."""
        stage.put(*some(300))
        stage.break_off()
        with suppress(VendorError):
            coverage = read(stage.cart)[2]
            assert (coverage.complete, bool(coverage.reason)) == (False, True)

    def test_single_orders_are_found_as_they_are_now(self, stage):
        """Those that exist, under their numbers; a change is seen at once."""
        stage.put(*some(50))
        assert {r: o.total for r, o in stage.cart.fetch(["1007", "1020", "9"]).items()} == {
            "1007": 7_00,
            "1020": 20_00,
        }
        changed = replace(some(50)[6], total=1_00, captured=1_00, updated_at=ago(hours=20) + SECOND)
        stage.put(changed)
        assert stage.cart.fetch(["1007"])["1007"].total == 1_00

    def test_what_is_fetched_is_what_is_read(self, stage):
        """Two ways to one order: if they differed, every order would look changed before it is sent."""
        stage.put(*some(3))
        orders = {snapshot.order.reference: snapshot.order for snapshot in read(stage.cart)[0]}
        assert stage.cart.fetch(list(orders)) == orders

    def test_a_probe_says_who_we_are(self, stage):
        """Words for a person who tests the connection."""
        stage.put(*some(1))
        assert stage.cart.probe()

    @pytest.mark.parametrize("call", ["probe", "read", "fetch"])
    def test_an_unreachable_shop_is_one_clear_error(self, stage, call):
        """What happened and what to do next: never an empty shop, never a traceback of the transport."""
        stage.put(*some(1))
        stage.vanish()
        calls = {
            "probe": stage.cart.probe,
            "read": lambda: list(stage.cart.read(None, NOW + timedelta(hours=1))),
            "fetch": lambda: stage.cart.fetch(["1001"]),
        }
        with pytest.raises(VendorError) as caught:
            calls[call]()
        assert isinstance(caught.value, ReconcilerError)
        assert caught.value.next_step
        assert "\n" not in str(caught.value)
