"""Looking before a send, and again after an unknown outcome."""

from datetime import timedelta

import pytest

from reconciler.domain.look import Step, after_unknown, before_send, lookup_schedule, next_lookup
from reconciler.domain.orders import PaymentStatus, PosStatus
from reconciler.domain.policy import LOOKUPS
from tests.builders import NOW, SECOND, G, ago, cart_order, policy, pos_order

ORDER, RECORD = cart_order(), pos_order()
VOID = pos_order(pos_id="P0", status=PosStatus.VOIDED)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("label", "present", "records", "conclusive", "step"),
    [
        ("nothing found, nothing changed", ORDER, (), True, Step.SEND),
        ("the POS has it", ORDER, (RECORD,), True, Step.ADOPT),
        ("the POS has it, in a search that broke off", ORDER, (RECORD,), False, Step.ADOPT),
        ("the POS has it, though the cart lost it", None, (RECORD,), True, Step.ADOPT),
        ("the POS has it, beside a voided one", ORDER, (VOID, RECORD), True, Step.ADOPT),
        ("gone from the cart", None, (), True, Step.WITHDRAW),
        ("cancelled meanwhile", cart_order(cancelled_at=ago(minutes=1)), (), True, Step.WITHDRAW),
        ("refunded meanwhile", cart_order(payment_status=PaymentStatus.REFUNDED), (), True, Step.WITHDRAW),
        ("refunded by amount", cart_order(refunded=50_00), (), True, Step.WITHDRAW),
        ("no longer paid", cart_order(payment_status=PaymentStatus.VOIDED), (), True, Step.WITHDRAW),
        ("voided in the POS", ORDER, (VOID,), True, Step.WITHDRAW),
        ("the search broke off", ORDER, (), False, Step.WAIT),
        ("the order changed", cart_order(total=51_00), (), True, Step.WAIT),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_look_before_a_send_decides(label, present, records, conclusive, step):
    """Found means adopt; anything but a paid, unchanged order and a conclusive search means do not send."""
    found = before_send(ORDER, present, records, conclusive=conclusive)
    assert found.step is step
    assert bool(found.reason) is (step is not Step.SEND)
    assert (found.pos_id == "P1") is (step is Step.ADOPT)


def test_a_free_order_needs_no_payment():
    """Nothing is owed, so no payment status holds it back."""
    free = cart_order(total=0, payment_status=PaymentStatus.PENDING)
    assert before_send(free, free, (), conclusive=True).step is Step.SEND


def test_a_person_may_send_again_what_was_voided():
    """Set Ready on a voided order is on purpose; a live record is still adopted, not doubled."""
    assert before_send(ORDER, ORDER, (VOID,), conclusive=True, on_purpose=True).step is Step.SEND
    assert before_send(ORDER, ORDER, (VOID, RECORD), conclusive=True, on_purpose=True).step is Step.ADOPT
    dead = cart_order(cancelled_at=ago(minutes=1))
    assert before_send(ORDER, dead, (VOID,), conclusive=True, on_purpose=True).step is Step.WITHDRAW


@pytest.mark.parametrize(
    ("records", "repeatable", "step"),
    [
        ((), False, Step.FLAG),
        ((), True, Step.REPEAT),
        ((RECORD,), True, Step.ADOPT),
    ],
)
def test_what_a_person_asked_for_does_not_wait_for_a_search_that_tells_nothing(records, repeatable, step):
    """The same bytes go again where their key is known; otherwise it is said at once why nothing was sent."""
    found = before_send(ORDER, ORDER, records, conclusive=False, on_purpose=True, repeatable=repeatable)
    assert found.step is step
    gone = before_send(ORDER, None, (), conclusive=False, on_purpose=True, repeatable=True)
    assert gone.step is Step.WITHDRAW


def test_of_several_records_the_oldest_is_adopted():
    """The others are duplicates that a person has to void; which one stays must not depend on the reading."""
    younger = pos_order(pos_id="A", created_at=ago(hours=1))
    for records in ((RECORD, younger), (younger, RECORD)):
        assert before_send(ORDER, ORDER, records, conclusive=True).pos_id == "P1"


@pytest.mark.parametrize(
    ("records", "last", "step"),
    [
        ((RECORD,), False, Step.ADOPT),
        ((RECORD,), True, Step.ADOPT),
        ((), False, Step.WAIT),
        ((), True, Step.FLAG),
        ((VOID,), False, Step.WAIT),
        ((VOID,), True, Step.FLAG),
    ],
)
def test_after_an_unknown_outcome_an_order_is_adopted_or_flagged_never_sent(records, last, step):
    """Looking again can find the order or give up on it; it is no licence to send."""
    found = after_unknown(records, last=last)
    assert (found.step, found.pos_id) == (step, "P1" if step is Step.ADOPT else None)


@pytest.mark.parametrize(
    ("records", "last", "conclusive", "step"),
    [
        ((), True, True, Step.REPEAT),
        ((), True, False, Step.REPEAT),  # the POS itself would tell a second one from the first
        ((), False, True, Step.WAIT),
        ((RECORD,), True, True, Step.ADOPT),
        ((VOID,), True, True, Step.FLAG),  # it was taken, and voided since
    ],
)
def test_only_a_pos_that_knows_our_key_is_told_again(records, last, conclusive, step):
    """After the last look the same bytes go once more where they cannot make a second record, not before."""
    assert after_unknown(records, last=last, conclusive=conclusive, repeatable=True).step is step


@pytest.mark.parametrize(
    ("records", "step"), [((), Step.WAIT), ((VOID,), Step.WAIT), ((RECORD,), Step.ADOPT)]
)
def test_a_search_that_broke_off_is_no_last_look(records, step):
    """Giving up rests on having looked: what could not be searched completely is searched again."""
    assert after_unknown(records, last=True, conclusive=False).step is step


@pytest.mark.parametrize(
    ("records", "last", "step"),
    [
        ((), True, Step.FLAG),
        ((VOID,), True, Step.FLAG),
        ((), False, Step.WAIT),
        ((RECORD,), True, Step.ADOPT),
    ],
)
def test_a_search_that_never_tells_is_a_person_s_to_look_at(records, last, step):
    """An order that is half made in the POS stays so: looking for ever helps nobody."""
    assert after_unknown(records, last=last, conclusive=False, patient=False).step is step


def test_a_look_that_was_made_is_not_made_again():
    """However the clocks stand, each look of the schedule happens once."""
    assert next_lookup(LOOKUPS, NOW, NOW, done=1) == NOW + 2 * MINUTE
    assert next_lookup(LOOKUPS, NOW + MINUTE, NOW, done=4) is None


def test_look_ups_come_at_half_a_minute_two_five_and_fifteen():
    """The schedule is counted from the send."""
    assert [wait / MINUTE for wait in LOOKUPS] == [0.5, 2, 5, 15]


def test_a_pos_that_answers_by_its_next_export_is_looked_at_until_g():
    """Only a later file can show the order there, so looking stops no sooner than G."""
    hourly = policy()
    assert lookup_schedule(hourly, confirms_by_read=False) == LOOKUPS
    assert lookup_schedule(hourly, confirms_by_read=True) == (*LOOKUPS, G / 2, G)
    assert lookup_schedule(policy(push=True), confirms_by_read=True) == LOOKUPS
    assert lookup_schedule(policy(grace_override=15 * MINUTE), confirms_by_read=True) == LOOKUPS
    assert lookup_schedule(policy(lookups=()), confirms_by_read=True) == (G / 2, G)


def test_the_next_look_is_the_first_that_is_still_to_come():
    """Looks that a worker slept through are not made up for; after the last there is none."""
    assert next_lookup(LOOKUPS, NOW, NOW) == NOW + timedelta(seconds=30)
    assert next_lookup(LOOKUPS, NOW - MINUTE, NOW) == NOW + MINUTE
    assert next_lookup(LOOKUPS, NOW - 15 * MINUTE + SECOND, NOW) == NOW + SECOND
    assert next_lookup(LOOKUPS, NOW - 15 * MINUTE, NOW) is None
