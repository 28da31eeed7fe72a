"""Orders, records and evidence of every kind: quiet ones with a few things changed, near what decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from reconciler.domain.evidence import Absence, Catalog, Evidence, FailureCause, QueueFacts
from reconciler.domain.orders import (
    CartOrder,
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    PosOrder,
    PosStatus,
    Shipment,
    Source,
)
from reconciler.domain.policy import DownloadRule
from reconciler.domain.queue import QueueStatus
from tests.builders import CATALOG, NOW, SECOND, cart_order, policy, pos_order, ticket_match
from tests.unit.domain import rows_absent, rows_present

HOUR = timedelta(hours=1)
HOURS = [timedelta(hours=hours) for hours in (-60, -24, -4, -2, -1, 0, 1)]
EDGES = [
    *HOURS,
    timedelta(minutes=-10),
    timedelta(minutes=-2),
    *(h + d for h in HOURS for d in (SECOND, -SECOND)),
]

moments = st.sampled_from([NOW + edge for edge in EDGES])
perhaps = st.none() | moments
currencies = st.sampled_from(["USD", "CHF", "JPY", "KWD"])
amounts = st.sampled_from([0, 1, 2, 5, 25_00, 49_48, 49_98, 50_00, 50_01, 50_03, 10**12])
customers = st.builds(
    Customer,
    name=st.sampled_from([None, "", "OKAFOR, ROSA", "{name}", "=HYPERLINK(1)<script>"]),
    phone=st.sampled_from([None, "n/a", "(928) 746-9282", "+49 30 1234567"]),
)
lines = st.builds(
    Line,
    sku=st.sampled_from(["ROSE-12", "CARD", "NEW", None]),
    name=st.sampled_from([None, "Roses", "{0}"]),
    quantity=st.sampled_from([Decimal(1), Decimal(2), Decimal("0.5"), Decimal(0), Decimal(-1)]),
    unit_price=st.sampled_from([None, Decimal("1.005")]),
)
baskets = st.lists(lines, max_size=3).map(tuple)
words = st.sampled_from([None, "", "DHL"])
parcels = st.builds(
    Shipment, id=st.sampled_from(["s1", None]), shipped_at=perhaps, courier=words, tracking_id=words
)
shipments = st.lists(parcels, max_size=2).map(tuple)
queue_facts = st.builds(
    QueueFacts,
    status=st.sampled_from(QueueStatus),
    since=moments,
    overdue=st.booleans(),
    attempts=st.integers(0, 2),
    failure=st.none() | st.sampled_from(FailureCause),
    codes=st.sampled_from([(), ("X-1",), ("{x}", "Y")]),
    vendor_words=st.sampled_from([None, "{0} unknown"]),
    held=st.booleans(),
)


def few(most: int, choices: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw values for at most so many of the keys."""
    one = st.one_of([st.tuples(st.just(key), values) for key, values in choices.items()])
    return st.lists(one, max_size=most).map(dict)


CART = {
    "placed_at": moments,
    "paid_at": perhaps,
    "updated_at": perhaps,
    "edited_at": moments,
    "cancelled_at": moments,
    "currency": currencies,
    "total": amounts,
    "captured": amounts,
    "refunded": amounts,
    "payment_status": st.sampled_from(PaymentStatus),
    "fulfillment_status": st.sampled_from(FulfillmentStatus),
    "archived": st.just(True),
    "test": st.just(True),
    "customer": customers,
    "shipping_method": st.sampled_from([None, "Drone"]),
    "deliver_on": st.sampled_from([date.min, NOW.date(), NOW.date() + timedelta(days=1), date.max]),
    "lines": baskets,
    "shipments": shipments,
}
FACTS = {
    "absence": st.sampled_from(Absence),
    "seen_inside_rule": st.just(True),
    "ticket": st.just(ticket_match()),
    "catalog": st.sampled_from([Catalog(), CATALOG]),
    "queue": queue_facts,
    "handed_over_at": moments,
    "known_paid_at": moments,
    "cart_clock_offset": st.sampled_from([timedelta(minutes=5), -SECOND]),
}
POLICIES = {
    "poll_interval": st.sampled_from([timedelta(minutes=5), timedelta(hours=3)]),
    "push": st.booleans(),
    "download": st.just(DownloadRule()),
    "tolerance_per_line": st.integers(0, 2),
    "location": st.none(),
    "sku_map": st.sampled_from([{"NEW": "CARD"}, {"NEW": "NEWER"}, {"ROSE-12": "CARD"}]),
    "timezone": st.sampled_from(["UTC", "Pacific/Auckland"]),
}
cart_orders: st.SearchStrategy[CartOrder] = few(4, CART).map(lambda changes: cart_order(**changes))
facts = few(2, FACTS)
policies = few(2, POLICIES).map(lambda changes: policy(**changes))


#: Changes to a record. A function is told the record as it was and returns what it becomes.
RECORD = {
    "reference": st.sampled_from(["#1001", "1001-E1", "1001-E2"]),
    "created_at": moments,
    "updated_at": moments,
    "currency": currencies,
    "total": st.sampled_from([lambda r: r.total + 1, lambda r: r.total // 2]) | amounts,
    "source": st.sampled_from(Source),
    "status": st.sampled_from(PosStatus),
    "location": st.sampled_from([None, "north"]),
    "received_at": perhaps,
    "register_known": st.booleans(),
    "lines": st.sampled_from([(), None, lambda r: r.lines and r.lines[:1]]) | baskets,
    "shipments": shipments,
}
#: What else the POS may hold of an order whose first record is given.
COMPANY: list[Callable[[PosOrder], list[PosOrder]]] = [
    lambda first: [first],
    lambda first: [first],
    lambda first: [first, replace(first, pos_id="P2")],
    lambda first: [replace(first, status=PosStatus.VOIDED), replace(first, pos_id="P2", created_at=NOW)],
    lambda first: [first, replace(first, pos_id="P2", reference="1001-E1", created_at=NOW - HOUR)],
    lambda first: [
        replace(first, total=first.total // 2, lines=(first.lines or ())[:1]),
        replace(first, pos_id="P2", total=first.total - first.total // 2, lines=(first.lines or ())[1:]),
    ],
    lambda first: [replace(first, pos_id=f"P{index}", reference=f"1001-E{index}") for index in range(3)],
]
record_changes = few(2, RECORD)
few_cart_changes = few(1, CART)


ABSENT = [row.evidence for row in rows_absent.ROWS]
PRESENT = [row.evidence for row in rows_present.ROWS if row.evidence.records]


@st.composite
def evidences(draw: st.DrawFn, *, absent: bool | None = None) -> Evidence:
    """Draw evidence: half of it with POS records, unless the test wants one kind only.

    Half of it starts from an example of the tables, so that no rule is too rare to be met.
    """
    absent = draw(st.booleans()) if absent is None else absent
    if draw(st.booleans()):
        known = draw(st.sampled_from(ABSENT if absent else PRESENT))
        records = list(known.records)
        cart = replace(known.cart, **draw(few_cart_changes))
    else:
        cart = draw(cart_orders)
        known = Evidence(cart=cart)
        like = pos_order(
            total=cart.total - draw(st.sampled_from([0, 0, cart.refunded])), currency=cart.currency
        )
        first = changed(replace(like, lines=cart.lines), draw(record_changes))
        records = [] if absent else draw(st.sampled_from(COMPANY))(first)
    if records:
        records[-1] = changed(records[-1], draw(record_changes))
    return replace(known, cart=cart, records=tuple(records), **draw(facts))


def changed(record: PosOrder, changes: Mapping[str, Any]) -> PosOrder:
    """Return the record with a few things changed."""
    return replace(record, **{k: v(record) if callable(v) else v for k, v in changes.items()})
