"""The program's own Celery application, with the proving ground's vendor and a clock to be set wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from adapters import registry
from reconciler import bootstrap
from reconciler.bootstrap import App
from tests.chaos.vendor import NAME

#: The file that says how many seconds the workers' clock is wrong.
CLOCK: Final = "RECONCILER_CHAOS_CLOCK"


def add_vendor() -> None:
    """Let the registry know the vendor of the proving ground."""
    cast("dict[str, str]", registry.MODULES)[NAME] = "tests.chaos.vendor"


def stepped_clock() -> datetime:
    """Return the time as the proving ground wants it told."""
    text = Path(os.environ[CLOCK]).read_text(encoding="ascii")
    return datetime.now(UTC) + timedelta(seconds=float(text or 0))


def _build(*arguments: Any, **options: Any) -> App:
    return replace(_real_build(*arguments, **options), clock=stepped_clock)


if CLOCK in os.environ:
    add_vendor()
    _real_build = bootstrap.build
    bootstrap.build, bootstrap.utc_now = _build, stepped_clock

    from workers.app import app as app  # noqa: PLC0414 - Celery looks for it here
