"""Send what is queued: claim, look, commit the intent, send, record, read back.

The order of the commits is the promise: the intent (key and exact bytes) is in the database before the
first byte leaves, and every write after it is fenced by the claim's token.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

import structlog

from reconciler.domain.case import inside_rule
from reconciler.domain.errors import AuthError, RefusedError, VendorError
from reconciler.domain.evidence import Catalog
from reconciler.domain.facts import Facts
from reconciler.domain.look import NextStep, Step, after_unknown, before_send, lookup_schedule, next_lookup
from reconciler.domain.orders import CartOrder, PosOrder, cart_reference
from reconciler.domain.policy import Delivery, Send
from reconciler.domain.sending import may_retry
from reconciler.domain.verdict import Classification
from reconciler.failpoints import hit
from reconciler.ports import (
    Cart,
    Channel,
    Claim,
    ConnectionInfo,
    ConnectionState,
    Intent,
    Lookup,
    Outcome,
    OutcomeKind,
    Page,
    Pos,
    Submission,
    Trigger,
)
from reconciler.services.compare import judge_again
from reconciler.services.context import Context
from reconciler.services.release import channel_facts, release_waiting
from reconciler.services.reread import as_read

#: How long an order waits at most when a look did not allow a decision.
LOOK_AGAIN: Final = timedelta(minutes=1)
#: How long one turn takes on new entries: a worker that is asked to stop is done soon after.
TURN_SECONDS: Final = 5.0

#: The step of an entry whose connection failed; nothing else of its channel is tried this turn.
PAUSED: Final = "paused"
#: How often the bytes of one key go out by themselves: once, and once more after the last look-up.
SENDS: Final = 2
#: How often the whole schedule of looks is gone through, when they tell nothing, before a person has to.
PATIENCE: Final = 2

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Desk:
    """One channel's submissions: who to ask and where to write."""

    context: Context
    channel: Channel
    cart: Cart
    pos: Pos
    #: When the lease ends, by a clock that goes on while this process is frozen.
    lease_ends: float = math.inf
    #: What the POS can take, asked for once a turn and only when something is sent.
    catalogs: list[Catalog] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.context.clock()

    @property
    def later(self) -> datetime:
        """When to try again what cannot be decided now: at the next read, and soon."""
        return self.now + min(LOOK_AGAIN, self.channel.policy.poll_interval)

    def facts(self, order: CartOrder) -> Facts:
        """Return what an attempt's outcome may hang on."""
        if not self.catalogs:
            with _asking(self, self.channel.pos):
                self.catalogs.append(self.pos.catalog())
        return channel_facts(self.channel, order, self.catalogs[0])

    def pos_reference(self, claim: Claim) -> str:
        return f"{self.channel.policy.reference_prefix}{claim.reference}"


def submit_channel(
    context: Context, channel: Channel, *, lease: timedelta, seconds: float = TURN_SECONDS
) -> Counter[str]:
    """Work through what is due in a channel's queue, for one turn; return how many entries took which step.

    What is left when the turn is over waits for the next one: `has_more` tells.
    """
    unit, taken, began = context.unit, Counter[str](), monotonic()
    if ConnectionState.AUTH_FAILED in {channel.cart.state, channel.pos.state}:
        # Paused: the next run asks whether we are let in again.
        return taken
    desk = _Desk(context, channel, context.vendors.cart(channel.cart), context.vendors.pos(channel.pos))
    settled: list[str] = []
    # One at a time: a lease then covers one order's calls, and a worker that dies holds up one order. What a
    # batch would save is a millisecond an order, beside calls of a second.
    while (started := monotonic()) - began < seconds and (
        claims := unit.queue.claim(channel.id, limit=1, lease=lease)
    ):
        hit("submit.before_claim_commit")
        unit.commit()
        hit("submit.after_claim_commit")
        for claim in claims:
            lease_ends = started + lease.total_seconds()
            with structlog.contextvars.bound_contextvars(channel=channel.name, reference=claim.reference):
                step = _work(replace(desk, lease_ends=lease_ends), claim)
            taken[step] += 1
            settled.append(claim.reference)
        if PAUSED in taken:
            # What one order met, the next would meet as well.
            break
    if settled:
        release_waiting(judge_again(context, channel, settled, desk.pos))
        hit("submit.before_judge_commit")
    unit.commit()
    hit("submit.after_judge_commit")
    return taken


def has_more(context: Context, channel_id: int) -> bool:
    """Say whether a channel's queue has something to do right now."""
    return channel_id in context.unit.queue.due_channels()


def _work(desk: _Desk, claim: Claim) -> str:
    try:
        step = _look_again(desk, claim) if claim.in_doubt else _look_and_send(desk, claim)
    except VendorError as error:
        _postpone(desk, claim, error.message)
        step = PAUSED
    except RefusedError:
        # Somebody else holds the entry now: our lease ran out. Nothing was written.
        log.warning("claim_lost")
        return "lost"
    hit("submit.before_settle_commit")
    desk.context.unit.commit()
    hit("submit.after_settle_commit")
    log.info("entry_worked", step=step)
    return step


def _look_and_send(desk: _Desk, claim: Claim) -> str:
    unit, channel = desk.context.unit, desk.channel
    stored = unit.orders.get_cart(channel.id, claim.reference)
    if stored is None:
        unit.queue.withdraw(claim, "the order is not known any more")
        return Step.WITHDRAW.value
    if not _named_for_us(desk, claim):
        unit.queue.withdraw(claim, "the POS would show its number as another channel's order")
        return Step.WITHDRAW.value
    if _held(desk, claim):
        return _postpone(desk, claim, "sending was switched off for this channel")
    judged, digest = stored
    present = _reread(desk, judged)
    hit("submit.after_fetch")
    look = _look(desk, claim)
    hit("submit.after_look")
    on_purpose = claim.trigger is Trigger.ADMIN
    unclear = on_purpose and not look.conclusive
    stored_intent = _stored_intent(desk, claim) if unclear else None
    found = before_send(
        judged,
        present,
        _orders(look),
        conclusive=look.conclusive,
        on_purpose=on_purpose,
        repeatable=stored_intent is not None,
        blocked=_blocked(desk, present or judged),
    )
    if present is not None and present != judged:
        _keep(desk, present)
    match found.step:
        case Step.ADOPT if found.pos_id:
            unit.queue.succeed(claim, found.pos_id, adopted=True)
        case Step.WITHDRAW:
            unit.queue.withdraw(claim, found.reason)
        case Step.SEND:
            return _send(desk, claim, judged, digest)
        case Step.REPEAT if stored_intent:
            return _dispatch(desk, claim, stored_intent)
        case Step.FLAG:
            unit.queue.doubt(claim, None, _reason(found, look))
        case _:
            return _postpone(desk, claim, found.reason or look.reason)
    return str(found.step.value)


def _keep(desk: _Desk, order: CartOrder) -> None:
    """Store an order as it was read again, so that it is judged as it is now.

    Its stamp need not have moved, and then no later read would bring it.
    """
    page = Page([as_read(order)])
    desk.context.unit.orders.ingest_cart(desk.channel, desk.channel.compared_run, page, desk.now)


def _send(desk: _Desk, claim: Claim, order: CartOrder, digest: bytes) -> str:
    channel = desk.channel
    submission = desk.pos.prepare(order, channel.policy, _key(channel, claim))
    return _dispatch(desk, claim, Intent(submission=submission, cart_digest=digest, facts=desk.facts(order)))


def _dispatch(desk: _Desk, claim: Claim, intent: Intent) -> str:
    """Commit the intent, and only then send its bytes."""
    unit = desk.context.unit
    number = unit.queue.intend(claim, intent)
    hit("submit.before_intent_commit")
    unit.commit()
    hit("submit.after_intent_commit")
    if monotonic() >= desk.lease_ends:
        # We were frozen, and others have been told that we are dead: what we send now nobody can fence.
        raise RefusedError("the lease ended before anything was sent")
    outcome = desk.pos.submit(intent.submission, desk.now)
    hit("submit.after_send")
    spent = unit.queue.outcome(claim, number, outcome)
    return _settle(desk, claim, outcome, spent)


def _settle(desk: _Desk, claim: Claim, outcome: Outcome, spent: int) -> str:
    """Move the entry on by what the call came to."""
    queue = desk.context.unit.queue
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            # The answer is kept, and no row locked, before anybody is asked again.
            hit("submit.before_outcome_commit")
            desk.context.unit.commit()
            hit("submit.after_outcome_commit")
            # "Created" is no proof: read back.
            return _confirm(desk, claim)
        case OutcomeKind.UNKNOWN:
            queue.doubt(claim, _first_lookup(desk), outcome.words)
        case OutcomeKind.REFUSED:
            resend = may_retry(outcome.cause, spent, desk.channel.policy.delivery)
            queue.fail(claim, outcome, resend=resend)
        case OutcomeKind.DEFERRED:
            queue.release(claim, outcome.retry_at or desk.later, outcome.words)
    return outcome.kind.value


def _confirm(desk: _Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    try:
        look = _look(desk, claim)
    except VendorError as error:
        queue.doubt(claim, _first_lookup(desk), error.message)
        return OutcomeKind.UNKNOWN.value
    hit("verify.after_look")
    found = after_unknown(_orders(look), last=False)
    if found.step is Step.ADOPT and found.pos_id:
        queue.succeed(claim, found.pos_id, adopted=False)
        return OutcomeKind.ACCEPTED.value
    queue.doubt(claim, _first_lookup(desk), found.reason)
    return OutcomeKind.UNKNOWN.value


def _look_again(desk: _Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    look = _look(desk, claim)
    hit("lookup.after_look")
    upcoming = _next_lookup(desk, claim)
    last = upcoming is None
    # What is there already is adopted, whether or not the cart can be asked.
    stored = _stored_intent(desk, claim) if last and not look.records else None
    found = after_unknown(
        _orders(look),
        last=last,
        conclusive=look.conclusive,
        repeatable=stored is not None,
        patient=claim.lookups < PATIENCE * len(_schedule(desk)),
    )
    match found.step:
        case Step.ADOPT if found.pos_id:
            queue.succeed(claim, found.pos_id, adopted=True)
        case Step.REPEAT if stored:
            return _dispatch(desk, claim, stored)
        case Step.FLAG:
            queue.doubt(claim, None, _reason(found, look))
        case _:
            queue.doubt(claim, upcoming or desk.later, found.reason)
    return str(found.step.value)


def _stored_intent(desk: _Desk, claim: Claim) -> Intent | None:
    """Return the last attempt to be made again as it was: the POS knows its key, and nothing changed.

    That is no new try and spends no budget. By itself it happens once a key; a person may ask for more.
    """
    known = desk.pos.capabilities
    if not (known.idempotency_keys and claim.key and claim.body and claim.key_since and claim.cart_digest):
        return None
    dead = known.key_life is not None and desk.now >= claim.key_since + known.key_life
    used_up = claim.sends >= SENDS and claim.trigger is not Trigger.ADMIN
    if dead or used_up or _held(desk, claim):
        return None
    order, digest = desk.context.unit.orders.get_cart(desk.channel.id, claim.reference) or (None, b"")
    if order is None or digest != claim.cart_digest:
        return None
    present, blocked = _reread(desk, order), "" if claim.trigger is Trigger.ADMIN else _blocked(desk, order)
    if before_send(order, present, (), conclusive=True, blocked=blocked).step is not Step.SEND:
        return None
    submission = Submission(reference=desk.pos_reference(claim), key=claim.key, body=claim.body)
    return Intent(submission=submission, cart_digest=claim.cart_digest)


def _reread(desk: _Desk, order: CartOrder) -> CartOrder | None:
    """Read the cart order as it is now; by its own id where it has one, because a search may lag."""
    ids = {order.reference: order.vendor_id} if order.vendor_id else None
    with _asking(desk, desk.channel.cart):
        present = desk.cart.fetch([order.reference], ids).get(order.reference)
    return present and desk.context.unit.orders.as_kept(present)


def _named_for_us(desk: _Desk, claim: Claim) -> bool:
    """Say whether what the POS would call the order is read as this order again, by the rules of reading."""
    channel = desk.channel
    told = cart_reference(
        desk.pos_reference(claim), channel.policy.reference_prefix, channel.sibling_prefixes
    )
    return told == claim.reference


def _held(desk: _Desk, claim: Claim) -> bool:
    """Say whether sending was switched off since the order was queued; a person's word stands."""
    return claim.trigger is not Trigger.ADMIN and desk.channel.policy.send is not Send.AUTO


def _blocked(desk: _Desk, order: CartOrder) -> str:
    """Say why an order must not go by itself any more: what was found out since it entered the queue."""
    channel = desk.channel
    if channel.policy.delivery is Delivery.OURS and not inside_rule(order, channel.policy):
        return "it has left the channel's download rule since it was queued"
    if desk.context.unit.orders.get_verdict(channel.id, order.reference) is Classification.PROBABLE_REKEY:
        return "a POS ticket looks like it, keyed in by hand: a person has to answer first"
    return ""


def _look(desk: _Desk, claim: Claim) -> Lookup:
    """Search the POS, and keep what is found: it is as good as a read."""
    with _asking(desk, desk.channel.pos):
        look = desk.pos.find(desk.pos_reference(claim), desk.now)
    if look.records:
        run_id = desk.channel.compared_run
        desk.context.unit.orders.ingest_pos(desk.channel, run_id, Page(look.records), desk.now)
    return look


@contextmanager
def _asking(desk: _Desk, connection: ConnectionInfo) -> Iterator[None]:
    """Pause a connection at the first word that we are not let in."""
    try:
        yield
    except AuthError as error:
        state = ConnectionState.AUTH_FAILED
        desk.context.unit.channels.set_state(connection.id, state, str(error), desk.now)
        raise


def _postpone(desk: _Desk, claim: Claim, reason: str) -> str:
    """Put the entry back: an unknown outcome stays in doubt, anything else waits for its next turn."""
    queue = desk.context.unit.queue
    if claim.in_doubt:
        queue.doubt(claim, _next_lookup(desk, claim) or desk.later, reason)
    else:
        queue.release(claim, desk.later, reason)
    return Step.WAIT.value


def _first_lookup(desk: _Desk) -> datetime:
    """Return when to look after what was just sent."""
    return next_lookup(_schedule(desk), desk.now, desk.now) or desk.later


def _next_lookup(desk: _Desk, claim: Claim) -> datetime | None:
    """Return when to look again after this look."""
    return next_lookup(_schedule(desk), claim.sent_at or desk.now, desk.now, done=claim.lookups + 1)


def _schedule(desk: _Desk) -> tuple[timedelta, ...]:
    by_read = desk.pos.capabilities.confirms_by_read
    return lookup_schedule(desk.channel.policy, confirms_by_read=by_read)


def _reason(found: NextStep, look: Lookup) -> str:
    return "; ".join(filter(None, (found.reason, look.reason)))


def _orders(look: Lookup) -> list[PosOrder]:
    return [snapshot.order for snapshot in look.records]


def _key(channel: Channel, claim: Claim) -> str:
    """Return the idempotency key: the same for the same attempt, new only after a definite refusal."""
    if claim.key is not None:
        return claim.key
    text = f"{channel.merchant}/{channel.name}/{claim.reference}/{claim.attempts}"
    return sha256(text.encode()).hexdigest()[:32]
