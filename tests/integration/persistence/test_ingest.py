"""Storing pages: every order once, its newest version, whatever order and company it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from reconciler.domain.orders import CartOrder, Customer, PaymentStatus, PosStatus
from reconciler.domain.verdict import Classification
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Channel, Ingested, Page, Quarantined, Side, Snapshot
from tests.builders import NOW, POLICY, ago, cart_order, line, policy, pos_order, shipment
from tests.integration.persistence.world import (
    apply,
    channel,
    read_cart,
    read_pos,
    start,
    suspected,
    value,
    verdict_on,
)

BROKEN = cart_order(reference="1002", total=10**19)


def stored(unit: SqlUnitOfWork, where: Channel, reference: str = "1001") -> CartOrder:
    """Return a stored cart order."""
    found = unit.orders.get_cart(where.id, reference)
    assert found is not None
    return found[0]


def mark(unit: SqlUnitOfWork) -> object:
    """Return where the rows of both tables lie: a row that is written, or only locked, leaves a trace."""
    return value(
        unit,
        "SELECT array_agg((t, ctid, xmin, xmax)::text ORDER BY t) FROM ("
        " SELECT reference AS t, ctid, xmin, xmax FROM cart_orders"
        " UNION ALL SELECT pos_id, ctid, xmin, xmax FROM pos_orders) all_rows",
    )


def test_reading_the_same_orders_again_touches_no_row(unit: SqlUnitOfWork):
    """A page of known orders is neither written nor locked, however often it comes."""
    where = channel(unit)
    orders = [cart_order(reference=f"{n}") for n in range(5)]
    records = [pos_order(pos_id=f"p{n}", reference=f"{n}") for n in range(5)]
    assert read_cart(unit, where, *orders) == Ingested(read=5, changed=5)
    assert read_pos(unit, where, *records) == Ingested(read=5, changed=5)
    before = mark(unit)
    assert read_cart(unit, where, *orders) == Ingested(read=5)
    assert read_pos(unit, where, *records) == Ingested(read=5)
    assert mark(unit) == before


VERSIONS = [
    cart_order(updated_at=ago(hours=hours), payment_status=status)
    for hours, status in ((3, PaymentStatus.PENDING), (2, PaymentStatus.PAID), (1, PaymentStatus.REFUNDED))
]


@pytest.mark.parametrize("versions", [*permutations(VERSIONS)])
def test_the_newest_version_wins_in_whatever_order_they_come(
    unit: SqlUnitOfWork, versions: Sequence[CartOrder]
):
    """Pages may overtake one another: an older version never replaces a newer one."""
    where = channel(unit)
    for version in versions:
        read_cart(unit, where, version)
    assert stored(unit, where) == VERSIONS[-1]


@pytest.mark.parametrize("versions", [*permutations(VERSIONS)])
def test_the_newest_version_of_a_page_wins(unit: SqlUnitOfWork, versions: Sequence[CartOrder]):
    """An order that was written while a page was being read may be on it twice."""
    where = channel(unit)
    assert read_cart(unit, where, *versions) == Ingested(read=3, changed=1)
    assert stored(unit, where) == VERSIONS[-1]


def test_of_two_equally_old_versions_the_later_is_believed(unit: SqlUnitOfWork):
    """Several vendors do not move the stamp of an order that is paid or shipped."""
    where = channel(unit)
    read_cart(unit, where, cart_order(total=1))
    read_cart(unit, where, cart_order(total=2))
    assert stored(unit, where).total == 2
    read_cart(unit, where, cart_order(total=3), cart_order(total=4))
    assert stored(unit, where).total == 4


@pytest.mark.parametrize("stamps", [(None, ago(hours=1)), (ago(hours=1), None)])
def test_a_page_and_the_database_agree_on_which_of_two_versions_wins(
    unit: SqlUnitOfWork, stamps: tuple[datetime | None, datetime | None]
):
    """One without a stamp may be the newer one: the later of the two is believed, on one page or on two."""
    where, together = channel(unit), channel(unit)
    versions = [
        cart_order(updated_at=stamp, total=total) for stamp, total in zip(stamps, (1, 2), strict=True)
    ]
    for version in versions:
        read_cart(unit, where, version)
    read_cart(unit, together, *versions)
    assert stored(unit, where).total == stored(unit, together).total == 2


def test_one_order_that_the_database_refuses_does_not_keep_others_out(unit: SqlUnitOfWork):
    """What cannot be stored is set aside with its payload and the reason; the rest of the page is stored."""
    where = channel(unit)
    orders = [cart_order(reference="1001"), BROKEN, cart_order(reference="1003")]
    assert read_cart(unit, where, *orders) == Ingested(read=3, changed=2, quarantined=1)
    assert unit.orders.get_cart(where.id, "1002") is None
    reason = value(unit, "SELECT reason FROM quarantine WHERE source = 'order 1002'")
    assert "out of range for type bigint" in str(reason)


def test_the_reason_for_setting_aside_does_not_quote_the_customer(unit: SqlUnitOfWork):
    """The database's detail holds the whole row; only its sentence is kept."""
    where = channel(unit)
    read_cart(unit, where, replace(BROKEN, customer=Customer(name="Rosa Okafor")))
    assert "Rosa" not in str(value(unit, "SELECT reason FROM quarantine"))


@pytest.mark.parametrize(
    ("name", "raw"), [("Rosa \ud800", "{}"), ("Rosa", '{"name": "\ud800"}')], ids=["order", "payload"]
)
def test_text_that_was_cut_within_a_character_is_set_aside(unit: SqlUnitOfWork, name: str, raw: str):
    """Half a surrogate pair is in no encoding; the other orders of the page are stored."""
    where = channel(unit)
    broken = Snapshot(cart_order(reference="1002", customer=Customer(name=name)), raw)
    page = Page([Snapshot(cart_order(), "{}"), broken, Snapshot(cart_order(reference="1003"), "\0{}")])
    done = unit.orders.ingest_cart(where, start(unit, where), page, NOW)
    assert done == Ingested(read=3, changed=2, quarantined=1)
    assert value(unit, "SELECT source FROM quarantine") == "order 1002"


def test_what_cannot_be_understood_is_kept_once(unit: SqlUnitOfWork):
    """The same broken line, read at every run and moved in its file, is one row that was last seen today."""
    where, run = channel(unit), 1
    for position, now in ((3, ago(hours=1)), (4, NOW)):
        page: Page[CartOrder] = Page(
            [], [Quarantined("cart.jsonl", position, "no currency", '{"a":\ud800 \0 1}')]
        )
        assert unit.orders.ingest_cart(where, run, page, now) == Ingested(quarantined=1)
    row = unit.connection.exec_driver_sql(
        "SELECT side, position, reason, first_seen_at, last_seen_at FROM quarantine"
    ).one()
    assert tuple(row) == (Side.CART, 4, "no currency", ago(hours=1), NOW)


@pytest.mark.parametrize(
    "name", ["a\0b", "\\u0000", "\\\\\0", "'; DROP TABLE cart_orders; --", "%s %(x)s", "\u2028\U0001f339"]
)
def test_hostile_text_is_stored_as_text(unit: SqlUnitOfWork, name: str):
    """Nothing a customer types breaks a page; a NUL, which PostgreSQL cannot hold, becomes a mark."""
    where = channel(unit)
    assert read_cart(unit, where, cart_order(customer=Customer(name=name))).changed == 1
    assert stored(unit, where).customer.name == name.replace("\0", "\ufffd")


def test_the_payload_is_kept_to_the_letter(unit: SqlUnitOfWork):
    """Evidence is what the vendor sent, its spaces and its key order included."""
    where = channel(unit)
    raw = '{"b": 1,  "a":\t"\\u0000 caf\u00e9" }'
    unit.orders.ingest_cart(where, start(unit, where), Page([Snapshot(cart_order(), raw)]), NOW)
    assert value(unit, "SELECT raw FROM cart_orders") == raw


def test_having_been_inside_the_download_rule_is_remembered(unit: SqlUnitOfWork):
    """An order that leaves the rule later was seen inside it; one that never was inside was not."""
    where = channel(unit)
    read_cart(unit, where, cart_order(reference="1"), cart_order(reference="2", archived=True))
    read_cart(unit, where, cart_order(reference="1", archived=True))
    assert {name: s.seen_inside_rule for name, s in suspected(unit, where).items()} == {"1": True, "2": False}


def test_an_order_that_is_touched_again_and_again_is_not_new_for_ever(unit: SqlUnitOfWork):
    """Without a time of payment the first change under which it was paid counts, and not the last one."""
    where = channel(unit)
    for minutes in (300, 200, 100, 5):
        status = PaymentStatus.PENDING if minutes == 300 else PaymentStatus.PAID
        touched = cart_order(paid_at=None, payment_status=status, updated_at=ago(minutes=minutes))
        read_cart(unit, where, touched)
    suspect = suspected(unit, where)["1001"]
    assert suspect.known_paid_at == ago(minutes=200)
    assert suspect.cart.updated_at == ago(minutes=5)
    assert verdict_on(suspect, POLICY).classification is Classification.MISSING


def test_an_order_that_is_paid_anew_is_new_anew(unit: SqlUnitOfWork):
    """Grace begins with the payment that stands, not with one that was taken back."""
    where = channel(unit)
    for minutes, status in ((300, "paid"), (200, "voided"), (1, "paid")):
        payment = PaymentStatus(status)
        read_cart(
            unit, where, cart_order(paid_at=None, payment_status=payment, updated_at=ago(minutes=minutes))
        )
    assert suspected(unit, where)["1001"].known_paid_at == ago(minutes=1)


@pytest.mark.parametrize("stamp", [None, ago(minutes=300)])
def test_a_payment_that_moves_no_stamp_is_as_new_as_our_reading_of_it(
    unit: SqlUnitOfWork, stamp: datetime | None
):
    """Who paid a day after ordering is not late at once: the other integration has its time, too."""
    where = channel(unit)
    for payment, method in (("pending", "Van"), ("paid", "Van"), ("paid", "Bicycle")):
        order = cart_order(
            paid_at=None, payment_status=PaymentStatus(payment), updated_at=stamp, shipping_method=method
        )
        unit.orders.ingest_cart(where, start(unit, where), Page([Snapshot(order, "{}")]), NOW)
    suspect = suspected(unit, where)["1001"]
    assert suspect.known_paid_at == NOW
    assert verdict_on(suspect, POLICY).classification is Classification.SYNC_DELAY


def test_a_changed_mapping_stores_an_order_again(unit: SqlUnitOfWork):
    """The same payload under another mapping means other articles, so it counts as changed."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    assert read_cart(unit, channel(unit, policy(sku_map={"OTHER": "X"})), cart_order()).changed == 0
    assert read_cart(unit, channel(unit, policy(sku_map={"ROSE-12": "R"})), cart_order()).changed == 1


def test_a_record_that_changes_its_reference_is_missed_where_it_was(unit: SqlUnitOfWork):
    """The order that a record leaves has changed, though nothing of its own did."""
    where = channel(unit)
    read_cart(unit, where, cart_order(reference="1"), cart_order(reference="2"))
    run = start(unit, where)
    read_pos(unit, where, pos_order(reference="1"), run=run)
    unit.channels.set_compared(where.id, run)
    where = unit.channels.get(where.name)
    read_pos(unit, where, pos_order(reference="2"))
    assert suspected(unit, where, full=False).keys() == {"1"}
    assert unit.orders.examined(where, full=False, now=NOW) == 2


def test_an_edit_belongs_to_its_order_unless_the_cart_has_that_very_name(unit: SqlUnitOfWork):
    """#1-E2 is an edit of #1, unless the cart has an order #1-E2, which may be read before or after it."""
    where = channel(unit)
    orders = [cart_order(reference=name) for name in ("1", "1-E2", "2", "2-E2")]
    edits = [pos_order(pos_id=f"p{name}", reference=name) for name in ("1-E2", "2-E2", "1-E3")]
    read_cart(unit, where, *orders[:2])
    read_pos(unit, where, *edits)
    read_cart(unit, where, *orders[2:])
    found = {
        s.cart.reference: [r.pos_id for r in s.records]
        for s in unit.orders.evidence(where, ["1", "1-E2", "2", "2-E2"])
    }
    assert found == {"1": ["p1-E3"], "1-E2": ["p1-E2"], "2": [], "2-E2": ["p2-E2"]}


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", {"plain": ("7", False), "ours": (None, True), "other": (None, True), "none": (None, False)}),
        ("RB-", {"plain": (None, False), "ours": ("7", False), "other": (None, True), "none": (None, False)}),
    ],
)
def test_prefixes_keep_shops_on_one_till_apart(
    unit: SqlUnitOfWork, prefix: str, expected: dict[str, tuple[str | None, bool]]
):
    """Two shops' #7 on one POS are told apart by their channels' prefixes."""
    apply(unit, policy(), policy(reference_prefix="RB-"), policy(reference_prefix="FN-"))
    where = next(c for c in unit.channels.list() if c.policy.reference_prefix == prefix)
    names = {"plain": " #7 ", "ours": "#RB-#7", "other": "FN-7", "none": None}
    read_pos(unit, where, *(pos_order(pos_id=key, reference=name) for key, name in names.items()))
    rows = unit.connection.exec_driver_sql("SELECT pos_id, ref_key, foreign_prefix FROM pos_orders")
    assert {row.pos_id: (row.ref_key, row.foreign_prefix) for row in rows} == expected


def test_what_a_look_finds_between_two_runs_is_compared_by_the_next(unit: SqlUnitOfWork):
    """A look before sending has no run of its own; what it finds counts as changed in the run to come."""
    where = channel(unit)
    run = start(unit, where)
    read_cart(unit, where, cart_order(), run=run)
    unit.channels.set_compared(where.id, run)
    where = unit.channels.get(where.name)
    read_pos(unit, where, pos_order(status=PosStatus.ATTENTION_REQUIRED), run=where.compared_run)
    unit.channels.set_compared(where.id, run)
    assert suspected(unit, unit.channels.get(where.name), full=False).keys() == {"1001"}


def test_two_orders_of_one_second_are_both_stored(unit: SqlUnitOfWork):
    """Nothing is keyed by time."""
    where = channel(unit)
    twins = [cart_order(reference=name, updated_at=NOW, lines=(line(),)) for name in ("1", "2")]
    assert read_cart(unit, where, *twins).changed == 2
    assert timedelta() == twins[0].placed_at - twins[1].placed_at


@pytest.mark.parametrize("year", [1, 9999])
def test_a_time_that_nobody_can_reckon_with_is_set_aside(unit: SqlUnitOfWork, year: int):
    """A grace added to it would end the run of its channel, and every later one."""
    where, moment = channel(unit), datetime(year, 1, 1, tzinfo=UTC)
    orders = [cart_order(), cart_order(reference="1002", placed_at=moment)]
    assert read_cart(unit, where, *orders) == Ingested(read=2, changed=1, quarantined=1)
    records = [pos_order(), pos_order(pos_id="P2", shipments=(shipment(shipped_at=moment),))]
    assert read_pos(unit, where, *records) == Ingested(read=2, changed=1, quarantined=1)
    reasons = unit.connection.exec_driver_sql("SELECT reason FROM quarantine").scalars().all()
    assert set(reasons) == {f"it cannot be stored: one of its times lies in the year {year}"}


@pytest.mark.parametrize("pages", [1, 2], ids=["on one page", "on two pages"])
def test_two_orders_with_one_number_do_not_take_each_others_place(unit: SqlUnitOfWork, pages: int):
    """The one that was read first stays and goes on changing; the other is set aside and told."""
    where = channel(unit)
    first, second = (cart_order(vendor_id=name, total=total) for name, total in (("A", 1_00), ("B", 2_00)))
    for page in [[first, second]] if pages == 1 else [[first], [second]]:
        read_cart(unit, where, *page)
    assert stored(unit, where).vendor_id == "A"
    reason = "it cannot be stored: its number 1001 is that of another order, whose id is A"
    assert value(unit, "SELECT reason FROM quarantine") == reason
    newer = replace(first, total=3_00)
    assert read_cart(unit, where, second, newer) == Ingested(read=2, changed=1, quarantined=1)
    assert stored(unit, where).total == 3_00
