"""Order files for tests: domain values as rows, rows as files, and what comes of reading them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from adapters.file import FileCart, FilePos
from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Customer, Line, PosOrder, Shipment
from reconciler.ports import ConnectionInfo, Coverage, Page, Quarantined, Side, Snapshot
from tests.builders import NOW, cart_order, pos_order

OrderT = TypeVar("OrderT", CartOrder, PosOrder)
Row = dict[str, Any]

AMOUNTS = ("total", "tax", "shipping", "discount", "tip", "captured", "refunded")
#: Fields of the domain that no file has.
UNWRITTEN = ("vendor_id", "register_known", "draft")


def row_of(order: CartOrder | PosOrder, **changes: Any) -> Row:
    """Return an order as an order file writes it; a change to ``...`` leaves the key out."""
    row = {name: _plain(getattr(order, name), order.currency, name) for name in order.__slots__}
    for name in UNWRITTEN:
        row.pop(name, None)
    if isinstance(order, PosOrder) and not order.register_known:
        row.pop("received_at")
    return {name: value for name, value in (row | changes).items() if value is not ...}


def _plain(value: Any, currency: str, name: str) -> Any:
    match value:
        case Customer() | Line() | Shipment():
            return {key: _plain(getattr(value, key), currency, "") for key in value.__slots__}
        case tuple():
            return [_plain(part, currency, "") for part in value]
        case bool() | None:
            return value
        case int() if name in AMOUNTS:
            return format_minor(value, currency)
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def cart_row(**changes: Any) -> Row:
    """Return the row of a quiet cart order, with some keys changed or (``...``) left out."""
    return row_of(cart_order(), **changes)


def pos_row(**changes: Any) -> Row:
    """Return the row of a quiet POS record, likewise."""
    return row_of(pos_order(), **changes)


def json_lines(rows: Iterable[Row]) -> str:
    """Write rows as JSON Lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def csv_text(rows: Sequence[Row], delimiter: str = ",", columns: Sequence[str] | None = None) -> str:
    """Write rows as CSV: nested values as JSON, the customer as ``customer.name`` and so on."""
    flat = [_flat(row) for row in rows]
    columns = columns or list(dict.fromkeys(column for row in flat for column in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flat(row: Row) -> dict[str, str]:
    customer = row.get("customer") or {}
    flat = {key: value for key, value in row.items() if key != "customer"}
    flat |= {f"customer.{key}": value for key, value in customer.items()}
    return {key: _cell(value) for key, value in flat.items()}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def connection(side: Side, path: Path, options: Mapping[str, object] | None = None) -> ConnectionInfo:
    """Return a connection to an order file."""
    return ConnectionInfo(
        id=1, name=f"the-{side}", merchant="rosebud", side=side, vendor="file", base_url=str(path),
        options=options or {},
    )  # fmt: skip


def file_cart(path: Path, **options: object) -> FileCart:
    """Return the adapter of a cart's file."""
    return FileCart(connection(Side.CART, path, options))


def file_pos(path: Path, **options: object) -> FilePos:
    """Return the adapter of a POS's file."""
    return FilePos(connection(Side.POS, path, options))


@dataclass(frozen=True)
class Reading(Generic[OrderT]):
    """All that one read yielded."""

    snapshots: list[Snapshot[OrderT]]
    quarantined: list[Quarantined]
    coverage: Coverage
    pages: int

    @property
    def orders(self) -> list[OrderT]:
        """The orders, in the order of their rows."""
        return [snapshot.order for snapshot in self.snapshots]

    @property
    def reason(self) -> str:
        """Why the one thing that was set aside was."""
        assert len(self.quarantined) == 1, self.quarantined
        return self.quarantined[0].reason


def collect(items: Iterable[Page[OrderT] | Coverage]) -> Reading[OrderT]:
    """Gather what a read yields; its last item, and no other, must be the coverage."""
    *pages, coverage = items
    assert isinstance(coverage, Coverage)
    snapshots: list[Snapshot[OrderT]] = []
    quarantined: list[Quarantined] = []
    for page in pages:
        assert isinstance(page, Page)
        snapshots.extend(page.snapshots)  # type: ignore[arg-type] # mypy takes the type variable for either
        quarantined += page.quarantined
    return Reading(snapshots, quarantined, coverage, len(pages))


def read_cart(path: Path, now: datetime = NOW, **options: object) -> Reading[CartOrder]:
    """Read a cart's file from end to end."""
    return collect(file_cart(path, **options).read(None, now))


def read_pos(path: Path, now: datetime = NOW, **options: object) -> Reading[PosOrder]:
    """Read a POS's file from end to end."""
    return collect(file_pos(path, **options).read(None, now))
