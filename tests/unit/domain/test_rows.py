"""The decision table on examples: each rule at work, and what nearly is its and belongs to a neighbour."""

from datetime import timedelta

import pytest

from reconciler.domain.classification import classify, grace_of
from reconciler.domain.table import BLOCK_C, ORDER_RULES, Grace
from tests.builders import CUSTOMER, NOW, SECOND
from tests.unit.domain import rows_absent, rows_present
from tests.unit.domain.rows import AGREED, ON_ITS_WAY, Row

ROWS = (*rows_present.ROWS, *rows_absent.ROWS)
HOLDING = [row for row in ROWS if row.holds]
RULES = {rule.id: rule for rule in ORDER_RULES}
REPORTED_LATER = [
    row for row in HOLDING if RULES[row.about].grace is not Grace.NONE and row.about != ON_ITS_WAY
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_example_gets_the_verdict_that_the_table_gives_it(row: Row):
    """Each row's evidence is decided by the rule that the row names, and by no other."""
    assert classify(row.evidence, row.policy, NOW).rule == row.expected


@pytest.mark.parametrize("rule", ORDER_RULES, ids=lambda rule: rule.id)
def test_every_rule_has_examples_on_both_sides(rule):
    """A rule is shown at work, and its limit is shown by evidence that is nearly its."""
    examples = [row for row in ROWS if row.about == rule.id]
    assert any(row.holds for row in examples)
    assert any(not row.holds for row in examples)


@pytest.mark.parametrize("row", HOLDING, ids=str)
def test_a_verdict_names_its_rule_class_cause_and_actor(row: Row):
    """What a rule says of itself is what its findings say."""
    verdict, rule = classify(row.evidence, row.policy, NOW), RULES[row.about]
    said = (verdict.classification, verdict.cause, verdict.who, verdict.resend)
    assert said == (rule.classification, rule.cause, rule.who, rule.resend)
    assert verdict.since is not None


@pytest.mark.parametrize("row", REPORTED_LATER, ids=str)
def test_a_disagreement_is_reported_from_the_end_of_its_grace_on(row: Row):
    """One second before its grace ends it is not reported; at its end it is, and both times say when."""
    since = classify(row.evidence, row.policy, NOW).since
    assert since is not None
    ends = since + grace_of(RULES[row.about], row.policy)
    early = classify(row.evidence, row.policy, ends - SECOND)
    assert early.rule == (AGREED if RULES[row.about] in BLOCK_C else ON_ITS_WAY)
    assert early.check_at == ends
    assert classify(row.evidence, row.policy, ends).rule == row.about


@pytest.mark.parametrize("row", [row for row in HOLDING if row.about in RULES], ids=str)
def test_a_rule_without_grace_is_reported_at_once(row: Row):
    """Where waiting explains nothing, the first second counts."""
    rule = RULES[row.about]
    since = classify(row.evidence, row.policy, NOW).since
    if rule.grace is Grace.NONE and rule.id != "D.missing" and since is not None:
        assert classify(row.evidence, row.policy, since).rule == rule.id


@pytest.mark.parametrize("row", HOLDING, ids=str)
def test_a_finding_speaks_in_whole_sentences(row: Row):
    """Both texts are filled in, end with a full stop and leave no placeholder to the reader."""
    verdict = classify(row.evidence, row.policy, NOW)
    for text in (verdict.sentence, verdict.next_step):
        assert text.endswith(".")
        assert text[0].isupper()
        assert not set("{}") & set(text)
        assert "None" not in text


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_finding_tells_nothing_personal(row: Row):
    """No name, phone or e-mail address of the customer gets into a finding, its facts included."""
    said = repr(classify(row.evidence, row.policy, NOW)).casefold()
    private = (*str(CUSTOMER.name).split(), CUSTOMER.phone, CUSTOMER.email)
    assert [word for word in private if word and word.casefold() in said] == []


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_verdict_looks_forward(row: Row):
    """A second look is never due in the past, and what will escalate is looked at by then."""
    verdict = classify(row.evidence, row.policy, NOW)
    assert verdict.check_at is None or verdict.check_at > NOW
    if verdict.escalates_at and verdict.escalates_at > NOW:
        assert verdict.check_at is not None
        assert verdict.check_at <= verdict.escalates_at


def test_an_undecided_order_says_why_in_words():
    """An order that a broken or a short read leaves open gets a sentence and a next step as well."""
    undecided = [classify(r.evidence, r.policy, NOW) for r in ROWS if r.expected == "A.cannot_tell"]
    assert {verdict.facts["absence"] for verdict in undecided} == {"incomplete", "not_covered"}
    assert all(verdict.sentence.endswith(".") and verdict.next_step for verdict in undecided)


def test_later_rules_that_hold_too_are_kept_as_facts():
    """The first rule gives the class; the names of the others are kept with it, in their order."""
    row = next(r for r in ROWS if r.label == "a duplicate of a cancelled order")
    assert classify(row.evidence, row.policy, NOW).also == ("C.refund_not_propagated",)
    fresh = next(r for r in ROWS if r.label == "outside the download rule, in grace")
    verdict = classify(fresh.evidence, fresh.policy, NOW)
    assert (verdict.rule, verdict.also) == (ON_ITS_WAY, ("D.status_mismatch",))
    assert verdict.check_at == NOW + timedelta(minutes=90)
