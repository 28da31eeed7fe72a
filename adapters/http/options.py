"""What a channel file may say about any connection over HTTP: how long, how often and how much at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adapters.http.tools import Limits
from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo
from reconciler.ports.vendor_info import OptionKind

LIMIT_OPTIONS: Final = {"timeout_seconds": OptionKind.NUMBER, "tries": OptionKind.NUMBER}


def limits_of(connection: ConnectionInfo, usual: Limits) -> Limits:
    """Return a vendor's limits with what the connection says: the longest silence, and tries of a read."""
    seconds = number_of(connection, "timeout_seconds", int(usual.read_seconds), most=600)
    tries = number_of(connection, "tries", usual.tries, most=20)
    return replace(usual, read_seconds=float(seconds), tries=tries)


def number_of(connection: ConnectionInfo, key: str, default: int, *, most: int = 10_000) -> int:
    """Return an option that is a number from 1 to ``most``; raise ConfigError naming one that is not."""
    value = connection.options.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise ConfigError(
            f"options.{key} of {connection.name} is not a number from 1 to {most}",
            next_step=f"leave it out to use {default}",
        )
    return value
