"""Send what is queued: claim, look, commit the intent, send, record, read back.

The order of the commits is the promise: the intent (key and exact bytes) is in the database before the
first byte leaves, and every write after it is fenced by the claim's token.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import structlog

from reconciler.domain.errors import RefusedError, VendorError
from reconciler.domain.look import Step, after_unknown, before_send, lookup_schedule, next_lookup
from reconciler.domain.orders import CartOrder
from reconciler.domain.sending import may_retry
from reconciler.ports import (
    Cart,
    Channel,
    Claim,
    Intent,
    Lookup,
    Outcome,
    OutcomeKind,
    Page,
    Pos,
)
from reconciler.services.compare import Comparison, judge, open_bench
from reconciler.services.context import Context

#: How long an order waits when a look did not allow a decision.
LOOK_AGAIN: Final = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Desk:
    """One channel's submissions: who to ask and where to write."""

    context: Context
    channel: Channel
    cart: Cart
    pos: Pos

    @property
    def now(self) -> datetime:
        return self.context.clock()

    def pos_reference(self, claim: Claim) -> str:
        return f"{self.channel.policy.reference_prefix}{claim.reference}"


def submit_channel(context: Context, channel: Channel, *, lease: timedelta) -> Counter[str]:
    """Work through what is due in a channel's queue; return how many entries took which step."""
    unit, taken = context.unit, Counter[str]()
    desk = _Desk(context, channel, context.vendors.cart(channel.cart), context.vendors.pos(channel.pos))
    settled: list[str] = []
    while claims := unit.queue.claim(channel.id, limit=1, lease=lease):
        unit.commit()
        for claim in claims:
            with structlog.contextvars.bound_contextvars(channel=channel.name, reference=claim.reference):
                step = _work(desk, claim)
            taken[step] += 1
            settled.append(claim.reference)
    if settled:
        _judge_again(context, channel, settled)
    unit.commit()
    return taken


def _work(desk: _Desk, claim: Claim) -> str:
    try:
        step = _look_again(desk, claim) if claim.in_doubt else _look_and_send(desk, claim)
    except VendorError as error:
        step = _postpone(desk, claim, error.message)
    except RefusedError:
        # Somebody else holds the entry now: our lease ran out. Nothing was written.
        log.warning("claim_lost")
        return "lost"
    desk.context.unit.commit()
    log.info("entry_worked", step=step)
    return step


def _look_and_send(desk: _Desk, claim: Claim) -> str:
    unit, channel = desk.context.unit, desk.channel
    stored = unit.orders.get_cart(channel.id, claim.reference)
    if stored is None:
        unit.queue.withdraw(claim, "the order is not known any more")
        return Step.WITHDRAW.value
    present = desk.cart.fetch([claim.reference]).get(claim.reference)
    look = _look(desk, claim)
    judged, digest = stored
    records = [snapshot.order for snapshot in look.records]
    found = before_send(judged, present, records, conclusive=look.conclusive)
    match found.step:
        case Step.ADOPT if found.pos_id:
            unit.queue.succeed(claim, found.pos_id, adopted=True)
        case Step.WITHDRAW:
            unit.queue.withdraw(claim, found.reason)
        case Step.SEND:
            return _send(desk, claim, judged, digest)
        case _:
            return _postpone(desk, claim, found.reason or look.reason)
    return str(found.step.value)


def _send(desk: _Desk, claim: Claim, order: CartOrder, digest: bytes) -> str:
    unit, channel = desk.context.unit, desk.channel
    submission = desk.pos.prepare(order, channel.policy, _key(channel, claim))
    number = unit.queue.intend(claim, Intent(submission=submission, cart_digest=digest))
    unit.commit()
    outcome = desk.pos.submit(submission, desk.now)
    unit.queue.outcome(claim, number, outcome)
    return _settle(desk, claim, outcome)


def _settle(desk: _Desk, claim: Claim, outcome: Outcome) -> str:
    """Move the entry on by what the call came to."""
    queue = desk.context.unit.queue
    match outcome.kind:
        case OutcomeKind.ACCEPTED:
            # "Created" is no proof: read back.
            return _confirm(desk, claim)
        case OutcomeKind.UNKNOWN:
            queue.doubt(claim, _next_lookup(desk, desk.now), outcome.words)
        case OutcomeKind.REFUSED:
            resend = may_retry(outcome.cause, claim.spent + 1, desk.channel.policy.delivery)
            queue.fail(claim, outcome, resend=resend)
        case OutcomeKind.DEFERRED:
            queue.release(claim, outcome.retry_at or desk.now + LOOK_AGAIN, outcome.words)
    return outcome.kind.value


def _confirm(desk: _Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    try:
        look = _look(desk, claim)
    except VendorError as error:
        queue.doubt(claim, _next_lookup(desk, desk.now), error.message)
        return OutcomeKind.UNKNOWN.value
    found = after_unknown([snapshot.order for snapshot in look.records], last=False)
    if found.step is Step.ADOPT and found.pos_id:
        queue.succeed(claim, found.pos_id, adopted=False)
        return OutcomeKind.ACCEPTED.value
    queue.doubt(claim, _next_lookup(desk, desk.now), found.reason)
    return OutcomeKind.UNKNOWN.value


def _look_again(desk: _Desk, claim: Claim) -> str:
    queue = desk.context.unit.queue
    look = _look(desk, claim)
    upcoming = _next_lookup(desk, claim.sent_at or desk.now)
    found = after_unknown([snapshot.order for snapshot in look.records], last=upcoming is None)
    if found.step is Step.ADOPT and found.pos_id:
        queue.succeed(claim, found.pos_id, adopted=True)
    else:
        queue.doubt(claim, upcoming, found.reason)
    return found.step.value


def _look(desk: _Desk, claim: Claim) -> Lookup:
    """Search the POS, and keep what is found: it is as good as a read."""
    look = desk.pos.find(desk.pos_reference(claim), desk.now)
    if look.records:
        run_id = desk.channel.compared_run
        desk.context.unit.orders.ingest_pos(desk.channel, run_id, Page(look.records), desk.now)
    return look


def _postpone(desk: _Desk, claim: Claim, reason: str) -> str:
    """Put the entry back: an unknown outcome stays in doubt, anything else waits for its next turn."""
    queue = desk.context.unit.queue
    if claim.in_doubt:
        upcoming = _next_lookup(desk, claim.sent_at or desk.now)
        queue.doubt(claim, upcoming or desk.now + LOOK_AGAIN, reason)
    else:
        queue.release(claim, desk.now + LOOK_AGAIN, reason)
    return Step.WAIT.value


def _next_lookup(desk: _Desk, sent_at: datetime) -> datetime | None:
    by_read = desk.pos.capabilities.confirms_by_read
    return next_lookup(lookup_schedule(desk.channel.policy, confirms_by_read=by_read), sent_at, desk.now)


def _key(channel: Channel, claim: Claim) -> str:
    """Return the idempotency key: the same for the same attempt, new only after a definite refusal."""
    if claim.key is not None:
        return claim.key
    text = f"{channel.merchant}/{channel.name}/{claim.reference}/{claim.attempts}"
    return sha256(text.encode()).hexdigest()[:32]


def _judge_again(context: Context, channel: Channel, references: list[str]) -> None:
    """Say at once what became of the orders just worked on, instead of at the next run."""
    bench = open_bench(context, channel, channel.compared_run)
    suspects = context.unit.orders.evidence(channel, references)
    judge(bench, suspects, {}, Comparison())
