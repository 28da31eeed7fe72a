"""Random orders and records: pairs that agree, each with a few fields changed, so that single causes show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from reconciler.domain.orders import (
    CartOrder,
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    PosOrder,
    PosStatus,
    Source,
)
from reconciler.domain.policy import DownloadRule, Policy
from tests.builders import NOW, ago, line, shipment

REFERENCES = ("1", "2", "3", "3-E1", "4", "5", "6", "7")
MOMENTS = tuple(ago(minutes=minutes) for minutes in (1, 5, 119, 121, 1000, 100_000))
TOTALS = (1000, 0, 1, 500, 995, 999, 1001, 1002, 1003, 1005)
LINES = (
    (line("A"),),
    (line("B"),),
    (line("A", "1.0"), line("C", "0")),
    (line("A", "0.5"), line("A", "0.5", name="half")),
    (line("A"), line("B", "2")),
    (line(None, name=" Roses"),),
    (line("", name="roses"), Line(None, None, Decimal(1))),
    (),
)
PARCELS = (
    (),
    (shipment(),),
    (shipment(tracking_id=None),),
    (shipment(), shipment(id="s2", courier="")),
    (shipment(id=None, shipped_at=None),),
)
CUSTOMERS = (
    Customer("Rosa Okafor", "928 746 9282", "rosa@example.test"),
    Customer("okafor, ROSA", "+1 928 746 9282"),
    Customer("Ann", "555"),
    Customer(),
)

#: What may happen to either side of an agreeing pair.
CART_CHANGES: dict[str, tuple[Any, ...]] = {
    "placed_at": MOMENTS,
    "updated_at": (None, *MOMENTS),
    "paid_at": (None, *MOMENTS),
    "currency": ("CHF", "JPY", "HUF"),
    "total": TOTALS,
    "tax": (None, 100),
    "captured": (0, 500, 1000),
    "refunded": (1, 300, 1000),
    "payment_status": tuple(PaymentStatus),
    "fulfillment_status": tuple(FulfillmentStatus),
    "cancelled_at": MOMENTS,
    "edited_at": MOMENTS,
    "archived": (True,),
    "test": (True,),
    "draft": (True,),
    "customer": CUSTOMERS,
    "shipping_method": ("Van",),
    "deliver_on": ((NOW + timedelta(days=1)).date(),),
    "lines": LINES,
    "shipments": PARCELS,
    "vendor_id": ("gid://1",),
}
POS_CHANGES: dict[str, tuple[Any, ...]] = {
    "created_at": MOMENTS,
    "updated_at": (None, *MOMENTS),
    "currency": ("CHF", "JPY"),
    "total": TOTALS,
    "source": tuple(Source),
    "status": tuple(PosStatus),
    "location": (None, "", "other"),
    "received_at": (None,),
    "register_known": (True,),
    "customer": CUSTOMERS,
    "lines": (None, *LINES),
    "shipments": PARCELS,
    "created_by": ("till 1",),
}
NAMES = ("", "", "", " #", "RB-", "X-")


@st.composite
def changed(draw: st.DrawFn, value: Any, changes: dict[str, tuple[Any, ...]]) -> Any:
    """Draw a value that differs in at most two fields."""
    fields = draw(st.lists(st.sampled_from(sorted(changes)), max_size=2, unique=True))
    return replace(value, **{field: draw(st.sampled_from(changes[field])) for field in fields})


def agreeing_cart(reference: str) -> CartOrder:
    """Return a paid order that was shipped."""
    return CartOrder(
        reference=reference,
        placed_at=ago(minutes=1440),
        paid_at=ago(minutes=1440),
        updated_at=ago(minutes=1000),
        currency="USD",
        total=1000,
        payment_status=PaymentStatus.PAID,
        captured=1000,
        fulfillment_status=FulfillmentStatus.FULFILLED,
        lines=LINES[0],
        shipments=PARCELS[1],
        customer=CUSTOMERS[0],
    )


def agreeing_record(pos_id: str, reference: str | None) -> PosOrder:
    """Return its record."""
    return PosOrder(
        pos_id=pos_id,
        reference=reference,
        created_at=ago(minutes=1400),
        updated_at=ago(minutes=1000),
        currency="USD",
        total=1000,
        status=PosStatus.SHIPPED,
        location="main",
        register_known=True,
        received_at=ago(minutes=1399),
        lines=LINES[0],
        shipments=PARCELS[1],
        customer=CUSTOMERS[0],
    )


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[CartOrder], list[PosOrder]]:
    """Draw some orders and their records: most have one, some none, some several or one of another's."""
    names = sorted(draw(st.sets(st.sampled_from(REFERENCES), min_size=5)))
    orders = [draw(changed(agreeing_cart(name), CART_CHANGES)) for name in names]
    records = []
    for name in names:
        for copy in range(draw(st.sampled_from((1, 1, 1, 1, 0, 2)))):
            suffix = draw(st.sampled_from(("", "", "", "-E001"))) if copy else ""
            reference = draw(st.sampled_from(NAMES)) + name + suffix
            record = agreeing_record(f"p{name}-{copy}", reference)
            records.append(draw(changed(record, POS_CHANGES)))
    for number in range(draw(st.integers(0, 2))):
        stray = agreeing_record(f"stray-{number}", draw(st.sampled_from((None, "9", "X-1", ""))))
        records.append(draw(changed(stray, POS_CHANGES)))
    return orders, records


policies = st.builds(
    Policy,
    download=st.sampled_from((DownloadRule(), DownloadRule(frozenset({"paid"}), frozenset({"unfulfilled"})))),
    tolerance_per_line=st.sampled_from((1, 1, 0, 2)),
    location=st.sampled_from(("main", "main", None, "")),
    reference_prefix=st.sampled_from(("", "", "", "RB-")),
    sku_map=st.sampled_from(({}, {}, {"C": "A"}, {"A": "B"})),
    live_from=st.just(NOW),
)
