"""Orders for a shop that nobody has: whole, in the shape of the API, connections as plain lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from adapters.shopify.sandbox.store import Row, stamp

CURRENCY: Final = "USD"
#: What the shop sells: SKU, name, price.
GOODS: Final = (
    ("ROSE-12", "Dozen roses", Decimal("49.20")),
    ("TULIP-20", "Twenty tulips", Decimal("24.00")),
    ("LILY-06", "Six lilies", Decimal("31.50")),
    ("VASE-S", "Small vase", Decimal("12.90")),
    (None, "Hand-written card", Decimal("3.00")),
)
BUYERS: Final = ("Bea Sample", "Ned O'Hara", "José Peña", "Ida Björk", "Lu Wei")


def bag(amount: Decimal | str, currency: str = CURRENCY) -> dict[str, Any]:
    """Return an amount as Shopify writes it: a decimal that drops its last zeros."""
    text = f"{Decimal(amount).normalize():f}"
    money = {"amount": text if "." in text else f"{text}.0", "currencyCode": currency}
    return {"shopMoney": money, "presentmentMoney": dict(money)}


def line(
    gid: int, sku: str | None, name: str, price: Decimal | str, quantity: int = 1, current: int | None = None
) -> Row:
    """Return a line of an order."""
    return {
        "id": f"gid://shopify/LineItem/{gid}",
        "sku": sku,
        "title": name,
        "name": name,
        "quantity": quantity,
        "currentQuantity": quantity if current is None else current,
        "originalUnitPriceSet": bag(price),
        "discountedUnitPriceSet": bag(price),
    }


def payment(kind: str, amount: Decimal | str, at: datetime, status: str = "SUCCESS") -> Row:
    """Return a movement of money."""
    return {
        "id": f"gid://shopify/OrderTransaction/{int(at.timestamp())}",
        "kind": kind,
        "status": status,
        "gateway": "shopify_payments",
        "createdAt": stamp(at),
        "processedAt": stamp(at),
        "amountSet": bag(amount),
    }


def order(number: int, at: datetime, lines: Sequence[Row] | None = None, **changes: Any) -> Row:
    """Return a paid order of the given number; ``changes`` replace what it says by default."""
    lines = lines or [line(number * 100, "ROSE-12", "Dozen roses", "49.20")]
    total = sum(
        (Decimal(row["originalUnitPriceSet"]["shopMoney"]["amount"]) * row["quantity"] for row in lines),
        Decimal(0),
    )
    row: Row = {
        "__typename": "Order",
        "id": f"gid://shopify/Order/{550_000_000_000 + number}",
        "name": f"#{number}",
        "createdAt": stamp(at),
        "processedAt": stamp(at),
        "updatedAt": stamp(at),
        "cancelledAt": None,
        "closedAt": None,
        "test": False,
        "edited": False,
        "currencyCode": CURRENCY,
        "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED",
        "sourceName": "web",
        "tags": [],
        **_money(total),
        **_buyer(BUYERS[number % len(BUYERS)]),
        "shippingLine": {"title": "Local delivery", "code": "local"},
        "customAttributes": [],
        "transactions": [payment("SALE", total, at)],
        "refunds": [],
        "fulfillments": [],
        "agreements": [_agreement("Order", "ORDER", at)],
        "lineItems": list(lines),
    }
    return {**row, **changes}


def edit(at: datetime) -> Row:
    """Return the agreement that an edit leaves behind."""
    return _agreement("OrderEdit", "ORDER_EDIT", at)


def parcel(number: int, at: datetime, company: str | None, tracking: str | None) -> Row:
    """Return a parcel that left."""
    return {
        "id": f"gid://shopify/Fulfillment/{number}",
        "name": f"#{number}-F1",
        "status": "SUCCESS",
        "createdAt": stamp(at),
        "updatedAt": stamp(at),
        "trackingInfo": [{"company": company, "number": tracking, "url": None}]
        if tracking or company
        else [],
    }


def seeded(count: int, now: datetime, seed: int = 1) -> Iterator[Row]:
    """Yield ``count`` orders of the last days, most of them plainly paid, and every other fate among them."""
    random = Random(seed)
    for position in range(count):
        number = 1001 + position
        at = now - timedelta(minutes=7 * (count - position))
        picked = random.sample(GOODS, random.randint(1, 3))
        lines = [
            line(number * 100 + index, sku, name, price, random.randint(1, 2))
            for index, (sku, name, price) in enumerate(picked)
        ]
        row = order(number, at, lines)
        yield {**row, **_fate(random.randrange(20), row, at)}


def _fate(roll: int, row: Row, at: datetime) -> Row:
    """Return what became of an order; most were paid and wait to be delivered."""
    total, later = row["totalPriceSet"]["shopMoney"]["amount"], at + timedelta(minutes=3)
    match roll:
        case 0:
            return {"displayFinancialStatus": "PENDING", "transactions": []}
        case 1:
            return {
                "displayFinancialStatus": "AUTHORIZED",
                "transactions": [payment("AUTHORIZATION", total, at)],
            }
        case 2:
            paid = row["transactions"] + [payment("REFUND", total, later)]
            return {
                "displayFinancialStatus": "REFUNDED",
                "cancelledAt": stamp(later),
                "updatedAt": stamp(later),
                "transactions": paid,
            }
        case 3:
            return {"test": True}
        case 4 | 5:
            return {
                "displayFulfillmentStatus": "FULFILLED",
                "updatedAt": stamp(later),
                "closedAt": stamp(later) if roll == 5 else None,
                "fulfillments": [parcel(int(row["name"][1:]), later, "UPS", f"1Z{row['name'][1:]}")],
            }
    return {}


def _money(total: Decimal) -> dict[str, Any]:
    zero, whole = bag("0"), bag(total)
    return {
        **dict.fromkeys(("totalPriceSet", "currentTotalPriceSet", "originalTotalPriceSet"), whole),
        **dict.fromkeys(("totalTaxSet", "currentTotalTaxSet", "totalTipReceivedSet"), zero),
        **dict.fromkeys(("totalShippingPriceSet", "currentShippingPriceSet"), zero),
        **dict.fromkeys(("totalDiscountsSet", "currentTotalDiscountsSet"), zero),
    }


def _buyer(name: str) -> dict[str, Any]:
    address = {"id": f"gid://shopify/MailingAddress/{len(name)}", "name": name, "phone": "+1 720 555 0134"}
    email = f"{''.join(filter(str.isascii, name.split(maxsplit=1)[0])).lower()}@example.test"
    return {"phone": None, "email": email, "shippingAddress": address, "billingAddress": dict(address)}


def _agreement(kind: str, reason: str, at: datetime) -> Row:
    return {
        "__typename": f"{kind}Agreement",
        "id": f"gid://shopify/SalesAgreement/{int(at.timestamp())}",
        "reason": reason,
        "happenedAt": stamp(at),
    }
