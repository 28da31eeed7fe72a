"""Reading order files from end to end: pages of snapshots, then what the read proves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from adapters.file.entries import entries
from adapters.file.index import INDEXES, Listing
from adapters.file.kinds import Kind, OrderT
from adapters.file.options import FileOptions
from adapters.file.proof import Tally, Weighed, coverage, weigh
from adapters.file.source import Opened, opened, order_files
from reconciler.ports import Coverage, Page, Quarantined, Snapshot

#: Entries in a page, and characters of payload after which it is full although it has fewer.
PAGE_ENTRIES: Final = 1000
PAGE_TEXT: Final = 8 * 1024 * 1024


def read(kind: Kind[OrderT], options: FileOptions, now: datetime) -> Iterator[Page[OrderT] | Coverage]:
    """Yield all orders of a connection's files in pages, then what that covers.

    Raises UnreachableError when a file cannot be read, MalformedError when a CSV header is no header.
    """
    files: list[Weighed] = []
    for path in order_files(options):
        with opened(path) as source:
            listing = Listing(Tally(source.name))
            yield from _pages(kind, source, listing)
            files.append(weigh(listing.tally, source))
            INDEXES.keep(kind.side, source, listing.index())
    yield coverage(files, options, now)


def _pages(kind: Kind[OrderT], source: Opened, listing: Listing) -> Iterator[Page[OrderT]]:
    snapshots: list[Snapshot[OrderT]] = []
    quarantined: list[Quarantined] = []
    size = 0
    for entry in entries(kind, source, listing):
        size += len(entry.raw)
        if isinstance(entry, Snapshot):
            snapshots.append(entry)
        else:
            quarantined.append(entry)
        if len(snapshots) + len(quarantined) >= PAGE_ENTRIES or size >= PAGE_TEXT:
            yield Page(snapshots, quarantined)
            snapshots, quarantined, size = [], [], 0
    if snapshots or quarantined:
        yield Page(snapshots, quarantined)
