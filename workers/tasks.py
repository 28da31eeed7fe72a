"""The tasks: ids in, one service called, safe to run twice. Their names are a contract; admins may call them.

Whoever can write to the broker can call a task, so an actor named in a message is recorded as unverified.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Final

from reconciler.bootstrap import App, build
from reconciler.domain.errors import RefusedError
from reconciler.failpoints import hit
from reconciler.ports import MismatchState
from reconciler.services import review
from reconciler.services.run import run_channel
from reconciler.services.submit import has_more, submit_channel
from reconciler.services.tick import tick as look_what_is_due
from workers.app import HINT_EXPIRES_SECONDS, RUN_LIMIT_SECONDS, app

ORIGIN: Final = "broker, unverified"


@cache
def wired() -> App:
    """Wire the program once a process."""
    return build()


@app.task(name="reconciler.tick")
def tick() -> None:
    """Look at what is due and hint at it."""
    with wired().context() as context:
        due = look_what_is_due(context, timedelta(seconds=wired().settings.tick_seconds / 2))
    hit("tick.before_hints")
    for channel_id in due.runs:
        run.apply_async((channel_id,), queue="pull", expires=HINT_EXPIRES_SECONDS)
    for channel_id in due.submissions:
        submit.apply_async((channel_id,), queue="submit", expires=HINT_EXPIRES_SECONDS)
    report.apply_async(queue="report", expires=HINT_EXPIRES_SECONDS)
    hit("tick.after_hints")


@app.task(name="reconciler.run", time_limit=RUN_LIMIT_SECONDS)
def run(channel_id: int, *, force: bool = False, full: bool = False) -> None:
    """Reconcile one channel if its run is due (or ``force``), then hint at what it queued."""
    with wired().context() as context:
        if not context.unit.channels.begin(channel_id, force=force):
            return
        hit("run.after_begin")
        channel = context.unit.channels.by_id(channel_id)
        try:
            run_channel(context, channel, full=full, trigger="admin" if force else "schedule")
        except RefusedError:
            return
    hit("run.before_hint")
    submit.apply_async((channel_id,), queue="submit", expires=HINT_EXPIRES_SECONDS)
    hit("run.after_hint")


# Acknowledged early: the leases in PostgreSQL recover what a dead worker leaves, and nothing is redelivered.
@app.task(name="reconciler.submit", acks_late=False)
def submit(channel_id: int) -> None:
    """Work through what is due in one channel's queue."""
    lease = timedelta(seconds=wired().settings.lease_seconds)
    with wired().context() as context:
        worked = submit_channel(context, context.unit.channels.by_id(channel_id), lease=lease)
        more = bool(worked) and has_more(context, channel_id)
    if more:
        submit.apply_async((channel_id,), queue="submit", expires=HINT_EXPIRES_SECONDS)


@app.task(name="reconciler.report")
def report() -> None:
    """Write the failure reports if they are due."""
    wired().write_due_reports()


@app.task(name="reconciler.set_ready", reject_on_worker_lost=True)
def set_ready(channel: str, references: Sequence[str], actor: str, reason: str) -> None:
    """Give orders one more attempt each, on a named person's word."""
    with wired().context() as context:
        review.set_ready(context, channel, references, actor=actor, reason=reason, origin=ORIGIN)


@app.task(name="reconciler.adopt", reject_on_worker_lost=True)
def adopt(channel: str, reference: str, pos_id: str, actor: str, reason: str) -> None:
    """Take a named person's word that a POS record is this order."""
    with wired().context() as context:
        review.adopt(context, channel, reference, pos_id, actor=actor, reason=reason, origin=ORIGIN)


@app.task(name="reconciler.give_up", reject_on_worker_lost=True)
def give_up(channel: str, references: Sequence[str], actor: str, reason: str) -> None:
    """Close orders on a named person's word."""
    with wired().context() as context:
        review.give_up(context, {channel: references}, actor=actor, reason=reason, origin=ORIGIN)


@app.task(name="reconciler.decide", reject_on_worker_lost=True)
def decide(channel: str, mismatches: Sequence[int], state: str, actor: str, reason: str) -> None:
    """Acknowledge, resolve or ignore mismatches by their numbers."""
    with wired().context() as context:
        review.decide(
            context, {channel: mismatches}, MismatchState(state), actor=f"{actor} ({ORIGIN})", reason=reason
        )
