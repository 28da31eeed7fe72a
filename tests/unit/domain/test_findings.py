"""Findings that are not about one cart order, and how facts become sentences."""

from datetime import timedelta

import pytest

from reconciler.domain.classification import classify_orphan, connection_verdict, fill
from reconciler.domain.orders import PosStatus
from reconciler.domain.table import AUTH_FAILURE, BRAKE, CANNOT_TELL, ORPHAN
from reconciler.domain.verdict import Resend, Severity, Who
from tests.builders import CUSTOMER, NOW, G, ago, pos_order

UNREAD = {"connection": "rosebud-pos", "reason": "line 7 breaks off", "orders": 3}


def test_an_orphan_is_reported_by_the_pos_record_alone():
    """The finding says what the record is worth and where it lies, and nothing about who ordered."""
    verdict = classify_orphan(pos_order(reference="9999"), "50.00 USD", NOW)
    assert (verdict.classification, verdict.rule) == ("orphan_in_pos", "C.orphan_in_pos")
    assert verdict.sentence == "The POS has an online order (50.00 USD) that no cart order explains."
    assert (verdict.who, verdict.resend) == (Who.OPS, Resend.NO)
    assert verdict.since == pos_order().created_at
    assert verdict.facts["status"] is PosStatus.OPEN
    assert str(CUSTOMER.name) not in repr(verdict)


def test_refused_credentials_are_urgent_at_once():
    """Nothing can be read until an administrator acts."""
    facts = {"connection": "rosebud-cart", "reason": "401 on the identity probe"}
    verdict = connection_verdict(AUTH_FAILURE, facts, since=NOW, now=NOW)
    assert verdict.severity is Severity.URGENT
    assert verdict.sentence == "We are no longer allowed to read rosebud-cart: 401 on the identity probe."


@pytest.mark.parametrize(
    ("since", "severity"),
    [(NOW - 2 * G + timedelta(seconds=1), Severity.NORMAL), (NOW - 2 * G, Severity.URGENT)],
)
def test_a_side_that_cannot_be_read_for_2g_is_urgent(since, severity):
    """One bad read mends itself; none that covers for twice the grace needs somebody."""
    verdict = connection_verdict(CANNOT_TELL, UNREAD, since=since, now=NOW, grace=G)
    assert verdict.severity is severity
    assert verdict.escalates_at == since + 2 * G


def test_without_a_grace_a_bad_read_does_not_escalate_by_itself():
    """Who does not know the channel's G gets the finding without a date."""
    verdict = connection_verdict(CANNOT_TELL, UNREAD, since=ago(days=9), now=NOW)
    assert (verdict.severity, verdict.escalates_at) == (Severity.NORMAL, None)


def test_the_brake_is_urgent_and_says_how_many():
    """One finding instead of hundreds of orders sent on a read that nobody believes."""
    verdict = connection_verdict(BRAKE, {"orders": 400, "limit": 20}, since=NOW, now=NOW)
    assert (verdict.rule, verdict.cause, verdict.severity) == (
        "A.cannot_tell.brake",
        "brake",
        Severity.URGENT,
    )
    assert "400 orders look missing at once, more than the 20" in verdict.sentence


def test_a_grace_hurries_nothing_that_does_not_count_in_it():
    """An orphan waits for the books to be tied out, however short the channel's G."""
    facts = {"pos_total": "1.00 USD"}
    assert connection_verdict(ORPHAN, facts, since=ago(days=9), now=NOW, grace=G).escalates_at is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (["A", "B"], "A, B"),
        ((), "no code given"),
        ({"ROSE-12": "2", "CARD": "1"}, "2 x ROSE-12, 1 x CARD"),
        (None, "unknown"),
        (PosStatus.ATTENTION_REQUIRED, "attention_required"),
        ("{braces} of a hostile code", "{braces} of a hostile code"),
        (7, "7"),
    ],
)
def test_facts_become_words(value, words):
    """Lists, counts and what is not known read like a sentence; a fact is never taken for a template."""
    assert fill("It is: {fact}.", {"fact": value}) == f"It is: {words}."
