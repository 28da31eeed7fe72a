"""The Celery application. Its messages are hints: PostgreSQL knows what is due.

Every setting here was chosen against a measured way of losing or repeating work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from celery import Celery
from celery.schedules import schedule
from kombu import Queue

from reconciler import embedded
from reconciler.domain.errors import ReconcilerError
from reconciler.settings import Settings, load_settings, with_addresses

#: No task but a run takes longer; the broker hands out an unacknowledged one again after twice this and more.
HARD_LIMIT_SECONDS: Final = 15 * 60
#: A sweep reads all that a shop ever sold, at the pace that its vendor allows. Cut off it proves nothing, and
#: the next run would begin at the beginning, for ever. Handed out again meanwhile, it finds its lock taken.
RUN_LIMIT_SECONDS: Final = 12 * 60 * 60
#: A broker connection that was silently cut is noticed after this.
SOCKET_TIMEOUT_SECONDS: Final = 10
#: What nobody takes for so long goes, so that a forgotten broker does not fill. Never much less: two
#: machines' clocks reckon it, and where they differ by more, every message is thrown away on arrival.
HINT_EXPIRES_SECONDS: Final = 24 * 60 * 60


def broker_url(redis_url: str) -> str:
    """Write an address the way Celery's transport wants it."""
    scheme, _, rest = redis_url.partition("://")
    return f"redis+socket://{rest.replace('?db=', '?virtual_host=')}" if scheme == "unix" else redis_url


def steady_clock() -> Callable[[], datetime]:
    """Return a clock that goes on evenly, whatever is done to the machine's own.

    By one that is set back an hour, the next tick would be due in an hour.
    """
    started, began = datetime.now(UTC), time.monotonic()
    return lambda: started + timedelta(seconds=time.monotonic() - began)


def configure(settings: Settings) -> Celery:
    """Return the application for the given settings."""
    app = Celery(
        "reconciler",
        broker=broker_url(settings.require_redis_url()),
        include=["workers.tasks", "workers.signals"],
    )
    app.conf.update(
        # A hint whose worker died is not worth repeating: the next tick gives a fresh one, and a task that
        # kills its worker must not come back for ever. Admin actions say otherwise for themselves.
        task_acks_late=True,
        task_reject_on_worker_lost=False,
        worker_prefetch_multiplier=1,
        task_ignore_result=True,
        task_time_limit=HARD_LIMIT_SECONDS,
        task_queues=[Queue("pull"), Queue("submit"), Queue("report")],
        task_default_queue="pull",
        task_serializer="json",
        accept_content=["json"],
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": 2 * HARD_LIMIT_SECONDS + 60,
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_keepalive": True,
        },
        # Beat keeps nothing of value: it only says "look" every few seconds, on a clock that nobody sets.
        beat_scheduler="celery.beat:Scheduler",
        beat_schedule={
            "tick": {
                "task": "reconciler.tick",
                "schedule": schedule(settings.tick_seconds, nowfun=steady_clock()),
                "options": {"expires": HINT_EXPIRES_SECONDS},
            }
        },
        timezone="UTC",
    )
    return app


def _from_environment() -> Celery:
    try:
        return configure(with_addresses(load_settings(), embedded.urls))
    except ReconcilerError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - there is no logger yet
        raise SystemExit(error.exit_code) from None


app: Final = _from_environment()
