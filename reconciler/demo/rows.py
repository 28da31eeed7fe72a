"""Domain orders as rows of order files: money as decimal text, times with an offset, decorated numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Customer, Line, PosOrder, Shipment

AMOUNTS: Final = ("total", "tax", "shipping", "discount", "tip")
MONEY: Final = (*AMOUNTS, "captured", "refunded")
#: The columns of a CSV of cart orders; what is nested is JSON, but for the customer.
CART_COLUMNS: Final = (
    "reference", "placed_at", "updated_at", "paid_at", "currency", *MONEY,
    "payment_status", "fulfillment_status", "cancelled_at", "edited_at", "archived", "test",
    "customer.name", "customer.phone", "customer.email", "shipping_method", "deliver_on", "lines",
    "shipments",
)  # fmt: skip


def cart_row(order: CartOrder, style: str, zone: tzinfo) -> dict[str, Any]:
    """Return a cart order as its file writes it."""
    money = {name: _amount(getattr(order, name), order.currency) for name in MONEY}
    times = ("placed_at", "updated_at", "paid_at", "cancelled_at", "edited_at")
    return {
        "reference": style.format(order.reference),
        **{name: _time(getattr(order, name), zone) for name in times},
        "currency": order.currency,
        **money,
        "payment_status": str(order.payment_status),
        "fulfillment_status": str(order.fulfillment_status),
        "archived": order.archived,
        "test": order.test,
        "customer": _customer(order.customer),
        "shipping_method": order.shipping_method,
        "deliver_on": order.deliver_on.isoformat() if order.deliver_on else None,
        "lines": [_line(line) for line in order.lines],
        "shipments": [_shipment(parcel, zone) for parcel in order.shipments],
    }


def pos_row(record: PosOrder, style: str, zone: tzinfo) -> dict[str, Any]:
    """Return a POS record as its file writes it."""
    row: dict[str, Any] = {
        "pos_id": record.pos_id,
        "reference": style.format(record.reference) if record.reference else None,
        "source": str(record.source),
        "created_at": _time(record.created_at, zone),
        "updated_at": _time(record.updated_at, zone),
        "status": str(record.status),
        "location": record.location,
        "created_by": record.created_by,
        "currency": record.currency,
        **{name: _amount(getattr(record, name), record.currency) for name in AMOUNTS},
        "customer": _customer(record.customer),
        "lines": None if record.lines is None else [_line(line) for line in record.lines],
        "shipments": [_shipment(parcel, zone) for parcel in record.shipments],
    }
    # Null says that no register has fetched it; an absent key, that the POS cannot tell.
    return row | ({"received_at": _time(record.received_at, zone)} if record.register_known else {})


def csv_cells(row: Mapping[str, Any]) -> list[str]:
    """Return a cart row as the cells of ``CART_COLUMNS``."""
    flat = {**row, **{f"customer.{key}": value for key, value in row["customer"].items()}}
    return [_cell(flat[name]) for name in CART_COLUMNS]


def json_line(row: Mapping[str, Any]) -> str:
    """Return a row as one line of JSON, its end included."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def _amount(minor: int | None, currency: str) -> str | None:
    return None if minor is None else format_minor(minor, currency)


def _time(moment: datetime | None, zone: tzinfo) -> str | None:
    return moment.astimezone(zone).isoformat() if moment else None


def _customer(customer: Customer) -> dict[str, str | None]:
    return {"name": customer.name, "phone": customer.phone, "email": customer.email}


def _line(line: Line) -> dict[str, object]:
    price = None if line.unit_price is None else str(line.unit_price)
    return {"sku": line.sku, "name": line.name, "quantity": int(line.quantity), "unit_price": price}


def _shipment(parcel: Shipment, zone: tzinfo) -> dict[str, str | None]:
    shipped_at = _time(parcel.shipped_at, zone)
    return {
        "id": parcel.id,
        "shipped_at": shipped_at,
        "courier": parcel.courier,
        "tracking_id": parcel.tracking_id,
    }
