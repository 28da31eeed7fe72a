"""``reconciler run``: reconcile channels in this process, rehearse it, or hand it to the workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.broker import hand_over
from reconciler.cli.errors import flat
from reconciler.cli.output import open_app
from reconciler.domain.errors import InputError, VendorError

if TYPE_CHECKING:
    from reconciler.bootstrap import App
    from reconciler.ports import Channel, Judgement, RunSummary

app = typer.Typer()


@app.command()
def run(
    channel: Annotated[str | None, typer.Option(help="Only this channel; all of them when left out.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Look at every order, not only at changes.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read, compare and classify; write nothing, send nothing.")
    ] = False,
    now: Annotated[
        str | None, typer.Option(help="Judge as of this time, for example 2026-11-20T15:00:00Z.")
    ] = None,
    enqueue: Annotated[bool, typer.Option("--enqueue", help="Hand the work to the workers.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --enqueue: until the workers are done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a channel, one a line.")] = False,
) -> None:
    """Reconcile: pull, compare, explain, submit what is safe.

    Ends with 7 when a connection of a channel could not be read; the others are done all the same. What a
    rehearsal cannot read is among its findings, and it ends with 0. Either way stderr has a line about it.

    Example: reconciler run --channel rosebud-web --dry-run
    """
    moment = _moment(now, dry_run=dry_run)
    if enqueue and (dry_run or now):
        raise InputError("--enqueue cannot be a rehearsal", next_step="leave out --dry-run and --now")
    if wait and not enqueue:
        raise InputError("--wait waits for workers", next_step="add --enqueue, or leave out --wait")
    with open_app() as opened:
        wired = opened.at(moment)
        channels = _channels(wired, channel)
        if enqueue:
            hand_over(wired, channels, full=full, wait=wait)
            return
        failed = False
        for each in channels:
            summary, judgements, sent = _run_one(wired, each, full=full, dry_run=dry_run)
            if as_json:
                typer.echo(json.dumps(_as_json(wired, summary, judgements, sent), ensure_ascii=False))
            else:
                _show(summary, judgements, sent, dry_run=dry_run)
            for note in summary.notes:
                typer.echo(f"warning: {summary.channel}: {flat(note)}", err=True)
            failed = failed or summary.outcome == "failed"
    if failed and not dry_run:
        raise typer.Exit(VendorError.exit_code)


def _channels(wired: App, name: str | None) -> list[Channel]:
    with wired.open_unit() as unit:
        channels = [unit.channels.get(name)] if name else list(unit.channels.list())
    if not channels:
        raise InputError("there is no channel yet", next_step="describe one: reconciler apply FILE")
    return channels


def _show(
    summary: RunSummary, judgements: Sequence[Judgement], sent: dict[str, int], *, dry_run: bool
) -> None:
    from reconciler.cli.show_run import show

    show(summary, judgements, sent, dry_run=dry_run)


def _moment(text: str | None, *, dry_run: bool) -> datetime | None:
    if text is None:
        return None
    if not dry_run:
        raise InputError("--now is for rehearsals", next_step="add --dry-run, or leave out --now")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"--now {text!r} is not a time with an offset", next_step="write 2026-11-20T15:00:00Z"
        )
    return moment


def _run_one(
    wired: App, channel: Channel, *, full: bool, dry_run: bool
) -> tuple[RunSummary, list[Judgement], dict[str, int]]:
    from reconciler.services.run import run_channel
    from reconciler.services.submit import submit_channel

    judgements: list[Judgement] = []
    sent: dict[str, int] = {}
    with wired.context(rehearsal=dry_run) as context, _progress(channel.name):
        # The schedule goes on from here: beat need not run the same channel again right after.
        context.unit.channels.begin(channel.id, force=True)
        summary = run_channel(
            context,
            channel,
            full=full or dry_run,
            trigger="cli",
            tell=judgements.append,
        )
        if not dry_run:
            lease = timedelta(seconds=wired.settings.lease_seconds)
            sent = dict(submit_channel(context, context.unit.channels.by_id(channel.id), lease=lease))
    return summary, judgements, sent


@contextmanager
def _progress(name: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    from reconciler.logging import takes_colour

    if not takes_colour(sys.stderr):
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"reconciling {name}"):
        yield


def _as_json(
    wired: App, summary: RunSummary, judgements: Sequence[Judgement], sent: dict[str, int]
) -> dict[str, Any]:
    from reconciler.services.encoding import finding

    return {
        "channel": summary.channel,
        "now": wired.clock().isoformat().replace("+00:00", "Z"),
        "outcome": summary.outcome,
        "counts": summary.counts,
        "notes": summary.notes,
        "durations": summary.durations,
        "sent": sent,
        "mismatches": [finding(judgement) for judgement in judgements],
    }
