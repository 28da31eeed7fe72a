"""A cart order as Square takes it: the order, and the payment that the shop has already received."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.http import clip
from adapters.square.account import Account
from adapters.square.amounts import Amounts, UnpayableError, amounts, unit_price
from adapters.square.catalog import SquareCatalog, Variation
from adapters.square.options import SquareOptions
from adapters.square.plan import Plan, Refusal, encode
from adapters.square.translate import OURS
from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import CartOrder, Line
from reconciler.domain.policy import Policy
from reconciler.ports import Submission

#: What Square allows for each.
REFERENCE, TICKET, ORDER_KEY, PAYMENT_KEY, QUANTITY, NOTE = 40, 30, 192, 45, 12, 500
#: How long staff need when nobody named a day.
PREPARATION: Final = "PT30M"
NOON: Final = time(12)
_E164: Final = re.compile(r"\+[1-9]\d{7,14}")


@dataclass(frozen=True, slots=True)
class Counter:
    """What is known of the account an order goes to."""

    catalog: SquareCatalog
    account: Account
    options: SquareOptions


class UnsendableError(ValueError):
    """Square could not take the order as it is."""

    def __init__(self, cause: FailureCause, words: str, codes: list[str] | None = None) -> None:
        super().__init__(words)
        self.refusal = Refusal(cause.value, words, codes or [])


def prepare(order: CartOrder, policy: Policy, key: str, counter: Counter) -> Submission:
    """Return the bytes of both requests, or of the reason why neither is sent; no I/O."""
    reference = policy.reference_prefix + order.reference
    try:
        plan = _plan(order, policy, key, counter)
    except UnpayableError as error:
        cause = FailureCause.TAX_SETUP if error.about_tax else FailureCause.REJECTED
        plan = Plan(refusal=Refusal(cause.value, str(error), ["AMOUNTS"]))
    except UnsendableError as error:
        plan = Plan(refusal=error.refusal)
    return Submission(reference, key, encode(plan))


def _plan(order: CartOrder, policy: Policy, key: str, counter: Counter) -> Plan:
    reference = policy.reference_prefix + order.reference
    location = _location(order, policy, counter)
    if len(reference) > REFERENCE:
        raise _rejected(
            f"its number is longer than the {REFERENCE} characters that Square keeps", "REFERENCE"
        )
    if order.refunded:
        raise _rejected("it was refunded in part, and which goods are left is not known", "REFUNDED")
    if not order.lines:
        raise _rejected("it has no lines", "NO_LINES")
    variations = _variations(order, policy, counter.catalog, location)
    parts = amounts(order, _prices(order, variations))
    request = {
        "idempotency_key": _fitting(key, ORDER_KEY),
        "order": _order(order, policy, parts, variations)
        | {
            "location_id": location,
            "reference_id": reference,
            "ticket_name": reference[-TICKET:],
            "source": {"name": counter.options.source_name},
            "metadata": {OURS: _fitting(key, ORDER_KEY)},
        },
    }
    free = order.total == 0
    payment = (
        _settling(key)
        if free
        else _payment(order, key, parts, counter.options)
        | {
            "location_id": location,
            "reference_id": reference,
        }
    )
    skus = [_pos_sku(line, policy) for line in order.lines]
    return Plan(order=request, payment=payment, free=free, skus=skus, total=order.total - parts.tip)


def _location(order: CartOrder, policy: Policy, counter: Counter) -> str:
    named = counter.options.location_ids
    location = policy.location or (named[0] if len(named) == 1 else "")
    if not location:
        raise _rejected("the channel does not say to which location orders go: set its location", "LOCATION")
    currency = counter.account.currency(location)
    if currency == "":
        raise _rejected(f"the account has no location {location}", "LOCATION")
    if currency and currency != order.currency:
        raise _rejected(f"location {location} sells in {currency}, not in {order.currency}", "CURRENCY")
    return location


def _variations(order: CartOrder, policy: Policy, catalog: SquareCatalog, location: str) -> list[Variation]:
    found = [(line, catalog.at(location, _pos_sku(line, policy)) if line.sku else []) for line in order.lines]
    unknown = [_pos_sku(line, policy) for line, variations in found if not variations]
    if unknown:
        codes = sorted(set(unknown))
        words = f"location {location} does not sell: {', '.join(codes)}"
        raise UnsendableError(FailureCause.UNMAPPED_SKU, words, codes)
    several = sorted({_pos_sku(line, policy) for line, variations in found if len(variations) > 1})
    if several:
        words = f"location {location} sells several articles under one SKU: {', '.join(several)}"
        raise UnsendableError(FailureCause.MENU_SETUP, words, several)
    return [variations[0] for _, variations in found]


def _pos_sku(line: Line, policy: Policy) -> str:
    if not line.sku:
        return f"(no SKU) {line.name or ''}".strip()
    return policy.sku_map.get(line.sku, line.sku)


def _prices(order: CartOrder, variations: list[Variation]) -> tuple[int, ...]:
    prices = []
    for line, variation in zip(order.lines, variations, strict=True):
        told = unit_price(line, order.currency)
        price = variation.price if told is None else told
        if price is None:
            raise _rejected(f"neither the shop nor Square tells the price of {line.sku}", "PRICE")
        prices.append(price)
    return tuple(prices)


def _order(order: CartOrder, policy: Policy, parts: Amounts, variations: list[Variation]) -> dict[str, Any]:
    """Return the goods and charges, without what names the order."""
    request: dict[str, Any] = {
        "line_items": [
            {
                "catalog_object_id": variation.id,
                "quantity": _quantity(line.quantity),
                "base_price_money": _money(price, order.currency),
            }
            for line, variation, price in zip(order.lines, variations, parts.prices, strict=True)
        ],
        # What the customer paid was reckoned by the shop: Square is to add nothing of its own.
        "pricing_options": {"auto_apply_discounts": False, "auto_apply_taxes": False},
        "fulfillments": [_fulfillment(order, policy)],
    }
    if parts.tax:
        kind = "INCLUSIVE" if parts.tax.inclusive else "ADDITIVE"
        tax = {"uid": "tax", "name": "Tax", "type": kind, "scope": "ORDER"}
        request["taxes"] = [tax | {"percentage": parts.tax.percentage}]
    if parts.discount:
        amount = _money(parts.discount, order.currency)
        discount = {"uid": "discount", "name": "Discount", "type": "FIXED_AMOUNT", "scope": "ORDER"}
        request["discounts"] = [discount | {"amount_money": amount}]
    if parts.shipping:
        method = policy.shipping_map.get(order.shipping_method or "", order.shipping_method) or "Shipping"
        charge = {"uid": "shipping", "name": clip(method, 255), "calculation_phase": "TOTAL_PHASE"}
        amount = _money(parts.shipping, order.currency)
        request["service_charges"] = [charge | {"amount_money": amount, "taxable": False}]
    return request


def _fulfillment(order: CartOrder, policy: Policy) -> dict[str, Any]:
    """Return what puts the order before staff.

    A pickup, whatever the method: for a delivery Square wants an address, which is not ours to spread. The
    note says how it goes out. No e-mail address either: Square would write to it.
    """
    phone = "".join((order.customer.phone or "").split())
    dialled = _E164.fullmatch(phone) is not None
    note = [order.shipping_method or "", f"order {order.reference} of the online shop"]
    note += [f"due {order.deliver_on.isoformat()}"] if order.deliver_on else []
    note += [f"phone {order.customer.phone}"] if phone and not dialled else []
    recipient = {"display_name": clip(order.customer.name or f"Order {order.reference}", 250)}
    details: dict[str, Any] = {
        "recipient": recipient | ({"phone_number": phone} if dialled else {}),
        "note": clip("; ".join(filter(None, note)), NOTE - 3),
    }
    return {
        "uid": "pickup",
        "type": "PICKUP",
        "state": "PROPOSED",
        "pickup_details": details | _when(order, policy),
    }


def _when(order: CartOrder, policy: Policy) -> dict[str, str]:
    zone = ZoneInfo(policy.timezone)
    if order.deliver_on is None or order.deliver_on <= order.placed_at.astimezone(zone).date():
        return {"schedule_type": "ASAP", "prep_time_duration": PREPARATION}
    noon = datetime.combine(order.deliver_on, NOON, zone).astimezone(UTC)
    return {"schedule_type": "SCHEDULED", "pickup_at": noon.isoformat().replace("+00:00", "Z")}


def _payment(order: CartOrder, key: str, parts: Amounts, options: SquareOptions) -> dict[str, Any]:
    """Return the payment that the shop has already received. Whatever it cost the shop is not told."""
    tip = {"tip_money": _money(parts.tip, order.currency)} if parts.tip else {}
    return {
        "source_id": "EXTERNAL",
        "idempotency_key": _fitting(f"{key}-pay", PAYMENT_KEY),
        "amount_money": _money(order.total - parts.tip, order.currency),
        **tip,
        "external_details": {
            "type": "OTHER",
            "source": options.source_name,
            "source_id": order.reference[:255],
        },
    }


def _settling(key: str) -> dict[str, Any]:
    return {"idempotency_key": _fitting(f"{key}-pay", ORDER_KEY), "payment_ids": []}


def _fitting(key: str, length: int) -> str:
    """Return a key as it is, or always the same shorter one for it."""
    plain = key.isascii() and key.isprintable()
    return key if plain and len(key) <= length else sha256(key.encode()).hexdigest()[: min(length, 40)]


def _quantity(quantity: Decimal) -> str:
    text = f"{quantity.normalize():f}"
    if quantity <= 0 or len(text) > QUANTITY or -int(quantity.normalize().as_tuple().exponent) > 5:
        raise _rejected(f"Square cannot take the quantity {text[:40]}", "QUANTITY")
    return text


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _rejected(words: str, code: str) -> UnsendableError:
    return UnsendableError(FailureCause.REJECTED, words, [code])
