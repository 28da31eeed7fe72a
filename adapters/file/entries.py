"""The entries of one order file: orders with their payload, and what is none with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias

from adapters.file.formats import format_of
from adapters.file.index import Listing
from adapters.file.kinds import Kind, OrderT
from adapters.file.proof import Tally
from adapters.file.records import KEPT, Broken, Item
from adapters.file.source import Opened
from adapters.file.values import BadRow
from reconciler.ports import Quarantined, Snapshot

Entry: TypeAlias = Snapshot[OrderT] | Quarantined


@dataclass(frozen=True, slots=True)
class Translator(Generic[OrderT]):
    """Turns records into entries, and keeps the tally."""

    kind: Kind[OrderT]
    tally: Tally

    def translate(self, item: Item) -> Entry[OrderT]:
        """Return the order that a record holds, or why it holds none."""
        self.tally.rows += item.rows
        if isinstance(item, Broken):
            return self._set_aside(item, BadRow(item.reason))
        try:
            raw = item.raw.decode()
            order = self.kind.order(self.kind.decode(raw))
        except UnicodeDecodeError as error:
            return self._set_aside(item, not_utf8(item, error))
        except BadRow as bad:
            return self._set_aside(item, bad)
        self.tally.saw(self.kind.created(order))
        return Snapshot(order, raw)

    def _set_aside(self, item: Item, bad: BadRow) -> Quarantined:
        self.tally.set_aside(item.line, bad.reason)
        return Quarantined(self.tally.name, item.line, str(bad), kept(item.raw))


def not_utf8(item: Item, error: UnicodeDecodeError) -> BadRow:
    """Say where in the file the text stops being UTF-8."""
    place, value = item.offset + error.start + 1, item.raw[error.start]
    return BadRow(f"byte {place} of the file (0x{value:02x}) is not UTF-8; export it as UTF-8")


def kept(raw: bytes) -> str:
    """Return what is kept of something broken: as text that every database and page can hold."""
    return raw[:KEPT].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def entries(kind: Kind[OrderT], source: Opened, listing: Listing) -> Iterator[Entry[OrderT]]:
    """Yield everything in one file, counted and listed on the way: look-ups then need no second reading."""
    translate = Translator(kind, listing.tally).translate
    for item in format_of(kind, source).records(source.file):
        entry = translate(item)
        if isinstance(entry, Snapshot):
            listing.add(kind.words(entry.order), item.offset)
        yield entry
