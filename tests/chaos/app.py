"""The program's own Celery application, with the proving ground's vendor and a clock to be set wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

from adapters import registry, shopify, square
from adapters.shopify import cart as shopify_cart
from adapters.square import lookup as square_lookup
from adapters.square import reading as square_reading
from reconciler import bootstrap
from reconciler.services import pull
from tests.chaos.vendor import NAME

#: The file that says how many seconds the workers' clock is wrong.
CLOCK: Final = "RECONCILER_CHAOS_CLOCK"
LAG: Final = timedelta(seconds=1)
OVERLAP: Final = timedelta(minutes=1)


def add_vendor() -> None:
    """Let the registry know the vendor of the proving ground."""
    cast("dict[str, str]", registry.MODULES)[NAME] = "tests.chaos.vendor"


def hurry() -> None:
    """Let everything be as short as the proving ground's leases are.

    The vendors' clients lose patience soon, their searches are taken to lag by a second (the sandboxes' lag
    only when that fault is on), and reads begin again a minute back instead of ten, which is the harder case.
    """
    for vendor in (shopify, square):
        limits = replace(vendor.LIMITS, connect_seconds=1, read_seconds=1.5, tries=3, patience_seconds=5)
        vars(vendor)["LIMITS"] = limits
    shopify_cart.LAG = square_reading.LAG = LAG  # type: ignore[misc]
    pull.OVERLAP = square_lookup.OVERLAP = OVERLAP  # type: ignore[misc]


def stepped_clock() -> datetime:
    """Return the time as the proving ground wants it told."""
    text = Path(os.environ[CLOCK]).read_text(encoding="ascii")
    return datetime.now(UTC) + timedelta(seconds=float(text or 0))


if CLOCK in os.environ:
    add_vendor()
    hurry()
    bootstrap.utc_now = stepped_clock

    from workers.app import app as app  # noqa: PLC0414 - Celery looks for it here
