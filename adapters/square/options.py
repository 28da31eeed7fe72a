"""What a channel file may say about a Square account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adapters.http import LIMIT_OPTIONS, number_of
from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo
from reconciler.ports.vendor_info import OptionKind

#: The release whose schema our requests and translations were written against.
VERSION: Final = "2025-08-20"
#: Calls a second. Square tells no limit; it answers 429 well above this.
RATE: Final = 10
#: How far back a first read and a full one go, in days.
HISTORY_DAYS: Final = 90
#: How far back a look-up searches for a reference, in days.
LOOKUP_DAYS: Final = 30
#: Orders asked for at once: their answer is to stay well within what is read. Square takes up to 1000.
PAGE, LARGEST_PAGE = 500, 1000
OPTIONS: Final = {
    **LIMIT_OPTIONS,
    "page_size": OptionKind.NUMBER,
    "location_ids": OptionKind.TEXT,
    "square_version": OptionKind.TEXT,
    "source_name": OptionKind.TEXT,
    "calls_per_second": OptionKind.NUMBER,
    "history_days": OptionKind.NUMBER,
    "lookup_days": OptionKind.NUMBER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SquareOptions:
    """How one account is used."""

    #: The locations that are read; none named means all. Look-ups search all of them anyway.
    location_ids: tuple[str, ...] = ()
    version: str = VERSION
    #: What staff see as the origin of our orders.
    source_name: str = "Online shop"
    calls_per_second: int = RATE
    history: timedelta = timedelta(days=HISTORY_DAYS)
    lookup: timedelta = timedelta(days=LOOKUP_DAYS)
    page: int = PAGE


def read_options(connection: ConnectionInfo) -> SquareOptions:
    """Return a connection's options; raise ConfigError naming the one that cannot be used."""
    options = connection.options
    version = str(options.get("square_version") or VERSION)
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", version):
        raise ConfigError(
            f"options.square_version of {connection.name} is not a date such as {VERSION}",
            next_step="leave it out to use the version that this program was made for",
        )
    return SquareOptions(
        location_ids=tuple(filter(None, re.split(r"[\s,]+", str(options.get("location_ids") or "")))),
        version=version,
        source_name=str(options.get("source_name") or "Online shop")[:255],
        calls_per_second=number_of(connection, "calls_per_second", RATE),
        history=timedelta(days=number_of(connection, "history_days", HISTORY_DAYS)),
        lookup=timedelta(days=number_of(connection, "lookup_days", LOOKUP_DAYS)),
        page=number_of(connection, "page_size", PAGE, most=LARGEST_PAGE),
    )
