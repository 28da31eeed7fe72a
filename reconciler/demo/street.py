"""The demo's merchant over HTTP: a shop at Shopify, a till at Square, and the truth about each order.

What another integration brought to the till is rung up there before the program starts. One order is placed
while the program runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

from adapters.square.sandbox import MAIN
from reconciler.demo.sandbox_faults import (
    LAGGING,
    ON_THE_WAY,
    REFUSED,
    VENDORS,
    Fault,
    aimed,
    of_connections,
)
from reconciler.demo.truth import End, Label
from reconciler.domain.verdict import Classification

#: An order as Shopify tells it. What makes one is imported where it is used: it needs an extra.
Row = dict[str, Any]
C = Classification
CODE: Final = "rosebud"
NAME: Final = "Rosebud Florist"
CHANNEL: Final = f"{CODE}-web"
CART, POS = f"{CODE}-cart", f"{CODE}-pos"
LEDGER_FILE: Final = "ledger.jsonl"
#: The variables that hold the credentials while the channel file is applied.
CART_SECRET, POS_SECRET = "RECONCILER_SECRET_DEMO_CART", "RECONCILER_SECRET_DEMO_POS"
ORDERS: Final = 60
#: How often it is read; its grace is that of a shop whose vendors' searches lag by up to two minutes.
POLL: Final = timedelta(seconds=1)
FIRST_NUMBER: Final = 1001
#: What the shop sells and the till knows: SKU, name, price.
GOODS: Final = (
    ("ROSE-24", "Two dozen roses", Decimal("84.00")),
    ("TULIP-20", "Twenty tulips", Decimal("24.00")),
    ("LILY-06", "Six lilies", Decimal("31.50")),
    ("VASE-S", "Small vase", Decimal("12.90")),
)
#: The number of the order that is placed while the program runs.
LATEST: Final = FIRST_NUMBER + ORDERS
#: How many orders have which fate; the others agree.
FATES: Final = {
    **dict.fromkeys(ON_THE_WAY, 1),
    "missing": 4,
    "pending": 2,
    "authorized": 2,
    "test": 2,
    "cancelled": 2,
    "stranger": 2,
}  # fmt: skip
_CHANNEL_FILE: Final = """
[[merchant]]
code = "{code}"
name = "{name}"
timezone = "America/Denver"

  [[merchant.connection]]
  name = "{cart}"
  kind = "cart"
  vendor = "shopify"
  base_url = "{shopify}"
  options = {{ timeout_seconds = 2, tries = 3, page_size = 20 }}
  credentials = {{ access_token = "env:{cart_secret}" }}

  [[merchant.connection]]
  name = "{pos}"
  kind = "pos"
  vendor = "square"
  base_url = "{square}"
  options = {{ timeout_seconds = 2, tries = 3, page_size = 20, calls_per_second = 20 }}
  credentials = {{ access_token = "env:{pos_secret}" }}

  [[merchant.channel]]
  name = "{channel}"
  cart = "{cart}"
  pos = "{pos}"
  location = "{location}"
  poll_interval = "{poll}s"
  grace = "2m"
  lookups = ["2s", "4s", "8s", "16s"]
  live_from = 2020-01-01T00:00:00Z
"""


@dataclass(frozen=True)
class Street:
    """The shop's orders as Shopify keeps them, the till's sales, and what is the matter with each."""

    rows: tuple[Row, ...]
    #: Sales that another integration brought, as the till takes them, and when.
    sales: tuple[tuple[datetime, Row], ...]
    labels: tuple[Label, ...]
    #: What befalls single orders on their way to the till.
    aimed: tuple[Fault, ...]

    @classmethod
    def generate(cls, seed: int, now: datetime) -> Street:
        """Make a day of orders; the same seed and time make the same ones."""
        rng = Random(f"{seed}/{CODE}")
        fates = [fate for fate, count in FATES.items() for _ in range(count)]
        fates += ["agreed"] * (ORDERS - len(fates))
        rng.shuffle(fates)
        rows, sales, labels, faults = [], [], [*_connections(), _latest()], []
        for position, fate in enumerate(fates):
            at = now - timedelta(minutes=11 * (ORDERS - position) + 20)
            row = _fated(_paid(rng, FIRST_NUMBER + position, at), fate, at)
            rows.append(row)
            reference = str(FIRST_NUMBER + position)
            labels.append(_label(reference, fate))
            if fate in ON_THE_WAY:
                faults.append(aimed(fate, reference))
            if fate == "agreed":
                sales.append((at + timedelta(seconds=rng.randint(20, 300)), row))
        return cls(tuple(rows), tuple(sales), tuple(labels), tuple(faults))

    @property
    def to_send(self) -> int:
        """How many orders must be sent, or at least tried."""
        return FATES["missing"] + len(self.aimed)

    def write(self, folder: Path) -> None:
        """Write the shop's orders as an answer that its sandbox begins with."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"orders": {"nodes": self.rows}}, ensure_ascii=False)
        (folder / "orders.json").write_text(text, encoding="utf-8")


def channel_text(shopify: str, square: str) -> str:
    """Return what the channel file says of this merchant."""
    return _CHANNEL_FILE.format(
        code=CODE,
        name=NAME,
        channel=CHANNEL,
        cart=CART,
        pos=POS,
        location=MAIN,
        shopify=shopify,
        square=square,
        cart_secret=CART_SECRET,
        pos_secret=POS_SECRET,
        poll=int(POLL.total_seconds()),
    )


def latest_order(at: datetime) -> Row:
    """Return the order that a customer places at the shop while the program runs."""
    return _paid(Random(CODE), LATEST, at)


def sale_of(row: Row, variations: dict[str, str]) -> dict[str, Any]:
    """Return an order as the till rings it up; ``variations`` are its articles by SKU."""
    return {
        "location_id": MAIN,
        "reference_id": row["name"].removeprefix("#"),
        "line_items": [
            {
                "catalog_object_id": variations[item["sku"]],
                "quantity": str(item["quantity"]),
                "base_price_money": _cents(item["originalUnitPriceSet"]["shopMoney"]),
            }
            for item in row["lineItems"]
        ],
    }


def _cents(money: dict[str, str]) -> dict[str, Any]:
    return {"amount": int(Decimal(money["amount"]) * 100), "currency": money["currencyCode"]}


def _paid(rng: Random, number: int, at: datetime) -> Row:
    from adapters.shopify.sandbox.rows import line, order  # noqa: PLC0415 - an extra

    picked = rng.sample(GOODS, rng.randint(1, 3))
    lines = [
        line(number * 100 + index, sku, name, price, rng.randint(1, 2))
        for index, (sku, name, price) in enumerate(picked)
    ]
    return order(number, at, lines)


def _fated(row: Row, fate: str, at: datetime) -> Row:
    """Let an order meet its fate."""
    from adapters.shopify.sandbox.rows import payment  # noqa: PLC0415 - an extra
    from adapters.shopify.sandbox.store import stamp  # noqa: PLC0415 - an extra

    total, later = row["totalPriceSet"]["shopMoney"]["amount"], at + timedelta(minutes=3)
    match fate:
        case "pending":
            return {**row, "displayFinancialStatus": "PENDING", "transactions": []}
        case "authorized":
            held = [payment("AUTHORIZATION", total, at)]
            return {**row, "displayFinancialStatus": "AUTHORIZED", "transactions": held}
        case "test":
            return {**row, "test": True}
        case "tax_error":
            return {**row, **dict.fromkeys(("totalTaxSet", "currentTotalTaxSet"), _tax_in(total))}
        case "cancelled":
            moved = {"cancelledAt": stamp(later), "updatedAt": stamp(later)}
            paid = [*row["transactions"], payment("REFUND", total, later)]
            return {**row, **moved, "displayFinancialStatus": "REFUNDED", "transactions": paid}
        case "stranger":
            first, *others = row["lineItems"]
            return {**row, "lineItems": [{**first, "sku": f"NEW-{row['name'][1:]}"}, *others]}
    return row


def _tax_in(total: str) -> dict[str, Any]:
    """Return the tax that a total includes, at eight per cent."""
    from adapters.shopify.sandbox.rows import bag  # noqa: PLC0415 - an extra

    return bag((Decimal(total) * 8 / 108).quantize(Decimal("0.01")))


def _label(reference: str, fate: str) -> Label:
    fault = f"{VENDORS['pos']} {fate}" if fate in ON_THE_WAY else ""
    match fate:
        case "pending" | "authorized":
            return _truth(reference, C.UNPAID, end=End.WAITING, note=fate)
        case "test":
            return _truth(reference, C.EXCLUDED, end=End.WAITING)
        case "cancelled":
            return _truth(reference, C.CANCELLED_BEFORE_PUSH, end=End.WAITING)
        case "stranger":
            return _truth(reference, C.UNMAPPED_SKU, end=End.FLAGGED, note="the till does not sell it")
        case "agreed":
            return _truth(reference, C.AGREED, end=End.AGREED)
    if fate in REFUSED:
        return _truth(reference, C.MISSING, REFUSED[fate], end=End.FLAGGED, fault=fault)
    return _truth(reference, C.MISSING, end=End.REPAIRED, sends=1, fault=fault)


def _latest() -> Label:
    """Return what is said of the order that is placed last: it is on its way."""
    return _truth(str(LATEST), C.SYNC_DELAY, end=End.WAITING, fault=LAGGING.key)


def _connections() -> list[Label]:
    """Return what is said of the connections, fault by fault, and what passes without a word."""
    names = {"cart": CART, "pos": POS}
    return [
        _truth(
            names[fault.side],
            *([fault.told] if fault.told else []),
            end=End.REPAIRED if fault.told else End.WEATHERED,
            kind="connection",
            fault=fault.key,
        )
        for fault in of_connections()
    ]


def _truth(subject: str, *classes: Classification, end: End, **more: Any) -> Label:
    return Label(merchant=CODE, channel=CHANNEL, subject=subject, classes=classes, end=end, **more)
