"""Searches for orders by time so that none slips between two pages.

What a cursor shows when orders change between two pages, Square does not say. So every page is asked for
anew, from a time at the end of the page before: one page is one moment, and an order that changes meanwhile
only moves to what is still to be read. The cursor is used where a page holds too many orders of one time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from adapters.http import TooLargeError
from adapters.square.api import SquareApi, rows
from adapters.square.options import PAGE
from adapters.square.translate import STATES
from reconciler.domain.errors import MalformedError

#: The most locations that one search takes.
LOCATIONS: Final = 10
SMALLEST_PAGE: Final = 10
#: Times are told to the millisecond, and perhaps rounded.
GRAIN: Final = timedelta(milliseconds=1)
#: How far an order may seem to lie outside what was asked for, for want of precision.
SLACK: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Search:
    """Orders of some locations by ``updated_at`` or ``created_at``, the oldest first."""

    api: SquareApi
    locations: Sequence[str]
    field: str
    page: int = PAGE

    def pages(self, start: datetime, end: datetime | None = None) -> Iterator[list[Any]]:
        """Yield orders from ``start`` to ``end`` (both included), or to the newest. Some come twice."""
        for first in range(0, len(self.locations), LOCATIONS):
            yield from self._pages(self.locations[first : first + LOCATIONS], start, end)

    def _pages(self, locations: Sequence[str], start: datetime, end: datetime | None) -> Iterator[list[Any]]:
        size, cursor = self.page, None
        while True:
            try:
                answer = self.api.ask("/v2/orders/search", self._query(locations, start, end, size, cursor))
            except TooLargeError:
                if size <= SMALLEST_PAGE or cursor:
                    raise
                size = max(SMALLEST_PAGE, size // 4)
                continue
            found = rows(answer, "orders", self.api.site)
            cursor = answer.get("cursor")
            self._check(found, locations, start, sorted_=bool(cursor))
            yield found
            if not cursor:
                return
            cut = self._cut(found)
            if cut is not None and cut > start:
                start, cursor = cut, None

    def _query(
        self,
        locations: Sequence[str],
        start: datetime,
        end: datetime | None,
        size: int,
        cursor: str | None,
    ) -> Mapping[str, Any]:
        span = {"start_at": _stamp(start)} | ({"end_at": _stamp(end)} if end else {})
        query = {
            "filter": {
                "date_time_filter": {self.field: span},
                "state_filter": {"states": sorted(STATES)},
            },
            "sort": {"sort_field": self.field.upper(), "sort_order": "ASC"},
        }
        body: dict[str, Any] = {"location_ids": list(locations), "limit": size, "query": query}
        return body | ({"cursor": cursor} if cursor else {})

    def _cut(self, found: list[Any]) -> datetime | None:
        """Return a time up to which a page surely shows everything.

        The least of its last rows, not the last: an order is shown as it is now, though it was found where
        it stood before its latest change.
        """
        last = [moment for row in found[-max(1, len(found) // 10) :] if (moment := self._time(row))]
        return min(last) - GRAIN if last else None

    def _check(self, found: list[Any], locations: Sequence[str], start: datetime, *, sorted_: bool) -> None:
        """Refuse the answer to a question that we did not ask: it proves nothing."""
        times = [moment for row in found if (moment := self._time(row))]
        falls = sum(later < earlier for earlier, later in pairwise(times))
        # Some that changed meanwhile stand among earlier ones; a third of them cannot have.
        if sorted_ and len(times) >= SMALLEST_PAGE and falls * 3 > len(times):
            self._refuse("its orders are not in the order of time")
        if times and min(times) < start - SLACK:
            self._refuse(f"it shows an order of {min(times):%Y-%m-%d %H:%M}")
        if any(row.get("location_id") not in locations for row in found if isinstance(row, Mapping)):
            self._refuse("it shows an order of another location")

    def _refuse(self, why: str) -> None:
        raise MalformedError(
            f"{self.api.site} did not answer what was asked: {why}",
            next_step="nothing of this page was used; if it lasts, report it with the kept answer",
        )

    def _time(self, row: Any) -> datetime | None:
        try:
            return datetime.fromisoformat(row[self.field]).astimezone(UTC)
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
