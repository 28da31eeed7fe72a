"""What the rules are given: every record of an order, its place in the queue, tickets that may be it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import Customer, PosStatus, Source
from reconciler.domain.queue import QueueStatus
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Channel, ConnectionState, Outcome, OutcomeKind, Side, Suspect
from tests.builders import NOW, ago, cart_order, policy, pos_order, ticket
from tests.integration.persistence.world import (
    LEASE,
    apply,
    channel,
    claim_one,
    intend,
    queued,
    read_cart,
    read_pos,
    suspected,
)


def only(unit: SqlUnitOfWork, where: Channel, reference: str = "1001") -> Suspect:
    """Return what is known of one order."""
    (suspect,) = unit.orders.evidence(where, [reference])
    return suspect


def test_evidence_comes_in_the_order_asked_for_and_leaves_out_what_is_not_there(unit: SqlUnitOfWork):
    """Who asks for ten orders can tell which they got."""
    where = channel(unit)
    read_cart(unit, where, *(cart_order(reference=name) for name in "abc"))
    assert [s.cart.reference for s in unit.orders.evidence(where, ["c", "x", "a"])] == ["c", "a"]


def test_every_record_of_an_order_is_given_voided_ones_too(unit: SqlUnitOfWork):
    """Status and location are the rules' business."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    read_pos(
        unit,
        where,
        pos_order(pos_id="p1", status=PosStatus.VOIDED),
        pos_order(pos_id="p2", location="elsewhere"),
        pos_order(pos_id="p3", reference="#1001-E001"),
        pos_order(pos_id="p4", reference="1002"),
    )
    assert [record.pos_id for record in only(unit, where).records] == ["p1", "p2", "p3"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"customer": Customer(name="OKAFOR Rosa")},
        {"customer": Customer(phone="+1 (928) 746-9282")},
        {"created_at": ago(days=3)},
        {"source": Source.ONLINE},
    ],
)
def test_a_ticket_that_a_person_may_have_keyed_in_is_offered(unit: SqlUnitOfWork, changes: dict[str, object]):
    """The same total and the same name or phone: the rules then score it."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    read_pos(unit, where, ticket(**changes))
    assert [t.pos_id for t in only(unit, where).tickets] == ["T1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"reference": "2002"},
        {"status": PosStatus.VOIDED},
        {"total": 50_01},
        {"currency": "CHF"},
        {"customer": Customer(name="Ann", phone="555 555 5555")},
        {"customer": Customer()},
    ],
)
def test_a_ticket_that_cannot_be_the_order_is_not_offered(unit: SqlUnitOfWork, changes: dict[str, object]):
    """A till sells thousands of things for the same price."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    read_pos(unit, where, ticket(**changes))
    assert only(unit, where).tickets == ()


def test_a_ticket_that_another_order_has_taken_is_not_offered(unit: SqlUnitOfWork):
    """One POS order answers one cart order, in whichever channel on that POS."""
    apply(unit, policy(), policy(reference_prefix="RB-"))
    first, second = unit.channels.list()
    for where in (first, second):
        read_cart(unit, where, cart_order())
        read_pos(unit, where, ticket())
    assert only(unit, second).tickets != ()
    unit.queue.enqueue(first.id, ["1001"], NOW)
    unit.queue.succeed(claim_one(unit, first), "T1", adopted=True)
    assert only(unit, second).tickets == ()


def test_an_adopted_ticket_is_the_orders_record(unit: SqlUnitOfWork):
    """What a person linked counts, and so do its changes, though it does not carry the order's name."""
    where = queued(unit, "1001")
    read_pos(unit, where, ticket())
    unit.queue.succeed(claim_one(unit, where), "T1", adopted=True)
    assert [record.pos_id for record in only(unit, where).records] == ["T1"]
    unit.channels.set_compared(where.id, 10**6)
    where = unit.channels.get(where.name)
    assert suspected(unit, where, full=False) == {}
    read_pos(unit, where, ticket(status=PosStatus.COMPLETED), run=10**6 + 1)
    assert suspected(unit, where, full=False).keys() == {"1001"}


def test_the_queue_is_told_by_the_databases_clock(unit: SqlUnitOfWork):
    """An entry is overdue when it waits too long for a worker, or its worker is past its lease."""
    where = queued(unit, "1001")
    facts = only(unit, where).queue
    assert facts is not None
    assert (facts.status, facts.overdue, facts.held) == (QueueStatus.CREATED, False, False)
    unit.connection.exec_driver_sql("UPDATE queue_entries SET since = since - interval '61 seconds'")
    assert only(unit, where).queue.overdue  # type: ignore[union-attr]
    claim_one(unit, where, lease=LEASE)
    assert not only(unit, where).queue.overdue  # type: ignore[union-attr]
    unit.connection.exec_driver_sql(
        "UPDATE queue_entries SET lease_until = lease_until - interval '61 seconds'"
    )
    assert only(unit, where).queue.overdue  # type: ignore[union-attr]


@pytest.mark.parametrize("side", Side)
def test_an_entry_is_held_where_either_connection_is_in_trouble(unit: SqlUnitOfWork, side: Side):
    """No order is sent that the cart cannot be asked about: that is no fault of the queue's."""
    where = queued(unit, "1001")
    connection = where.cart if side is Side.CART else where.pos
    unit.channels.set_state(connection.id, ConnectionState.AUTH_FAILED, "x", NOW)
    assert only(unit, where).queue.held  # type: ignore[union-attr]


def test_an_entry_that_is_being_looked_up_is_still_in_doubt(unit: SqlUnitOfWork):
    """A look-up does not turn a doubt into something else for as long as it takes."""
    where = queued(unit, "1001")
    claim = claim_one(unit, where)
    number = intend(unit, claim)
    unit.queue.outcome(
        claim, number, Outcome(kind=OutcomeKind.UNKNOWN, cause=FailureCause.OUTAGE, words="504")
    )
    unit.queue.doubt(claim, ago(hours=1), "504")
    before = only(unit, where).queue
    claim_one(unit, where)
    during = only(unit, where).queue
    assert before is not None
    assert before == during
    assert before.status is QueueStatus.IN_DOUBT
    assert (before.attempts, before.failure, before.vendor_words) == (1, FailureCause.OUTAGE, "504")


def test_waiting_for_a_connection_is_not_the_queues_fault(unit: SqlUnitOfWork):
    """An entry whose connection is down, or that was told to come later, is held."""
    where = queued(unit, "1001")
    unit.channels.set_state(where.pos.id, ConnectionState.UNREACHABLE, "no answer", NOW)
    assert only(unit, where).queue.held  # type: ignore[union-attr]
    unit.channels.set_state(where.pos.id, ConnectionState.OK, "", NOW)
    assert not only(unit, where).queue.held  # type: ignore[union-attr]
    unit.connection.exec_driver_sql(
        "UPDATE queue_entries SET not_before = clock_timestamp() + interval '1 hour'"
    )
    assert only(unit, where).queue.held  # type: ignore[union-attr]


def orphans(unit: SqlUnitOfWork, where: Channel) -> list[str]:
    """Return the POS ids of a channel's orphans."""
    return [record.pos_id for chunk in unit.orders.orphans(where) for record in chunk]


def sharing(unit: SqlUnitOfWork, *prefixes: str) -> Sequence[Channel]:
    """Return channels on one POS with these prefixes, two alike among them, as older versions allowed."""
    apply(unit, *(policy(reference_prefix=f"{number}-") for number in range(len(prefixes))))
    statement = """
        UPDATE channels SET policy = jsonb_set(policy, '{reference_prefix}', to_jsonb(%(prefix)s::text))
        WHERE id = %(id)s
    """
    for where, prefix in zip(unit.channels.list(), prefixes, strict=True):
        unit.connection.exec_driver_sql(statement, {"id": where.id, "prefix": prefix})
    return unit.channels.list()


def test_an_online_record_that_nobody_explains_is_an_orphan(unit: SqlUnitOfWork):
    """In-store sales, voided records, and records of known orders or adopted tickets are none."""
    where = queued(unit, "1001", "1002")
    read_pos(
        unit,
        where,
        pos_order(pos_id="known"),
        pos_order(pos_id="edit", reference="1001-E002"),
        pos_order(pos_id="adopted", reference=None),
        pos_order(pos_id="sale", reference=None, source=Source.IN_STORE),
        pos_order(pos_id="gone", reference="9", status=PosStatus.VOIDED),
        pos_order(pos_id="lost", reference="9"),
        pos_order(pos_id="bare", reference=None),
    )
    unit.queue.succeed(claim_one(unit, where), "adopted", adopted=True)
    assert orphans(unit, where) == ["bare", "lost"]


@pytest.mark.parametrize(
    ("prefixes", "owner"),
    [(("", "RB-"), 0), (("RB-", ""), 1), (("RB-", "FN-"), 0), (("", ""), 0)],
)
def test_a_stray_is_reported_by_one_of_the_channels_on_a_pos(
    unit: SqlUnitOfWork, prefixes: tuple[str, str], owner: int
):
    """Each channel reads the same record; one of them speaks of it: that without a prefix, else the first."""
    channels = sharing(unit, *prefixes)
    for where in channels:
        read_pos(
            unit, where, pos_order(pos_id="bare", reference=None), pos_order(pos_id="odd", reference="9")
        )
    expected = {owner: ["bare", "odd"], 1 - owner: []}
    if "" not in prefixes:
        # "9" carries no prefix of anybody, so it is a stray too.
        assert expected[owner] == ["bare", "odd"]
    assert {number: orphans(unit, where) for number, where in enumerate(channels)} == expected


def test_an_order_of_a_shop_with_the_same_prefix_explains_a_record(unit: SqlUnitOfWork):
    """Two carts without prefixes on one POS: neither calls the other's orders orphans."""
    first, second = sharing(unit, "", "")
    read_cart(unit, second, cart_order())
    read_pos(unit, first, pos_order())
    assert orphans(unit, first) == []
