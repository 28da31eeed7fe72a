"""Send what is queued: claim, look, commit the intent, send, record, read back.

The order of the commits is the promise: the intent (key and exact bytes) is in the database before the
first byte leaves, and every write after it is fenced by the claim's token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

import structlog

from reconciler.domain.errors import RefusedError, VendorError
from reconciler.domain.look import NextStep, Step, after_unknown, before_send, next_lookup
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.sending import may_retry
from reconciler.failpoints import hit
from reconciler.ports import (
    Channel,
    Claim,
    ConnectionState,
    Intent,
    Lookup,
    Outcome,
    OutcomeKind,
    Submission,
    Trigger,
)
from reconciler.services.compare import judge_again
from reconciler.services.context import Context
from reconciler.services.desk import Desk
from reconciler.services.release import release_waiting

#: How long one turn takes on new entries: a worker that is asked to stop is done soon after.
TURN_SECONDS: Final = 5.0

#: The step of an entry whose connection failed; nothing else of its channel is tried this turn.
PAUSED: Final = "paused"
#: How often the bytes of one key go out by themselves: once, and once more after the last look-up.
SENDS: Final = 2
#: How often the whole schedule of looks is gone through, when they tell nothing, before a person has to.
PATIENCE: Final = 2

log = structlog.get_logger()


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
    desk = Desk(context, channel, context.vendors.cart(channel.cart), context.vendors.pos(channel.pos))
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
        _judge(desk, settled)
    unit.commit()
    hit("submit.after_judge_commit")
    return taken


def _judge(desk: Desk, settled: Sequence[str]) -> None:
    """Say at once what became of orders; a run that is judging the same ones has the word, and then the next.

    A run keeps its rows until it is through: of the two, the one that would lose more must not be the one to
    be ended.
    """

    def judge() -> None:
        release_waiting(judge_again(desk.context, desk.channel, settled, desk.pos))
        hit("submit.before_judge_commit")

    if not desk.context.unit.commit_unless_busy(judge):
        log.info("judging_left_to_run", orders=len(settled))


def has_more(context: Context, channel_id: int) -> bool:
    """Say whether a channel's queue has something to do right now."""
    return channel_id in context.unit.queue.due_channels()


def _work(desk: Desk, claim: Claim) -> str:
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


def _look_and_send(desk: Desk, claim: Claim) -> str:
    unit, channel = desk.context.unit, desk.channel
    stored = unit.orders.get_cart(channel.id, claim.reference)
    if stored is None:
        unit.queue.withdraw(claim, "the order is not known any more")
        return Step.WITHDRAW.value
    if not desk.named_for_us(claim):
        unit.queue.withdraw(claim, "the POS would show its number as another channel's order")
        return Step.WITHDRAW.value
    if desk.held(claim):
        return _postpone(desk, claim, "sending was switched off for this channel")
    judged, digest = stored
    present = desk.reread(judged)
    hit("submit.after_fetch")
    look = desk.look(claim)
    hit("submit.after_look")
    on_purpose = claim.trigger is Trigger.ADMIN
    unclear = on_purpose and not look.conclusive
    stored_intent = _stored_intent(desk, claim) if unclear else None
    blocked = desk.blocked(present or judged)
    found = before_send(
        judged,
        present,
        _orders(look),
        conclusive=look.conclusive,
        on_purpose=on_purpose,
        repeatable=stored_intent is not None,
        blocked=blocked,
    )
    if present is not None and present != judged:
        desk.keep(present)
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
            # What somebody else holds back may be held for days: that is worth a look a read, and no more.
            until = desk.now + channel.policy.poll_interval if found is blocked else desk.later
            return _postpone(desk, claim, found.reason or look.reason, until)
    return str(found.step.value)


def _send(desk: Desk, claim: Claim, order: CartOrder, digest: bytes) -> str:
    channel = desk.channel
    submission = desk.pos.prepare(order, channel.policy, _key(channel, claim))
    return _dispatch(desk, claim, Intent(submission=submission, cart_digest=digest, facts=desk.facts(order)))


def _dispatch(desk: Desk, claim: Claim, intent: Intent) -> str:
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


def _settle(desk: Desk, claim: Claim, outcome: Outcome, spent: int) -> str:
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


def _confirm(desk: Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    try:
        look = desk.look(claim)
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


def _look_again(desk: Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    look = desk.look(claim)
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
        patient=claim.lookups < PATIENCE * len(desk.schedule),
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


def _stored_intent(desk: Desk, claim: Claim) -> Intent | None:
    """Return the last attempt to be made again as it was: the POS knows its key, and nothing changed.

    That is no new try and spends no budget. By itself it happens once a key; a person may ask for more.
    """
    known = desk.pos.capabilities
    if not (known.idempotency_keys and claim.key and claim.body and claim.key_since and claim.cart_digest):
        return None
    dead = known.key_life is not None and desk.now >= claim.key_since + known.key_life
    used_up = claim.sends >= SENDS and claim.trigger is not Trigger.ADMIN
    if dead or used_up or desk.held(claim):
        return None
    order, digest = desk.context.unit.orders.get_cart(desk.channel.id, claim.reference) or (None, b"")
    if order is None or digest != claim.cart_digest:
        return None
    present, blocked = desk.reread(order), None if claim.trigger is Trigger.ADMIN else desk.blocked(order)
    if before_send(order, present, (), conclusive=True, blocked=blocked).step is not Step.SEND:
        return None
    submission = Submission(reference=desk.pos_reference(claim), key=claim.key, body=claim.body)
    return Intent(submission=submission, cart_digest=claim.cart_digest)


def _postpone(desk: Desk, claim: Claim, reason: str, until: datetime | None = None) -> str:
    """Put the entry back: an unknown outcome stays in doubt, anything else waits for its next turn."""
    queue = desk.context.unit.queue
    if claim.in_doubt:
        queue.doubt(claim, _next_lookup(desk, claim) or desk.later, reason)
    else:
        queue.release(claim, until or desk.later, reason)
    return Step.WAIT.value


def _first_lookup(desk: Desk) -> datetime:
    """Return when to look after what was just sent."""
    return next_lookup(desk.schedule, desk.now, desk.now) or desk.later


def _next_lookup(desk: Desk, claim: Claim) -> datetime | None:
    """Return when to look again after this look."""
    return next_lookup(desk.schedule, claim.sent_at or desk.now, desk.now, done=claim.lookups + 1)


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
