"""Submitting to a POS that can do anything: what is committed when, what goes out, and what never does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from reconciler.domain.errors import UnreachableError
from reconciler.domain.evidence import Catalog, FailureCause
from reconciler.domain.orders import CartOrder, Customer, PosOrder, PosStatus
from reconciler.domain.policy import Delivery, Policy, Send
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import (
    Capabilities,
    Coverage,
    Lookup,
    MismatchState,
    Outcome,
    OutcomeKind,
    Page,
    Side,
    Snapshot,
    Submission,
)
from reconciler.services import review, submit
from reconciler.services.context import Context
from reconciler.services.submit import submit_channel
from reconciler.services.tick import tick
from tests.builders import POLICY, cart_order, pos_order
from tests.integration.persistence.world import LEASE, apply, channel

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
OURS = replace(POLICY, delivery=Delivery.OURS, lookups=(timedelta(seconds=1), timedelta(seconds=2)))
ACCEPTED = Outcome(kind=OutcomeKind.ACCEPTED, pos_id="P1")
UNKNOWN = Outcome(kind=OutcomeKind.UNKNOWN, words="no answer")
DEFERRED = Outcome(kind=OutcomeKind.DEFERRED, words="later")
REFUSED = Outcome(kind=OutcomeKind.REFUSED, cause=FailureCause.REJECTED, words="no")
OUTAGE = replace(REFUSED, cause=FailureCause.OUTAGE)


@dataclass
class Shop:
    """A cart and a POS in one, and what was sent to it."""

    order: CartOrder
    keys: bool = True
    outcomes: list[Outcome] = field(default_factory=list)
    #: It takes what is sent, unless it says no or later.
    takes: bool = True
    records: list[PosOrder] = field(default_factory=list)
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    before_send: Callable[[], None] = lambda: None
    looks_fail: bool = False
    #: Why a look tells nothing, if it does not.
    vague: str = ""

    @property
    def capabilities(self) -> Capabilities:
        """With or without keys."""
        return Capabilities(idempotency_keys=self.keys, key_life=timedelta(hours=24))

    def cart(self, _connection: object) -> Any:
        """It is its own cart."""
        return self

    pos = cart

    def fetch(self, references: Sequence[str], ids: Mapping[str, str] | None = None) -> dict[str, CartOrder]:
        """Read the order again."""
        return {self.order.reference: self.order}

    def find(self, reference: str, now: datetime) -> Lookup:
        """Show the records."""
        if self.looks_fail:
            raise UnreachableError("the POS does not answer")
        found = [Snapshot(record, "{}") for record in self.records]
        return Lookup(found, conclusive=not self.vague, reason=self.vague)

    def handed_over(self) -> dict[str, datetime]:
        """Keep no such list."""
        return {}

    def catalog(self) -> Catalog:
        """Take everything."""
        return Catalog()

    def prepare(self, order: CartOrder, policy: Policy, key: str) -> Submission:
        """Write the total down."""
        return Submission(order.reference, key, b'{"total":%d}' % order.total)

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Take it, or not, and answer what was planned."""
        self.before_send()
        self.sent.append((submission.key, submission.body))
        known = self.keys and [key for key, _ in self.sent].count(submission.key) > 1 and self.records
        outcome = self.outcomes.pop(0) if self.outcomes else ACCEPTED
        if self.takes and not known and outcome.kind in {OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN}:
            self.records.append(pos_order(pos_id=f"P{len(self.sent)}", created_at=now))
        return outcome


@dataclass
class Counter:
    """One channel with one order in its queue."""

    engine: Engine
    shop: Shop
    policy: Policy

    def __post_init__(self) -> None:
        with self.unit() as unit:
            self.channel = channel(unit, self.policy)
            run = unit.runs.start(self.channel.id, full=True, trigger="test", now=datetime.now(UTC))
            page = Page([Snapshot(self.shop.order, "{}")])
            unit.orders.ingest_cart(self.channel, run, page, datetime.now(UTC))
            unit.queue.enqueue(self.channel.id, [self.shop.order.reference], datetime.now(UTC))
            unit.commit()

    def unit(self) -> SqlUnitOfWork:
        """Open a transaction of one's own."""
        return SqlUnitOfWork(self.engine)

    def work(self, *, lease: timedelta = LEASE) -> str:
        """Let a worker have one turn; return where the entry stands."""
        with self.unit() as unit:
            context = Context(unit, self.shop, lambda: datetime.now(UTC))
            submit_channel(context, unit.channels.by_id(self.channel.id), lease=lease)
        return str(
            self.value("SELECT status || CASE WHEN flagged THEN ' flagged' ELSE '' END FROM queue_entries")
        )

    def look_ups_later(self) -> str:
        """Let all look-ups fall due, one after the other, until none is left; return where it ends."""
        status = "in_doubt"
        for _ in range(9):
            if status != "in_doubt":
                break
            self.do("UPDATE queue_entries SET next_lookup_at = now(), sent_at = sent_at - interval '1 s'")
            status = self.work()
        return status

    def set_ready(self) -> bool:
        """Let a person ask for one more attempt; say whether that changed anything."""
        with self.unit() as unit:
            told = {"actor": "ann", "reason": "yes", "origin": "test"}
            changed = unit.queue.set_ready(self.channel.id, "1001", **told)
            unit.commit()
        return changed

    def do(self, statement: str) -> None:
        """Change something behind everybody's back."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def value(self, statement: str) -> Any:
        """Ask from outside of the worker's transaction."""
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(statement).scalar_one()

    def tick(self) -> Sequence[int]:
        """Let a beat look what is due."""
        with self.unit() as unit:
            return tick(Context(unit, self.shop, lambda: datetime.now(UTC))).submissions


@pytest.fixture
def counter(engine: Engine) -> Callable[..., Counter]:
    """A function that makes a channel with one order queued."""

    def make(policy: Policy = OURS, **shop: Any) -> Counter:
        return Counter(engine, Shop(cart_order(), **shop), policy)

    return make


def test_what_was_sent_and_shown_is_a_success(counter: Callable[..., Counter]):
    """The plain case: one attempt, one record."""
    desk = counter()
    assert desk.work() == "success"
    assert len(desk.shop.sent) == 1


def test_the_intent_is_committed_before_the_first_byte_leaves(counter: Callable[..., Counter]):
    """Another session sees key and exact bytes while the POS is being called."""
    desk = counter()
    seen: list[Any] = []
    desk.shop.before_send = lambda: seen.append(desk.value("SELECT body FROM attempts WHERE outcome IS NULL"))
    desk.work()
    assert [bytes(body) for body in seen] == [desk.shop.sent[0][1]]


def test_what_the_pos_has_already_is_adopted(counter: Callable[..., Counter]):
    """Looking comes before sending."""
    desk = counter(records=[pos_order()])
    assert desk.work() == "success"
    assert desk.shop.sent == []


def test_an_answer_is_no_proof(counter: Callable[..., Counter]):
    """Accepted, and not shown: that is a doubt, not a success."""
    assert counter(takes=False).work() == "in_doubt"


def test_the_answer_is_kept_before_it_is_read_back(counter: Callable[..., Counter]):
    """Whoever dies, or hangs, while reading back leaves an accepted attempt and locks nothing."""
    desk, seen = counter(), []

    def find(reference: str, now: datetime) -> Lookup:
        if desk.shop.sent:
            seen.append(desk.value("SELECT outcome FROM attempts"))
            seen.append(desk.value("SELECT reference FROM queue_entries FOR UPDATE SKIP LOCKED"))
        return Lookup([Snapshot(record, "{}") for record in desk.shop.records], conclusive=True)

    desk.shop.find = find  # type: ignore[method-assign]
    assert desk.work() == "success"
    assert seen == ["accepted", "1001"]


@pytest.mark.parametrize("keys", [True, False])
def test_taken_without_an_answer_it_is_found_and_adopted(counter: Callable[..., Counter], keys: bool):
    """Accept, then drop: one attempt, one record, whether or not the POS knows keys."""
    desk = counter(keys=keys, outcomes=[UNKNOWN])
    assert desk.work() == "in_doubt"
    assert desk.look_ups_later() == "success"
    assert len(desk.shop.sent) == 1


def test_the_same_bytes_go_again_under_the_same_key(counter: Callable[..., Counter]):
    """Not taken, and the POS knows keys: after the last look-up once more, and byte for byte."""
    desk = counter(outcomes=[UNKNOWN], takes=False)
    desk.work()
    desk.shop.takes = True
    assert desk.look_ups_later() == "success"
    first, second = desk.shop.sent
    assert first == second


@pytest.mark.parametrize("delivery", Delivery)
def test_a_repeat_spends_nothing_and_comes_once(counter: Callable[..., Counter], delivery: Delivery):
    """It is the same attempt at the same order, whoever delivers; after it a person has to look."""
    desk = counter(replace(OURS, delivery=delivery), outcomes=[UNKNOWN] * 9, takes=False)
    desk.work()
    assert desk.look_ups_later() == "failed flagged"
    first, second = desk.shop.sent
    assert first == second
    assert desk.value("SELECT spent FROM queue_entries") == 1
    assert desk.value("SELECT array_agg(spends ORDER BY number) FROM attempts") == [True, False]


def test_what_the_pos_shows_is_adopted_though_the_cart_is_away(counter: Callable[..., Counter]):
    """The last look-up found it: nothing is sent, so nobody has to ask whether the order changed."""
    desk = counter(outcomes=[UNKNOWN])
    desk.work()

    def fetch(*_: object) -> dict[str, CartOrder]:
        raise UnreachableError("the cart does not answer")

    desk.shop.fetch = fetch  # type: ignore[assignment,method-assign]
    desk.do("UPDATE queue_entries SET next_lookup_at = now(), sent_at = sent_at - interval '1 hour'")
    assert desk.work() == "success"


def test_a_look_up_does_not_undo_what_a_person_acknowledged(counter: Callable[..., Counter]):
    """Somebody has seen that it is in doubt; that it was looked for once more is no news."""
    desk = counter(outcomes=[UNKNOWN], takes=False)
    with desk.unit() as unit:
        covered = Coverage(covers_from=BEGINNING, covers_to=datetime.now(UTC), complete=True)
        unit.orders.add_coverage(desk.channel.id, 1, Side.POS, covered)
        unit.commit()
    assert desk.work() == "in_doubt"
    assert desk.value("SELECT classification FROM mismatches") == "in_doubt"
    with desk.unit() as unit:
        number, told = desk.value("SELECT id FROM mismatches"), {"actor": "ann", "reason": "seen"}
        state = MismatchState.ACKNOWLEDGED
        unit.mismatches.decide(desk.channel.id, number, state, **told, now=datetime.now(UTC))
        unit.commit()
    desk.do("UPDATE queue_entries SET next_lookup_at = now()")
    assert desk.work() == "in_doubt"
    assert desk.value("SELECT facts ->> 'last_lookup_at' IS NOT NULL FROM mismatches")
    assert desk.value("SELECT state FROM mismatches") == "acknowledged"


def test_a_key_is_as_old_as_its_first_use(counter: Callable[..., Counter]):
    """Repeats that are put off do not make it young again: after a day the POS has forgotten it."""
    desk = counter(outcomes=[UNKNOWN, *[DEFERRED] * 9], takes=False)
    status = desk.work()
    desk.do("ALTER TABLE attempts DISABLE TRIGGER USER")
    while status == "in_doubt" and len(desk.shop.sent) < 9:
        desk.do("UPDATE attempts SET started_at = started_at - interval '10 hours'")
        desk.do("UPDATE queue_entries SET next_lookup_at = now(), sent_at = sent_at - interval '10 hours'")
        status = desk.work()
    assert status == "failed flagged"
    assert len(desk.shop.sent) == 3


def test_nothing_goes_again_by_itself_where_the_pos_knows_no_keys(counter: Callable[..., Counter]):
    """It is looked up, and then flagged for a person."""
    desk = counter(outcomes=[UNKNOWN], takes=False, keys=False)
    desk.work()
    assert desk.look_ups_later() == "failed flagged"
    assert len(desk.shop.sent) == 1


def test_what_no_look_can_tell_is_given_to_a_person_with_the_reason(counter: Callable[..., Counter]):
    """An order that stays half made in the POS is not looked up for ever."""
    desk = counter(outcomes=[UNKNOWN], takes=False, keys=False)
    desk.work()
    desk.shop.vague = "order X is there without its payment"
    assert desk.look_ups_later() == "failed flagged"
    assert "order X is there without its payment" in desk.value("SELECT note FROM queue_entries")
    assert len(desk.shop.sent) == 1


@pytest.mark.parametrize(
    "change",
    [{"cancelled_at": datetime.now(UTC)}, {"total": 51_00}],
    ids=["the order was cancelled", "the order was edited"],
)
def test_what_changed_since_is_not_repeated(counter: Callable[..., Counter], change: dict[str, Any]):
    """The old bytes would make an order that nobody wants any more."""
    desk = counter(outcomes=[UNKNOWN], takes=False)
    desk.work()
    desk.shop.order = replace(desk.shop.order, **change)
    assert desk.look_ups_later() == "failed flagged"
    assert len(desk.shop.sent) == 1


def test_an_order_that_changed_without_a_new_stamp_does_not_wait_for_ever(counter: Callable[..., Counter]):
    """No read would bring it again: what was read before the send is kept, judged, and sent the next time."""
    desk = counter()
    desk.shop.order = replace(desk.shop.order, customer=Customer(name="Rosa"), total=51_00, captured=51_00)
    assert desk.work() == "ready"
    assert desk.shop.sent == []
    assert desk.value("SELECT total FROM cart_orders") == 51_00
    assert desk.value("SELECT raw IS NOT NULL FROM cart_orders")
    desk.do("UPDATE queue_entries SET not_before = NULL")
    assert desk.work() == "success"
    assert [body for _, body in desk.shop.sent] == [b'{"total":5100}']


def test_a_voided_record_is_never_replaced_by_itself(counter: Callable[..., Counter]):
    """Somebody voided what the first attempt made."""
    desk = counter(outcomes=[UNKNOWN])
    desk.work()
    desk.shop.records = [replace(desk.shop.records[0], status=PosStatus.VOIDED)]
    assert desk.look_ups_later() == "failed flagged"
    assert len(desk.shop.sent) == 1


def test_a_repeat_that_was_put_off_stays_in_doubt(counter: Callable[..., Counter]):
    """Later is no answer to whether the first attempt was taken."""
    desk = counter(outcomes=[UNKNOWN, DEFERRED], takes=False)
    desk.work()
    desk.do("UPDATE queue_entries SET next_lookup_at = now(), sent_at = sent_at - interval '1 hour'")
    assert desk.work() == "in_doubt"
    assert len(desk.shop.sent) == 2
    assert desk.value("SELECT spent FROM queue_entries") == 1


def test_a_put_off_attempt_spends_nothing_and_keeps_its_key(counter: Callable[..., Counter]):
    """A new key comes only after a definite no."""
    desk = counter(outcomes=[DEFERRED, DEFERRED, OUTAGE])
    for spent in (0, 0, 2):
        desk.do("UPDATE queue_entries SET not_before = NULL")
        status = desk.work()
        assert desk.value("SELECT spent FROM queue_entries") == spent
    assert status == "success"
    keys = [key for key, _ in desk.shop.sent]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_a_refusal_is_not_argued_with(counter: Callable[..., Counter]):
    """What is certain to fail again is not sent again."""
    desk = counter(outcomes=[REFUSED], takes=False)
    assert desk.work() == "failed flagged"
    assert desk.work() == "failed flagged"
    assert len(desk.shop.sent) == 1


def test_a_worker_that_was_frozen_past_its_lease_sends_nothing(
    counter: Callable[..., Counter], monkeypatch: pytest.MonkeyPatch
):
    """It wakes with the intent written, and others have been told that it is dead."""
    desk, moments = counter(), iter([0.0, 0.0, 100.0, 100.0, 100.0])
    monkeypatch.setattr(submit, "monotonic", lambda: next(moments))
    assert desk.work() == "processing"
    assert desk.shop.sent == []


def test_what_a_dead_worker_left_is_found_without_a_broker(counter: Callable[..., Counter]):
    """The tick reads PostgreSQL alone: it rescues, and says which queue has something to do."""
    desk = counter()

    def die() -> None:
        raise KeyboardInterrupt

    desk.shop.before_send = die
    with pytest.raises(KeyboardInterrupt):
        desk.work()
    assert desk.value("SELECT status FROM queue_entries") == "processing"
    assert list(desk.tick()) == []
    desk.do("UPDATE queue_entries SET lease_until = now()")
    assert list(desk.tick()) == [desk.channel.id]
    assert desk.value("SELECT status FROM queue_entries") == "in_doubt"


def test_sending_that_was_switched_off_holds_what_is_queued(counter: Callable[..., Counter]):
    """A person's word still stands."""
    desk = counter(policy=replace(OURS, send=Send.OFF))
    assert desk.work() == "ready"
    assert desk.shop.sent == []
    desk.do("UPDATE queue_entries SET trigger = 'admin', actor = 'ann', reason = 'yes', not_before = NULL")
    assert desk.work() == "success"


def test_a_person_may_replace_a_voided_record(counter: Callable[..., Counter]):
    """Set Ready is on purpose; by itself it is never done."""
    desk = counter(records=[pos_order(pos_id="P0", status=PosStatus.VOIDED)])
    assert desk.work() == "failed"
    desk.set_ready()
    assert desk.work() == "success"


def test_a_person_may_complete_what_is_half_made(counter: Callable[..., Counter]):
    """The search tells nothing as long as it is; the same bytes under the same key complete it."""
    desk = counter(outcomes=[UNKNOWN] * 2, takes=False)
    desk.work()
    desk.shop.vague = "order X is there without its payment"
    assert desk.look_ups_later() == "failed flagged"
    desk.shop.takes = True
    desk.set_ready()
    assert desk.work() == "success"
    assert len(set(desk.shop.sent)) == 1
    assert desk.value("SELECT array_agg(trigger ORDER BY number) FROM attempts") == ["auto", "retry", "admin"]
    assert desk.value("SELECT spent FROM queue_entries") == 1


def test_a_person_is_told_at_once_that_no_search_can_tell(counter: Callable[..., Counter]):
    """Without keys nothing goes again on such a search, whoever asks; and nobody waits for it."""
    desk = counter(outcomes=[UNKNOWN], takes=False, keys=False)
    desk.work()
    desk.shop.vague = "order X is there without its payment"
    assert desk.look_ups_later() == "failed flagged"
    desk.set_ready()
    assert desk.work() == "failed flagged"
    assert "order X is there without its payment" in desk.value("SELECT note FROM queue_entries")
    assert len(desk.shop.sent) == 1


def test_a_turn_ends_soon_and_says_what_is_left(counter: Callable[..., Counter]):
    """A worker that is asked to stop finishes the order in its hands, and no queue of hundreds."""
    desk = counter()
    with desk.unit() as unit:
        context = Context(unit, desk.shop, lambda: datetime.now(UTC))
        assert not submit_channel(context, desk.channel, lease=LEASE, seconds=0)
        assert submit.has_more(context, desk.channel.id)


def test_being_put_off_again_and_again_does_not_make_the_wait_begin_anew(counter: Callable[..., Counter]):
    """A POS that keeps saying "later" would otherwise never be said to have kept an order waiting."""
    desk = counter(outcomes=[DEFERRED] * 3)
    desk.do("UPDATE queue_entries SET since = now() - interval '1 hour'")
    for _ in range(3):
        assert desk.work() == "ready"
        desk.do("UPDATE queue_entries SET not_before = NULL")
    assert desk.value("SELECT since <= now() - interval '1 hour' FROM queue_entries")


def test_looks_that_fail_again_and_again_do_not_make_the_wait_begin_anew(counter: Callable[..., Counter]):
    """Nobody sends what cannot be looked for, and somebody has to learn that it waits."""
    desk = counter(looks_fail=True)
    desk.do("UPDATE queue_entries SET since = now() - interval '1 hour'")
    assert desk.work() == "ready"
    assert desk.value("SELECT since <= now() - interval '1 hour' FROM queue_entries")


def test_a_person_can_have_sent_what_was_queued_before_sending_was_switched_off(
    counter: Callable[..., Counter],
):
    """It waits for a person, so a person's word must reach it; the second click adds nothing."""
    desk = counter(policy=replace(OURS, send=Send.ASK))
    assert desk.work() == "ready"
    assert [desk.set_ready(), desk.set_ready()] == [True, False]
    assert desk.work() == "success"
    assert desk.value("SELECT array_agg(trigger || actor) FROM attempts") == ["adminann"]


def test_an_order_that_was_cancelled_without_a_new_stamp_is_judged_as_it_is(
    counter: Callable[..., Counter],
):
    """No read would bring it again: it would be called missing for ever."""
    desk = counter()
    desk.shop.order = replace(desk.shop.order, cancelled_at=datetime.now(UTC))
    assert desk.work() == "failed"
    assert desk.value("SELECT cancelled_at IS NOT NULL FROM cart_orders")


def test_a_name_that_cannot_be_kept_to_the_letter_does_not_hold_an_order_back(engine: Engine):
    """PostgreSQL has no NUL: the order that is read again would differ from the stored one for ever."""
    desk = Counter(engine, Shop(cart_order(customer=Customer(name="Ann\0"))), OURS)
    assert desk.work() == "success"


def test_a_number_that_the_pos_would_show_as_another_channels_is_not_sent(engine: Engine):
    """Order B-1 under R is order 1 under RB-: each would be found as the other, and one never made."""
    desk = Counter(engine, Shop(cart_order(reference="B-1")), replace(OURS, reference_prefix="R"))
    with desk.unit() as unit:
        apply(unit, replace(OURS, reference_prefix="R"), replace(OURS, reference_prefix="RB-"))
        unit.commit()
    assert desk.work() == "failed"
    assert desk.shop.sent == []


def test_nobody_is_asked_while_a_persons_decision_holds_rows(counter: Callable[..., Counter]):
    """A POS that is slow to answer would keep workers from the order, and in the end undo the decision."""
    desk, asked = counter(), []

    def catalog() -> Catalog:
        asked.append(desk.value("SELECT reference FROM queue_entries FOR UPDATE SKIP LOCKED"))
        return Catalog()

    desk.shop.catalog = catalog  # type: ignore[method-assign]
    told = {"actor": "ann", "reason": "keyed in by Bea", "origin": "test"}
    with desk.unit() as unit:
        context = Context(unit, desk.shop, lambda: datetime.now(UTC))
        review.give_up(context, {desk.channel.name: ["1001"]}, **told)
        review.adopt(context, desk.channel.name, "1001", "T1", **told)
    assert asked == ["1001", "1001"]
    assert desk.value("SELECT object_id FROM queue_entries") == "T1"
