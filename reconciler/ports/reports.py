"""The failure report as data: what renderers draw, and what the database is asked for it.

Times are UTC; each merchant carries the zone and the business-day cut-off in which they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from reconciler.domain.money import format_minor
from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Classification, Severity, Who
from reconciler.ports.configuration import Side


@dataclass(frozen=True, slots=True)
class Amount:
    """Money for a person: minor units and their currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """Where an order stands in our queue."""

    status: QueueStatus
    flagged: bool = False
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One open mismatch. ``reference`` is the order's; an orphan's POS id, or a connection's name."""

    id: int
    channel: str
    reference: str
    rule: str
    sentence: str
    next_step: str
    since: datetime
    facts: Mapping[str, object] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    resend: str = ""
    acknowledged: bool = False
    escalates_at: datetime | None = None
    total: Amount | None = None
    deliver_on: date | None = None
    queue: QueueState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings of one class and urgency that one party has to act on.

    ``count`` is exact; ``findings``, the oldest first, may be fewer.
    """

    severity: Severity
    who: Who
    classification: Classification
    cause: str | None = None
    about_connection: bool = False
    count: int
    findings: tuple[Finding, ...]


class Mending(StrEnum):
    """How an order that was missing came into the POS without a person."""

    RESENT = "sent again by us"
    ADOPTED = "found in the POS before it was sent again"
    ARRIVED = "arrived late by itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One order that was missing and no longer is."""

    channel: str
    reference: str
    how: Mending
    missing_since: datetime | None
    repaired_at: datetime
    total: Amount | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Orders on which nobody has to act yet."""

    in_grace: int = 0
    #: Inside the grace too, and in our queue or just sent.
    sending: int = 0
    #: When the last of those in grace is due.
    grace_ends: datetime | None = None
    unpaid: int = 0
    #: Not judged before a complete read: counted under their connection's finding.
    undecided: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCoverage:
    """How far one side of a channel was read. ``stale`` is the builder's judgement."""

    side: Side
    #: Until when complete reads reach; None when there was none.
    covers_to: datetime | None
    read_at: datetime | None
    #: Whether the latest read was complete, and if not, why.
    complete: bool
    reason: str = ""
    stale: bool = False

    @property
    def good(self) -> bool:
        """Say whether verdicts may rest on it."""
        return self.complete and not self.stale and self.covers_to is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCoverage:
    """Both sides of one channel."""

    channel: str
    cart: SideCoverage
    pos: SideCoverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What orders of one class add to the difference of a business day."""

    reason: str
    orders: int
    minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """Cart money against POS money of one channel, business day and currency, in minor units."""

    channel: str
    day: date
    currency: str
    orders: int
    cart: int
    pos: int
    explained: tuple[Contribution, ...] = ()
    rounding: int = 0

    @property
    def difference(self) -> int:
        """Cart less POS."""
        return self.cart - self.pos

    @property
    def unexplained(self) -> int:
        """What neither a listed mismatch nor rounding explains; 0 when all is well."""
        return self.difference - self.rounding - sum(part.minor for part in self.explained)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedItem:
    """Something that could not be read as an order. Its content stays in the database."""

    channel: str
    side: Side
    source: str
    position: int
    reason: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Quarantine:
    """How much was set aside, and the newest of it."""

    count: int = 0
    items: tuple[QuarantinedItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Every paid order that we have read, by where it stands; each belongs in exactly one place."""

    agreed: int = 0
    in_grace: int = 0
    queued: int = 0
    open_mismatch: int = 0
    #: Among the open mismatches: undecided until a complete read.
    undecided: int = 0
    closed: int = 0
    #: Why orders were closed, with counts.
    closed_reasons: tuple[tuple[str, int], ...] = ()
    nowhere: int = 0
    twice: int = 0
    #: Some references of the orders that stand nowhere or twice.
    astray: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All paid orders."""
        return self.agreed + self.in_grace + self.queued + self.open_mismatch + self.closed + self.nowhere

    @property
    def balanced(self) -> bool:
        """Say whether every order stands in exactly one place."""
        return not self.nowhere and not self.twice


class Fate(StrEnum):
    """What became of an order, for the picture; in the order in which bars are stacked."""

    AGREED = "agreed"
    REPAIRED = "repaired"
    WAITING = "waiting"
    OPEN = "open"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Hour:
    """Orders placed in the hour that begins at ``start``, by fate."""

    start: datetime
    counts: Mapping[Fate, int]

    @property
    def total(self) -> int:
        """All orders of the hour."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantInfo:
    """A merchant and those of his channels that the report is about."""

    code: str
    name: str
    timezone: str
    day_cutoff: time = time(0, 0)
    #: Each channel's id and name, and its ``G``.
    channels: tuple[ChannelInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel as the report needs it."""

    id: int
    name: str
    grace: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantReport:
    """Everything about one merchant."""

    merchant: MerchantInfo
    #: When the repairs, the tie-out and the picture begin.
    since: datetime
    business_day: date
    #: Findings about connections and the brake: they stand above all else.
    connections: tuple[Group, ...] = ()
    #: The most urgent first.
    groups: tuple[Group, ...] = ()
    repairs: tuple[Repair, ...] = ()
    repaired: int = 0
    waiting: Waiting = Waiting()
    coverage: tuple[ChannelCoverage, ...] = ()
    tie_outs: tuple[TieOut, ...] = ()
    quarantine: Quarantine = Quarantine()
    books: Books = Books()
    #: Every hour of the picture, without a gap.
    hours: tuple[Hour, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return how many orders of an urgency need somebody."""
        return sum(group.count for group in self.groups if group.severity is severity)

    @property
    def urgent(self) -> int:
        """Orders that need somebody now."""
        return self.count(Severity.URGENT)

    @property
    def needing(self) -> int:
        """Orders that need somebody, and not at once."""
        return self.count(Severity.NORMAL)

    @property
    def under_way(self) -> int:
        """Orders that disagree and that the queue is busy with: they need nobody yet."""
        return self.count(Severity.INFO)

    @property
    def blocked(self) -> int:
        """Findings about connections."""
        return sum(group.count for group in self.connections)

    @property
    def unread(self) -> int:
        """Channels of which not both sides are read completely and in time."""
        return sum(not (channel.cart.good and channel.pos.good) for channel in self.coverage)

    @property
    def accounted(self) -> bool:
        """Say whether the books balance and every cent is explained."""
        return self.books.balanced and not any(tie_out.unexplained for tie_out in self.tie_outs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report: one merchant, or all."""

    generated_at: datetime
    version: str
    merchants: tuple[MerchantReport, ...]


#: Turns a report into the text of one format.
Renderer: TypeAlias = Callable[[Report], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is about. None means all merchants, all channels, and since yesterday's business day."""

    merchant: str | None = None
    channel: str | None = None
    since: datetime | None = None
    #: At most so many findings of one group are read; the counts stay exact.
    rows: int = 10_000


class Reports(Protocol):
    """What the report asks of the database. ``channels`` are ids of one merchant's channels."""

    def merchants(self, merchant: str | None, channel: str | None) -> Sequence[MerchantInfo]:
        """Return the merchants in scope by code; raise NotFoundError for a name that does not exist."""
        ...

    def findings(self, merchant: MerchantInfo, now: datetime, rows: int) -> Sequence[Group]:
        """Return what is open and needs somebody, by urgency as of ``now``; connection findings too.

        What was sent inside its grace and is not confirmed yet is no finding but waiting.
        """
        ...

    def repairs(self, channels: Sequence[int], since: datetime, rows: int) -> tuple[Sequence[Repair], int]:
        """Return the newest repairs since then, and how many there are."""
        ...

    def waiting(self, merchant: MerchantInfo, now: datetime) -> Waiting:
        """Count the unpaid orders and those being sent, and say when the last grace ends."""
        ...

    def coverage(self, channels: Sequence[int]) -> Sequence[ChannelCoverage]:
        """Return how far each side was read, channel by channel."""
        ...

    def tie_outs(self, merchant: MerchantInfo, since: datetime, now: datetime) -> Sequence[TieOut]:
        """Return the money of each channel and business day from ``since`` on, the newest day first."""
        ...

    def quarantine(self, channels: Sequence[int], rows: int) -> Quarantine:
        """Return what is set aside."""
        ...

    def books(self, channels: Sequence[int]) -> Books:
        """Place every paid order."""
        ...

    def hours(self, channels: Sequence[int], start: datetime, end: datetime, now: datetime) -> Sequence[Hour]:
        """Return the orders of each whole hour from ``start`` on in which there were any."""
        ...


class ReportUnit(Protocol):
    """The part of a unit of work that a report reads."""

    @property
    def reports(self) -> Reports:
        """The report's questions."""
        ...
