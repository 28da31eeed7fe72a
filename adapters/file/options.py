"""What a channel file may say about a connection to order files, and what is meant when it says nothing.

``base_url`` is an absolute path to a file or folder. Relative paths among the options count from the
folder that holds the order files: ``base_url`` itself when it is a folder, else the folder it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo, Side
from reconciler.ports.vendor_info import OptionKind

COVERAGE: Final[Mapping[str, OptionKind]] = {
    "covers_from": OptionKind.TIME,
    "as_of": OptionKind.TIME,
    "trust_absence": OptionKind.FLAG,
}
#: The options of each side.
OPTIONS: Final[Mapping[Side, Mapping[str, OptionKind]]] = {
    Side.CART: COVERAGE,
    Side.POS: {**COVERAGE, "catalog": OptionKind.PATH, "outbox": OptionKind.PATH},
}
#: What the names of order files end with.
SUFFIXES: Final = frozenset({".jsonl", ".ndjson", ".json", ".csv"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Where a connection's files are, and what its owner says about them."""

    path: Path
    #: Where relative paths count from, and where the outbox is unless told otherwise.
    folder: Path
    catalog: Path | None
    outbox: Path
    covers_from: datetime | None
    as_of: datetime | None
    trust_absence: bool


def check_options(side: Side, options: Mapping[str, object]) -> None:
    """Raise ConfigError naming the first option that is unknown on this side, or not of its kind.

    Options may come as a channel file holds them or as they are stored (times as ISO 8601 text). None
    stands for an option that was left out.
    """
    known = OPTIONS[side]
    for key, value in options.items():
        if key not in known:
            elsewhere = any(key in others for others in OPTIONS.values())
            what = f"is no option of a {side} connection" if elsewhere else "is not known"
            raise ConfigError(f"option {key!r} {what}", next_step=f"known are {', '.join(sorted(known))}")
        if value is not None:
            _check(key, value, known[key])


def _check(key: str, value: object, kind: OptionKind) -> None:
    match kind:
        case OptionKind.TIME:
            _moment(key, value)
        case OptionKind.FLAG:
            if not isinstance(value, bool):
                raise _wrong(key, kind)
        case _:
            if not isinstance(value, str) or not value.strip() or "\0" in value:
                raise _wrong(key, kind)


def _wrong(key: str, kind: OptionKind) -> ConfigError:
    return ConfigError(f"option {key!r} must be {kind.value}", next_step="correct it in the channel file")


def _moment(key: str, value: object) -> datetime:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(time, datetime) and time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise _wrong(key, OptionKind.TIME)


def read_options(connection: ConnectionInfo) -> FileOptions:
    """Return a connection's options; raise ConfigError as ``check_options`` does."""
    check_options(connection.side, connection.options)
    given = {key: value for key, value in connection.options.items() if value is not None}
    path = Path(connection.base_url)
    if not path.is_absolute():
        raise ConfigError(
            f"base_url of {connection.name} is not an absolute path", next_step="apply the channel file again"
        )
    folder = path if holds_files(path) else path.parent
    return FileOptions(
        path=path,
        folder=folder,
        catalog=folder / str(given["catalog"]) if "catalog" in given else None,
        outbox=folder / str(given.get("outbox", "outbox.jsonl")),
        covers_from=_moment("covers_from", given["covers_from"]) if "covers_from" in given else None,
        as_of=_moment("as_of", given["as_of"]) if "as_of" in given else None,
        trust_absence=bool(given.get("trust_absence", False)),
    )


def holds_files(path: Path) -> bool:
    """Say whether a path is a folder of order files; one that is absent is judged by its name.

    An outbox must not move because an export is late: its place follows from this.
    """
    return path.is_dir() or (not path.exists() and path.suffix.lower() not in SUFFIXES)
