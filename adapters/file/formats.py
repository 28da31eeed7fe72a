"""Which format a file is in: told by its name, else by how it begins; a CSV file's by its header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from adapters.file.csv_header import read_header, require
from adapters.file.csv_orders import CsvOrders
from adapters.file.kinds import Kind, OrderT
from adapters.file.records import Format, Item, JsonLines
from adapters.file.shopify_export import COLUMNS, ShopifyExport
from adapters.file.source import Opened
from reconciler.domain.errors import MalformedError
from reconciler.ports import Side

JSON_SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json"})
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class Nothing:
    """A file without any text."""

    def records(self, file: BinaryIO, offset: int | None = None) -> Iterator[Item]:  # noqa: ARG002
        """Yield nothing."""
        return iter(())


def format_of(kind: Kind[OrderT], source: Opened) -> Format:
    """Return how to read a file; raise MalformedError when it is CSV without the columns of its kind."""
    return JsonLines() if _is_json(source) else _csv(kind, source)


def _is_json(source: Opened) -> bool:
    suffix = source.path.suffix.lower()
    if suffix == ".csv":
        return False
    source.file.seek(0)
    beginning = source.file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()
    return suffix in JSON_SUFFIXES or beginning.startswith((b"{", b"["))


def _csv(kind: Kind[OrderT], source: Opened) -> Format:
    source.file.seek(0)
    if source.file.read(2) in UTF_16:
        raise MalformedError(f"{source.name} is UTF-16", next_step="export it as UTF-8")
    header = read_header(source.file, [*kind.keys, *COLUMNS])
    if header is None:
        return Nothing()
    if set(header.columns) >= COLUMNS:
        if kind.side is Side.POS:
            raise MalformedError(
                f"{source.name} is the orders export of a Shopify shop, which is no POS",
                next_step="name it as the base_url of a cart connection",
            )
        return ShopifyExport(header)
    require(source.name, header, kind.needed)
    return CsvOrders(header)
