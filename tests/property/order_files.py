"""Drawn evidence written as order files, so that the whole program can be asked what the rules were asked."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.domain.evidence import Evidence
from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Line, PosOrder, Shipment
from tests.builders import CATALOG, NOW

CHANNEL_FILE = """
[[merchant]]
code = "drawn"
name = "Drawn by Lot"
timezone = "America/Denver"

  [[merchant.connection]]
  name = "drawn-cart"
  kind = "cart"
  vendor = "file"
  base_url = "cart.jsonl"
  options = { as_of = 2026-11-20T15:00:00Z }

  [[merchant.connection]]
  name = "drawn-pos"
  kind = "pos"
  vendor = "file"
  base_url = "pos.jsonl"
  options = { catalog = "catalog.json", covers_from = 2026-11-01T00:00:00Z, as_of = 2026-11-20T15:00:00Z }

  [[merchant.channel]]
  name = "drawn-web"
  cart = "drawn-cart"
  pos = "drawn-pos"
  location = "main"
  poll_interval = "1h"
  download = { payment = ["paid"], fulfillment = ["unfulfilled"] }
"""


def write(folder: Path, drawn: Iterable[Evidence]) -> None:
    """Write a shop whose orders are the drawn ones, each under a number of its own."""
    carts: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for index, known in enumerate(filter(writable, drawn)):
        number = str(5000 + index)
        carts.append(cart_row(replace(known.cart, reference=number)))
        for place, record in enumerate(known.records):
            reference = (record.reference or "").replace(known.cart.reference, number)
            records.append(pos_row(replace(record, pos_id=f"P{number}-{place}", reference=reference)))
    for name, rows in (("cart", carts), ("pos", records)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    catalog = {"skus": sorted(CATALOG.skus or ()), "shipping_methods": sorted(CATALOG.shipping_methods or ())}
    (folder / "catalog.json").write_text(json.dumps(catalog), "utf-8")
    (folder / "channels.toml").write_text(CHANNEL_FILE, "utf-8")


def writable(known: Evidence) -> bool:
    """Say whether order files can tell it: no drafts, no absurd amounts or days, nothing from the future."""
    cart, baskets = known.cart, [known.cart.lines, *(record.lines or () for record in known.records)]
    totals = [cart.total, *(record.total for record in known.records)]
    sane = all(0 <= total < 10**11 for total in totals)
    usual = all(line.quantity > 0 for basket in baskets for line in basket)
    due = cart.deliver_on is None or 2000 < cart.deliver_on.year < 2100
    past = cart.placed_at <= NOW and (cart.paid_at or NOW) <= NOW
    # What a person linked by hand has no reference.
    named = all(record.reference for record in known.records)
    return sane and usual and due and past and named and not cart.draft


def cart_row(order: CartOrder) -> dict[str, Any]:
    """Write a cart's order."""
    return {
        "reference": f"#{order.reference}",
        "placed_at": order.placed_at.isoformat(),
        "paid_at": moment(order.paid_at),
        "updated_at": moment(order.updated_at),
        "edited_at": moment(order.edited_at),
        "cancelled_at": moment(order.cancelled_at),
        "captured": format_minor(order.captured, order.currency),
        "refunded": format_minor(order.refunded, order.currency),
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "archived": order.archived,
        "test": order.test,
        "shipping_method": order.shipping_method,
        "deliver_on": order.deliver_on.isoformat() if order.deliver_on else None,
        **both(order),
    }


def pos_row(record: PosOrder) -> dict[str, Any]:
    """Write a POS's record; only a POS that can tell says when a register fetched it."""
    received = {"received_at": moment(record.received_at)} if record.register_known else {}
    return {
        "pos_id": record.pos_id,
        "reference": record.reference,
        "source": record.source,
        "created_at": record.created_at.isoformat(),
        "updated_at": moment(record.updated_at),
        "status": record.status,
        "location": record.location,
        **received,
        **both(record),
    }


def both(order: CartOrder | PosOrder) -> dict[str, Any]:
    """Write what both sides tell alike. No customer: who ordered is not what these files are about."""
    lines = None if order.lines is None else [line_row(line) for line in order.lines]
    return {
        "currency": order.currency,
        "total": format_minor(order.total, order.currency),
        "customer": {"name": None, "phone": None, "email": None},
        "lines": lines,
        "shipments": [shipment_row(parcel) for parcel in order.shipments],
    }


def line_row(line: Line) -> dict[str, Any]:
    """Write a position."""
    price = None if line.unit_price is None else str(line.unit_price)
    return {"sku": line.sku, "name": line.name, "quantity": str(line.quantity), "unit_price": price}


def shipment_row(parcel: Shipment) -> dict[str, Any]:
    """Write a parcel."""
    told = {"id": parcel.id, "courier": parcel.courier, "tracking_id": parcel.tracking_id}
    return {**told, "shipped_at": moment(parcel.shipped_at)}


def moment(at: datetime | None) -> str | None:
    """Write a time."""
    return at.isoformat() if at else None
