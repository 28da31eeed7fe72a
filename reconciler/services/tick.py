"""What is due now, out of PostgreSQL: lose every message and the next look finds the same work again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from reconciler.failpoints import hit
from reconciler.services.context import Context

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Due:
    """Ids of channels whose run is due, and of those with something to send or look up."""

    runs: Sequence[int]
    submissions: Sequence[int]


def tick(context: Context, every: timedelta = timedelta()) -> Due:
    """Rescue what dead workers left, and return what is due. Two ticks at once do no harm.

    What was looked at less than ``every`` ago is not looked at again: of messages that piled up while nobody
    was there to take them, the first is enough.
    """
    unit = context.unit
    if not unit.runs.take_due_job("tick", every):
        return Due((), ())
    hit("tick.before_rescue")
    rescued = unit.queue.rescue()
    hit("tick.before_rescue_commit")
    unit.commit()
    hit("tick.after_rescue_commit")
    if rescued:
        log.warning("entries_rescued", entries=rescued)
    return Due(unit.channels.due(), unit.queue.due_channels())
