"""Finding single orders in order files, without reading them whole each time."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Generic

from adapters.file.entries import Translator, entries
from adapters.file.formats import format_of
from adapters.file.index import INDEXES, Index, Listing
from adapters.file.kinds import CART, POS, Kind, OrderT, bare, family_words, id_word, newest
from adapters.file.options import FileOptions
from adapters.file.proof import Tally, summary, weigh
from adapters.file.source import Opened, opened, order_files
from reconciler.domain.errors import MalformedError, VendorError
from reconciler.domain.orders import CartOrder, PosOrder, normalise_reference
from reconciler.ports import Lookup, Snapshot

#: What may follow an order's reference in that of its edits.
EDITS: Final = re.compile(r"(?:-E\d+)*\Z")


@dataclass(frozen=True, slots=True)
class Shelf(Generic[OrderT]):
    """One open file with its index."""

    kind: Kind[OrderT]
    source: Opened
    index: Index

    def under(self, word: str) -> Iterator[Snapshot[OrderT]]:
        """Yield the orders listed under a word, in the order of the file."""
        layout = format_of(self.kind, self.source)
        translate = Translator(self.kind, Tally(self.source.name)).translate
        for offset in self.index.offsets_of(word):
            for item in islice(layout.records(self.source.file, offset), 1):
                entry = translate(item)
                if isinstance(entry, Snapshot) and word in self.kind.words(entry.order):
                    yield entry

    def doubts(self) -> tuple[str, ...]:
        """Say why what the file does not show may exist nevertheless; to be asked after looking."""
        return weigh(self.index.tally, self.source).doubts


@contextmanager
def shelf(kind: Kind[OrderT], path: Path) -> Iterator[Shelf[OrderT]]:
    """Open a file for looking things up, indexing it when it is new or has changed."""
    with opened(path, at_one_go=0) as source:
        index = INDEXES.get(kind.side, path, source.fingerprint)
        if index is not None:
            yield Shelf(kind, source, index)
            return
    with opened(path) as source:
        yield Shelf(kind, source, _indexed(kind, source))


def _indexed(kind: Kind[OrderT], source: Opened) -> Index:
    listing = Listing(Tally(source.name))
    deque(entries(kind, source, listing), maxlen=0)
    index = listing.index()
    INDEXES.keep(kind.side, source, index)
    return index


def fetch(options: FileOptions, references: Sequence[str]) -> dict[str, CartOrder]:
    """Return the cart orders of these references.

    Raises UnreachableError when a file cannot be read, MalformedError when an order is not found and may
    be among what could not be read: its absence must not be taken for a deletion.
    """
    wanted = {normalise_reference(reference) for reference in references}
    found: dict[str, list[CartOrder]] = {}
    doubts: list[str] = []
    for path in order_files(options):
        with shelf(CART, path) as files:
            for reference in wanted:
                found.setdefault(reference, []).extend(entry.order for entry in files.under(reference))
            doubts += files.doubts()
    if doubts and not all(found.values()):
        raise MalformedError(
            f"the cart's orders could not be read completely: {summary(doubts)}",
            next_step="correct or repeat the export",
        )
    return {reference: newest(orders) for reference, orders in found.items() if orders}


def find(options: FileOptions, reference: str) -> Lookup:
    """Search for a POS-side reference and the edits of its order, wherever they stand; never raises."""
    sought = _Sought(options, bare(reference))
    try:
        named = [
            entry for word in family_words(reference) for entry in sought.under(word) if sought.is_it(entry)
        ]
        # Of several rows for one record the newest counts, and it may have been given another reference.
        rows = (sought.under(id_word(pos_id)) for pos_id in dict.fromkeys(e.order.pos_id for e in named))
        records = [record for record in map(_newest, rows) if sought.is_it(record)]
    except VendorError as error:
        return Lookup((), conclusive=False, reason=str(error))
    return Lookup(records, conclusive=not sought.doubts, reason=summary(sought.doubts))


def _newest(rows: list[Snapshot[PosOrder]]) -> Snapshot[PosOrder]:
    order = newest(row.order for row in rows)
    return next(row for row in rows if row.order is order)


@dataclass(frozen=True, slots=True)
class _Sought:
    """A search through all files of a POS."""

    options: FileOptions
    reference: str
    doubts: list[str] = field(default_factory=list)

    def under(self, word: str) -> list[Snapshot[PosOrder]]:
        """Return what all files list under a word."""
        entries_: list[Snapshot[PosOrder]] = []
        for path in order_files(self.options):
            with shelf(POS, path) as files:
                entries_ += files.under(word)
                self.doubts.extend(files.doubts())
        return entries_

    def is_it(self, entry: Snapshot[PosOrder]) -> bool:
        """Say whether a record is the order that is sought, or an edit of it."""
        reference = bare(entry.order.reference or "")
        return reference.startswith(self.reference) and bool(EDITS.match(reference, len(self.reference)))
