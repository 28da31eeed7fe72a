"""The orders export of Shopify's admin, told by its header, turned into cart orders of the contract.

An order has a row for each of its lines; only the first tells the order's own columns. Times carry the
shop's offset, phones and postcodes a leading apostrophe. It does not tell edits, parcels or tests that
were not paid through the test gateway.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, Final, TypeAlias

import msgspec

from adapters.file.csv_header import BROKEN_HEADER, Header
from adapters.file.csv_rows import AnyRow, Row, rows
from adapters.file.records import KEPT, Broken, Item, Record
from adapters.file.values import BadRow, moment

#: Columns by which the export is recognised, in lower case.
COLUMNS: Final = frozenset(
    {"name", "financial status", "created at", "currency", "total", "lineitem quantity"}
)
#: States in which money was taken.
TAKEN: Final = frozenset({"paid", "partially_paid", "partially_refunded", "refunded"})
FULFILLMENTS: Final = {
    "": "unfulfilled",
    "unfulfilled": "unfulfilled",
    "restocked": "unfulfilled",
    "scheduled": "unfulfilled",
    "in_progress": "unfulfilled",
    "pending": "unfulfilled",
    "partial": "partially_fulfilled",
    "fulfilled": "fulfilled",
    "on_hold": "on_hold",
}
#: Where shops note the day an order is wanted. Only an unambiguous spelling is taken.
WANTED_ON: Final = re.compile(
    r"^(?:delivery|pickup|shipping)[ _-]?date: *(\d{4})[-/](\d\d)[-/](\d\d)\b", re.IGNORECASE | re.MULTILINE
)
TEST_GATEWAY: Final = "bogus"

Cells: TypeAlias = dict[str, str]


@dataclass(slots=True)
class Group:
    """The rows of one order, in the making."""

    offset: int
    line: int
    name: str
    rows: list[Cells] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    #: Why one of its rows cannot be read.
    trouble: str = ""

    def add(self, row: Row, cells: Cells) -> None:
        """Take a row."""
        self.rows.append(cells)
        self.raw.append(row.raw)

    def spoil(self, row: Broken) -> None:
        """Take a row that cannot be read: without it the order is not whole."""
        self.raw.append(row.raw)
        self.trouble = f"its row in line {row.line}: {row.reason}"

    def item(self) -> Item:
        """Return the whole order as one record."""
        count = len(self.raw)
        if self.trouble:
            return Broken(self.offset, self.line, b"".join(self.raw)[:KEPT], self.trouble, count)
        return Record(self.offset, self.line, msgspec.json.encode(cart_row(self.rows)), count)


class ShopifyExport:
    """Several rows an order."""

    def __init__(self, header: Header) -> None:
        self._header = header

    def records(self, file: BinaryIO, offset: int | None = None) -> Iterator[Item]:
        """Yield each order with all its rows."""
        group: Group | None = None
        for row in self._rows(file, offset):
            name = self._name(row)
            if isinstance(row, Row) and (cells := self._cells(row)).get("total"):
                if group:
                    yield group.item()
                group = Group(row.offset, row.line, name)
                group.add(row, cells)
            elif group is None or group.name != name:
                yield row if isinstance(row, Broken) else _stray(row)
            elif isinstance(row, Broken):
                group.spoil(row)
            else:
                group.add(row, cells)
        if group:
            yield group.item()
        if offset is None and not self._header.ended:
            yield BROKEN_HEADER

    def _rows(self, file: BinaryIO, offset: int | None) -> Iterator[AnyRow]:
        header = self._header
        start, line = (header.offset, header.line) if offset is None else (offset, 0)
        cut = rows(file, start, header.delimiter, line)
        return (row for row in map(header.mend, cut) if row is not None)

    def _cells(self, row: Row) -> Cells:
        return {column: cell for column, cell in zip(self._header.columns, row.cells, strict=True) if cell}

    def _name(self, row: AnyRow) -> str:
        if isinstance(row, Row):
            return row.cells[self._header.columns.index("name")]
        return row.raw.partition(self._header.delimiter.encode())[0].decode("utf-8", "replace")


def _stray(row: Row) -> Broken:
    return Broken(row.offset, row.line, row.raw[:KEPT], "the first row of its order is not before it")


def cart_row(order: list[Cells]) -> dict[str, Any]:
    """Return an order's rows as one object of the contract, with what was exported beside it."""
    head = order[0]
    lines = [row for row in order if row.get("lineitem name") or row.get("lineitem sku")]
    told = {
        "reference": head.get("name"),
        "placed_at": head.get("created at"),
        "updated_at": _latest(head),
        "paid_at": head.get("paid at"),
        "currency": head.get("currency"),
        "total": head.get("total"),
        "tax": head.get("taxes"),
        "shipping": head.get("shipping"),
        "discount": head.get("discount amount"),
        "captured": _captured(head),
        "refunded": head.get("refunded amount"),
        "payment_status": head.get("financial status"),
        "fulfillment_status": _fulfillment(head),
        "cancelled_at": head.get("cancelled at"),
        "test": TEST_GATEWAY in head.get("payment method", "").lower(),
        "customer": _customer(head),
        "shipping_method": head.get("shipping method"),
        "deliver_on": _wanted_on(head),
        "lines": [_line(row) for row in lines],
    }
    return {key: value for key, value in told.items() if value is not None} | {"_export": order}


def _latest(head: Cells) -> str | None:
    """Return the last thing that is known to have happened to an order."""
    stamps = [head[key] for key in ("created at", "paid at", "fulfilled at", "cancelled at") if key in head]
    try:
        return max(stamps, key=lambda stamp: moment(stamp, "updated_at"), default=None)
    except BadRow:
        return None


def _captured(head: Cells) -> str:
    """Return what was taken: all but what is outstanding, once anything was taken at all."""
    if head.get("financial status", "").lower() not in TAKEN:
        return "0"
    try:
        taken = Decimal(head["total"]) - Decimal(head.get("outstanding balance", "0"))
    except InvalidOperation:
        return head["total"]
    return f"{max(taken, Decimal(0)):f}" if taken.is_finite() else head["total"]


def _fulfillment(head: Cells) -> str:
    word = head.get("fulfillment status", "").lower()
    return FULFILLMENTS.get(word, word)


def _customer(head: Cells) -> dict[str, str | None]:
    phone = head.get("phone") or head.get("shipping phone") or head.get("billing phone")
    return {
        "name": head.get("shipping name") or head.get("billing name"),
        "phone": phone.removeprefix("'") if phone else None,
        "email": head.get("email"),
    }


def _wanted_on(head: Cells) -> str | None:
    match = WANTED_ON.search(head.get("note attributes", ""))
    return "-".join(match.groups()) if match else None


def _line(row: Cells) -> dict[str, str | None]:
    return {
        "sku": row.get("lineitem sku"),
        "name": row.get("lineitem name"),
        "quantity": row.get("lineitem quantity"),
        "unit_price": row.get("lineitem price"),
    }
