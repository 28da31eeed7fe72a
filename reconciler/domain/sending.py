"""May this order be sent by itself, now? Pure; the services act on the answer and record its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reconciler.domain.case import Case
from reconciler.domain.evidence import Evidence, FailureCause
from reconciler.domain.policy import BRAKE_FLOOR, BRAKE_SHARE, Delivery, Policy, Send
from reconciler.domain.queue import OPEN, QueueStatus
from reconciler.domain.verdict import Classification, Verdict

#: Causes that pass by themselves, so that trying the same bytes again can help.
TRANSIENT: Final = frozenset({FailureCause.OUTAGE})


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to queue an order, and why not. ``look_at`` is from when on the answer may change by itself."""

    send: bool
    reason: str = ""
    look_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Absences:
    """What the reads of a POS allow us to conclude from an order's absence, for sending."""

    trusted: bool
    covers_to: datetime | None


def may_send(
    evidence: Evidence, verdict: Verdict, policy: Policy, absences: Absences, now: datetime
) -> Decision:
    """Decide whether an order enters the queue."""
    case = Case(evidence, policy)
    ours = policy.delivery is Delivery.OURS
    wanted = {Classification.MISSING, Classification.SYNC_DELAY} if ours else {Classification.MISSING}
    if verdict.classification not in wanted or (ours and not case.inside_download_rule):
        return Decision(send=False)
    if evidence.queue is not None:
        return Decision(send=False, reason=_already_queued(evidence.queue.status))
    if evidence.cart.placed_at < policy.live_from:
        return Decision(send=False, reason="it was placed before the channel's live_from")
    if policy.send is Send.OFF:
        return Decision(send=False, reason="sending is off for this channel")
    if policy.send is Send.ASK:
        return Decision(send=False, reason="this channel asks a person before it sends")
    return Decision(send=True) if ours else _may_resend(case, absences, now)


def _already_queued(status: QueueStatus) -> str:
    if status in OPEN:
        return ""
    if status is QueueStatus.SUCCESS:
        return "it was delivered once, and the POS does not show it any more"
    return "its attempts are used up"


def _may_resend(case: Case, absences: Absences, now: datetime) -> Decision:
    earliest = case.paid_at + case.policy.resend_after
    if not absences.trusted:
        return Decision(send=False, reason="the POS export does not vouch for its completeness")
    if now < earliest:
        return Decision(send=False, reason="its own integration may still deliver it", look_at=earliest)
    if absences.covers_to is None or absences.covers_to < earliest:
        # The next good read says more; until then a person is no faster.
        reason = "the POS was not read late enough after the payment"
        return Decision(send=False, reason=reason, look_at=earliest)
    return Decision(send=True)


def brake_limit(examined: int) -> int:
    """Return how many orders of one run may look missing before nobody believes it."""
    return max(BRAKE_FLOOR, int(BRAKE_SHARE * examined))


def brakes(missing: int, examined: int, delivery: Delivery) -> bool:
    """Say whether so many orders look missing that nothing may be sent.

    Where we deliver, an order that was never sent is not missing but waiting for us: after an outage, or on
    Valentine's Day, there are many of those at once, and holding them back would hold back every later one.
    """
    return delivery is Delivery.THEIRS and missing > brake_limit(examined)


def automatic_attempts(delivery: Delivery) -> int:
    """Return how many automatic attempts an order has: the first send is ours or theirs, then one re-send."""
    return 2 if delivery is Delivery.OURS else 1


def may_retry(cause: FailureCause | None, spent: int, delivery: Delivery) -> bool:
    """Say whether a refused order is tried again by itself: within its budget, and only where it can help."""
    return cause in TRANSIENT and spent < automatic_attempts(delivery)
