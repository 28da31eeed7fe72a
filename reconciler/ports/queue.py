"""The queue as services see it: claims that are fenced, and intents committed before their bytes leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from reconciler.domain.evidence import FailureCause
from reconciler.domain.facts import Facts
from reconciler.ports.vendors import Outcome, Submission


class Trigger(StrEnum):
    """Why an attempt is made."""

    AUTO = "auto"
    RETRY = "retry"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A queue entry that this worker may work on until its lease ends. ``token`` fences every write."""

    channel_id: int
    reference: str
    token: int
    #: What the claim is for: a first look and send, or another look at an unknown outcome.
    in_doubt: bool
    attempts: int
    #: Automatic attempts that spent budget.
    spent: int
    #: How often the bytes went out, or may have, under the present key.
    sends: int
    trigger: Trigger
    actor: str
    reason: str
    key: str | None
    body: bytes | None
    #: When the last attempt's bytes left.
    sent_at: datetime | None
    lookups: int
    cart_digest: bytes | None
    #: When the POS may first have heard of the present key: from then on its life counts.
    key_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A submission about to be made: committed before its first byte leaves."""

    submission: Submission
    cart_digest: bytes
    #: What its outcome may hang on, as it is now; None for bytes that go out once more.
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order that was refused for certain, with budget left, and the facts as they were then."""

    reference: str
    failure: FailureCause
    facts: Mapping[str, str]
    #: It was sent again after a menu import already.
    menu_imported: bool


class Queue(Protocol):
    """Queue entries and their append-only attempts.

    Every write under a claim is fenced by its token: a worker whose lease was taken over gets
    RefusedError, and nothing is written.
    """

    def enqueue(self, channel_id: int, references: Iterable[str], now: datetime) -> int:
        """Create entries for orders that have none yet; return how many."""
        ...

    def claim(self, channel_id: int, *, limit: int, lease: timedelta) -> Sequence[Claim]:
        """Lease entries that are created, ready, or in doubt with a look-up due, earliest delivery first."""
        ...

    def intend(self, claim: Claim, intent: Intent) -> int:
        """Write the attempt with key and exact bytes; return its number."""
        ...

    def outcome(self, claim: Claim, attempt: int, outcome: Outcome) -> int:
        """Write how the attempt ended (once), and nothing else; return the budget spent by now."""
        ...

    def succeed(self, claim: Claim, pos_id: str, *, adopted: bool) -> None:
        """Close the entry: the POS shows the order."""
        ...

    def doubt(self, claim: Claim, next_lookup: datetime | None, reason: str) -> None:
        """Leave the entry in doubt until ``next_lookup``; None gives up looking and flags it as failed."""
        ...

    def fail(self, claim: Claim, outcome: Outcome, *, resend: bool) -> None:
        """Refused for certain: ready again when ``resend``, else failed and flagged."""
        ...

    def release(self, claim: Claim, not_before: datetime | None, reason: str) -> None:
        """Return the entry untried, to be claimed again from ``not_before`` on."""
        ...

    def withdraw(self, claim: Claim, reason: str) -> None:
        """Close the entry unsent because the order must not be sent any more."""
        ...

    def waiting(self, channel_id: int, *, budget: int) -> Sequence[Waiting]:
        """Return what was refused and flagged with less than ``budget`` spent, earliest delivery first."""
        ...

    def resend(self, channel_id: int, references: Iterable[str], reason: str) -> int:
        """Make such orders ready again by ourselves; return how many."""
        ...

    def adopt_seen(self, channel_id: int) -> int:
        """Close entries nobody works on whose order the POS shows by now; return how many."""
        ...

    def rescue(self) -> int:
        """Move entries whose lease ran out to in doubt, or back to ready when no byte can have left."""
        ...

    def due_channels(self) -> Sequence[int]:
        """Return channels with something to claim now."""
        ...

    def set_ready(self, channel_id: int, reference: str, *, actor: str, reason: str, origin: str) -> bool:
        """Let an admin add one attempt; False when one is already waiting or under way (a second click).

        What the POS took is sent again only when all its records were voided there, and under a new key.
        Raises NotFoundError for an order we have not read, RefusedError where another attempt could make a
        second POS order.
        """
        ...

    def adopt(
        self, channel_id: int, reference: str, pos_id: str, *, actor: str, reason: str, origin: str
    ) -> bool:
        """Link an order to the POS record that answers it; False when it is linked already.

        Raises RefusedError for a record that answers another order, or an entry that a worker holds.
        """
        ...

    def give_up(self, channel_id: int, reference: str, *, actor: str, reason: str, origin: str) -> bool:
        """Close an order's way into the POS on a person's word; False when that was done already."""
        ...
