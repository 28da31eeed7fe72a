"""A folder of order files as evidence, read by hand: no adapter, no database, no service has a part in it.

So that what the rules make of a rehearsal can be judged on its own.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.domain.evidence import Absence, Catalog, Evidence
from reconciler.domain.matching import assign_tickets, match_ticket
from reconciler.domain.orders import (
    CartOrder,
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    PosOrder,
    PosStatus,
    Shipment,
    Source,
)
from reconciler.domain.policy import DownloadRule, Policy

Row = dict[str, Any]
DECIMALS = {"JPY": 0, "KWD": 3}
AMOUNTS = ("total", "tax", "shipping", "discount", "tip", "captured", "refunded")
TIMES = ("placed_at", "updated_at", "paid_at", "cancelled_at", "edited_at", "created_at", "received_at")


@dataclass(frozen=True)
class Scenario:
    """One folder: ``cart.jsonl``, ``pos.jsonl``, ``channels.toml`` and what they name."""

    folder: Path

    def rows(self, name: str) -> list[Row]:
        """Read a file of JSON lines."""
        path = self.folder / name
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    @cached_property
    def expected(self) -> dict[str, str]:
        """The class of every order by its number, or by its POS id, as whoever wrote the files knows it."""
        return {
            row.get("reference") or row["pos_id"]: row["classification"]
            for row in self.rows("expected.jsonl")
        }

    @cached_property
    def channel(self) -> Row:
        """What the channel file says of the one channel."""
        merchant: Row = tomllib.loads((self.folder / "channels.toml").read_text("utf-8"))["merchant"][0]
        [channel] = merchant["channel"]
        options = {side["kind"]: side.get("options", {}) for side in merchant["connection"]}
        return {**channel, "options": options["pos"], "timezone": merchant["timezone"]}

    @cached_property
    def policy(self) -> Policy:
        """The channel's policy."""
        rule = {side: frozenset(words) for side, words in self.channel["download"].items()}
        mapping = self.channel.get("mapping", {})
        return Policy(
            poll_interval=timedelta(hours=int(self.channel["poll_interval"].removesuffix("h"))),
            download=DownloadRule(rule["payment"], rule["fulfillment"]),
            location=self.channel["location"],
            timezone=self.channel["timezone"],
            sku_map=mapping.get("skus", {}),
            shipping_map=mapping.get("shipping", {}),
        )

    @cached_property
    def carts(self) -> dict[str, CartOrder]:
        """Cart orders by number."""
        return {number(row["reference"]): cart(row) for row in self.rows("cart.jsonl")}

    @cached_property
    def records(self) -> list[PosOrder]:
        """Everything in the POS file."""
        return [pos(row) for row in self.rows("pos.jsonl")]

    @cached_property
    def families(self) -> dict[str, list[PosOrder]]:
        """POS records by the cart order that they name."""
        families: dict[str, list[PosOrder]] = defaultdict(list)
        for record in self.records:
            if record.reference:
                whole = record.reference in self.carts
                families[record.reference if whole else re.sub(r"-E\d+$", "", record.reference)].append(
                    record
                )
        return families

    def evidence(self) -> Iterator[Evidence]:
        """Yield what is known of each cart order."""
        names = json.loads((self.folder / self.channel["options"]["catalog"]).read_text("utf-8"))
        catalog = Catalog(frozenset(names["skus"]), frozenset(names["shipping_methods"]))
        outbox = {row["reference"]: moment(row["_submitted_at"]) for row in self.rows("outbox.jsonl")}
        absent = [order for reference, order in self.carts.items() if reference not in self.families]
        matches = ((o, match_ticket(o, t, self.policy.sku_map)) for o in absent for t in self.records)
        tickets = assign_tickets((order, match) for order, match in matches if match)
        for reference, order in self.carts.items():
            yield Evidence(
                cart=order,
                records=tuple(self.families.get(reference, ())),
                absence=self.absence(order),
                ticket=tickets.get(reference),
                catalog=catalog,
                handed_over_at=outbox.get(reference),
            )

    def absence(self, order: CartOrder) -> Absence:
        """Say what the POS file proves about an order that it does not show."""
        options = self.channel["options"]
        start = options.get("covers_from") or min(record.created_at for record in self.records)
        inside = start <= order.placed_at and max(order.paid_at or start, order.placed_at) <= options["as_of"]
        return Absence.PROVEN if inside else Absence.NOT_COVERED

    def orphans(self, taken: set[str]) -> set[str]:
        """Return the live online records that no cart order explains, since the cart's file begins."""
        begins = min(order.placed_at for order in self.carts.values())
        strangers = [
            r
            for r in self.records
            if r.source == "online" and r.status != "voided" and r.created_at >= begins
        ]
        known = {record.pos_id for reference in self.carts for record in self.families.get(reference, ())}
        return {record.pos_id for record in strangers} - known - taken


def number(text: str) -> str:
    """Undress an order number."""
    return text.strip().removeprefix("#").strip()


def moment(text: str | None) -> datetime | None:
    """Read a time."""
    return datetime.fromisoformat(text) if text else None


def shared(row: Row) -> Row:
    """Read what both sides tell alike."""
    scale = 10 ** DECIMALS.get(row["currency"], 2)
    read: Row = {"currency": row["currency"], "lines": tuple(map(line, row["lines"]))}
    read["customer"] = Customer(**row["customer"])
    read["shipments"] = tuple(
        Shipment(**parcel | {"shipped_at": moment(parcel["shipped_at"])})
        for parcel in row.get("shipments", ())
    )
    read |= {key: int(Decimal(row[key]) * scale) for key in AMOUNTS if row.get(key) is not None}
    return read | {key: moment(row[key]) for key in TIMES if key in row}


def line(row: Row) -> Line:
    """Read a position."""
    return Line(row["sku"], row["name"], Decimal(str(row["quantity"])), Decimal(row["unit_price"]))


def cart(row: Row) -> CartOrder:
    """Read a cart's order."""
    due = date.fromisoformat(row["deliver_on"]) if row["deliver_on"] else None
    words = {key: row[key] for key in ("archived", "test", "shipping_method")}
    return CartOrder(
        reference=number(row["reference"]),
        payment_status=PaymentStatus(row["payment_status"]),
        fulfillment_status=FulfillmentStatus(row["fulfillment_status"]),
        deliver_on=due,
        **words,
        **shared(row),
    )


def pos(row: Row) -> PosOrder:
    """Read a POS's record."""
    return PosOrder(
        pos_id=row["pos_id"],
        reference=number(row["reference"]) if row["reference"] else None,
        source=Source(row["source"]),
        status=PosStatus(row["status"]),
        location=row["location"],
        register_known="received_at" in row,
        **shared(row),
    )
