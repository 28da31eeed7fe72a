"""Order numbers, status words, and what makes an order paid or dead."""

from enum import StrEnum

import pytest

from reconciler.domain.case import Case
from reconciler.domain.orders import (
    FulfillmentStatus,
    PaymentStatus,
    PosStatus,
    Source,
    cart_reference,
    edit_family,
    normalise_reference,
)
from tests.builders import POLICY, ago, cart_order, evidence, pos_order, shipment

P = PaymentStatus


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("1001", "1001"),
        ("#1001", "1001"),
        ("  #1001\n", "1001"),
        ("# 1001", "1001"),
        ("##1", "#1"),
        ("#", ""),
        ("", ""),
    ],
)
def test_an_order_number_is_compared_undressed(text, reference):
    """White space around it and one leading # are dress; what is inside counts."""
    assert normalise_reference(text) == reference


@pytest.mark.parametrize(
    ("reference", "family"),
    [
        ("1001-E001", "1001"),
        ("1001-E1", "1001"),
        ("1001-E001-E002", "1001"),
        ("WEB-7-E12", "WEB-7"),
        ("1001", "1001"),
        ("1001-E", "1001-E"),
        ("1001-e001", "1001-e001"),
        ("1001-E1X", "1001-E1X"),
        ("1001E001", "1001E001"),
        ("-E001", "-E001"),
        ("", ""),
    ],
)
def test_an_edit_carries_its_orders_number_and_a_suffix(reference, family):
    """-E and digits at the end name an edit; anything else is another order's number."""
    assert edit_family(reference) == family


@pytest.mark.parametrize(
    ("text", "prefix", "siblings", "reference"),
    [
        ("#1001", "", (), "1001"),
        ("RB-1001", "RB-", (), "1001"),
        (" #RB-1001 ", "RB-", ("FL-",), "1001"),
        ("1001", "RB-", (), None),  # somebody else's 1001
        ("FL-1001", "RB-", ("FL-",), None),
        ("FL-1001", "", ("FL-",), None),
        ("FL-1001", "", ("", "RB-"), "FL-1001"),
        ("RB-1001", "R", ("R", "RB-"), None),  # the longer prefix fits better
        ("RB-1001", "RB-", ("R", "RB-", ""), "1001"),
        ("RB-", "RB-", (), None),
        ("RB-#1001", "RB-", (), "1001"),
        ("RB-1001-E001", "RB-", (), "1001-E001"),
        (None, "", (), None),
        ("  ", "", (), None),
    ],
)
def test_a_prefix_keeps_two_shops_numbers_apart(text, prefix, siblings, reference):
    """Where channels share a POS, a record is ours by its prefix, or by carrying no sibling's."""
    assert cart_reference(text, prefix, siblings) == reference


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (P, "pending authorized partially_paid paid partially_refunded refunded voided failed expired"),
        (FulfillmentStatus, "unfulfilled partially_fulfilled fulfilled on_hold"),
        (PosStatus, "open in_progress ready completed shipped voided attention_required"),
        (Source, "online in_store"),
    ],
    ids=["payment", "fulfilment", "POS status", "source"],
)
def test_the_status_words_are_those_of_order_files(kind: type[StrEnum], words):
    """A file's words are read and written as they are."""
    assert [member.value for member in kind] == words.split()


@pytest.mark.parametrize(
    ("changes", "dead"),
    [
        ({}, False),
        ({"cancelled_at": ago(hours=1)}, True),
        ({"payment_status": P.REFUNDED}, True),
        ({"payment_status": P.REFUNDED, "refunded": 0}, True),
        ({"refunded": 50_00}, True),
        ({"refunded": 49_99, "payment_status": P.PARTIALLY_REFUNDED}, False),
        ({"captured": 60_00, "refunded": 50_00}, False),  # edited down, the difference is still with us
        ({"payment_status": P.VOIDED}, False),
        ({"total": 0, "refunded": 0}, False),
        ({"archived": True}, False),
    ],
)
def test_an_order_is_dead_when_cancelled_or_refunded_in_full(changes, dead):
    """Nobody prepares a dead order; one that was refunded in part, or not paid yet, may still live."""
    assert cart_order(**changes).dead is dead


@pytest.mark.parametrize(
    ("changes", "paid"),
    [
        ({}, True),
        ({"payment_status": P.PARTIALLY_REFUNDED, "refunded": 1}, True),
        ({"payment_status": P.PENDING}, False),
        ({"payment_status": P.PENDING, "captured": 50_00}, True),
        ({"payment_status": P.PENDING, "captured": 49_99}, False),
        ({"payment_status": P.PENDING, "captured": 50_00, "refunded": 20_00}, False),
        ({"payment_status": P.AUTHORIZED, "total": 0}, False),
    ],
)
def test_an_order_is_paid_by_its_status_or_by_the_money_held(changes, paid):
    """A payment record in full is as good as the word."""
    assert Case(evidence(**changes), POLICY).paid is paid


@pytest.mark.parametrize(
    ("changes", "traceable"),
    [({}, True), ({"courier": None}, False), ({"tracking_id": None}, False), ({"tracking_id": ""}, False)],
)
def test_a_parcel_is_followed_by_courier_and_tracking_id(changes, traceable):
    """One without the other leads nowhere."""
    assert shipment(**changes).traceable is traceable


def test_the_latest_live_record_of_an_edit_family_stands_for_the_order():
    """Of 1001, its first and its second edit, the youngest that is not voided counts."""
    family = [
        pos_order(pos_id="P3", reference="1001-E002", created_at=ago(hours=1), status=PosStatus.VOIDED),
        pos_order(pos_id="P2", reference="1001-E001", created_at=ago(hours=2)),
        pos_order(pos_id="P1"),
    ]
    assert [record.pos_id for record in Case(evidence(*family), POLICY).current] == ["P2"]
