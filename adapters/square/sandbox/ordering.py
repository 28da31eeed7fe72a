"""Checks an order that a client wants made, and completes it from the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.sandbox import Faults
from adapters.square.sandbox.articles import variation
from adapters.square.sandbox.reckoning import reckon
from adapters.square.sandbox.refusal import RefusedCall, invalid, missing, not_found
from adapters.square.sandbox.store import Row, Store

#: The longest texts that each field takes.
LENGTHS: Final = {"reference_id": 40, "ticket_name": 30, "customer_id": 191}
_QUANTITY: Final = re.compile(r"\d{1,6}(\.\d{1,5})?")
_PERCENTAGE: Final = re.compile(r"\d{1,3}(\.\d{1,6})?")


def build(store: Store, wanted: Any, faults: Faults) -> Row:
    """Return a new order, reckoned and not yet kept; refuse what Square would refuse."""
    if not isinstance(wanted, Mapping):
        raise missing("order")
    order: Row = json.loads(json.dumps(wanted))
    location = store.location(order.get("location_id"), "order.location_id")
    currency = str(location["currency"])
    for name, length in LENGTHS.items():
        if len(str(order.get(name) or "")) > length:
            raise RefusedCall(
                "VALUE_TOO_LONG", f"Field must not be greater than {length} in length", f"order.{name}"
            )
    _set_up(order, faults)
    for place, line in enumerate(order.get("line_items") or []):
        _line(store, line, f"order.line_items[{place}]", order["location_id"], currency)
    for kind in ("taxes", "discounts", "service_charges", "fulfillments"):
        for place, part in enumerate(order.get(kind) or []):
            part.setdefault("uid", store.new_id("uid"))
            _part(store, kind, part, f"order.{kind}[{place}]")
    _fulfillments(order.get("fulfillments") or [])
    reckon(order, currency)
    now = store.now()
    return order | {
        "id": store.new_id("order"),
        "source": {"name": (order.get("source") or {}).get("name") or "Sandbox application"},
        "state": order.get("state") or "OPEN",
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def _set_up(order: Row, faults: Faults) -> None:
    """Refuse an order for how the seller has set things up, where that fault is on."""
    if order.get("taxes") and faults.strike("tax_error"):
        detail = "The location has more than one tax set up: taxes can not be applied to the order."
        raise RefusedCall("INVALID_VALUE", detail, "order.taxes[0]")
    reference, fault = order.get("reference_id"), faults.peek("unknown_item")
    aimed = fault is not None and fault.settings.get("reference", reference) == reference
    struck = faults.strike("unknown_item") if aimed else None
    if struck:
        place = struck.settings.get("line", "0")
        raise not_found("Catalog object not found.", f"order.line_items[{place}].catalog_object_id", 400)


def _line(store: Store, line: Row, place: str, location_id: str, currency: str) -> None:
    line.setdefault("uid", store.new_id("uid"))
    quantity = str(line.get("quantity") or "")
    if not _QUANTITY.fullmatch(quantity):
        raise invalid(f"{place}.quantity", f"`{quantity}` is not a valid quantity.")
    object_id = line.get("catalog_object_id")
    if object_id is None:
        if not line.get("name") or not line.get("base_price_money"):
            raise missing(f"{place}.{'name' if not line.get('name') else 'base_price_money'}")
        price = line["base_price_money"]
    else:
        item, found = variation(store, str(object_id), location_id, f"{place}.catalog_object_id")
        data = found["item_variation_data"]
        line["name"] = item["item_data"].get("name")
        line["variation_name"] = data.get("name")
        line["catalog_version"] = found.get("version", 1)
        price = line.setdefault("base_price_money", data.get("price_money"))
        if not price:
            raise missing(f"{place}.base_price_money")
    if price.get("currency") != currency:
        raise invalid(f"{place}.base_price_money.currency", f"Expected {currency}.", "CURRENCY_MISMATCH")
    for number, modifier in enumerate(line.get("modifiers") or []):
        _modifier(store, modifier, f"{place}.modifiers[{number}]")


def _modifier(store: Store, modifier: Row, place: str) -> None:
    modifier.setdefault("uid", store.new_id("uid"))
    object_id = modifier.get("catalog_object_id")
    if object_id is None:
        return
    found = store.catalog.get(str(object_id))
    if found is None or found.get("type") != "MODIFIER" or found.get("is_deleted"):
        raise not_found(f"Catalog object with ID `{object_id}` not found.", f"{place}.catalog_object_id", 400)
    modifier.setdefault("name", found["modifier_data"].get("name"))
    modifier.setdefault("base_price_money", found["modifier_data"].get("price_money"))


def _part(store: Store, kind: str, part: Row, place: str) -> None:
    object_id = part.get("catalog_object_id")
    if object_id is not None:
        found = store.catalog.get(str(object_id))
        if found is None or found.get("is_deleted"):
            raise not_found(
                f"Catalog object with ID `{object_id}` not found.", f"{place}.catalog_object_id", 400
            )
        data = found.get("tax_data") or found.get("discount_data") or {}
        for name in ("name", "percentage", "amount_money"):
            if data.get(name) is not None:
                part.setdefault(name, data[name])
    rate = part.get("percentage")
    if kind == "taxes" and rate is None:
        raise missing(f"{place}.percentage")
    if rate is not None and not _PERCENTAGE.fullmatch(str(rate)):
        raise invalid(f"{place}.percentage", f"`{rate}` is not a valid percentage.")
    if kind == "service_charges" and not part.get("calculation_phase"):
        raise missing(f"{place}.calculation_phase")
    if part.get("taxable") and part.get("calculation_phase") == "TOTAL_PHASE":
        raise invalid(f"{place}.taxable", "Service charges of the TOTAL_PHASE cannot be taxable.")


def _fulfillments(parts: Sequence[Row]) -> None:
    if len(parts) > 1:
        raise RefusedCall("ARRAY_LENGTH_TOO_LONG", "An order has at most one.", "order.fulfillments")
    for part in parts:
        kind = part.get("type")
        if kind not in {"PICKUP", "SHIPMENT", "DELIVERY"}:
            raise invalid("order.fulfillments[0].type", f"`{kind}` is not a valid enum value.")
        name = f"{kind.lower()}_details"
        details = part.get(name)
        if not details:
            raise missing(f"order.fulfillments[0].{name}")
        _details(kind, details, f"order.fulfillments[0].{name}")
        part.setdefault("state", "PROPOSED")


def _details(kind: str, details: Row, place: str) -> None:
    recipient = details.get("recipient") or {}
    if not recipient.get("display_name") and not recipient.get("customer_id"):
        raise missing(f"{place}.recipient.display_name")
    if kind != "PICKUP" and not recipient.get("address"):
        raise missing(f"{place}.recipient.address")
    phone = recipient.get("phone_number")
    if phone and not re.fullmatch(r"\+?[\d ().-]{7,17}", phone):
        raise RefusedCall(
            "INVALID_PHONE_NUMBER", f"`{phone}` is not valid.", f"{place}.recipient.phone_number"
        )
    if kind == "PICKUP":
        scheduled = details.get("schedule_type", "SCHEDULED") == "SCHEDULED"
        wanted = "pickup_at" if scheduled else "prep_time_duration"
        if not details.get(wanted):
            raise missing(f"{place}.{wanted}")
