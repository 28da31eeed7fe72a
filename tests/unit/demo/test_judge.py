"""Truth against findings: what is found, what is met, what is a false alarm and what a duplicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from reconciler.demo.judge import Evidence, judge
from reconciler.demo.store import Store
from reconciler.demo.truth import End, Label
from reconciler.demo.watch import Look
from reconciler.domain.verdict import Classification

C = Classification
NOTHING = Look(read={}, agreed={}, verdicts={}, open={}, ever={}, queue={}, told={})


def label(*classes: C, end: End, **more: Any) -> Label:
    """Return a label for order 1001."""
    return Label(merchant="shop", channel="web", subject="1001", classes=classes, end=end, **more)


def evidence(
    *,
    open_now: tuple[C, ...] = (),
    ever: tuple[C, ...] = (),
    verdict: C | None = None,
    records: int = 0,
    sent: int = 0,
    subject: str = "1001",
) -> Evidence:
    """Return what is known of one subject."""
    key = ("web", subject)
    look = replace(
        NOTHING,
        open={key: frozenset(open_now)},
        ever={key: frozenset({*ever, *open_now})},
        verdicts={key: verdict} if verdict else {},
    )
    seen: Mapping[tuple[str, str], set[C]] = {key: {verdict}} if verdict else {}
    return Evidence(look, seen, Store({key: records}, {key: sent}), {})


MISSING = label(C.MISSING, end=End.REPAIRED, sends=1)
VOIDED = label(C.VOIDED_IN_POS, end=End.FLAGGED)
UNPAID = label(C.UNPAID, end=End.WAITING)
TRAP = label(C.AGREED, end=End.AGREED)
CASES = {
    "a finding that is open is met": (VOIDED, evidence(open_now=(C.VOIDED_IN_POS,)), ""),
    "a finding that was closed is not": (VOIDED, evidence(ever=(C.VOIDED_IN_POS,)), "nobody is told"),
    "another class does not count": (VOIDED, evidence(open_now=(C.MISSING,)), "never called voided_in_pos"),
    "one hand-over and the record repair": (MISSING, evidence(ever=(C.MISSING,), records=1, sent=1), ""),
    "a second hand-over does not": (
        MISSING,
        evidence(ever=(C.MISSING,), records=1, sent=2),
        "handed to the till 2 times, not 1",
    ),
    "without a record nothing is repaired": (
        MISSING,
        evidence(ever=(C.MISSING,), sent=1),
        "the till does not",
    ),
    "a finding left open is no repair": (
        MISSING,
        evidence(open_now=(C.MISSING,), records=1, sent=1),
        "still",
    ),
    "what waits keeps its class": (UNPAID, evidence(verdict=C.UNPAID), ""),
    "a trap that is silent is met": (TRAP, evidence(records=1), ""),
    "a trap that is called something is not": (TRAP, evidence(verdict=C.MISSING, records=1), "still called"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_label_is_met_only_by_its_own_story(name) -> None:
    """Each end asks for the findings, the POS file and the outbox to agree on it."""
    truth, known, trouble = CASES[name]
    score = judge([truth], known)
    assert score.met == (trouble == "")
    assert trouble in "".join(why for _, why in score.unmet)


def test_what_nobody_injected_is_a_false_alarm_for_ever() -> None:
    """A finding that was closed again has still been shown to somebody."""
    score = judge([], evidence(ever=(C.AMOUNT_MISMATCH,)))
    assert score.false_alarms == [(("web", "1001"), C.AMOUNT_MISMATCH)]
    assert score.met
    assert not score.perfect


def test_an_order_on_its_way_and_one_that_cannot_be_told_are_no_alarms() -> None:
    """Every order may be in its grace for a moment, or behind a torn file."""
    for name in (C.SYNC_DELAY, C.CANNOT_TELL):
        assert judge([], evidence(verdict=name)).perfect


def test_the_brake_is_an_alarm() -> None:
    """No world has so many missing orders that nobody would believe it."""
    assert judge([], evidence(open_now=(C.CANNOT_TELL,), subject="channel:brake")).false_alarms


def test_a_torn_file_must_have_been_told_and_be_over() -> None:
    """The finding about the connection came, and went by itself."""
    torn = label(C.CANNOT_TELL, end=End.REPAIRED, kind="connection")
    assert judge([torn], evidence(ever=(C.CANNOT_TELL,), subject="connection:1001")).perfect
    assert not judge([torn], evidence(open_now=(C.CANNOT_TELL,), subject="connection:1001")).met


def test_duplicates_are_counted_from_the_stores_own_files() -> None:
    """Two live records of one order, or two hand-overs, whatever our database says."""
    key = ("web", "1001")
    twice = Evidence(NOTHING, {}, Store({key: 2}, {}), {})
    assert judge([], twice).duplicates == [key]
    assert judge([], Evidence(NOTHING, {}, Store({key: 2}, {}), {key: 2})).duplicates == []
    assert judge([], Evidence(NOTHING, {}, Store({}, {key: 2}), {})).duplicates == [key]


def test_the_score_is_one_sentence() -> None:
    """The line that a person reads first."""
    score = judge([MISSING], evidence(ever=(C.MISSING,), records=1, sent=1))
    assert score.sentence.startswith("1 injected, 1 found, 1 repaired, 0 flagged")
    assert score.sentence.endswith("0 duplicates, 0 false alarms")
