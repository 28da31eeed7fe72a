"""Finding and opening order files: which they are, whether they hold still, how many rows they vouch for."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from adapters.file.options import SUFFIXES, FileOptions
from reconciler.domain.errors import UnreachableError

#: Files up to this size (bytes) are read at one go, so that a writer hardly ever gets in between.
AT_ONE_GO: Final = 8 * 1024 * 1024
#: Bytes read ahead from larger ones.
BUFFER: Final = 1024 * 1024
#: How often a small file that changed under our hands is read again, and after how many seconds.
TRIES: Final = 4
PAUSE: Final = 0.01
#: A sidecar holds one number.
MAX_SIDECAR: Final = 64


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Changes whenever a file does: times in nanoseconds, size in bytes."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Fingerprint:
        """Take the fingerprint of a file."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def same_content(self, later: os.stat_result) -> bool:
        """Say whether an open file was not written to since; that it lost its name harms no reader."""
        return (self.size, self.modified) == (later.st_size, later.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Opened:
    """One order file, open for reading, and the sidecar's count as it was just before."""

    path: Path
    file: BinaryIO
    fingerprint: Fingerprint
    #: What NAME.count says: a number of rows, -1 for something unreadable, None without one.
    count: int | None
    #: When it was opened, by the system's clock, in nanoseconds.
    opened_at: int
    #: Whether it held still while it was read at one go; None when it is still being read.
    settled: bool | None = None

    @property
    def name(self) -> str:
        """The file's name as a report may print it."""
        return printable(self.path.name)

    @property
    def holds_text(self) -> bool:
        """Say whether there is any text in the file."""
        self.file.seek(0)
        return bool(self.file.read(64).removeprefix(b"\xef\xbb\xbf").strip())

    def held_still(self) -> bool:
        """Say whether the file did not change while it was read; to be asked at the end."""
        if self.settled is not None:
            return self.settled
        try:
            return Fingerprint.of(self.path.stat()) == self.fingerprint
        except OSError:
            return False


def printable(text: str) -> str:
    """Return a file name without the bytes that are no text."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "")


def order_files(options: FileOptions) -> list[Path]:
    """Return the files of a connection in name order; raise UnreachableError when there is none."""
    path = options.path
    try:
        files = _in_folder(options) if path.is_dir() else [path]
    except OSError as error:
        raise unreachable(path, error) from None
    if not files:
        raise UnreachableError(
            f"the folder {printable(str(path))} holds no order file",
            next_step=f"export orders into it, as {', '.join(sorted(SUFFIXES))}",
        )
    return files


def probe(options: FileOptions) -> str:
    """Return which files there are to read, once each can be opened; raise UnreachableError."""
    files = order_files(options)
    for path in files:
        with opened(path, at_one_go=0):
            pass
    return ", ".join(printable(str(path)) for path in files)


def _in_folder(options: FileOptions) -> list[Path]:
    ours = {options.outbox, options.catalog}
    return sorted(
        path
        for path in options.path.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and path not in ours
        and not path.is_dir()
    )


def unreachable(path: Path, error: OSError) -> UnreachableError:
    """Say which file could not be read, why, and what to do."""
    name = printable(str(path))
    if isinstance(error, FileNotFoundError):
        return UnreachableError(f"{name} does not exist", next_step="check the export, and base_url")
    if isinstance(error, PermissionError):
        return UnreachableError(f"{name} may not be read", next_step="let this program's user read it")
    why = error.strerror or "read error"
    return UnreachableError(f"{name} cannot be read: {why}", next_step="check the disk or the share it is on")


@contextmanager
def opened(path: Path, *, at_one_go: int | None = None) -> Iterator[Opened]:
    """Open an order file; raise UnreachableError when that or reading it fails.

    Up to ``at_one_go`` bytes (default: AT_ONE_GO) are read at once.
    """
    try:
        source = _open(path, AT_ONE_GO if at_one_go is None else at_one_go)
        with source.file:
            yield source
    except OSError as error:
        raise unreachable(path, error) from None


def _open(path: Path, at_one_go: int) -> Opened:
    for _ in range(TRIES):
        opened_at, count, file = time.time_ns(), read_count(path), _regular(path)
        fingerprint = Fingerprint.of(os.fstat(file.fileno()))
        if fingerprint.size > at_one_go:
            return Opened(path, file, fingerprint, count, opened_at)
        with file:
            content = file.read(at_one_go + 1)
            still = fingerprint.same_content(os.fstat(file.fileno()))
        if still and read_count(path) == count:
            break
        time.sleep(PAUSE)
    return Opened(path, BytesIO(content), fingerprint, count, opened_at, settled=still)


def _regular(path: Path) -> BinaryIO:
    """Open a file without ever waiting for the other end of a pipe."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=BUFFER)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a regular file")
    return file


def read_count(path: Path) -> int | None:
    """Return what NAME.count says: a number of rows, -1 when it says nothing sensible, None when absent."""
    try:
        with path.with_name(path.name + ".count").open("rb") as file:
            text = file.read(MAX_SIDECAR).strip()
    except FileNotFoundError:
        return None
    except OSError:
        return -1
    return int(text) if text.isdigit() else -1
