"""What happens around every task: one log format for ours and the libraries' lines, one context a task."""

from __future__ import annotations

import logging
from typing import Any, Final

import structlog
from celery import signals

from reconciler.logging import configure
from reconciler.settings import load_settings

#: These say a line or two for every hint; what a task did, it says itself.
CHATTY: Final = ("celery.worker.strategy", "celery.app.trace", "celery.beat")


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Take the place of Celery's own set-up of the root logger."""
    settings = load_settings()
    configure(settings.log_level, settings.log_format)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


@signals.task_prerun.connect
def bind_task(task_id: str, task: Any, **_: Any) -> None:
    """Name the task in every line that it logs."""
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def clear_task(**_: Any) -> None:
    """Leave nothing of a task to the next one."""
    structlog.contextvars.clear_contextvars()
