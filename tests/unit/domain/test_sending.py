"""Whether an order may be sent by itself, how often, and when nobody believes what looks missing."""

from datetime import timedelta

import pytest

from reconciler.domain.classification import classify
from reconciler.domain.evidence import Evidence, FailureCause
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus
from reconciler.domain.policy import Delivery, Policy, Send
from reconciler.domain.queue import OPEN, QueueStatus
from reconciler.domain.sending import (
    TRANSIENT,
    Absences,
    Decision,
    automatic_attempts,
    brake_limit,
    brakes,
    may_retry,
    may_send,
)
from tests.builders import NOW, POLICY, SECOND, G, ago, evidence, policy, pos_order, queue_facts, ticket_match

OURS = policy(delivery=Delivery.OURS)
READ = Absences(trusted=True, covers_to=NOW)
NEVER = Decision(send=False)


def decide(known: Evidence, under: Policy = POLICY, absences: Absences = READ) -> Decision:
    """Judge an order, then ask whether it may be sent."""
    return may_send(known, classify(known, under, NOW), under, absences, NOW)


@pytest.mark.parametrize(
    ("label", "known", "under"),
    [
        ("missing, delivered by others", evidence(), POLICY),
        ("missing since G exactly", evidence(paid_at=NOW - G), POLICY),
        (
            "missing, left the download rule after we saw it inside",
            evidence(fulfillment_status=FulfillmentStatus.FULFILLED, seen_inside_rule=True),
            POLICY,
        ),
        ("missing, delivered by us", evidence(), OURS),
        ("just paid, delivered by us", evidence(paid_at=ago(minutes=1)), OURS),
        ("placed the moment the channel went live", evidence(), policy(live_from=ago(hours=24))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_order_enters_the_queue(label, known, under):
    """A paid order that is proven absent is sent; where we deliver, from the first time we read it."""
    assert decide(known, under) == Decision(send=True)


@pytest.mark.parametrize(
    ("label", "known", "under"),
    [
        ("agreed", evidence(pos_order()), POLICY),
        ("on its way, delivered by others", evidence(paid_at=ago(minutes=1)), POLICY),
        ("unpaid", evidence(payment_status=PaymentStatus.PENDING), OURS),
        ("cancelled", evidence(cancelled_at=ago(hours=1)), OURS),
        ("a ticket looks like it", evidence(ticket=ticket_match()), OURS),
        ("outside the download rule", evidence(fulfillment_status=FulfillmentStatus.FULFILLED), OURS),
        ("outside, in grace", evidence(archived=True, paid_at=ago(minutes=1)), OURS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_class_is_not_sent_and_needs_no_excuse(label, known, under):
    """Only absence asks for a send, so nothing is said about the others."""
    assert decide(known, under) == NEVER


@pytest.mark.parametrize(
    ("under", "absences", "reason"),
    [
        (policy(live_from=NOW), READ, "live_from"),
        (policy(send=Send.OFF), READ, "sending is off"),
        (policy(send=Send.ASK), READ, "asks a person"),
        (POLICY, Absences(trusted=False, covers_to=NOW), "does not vouch"),
        (POLICY, Absences(trusted=True, covers_to=None), "not read late enough"),
        (POLICY, Absences(trusted=True, covers_to=ago(hours=23)), "not read late enough"),
        (policy(retry_horizon=timedelta(days=2)), READ, "may still deliver"),
    ],
)
def test_a_missing_order_that_is_not_sent_says_why(under, absences, reason):
    """What keeps the order back is told, since now only a person can help it."""
    decision = decide(evidence(), under, absences)
    assert not decision.send
    assert reason in decision.reason


def test_a_retry_horizon_says_when_the_answer_changes():
    """While another integration may still deliver, the order is looked at again when that is over."""
    decision = decide(evidence(paid_at=ago(hours=3)), policy(retry_horizon=timedelta(hours=5)))
    assert decision.look_at == ago(hours=3) + timedelta(hours=5)


@pytest.mark.parametrize("covers_to", [None, ago(hours=23)])
def test_a_read_that_does_not_reach_far_enough_is_followed_by_one_that_does(covers_to):
    """Nobody is called urgently for what the next good read settles: the answer may change from then on."""
    decision = decide(evidence(paid_at=ago(hours=3)), POLICY, Absences(trusted=True, covers_to=covers_to))
    assert decision.look_at == ago(hours=3) + G


def test_the_retry_horizon_never_shortens_g():
    """A re-send comes after the full G even where the others give up sooner."""
    assert policy(retry_horizon=timedelta(minutes=1)).resend_after == G
    assert policy().resend_after == G
    assert policy(push=True, retry_horizon=G).resend_after == G


@pytest.mark.parametrize(("short", "sent"), [(timedelta(), True), (SECOND, False)])
def test_a_resend_rests_on_a_read_that_reaches_beyond_g(short, sent):
    """A read that ended before the order was due proves nothing about it."""
    absences = Absences(trusted=True, covers_to=NOW - short)
    assert decide(evidence(paid_at=NOW - G), absences=absences).send is sent


@pytest.mark.parametrize("status", QueueStatus)
def test_an_order_with_an_entry_is_never_queued_again(status):
    """One entry an order; while it is open there is nothing to excuse, afterwards the reason is told."""
    queue = queue_facts(status=status)
    for under in (POLICY, OURS):
        decision = may_send(evidence(queue=queue), classify(evidence(), under, NOW), under, READ, NOW)
        assert not decision.send
        assert bool(decision.reason) is (status not in OPEN)


def test_an_order_that_was_delivered_and_is_gone_says_so():
    """Spent attempts and a record that vanished are different troubles."""
    reasons = {}
    for status in (QueueStatus.SUCCESS, QueueStatus.FAILED):
        reasons[status] = decide(evidence(queue=queue_facts(status=status))).reason
    assert "delivered once" in reasons[QueueStatus.SUCCESS]
    assert "used up" in reasons[QueueStatus.FAILED]


@pytest.mark.parametrize(
    ("examined", "limit"), [(0, 20), (50, 20), (100, 20), (101, 20), (105, 21), (1000, 200)]
)
def test_the_brake_is_twenty_orders_or_a_fifth(examined, limit):
    """More than that looking missing at once means that the read is wrong."""
    assert brake_limit(examined) == limit
    assert not brakes(limit, examined, Delivery.THEIRS)
    assert brakes(limit + 1, examined, Delivery.THEIRS)


def test_what_waits_for_us_to_deliver_it_does_not_brake():
    """After an outage many orders wait for their first send; a brake would hold back all later ones, too."""
    assert not brakes(1000, 1000, Delivery.OURS)


@pytest.mark.parametrize(
    ("delivery", "cause", "spent", "again"),
    [
        (Delivery.THEIRS, FailureCause.OUTAGE, 0, True),
        (Delivery.THEIRS, FailureCause.OUTAGE, 1, False),
        (Delivery.OURS, FailureCause.OUTAGE, 1, True),
        (Delivery.OURS, FailureCause.OUTAGE, 2, False),
        (Delivery.OURS, FailureCause.REJECTED, 0, False),
        (Delivery.OURS, FailureCause.UNMAPPED_SKU, 1, False),
        (Delivery.OURS, None, 1, False),
    ],
)
def test_the_resend_is_a_budget_spent_only_where_it_can_help(delivery, cause, spent, again):
    """One re-send, and a first send where we deliver; a refusal that would come again is not tried again."""
    assert may_retry(cause, spent, delivery) is again
    assert automatic_attempts(Delivery.THEIRS) == 1
    assert automatic_attempts(Delivery.OURS) == 2


def test_only_an_outage_passes_by_itself():
    """Every other cause needs a fact to change first."""
    assert {FailureCause.OUTAGE} == TRANSIENT
