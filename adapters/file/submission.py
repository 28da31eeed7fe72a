"""An order as it is handed to the store: one line in the shape of a POS record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Customer, Line
from reconciler.domain.policy import Policy
from reconciler.ports import Submission


def prepare(order: CartOrder, policy: Policy, key: str) -> Submission:
    """Translate an order to the POS's articles, delivery methods and references; nothing else is added."""
    reference = policy.reference_prefix + order.reference
    body = {
        "reference": reference,
        "key": key,
        "source": "online",
        "placed_at": order.placed_at.isoformat(),
        "location": policy.location,
        "created_by": "reconciler",
        "currency": order.currency,
        **_amounts(order),
        "customer": _customer(order.customer),
        "shipping_method": policy.shipping_map.get(order.shipping_method or "", order.shipping_method),
        "deliver_on": order.deliver_on.isoformat() if order.deliver_on else None,
        "lines": [_line(line, policy) for line in order.lines],
    }
    told = {name: value for name, value in body.items() if value is not None}
    return Submission(reference, key, msgspec.json.encode(told))


def _amounts(order: CartOrder) -> dict[str, str | None]:
    names = ("total", "tax", "shipping", "discount", "tip", "captured", "refunded")
    amounts = {name: getattr(order, name) for name in names}
    return {n: None if a is None else format_minor(a, order.currency) for n, a in amounts.items()}


def _customer(customer: Customer) -> dict[str, str | None]:
    return {"name": customer.name, "phone": customer.phone, "email": customer.email}


def _line(line: Line, policy: Policy) -> dict[str, Any]:
    price = None if line.unit_price is None else f"{line.unit_price:f}"
    sku = policy.sku_map.get(line.sku, line.sku) if line.sku else None
    return {"sku": sku, "name": line.name, "quantity": _units(line.quantity), "unit_price": price}


def _units(quantity: Decimal) -> int | str:
    return int(quantity) if quantity == int(quantity) else f"{quantity:f}"
