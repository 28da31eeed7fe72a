"""What a till makes of an order it takes: POS records, right or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from adapters.file.sandbox.faults import TillFaults
from reconciler.domain.money import exponent, format_minor, parse_minor

#: What of an order goes into its record as it is.
COPIED = ("reference", "currency", "total", "tax", "shipping", "discount", "tip", "customer", "lines")
ELSEWHERE = "back-office"


def is_order(order: dict[str, Any]) -> bool:
    """Say whether a till can ring this up: it has a reference and a total."""
    try:
        parse_minor(order["total"], order["currency"])
        return bool(order["reference"]) and isinstance(order["reference"], str)
    except (KeyError, TypeError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class Sale:
    """One order that the till took."""

    line: str
    order: dict[str, Any]
    seed: int
    faults: TillFaults

    @property
    def reference(self) -> str:
        """The order's POS-side reference."""
        return str(self.order["reference"])

    @property
    def pos_id(self) -> str:
        """The record's id. It follows from the line, so that no line is rung up twice."""
        return "T" + sha256(f"{self.seed}/{self.line}".encode()).hexdigest()[:12]

    def has(self, fault: str) -> bool:
        """Say whether a fault befalls the order."""
        return self.faults.hits(fault, self.reference, self.seed)

    def records(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the records that the till makes of it: none, one or two."""
        if self.has("refuse"):
            return
        record = self._record(now)
        yield record
        if self.has("duplicate"):
            yield {**record, "pos_id": f"{self.pos_id}-2"}

    def _record(self, now: datetime) -> dict[str, Any]:
        time = now.isoformat()
        record: dict[str, Any] = {
            "pos_id": self.pos_id,
            "source": "online",
            "created_at": time,
            "updated_at": time,
            "status": "open",
            "location": ELSEWHERE if self.has("wrong_location") else self.order.get("location"),
            "received_at": None if self.has("no_register") else time,
            "created_by": self.order.get("created_by"),
            "shipments": [],
            **{key: self.order.get(key) for key in COPIED},
        }
        for fault, spoil in (("drop_lines", drop_line), ("wrong_total", misprice), ("placeholder", empty)):
            if self.has(fault):
                spoil(record)
        return record


def drop_line(record: dict[str, Any]) -> None:
    """Lose the last line, and what it costs."""
    *kept, lost = record["lines"] or [{}]
    record["lines"] = kept
    try:
        price = Decimal(lost["unit_price"]) * Decimal(lost["quantity"])
        left = parse_minor(record["total"], record["currency"]) - int(
            price.scaleb(exponent(record["currency"]))
        )
    except (KeyError, TypeError, InvalidOperation, ValueError):
        return
    if left > 0:
        record["total"] = format_minor(left, record["currency"])


def misprice(record: dict[str, Any]) -> None:
    """Charge a tenth more, and a little."""
    total = parse_minor(record["total"], record["currency"])
    record["total"] = format_minor(total + total // 10 + 100, record["currency"])


def empty(record: dict[str, Any]) -> None:
    """Leave a shell that wants attention."""
    record.update(total=format_minor(0, record["currency"]), lines=[], status="attention_required")
