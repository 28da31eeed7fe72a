"""Locks that cannot go stale: the kernel lets go of them when the last process that holds them is gone.

A server inherits its lock and keeps it for life, as do its children. So a held lock proves that some process
of it is alive, whatever a pid file says after a crash or a reboot, and a free one proves that none is.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.embedded.errors import EmbeddedError

#: Seconds between two looks at a condition that is being waited for.
POLL_SECONDS = 0.01

#: Programs that may hold a server's lock. A Python process that was forked at the wrong moment is not among
#: them, so that it never gets a signal meant for a server.
_SERVER_PROGRAMS = {"postgres", "initdb", "valkey-server", "sh", "dash", "bash"}


def try_lock(path: Path) -> int | None:
    """Take the lock at ``path`` and return its descriptor, or None when somebody holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def is_held(path: Path) -> bool:
    """Whether some process holds the lock at ``path``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def exclusive(path: Path, *, wait_seconds: float) -> Iterator[None]:
    """Hold the lock at ``path`` for the block; raise `EmbeddedError` when others keep it for too long."""
    deadline = time.monotonic() + wait_seconds
    while (descriptor := try_lock(path)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"Another command has been starting or stopping the services for over {wait_seconds:.0f} s",
                next_step="wait for it, or end it, then run this command again",
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)


def holders(path: Path) -> frozenset[int]:
    """Return the pids of the server processes that hold the lock at ``path`` open."""
    identity = _identity(path)
    if identity is None:
        return frozenset()
    return frozenset(pid for pid in processes(_SERVER_PROGRAMS) if _has_open(pid, identity))


def processes(programs: Collection[str]) -> Iterator[int]:
    """Yield the pids of all processes that run one of these programs."""
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
    return (pid for pid in pids if _program_of(pid) in programs)


def _program_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return ""


def parent_of(pid: int) -> int | None:
    """Return the pid of a process's parent, None when it is gone."""
    try:
        # The program's name stands in brackets and may itself contain any character.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(fields[1])
    except (OSError, IndexError, ValueError):
        return None


def _has_open(pid: int, identity: tuple[int, int]) -> bool:
    try:
        return any(_identity(descriptor) == identity for descriptor in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
