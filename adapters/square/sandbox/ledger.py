"""What the store really accepted: one JSON line an event, only ever appended, on disk before the answer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Lock
from typing import Any


class Ledger:
    """An append-only record; without a path it is kept in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = Lock()
        self._lines: list[dict[str, Any]] = []

    def write(self, event: str, **facts: Any) -> None:
        """Append one event."""
        line = {"event": event, **facts}
        with self._lock:
            if self._path is None:
                self._lines.append(line)
                return
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.write(descriptor, json.dumps(line, separators=(",", ":")).encode() + b"\n")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def lines(self) -> list[dict[str, Any]]:
        """Return all events, the oldest first."""
        with self._lock:
            if self._path is None:
                return list(self._lines)
            if not self._path.exists():
                return []
            return [json.loads(line) for line in self._path.read_text("utf-8").splitlines()]
