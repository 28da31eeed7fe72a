"""Finds an order by its reference. Square cannot search for one: some weeks of orders are gone through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx

from adapters.square.payload import UntranslatableError, order_of
from adapters.square.records import Bench, Reading
from adapters.square.search import Search
from adapters.square.translate import is_half_made, reference_of
from reconciler.domain.orders import edit_family, normalise_reference
from reconciler.ports import Lookup

#: Looked at again at every look: the search shows an order only after a while.
OVERLAP: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Index:
    """Which orders bear which number, over some weeks. Only ids: what they are now is asked each time."""

    window: timedelta
    ids: dict[str, set[str]] = field(default_factory=dict)
    #: Up to when every order was seen.
    seen_to: datetime | None = None
    lock: Lock = field(default_factory=Lock)

    def note(self, reference: str, order_id: str) -> None:
        """Remember an order."""
        self.ids.setdefault(_family(reference), set()).add(order_id)


#: What a process has gone through already, by its pool of connections and the account.
_INDEXES: Final[WeakKeyDictionary[httpx.Client, dict[str, Index]]] = WeakKeyDictionary()


def index_of(session: httpx.Client, account: str, window: timedelta) -> Index:
    """Return the index that all adapters of one account share in a process."""
    indexes = _INDEXES.setdefault(session, {})
    return indexes.setdefault(f"{account}/{window}", Index(window))


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks orders up, at every location and in every state; the weeks are gone through once a process."""

    bench: Bench
    index: Index

    def find(self, reference: str, now: datetime) -> Lookup:
        """Return every record of a reference and its edits, as they are now.

        Raises VendorError when Square could not be searched to the end: then nobody knows.
        """
        with self.index.lock:
            self._catch_up(now)
        return self._look(_family(reference), now)

    def _catch_up(self, now: datetime) -> None:
        locations = sorted(self.bench.account.locations())
        seen_to = self.index.seen_to
        if seen_to is None:
            # The time of creation never changes, so that nothing moves while it is gone through.
            search = Search(self.bench.api, locations, "created_at").pages(now - self.index.window)
        else:
            search = Search(self.bench.api, locations, "updated_at").pages(min(seen_to, now) - OVERLAP)
        for order in (order for page in search for order in page):
            for reference, order_id in _named(order):
                self.index.note(reference, order_id)
        # What prepares an order asks nothing: the articles must be known by then.
        self.bench.catalog.variations()
        # Orders are stamped by Square's clock: what is behind ours there is still to be seen.
        self.index.seen_to = min(now, now + self.bench.api.http.clock_offset)

    def _look(self, family: str, now: datetime) -> Lookup:
        ids = sorted(self.index.ids.get(family, ()))
        found = self.bench.retrieve(ids)
        doubts = _doubts(ids, found)
        page = Reading(self.bench, now - self.index.window).page(found)
        doubts += [f"an order cannot be understood: {odd.reason}" for odd in page.quarantined]
        records = [
            snapshot for snapshot in page.snapshots if _family(snapshot.order.reference or "") == family
        ]
        return Lookup(records, conclusive=not doubts, reason="; ".join(doubts))


def _named(payload: Any) -> Iterator[tuple[str, str]]:
    """Yield an order's reference and id, where it has both: one that cannot be understood may be ours."""
    if isinstance(payload, Mapping) and payload.get("reference_id") and payload.get("id"):
        yield str(payload["reference_id"]), str(payload["id"])


def _doubts(ids: list[str], found: list[Any]) -> list[str]:
    doubts = []
    told = {str(order.get("id")) for order in found if isinstance(order, Mapping)}
    if missing := [order_id for order_id in ids if order_id not in told]:
        doubts.append(f"order {missing[0]} was there and is not shown any more")
    for payload in found:
        try:
            order = order_of(payload)
        except UntranslatableError:
            continue
        if is_half_made(order) and reference_of(order):
            doubts.append(
                f"order {order.id} is there without its payment, so that no till shows it: "
                "set ready, the same bytes go again and complete it; or pay or cancel it in Square"
            )
    return doubts


def _family(reference: str) -> str:
    return edit_family(normalise_reference(reference))
