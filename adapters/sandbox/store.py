"""The rows of a sandbox: a thread-safe table by id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Generic, TypeVar

Row = TypeVar("Row")


class Table(Generic[Row]):
    """Rows by id, in the order in which they first came."""

    def __init__(self, rows: Iterable[tuple[str, Row]] = ()) -> None:
        self._rows = dict(rows)
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._rows)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others out while several steps belong together."""
        with self._lock:
            yield

    def get(self, key: str) -> Row | None:
        """Return a row, or None."""
        with self._lock:
            return self._rows.get(key)

    def put(self, key: str, row: Row) -> None:
        """Insert or replace a row."""
        with self._lock:
            self._rows[key] = row

    def remove(self, key: str) -> None:
        """Forget a row, if it is there."""
        with self._lock:
            self._rows.pop(key, None)

    def all(self) -> list[Row]:
        """Return all rows as they are now."""
        with self._lock:
            return list(self._rows.values())
