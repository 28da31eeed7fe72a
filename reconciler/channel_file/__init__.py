"""Read a channel file: one TOML text in, everything it says as specs out, or one error with its line.

All or nothing: the first error ends the reading, and nothing is applied from a file that has one.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Final

from reconciler.channel_file.channels import channel_spec, refuse_ambiguous_prefixes
from reconciler.channel_file.connections import Seal, Surroundings, connection_spec
from reconciler.channel_file.locate import key_lines
from reconciler.channel_file.table import Source, Table, one_line, refuse_repeats
from reconciler.domain.errors import ConfigError
from reconciler.ports.configuration import ConfigurationSpec, ConnectionSpec, MerchantSpec
from reconciler.ports.vendor_info import VendorInfo

__all__ = ["Seal", "parse_channel_file", "read_channel_file"]

MAX_BYTES: Final = 1024 * 1024
#: What a merchant may say, and what it means; with the default, where there is one.
MERCHANT_KEYS: Final[Mapping[str, str]] = {
    "code": "what the merchant is called in commands; no two have one code",
    "name": "what the reports call it; its code",
    "timezone": "where its days and times are, for example `America/Denver`; `UTC`",
    "day_cutoff": "when its business day begins; `00:00`",
    "connection": "accounts at carts and POS: `[[merchant.connection]]`",
    "channel": "which cart feeds which POS, and by what policy: `[[merchant.channel]]`",
}
_POSITION: Final = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)\Z")


def read_channel_file(
    path: Path, *, vendors: Mapping[str, VendorInfo], seal: Seal, environ: Mapping[str, str] = os.environ
) -> ConfigurationSpec:
    """Return what the file at ``path`` says; raise ConfigError naming file and line."""
    return parse_channel_file(_read(path), path, vendors=vendors, seal=seal, environ=environ)


def parse_channel_file(
    text: str, path: Path, *, vendors: Mapping[str, VendorInfo], seal: Seal, environ: Mapping[str, str]
) -> ConfigurationSpec:
    """Return what ``text`` says, as if it stood in a file at ``path``."""
    values = _toml(text, str(path))
    top = Table(Source(str(path), key_lines(text)), (), values, "")
    around = Surroundings(path.parent, vendors, environ, seal)
    return _configuration(top, around)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise _refused(path, "is a folder", "name the channel file in it") from None
    except FileNotFoundError:
        raise _refused(path, "does not exist", "name a channel file, for example channels.toml") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise _refused(path, f"cannot be read ({reason})", "check its path and permissions") from None
    if len(data) > MAX_BYTES:
        raise _refused(path, "is larger than 1 MiB", "that is no channel file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            one_line(f"{path}:{line}: this is not UTF-8"), next_step="save it as UTF-8"
        ) from None


def _refused(path: Path, what: str, next_step: str) -> ConfigError:
    return ConfigError(one_line(f"{path} {what}"), next_step=next_step)


def _toml(text: str, name: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        position = _POSITION.search(message)
        last = max(1, len(text.splitlines()))
        line = int(position[1]) if position and position[1] else last
        what = message[: position.start()] if position else message
        raise ConfigError(one_line(f"{name}:{line}: not TOML: {what}")) from None
    except (ValueError, RecursionError):
        raise ConfigError(one_line(f"{name}:1: not TOML: a number or a nesting is too large")) from None


def _configuration(top: Table, around: Surroundings) -> ConfigurationSpec:
    top_level = Table(top.source, (), top.values, "channel file")
    top_level.allow(("merchant",))
    merchants = list(top_level.tables("merchant", "merchant", "merchant"))
    if not merchants:
        top_level.fail(None, "no merchant in it", "begin with [[merchant]]")
    specs = [_merchant(table) for table in merchants]
    refuse_repeats(merchants, "code", "merchant")
    connections, channels = _connections(merchants, specs, around), _channel_tables(merchants)
    found = [
        channel_spec(table, spec.code, spec.timezone, connections[spec.code])
        for spec, tables in zip(specs, channels, strict=True)
        for table in tables
    ]
    flat = [table for tables in channels for table in tables]
    refuse_repeats(flat, "name", "channel")
    refuse_ambiguous_prefixes(flat, found)
    every = [connection for group in connections.values() for connection in group.values()]
    return ConfigurationSpec(tuple(specs), tuple(every), tuple(found))


def _merchant(table: Table) -> MerchantSpec:
    table = table.named("merchant", "code")
    table.allow(MERCHANT_KEYS)
    return MerchantSpec(
        code=table.text("code"),
        name=table.optional_text("name") or table.text("code"),
        timezone=table.timezone("timezone", "UTC"),
        day_cutoff=table.time_of_day("day_cutoff") or time(0, 0),
    )


def _connections(
    merchants: list[Table], specs: list[MerchantSpec], around: Surroundings
) -> dict[str, dict[str, ConnectionSpec]]:
    groups = [list(m.tables("connection", "connection", "merchant.connection")) for m in merchants]
    refuse_repeats((table for group in groups for table in group), "name", "connection")
    return {
        spec.code: {
            connection.name: connection
            for connection in (connection_spec(table, spec.code, around) for table in group)
        }
        for spec, group in zip(specs, groups, strict=True)
    }


def _channel_tables(merchants: list[Table]) -> list[list[Table]]:
    return [list(m.tables("channel", "channel", "merchant.channel")) for m in merchants]
