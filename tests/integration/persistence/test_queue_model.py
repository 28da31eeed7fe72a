"""The queue in the database against a model of a few lines: whatever workers, rescue and people do, and when.

Workers keep their claims for ever, so that those who were rescued from wake up and try to write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import Engine

from reconciler.domain.errors import RefusedError
from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import PosStatus
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
    #: How the last attempt failed is known.
    refused: bool = False
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
        self.voided: set[str] = set()

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
        entry, claim = self._mine(data), self._drawn
        if entry is not None:
            write(claim)
            return entry
        with pytest.raises(RefusedError):
            write(claim)
        return None

    def _mine(self, data: Any) -> Entry | None:
        """Draw a claim, one that still holds as a rule; return its entry if it does."""
        late = data.draw(st.integers(0, 3), "one in four is late") == 0
        holding = [] if late else [claim for claim in self.claims if self._holds(claim)]
        self._drawn = claim = data.draw(st.sampled_from(holding or self.claims))
        return self.entries[claim.reference] if self._holds(claim) else None

    def _holds(self, claim: Claim) -> bool:
        entry = self.entries[claim.reference]
        return entry.status == "processing" and entry.token == claim.token

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
        # The same key once more, when nobody said no to it, is no new try.
        spends = not entry.admin and not (entry.key == key and entry.unsettled)
        number = intend(self.unit, claim, key)
        entry.key, entry.refused = key, False
        entry.attempts.append((key, None))
        assert number == len(entry.attempts)
        entry.spent += spends
        if data.draw(st.booleans(), "the worker dies in between"):
            return
        untried = kind is OutcomeKind.REFUSED and data.draw(st.booleans(), "by our own check")
        outcome = Outcome(kind=kind, cause=FailureCause.OUTAGE, words="so it was", untried=untried)
        entry.attempts[-1], entry.refused = (key, kind), True
        entry.spent -= spends and (kind is OutcomeKind.DEFERRED or untried)
        assert self.unit.queue.outcome(claim, number, outcome) == entry.spent

    @precondition(lambda self: any(entry.claimable for entry in self.entries.values()))
    @rule(data=st.data(), kind=st.sampled_from([OutcomeKind.UNKNOWN, *OutcomeKind]))
    def take_a_turn(self, data: Any, kind: OutcomeKind) -> None:
        """What a worker does as a rule: take an order, send it, and say what came of it."""
        self.claim()
        self.send(data, kind)
        if kind is OutcomeKind.REFUSED:
            self.fail(data, resend=data.draw(st.booleans()))
        elif kind is OutcomeKind.DEFERRED:
            self.release(data, due=True)
        else:
            self.doubt(data, due=True, last=data.draw(st.integers(0, 3)) == 0)

    @rule()
    def wait(self) -> None:
        """Time passes: whatever was to wait for it is due."""
        self.unit.connection.exec_driver_sql(
            "UPDATE queue_entries SET not_before = NULL, next_lookup_at = next_lookup_at - interval '9 years'"
        )
        for entry in self.entries.values():
            entry.due = True

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def succeed(self, data: Any) -> None:
        """The POS may show the order."""
        if data.draw(st.integers(0, 3)):
            return
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
            entry.key, entry.admin, entry.refused = None, entry.admin and not resend, True

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

    @rule(data=st.data(), reference=st.sampled_from(REFERENCES))
    def show(self, data: Any, reference: str) -> None:
        """The POS is read, and may show an order: what nobody works on is over."""
        if data.draw(st.integers(0, 7)):
            return
        read_pos(self.unit, self.channel, pos_order(pos_id=f"P{reference}", reference=reference))
        self.seen.add(reference)
        self.voided.discard(reference)
        shown = [self.entries[name] for name in self.seen & self.entries.keys()]
        over = [entry for entry in shown if entry.status not in {"processing", "success"}]
        assert self.unit.queue.adopt_seen(self.channel.id) == len(over)
        for entry in over:
            entry.free("success")

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        """Staff void what the POS has of an order."""
        reference = data.draw(st.sampled_from(sorted(self.seen)))
        gone = pos_order(pos_id=f"P{reference}", reference=reference, status=PosStatus.VOIDED)
        read_pos(self.unit, self.channel, gone)
        self.seen.remove(reference)
        self.voided.add(reference)

    @rule(reference=st.sampled_from(REFERENCES))
    def set_ready(self, reference: str) -> None:
        """A person adds one attempt to what failed, was voided, or never was in the queue."""
        entry = self.entries.get(reference)
        told = {"actor": "ann", "reason": "customer called", "origin": "test"}
        taken = entry is not None and entry.status == "success"
        if entry is not None and (entry.status == "in_doubt" or (taken and reference not in self.voided)):
            with pytest.raises(RefusedError):
                self.unit.queue.set_ready(self.channel.id, reference, **told)
            return
        changes = entry is None or taken or entry.status == "failed"
        assert self.unit.queue.set_ready(self.channel.id, reference, **told) == changes
        if changes:
            entry = self.entries.setdefault(reference, Entry())
            entry.free("ready")
            entry.admin, entry.key = True, None if taken else entry.key

    @rule(budget=st.integers(1, 2))
    def send_again(self, budget: int) -> None:
        """What was refused, is flagged and has a try left is made ready by itself; nothing else is."""
        waiting = self._waiting(budget)
        assert self.unit.queue.resend(self.channel.id, waiting, "something changed") == len(waiting)
        for name in waiting:
            self.entries[name].free("ready")
            self.entries[name].admin = False

    def _waiting(self, budget: int) -> set[str]:
        return {item.reference for item in self.unit.queue.waiting(self.channel.id, budget=budget)}

    @invariant()
    def agrees(self) -> None:
        """The database says what the model says, attempt by attempt, and which have a try left."""
        refused = {name: e for name, e in self.entries.items() if e.refused and e.flagged}
        for budget in (1, 2):
            assert self._waiting(budget) == {name for name, e in refused.items() if e.spent < budget}
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
            # Making a failure smaller takes longer than reading forty steps.
            phases=[Phase.generate],
        ),
    )
