"""Hand work to the workers by the name of its task, and wait until they have done it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import typer

from reconciler.domain.errors import UnavailableError

if TYPE_CHECKING:
    from reconciler.bootstrap import App
    from reconciler.ports import Channel

#: Give up waiting for a worker after this; it may still do the work.
PATIENCE_SECONDS: Final = 15 * 60
POLL_SECONDS: Final = 0.2


def hand_over(wired: App, channels: Sequence[Channel], *, full: bool, wait: bool) -> None:
    """Ask the workers to reconcile channels; with ``wait``, return when each has had a new run."""
    from kombu.exceptions import OperationalError

    from workers.app import configure

    before = {channel.name: _last_run(wired, channel) for channel in channels}
    celery = configure(wired.settings)
    try:
        for channel in channels:
            celery.send_task(
                "reconciler.run", (channel.id,), {"force": True, "full": full}, queue="pull", retry=False
            )
    except (OperationalError, OSError) as error:
        raise UnavailableError(
            "the broker does not answer", next_step="check REDIS_URL: reconciler doctor"
        ) from error
    for channel in channels:
        if wait:
            _wait(wired, channel, before[channel.name])
        typer.echo(f"{channel.name}: {'done' if wait else 'handed to the workers'}")


def _wait(wired: App, channel: Channel, before: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _last_run(wired, channel) <= before:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"no worker has reconciled {channel.name}", next_step="see if one runs: reconciler doctor"
            )
        time.sleep(POLL_SECONDS)


def _last_run(wired: App, channel: Channel) -> int:
    with wired.open_unit() as unit:
        return unit.runs.last_finished(channel.id)
