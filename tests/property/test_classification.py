"""What holds for every evidence there can be, whatever the rules make of it."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.domain.classification import classify
from reconciler.domain.evidence import Absence
from reconciler.domain.sending import Absences, may_send
from reconciler.domain.table import ORDER_RULES
from reconciler.domain.verdict import Classification, Resend, Verdict
from tests.builders import CUSTOMER, NOW, POLICY
from tests.property.strategies import evidences, moments, policies
from tests.unit.domain import rows_absent, rows_present

C = Classification
IDS = {rule.id for rule in ORDER_RULES}
NO_POS_NEEDED = {C.EXCLUDED, C.UNPAID, C.PAYMENT_CONFLICT, C.PARTLY_PAID}
READ = Absences(trusted=True, covers_to=NOW + timedelta(days=9))


def encode(value: object) -> object:
    """Write what JSON has no word for."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case Enum():
            return value.value
        case _:
            raise TypeError(f"{value!r} cannot be written as JSON")


@given(evidences(), policies, moments)
def test_every_evidence_gets_exactly_one_verdict(evidence, policy, now):
    """Whatever is known, one rule of the table decides, agreement included, and nothing raises."""
    verdict = classify(evidence, policy, now)
    assert verdict.rule in IDS | {"agreed", "A.cannot_tell"}
    assert verdict.rule not in verdict.also
    assert len(set(verdict.also)) == len(verdict.also)
    assert verdict.agreed is (verdict.rule == "agreed")


@given(evidences(), policies, moments)
def test_the_first_rule_that_holds_gives_the_class(evidence, policy, now):
    """The rules that hold too come later in the table, in its order."""
    order = [rule.id for rule in ORDER_RULES]
    verdict = classify(evidence, policy, now)
    others = [order.index(rule) for rule in verdict.also]
    assert others == sorted(others)
    if others and verdict.classification is not C.SYNC_DELAY:
        assert order.index(verdict.rule) < others[0]


@given(evidences(), policies, moments)
def test_the_same_evidence_gets_the_same_verdict(evidence, policy, now):
    """Nothing but the arguments decides: no clock, no chance, no memory of what was judged before."""
    assert classify(evidence, policy, now) == classify(replace(evidence), replace(policy), now)


@given(evidences(absent=False), policies)
def test_the_order_in_which_the_pos_tells_its_records_does_not_matter(evidence, policy):
    """A vendor that sorts its answer differently tomorrow changes nothing, the facts included."""
    verdicts = [
        classify(replace(evidence, records=records), policy, NOW)
        for records in permutations(evidence.records)
    ]
    assert all(verdict == verdicts[0] for verdict in verdicts)


@given(evidences(absent=True), policies, moments)
def test_an_incomplete_read_of_the_pos_proves_no_absence(evidence, policy, now):
    """What the cart alone decides is still decided; every other absent order cannot be told."""
    verdict = classify(replace(evidence, absence=Absence.INCOMPLETE), policy, now)
    assert verdict.classification in NO_POS_NEEDED | {C.CANNOT_TELL}


@given(evidences(), policies, moments)
def test_missing_is_said_of_proven_absence_after_g_only(evidence, policy, now):
    """Never before G, never with a record, never on a read that broke off or does not reach the order."""
    if classify(evidence, policy, now).classification is C.MISSING:
        told = evidence.cart.paid_at or evidence.cart.updated_at or evidence.cart.placed_at
        since = max(told, evidence.cart.placed_at) - evidence.cart_clock_offset
        assert now - since >= policy.grace
        assert evidence.absence is Absence.PROVEN
        assert evidence.records == ()


@given(evidences(), policies, moments)
def test_on_its_way_is_said_within_grace_only(evidence, policy, now):
    """At G it is missing, or cannot be told; a second look is due by then."""
    verdict = classify(evidence, policy, now)
    if verdict.classification is C.SYNC_DELAY:
        assert verdict.since is not None
        assert now < verdict.since + policy.grace
        assert verdict.check_at is not None
        assert now < verdict.check_at <= verdict.since + policy.grace


@given(evidences(), policies, moments)
def test_only_absence_is_ever_sent(evidence, policy, now):
    """A class that forbids a re-send, or makes it wait, never lets an order into the queue."""
    verdict = classify(evidence, policy, now)
    if may_send(evidence, verdict, policy, READ, now).send:
        assert verdict.resend is Resend.ONCE
        assert evidence.records == ()
        assert evidence.absence is Absence.PROVEN
        assert not evidence.cart.dead
        assert evidence.handed_over_at is None
        assert evidence.queue is None


@given(evidences(), policies, moments)
def test_the_facts_of_a_verdict_can_be_stored_as_json(evidence, policy, now):
    """Facts are made of what JSON has words for, and of times, dates, decimals and enumerations."""
    facts = classify(evidence, policy, now).facts
    again = json.loads(json.dumps(facts, default=encode, allow_nan=False))
    assert set(again) == set(facts)


@given(evidences(), policies, moments)
def test_a_finding_names_its_facts_not_its_customer(evidence, policy, now):
    """Sentences are filled in, and neither they nor the facts name the customer."""
    verdict = classify(evidence, policy, now)
    said = repr((verdict.sentence, verdict.next_step, verdict.facts))
    private = [evidence.cart.customer.name, evidence.cart.customer.phone, CUSTOMER.phone]
    assert not [word for word in private if word and len(word) > 3 and word in said]
    if not verdict.agreed:
        assert verdict.sentence
        assert verdict.next_step
        assert verdict.since is not None


@given(evidences(), policies, moments)
def test_a_second_look_is_never_due_in_the_past(evidence, policy, now):
    """What is due is due later, and what will escalate is looked at by then."""
    verdict = classify(evidence, policy, now)
    assert verdict.check_at is None or verdict.check_at > now
    if verdict.escalates_at and verdict.escalates_at > now:
        assert verdict.check_at is not None
        assert verdict.check_at <= verdict.escalates_at


@given(evidences(), policies, st.lists(moments, min_size=2, max_size=2, unique=True).map(sorted))
def test_time_alone_never_hides_a_finding(evidence, policy, times):
    """What is reported stays reported until something changes: grace ends once, it does not come back."""
    early, late = (classify(evidence, policy, now) for now in times)
    waiting = {C.AGREED, C.SYNC_DELAY}
    if early.classification not in waiting:
        assert late.classification not in waiting
    if early.classification in waiting and late.classification not in waiting | {C.CANNOT_TELL}:
        assert early.check_at is not None


def test_every_rule_can_be_reached():
    """No row of the table is dead: among drawn evidence and the examples, each rule decides something."""
    reached: set[str] = set()

    @settings(derandomize=True, database=None, max_examples=500)
    @given(evidences(), policies)
    def collect(evidence, policy):
        verdict: Verdict = classify(evidence, policy, NOW)
        reached.add(verdict.rule)

    collect()
    examples = {classify(r.evidence, r.policy, NOW).rule for r in (*rows_present.ROWS, *rows_absent.ROWS)}
    assert examples >= IDS
    assert len(reached & IDS) > len(IDS) // 3, "drawn evidence decides too little; look at the strategies"
    assert classify(rows_present.ROWS[0].evidence, POLICY, NOW).rule in IDS
