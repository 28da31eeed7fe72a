"""Look before send, and look again after an unknown outcome: what the looks mean. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from reconciler.domain.orders import PAID, CartOrder, PosOrder, PosStatus
from reconciler.domain.policy import Policy


class Step(Enum):
    """What to do with a claimed entry after looking."""

    SEND = "send"
    #: The same bytes once more, under the same key.
    REPEAT = "repeat"
    #: The POS has it already.
    ADOPT = "adopt"
    #: It must not be sent any more.
    WITHDRAW = "withdraw"
    #: It cannot be told now; look again later.
    WAIT = "wait"
    #: The look-ups are used up; a person has to look.
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step, with its reason, and the POS record that it adopts."""

    step: Step
    reason: str = ""
    pos_id: str | None = None


def before_send(
    judged: CartOrder,
    present: CartOrder | None,
    records: Sequence[PosOrder],
    *,
    conclusive: bool,
    on_purpose: bool = False,
    repeatable: bool = False,
    blocked: NextStep | None = None,
) -> NextStep:
    """Decide after re-reading the cart order that was judged and searching the POS for it.

    ``on_purpose``: a person asked for this attempt, so that even a voided record does not hold it back, and
    what no search can tell goes back to them at once. ``repeatable``: the bytes that were sent may go again
    under their key, which completes what is half made there and makes nothing twice. ``blocked`` says what
    keeps it from going by itself any more, though it was queued.
    """
    if live := _live(records):
        return NextStep(Step.ADOPT, "the POS has it already", live)
    if present is None:
        return NextStep(Step.WITHDRAW, "the order is no longer in the cart")
    if present.dead or (present.payment_status not in PAID and present.total > 0):
        return NextStep(Step.WITHDRAW, "the order is no longer paid and alive")
    if records:
        blocked = NextStep(Step.WITHDRAW, "the POS record was voided on purpose")
    if blocked is not None and not on_purpose:
        return blocked
    if not conclusive and on_purpose and repeatable:
        return NextStep(Step.REPEAT, "the POS knows our key")
    if not conclusive:
        step = Step.FLAG if on_purpose else Step.WAIT
        return NextStep(step, "the POS could not be searched completely")
    if present != judged:
        return NextStep(Step.WAIT, "the order changed since it was judged; the next run judges it again")
    return NextStep(Step.SEND)


def after_unknown(
    records: Sequence[PosOrder],
    *,
    last: bool,
    conclusive: bool = True,
    repeatable: bool = False,
    patient: bool = True,
) -> NextStep:
    """Decide after looking for an order whose submission ended without an answer.

    ``repeatable``: sending the same bytes again cannot make a second record, and is worth it. ``patient``: a
    search that tells nothing may yet tell something; what stays so for good, as an order that is half made
    there, is a person's to look at.
    """
    if live := _live(records):
        return NextStep(Step.ADOPT, "found by look-up", live)
    if last and repeatable and not records:
        return NextStep(Step.REPEAT, "the POS does not show it, and knows our key")
    if not conclusive and (patient or not last):
        return NextStep(Step.WAIT, "the POS could not be searched completely")
    if not conclusive:
        return NextStep(Step.FLAG, "no look-up could tell whether the POS has it")
    if last:
        return NextStep(Step.FLAG, "the POS does not show it after the last look-up")
    return NextStep(Step.WAIT, "the POS does not show it yet")


def lookup_schedule(policy: Policy, *, confirms_by_read: bool) -> tuple[timedelta, ...]:
    """Return when to look again, counted from the send.

    A POS that confirms by its next export only is looked at until G has passed as well.
    """
    late = tuple(
        wait
        for wait in (policy.grace / 2, policy.grace)
        if confirms_by_read and wait > max(policy.lookups, default=timedelta())
    )
    return policy.lookups + late


def next_lookup(
    schedule: Sequence[timedelta], sent_at: datetime, now: datetime, *, done: int = 0
) -> datetime | None:
    """Return the first look-up that is still to come; None when all are behind.

    ``done`` look-ups are never made again, whatever a clock says.
    """
    return next((sent_at + wait for wait in schedule[done:] if sent_at + wait > now), None)


def _live(records: Sequence[PosOrder]) -> str | None:
    live = [record for record in records if record.status is not PosStatus.VOIDED]
    return min(live, key=lambda record: (record.created_at, record.pos_id)).pos_id if live else None
