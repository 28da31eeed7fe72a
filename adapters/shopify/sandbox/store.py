"""The shop behind the sandbox: orders with their history, so that the search can lag behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from adapters.sandbox import SandboxClock

Row = dict[str, Any]


def stamp(moment: datetime) -> str:
    """Write a time as Shopify does."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def number(gid: str) -> int:
    """Return the number at the end of an id."""
    digits = gid.rpartition("/")[2]
    return int(digits) if digits.isdigit() else 0


@dataclass(slots=True)
class _Kept:
    """An order as it is, and as it was when: the search may still show that."""

    row: Row
    versions: list[tuple[datetime, Row]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shop:
    """Who the shop is."""

    name: str = "Rosebud"
    domain: str = "rosebud.myshopify.com"
    currency: str = "USD"
    timezone: str = "America/Denver"


class OrderStore:
    """A shop's orders. What is put in is in the shape of the API, connections as plain lists."""

    def __init__(self, clock: SandboxClock, shop: Shop | None = None) -> None:
        self.shop = shop or Shop()
        self.clock = clock
        self._kept: dict[str, _Kept] = {}
        self._lock = RLock()

    def put(self, row: Mapping[str, Any], *, at: datetime | None = None) -> None:
        """Insert or replace an order; ``at`` is when the search could first know of it."""
        with self._lock:
            stored = deepcopy(dict(row))
            kept = self._kept.setdefault(stored["id"], _Kept(stored))
            kept.row = stored
            kept.versions.append((at or self.clock(), stored))

    def load(self, rows: Iterable[Mapping[str, Any]]) -> int:
        """Put in orders that were there before anybody looked; return how many."""
        count = 0
        for row in rows:
            self.put(row, at=datetime.min.replace(tzinfo=UTC))
            count += 1
        return count

    def touch(self, gid: str, **changes: Any) -> None:
        """Change an order now."""
        with self._lock:
            self.put({**self._kept[gid].row, "updatedAt": stamp(self.clock()), **changes})

    def get(self, gid: str) -> Row | None:
        """Return an order as it is."""
        with self._lock:
            kept = self._kept.get(gid)
            return kept.row if kept else None

    def rows(self) -> list[Row]:
        """Return all orders as they are."""
        with self._lock:
            return [kept.row for kept in self._kept.values()]

    def indexed(self, lag: timedelta) -> list[Row]:
        """Return all orders as the search knows them: as they were ``lag`` ago."""
        horizon = self.clock() - lag
        with self._lock:
            found = (
                next((row for at, row in reversed(kept.versions) if at <= horizon), None)
                for kept in self._kept.values()
            )
            return [row for row in found if row is not None]
