"""The time inside a sandbox: the real one, moved at will."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class SandboxClock:
    """Tells the time of ``source`` plus what it was moved by."""

    def __init__(self, source: Callable[[], datetime] = utc_now) -> None:
        self._source = source
        self._moved = timedelta()
        self._lock = Lock()

    def __call__(self) -> datetime:
        """Return the sandbox's present moment."""
        with self._lock:
            return self._source() + self._moved

    def advance(self, by: timedelta) -> None:
        """Move the sandbox into the future."""
        with self._lock:
            self._moved += by
