"""Orders in CSV: the names of the contract in the header, nested values as JSON, ``customer.name``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import msgspec

from adapters.file.csv_header import BROKEN_HEADER, Header
from adapters.file.csv_rows import Row, rows
from adapters.file.records import KEPT, Broken, Item, Record
from adapters.file.values import BadRow

#: Columns whose cells are JSON.
NESTED: Final = frozenset({"customer", "lines", "shipments"})
#: Columns whose empty cell says something.
TELLING: Final = frozenset({"received_at"})
AMOUNTS: Final = frozenset({"total", "tax", "shipping", "discount", "tip", "captured", "refunded"})
CUSTOMER: Final = "customer."

_check_json = msgspec.json.Decoder().decode


class CsvOrders:
    """One order a row."""

    def __init__(self, header: Header) -> None:
        self._header = header
        # Only where a comma cannot be the delimiter may it stand for the point.
        self._decimal_comma = AMOUNTS if header.delimiter == ";" else frozenset[str]()

    def records(self, file: BinaryIO, offset: int | None = None) -> Iterator[Item]:
        """Yield each row as the JSON object that the contract would write for it."""
        header = self._header
        start, line = (header.offset, header.line) if offset is None else (offset, 0)
        for cut in rows(file, start, header.delimiter, line):
            row = header.mend(cut)
            if row is not None:
                yield row if isinstance(row, Broken) else self._record(row)
        if offset is None and not header.ended:
            yield BROKEN_HEADER

    def _record(self, row: Row) -> Item:
        try:
            return Record(row.offset, row.line, msgspec.json.encode(self._object(row.cells)))
        except BadRow as bad:
            return Broken(row.offset, row.line, row.raw[:KEPT], str(bad))

    def _object(self, cells: list[str]) -> dict[str, Any]:
        order: dict[str, Any] = {}
        customer: dict[str, str] = {}
        for column, cell in zip(self._header.columns, cells, strict=True):
            if not cell:
                if column in TELLING:
                    order[column] = None
            elif column in NESTED:
                order[column] = nested(column, cell)
            elif column.startswith(CUSTOMER):
                customer[column.removeprefix(CUSTOMER)] = cell
            else:
                order[column] = cell.replace(",", ".") if column in self._decimal_comma else cell
        if customer:
            order["customer"] = customer
        return order


def nested(column: str, cell: str) -> msgspec.Raw:
    """Return a cell's JSON as it stands; raise BadRow when it is none."""
    try:
        _check_json(cell)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise BadRow(f"{column} is not valid JSON", cell) from None
    return msgspec.Raw(cell)
