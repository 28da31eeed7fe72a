"""Square's orders in our words: status, money, lines and where they came from."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.square.payload import UntranslatableError, order_of
from adapters.square.translate import amount_due, is_half_made, translate
from reconciler.domain.orders import PosOrder, PosStatus, Source
from tests.unit.adapters_square.store import usd

AT = "2026-11-20T15:00:00.123Z"


def payload(**fields: Any) -> dict[str, Any]:
    """Return an order of a shop: open, paid, with one line of 20.00."""
    quiet = {
        "id": "O1",
        "location_id": "L1",
        "state": "OPEN",
        "reference_id": "1001",
        "source": {"name": "Web shop"},
        "created_at": AT,
        "updated_at": AT,
        "line_items": [{"quantity": "1", "name": "Roses", "base_price_money": usd(20_00)}],
        "total_money": usd(20_00),
        "net_amount_due_money": usd(0),
    }
    return {name: value for name, value in (quiet | fields).items() if value is not None}


def record(skus: dict[str, str] | None = None, refunded: int = 0, **fields: Any) -> PosOrder:
    """Translate that order."""
    return translate(order_of(payload(**fields)), skus or {}, refunded)


def parts(*states: str, kind: str = "PICKUP") -> list[dict[str, Any]]:
    """Return fulfilments in these states."""
    return [{"uid": f"f{n}", "type": kind, "state": state} for n, state in enumerate(states)]


STATES: list[tuple[dict[str, Any], PosStatus]] = [
    ({}, PosStatus.OPEN),
    ({"state": "CANCELED"}, PosStatus.VOIDED),
    ({"state": "CANCELED", "fulfillments": parts("COMPLETED")}, PosStatus.VOIDED),
    ({"state": "COMPLETED"}, PosStatus.COMPLETED),
    ({"state": "COMPLETED", "fulfillments": parts("COMPLETED")}, PosStatus.COMPLETED),
    ({"state": "COMPLETED", "fulfillments": parts("COMPLETED", kind="SHIPMENT")}, PosStatus.SHIPPED),
    ({"state": "COMPLETED", "fulfillments": parts("COMPLETED", kind="DELIVERY")}, PosStatus.COMPLETED),
    ({"fulfillments": parts("PROPOSED")}, PosStatus.OPEN),
    ({"fulfillments": parts("RESERVED")}, PosStatus.IN_PROGRESS),
    ({"fulfillments": parts("PREPARED")}, PosStatus.READY),
    ({"fulfillments": parts("COMPLETED", kind="SHIPMENT")}, PosStatus.SHIPPED),
    ({"fulfillments": parts("COMPLETED", "PREPARED", kind="SHIPMENT")}, PosStatus.READY),
    ({"fulfillments": parts("COMPLETED", "CANCELED", kind="SHIPMENT")}, PosStatus.SHIPPED),
    ({"fulfillments": parts("CANCELED")}, PosStatus.VOIDED),
    ({"fulfillments": parts("FAILED")}, PosStatus.ATTENTION_REQUIRED),
    ({"fulfillments": parts("SOMETHING_NEW")}, PosStatus.OPEN),
    ({"net_amount_due_money": usd(1)}, PosStatus.ATTENTION_REQUIRED),
    ({"net_amount_due_money": usd(1), "reference_id": None, "source": None}, PosStatus.OPEN),
]


@pytest.mark.parametrize(("fields", "status"), STATES)
def test_every_state_has_its_status(fields, status):
    """What counts is the slowest part that is still wanted; an unpaid online order no till shows."""
    assert record(**fields).status is status


def test_an_order_that_is_paid_and_open_owes_nothing():
    """``state`` stays OPEN until the goods are handed over: only the amount due tells."""
    assert amount_due(order_of(payload())) == 0
    assert (
        amount_due(order_of(payload(net_amount_due_money=None, tenders=[{"amount_money": usd(20_00)}]))) == 0
    )
    assert amount_due(order_of(payload(net_amount_due_money=None))) == 20_00


def test_an_order_of_ours_without_its_payment_is_half_made():
    """Only ours: what others leave unpaid is for staff to look at."""
    unpaid = {"net_amount_due_money": usd(20_00), "metadata": {"reconciler": "key"}}
    assert is_half_made(order_of(payload(**unpaid)))
    assert not is_half_made(order_of(payload(**unpaid | {"metadata": None})))
    assert not is_half_made(order_of(payload(**unpaid | {"state": "CANCELED"})))
    assert not is_half_made(order_of(payload(**unpaid | {"net_amount_due_money": usd(0)})))


def test_the_reference_is_the_shops_number_and_nothing_else_is():
    """A ticket name is a table or a first name."""
    assert record(reference_id=" #1001 ").reference == "1001"
    assert record(reference_id=None, ticket_name="1001").reference is None


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({}, Source.ONLINE),
        ({"source": {}}, Source.ONLINE),
        ({"source": None, "reference_id": None}, Source.IN_STORE),
        ({"source": {}, "reference_id": None}, Source.IN_STORE),
        ({"source": {"name": "Kiosk"}, "reference_id": None}, Source.ONLINE),
    ],
)
def test_the_till_names_no_source(fields, source):
    """Square's own till leaves it out or empty; whoever names one, or a number, is from outside."""
    assert record(**fields).source is source


def test_money_is_what_square_says_part_by_part():
    """Tax, discount and tip by name; a service charge is shipping, a gratuity is a tip."""
    got = record(
        total_tax_money=usd(150),
        total_discount_money=usd(100),
        total_tip_money=usd(300),
        service_charges=[
            {"name": "Shipping", "amount_money": usd(600), "applied_money": usd(600)},
            {"name": "Gratuity", "type": "AUTO_GRATUITY", "applied_money": usd(50)},
        ],
    )
    assert (got.tax, got.discount, got.tip, got.shipping) == (150, 100, 350, 600)


def test_a_delivery_charge_among_the_lines_is_shipping():
    """Some integrations add it as an article without a number; it is none of the goods."""
    charge = {"quantity": "1", "name": "Delivery", "base_price_money": usd(350)}
    roses = {"quantity": "1", "name": "Delivery roses", "base_price_money": usd(20_00)}
    got = record(line_items=[roses, charge])
    assert [line.name for line in got.lines or ()] == ["Delivery roses"]
    assert got.shipping == 350


def test_money_that_went_back_is_taken_off():
    """Square leaves a sale as it was: the refunds of its payments are told beside it."""
    assert record(refunded=500).total == 15_00
    own = [{"status": "APPROVED", "amount_money": usd(700)}, {"status": "FAILED", "amount_money": usd(900)}]
    assert record(refunds=own).total == 13_00
    assert record(refunds=own, refunded=700).total == 13_00


def test_what_an_exchange_took_back_belongs_to_another_sale():
    """Its own total stays what it sold."""
    returns = [{"source_order_id": "O0", "return_amounts": {"total_money": usd(900)}}]
    refunds = [{"status": "APPROVED", "amount_money": usd(900)}]
    assert record(returns=returns, refunds=refunds).total == 20_00
    own = [{"source_order_id": "O1", "return_amounts": {"total_money": usd(900)}}]
    assert record(returns=own).total == 11_00


def test_a_line_is_known_by_the_sku_of_its_variation():
    """An order tells ids only; a custom amount has none."""
    items = [
        {"quantity": "2", "name": "Roses", "catalog_object_id": "V1", "base_price_money": usd(20_00)},
        {"quantity": "0.5", "name": "Moss", "base_price_money": usd(99)},
    ]
    lines = record({"V1": "ROSE-12"}, line_items=items).lines or ()
    assert [(line.sku, line.quantity) for line in lines] == [("ROSE-12", Decimal(2)), (None, Decimal("0.5"))]


def test_modifiers_are_part_of_the_unit_price():
    """Free text without a price among them, and one taken twice."""
    modifiers = [
        {"name": "Ribbon", "base_price_money": usd(50), "quantity": "2"},
        {"name": "Name: Rosa"},
    ]
    item = {"quantity": "3", "base_price_money": usd(20_00), "modifiers": modifiers}
    (line,) = record(line_items=[item]).lines or ()
    assert line.unit_price == Decimal("21.00")


def test_currencies_without_or_with_three_decimals_keep_them():
    """Yen have none."""
    yen = {"amount": 4585, "currency": "JPY"}
    item = {"quantity": "1", "base_price_money": yen}
    got = record(total_money=yen, line_items=[item])
    assert (got.total, (got.lines or ())[0].unit_price) == (4585, Decimal(4585))


def test_the_recipient_is_the_customer():
    """Whichever fulfilment names one."""
    who = {"display_name": "Rosa Okafor", "phone_number": "+19287469282"}
    part = {"type": "PICKUP", "state": "PROPOSED", "pickup_details": {"recipient": who}}
    customer = record(fulfillments=[{"type": "PICKUP", "state": "PROPOSED"}, part]).customer
    assert (customer.name, customer.phone, customer.email) == ("Rosa Okafor", "+19287469282", None)


def test_a_parcel_has_its_courier_and_number():
    """Only what has left, or can be followed, is a parcel."""
    sent = {"shipped_at": AT, "carrier": "DHL", "tracking_number": "JD01"}
    parcels = record(
        fulfillments=[
            {"uid": "p1", "type": "SHIPMENT", "state": "COMPLETED", "shipment_details": sent},
            {"uid": "p2", "type": "SHIPMENT", "state": "PROPOSED", "shipment_details": {}},
        ]
    ).shipments
    assert [(p.id, p.courier, p.tracking_id, bool(p.shipped_at)) for p in parcels] == [
        ("p1", "DHL", "JD01", True)
    ]


def test_times_are_utc_however_they_are_written():
    """Offsets, and the nanoseconds that events have."""
    assert record(created_at="2026-11-20T08:00:00-07:00").created_at == datetime(2026, 11, 20, 15, tzinfo=UTC)
    got = record(created_at="2026-11-20T15:00:00.742119031Z").created_at
    assert got == datetime(2026, 11, 20, 15, 0, 0, 742119, tzinfo=UTC)


BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"id": ""}, "id is missing"),
    ({"id": 5}, "Expected `str`, got `int` - at `$.id`"),
    ({"created_at": None}, "created_at is missing"),
    ({"created_at": "yesterday"}, "created_at is not a time"),
    ({"created_at": "2026-11-20T15:00:00"}, "created_at has no offset"),
    ({"created_at": "0001-01-01T00:00:00+23:59"}, "created_at is not a time"),
    ({"updated_at": "now"}, "updated_at is not a time"),
    ({"state": "LOST"}, "its state is none that Square describes"),
    ({"state": None}, "its state is none that Square describes"),
    ({"total_money": None}, "total_money is missing"),
    ({"total_money": {"amount": None, "currency": "USD"}}, "total_money is missing"),
    ({"total_money": {"amount": 1}}, "total_money has no currency of three letters"),
    ({"total_money": usd(10**18)}, "an amount is too large"),
    ({"line_items": [{"quantity": "a few"}]}, "a line item's quantity is not a number"),
    ({"line_items": [{"name": "Roses"}]}, "missing required field `quantity`"),
    ({"line_items": "none"}, "Expected `array | null`, got `str`"),
    ({"reference_id": "9" * 300}, "reference_id is no name"),
    ({"reference_id": "10\x0001"}, "reference_id is no name"),
]


@pytest.mark.parametrize(("fields", "reason"), BROKEN, ids=range(len(BROKEN)))
def test_what_cannot_be_understood_says_which_field_is_wrong(fields, reason):
    """And repeats nothing of what the field held."""
    with pytest.raises(UntranslatableError, match=re.escape(reason)):
        record(**fields)


texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([*payload(), "fulfillments", "tenders", "refunds", "returns", "service_charges"]), values
)
def test_no_value_of_any_field_is_a_crash(field, value):
    """Whatever a field holds, the order is translated or says why not."""
    with suppress(UntranslatableError):
        assert translate(order_of(payload() | {field: value}), {}).pos_id
