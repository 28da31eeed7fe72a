"""One reconciliation of one channel: pull, compare, queue. Sending is another unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import structlog

from reconciler.domain.errors import RefusedError
from reconciler.failpoints import hit
from reconciler.ports import Channel, Judgement, RunOutcome, RunSummary, Side
from reconciler.services.compare import Bench, Comparison, compare, open_bench
from reconciler.services.context import Context
from reconciler.services.findings import apply_brake, judge_connections, judge_orphans
from reconciler.services.pull import Pulled, pull
from reconciler.services.release import release_waiting
from reconciler.services.reread import reread_unpaid

log = structlog.get_logger()


def run_channel(
    context: Context,
    channel: Channel,
    *,
    full: bool,
    trigger: str,
    tell: Callable[[Judgement], None] | None = None,
) -> RunSummary:
    """Reconcile a channel; raise RefusedError when another run of it is under way.

    The first run, and one a week, is a sweep; one that ends incomplete is tried again. In a rehearsal every
    order counts and nothing enters the queue. ``tell`` hears every finding.
    """
    unit, now = context.unit, context.clock()
    if not unit.channels.try_lock(channel.id):
        raise RefusedError(f"another run of {channel.name} is under way", next_step="wait for it to end")
    full = full or unit.runs.sweep_is_due(channel.id, now)
    run_id = unit.runs.start(channel.id, full=full, trigger=trigger, now=now)
    if channel.compared_run < 0:
        # What a run stored that was under way when the channel changed bears the keys of before.
        unit.orders.rekey(channel)
    hit("run.before_start_commit")
    unit.commit()
    hit("run.after_start_commit")
    summary = RunSummary(run_id=run_id, channel=channel.name, full=full)
    with structlog.contextvars.bound_contextvars(channel=channel.name, run=run_id):
        with _timed(summary, "pull"):
            pulled = pull(context, channel, run_id, full=full)
            if not full and pulled[0].error is None:
                reread_unpaid(context, channel, run_id)
        with _timed(summary, "compare"):
            bench = open_bench(context, channel, run_id, tell=tell)
            result = compare(bench, full=full)
            orphans = judge_orphans(bench, result.tickets) if full else []
            judge_connections(bench, pulled, {Side.POS: result.undecided, Side.CART: orphans})
            braked = apply_brake(bench, result)
        hit("run.before_enqueue")
        if not context.rehearsal and not braked and result.counted:
            unit.queue.enqueue(channel.id, result.sendable, now)
            release_waiting(bench)
        _conclude(summary, pulled, bench, result, braked=braked)
        unit.runs.finish(channel.id, summary, context.clock())
        hit("run.before_finish_commit")
        unit.commit()
        hit("run.after_finish_commit")
        log.info("run_finished", outcome=summary.outcome, full=full, **summary.durations)
    return summary


def _conclude(
    summary: RunSummary, pulled: tuple[Pulled, ...], bench: Bench, result: Comparison, *, braked: bool
) -> None:
    summary.counts = result.counts
    if any(side.error for side in pulled):
        summary.outcome = RunOutcome.FAILED
    elif not result.counted or not all(side.coverage.complete for side in pulled):
        summary.outcome = RunOutcome.INCOMPLETE
    troubles = ((side.connection.name, str(side.error or side.coverage.reason)) for side in pulled)
    summary.notes = [f"{name}: {trouble}" for name, trouble in troubles if trouble]
    if bench.hindered:
        summary.notes.append(f"{bench.channel.pos.name}: {bench.hindered}")
    if not result.counted:
        summary.notes.append("the channel was changed meanwhile: nothing was sent, the next run judges anew")
    if braked:
        summary.notes.append("too many orders look missing at once: nothing was sent")


@contextmanager
def _timed(summary: RunSummary, phase: str) -> Iterator[None]:
    start = perf_counter()
    try:
        yield
    finally:
        summary.durations[phase] = round(perf_counter() - start, 3)
