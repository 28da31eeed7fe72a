"""The outbox: the file through which orders are handed to the store, one JSON object a line.

Ours alone to write, under a lock; the store only reads it. A line without its end is one that was never
handed over.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from adapters.file.source import Fingerprint, printable, unreachable
from adapters.file.values import moment
from reconciler.domain.errors import MalformedError
from reconciler.domain.orders import normalise_reference

#: How long (seconds) another process may hold the outbox before we come back later.
PATIENCE: Final = 10.0
#: In which key a line says when it was handed over.
STAMP: Final = "_submitted_at"


class OutboxLine(msgspec.Struct, rename={"submitted_at": STAMP}):
    """What we need to know again of a line."""

    reference: str
    submitted_at: str | None = None


decode_line: Final = msgspec.json.Decoder(OutboxLine).decode
#: Outboxes as last read or written, so that a long one is not read again for every order.
_REMEMBERED: Final[dict[Path, tuple[Fingerprint, dict[str, datetime]]]] = {}


class DoubtfulWriteError(OSError):
    """A line was written, and the disk did not confirm it."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """One outbox file, which need not exist yet."""

    path: Path

    def handed_over(self) -> dict[str, datetime]:
        """Return the references in it and when each was first handed over.

        Raises UnreachableError when it cannot be read, MalformedError naming a line that cannot.
        """
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise unreachable(self.path, error) from None
        try:
            return dict(self._known(descriptor))
        except OSError as error:
            raise unreachable(self.path, error) from None
        finally:
            os.close(descriptor)

    def _known(self, descriptor: int) -> dict[str, datetime]:
        status = os.fstat(descriptor)
        fingerprint = Fingerprint.of(status)
        remembered = _REMEMBERED.get(self.path)
        if remembered and remembered[0] == fingerprint:
            return remembered[1]
        known: dict[str, datetime] = {}
        modified = datetime.fromtimestamp(status.st_mtime, UTC)
        *lines, rest = os.pread(descriptor, status.st_size, 0).split(b"\n")
        for number, line in enumerate(lines + [rest] * is_order(rest), 1):
            if line.strip():
                entry = self._entry(line, number)
                at = moment(entry.submitted_at, STAMP) if entry.submitted_at else modified
                known.setdefault(normalise_reference(entry.reference), at)
        _REMEMBERED[self.path] = fingerprint, known
        return known

    def _entry(self, line: bytes, number: int) -> OutboxLine:
        try:
            return decode_line(line)
        except (msgspec.MsgspecError, ValueError) as error:
            raise MalformedError(
                f"line {number} of the outbox {printable(str(self.path))} cannot be read: {error}",
                next_step="correct or remove that line; until then nothing is sent",
            ) from None

    def hand_over(self, reference: str, order: bytes, now: datetime) -> datetime | None:
        """Append an order (a JSON object); return None, or when it was handed over before.

        Either the whole line is in the file and on the disk, or nothing of it: then OSError is raised, or
        MalformedError when what is there cannot be read. DoubtfulWriteError leaves it open.
        """
        with self._locked() as descriptor:
            known = self._known(descriptor)
            before = known.get(normalise_reference(reference))
            if before is None:
                _append(descriptor, stamped(order, now))
                known[normalise_reference(reference)] = now
                _REMEMBERED[self.path] = Fingerprint.of(os.fstat(descriptor)), known
            return before

    @contextmanager
    def _locked(self) -> Iterator[int]:
        existed = self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor)
            if os.fstat(descriptor).st_ino != self.path.stat().st_ino:
                raise OSError(errno.EAGAIN, "it was replaced at this very moment")
            yield descriptor
            if not existed:
                _sync_folder(self.path.parent)
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise OSError(errno.EAGAIN, "another process holds it") from None
            time.sleep(0.02)
        else:
            return


def stamped(order: bytes, now: datetime) -> bytes:
    """Return the line that hands an order over: the very bytes of its object, and when."""
    stamp = f',"{STAMP}":"{now.astimezone(UTC).isoformat()}"}}\n'
    return order.rstrip().removesuffix(b"}") + stamp.encode()


def is_order(text: bytes) -> bool:
    """Say whether an unfinished last line is whole but for its end."""
    try:
        decode_line(text)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True


def _append(descriptor: int, line: bytes) -> None:
    """Write a line in one go; take back what was written of it when it did not all fit."""
    size = _end_of_whole_lines(descriptor)
    try:
        _write_whole(descriptor, line)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise DoubtfulWriteError(error.errno, error.strerror) from None


def _write_whole(descriptor: int, line: bytes) -> None:
    if os.write(descriptor, line) < len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end_of_whole_lines(descriptor: int) -> int:
    """Mend what a crash left: finish a last line that is whole, cut one that is not; return the size."""
    size = os.fstat(descriptor).st_size
    rest = os.pread(descriptor, size, 0).rpartition(b"\n")[2]
    if rest and is_order(rest):
        return size + os.write(descriptor, b"\n")
    if rest:
        os.ftruncate(descriptor, size - len(rest))
    return size - len(rest)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
