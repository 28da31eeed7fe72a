"""When a finding becomes urgent, and when it is looked at again."""

from datetime import UTC, date, datetime, timedelta

import pytest

from reconciler.domain.classification import classify
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus
from reconciler.domain.policy import SAME_DAY_ALARM
from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Severity
from tests.builders import (
    CATALOG,
    LINES,
    NOW,
    POLICY,
    SECOND,
    G,
    ago,
    evidence,
    line,
    policy,
    pos_order,
    queue_facts,
)

TODAY = date(2026, 11, 20)
TOMORROW, LATER = TODAY + timedelta(days=1), TODAY + timedelta(days=3)
#: Midnight in Denver, in UTC.
MIDNIGHT = datetime(2026, 11, 20, 7, tzinfo=UTC)
VOID = pos_order(status=PosStatus.VOIDED, updated_at=ago(hours=20))
URGENT, NORMAL, INFO = Severity.URGENT, Severity.NORMAL, Severity.INFO


@pytest.mark.parametrize(
    ("label", "known", "severity"),
    [
        ("duplicates are always urgent", evidence(pos_order(), pos_order(pos_id="P2")), URGENT),
        ("voided, due today", evidence(VOID, deliver_on=TODAY), URGENT),
        ("voided, overdue", evidence(VOID, deliver_on=date(2026, 11, 1)), URGENT),
        ("voided, due tomorrow", evidence(VOID, deliver_on=TOMORROW), NORMAL),
        ("voided, no day told", evidence(VOID), NORMAL),
        ("cancelled, not shipped", evidence(pos_order(), cancelled_at=ago(hours=3)), URGENT),
        (
            "cancelled, already shipped",
            evidence(pos_order(status=PosStatus.SHIPPED), cancelled_at=ago(hours=3)),
            NORMAL,
        ),
        (
            "cancelled, one of two parts shipped",
            evidence(
                pos_order(lines=LINES[:1], total=44_00, status=PosStatus.SHIPPED),
                pos_order(lines=LINES[1:], total=6_00, pos_id="P2"),
                cancelled_at=ago(hours=3),
            ),
            NORMAL,
        ),
        (
            "unpaid in the POS, not shipped",
            evidence(pos_order(), payment_status=PaymentStatus.PENDING),
            NORMAL,
        ),
        (
            "unpaid in the POS, shipped",
            evidence(
                pos_order(),
                payment_status=PaymentStatus.PENDING,
                fulfillment_status=FulfillmentStatus.FULFILLED,
            ),
            URGENT,
        ),
        ("off by exactly 1%", evidence(pos_order(total=49_50)), NORMAL),
        ("off by a cent more than 1%", evidence(pos_order(total=49_49)), URGENT),
        ("another currency", evidence(pos_order(currency="CAD")), URGENT),
        ("paid in part, due tomorrow", evidence(captured=20_00, deliver_on=TOMORROW), URGENT),
        ("paid in part, due in three days", evidence(captured=20_00, deliver_on=LATER), NORMAL),
        ("missing for a day", evidence(), URGENT),
        ("missing since one second", evidence(paid_at=NOW - G - SECOND), NORMAL),
        ("missing since one second, due today", evidence(paid_at=NOW - G - SECOND, deliver_on=TODAY), URGENT),
        ("missing, queued, not tried yet", evidence(paid_at=NOW - G, queue=queue_facts()), NORMAL),
        ("missing, tried once", evidence(paid_at=NOW - G, queue=queue_facts(attempts=1)), URGENT),
        ("unpaid", evidence(payment_status=PaymentStatus.PENDING), INFO),
        ("on its way", evidence(paid_at=ago(minutes=5)), INFO),
        ("on its way, due today, before the alarm", evidence(paid_at=ago(minutes=9), deliver_on=TODAY), INFO),
        ("on its way, due today, at the alarm", evidence(paid_at=ago(minutes=10), deliver_on=TODAY), URGENT),
        ("on its way, due tomorrow", evidence(paid_at=ago(minutes=60), deliver_on=TOMORROW), INFO),
        (
            "missing after the one re-send",
            evidence(queue=queue_facts(status=QueueStatus.FAILED, attempts=1)),
            URGENT,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_finding_is_as_urgent_as_its_circumstances(label, known, severity):
    """The day, the amount, the parcel and the spent re-send decide whether somebody has to run."""
    assert classify(known, POLICY, NOW).severity is severity


def test_the_delivery_day_is_the_merchants():
    """Eight in the morning in Denver is tomorrow in Auckland: what is due then is due today there."""
    known = evidence(VOID, deliver_on=TOMORROW)
    assert classify(known, policy(timezone="Pacific/Auckland"), NOW).severity is URGENT
    assert classify(known, policy(timezone="America/Denver"), NOW).severity is NORMAL


def test_what_is_due_later_is_looked_at_when_its_day_begins():
    """Nothing changes an order that is due in three days, yet it becomes urgent: the midnight is foreseen."""
    verdict = classify(evidence(VOID, deliver_on=LATER), POLICY, NOW)
    assert verdict.escalates_at == verdict.check_at == MIDNIGHT + timedelta(days=3)


def test_what_is_due_soon_is_looked_at_the_day_before():
    """A class that escalates when delivery is near does so when the day before begins."""
    known = evidence(lines=(line("NEW"),), catalog=CATALOG, deliver_on=LATER, paid_at=ago(minutes=5))
    assert classify(known, POLICY, NOW).escalates_at == ago(minutes=5) + timedelta(days=1)
    sooner = classify(known, policy(), NOW - timedelta(days=1, hours=12))
    assert sooner.escalates_at == min(MIDNIGHT + timedelta(days=2), ago(minutes=5) + timedelta(days=1))


@pytest.mark.parametrize("day", [date.min, date.max, date(1970, 1, 1), date(2100, 1, 1)])
def test_an_absurd_delivery_day_breaks_nothing(day):
    """A slip of the keyboard in a date cannot stop the run."""
    assert classify(evidence(VOID, deliver_on=day), POLICY, NOW).rule == "C.voided_in_pos"


def test_an_order_due_today_alarms_ten_minutes_after_payment_and_is_not_sent_before_g():
    """The alarm of an order due the same day comes before G ends; its re-send does not."""
    known = evidence(paid_at=ago(minutes=4), deliver_on=TODAY)
    verdict = classify(known, POLICY, NOW)
    assert verdict.classification == "sync_delay"
    assert verdict.escalates_at == verdict.check_at == ago(minutes=4) + SAME_DAY_ALARM
    alarmed = classify(known, POLICY, NOW + timedelta(minutes=6))
    assert (alarmed.classification, alarmed.severity) == ("sync_delay", URGENT)
    assert alarmed.check_at == ago(minutes=4) + G


def test_a_push_channels_missing_order_waits_for_the_same_alarm():
    """G is two minutes there, the alarm still ten: missing first, urgent later."""
    verdict = classify(evidence(paid_at=ago(minutes=5), deliver_on=TODAY), policy(push=True), NOW)
    assert (verdict.classification, verdict.severity) == ("missing", NORMAL)
    assert verdict.escalates_at == ago(minutes=5) + SAME_DAY_ALARM


def test_a_missing_order_that_nobody_repairs_becomes_urgent():
    """Half an hour after G at the latest somebody has to look, whatever the delivery day."""
    verdict = classify(evidence(paid_at=ago(minutes=5)), policy(push=True), NOW)
    assert verdict.escalates_at == verdict.check_at == ago(minutes=3) + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (timedelta(minutes=1), timedelta(minutes=5)),  # never sooner than five minutes
        (timedelta(hours=4), timedelta(hours=1)),  # a quarter of its age
        (timedelta(days=30), timedelta(days=1)),  # never later than a day
    ],
)
def test_an_unpaid_order_is_looked_at_at_widening_intervals(age, wait):
    """Carts do not always say that an order was paid, so the older it is the longer we wait to ask again."""
    known = evidence(payment_status=PaymentStatus.PENDING, placed_at=NOW - age, paid_at=None)
    assert classify(known, POLICY, NOW).check_at == NOW + wait


def test_what_agrees_needs_no_second_look():
    """An agreeing order is left alone until something about it changes."""
    verdict = classify(evidence(pos_order()), POLICY, NOW)
    assert verdict.agreed
    assert verdict.check_at is None
