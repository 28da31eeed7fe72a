"""Since when a finding holds, and what it says in facts."""

from datetime import timedelta

import pytest

from reconciler.domain.classification import classify
from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus
from reconciler.domain.queue import QueueStatus
from tests.builders import (
    CATALOG,
    LINES,
    NOW,
    POLICY,
    G,
    ago,
    cart_order,
    evidence,
    line,
    policy,
    pos_order,
    queue_facts,
    shipment,
    ticket_match,
)

P, S, Q = PaymentStatus, PosStatus, QueueStatus
PLACED, PAID = cart_order().placed_at, cart_order().paid_at
MADE = pos_order().created_at
SHIPPED = pos_order(status=S.SHIPPED, updated_at=ago(hours=4))
PARCELS = (shipment(shipped_at=ago(hours=6)), shipment(id="s2", shipped_at=ago(hours=5)))
EXPECTED = [
    ("excluded", evidence(test=True), PLACED),
    ("voided: the last of them", evidence(
        pos_order(status=S.VOIDED, updated_at=ago(hours=9)),
        pos_order(pos_id="P2", status=S.VOIDED, updated_at=ago(hours=8))), ago(hours=8)),
    ("voided: its making, where no change is told", evidence(pos_order(status=S.VOIDED)), MADE),
    ("doubled: when the second was made", evidence(*(
        pos_order(pos_id=str(n), created_at=ago(hours=n)) for n in (7, 9, 8))), ago(hours=8)),
    ("a shell", evidence(pos_order(total=0, lines=())), MADE),
    ("cancelled", evidence(pos_order(), cancelled_at=ago(hours=4), updated_at=ago(hours=3)), ago(hours=4)),
    ("refunded: the cart's last change", evidence(
        pos_order(), payment_status=P.REFUNDED, updated_at=ago(hours=4)), ago(hours=4)),
    ("refunded: the record's making, where no change is told", evidence(
        pos_order(), payment_status=P.REFUNDED), MADE),
    ("never paid: the record's making", evidence(
        pos_order(), payment_status=P.PENDING, paid_at=None, updated_at=ago(hours=4)), MADE),
    ("payment lost: the cart's last change", evidence(
        pos_order(), payment_status=P.VOIDED, updated_at=ago(hours=4)), ago(hours=4)),
    ("payment lost before the record was made", evidence(
        pos_order(), payment_status=P.VOIDED, updated_at=ago(hours=25)), MADE),
    ("hidden: the first record's making", evidence(
        pos_order(location="n", lines=LINES[:1], total=44_00, created_at=ago(hours=9)),
        pos_order(location="n", lines=LINES[1:], total=6_00, pos_id="P2")), MADE),
    ("stale", evidence(pos_order(), edited_at=ago(hours=4)), ago(hours=4)),
    ("incomplete", evidence(pos_order(lines=LINES[:1])), MADE),
    ("amounts", evidence(pos_order(total=1_00)), MADE),
    ("not fetched: the first that waits", evidence(
        pos_order(lines=LINES[:1], total=44_00, created_at=ago(hours=9)),
        pos_order(lines=LINES[1:], total=6_00, pos_id="P2", received_at=None)), MADE),
    (
        "not fetched: the first of two",
        evidence(
            pos_order(lines=LINES[:1], total=44_00, created_at=ago(hours=9), received_at=None),
            pos_order(lines=LINES[1:], total=6_00, pos_id="P2", received_at=None),
        ),
        MADE,
    ),
    ("shipped: the last parcel", evidence(pos_order(status=S.SHIPPED, shipments=PARCELS)), ago(hours=5)),
    ("shipped: the record's last change, where parcels do not tell", evidence(SHIPPED), ago(hours=4)),
    ("payment in conflict: when it was paid", evidence(payment_status=P.PENDING, captured=50_00), PAID),
    ("in conflict: its placing", evidence(payment_status=P.PENDING, captured=1, paid_at=None), PLACED),
    ("unpaid", evidence(payment_status=P.PENDING), PLACED),
    ("paid in part", evidence(captured=1), PAID),
    ("paid in part: its placing", evidence(captured=1, paid_at=None), PLACED),
    ("cancelled before", evidence(cancelled_at=ago(hours=4)), ago(hours=4)),
    ("refunded before", evidence(payment_status=P.REFUNDED, updated_at=ago(hours=4)), ago(hours=4)),
    ("outside the rule", evidence(archived=True), PAID),
    ("a ticket", evidence(ticket=ticket_match(created_at=ago(hours=5))), ago(hours=5)),
    ("in doubt", evidence(queue=queue_facts(status=Q.IN_DOUBT, since=ago(hours=5))), ago(hours=5)),
    ("in the outbox", evidence(handed_over_at=ago(hours=5)), ago(hours=5)),
    ("our own check", evidence(lines=(line("NEW"),), catalog=CATALOG), PAID),
    ("the POS's answer", evidence(queue=queue_facts(
        status=Q.FAILED, failure=FailureCause.UNMAPPED_TAX, since=ago(hours=5))), ago(hours=5)),
    ("refused", evidence(queue=queue_facts(
        status=Q.FAILED, failure=FailureCause.REJECTED, since=ago(hours=5))), ago(hours=5)),
    ("stuck", evidence(queue=queue_facts(overdue=True, since=ago(hours=5))), ago(hours=5)),
    ("missing", evidence(), PAID),
    ("missing: the last change stands in", evidence(paid_at=None, updated_at=ago(hours=5)), ago(hours=5)),
    ("missing: by our clock", evidence(cart_clock_offset=timedelta(minutes=-5)), ago(hours=23, minutes=54)),
]  # fmt: skip


@pytest.mark.parametrize(("known", "since"), [row[1:] for row in EXPECTED], ids=[row[0] for row in EXPECTED])
def test_a_finding_holds_since_the_moment_its_reason_came_about(known, since):
    """Grace and urgency are counted from there, so it must be the reason's own time."""
    assert classify(known, POLICY, NOW).since == since


@pytest.mark.parametrize(
    ("known", "after"),
    [
        (evidence(pos_order(received_at=None)), timedelta(minutes=12)),  # two of grace, ten more
        (evidence(pos_order(status=S.SHIPPED, shipments=PARCELS)), G + timedelta(days=1)),
        (evidence(pos_order(lines=LINES[:1])), G),
        (evidence(pos_order(location="n")), timedelta(minutes=30)),
        (evidence(ticket=ticket_match()), timedelta(minutes=30)),
        (evidence(queue=queue_facts(status=Q.IN_DOUBT)), timedelta(minutes=15)),
        (evidence(archived=True), G + timedelta(days=1)),
    ],
)
def test_urgency_is_counted_from_the_end_of_the_grace(known, after):
    """A finding is not urgent before it is even reported."""
    verdict = classify(known, POLICY, NOW)
    assert verdict.since is not None
    assert verdict.escalates_at == verdict.since + after


def facts(**known):
    """Return the facts of a verdict."""
    return classify(evidence(**known), POLICY, NOW).facts


def test_a_difference_of_amounts_is_told_in_money_and_split():
    """Whoever corrects the record sees both totals, the difference, and where it comes from."""
    told = classify(evidence(pos_order(total=43_00, tax=4_00)), POLICY, NOW).facts
    assert (told["cart_total"], told["pos_total"], told["difference"]) == (
        "50.00 USD",
        "43.00 USD",
        "-7.00 USD",
    )
    assert told["split"] == {"tax": "-1.00", "goods": "-6.00"}
    assert told["pos_ids"] == ["P1"]


def test_another_currency_is_told_with_its_own_name_and_decimals():
    """A total in yen is not shown as dollars and cents."""
    verdict = classify(evidence(pos_order(total=7500, currency="JPY")), POLICY, NOW)
    assert verdict.sentence == "The customer's order is 50.00 USD, the POS shows 7500 JPY."
    assert verdict.facts["split"] == {"fx": "JPY"}


def test_duplicates_are_listed_oldest_first():
    """Staff see which record came first, and where each lies."""
    both = evidence(pos_order(pos_id="B", location="north", created_at=ago(hours=1)), pos_order(pos_id="A"))
    told = classify(both, POLICY, NOW).facts
    assert (told["pos_ids"], told["count"], told["locations"]) == (["A", "B"], 2, ["main", "north"])


def test_a_shell_that_needs_attention_is_told_from_one_that_is_empty():
    """Only the flagged part of a split is named."""
    flagged = pos_order(pos_id="P2", lines=LINES[1:], total=6_00, status=S.ATTENTION_REQUIRED)
    told = classify(evidence(pos_order(lines=LINES[:1], total=44_00), flagged), POLICY, NOW).facts
    assert (told["pos_ids"], told["attention_required"]) == (["P2"], True)
    told = classify(evidence(pos_order(total=0, lines=())), POLICY, NOW).facts
    assert (told["pos_ids"], told["attention_required"]) == (["P1"], False)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"cancelled_at": ago(hours=4)}, "cancelled"),
        ({"payment_status": P.REFUNDED}, "refunded"),
        ({"payment_status": P.REFUNDED, "cancelled_at": ago(hours=4)}, "cancelled"),
        ({"payment_status": P.PARTIALLY_REFUNDED, "refunded": 10_00}, "refunded in part"),
    ],
)
def test_a_refund_is_called_what_it_is(changes, word):
    """Staff read whether all of the order is off, or a part."""
    told = classify(evidence(pos_order(), **changes), POLICY, NOW).sentence
    assert told == f"The order was {word} in the cart, but the POS still shows 50.00 USD as live."


@pytest.mark.parametrize(
    ("record", "differs"),
    [
        (pos_order(), ["not updated since"]),
        (pos_order(total=1_00), ["total", "not updated since"]),
        (pos_order(lines=LINES[:1], updated_at=ago(hours=3)), ["lines"]),
        (pos_order(lines=LINES[:1], total=1_00), ["lines", "total", "not updated since"]),
    ],
)
def test_a_stale_record_says_what_is_old_about_it(record, differs):
    """Lines, total, or only that nobody touched it since the edit."""
    assert classify(evidence(record, edited_at=ago(hours=4)), POLICY, NOW).facts["differs"] == differs


@pytest.mark.parametrize(
    ("record", "cart", "lags"),
    [
        (pos_order(shipments=(shipment(),)), {}, ["cart not fulfilled"]),
        (
            pos_order(shipments=(shipment(courier=None),)),
            {},
            ["cart not fulfilled", "no courier or tracking id"],
        ),
        (
            pos_order(shipments=(shipment(),)),
            {"fulfillment_status": FulfillmentStatus.FULFILLED, "shipments": (shipment(courier=None),)},
            ["tracking not in the cart"],
        ),
    ],
)
def test_a_lag_says_what_the_customer_cannot_see(record, cart, lags):
    """Not fulfilled, nobody to ask for the parcel, or a tracking number that stayed in the POS."""
    shipped = pos_order(status=S.SHIPPED, shipments=record.shipments)
    assert classify(evidence(shipped, **cart), POLICY, NOW).facts["lags"] == lags


def test_a_parcel_that_the_pos_does_not_know_is_the_carts_own_business():
    """A second parcel without tracking in the cart says nothing about the POS's parcels."""
    parcels = (shipment(), shipment(id="own", courier=None))
    shipped = pos_order(status=S.SHIPPED, shipments=(shipment(),))
    known = evidence(shipped, fulfillment_status=FulfillmentStatus.FULFILLED, shipments=parcels)
    assert classify(known, POLICY, NOW).agreed


def test_unknown_codes_are_listed_once_and_in_order():
    """Staff get a list to work through."""
    lines = (line("NEW"), line("ALSO"), line("NEW"), line(None, name="Gift"), line(None))
    told = facts(lines=lines, catalog=CATALOG)
    assert told["codes"] == ["(no SKU)", "(no SKU) Gift", "ALSO", "NEW"]


def test_the_poss_own_words_are_kept():
    """What the vendor said of a refusal goes with the finding."""
    told = facts(
        queue=queue_facts(status=Q.FAILED, failure=FailureCause.REJECTED, codes=("E1",), vendor_words="No.")
    )
    assert (told["codes"], told["vendor_words"]) == (["E1"], "No.")
    silent = facts(queue=queue_facts(status=Q.FAILED, failure=FailureCause.REJECTED))
    assert "vendor_words" not in silent


def test_a_state_outside_the_rule_is_told_in_full():
    """Payment, fulfilment and archived: one of them keeps the channel from taking the order."""
    assert facts(archived=True)["state"] == "payment paid, fulfilment unfulfilled, archived"
    assert facts(fulfillment_status=FulfillmentStatus.ON_HOLD)["state"] == "payment paid, fulfilment on_hold"


def test_a_missing_order_tells_its_queue_entry_and_its_day():
    """Whoever keys it in sees when it is due, and whether it was tried."""
    due = (NOW + timedelta(days=2)).date()
    told = facts(deliver_on=due, queue=queue_facts(attempts=1))
    assert (told["deliver_on"], told["queue"], told["attempts"]) == (due, Q.CREATED, 1)
    assert {"deliver_on", "queue"} & set(facts()) == set()
    assert (
        classify(evidence(), policy(), NOW).sentence
        == "The order is paid (50.00 USD) and the POS does not have it."
    )
