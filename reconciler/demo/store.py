"""What the store really has: counted from the till's own files, never from our database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from reconciler.demo.files import OUTBOX_FILE, POS_FILE
from reconciler.demo.shop import Shop
from reconciler.domain.orders import PosStatus, edit_family, normalise_reference

#: A channel and an order of it.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Store:
    """Live records and hand-overs by order."""

    records: Mapping[Key, int]
    handed_over: Mapping[Key, int]

    def joined(self, other: Store) -> Store:
        """Return both stores as one: they share no channel."""
        return Store({**self.records, **other.records}, {**self.handed_over, **other.handed_over})

    def duplicates(self, before: Mapping[Key, int]) -> list[Key]:
        """Return the orders that were made twice since ``before``, when the world began."""
        twice = [key for key, count in self.records.items() if count > max(1, before.get(key, 0))]
        sent_twice = [key for key, count in self.handed_over.items() if count > 1]
        return sorted({*twice, *sent_twice})


def records_at_first(shops: Sequence[Shop]) -> Counter[Key]:
    """Return how many live records of each order the world began with."""
    return Counter(
        (shop.trade.channel, edit_family(record.reference))
        for shop in shops
        for record in shop.pos
        if record.reference and record.status is not PosStatus.VOIDED
    )


def read_store(directory: Path, shops: Sequence[Shop]) -> Store:
    """Count live records and hand-overs in the files of every shop."""
    records: Counter[Key] = Counter()
    handed_over: Counter[Key] = Counter()
    for shop in shops:
        folder, channel = directory / shop.trade.code, shop.trade.channel
        records.update((channel, edit_family(ref)) for ref in _unchanged(_live, folder / POS_FILE))
        handed_over.update((channel, ref) for ref in _unchanged(_handed, folder / OUTBOX_FILE))
    return Store(records, handed_over)


def read_ledger(path: Path, channel: str) -> Store:
    """Count what the till over HTTP accepted of us, by what it says of itself."""
    made: dict[str, Key] = {}
    ended: set[str] = set()
    for row in _rows(path):
        if row["event"] == "order_created":
            made[row["order_id"]] = (channel, normalise_reference(row.get("reference") or ""))
        elif row["event"] == "order_canceled":
            ended.add(row["order_id"])
    live = Counter(key for order_id, key in made.items() if order_id not in ended)
    return Store(live, Counter(made.values()))


def _unchanged(read: Callable[[Path], Iterator[str]], path: Path) -> tuple[str, ...]:
    """Return what a file holds; one that did not change is not read again."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return _kept(read, path, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=64)
def _kept(
    read: Callable[[Path], Iterator[str]], path: Path, _fingerprint: tuple[int, int, int]
) -> tuple[str, ...]:
    return tuple(read(path))


def _handed(path: Path) -> Iterator[str]:
    yield from map(_reference, _rows(path))


def _live(path: Path) -> Iterator[str]:
    for row in _rows(path):
        if _reference(row) and row.get("status") != PosStatus.VOIDED:
            yield _reference(row)


def _reference(row: Mapping[str, Any]) -> str:
    return normalise_reference(row.get("reference") or "")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what can be read of a file that others are writing."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue
