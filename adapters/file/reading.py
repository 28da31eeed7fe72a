"""Reading order files from end to end: pages of snapshots, then what the read proves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Generic

from adapters.file.formats import format_of
from adapters.file.kinds import Kind, OrderT
from adapters.file.options import FileOptions
from adapters.file.records import KEPT, Broken, Item
from adapters.file.source import Opened, opened, order_files
from adapters.file.values import BadRow
from reconciler.ports import Coverage, Page, Quarantined, Snapshot

#: Orders in a page, and characters of payload after which it is full although it has fewer.
PAGE_ORDERS: Final = 1000
PAGE_TEXT: Final = 8 * 1024 * 1024


NEVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class Tally:
    """What was seen of one file."""

    name: str
    rows: int = 0
    broken: int = 0
    first_broken: str = ""
    earliest: datetime | None = None
    modified: datetime = NEVER
    vouched: bool = False
    #: Why the file cannot be taken for all there is.
    doubts: list[str] = field(default_factory=list)

    def set_aside(self, line: int, reason: str) -> None:
        """Count something that is no order."""
        self.broken += 1
        self.first_broken = self.first_broken or f"{self.name} line {line}: {reason}"


@dataclass(frozen=True, slots=True)
class Translator(Generic[OrderT]):
    """Turns the records of one file into snapshots, or into quarantine with the reason."""

    kind: Kind[OrderT]
    tally: Tally

    def translate(self, item: Item) -> Snapshot[OrderT] | Quarantined:
        """Return the order that a record holds, or why it holds none."""
        tally = self.tally
        tally.rows += item.rows
        if isinstance(item, Broken):
            return self._set_aside(item, BadRow(item.reason))
        try:
            raw = item.raw.decode()
            order = self.kind.order(self.kind.decode(raw))
        except UnicodeDecodeError as error:
            return self._set_aside(item, not_utf8(item, error))
        except BadRow as bad:
            return self._set_aside(item, bad)
        created = self.kind.created(order)
        if tally.earliest is None or created < tally.earliest:
            tally.earliest = created
        return Snapshot(order, raw)

    def _set_aside(self, item: Item, bad: BadRow) -> Quarantined:
        self.tally.set_aside(item.line, bad.reason)
        return Quarantined(self.tally.name, item.line, str(bad), kept(item.raw))


def not_utf8(item: Item, error: UnicodeDecodeError) -> BadRow:
    """Say where in the file the text stops being UTF-8."""
    place = item.offset + error.start + 1
    return BadRow(
        f"byte {place} of the file (0x{item.raw[error.start]:02x}) is not UTF-8; export it as UTF-8"
    )


def kept(raw: bytes) -> str:
    """Return what is kept of something broken: as text that every database and page can hold."""
    return raw[:KEPT].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def read(kind: Kind[OrderT], options: FileOptions, now: datetime) -> Iterator[Page[OrderT] | Coverage]:
    """Yield all orders of a connection's files in pages, then what that covers.

    Raises UnreachableError when a file cannot be opened, MalformedError when a CSV header is no header.
    """
    tallies: list[Tally] = []
    for path in order_files(options):
        with opened(path) as source:
            tally = Tally(source.name)
            tallies.append(tally)
            yield from _pages(kind, source, tally)
    yield coverage(tallies, options, now)


def _pages(kind: Kind[OrderT], source: Opened, tally: Tally) -> Iterator[Page[OrderT]]:
    snapshots: list[Snapshot[OrderT]] = []
    quarantined: list[Quarantined] = []
    size = 0
    for entry in entries(kind, source, tally):
        size += len(entry.raw)
        if isinstance(entry, Snapshot):
            snapshots.append(entry)
        else:
            quarantined.append(entry)
        if len(snapshots) + len(quarantined) >= PAGE_ORDERS or size >= PAGE_TEXT:
            yield Page(snapshots, quarantined)
            snapshots, quarantined, size = [], [], 0
    if snapshots or quarantined:
        yield Page(snapshots, quarantined)


def entries(kind: Kind[OrderT], source: Opened, tally: Tally) -> Iterator[Snapshot[OrderT] | Quarantined]:
    """Yield every order and everything broken of one file; at the end ``tally`` says what it was worth."""
    translate = Translator(kind, tally).translate
    for item in format_of(kind, source).records(source.file):
        yield translate(item)
    conclude(tally, source)


def conclude(tally: Tally, source: Opened) -> None:
    """Weigh a file that was read to its end: whether it is all there, and vouches for that."""
    tally.modified = datetime.fromtimestamp(source.fingerprint.modified / 1e9, UTC)
    tally.vouched = source.count == tally.rows
    if tally.broken:
        more = f" and {tally.broken - 1} more" if tally.broken > 1 else ""
        tally.doubts.append(f"{tally.first_broken}{more}")
    if source.count == -1:
        tally.doubts.append(f"{tally.name}.count holds no number")
    elif source.count is not None and not tally.vouched:
        tally.doubts.append(f"{tally.name} has {tally.rows} rows, its count says {source.count}")
    elif not source.held_anything and not tally.vouched:
        tally.doubts.append(f"{tally.name} is empty, as an export that was not finished")
    if not source.held_still():
        tally.doubts.append(f"{tally.name} changed while it was read")


def coverage(tallies: list[Tally], options: FileOptions, now: datetime) -> Coverage:
    """Return what reading these files proves.

    They reach from their earliest order to when the newest was written, unless the options say otherwise,
    and never beyond ``now``.
    """
    as_of = min(options.as_of or max(tally.modified for tally in tallies), now)
    earliest = min((tally.earliest for tally in tallies if tally.earliest), default=as_of)
    doubts = [doubt for tally in tallies for doubt in tally.doubts]
    return Coverage(
        covers_from=min(options.covers_from or earliest, as_of),
        covers_to=as_of,
        complete=not doubts,
        absence_trusted=not doubts and (options.trust_absence or all(tally.vouched for tally in tallies)),
        reason="; ".join(doubts),
    )
