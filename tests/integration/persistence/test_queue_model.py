"""The queue in the database against a model of a few lines: whatever workers, rescue and people do, and when.

Workers keep their claims for ever, so that those who were rescued from wake up and try to write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Engine

from reconciler.domain.errors import RefusedError
from reconciler.domain.evidence import FailureCause
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Claim, Outcome, OutcomeKind
from tests.builders import NOW, ago, cart_order, pos_order
from tests.integration.persistence.world import LEASE, channel, intend, read_cart, read_pos

REFERENCES = ("1001", "1002", "1003")
DUE, LATER = ago(days=1000), ago(days=-1000)
UNSETTLED = {None, OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED}


@dataclass
class Entry:
    """What the model knows of an entry."""

    status: str = "created"
    token: int = 0
    due: bool = True
    admin: bool = False
    spent: int = 0
    flagged: bool = False
    key: str | None = None
    #: Key and outcome of every attempt.
    attempts: list[tuple[str, OutcomeKind | None]] = field(default_factory=list)

    @property
    def unsettled(self) -> bool:
        """Something may have been sent under the present key, and nobody said no."""
        return any(key == self.key and outcome in UNSETTLED for key, outcome in self.attempts)

    @property
    def open(self) -> bool:
        """An attempt is under way."""
        return bool(self.attempts) and self.attempts[-1][1] is None

    @property
    def claimable(self) -> bool:
        """A worker may take it now."""
        return self.due and self.status in {"created", "ready", "in_doubt"}

    def free(self, status: str, *, due: bool = True, flagged: bool = False) -> None:
        """Leave ``processing``."""
        self.status, self.due, self.flagged = status, due, flagged


class QueueMachine(RuleBasedStateMachine):
    """Everybody who touches the queue."""

    engine: ClassVar[Engine]

    def __init__(self) -> None:
        super().__init__()
        self.unit = SqlUnitOfWork(self.engine).__enter__()
        self.entries: dict[str, Entry] = {}
        self.claims: list[Claim] = []
        self.seen: set[str] = set()

    @initialize()
    def read(self) -> None:
        """Orders are read before anything else happens."""
        self.channel = channel(self.unit)
        read_cart(self.unit, self.channel, *(cart_order(reference=name) for name in REFERENCES))

    def teardown(self) -> None:
        """Take everything back."""
        self.unit.__exit__(None, None, None)

    @rule(reference=st.sampled_from(REFERENCES))
    def enqueue(self, reference: str) -> None:
        """An order enters once, for good."""
        new = reference not in self.entries
        assert self.unit.queue.enqueue(self.channel.id, [reference], NOW) == new
        self.entries.setdefault(reference, Entry())

    @rule()
    def claim(self) -> None:
        """One of those that are due is taken, and nothing else."""
        claimable = sorted(name for name, entry in self.entries.items() if entry.claimable)
        claims = self.unit.queue.claim(self.channel.id, limit=1, lease=LEASE)
        taken = [claim.reference for claim in claims]
        assert len(taken) == min(1, len(claimable))
        assert set(taken) <= set(claimable)
        for claim in claims:
            entry = self.entries[claim.reference]
            assert (claim.in_doubt, claim.key) == (entry.status == "in_doubt", entry.key)
            entry.status, entry.token = "processing", entry.token + 1
            assert claim.token == entry.token
            self.claims.append(claim)

    def _write(self, data: Any, write: Callable[[Claim], object]) -> Entry | None:
        """Let somebody who has, or had, a claim write; return the entry if it is still theirs."""
        claim = data.draw(st.sampled_from(self.claims))
        entry = self.entries[claim.reference]
        if entry.status == "processing" and entry.token == claim.token:
            write(claim)
            return entry
        with pytest.raises(RefusedError):
            write(claim)
        return None

    def _mine(self, data: Any) -> Entry | None:
        """Look whether the claim drawn next would still hold; draws nothing."""
        claim = data.draw(st.sampled_from(self.claims))
        entry = self.entries[claim.reference]
        self._drawn = claim
        return entry if entry.status == "processing" and entry.token == claim.token else None

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), kind=st.sampled_from(OutcomeKind))
    def send(self, data: Any, kind: OutcomeKind) -> None:
        """The intent is written under a key, which is new only after a definite no; then how it ended."""
        entry, claim = self._mine(data), self._drawn
        key = (entry and entry.key) or f"key-{len(entry.attempts) if entry else 0}"
        if entry is None:
            with pytest.raises(RefusedError):
                intend(self.unit, claim, key)
            return
        if entry.open:
            return
        number = intend(self.unit, claim, key)
        entry.key = key
        entry.attempts.append((key, None))
        assert number == len(entry.attempts)
        entry.spent += not entry.admin
        if data.draw(st.booleans(), "the worker dies in between"):
            return
        outcome = Outcome(kind=kind, cause=FailureCause.OUTAGE, words="so it was")
        self.unit.queue.outcome(claim, number, outcome)
        entry.attempts[-1] = (key, kind)
        entry.spent -= kind is OutcomeKind.DEFERRED and not entry.admin

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def succeed(self, data: Any) -> None:
        """The POS shows the order."""
        entry = self._write(data, lambda claim: self.unit.queue.succeed(claim, "P1", adopted=False))
        if entry:
            entry.free("success")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), due=st.booleans(), last=st.booleans())
    def doubt(self, data: Any, *, due: bool, last: bool) -> None:
        """Nobody knows: look again, or give up and flag it."""
        entry, claim = self._mine(data), self._drawn
        if entry is not None and not entry.attempts:
            return
        upcoming = None if last else DUE if due else LATER
        if entry is None:
            with pytest.raises(RefusedError):
                self.unit.queue.doubt(claim, upcoming, "nobody knows")
            return
        self.unit.queue.doubt(claim, upcoming, "nobody knows")
        entry.free("failed" if last else "in_doubt", due=due, flagged=last)
        entry.admin = False

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), resend=st.booleans())
    def fail(self, data: Any, *, resend: bool) -> None:
        """The POS said no: that ends the key."""
        refused = Outcome(kind=OutcomeKind.REFUSED, cause=FailureCause.OUTAGE, words="no")
        entry = self._write(data, lambda claim: self.unit.queue.fail(claim, refused, resend=resend))
        if entry:
            entry.free("ready" if resend else "failed", flagged=not resend)
            entry.key, entry.admin = None, entry.admin and not resend

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), due=st.booleans())
    def release(self, data: Any, *, due: bool) -> None:
        """Given back: ready, unless something may have been sent."""
        when = DUE if due else LATER
        entry = self._write(data, lambda claim: self.unit.queue.release(claim, when, "not now"))
        if entry:
            entry.free("in_doubt" if entry.unsettled else "ready", due=due)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def withdraw(self, data: Any) -> None:
        """Not to be sent any more: quietly, unless something may have been sent."""
        entry = self._write(data, lambda claim: self.unit.queue.withdraw(claim, "cancelled"))
        if entry:
            entry.free("failed", flagged=entry.unsettled)

    @rule()
    def crash_and_rescue(self) -> None:
        """Every lease runs out: in doubt where something may have been sent, else ready."""
        self.unit.connection.exec_driver_sql("UPDATE queue_entries SET lease_until = now() - interval '1 h'"
                                             " WHERE status = 'processing'")  # fmt: skip
        lost = [entry for entry in self.entries.values() if entry.status == "processing"]
        assert self.unit.queue.rescue() == len(lost)
        for entry in lost:
            if entry.open:
                entry.attempts[-1] = (entry.attempts[-1][0], OutcomeKind.UNKNOWN)
            # A time that it was told to wait for has passed: the claim proves it.
            entry.free("in_doubt" if entry.unsettled else "ready")

    @rule(reference=st.sampled_from(REFERENCES))
    def show(self, reference: str) -> None:
        """The POS is read, and shows an order: what nobody works on is over."""
        read_pos(self.unit, self.channel, pos_order(pos_id=f"P{reference}", reference=reference))
        self.seen.add(reference)
        shown = [self.entries[name] for name in self.seen & self.entries.keys()]
        over = [entry for entry in shown if entry.status not in {"processing", "success"}]
        assert self.unit.queue.adopt_seen(self.channel.id) == len(over)
        for entry in over:
            entry.free("success")

    @rule(reference=st.sampled_from(REFERENCES))
    def set_ready(self, reference: str) -> None:
        """A person adds one attempt to what failed, or never was in the queue; a second click none."""
        entry = self.entries.get(reference)
        told = {"actor": "ann", "reason": "customer called", "origin": "test"}
        if entry is not None and entry.status in {"success", "in_doubt"}:
            with pytest.raises(RefusedError):
                self.unit.queue.set_ready(self.channel.id, reference, **told)
            return
        changes = entry is None or entry.status == "failed"
        assert self.unit.queue.set_ready(self.channel.id, reference, **told) == changes
        if changes:
            entry = self.entries.setdefault(reference, Entry())
            entry.free("ready")
            entry.admin = True

    @invariant()
    def agrees(self) -> None:
        """The database says what the model says, attempt by attempt."""
        rows = self.unit.connection.exec_driver_sql(
            "SELECT q.reference, q.status, q.token, q.spent, q.flagged, q.key, array("
            " SELECT a.outcome FROM attempts a WHERE a.channel_id = q.channel_id"
            " AND a.reference = q.reference ORDER BY a.number) FROM queue_entries q"
        )
        assert {row[0]: tuple(row[1:]) for row in rows} == {
            name: (e.status, e.token, e.spent, e.flagged, e.key, [outcome for _, outcome in e.attempts])
            for name, e in self.entries.items()
        }


def test_the_queue_does_what_its_model_does(engine: Engine):
    """Claims, intents, outcomes, crashes, late writes and clicks, in every order that chance finds."""
    QueueMachine.engine = engine
    run_machine(
        QueueMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
