"""Orders, records, evidence and policies for tests: quiet defaults, one keyword for what a test is about.

The defaults agree: a paid florist's order of a day ago, and a POS record that shows it in full.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from reconciler.domain.evidence import Catalog, Evidence, QueueFacts
from reconciler.domain.matching import TicketMatch
from reconciler.domain.orders import (
    PAID,
    CartOrder,
    Customer,
    Line,
    PaymentStatus,
    PosOrder,
    Shipment,
    Source,
)
from reconciler.domain.policy import DownloadRule, Policy
from reconciler.domain.queue import QueueStatus

#: The moment at which tests judge: a Friday, eight in the morning in Denver.
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CUSTOMER = Customer(name="Rosa Okafor", phone="928 746 9282", email="rosa@example.test")


def ago(**span: float) -> datetime:
    """Return the moment that lies ``span`` before NOW: ``ago(hours=2)``."""
    return NOW - timedelta(**span)


def line(sku: str | None = "ROSE-12", quantity: str = "1", price: str = "20.00", name: str = "") -> Line:
    """Return one position of an order."""
    return Line(sku, name or sku, Decimal(quantity), Decimal(price))


LINES = (line("ROSE-12", "2", "20.00"), line("CARD", "1", "5.00"))


def cart_order(**changes: Any) -> CartOrder:
    """Return a paid order of 50.00 USD, placed a day ago; what was captured follows from its status."""
    order = CartOrder(
        reference="1001",
        placed_at=ago(hours=24),
        paid_at=ago(hours=24, minutes=-1),
        currency="USD",
        total=50_00,
        tax=5_00,
        shipping=0,
        discount=0,
        tip=0,
        payment_status=PaymentStatus.PAID,
        captured=-1,
        customer=CUSTOMER,
        shipping_method="Local delivery",
        lines=LINES,
    )
    order = replace(order, **changes)
    if "captured" not in changes:
        came = order.payment_status in PAID or order.payment_status is PaymentStatus.REFUNDED
        order = replace(order, captured=order.total if came else 0)
    if "refunded" not in changes and order.payment_status is PaymentStatus.REFUNDED:
        order = replace(order, refunded=order.captured)
    return order


def pos_order(**changes: Any) -> PosOrder:
    """Return the POS's record of that order, made half an hour after it and fetched by a register."""
    record = PosOrder(
        pos_id="P1",
        reference="1001",
        created_at=ago(hours=23, minutes=30),
        currency="USD",
        total=50_00,
        tax=5_00,
        shipping=0,
        discount=0,
        tip=0,
        location="main",
        register_known=True,
        received_at=ago(hours=23, minutes=29),
        customer=CUSTOMER,
        lines=LINES,
    )
    return replace(record, **changes)


def ticket(**changes: Any) -> PosOrder:
    """Return an in-store sale without a reference that shows the same order, keyed in by hand."""
    keyed: dict[str, Any] = {"pos_id": "T1", "reference": None, "source": Source.IN_STORE}
    return pos_order(**keyed | changes)


def ticket_match(**changes: Any) -> TicketMatch:
    """Return what the scoring says of that ticket."""
    match = TicketMatch(
        pos_id="T1",
        created_at=ago(hours=23, minutes=30),
        score=100,
        agrees=("phone", "name", "lines", "time"),
        differs=(),
    )
    return replace(match, **changes)


def shipment(**changes: Any) -> Shipment:
    """Return a parcel that left eight hours ago and can be followed."""
    parcel = Shipment(id="s1", shipped_at=ago(hours=8), courier="DHL", tracking_id="JD01")
    return replace(parcel, **changes)


def queue_facts(**changes: Any) -> QueueFacts:
    """Return an entry that waits for a worker since ten seconds."""
    return replace(QueueFacts(status=QueueStatus.CREATED, since=ago(seconds=10)), **changes)


def evidence(*records: PosOrder, cart: CartOrder | None = None, **changes: Any) -> Evidence:
    """Return what is known of an order: POS records as positions, none meaning that it is proven absent.

    Keywords that are not the evidence's own go to ``cart_order``: ``evidence(total=0)``.
    """
    own = {name: changes.pop(name) for name in tuple(changes) if name in Evidence.__slots__}
    return Evidence(cart=cart or cart_order(**changes), records=records, **own)


def policy(**changes: Any) -> Policy:
    """Return the policy of an hourly channel (G is two hours) that takes paid and unfulfilled orders."""
    quiet = Policy(
        download=DownloadRule(frozenset({"paid"}), frozenset({"unfulfilled"})),
        location="main",
        timezone="America/Denver",
    )
    return replace(quiet, **changes)


#: The defaults, for tests that change nothing. G is the grace of that policy.
POLICY = policy()
G = POLICY.grace
CATALOG = Catalog(frozenset({"ROSE-12", "CARD"}), frozenset({"Local delivery"}))
