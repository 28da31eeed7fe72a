"""Reads what changed at Square, and says how far that reaches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from adapters.square.options import SquareOptions
from adapters.square.records import Bench, Reading
from adapters.square.search import Search
from reconciler.domain.orders import PosOrder
from reconciler.ports import Coverage, Page

#: How late the search may show an order; nothing newer counts as read.
LAG: Final = timedelta(minutes=2)
#: How late a till that was offline hands in its sales, under the times at which they were made.
LATE: Final = timedelta(hours=72)


def read(
    bench: Bench, options: SquareOptions, since: datetime | None, now: datetime
) -> Iterator[Page[PosOrder] | Coverage]:
    """Yield the orders changed since ``since`` (None: the whole history), then what that covers.

    Covered is up to a little before now, by whichever clock is behind. Sales of a till that is offline are
    not online orders; they come when it is back, and are read then. An order that cannot be understood leaves
    the read complete as long as it tells its id: a look-up for its number is inconclusive by itself.
    """
    start = now - options.history if since is None else since
    locations = sorted(options.location_ids or bench.account.locations())
    reading = Reading(bench, now - options.history)
    refunded = bench.refunds.changed(start)
    for found in Search(bench.api, locations, "updated_at", options.page).pages(start):
        yield reading.page(found)
    if _hour_begins(start, now):
        # Should a late sale keep the old time of its last change as well, then this is what finds it.
        late = Search(bench.api, locations, "created_at", options.page)
        for found in late.pages(now - LATE - LAG, start):
            yield reading.page(found)
    yield from _sales_of_returns(bench, reading, refunded)
    here = min(now, now + bench.api.http.clock_offset)
    yield Coverage(
        covers_from=start,
        covers_to=max(start, here - LAG),
        complete=not reading.nameless,
        absence_trusted=not reading.nameless,
        reason=f"{reading.nameless} entries of its answers are no orders" if reading.nameless else "",
    )


def _hour_begins(start: datetime, now: datetime) -> bool:
    """Say whether a read from ``start`` is the first of an hour, or nearly so, and young enough to matter."""
    return now - LATE - LAG < start and start.replace(minute=0, second=0, microsecond=0) != now.replace(
        minute=0, second=0, microsecond=0
    )


def _sales_of_returns(bench: Bench, reading: Reading, refunded: set[str]) -> Iterator[Page[PosOrder]]:
    """Yield sales of which something came back: a refund leaves the time of their last change as it was."""
    sales = set(reading.returned)
    for payment in sorted(refunded - reading.payments):
        sales.add(bench.sale_of(payment) or "")
    missing = sorted(sales - reading.sales - {""})
    if missing:
        yield reading.page(bench.retrieve(missing))
