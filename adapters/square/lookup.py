"""Finds an order by its reference. Square cannot search for one: some weeks of orders are gone through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.square.payload import UntranslatableError, order_of
from adapters.square.records import Bench, Reading
from adapters.square.search import Search
from adapters.square.translate import is_half_made, reference_of
from reconciler.domain.errors import VendorError
from reconciler.domain.orders import edit_family, normalise_reference
from reconciler.ports import Lookup

#: Looked at again at every look: the search shows an order only after a while.
OVERLAP: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Finder:
    """Looks orders up, at every location and in every state; the weeks are gone through once an adapter."""

    bench: Bench
    window: timedelta
    _ids: dict[str, set[str]] = field(default_factory=dict)
    #: Up to when every order was seen.
    _seen_to: datetime | None = None

    def note(self, reference: str, order_id: str) -> None:
        """Remember an order just made: the search may not show it yet."""
        self._ids.setdefault(_family(reference), set()).add(order_id)

    def find(self, reference: str, now: datetime) -> Lookup:
        """Return every record of a reference and its edits, as they are now. Never raises."""
        try:
            self._catch_up(now)
            return self._look(_family(reference))
        except VendorError as error:
            return Lookup((), conclusive=False, reason=str(error))

    def _catch_up(self, now: datetime) -> None:
        locations = sorted(self.bench.account.locations())
        if self._seen_to is None:
            # The time of creation never changes, so that nothing moves while it is gone through.
            search = Search(self.bench.api, locations, "created_at").pages(now - self.window)
        else:
            search = Search(self.bench.api, locations, "updated_at").pages(self._seen_to - OVERLAP)
        for order in (order for page in search for order in page):
            for reference, order_id in _named(order):
                self._ids.setdefault(_family(reference), set()).add(order_id)
        # What prepares an order asks nothing: the articles must be known by then.
        self.bench.catalog.variations()
        self._seen_to = now

    def _look(self, family: str) -> Lookup:
        ids = sorted(self._ids.get(family, ()))
        found = self.bench.retrieve(ids)
        doubts = _doubts(ids, found)
        page = Reading(self.bench).page(found)
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
                "sending the same bytes again completes it; otherwise pay or cancel it in Square"
            )
    return doubts


def _family(reference: str) -> str:
    return edit_family(normalise_reference(reference))
