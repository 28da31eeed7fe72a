"""The queue in the database: claims, fences, budgets, and every way out of each state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from reconciler.domain.errors import InputError, NotFoundError, RefusedError
from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import PosStatus
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Channel, Claim, ConnectionState, Outcome, OutcomeKind, Side, Trigger
from tests.builders import NOW, ago, cart_order, pos_order, ticket
from tests.integration.persistence.world import (
    LEASE,
    channel,
    claim_one,
    intend,
    queued,
    read_cart,
    read_pos,
    value,
)

UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, words="timed out")
REFUSED = Outcome(kind=OutcomeKind.REFUSED, cause=FailureCause.REJECTED, codes=("E1", "E2"), words="no")
DEFERRED = Outcome(kind=OutcomeKind.DEFERRED, cause=FailureCause.OUTAGE, words="429")
ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, pos_id="P9")
#: Long past by the database's clock, whose look-ups and leases these are.
LONG_AGO, FAR_AHEAD = ago(days=1000), ago(days=-1000)


def entry(unit: SqlUnitOfWork, reference: str = "1001") -> Any:
    """Return an entry's row."""
    statement = "SELECT * FROM queue_entries WHERE reference = %(reference)s"
    return unit.connection.exec_driver_sql(statement, {"reference": reference}).one()


def attempt(unit: SqlUnitOfWork) -> Any:
    """Return the only attempt's row."""
    return unit.connection.exec_driver_sql("SELECT * FROM attempts").one()


def expire(unit: SqlUnitOfWork) -> None:
    """Let all leases run out."""
    unit.connection.exec_driver_sql("UPDATE queue_entries SET lease_until = lease_until - interval '1 hour'")


def sent(unit: SqlUnitOfWork, where: Channel, outcome: Outcome | None = None) -> tuple[Claim, int]:
    """Claim an entry, write the attempt, and its outcome if there is one."""
    claim = claim_one(unit, where)
    number = intend(unit, claim)
    if outcome is not None:
        unit.queue.outcome(claim, number, outcome)
    return claim, number


def test_an_order_enters_the_queue_once(unit: SqlUnitOfWork):
    """The row is permanent: an order that is there, in whatever state, is not entered again."""
    where = queued(unit, "1001")
    assert unit.queue.enqueue(where.id, ["1001", "unknown"], NOW) == 0
    unit.queue.succeed(claim_one(unit, where), "P1", adopted=True)
    assert unit.queue.enqueue(where.id, ["1001"], NOW) == 0
    assert entry(unit).status == "success"


def test_the_earliest_delivery_is_claimed_first(unit: SqlUnitOfWork):
    """Then those that came first; orders without a delivery date come last."""
    where = channel(unit)
    days = {"a": None, "b": date(2026, 12, 2), "c": date(2026, 12, 1), "d": None}
    read_cart(unit, where, *(cart_order(reference=name, deliver_on=day) for name, day in days.items()))
    unit.queue.enqueue(where.id, ["d"], ago(hours=2))
    unit.queue.enqueue(where.id, ["a", "b", "c"], ago(hours=1))
    claims = unit.queue.claim(where.id, limit=10, lease=LEASE)
    assert [claim.reference for claim in claims] == ["c", "b", "d", "a"]


def test_a_claim_takes_no_more_than_its_limit(unit: SqlUnitOfWork):
    """The next claim goes on where it stopped."""
    where = queued(unit, *"abcde")
    taken = [len(unit.queue.claim(where.id, limit=2, lease=LEASE)) for _ in range(4)]
    assert taken == [2, 2, 1, 0]


def test_what_was_told_to_wait_is_not_claimed(unit: SqlUnitOfWork):
    """Neither an entry that was released until later, nor a doubt whose look-up is not due."""
    where = queued(unit, "1001", "1002")
    unit.queue.release(claim_one(unit, where), FAR_AHEAD, "later")
    claim, _ = sent(unit, where, UNKNOWN)
    unit.queue.doubt(claim, FAR_AHEAD, "timed out")
    assert unit.queue.claim(where.id, limit=9, lease=LEASE) == []
    assert unit.queue.due_channels() == []
    unit.connection.exec_driver_sql(
        "UPDATE queue_entries SET not_before = now(), next_lookup_at = now() WHERE status = 'in_doubt'"
    )
    assert unit.queue.due_channels() == [where.id]
    (claim,) = unit.queue.claim(where.id, limit=9, lease=LEASE)
    assert (claim.in_doubt, claim.attempts, claim.key, claim.body) == (True, 1, "key-1", b"{}")


def test_the_intent_is_written_before_anything_leaves(unit: SqlUnitOfWork):
    """Key and exact bytes stand in the attempt and the entry, and the automatic budget is spent."""
    where = queued(unit, "1001")
    _, number = sent(unit, where)
    row = attempt(unit)
    assert (number, row.trigger, row.idempotency_key, row.body, row.outcome) == (
        1,
        "auto",
        "key-1",
        b"{}",
        None,
    )
    row = entry(unit)
    assert (row.attempts, row.spent, row.key, row.body, row.cart_digest) == (1, 1, "key-1", b"{}", b"digest")
    assert row.sent_at is not None


def test_an_outcome_is_written_once_and_moves_nothing(unit: SqlUnitOfWork):
    """The second word on an attempt is refused."""
    where = queued(unit, "1001")
    claim, number = sent(unit, where, REFUSED)
    row = attempt(unit)
    assert (row.outcome, row.error_cause, row.codes, row.vendor_words) == (
        "refused",
        "rejected",
        ["E1", "E2"],
        "no",
    )
    assert entry(unit).status == "processing"
    with pytest.raises(RefusedError):
        unit.queue.outcome(claim, number, ACCEPTED)


@pytest.mark.parametrize(
    ("outcome", "spent_then"), [(DEFERRED, 0), (REFUSED, 1), (UNKNOWN, 1), (ACCEPTED, 1)]
)
def test_only_an_attempt_that_did_not_take_place_spends_nothing(
    unit: SqlUnitOfWork, outcome: Outcome, spent_then: int
):
    """A 429, or a connection that never opened, is recorded and gives its budget back."""
    where = queued(unit, "1001")
    sent(unit, where, outcome)
    assert (entry(unit).attempts, entry(unit).spent) == (1, spent_then)


def test_an_attempt_of_an_admin_spends_no_automatic_budget(unit: SqlUnitOfWork):
    """The person's name, reason and way in stand in the attempt."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    assert unit.queue.set_ready(where.id, "1001", actor="ann", reason="customer called", origin="cli")
    sent(unit, where, DEFERRED)
    row = attempt(unit)
    assert (row.trigger, row.actor, row.reason, row.origin) == ("admin", "ann", "customer called", "cli")
    assert entry(unit).spent == 0


def test_success_names_the_record(unit: SqlUnitOfWork):
    """And says whether our attempt made it or it was there already."""
    where = queued(unit, "1001", "1002")
    for adopted in (False, True):
        unit.queue.succeed(claim_one(unit, where), "P1", adopted=adopted)
    rows = [entry(unit, name) for name in ("1001", "1002")]
    assert [(row.status, row.object_id, row.adopted) for row in rows] == [
        ("success", "P1", False),
        ("success", "P1", True),
    ]


def test_a_refusal_that_may_be_tried_again_waits_for_its_turn_under_a_new_key(unit: SqlUnitOfWork):
    """The POS certainly did not take it, so the next attempt is another one."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, REFUSED)
    unit.queue.fail(claim, REFUSED, resend=True)
    row = entry(unit)
    assert (row.status, row.flagged, row.trigger, row.key, row.failure) == (
        "ready",
        False,
        "retry",
        None,
        "rejected",
    )


def test_a_refusal_that_may_not_be_tried_again_is_flagged_for_a_person(unit: SqlUnitOfWork):
    """With the vendor's codes and words."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, REFUSED)
    unit.queue.fail(claim, REFUSED, resend=False)
    row = entry(unit)
    assert (row.status, row.flagged, row.codes, row.vendor_words) == ("failed", True, ["E1", "E2"], "no")


def test_a_doubt_keeps_key_and_bytes_and_its_beginning_through_every_look(unit: SqlUnitOfWork):
    """The same bytes may go again under the same key, and never under another."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, UNKNOWN)
    unit.queue.doubt(claim, LONG_AGO, "timed out")
    began = entry(unit).since
    for looks in (1, 2):
        unit.queue.doubt(claim_one(unit, where), LONG_AGO, "not there yet")
        row = entry(unit)
        assert (row.status, row.lookups, row.since, row.key, row.body) == (
            "in_doubt",
            looks,
            began,
            "key-1",
            b"{}",
        )
        assert row.last_lookup_at is not None
    unit.queue.doubt(claim_one(unit, where), None, "not there after the last look")
    row = entry(unit)
    assert (row.status, row.flagged, row.key) == ("failed", True, "key-1")


def test_what_may_have_been_sent_goes_back_into_doubt_when_it_is_released(unit: SqlUnitOfWork):
    """A look-up that could not be made does not make an order ready to be sent again."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, UNKNOWN)
    unit.queue.doubt(claim, LONG_AGO, "timed out")
    unit.queue.release(claim_one(unit, where), LONG_AGO, "the POS is down")
    assert entry(unit).status == "in_doubt"


def test_what_was_never_sent_is_ready_again_when_it_is_released(unit: SqlUnitOfWork):
    """Before an attempt, and after one that was deferred."""
    where = queued(unit, "1001")
    unit.queue.release(claim_one(unit, where), None, "the order changed")
    assert entry(unit).status == "ready"
    claim, _ = sent(unit, where, DEFERRED)
    unit.queue.release(claim, LONG_AGO, "429")
    assert entry(unit).status == "ready"


def test_an_order_that_must_not_be_sent_is_closed_and_nobody_is_bothered(unit: SqlUnitOfWork):
    """Unless it may have been sent already: then somebody has to look."""
    where = queued(unit, "1001", "1002")
    unit.queue.withdraw(claim_one(unit, where), "cancelled")
    claim, _ = sent(unit, where, UNKNOWN)
    unit.queue.withdraw(claim, "cancelled")
    rows = [entry(unit, name) for name in ("1001", "1002")]
    assert [(row.status, row.flagged, row.note) for row in rows] == [
        ("failed", False, "cancelled"),
        ("failed", True, "cancelled"),
    ]


FENCED: dict[str, Callable[[SqlUnitOfWork, Claim], object]] = {
    "intend": intend,
    "outcome": lambda unit, claim: unit.queue.outcome(claim, 1, ACCEPTED),
    "succeed": lambda unit, claim: unit.queue.succeed(claim, "P1", adopted=False),
    "doubt": lambda unit, claim: unit.queue.doubt(claim, NOW, "x"),
    "fail": lambda unit, claim: unit.queue.fail(claim, REFUSED, resend=True),
    "release": lambda unit, claim: unit.queue.release(claim, None, "x"),
    "withdraw": lambda unit, claim: unit.queue.withdraw(claim, "x"),
}


@pytest.mark.parametrize("write", FENCED)
@pytest.mark.parametrize("again", [False, True], ids=["rescued", "taken over"])
def test_a_worker_that_wakes_after_its_lease_writes_nothing(unit: SqlUnitOfWork, write: str, again: bool):
    """Neither after a rescue, nor when another worker has claimed the entry since."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where)
    expire(unit)
    assert unit.queue.rescue() == 1
    if again:
        assert claim_one(unit, where).token > claim.token
    before = entry(unit)
    with pytest.raises(RefusedError, match="has ended"):
        FENCED[write](unit, claim)
    assert entry(unit) == before


def test_a_lease_that_ran_out_still_holds_until_somebody_takes_it(unit: SqlUnitOfWork):
    """A worker that is a little late finishes its work: nobody else has begun it."""
    where = queued(unit, "1001")
    claim, number = sent(unit, where)
    expire(unit)
    unit.queue.outcome(claim, number, ACCEPTED)
    unit.queue.succeed(claim, "P1", adopted=False)
    assert entry(unit).status == "success"


def test_a_worker_lost_before_it_wrote_its_intent_leaves_the_order_ready(unit: SqlUnitOfWork):
    """No byte can have left."""
    where = queued(unit, "1001")
    claim_one(unit, where)
    assert unit.queue.rescue() == 0
    expire(unit)
    assert unit.queue.rescue() == 1
    assert (entry(unit).status, entry(unit).attempts) == ("ready", 0)


@pytest.mark.parametrize("outcome", [None, UNKNOWN, ACCEPTED])
def test_a_worker_lost_after_it_wrote_its_intent_leaves_a_doubt(unit: SqlUnitOfWork, outcome: Outcome | None):
    """Bytes may have left; the attempt's outcome is unknown for good, and a look is due at once."""
    where = queued(unit, "1001")
    sent(unit, where, outcome)
    expire(unit)
    assert unit.queue.rescue() == 1
    assert entry(unit).status == "in_doubt"
    assert attempt(unit).outcome == (outcome.kind if outcome else "unknown")
    assert claim_one(unit, where).in_doubt


@pytest.mark.parametrize("outcome", [DEFERRED, REFUSED])
def test_a_worker_lost_after_a_definite_no_leaves_the_order_ready(unit: SqlUnitOfWork, outcome: Outcome):
    """The POS certainly has nothing: what comes next is decided anew."""
    where = queued(unit, "1001")
    sent(unit, where, outcome)
    expire(unit)
    unit.queue.rescue()
    assert entry(unit).status == "ready"


def test_a_worker_lost_in_a_look_up_leaves_the_doubt_as_it_was(unit: SqlUnitOfWork):
    """It began when the answer did not come, not when the look-up failed."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, UNKNOWN)
    unit.queue.doubt(claim, LONG_AGO, "timed out")
    began = entry(unit).since
    claim_one(unit, where)
    expire(unit)
    assert unit.queue.rescue() == 1
    assert (entry(unit).status, entry(unit).since) == ("in_doubt", began)


@pytest.mark.parametrize("state", ["created", "ready", "in_doubt", "failed"])
def test_an_order_that_the_pos_shows_by_now_needs_no_more_work(unit: SqlUnitOfWork, state: str):
    """Whoever brought it there: the entry is closed, and a flag is taken down."""
    where = queued(unit, "1001")
    if state == "ready":
        unit.queue.release(claim_one(unit, where), None, "x")
    elif state != "created":
        claim, _ = sent(unit, where, UNKNOWN)
        unit.queue.doubt(claim, NOW if state == "in_doubt" else None, "x")
    assert (entry(unit).status, unit.queue.adopt_seen(where.id)) == (state, 0)
    read_pos(unit, where, pos_order(status=PosStatus.VOIDED))
    assert unit.queue.adopt_seen(where.id) == 0
    read_pos(unit, where, pos_order())
    assert unit.queue.adopt_seen(where.id) == 1
    row = entry(unit)
    assert (row.status, row.object_id, row.adopted, row.flagged) == ("success", "P1", True, False)


def test_what_a_worker_holds_is_not_closed_under_its_hands(unit: SqlUnitOfWork):
    """It looks itself before it sends."""
    where = queued(unit, "1001")
    read_pos(unit, where, pos_order())
    claim_one(unit, where)
    assert unit.queue.adopt_seen(where.id) == 0


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("state", [ConnectionState.AUTH_FAILED, ConnectionState.PAUSED])
def test_nothing_is_due_where_nobody_may_come_in(unit: SqlUnitOfWork, state: ConnectionState, side: Side):
    """A paused connection's entries wait without waking a worker at every tick, whichever side it is."""
    where = queued(unit, "1001")
    connection = where.cart if side is Side.CART else where.pos
    unit.channels.set_state(connection.id, state, "x", NOW)
    assert unit.queue.due_channels() == []


def test_set_ready_adds_one_attempt_to_a_failed_order(unit: SqlUnitOfWork):
    """The second click finds it waiting."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, REFUSED)
    unit.queue.fail(claim, REFUSED, resend=False)
    clicks = [
        unit.queue.set_ready(where.id, "1001", actor="ann", reason="fixed", origin="cli") for _ in range(2)
    ]
    assert clicks == [True, False]
    claim = claim_one(unit, where)
    assert (claim.trigger, claim.actor, claim.reason, claim.attempts) == (Trigger.ADMIN, "ann", "fixed", 1)
    assert not unit.queue.set_ready(where.id, "1001", actor="bob", reason="too", origin="cli")


def test_set_ready_brings_an_order_into_the_queue_that_never_was_there(unit: SqlUnitOfWork):
    """A person may send what the rules would not."""
    where = channel(unit)
    read_cart(unit, where, cart_order(archived=True))
    assert unit.queue.set_ready(where.id, "1001", actor="ann", reason="still wanted", origin="cli")
    assert entry(unit).status == "ready"


@pytest.mark.parametrize("state", ["in_doubt", "success"])
def test_set_ready_is_refused_where_it_could_make_a_second_order(unit: SqlUnitOfWork, state: str):
    """Not while the outcome is unknown, and not when the POS has the order."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, UNKNOWN)
    if state == "success":
        unit.queue.succeed(claim, "P1", adopted=False)
    else:
        unit.queue.doubt(claim, NOW, "x")
    with pytest.raises(RefusedError):
        unit.queue.set_ready(where.id, "1001", actor="ann", reason="x", origin="cli")


def test_what_the_pos_confirmed_is_not_linked_to_another_record(unit: SqlUnitOfWork):
    """A slip of the keyboard says so; it does not sound as if it had been done before."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, ACCEPTED)
    unit.queue.succeed(claim, "P1", adopted=False)
    told = {"actor": "ann", "reason": "x", "origin": "cli"}
    assert not unit.queue.adopt(where.id, "1001", "P1", **told)
    with pytest.raises(RefusedError, match="the POS has order 1001 as P1"):
        unit.queue.adopt(where.id, "1001", "P2", **told)


def test_what_was_voided_in_the_pos_is_sent_again_under_a_new_key(unit: SqlUnitOfWork):
    """On purpose, and only once no record of it is alive; a second click makes no second attempt."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, ACCEPTED)
    unit.queue.succeed(claim, "P1", adopted=False)
    told = {"actor": "ann", "reason": "wanted after all", "origin": "cli"}
    read_pos(unit, where, pos_order(), pos_order(pos_id="P2", status=PosStatus.VOIDED))
    with pytest.raises(RefusedError, match="the POS has order 1001"):
        unit.queue.set_ready(where.id, "1001", **told)
    read_pos(unit, where, pos_order(status=PosStatus.VOIDED))
    assert unit.queue.set_ready(where.id, "1001", **told)
    assert not unit.queue.set_ready(where.id, "1001", **told)
    again = claim_one(unit, where)
    assert (again.key, again.trigger) == (None, Trigger.ADMIN)


def test_a_slip_of_the_pen_in_an_adoption_can_be_put_right(unit: SqlUnitOfWork):
    """An order may be linked anew, or sent where its record was never seen, until one bears its number."""
    where = channel(unit)
    read_cart(unit, where, cart_order(), cart_order(reference="1002"))
    told = {"actor": "ann", "reason": "keyed in by Bea", "origin": "cli"}
    for reference in ("1001", "1002"):
        assert unit.queue.adopt(where.id, reference, f"slip {reference}", **told)
    read_pos(unit, where, ticket())
    relinked = [unit.queue.adopt(where.id, "1001", "T1", **told) for _ in range(2)]
    assert (relinked, entry(unit).object_id) == ([True, False], "T1")
    with pytest.raises(RefusedError, match="the POS has order 1001"):
        unit.queue.set_ready(where.id, "1001", **told)
    assert unit.queue.set_ready(where.id, "1002", **told)
    read_pos(unit, where, pos_order())
    with pytest.raises(RefusedError, match="the POS has order 1001 as T1"):
        unit.queue.adopt(where.id, "1001", "T2", **told)


def test_a_link_to_somebody_elses_ticket_can_be_given_up(unit: SqlUnitOfWork):
    """Then the order has no record again, and may be sent; what bears its number is no link of a person's."""
    where = queued(unit, "1001")
    read_pos(unit, where, ticket())
    told = {"actor": "ann", "reason": "it was another customer's", "origin": "cli"}
    assert unit.queue.adopt(where.id, "1001", "T1", **told)
    assert unit.queue.give_up(where.id, "1001", **told)
    assert (entry(unit).status, entry(unit).object_id) == ("failed", None)
    assert unit.queue.set_ready(where.id, "1001", **told)
    read_pos(unit, where, pos_order())
    assert unit.queue.adopt(where.id, "1001", "P1", **told)
    with pytest.raises(RefusedError):
        unit.queue.give_up(where.id, "1001", **told)


def test_what_the_pos_shows_has_arrived_and_is_not_given_up(unit: SqlUnitOfWork):
    """Else an order that agrees would stand in the books as closed unsent, for a slip of the pen."""
    where = channel(unit)
    read_cart(unit, where, cart_order())
    read_pos(unit, where, pos_order())
    with pytest.raises(RefusedError, match="the POS has order 1001"):
        unit.queue.give_up(where.id, "1001", actor="ann", reason="refunded", origin="cli")
    assert value(unit, "SELECT count(*) FROM queue_entries") == 0


def test_what_its_key_made_and_staff_voided_needs_a_new_key(unit: SqlUnitOfWork):
    """The POS would answer the old key with the voided record."""
    where = queued(unit, "1001")
    claim, _ = sent(unit, where, replace(UNKNOWN, pos_id="P1"))
    unit.queue.doubt(claim, None, "half made")
    told = {"actor": "ann", "reason": "cancelled it there", "origin": "cli"}
    read_pos(unit, where, pos_order(status=PosStatus.VOIDED))
    assert unit.queue.set_ready(where.id, "1001", **told)
    assert claim_one(unit, where).key is None


def test_set_ready_wants_a_name_and_a_reason_and_an_order_that_exists(unit: SqlUnitOfWork):
    """Each lack is one clear error."""
    where = queued(unit, "1001")
    for actor, reason in (("", "x"), ("ann", " ")):
        with pytest.raises(InputError, match="name and a reason"):
            unit.queue.set_ready(where.id, "1001", actor=actor, reason=reason, origin="cli")
    with pytest.raises(NotFoundError, match="9999"):
        unit.queue.set_ready(where.id, "9999", actor="ann", reason="x", origin="cli")


def test_leases_end_by_the_databases_clock(unit: SqlUnitOfWork):
    """A worker whose own clock is wrong neither keeps nor loses one by it."""
    where = queued(unit, "1001")
    claim_one(unit, where, lease=timedelta(seconds=90))
    left = value(unit, "SELECT lease_until - clock_timestamp() FROM queue_entries")
    assert timedelta(seconds=80) < left <= timedelta(seconds=90)  # type: ignore[operator]
