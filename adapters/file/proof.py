"""What reading order files proves: how far they reach, and whether they are all there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.file.options import FileOptions
from adapters.file.source import Opened
from reconciler.ports import Coverage

#: How many doubts are told one by one.
SHOWN: Final = 3


@dataclass(slots=True)
class Tally:
    """What was seen of one file while it was read."""

    name: str
    rows: int = 0
    broken: int = 0
    first_broken: str = ""
    earliest: datetime | None = None

    def saw(self, created: datetime) -> None:
        """Note when an order was made."""
        if self.earliest is None or created < self.earliest:
            self.earliest = created

    def set_aside(self, line: int, reason: str) -> None:
        """Note something that is no order."""
        self.broken += 1
        self.first_broken = self.first_broken or f"line {line}: {reason}"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A file that was read to its end."""

    earliest: datetime | None
    modified: datetime
    #: Its sidecar confirms its number of rows.
    vouched: bool
    #: Why it cannot be taken for all there is.
    doubts: tuple[str, ...]


def weigh(tally: Tally, source: Opened) -> Weighed:
    """Say what a file was worth, once it was read to its end."""
    vouched = source.count == tally.rows
    doubts = filter(None, (_broken(tally), _count(tally, source, vouched=vouched), _moved(tally, source)))
    modified = datetime.fromtimestamp(source.fingerprint.modified / 1e9, UTC)
    return Weighed(tally.earliest, modified, vouched, tuple(doubts))


def _broken(tally: Tally) -> str:
    more = f" (and {tally.broken - 1} more)" if tally.broken > 1 else ""
    return f"{tally.name} {tally.first_broken}{more}" if tally.broken else ""


def _count(tally: Tally, source: Opened, *, vouched: bool) -> str:
    if vouched:
        return ""
    if source.count == -1:
        return f"{tally.name}.count holds no number"
    if source.count is not None:
        return f"{tally.name} has {tally.rows} rows, its count says {source.count}"
    return "" if source.holds_text else f"{tally.name} is empty, as an export that was not finished"


def _moved(tally: Tally, source: Opened) -> str:
    return "" if source.held_still() else f"{tally.name} changed while it was read"


def summary(doubts: Iterable[str]) -> str:
    """Say in one line why files cannot be taken for all there is, however many they are."""
    first, *rest = [*dict.fromkeys(doubts)] or [""]
    more = f"; and {len(rest) - SHOWN + 1} more" if len(rest) >= SHOWN else ""
    return "; ".join([first, *rest[: SHOWN - 1]]) + more


def coverage(files: Sequence[Weighed], options: FileOptions, now: datetime) -> Coverage:
    """Return what these files prove together.

    They reach from their earliest order to when the newest was written, unless the options say otherwise,
    and never beyond ``now``.
    """
    as_of = min(options.as_of or max(file.modified for file in files), now)
    earliest = min((file.earliest for file in files if file.earliest), default=as_of)
    doubts = [doubt for file in files for doubt in file.doubts]
    return Coverage(
        covers_from=min(options.covers_from or earliest, as_of),
        covers_to=as_of,
        complete=not doubts,
        absence_trusted=not doubts and (options.trust_absence or all(file.vouched for file in files)),
        reason=summary(doubts),
    )
