"""The database as services see it. One unit of work is one connection and its transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeAlias

from reconciler.domain.evidence import QueueFacts
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.verdict import Classification, Verdict
from reconciler.ports.configuration import (
    Channel,
    Configuration,
    ConnectionInfo,
    ConnectionState,
    MerchantSpec,
    Side,
)
from reconciler.ports.queue import Queue
from reconciler.ports.vendors import Coverage, Page


class Channels(Protocol):
    """Merchants, connections and channels."""

    def get(self, name: str) -> Channel:
        """Return a channel by name; raise NotFoundError naming those that exist."""
        ...

    def by_id(self, channel_id: int) -> Channel:
        """Return a channel by id; raise NotFoundError."""
        ...

    def list(self, merchant: str | None = None) -> Sequence[Channel]:
        """Return all channels, or those of one merchant, by name."""
        ...

    def list_merchants(self) -> Sequence[MerchantSpec]:
        """Return all merchants by code."""
        ...

    def list_connections(self, merchant: str | None = None) -> Sequence[ConnectionInfo]:
        """Return all connections, or those of one merchant, by name."""
        ...

    def due(self, limit: int = 1000) -> Sequence[int]:
        """Return channels whose run is due (database clock), the longest waiting first; claims nothing."""
        ...

    def begin(self, channel_id: int, *, force: bool = False) -> bool:
        """Claim a due channel's run, moving its next one on by the poll interval; False when it is not due.

        ``force`` claims it either way. Of two claims at once, one is told False.
        """
        ...

    def try_lock(self, channel_id: int) -> bool:
        """Take the channel's run lock until the unit of work is left; False when another run has it."""
        ...

    def was_changed(self, channel: Channel) -> bool:
        """Say whether a channel file changed what a channel reads or how it is judged since it was loaded.

        The answer holds until the transaction ends.
        """
        ...

    def set_compared(self, channel_id: int, run_id: int, *, known: int = 0) -> bool:
        """Note that all changes up to ``run_id`` were compared, by the rules of when ``known`` was the last.

        False where the channel was changed meanwhile: then nothing counts as compared.
        """
        ...

    def set_state(self, connection_id: int, state: ConnectionState, reason: str, now: datetime) -> None:
        """Record how a connection is doing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What storing a page did."""

    read: int = 0
    changed: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A cart order that does not plainly agree, with what the database knows of it."""

    cart: CartOrder
    records: tuple[PosOrder, ...]
    seen_inside_rule: bool
    digest: bytes
    queue: QueueFacts | None
    #: The earliest change under which it was read as paid.
    known_paid_at: datetime | None = None
    #: Reference-less tickets of the same total that no other order has taken.
    tickets: tuple[PosOrder, ...] = ()
    #: What it was last judged to be; None when it agrees, or was never judged.
    verdict: Classification | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What the ledger proves about one side: the latest read, and the union of complete ones."""

    complete: bool
    absence_trusted: bool
    reason: str
    #: Disjoint, ascending intervals that complete reads covered.
    intervals: tuple[tuple[datetime, datetime], ...]
    #: How far the vendor's clock is ahead of ours, as a complete read last told.
    clock_offset: timedelta = timedelta()

    def covers(self, start: datetime, end: datetime) -> bool:
        """Say whether one interval holds both moments."""
        return any(low <= start and end <= high for low, high in self.intervals)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict on a subject: a cart reference, or ``pos:ID`` for an orphan, or ``connection:NAME``."""

    subject: str
    verdict: Verdict


class Orders(Protocol):
    """Order snapshots, coverage and quarantine. Set-based; agreeing orders never leave the database."""

    def ingest_cart(self, channel: Channel, run_id: int, page: Page[CartOrder], now: datetime) -> Ingested:
        """Store a page of cart orders; unchanged ones (same digest) are left alone."""
        ...

    def ingest_pos(self, channel: Channel, run_id: int, page: Page[PosOrder], now: datetime) -> Ingested:
        """Store a page of POS records; likewise."""
        ...

    def rekey(self, channel: Channel) -> None:
        """Tell a channel's stored POS records apart again, by its prefix and those beside it."""
        ...

    def add_coverage(self, channel_id: int, run_id: int, side: Side, coverage: Coverage) -> None:
        """Append to the ledger what was read."""
        ...

    def high_water(self, channel_id: int, side: Side) -> datetime | None:
        """Return where the last complete coverage ended; None when there was none."""
        ...

    def proof(self, channel_id: int, side: Side) -> Proof:
        """Return what the ledger proves about a side now."""
        ...

    def suspects(self, channel: Channel, *, full: bool, now: datetime) -> Iterator[Sequence[Suspect]]:
        """Yield, in chunks, the orders that disagree, are absent, or are due for a second look.

        ``full`` looks at every order; otherwise at what changed since ``channel.compared_run`` or is due.
        """
        ...

    def evidence(self, channel: Channel, references: Sequence[str]) -> Sequence[Suspect]:
        """Return these cart orders with what the database knows of them, whether they agree or not."""
        ...

    def unpaid_due(self, channel_id: int, now: datetime, *, limit: int) -> Mapping[str, str | None]:
        """Return unpaid orders due for a second look, longest first, each with the cart's own id."""
        ...

    def set_verdicts(self, channel_id: int, judgements: Iterable[Judgement]) -> None:
        """Keep each order's latest verdict and when it is due for a second look."""
        ...

    def examined(self, channel: Channel, *, full: bool, now: datetime) -> int:
        """Count the cart orders that ``suspects`` looks at, agreeing ones included."""
        ...

    def orphans(self, channel: Channel) -> Iterator[Sequence[PosOrder]]:
        """Yield live online POS records that no cart order of a channel sharing this POS explains."""
        ...

    def get_cart(self, channel_id: int, reference: str) -> tuple[CartOrder, bytes] | None:
        """Return the stored cart order and its digest."""
        ...

    def as_kept(self, order: CartOrder) -> CartOrder:
        """Return an order as it would come back from here: not every text can be kept to the letter."""
        ...

    def get_verdict(self, channel_id: int, reference: str) -> Classification | None:
        """Return what an order was last judged to be; None when it agrees, or is not known."""
        ...


class MismatchState(StrEnum):
    """What has been decided about a mismatch."""

    OPEN = "open"
    #: A person has seen it and works on it.
    ACKNOWLEDGED = "acknowledged"
    #: It is over: by itself, or because a person says so.
    RESOLVED = "resolved"
    #: A person says that it does not matter.
    IGNORED = "ignored"


class Closer(StrEnum):
    """Who took a mismatch out of ``open``."""

    SYSTEM = "system"
    PERSON = "person"


class Mismatches(Protocol):
    """Classified disagreements and their append-only history."""

    def record(self, channel_id: int, run_id: int, judgements: Iterable[Judgement], now: datetime) -> None:
        """Open, update or close mismatches so that they say what the judgements say.

        Agreed subjects close what is open; classes that are not worth a finding (``excluded``,
        ``sync_delay``) close what is open as well; an order's ``cannot_tell`` leaves everything as it is.
        """
        ...

    def close_absent(self, channel_id: int, prefix: str, subjects: Iterable[str], now: datetime) -> None:
        """Close open mismatches whose subject starts with ``prefix`` and is not among ``subjects``."""
        ...

    def open_since(self, channel_id: int, subject: str, classification: Classification) -> datetime | None:
        """Return since when a subject is found to be of a class; None when that is not open."""
        ...

    def resolve_subject(
        self, channel_id: int, subject: str, *, actor: str, reason: str, now: datetime, unseen: bool = False
    ) -> int:
        """Resolve on a person's word what is open about a subject; return how many mismatches that were.

        ``unseen``: nobody could judge it just now, so that the decision binds to the evidence told next.
        """
        ...

    def decide(
        self,
        channel_id: int,
        mismatch_id: int,
        state: MismatchState,
        *,
        actor: str,
        reason: str,
        now: datetime,
    ) -> bool:
        """Record a person's decision, which holds until the evidence changes; False when it is made already.

        Raises NotFoundError for an unknown mismatch, InputError without an actor or a reason, RefusedError
        for one that is closed already.
        """
        ...


class RunOutcome(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class RunSummary:
    """What one run did: counts per class, durations per phase in seconds."""

    run_id: int
    channel: str
    full: bool
    outcome: RunOutcome = RunOutcome.COMPLETE
    counts: dict[str, int] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Runs(Protocol):
    """The run ledger."""

    def start(self, channel_id: int, *, full: bool, trigger: str, now: datetime) -> int:
        """Open a run; return its id."""
        ...

    def finish(self, channel_id: int, summary: RunSummary, now: datetime) -> None:
        """Write how the run ended."""
        ...

    def sweep_is_due(self, channel_id: int, now: datetime) -> bool:
        """Say whether it is time to look at every order of the channel, or to try that again."""
        ...

    def last_finished(self, channel_id: int) -> int:
        """Return the id of the channel's latest finished run, 0 when there is none."""
        ...

    def take_due_job(self, name: str, every: timedelta) -> bool:
        """Claim a job that is due every so often (database clock); of all who ask, one is told True."""
        ...


class UnitOfWork(AbstractContextManager["UnitOfWork"], Protocol):
    """One connection and its transaction. Leaving without ``commit`` rolls back."""

    channels: Channels
    configuration: Configuration
    orders: Orders
    mismatches: Mismatches
    queue: Queue
    runs: Runs

    def now(self) -> datetime:
        """Return the present moment by the database's clock, which all processes share."""
        ...

    def commit(self) -> None:
        """Make what was done so far permanent; in a rehearsal, do nothing."""
        ...

    def commit_unless_busy(self, work: Callable[[], object]) -> bool:
        """Do ``work`` in a transaction of its own and commit it.

        False where another session holds what it needs for more than a moment: then nothing of it was done.
        """
        ...


OpenUnitOfWork: TypeAlias = Callable[[], UnitOfWork]
