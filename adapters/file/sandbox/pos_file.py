"""The POS file as the till keeps it: rewritten whole, so that a reader finds the old one or the new one.

The sidecar is withdrawn before the file is replaced and comes back after it: a reader may find the file
without a count, never with a count that was not made for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec


class _Named(msgspec.Struct):
    pos_id: str | int | None = None


_name = msgspec.json.Decoder(_Named).decode


class PosFile:
    """A JSON Lines file of POS records. Rows that are not ours are kept as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[str, bytes] = {}
        self._seen: tuple[int, int, int] | None = None

    def load(self) -> None:
        """Read the file, unless it is still as we know it; a file that does not exist yet is empty."""
        try:
            with self.path.open("rb") as file:
                seen = _stamp(os.fstat(file.fileno()))
                if seen != self._seen:
                    self._rows, self._seen = _keyed(filter(None, map(bytes.strip, file))), seen
        except FileNotFoundError:
            self._rows, self._seen = {}, None

    def __contains__(self, pos_id: str) -> bool:
        return pos_id in self._rows

    def put(self, record: Mapping[str, Any]) -> None:
        """Add a record, or replace the one of its id."""
        self._rows[record["pos_id"]] = msgspec.json.encode(record)

    def get(self, pos_id: str) -> dict[str, Any] | None:
        """Return a record."""
        row = self._rows.get(pos_id)
        return None if row is None else msgspec.json.decode(row, type=dict[str, Any])

    @property
    def whole(self) -> bool:
        """Say whether the file is there and its sidecar counts its rows, as no crash in between left it."""
        try:
            return self._seen is not None and int(self._sidecar.read_bytes()) == len(self._rows)
        except (FileNotFoundError, ValueError):
            return False

    @property
    def _sidecar(self) -> Path:
        return self.path.with_name(self.path.name + ".count")

    def save(self, as_of: datetime) -> None:
        """Replace the file; its modification time says for when it is true. OSError leaves the old one."""
        count = self._sidecar
        content = b"".join(row + b"\n" for row in self._rows.values())
        with _beside(self.path, content) as new, _beside(count, b"%d\n" % len(self._rows)) as new_count:
            _set_time(new, as_of)
            count.unlink(missing_ok=True)
            new.replace(self.path)
            new_count.replace(count)
        self._seen = _stamp(self.path.stat())

    def touch(self, as_of: datetime) -> None:
        """Say that what the file shows is still true."""
        _set_time(self.path, as_of)
        self._seen = _stamp(self.path.stat())


def _keyed(lines: Iterable[bytes]) -> dict[str, bytes]:
    """List rows by id. Those without one, or with one that was there before, are listed by their line."""
    rows: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        try:
            pos_id = _name(line).pos_id
        except (msgspec.MsgspecError, ValueError):
            pos_id = None
        key = f"line {number}" if pos_id is None or str(pos_id) in rows else str(pos_id)
        rows[key] = line
    return rows


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _set_time(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


@contextmanager
def _beside(path: Path, content: bytes, mode: int = 0o666) -> Iterator[Path]:
    """Write a file's new content beside it; what is not moved into place is removed."""
    new = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            _write(file, content)
        yield new
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Replace a small file in one step, readable to its owner only."""
    with _beside(path, content, 0o600) as new:
        new.replace(path)
