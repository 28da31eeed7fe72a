"""Shopify as a cart: changed orders page by page, orders by name or id, and who we are to the shop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from adapters.shopify.api import ShopifyApi
from adapters.shopify.documents import COUNT, IDENTITY
from adapters.shopify.errors import lost_scope
from adapters.shopify.orders import PAGE, Hits, OrderSource
from adapters.shopify.search import named, updated
from adapters.shopify.translate import UntranslatableError, translate
from reconciler.domain.errors import MalformedError
from reconciler.domain.orders import CartOrder, normalise_reference
from reconciler.ports import Capabilities, Coverage, Page, Quarantined, Snapshot

#: How late the search may show a change; nothing newer counts as read.
LAG: Final = timedelta(minutes=2)
#: How far back a token without ``read_all_orders`` sees; a day less, to be safe.
MEMORY: Final = timedelta(days=59)
#: Shopify is younger than that.
EVER: Final = datetime(2004, 1, 1, tzinfo=UTC)
#: Rows after which a search is begun anew behind the last one: one search shows 25,000 and counts 10,000.
WINDOW: Final = 5000
#: Names asked for in one search.
NAMES: Final = 10
NEEDED: Final = "read_orders"

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(slots=True)
class _Window:
    """One search for changes from ``start`` on, and what it showed."""

    start: datetime | None
    ids: set[str] = field(default_factory=set)
    #: Of those, the ones that had not changed again since ``bound``.
    settled: int = 0
    last: datetime | None = None
    cut: bool = False

    @property
    def full(self) -> bool:
        """Say whether it has grown enough, and a new one would begin later."""
        return (
            len(self.ids) >= WINDOW
            and self.last is not None
            and (self.start is None or self.last > self.start)
        )


@dataclass(slots=True)
class _Tally:
    """What came of the rows of one read."""

    seen: int = 0
    quarantined: int = 0
    #: Of those, the ones that do not even say which order they are.
    unknown: int = 0
    #: Orders that the shop counts and never shows.
    short: int = 0
    reason: str = ""

    def coverage(self, start: datetime, end: datetime, ahead: timedelta) -> Coverage:
        """Return what the read proves: an order put aside is known, what has no id is lost."""
        reason = self.reason
        if self.short:
            reason = f"Shopify counts {self.short} more changed orders than it shows"
        elif self.quarantined:
            reason = f"{self.quarantined} of its answers could not be understood as orders"
        return Coverage(
            covers_from=start,
            covers_to=end,
            complete=not self.short and not self.unknown,
            absence_trusted=not self.short and not self.quarantined,
            reason=reason,
            clock_offset=ahead,
        )


class ShopifyCart:
    """A shop at Shopify."""

    capabilities = Capabilities()

    def __init__(self, api: ShopifyApi, delivery_date: str = "", page: int = PAGE) -> None:
        self._api = api
        self._source = OrderSource(api, page)
        self._delivery_date = delivery_date

    def probe(self) -> str:
        """Return the shop's name; raise AuthError or UnreachableError with the remedy."""
        return self._identify()[0]

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[CartOrder] | Coverage]:
        """Yield orders changed since ``since``, then what that covers: up to now, less the search's lag."""
        _, scopes = self._identify()
        horizon = now + self._api.http.clock_offset - LAG
        start, tally = since, _Tally()
        if "read_all_orders" not in scopes and (since is None or since < now - MEMORY):
            start, tally.reason = now - MEMORY, "without read_all_orders only the last 60 days can be seen"
        begin, cut = start, True
        while cut:
            window = _Window(begin)
            yield from self._window(window, horizon, tally)
            begin, cut = window.last, window.cut
        # A shop whose clock is ahead has stamped orders with times that are still to come for us.
        yield tally.coverage(start or EVER, min(horizon, now), self._api.http.clock_offset)

    def fetch(
        self, references: Sequence[str], ids: Mapping[str, str] | None = None
    ) -> Mapping[str, CartOrder]:
        """Re-read orders right now: by id where ``ids`` knows it, otherwise by name, compared exactly.

        Reading by id is safer: the search finds a new order only after a while.
        """
        known = {reference: ids[reference] for reference in references if ids and reference in ids}
        found = self._named(self._source.by_ids(list(known.values())), known.keys())
        missing = [reference for reference in references if reference not in found]
        for start in range(0, len(missing), NAMES):
            some = missing[start : start + NAMES]
            nodes = [node for hits in self._source.search(named(some), "ID") for node in hits.nodes]
            found |= self._named(nodes, some)
        return found

    def _identify(self) -> tuple[str, frozenset[str]]:
        data = self._api.ask(IDENTITY)
        try:
            shop, granted = data["shop"], data["currentAppInstallation"]["accessScopes"]
            who = f"{shop['name']} ({shop['myshopifyDomain']})"
            scopes = frozenset(str(scope["handle"]) for scope in granted)
        except (KeyError, TypeError):
            raise MalformedError(
                f"{self._api.site} does not say which shop it is", next_step="check base_url"
            ) from None
        # Whoever may write orders may read them.
        if not {NEEDED, "write_orders"} & scopes:
            raise lost_scope(self._api.site, [NEEDED])
        return who, scopes

    def _window(self, window: _Window, horizon: datetime, tally: _Tally) -> Iterator[Page[CartOrder]]:
        """Yield one window's pages, and where the shop counts more than it showed, those by id as well."""
        yield from self._pages(window, horizon, tally)
        bound = window.last if window.cut and window.last else horizon
        if self._counted(window.start, bound) > window.settled:
            # The search sorted by time leaves rows out at times. By id it is slower and does not.
            yield from self._pages(window, bound, tally, sort="ID")
            tally.short += max(0, self._counted(window.start, bound) - len(window.ids))

    def _pages(
        self, window: _Window, bound: datetime, tally: _Tally, sort: str = "UPDATED_AT"
    ) -> Iterator[Page[CartOrder]]:
        by_time = sort == "UPDATED_AT"
        query = updated(window.start) if by_time else updated(window.start, bound)
        for hits in self._source.search(query, sort):
            moments = [self._changed_at(node, window.start) for node in hits.nodes]
            yield self._page(hits, tally)
            for node, moment in zip(hits.nodes, moments, strict=True):
                fresh = (identity := _id(node)) not in window.ids
                window.ids.add(identity)
                window.settled += fresh and moment is not None and moment < bound
                if by_time and moment is not None:
                    window.last = max(moment, window.last or moment)
            if by_time and window.full and hits.cursor is not None:
                window.cut = True
                return

    def _changed_at(self, node: Any, since: datetime | None) -> datetime | None:
        """Return when an order last changed, and refuse an answer to a question that we did not ask."""
        try:
            moment = datetime.fromisoformat(node["updatedAt"])
        except (KeyError, TypeError, ValueError):
            return None
        if since is not None and moment < since.replace(microsecond=0):
            raise MalformedError(
                f"{self._api.site} ignored the search: it shows an order of {moment:%Y-%m-%d %H:%M}",
                next_step="nothing of this page was used; if it lasts, report it with the kept answer",
            )
        return moment

    def _counted(self, start: datetime | None, bound: datetime) -> int:
        """Return how many changed orders the shop counts itself."""
        if start is not None and start >= bound:
            return 0
        counted = self._api.ask(COUNT, query=updated(start, bound)).get("ordersCount")
        count = counted.get("count") if isinstance(counted, Mapping) else None
        return count if isinstance(count, int) else 0

    def _page(self, hits: Hits, tally: _Tally) -> Page[CartOrder]:
        snapshots, quarantined = [], []
        for node in hits.nodes:
            tally.seen += 1
            found = self._snapshot(node, tally.seen)
            if isinstance(found, Snapshot):
                snapshots.append(found)
                continue
            quarantined.append(found)
            tally.quarantined += 1
            tally.unknown += not (isinstance(node, Mapping) and node.get("id"))
        return Page(snapshots, quarantined)

    def _snapshot(self, node: Any, position: int) -> Snapshot[CartOrder] | Quarantined:
        try:
            node = self._source.whole(node)
            return Snapshot(translate(node, self._delivery_date), _raw(node))
        except UntranslatableError as error:
            return Quarantined(f"orders of {self._api.site}", position, str(error), _raw(node))

    def _named(self, nodes: Sequence[Any], references: Sequence[str] | Any) -> dict[str, CartOrder]:
        """Return the orders that bear one of these names exactly."""
        wanted, found = set(references), dict[str, CartOrder]()
        for node in nodes:
            reference = normalise_reference(str(node.get("name", ""))) if isinstance(node, Mapping) else ""
            if reference not in wanted:
                continue
            try:
                order = translate(self._source.whole(node), self._delivery_date)
            except UntranslatableError as error:
                raise MalformedError(
                    f"order {reference} of {self._api.site} cannot be understood: {error}",
                    next_step="see it in the quarantine",
                ) from None
            if reference in found and found[reference].vendor_id != order.vendor_id:
                raise MalformedError(
                    f"{self._api.site} has two orders named {reference}", next_step="rename one of them"
                )
            found[reference] = order
        return found


def _id(node: Any) -> str:
    return str(node.get("id")) if isinstance(node, Mapping) else str(node)


def _raw(node: Any) -> str:
    return _ENCODER.encode(node).decode()
