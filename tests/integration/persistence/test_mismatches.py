"""Findings open, change, end and come back; what a person decided holds until the evidence is another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from reconciler.domain.errors import InputError, NotFoundError, RefusedError
from reconciler.domain.verdict import Classification, Severity, Verdict, Who
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.mismatches import evidence_digest
from reconciler.ports import Channel, Judgement, MismatchState
from tests.builders import NOW
from tests.integration.persistence.world import channel

C = Classification
AGREED = Verdict(classification=C.AGREED, rule="agreed")
LATER = NOW + timedelta(hours=1)


def verdict(
    classification: Classification = C.MISSING, facts: Mapping[str, object] | None = None, **more: Any
) -> Verdict:
    """Return a finding."""
    return Verdict(
        classification=classification,
        rule=f"D.{classification}",
        facts={"total": "1.00 USD"} if facts is None else facts,
        sentence="It is not there.",
        who=Who.OPS,
        severity=Severity.NORMAL,
        since=NOW,
        **more,
    )


def say(
    unit: SqlUnitOfWork, where: Channel, said: Verdict, subject: str = "1001", now: datetime = NOW
) -> None:
    """Record one judgement."""
    unit.mismatches.record(where.id, 7, [Judgement(subject, said)], now)


def states(unit: SqlUnitOfWork) -> dict[str, str]:
    """Return the state of each finding by class."""
    rows = unit.connection.exec_driver_sql("SELECT classification, state FROM mismatches ORDER BY id")
    return dict(tuple(row) for row in rows)


def history(unit: SqlUnitOfWork) -> list[str]:
    """Return what happened, in order."""
    return [*unit.connection.exec_driver_sql("SELECT kind FROM mismatch_events ORDER BY id").scalars()]


def decide(unit: SqlUnitOfWork, where: Channel, state: MismatchState, *, actor: str = "ann") -> bool:
    """Record a person's decision on the only finding."""
    number = unit.connection.exec_driver_sql("SELECT id FROM mismatches").scalar_one()
    return unit.mismatches.decide(where.id, number, state, actor=actor, reason="seen", now=NOW)


def test_a_finding_opens_and_ends_by_itself(unit: SqlUnitOfWork):
    """Its row and its history stay."""
    where = channel(unit)
    say(unit, where, verdict())
    say(unit, where, AGREED)
    assert states(unit) == {"missing": "resolved"}
    assert history(unit) == ["opened", "resolved"]


def test_saying_the_same_again_adds_nothing_to_the_history(unit: SqlUnitOfWork):
    """Severity and the time it was last seen may move; the evidence has not."""
    where = channel(unit)
    say(unit, where, verdict())
    say(unit, where, verdict(escalates_at=LATER), now=LATER)
    assert history(unit) == ["opened"]
    row = unit.connection.exec_driver_sql(
        "SELECT first_seen_at, last_seen_at, escalates_at FROM mismatches"
    ).one()
    assert tuple(row) == (NOW, LATER, LATER)


def test_new_evidence_is_kept_in_the_history(unit: SqlUnitOfWork):
    """The facts of then and of now."""
    where = channel(unit)
    say(unit, where, verdict(facts={"total": "1.00 USD"}))
    say(unit, where, verdict(facts={"total": "2.00 USD"}))
    assert history(unit) == ["opened", "changed"]
    facts = unit.connection.exec_driver_sql("SELECT facts ->> 'total' FROM mismatch_events ORDER BY id")
    assert [*facts.scalars()] == ["1.00 USD", "2.00 USD"]


def test_an_order_has_one_open_finding_of_a_class_and_another_class_ends_it(unit: SqlUnitOfWork):
    """Evidence picks the class: the finding under the old one is over."""
    where = channel(unit)
    say(unit, where, verdict(C.MISSING))
    say(unit, where, verdict(C.IN_DOUBT))
    assert states(unit) == {"missing": "resolved", "in_doubt": "open"}
    say(unit, where, verdict(C.MISSING))
    assert states(unit) == {"missing": "open", "in_doubt": "resolved"}
    assert history(unit) == ["opened", "opened", "resolved", "reopened", "resolved"]


@pytest.mark.parametrize("classification", [C.EXCLUDED, C.SYNC_DELAY])
def test_classes_that_are_no_findings_end_what_is_open(unit: SqlUnitOfWork, classification: Classification):
    """Nobody is told of an order that is excluded or on its way."""
    where = channel(unit)
    say(unit, where, verdict(classification))
    assert states(unit) == {}
    say(unit, where, verdict())
    say(unit, where, verdict(classification))
    assert states(unit) == {"missing": "resolved"}


def test_an_order_that_cannot_be_told_about_leaves_its_findings_as_they_are(unit: SqlUnitOfWork):
    """A bad read neither opens nor ends anything."""
    where = channel(unit)
    say(unit, where, verdict())
    say(unit, where, verdict(C.CANNOT_TELL))
    assert states(unit) == {"missing": "open"}


@pytest.mark.parametrize("subject", ["connection:rosebud-pos", "channel:brake"])
def test_a_connection_that_cannot_be_read_is_a_finding(unit: SqlUnitOfWork, subject: str):
    """One for all the orders it leaves undecided."""
    where = channel(unit)
    say(unit, where, verdict(C.CANNOT_TELL), subject)
    assert states(unit) == {"cannot_tell": "open"}


def test_findings_that_nobody_repeats_are_closed(unit: SqlUnitOfWork):
    """Of the subjects that begin alike, those that are not named again are over; others are left alone."""
    where = channel(unit)
    for subject in ("pos:1", "pos:2", "connection:x", "pos%"):
        say(unit, where, verdict(C.ORPHAN_IN_POS), subject)
    unit.mismatches.close_absent(where.id, "pos:", ["pos:2"], NOW)
    rows = unit.connection.exec_driver_sql("SELECT subject FROM mismatches WHERE state = 'open' ORDER BY 1")
    assert [*rows.scalars()] == ["connection:x", "pos%", "pos:2"]


@pytest.mark.parametrize("state", [MismatchState.ACKNOWLEDGED, MismatchState.RESOLVED, MismatchState.IGNORED])
def test_what_a_person_decided_holds_for_the_same_evidence(unit: SqlUnitOfWork, state: MismatchState):
    """Told again, in whatever order its facts come, it stays decided."""
    where = channel(unit)
    say(unit, where, verdict(facts={"a": 1, "b": NOW}))
    assert decide(unit, where, state)
    assert not decide(unit, where, state)
    say(unit, where, verdict(facts={"b": NOW, "a": 1}), now=LATER)
    assert states(unit) == {"missing": state}
    assert history(unit) == ["opened", state]


@pytest.mark.parametrize("state", [MismatchState.ACKNOWLEDGED, MismatchState.RESOLVED, MismatchState.IGNORED])
def test_new_evidence_opens_what_a_person_closed(unit: SqlUnitOfWork, state: MismatchState):
    """The decision was about other facts; who made it stays in the history."""
    where = channel(unit)
    say(unit, where, verdict())
    decide(unit, where, state)
    say(unit, where, verdict(facts={"total": "2.00 USD"}))
    assert states(unit) == {"missing": "open"}
    assert history(unit) == ["opened", state, "reopened"]
    row = unit.connection.exec_driver_sql("SELECT actor, reason, closed_by, closed_at FROM mismatches").one()
    assert tuple(row) == (None, None, None, None)
    actors = unit.connection.exec_driver_sql("SELECT actor FROM mismatch_events ORDER BY id").scalars()
    assert [*actors] == [None, "ann", None]


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ({"attempts": 2, "last_lookup_at": LATER}, {"attempts": 3, "last_lookup_at": NOW}, "acknowledged"),
        ({"codes": ["A"], "attempts": 1}, {"codes": ["B"], "attempts": 1}, "open"),
        ({"vendor_words": "no"}, {"vendor_words": "no, sorry"}, "open"),
        ({"status": "created"}, {"status": "ready"}, "open"),
        (
            {"reason": "down", "orders": 1, "references": ["1"]},
            {"reason": "down", "orders": 2},
            "acknowledged",
        ),
    ],
)
def test_one_more_try_or_look_is_no_new_evidence(
    unit: SqlUnitOfWork, before: Mapping[str, object], after: Mapping[str, object], state: str
):
    """What was acknowledged stays so until the POS says something else."""
    where = channel(unit)
    say(unit, where, verdict(C.POS_ERROR, facts=before))
    decide(unit, where, MismatchState.ACKNOWLEDGED)
    say(unit, where, verdict(C.POS_ERROR, facts=after))
    assert states(unit) == {"pos_error": state}


@pytest.mark.parametrize(
    ("state", "ended", "back"),
    [
        (MismatchState.ACKNOWLEDGED, "resolved", "open"),
        (MismatchState.RESOLVED, "resolved", "resolved"),
        (MismatchState.IGNORED, "ignored", "ignored"),
    ],
)
def test_what_comes_back_with_the_same_evidence(
    unit: SqlUnitOfWork, state: MismatchState, ended: str, back: str
):
    """Acknowledged means that somebody works on it: it ends, and its return is news. Closed stays closed."""
    where = channel(unit)
    say(unit, where, verdict())
    decide(unit, where, state)
    say(unit, where, AGREED)
    assert states(unit) == {"missing": ended}
    say(unit, where, verdict())
    assert states(unit) == {"missing": back}


def test_a_decision_wants_a_name_a_reason_and_something_open(unit: SqlUnitOfWork):
    """Each lack is one clear error."""
    where = channel(unit)
    with pytest.raises(NotFoundError, match="12345"):
        unit.mismatches.decide(where.id, 12345, MismatchState.IGNORED, actor="a", reason="b", now=NOW)
    say(unit, where, verdict())
    with pytest.raises(InputError, match="name and a reason"):
        decide(unit, where, MismatchState.IGNORED, actor=" ")
    with pytest.raises(RefusedError):
        decide(unit, where, MismatchState.OPEN)
    say(unit, where, AGREED)
    with pytest.raises(RefusedError, match="resolved"):
        decide(unit, where, MismatchState.IGNORED)


def test_many_findings_are_recorded_with_few_statements(unit: SqlUnitOfWork):
    """And a subject that is judged twice has its last judgement."""
    where = channel(unit)
    judgements = [Judgement(f"{number}", verdict()) for number in range(2500)]
    unit.mismatches.record(where.id, 7, [*judgements, Judgement("0", AGREED)], NOW)
    assert unit.connection.exec_driver_sql("SELECT count(*) FROM mismatches").scalar_one() == 2499


def test_hostile_words_are_kept_as_words(unit: SqlUnitOfWork):
    """A customer's name in a fact neither breaks the statement nor changes it."""
    where = channel(unit)
    name = "=HYPERLINK('x')<script>\0\\u0000%s"
    say(unit, where, verdict(facts={"name": name}))
    kept = unit.connection.exec_driver_sql("SELECT facts ->> 'name' FROM mismatches").scalar_one()
    assert kept == name.replace("\0", "\ufffd")


def test_the_evidence_digest_tells_rules_apart():
    """The same facts under another rule are other evidence."""
    assert evidence_digest(verdict(C.MISSING)) != evidence_digest(verdict(C.STUCK))
