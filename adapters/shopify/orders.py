"""Gets orders out of Shopify whole: pages of a search, orders by id, and the lines that did not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.http import TooLargeError
from adapters.shopify.api import ShopifyApi
from adapters.shopify.documents import BY_ID, CHANGED, LONGEST, MORE_LINES, Document
from adapters.shopify.errors import DeniedError
from adapters.shopify.translate import UntranslatableError
from reconciler.domain.errors import MalformedError

#: Orders asked for at once, halved where that is too large or too dear for a shop; Shopify takes up to 250.
PAGE, LARGEST_PAGE = 100, 250
#: Orders asked for by id at once.
IDS: Final = 25
#: How often an order is read anew that changes while its lines are read.
TRIES: Final = 3
#: What an order does without when the shop denies personal data. Anything else denied is a lost scope.
PEOPLE: Final = frozenset({"phone", "email", "shippingAddress", "billingAddress", "name"})

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of a search, and where the next one begins."""

    nodes: Sequence[Any]
    cursor: str | None


class OrderSource:
    """Orders of one shop, as payloads."""

    def __init__(self, api: ShopifyApi, page: int = PAGE) -> None:
        self._api = api
        self._size = page
        self._people = True

    def search(self, query: str, sort: str) -> Iterator[Hits]:
        """Yield the pages of a search in the order of ``sort``."""
        cursor = None
        while True:
            hits = self._search_page(query, sort, cursor)
            yield hits
            if hits.cursor is None:
                return
            if hits.cursor == cursor:
                raise MalformedError(
                    f"{self._api.site} sends the same page again and again",
                    next_step="if it lasts, report it with the kept answer",
                )
            cursor = hits.cursor

    def by_ids(self, ids: Sequence[str]) -> list[Any]:
        """Return the orders of these ids that there are."""
        nodes: list[Any] = []
        for start in range(0, len(ids), IDS):
            found = self._ask(BY_ID, ids=ids[start : start + IDS])["nodes"]
            nodes += [node for node in _many(found) if node]
        return nodes

    def whole(self, node: Any) -> Any:
        """Return an order with all of its lines; raise UntranslatableError when it will not hold still."""
        for _ in range(TRIES):
            if not _info(node).get("hasNextPage"):
                return node
            try:
                found = self._all_lines(node)
            except (KeyError, TypeError):
                raise UntranslatableError("its lines cannot be read on") from None
            if found is not None:
                return found
            again = self.by_ids([node["id"]])
            if not again:
                raise UntranslatableError("it was deleted while its lines were read")
            node = again[0]
        raise UntranslatableError("it changed again and again while its lines were read")

    def _all_lines(self, node: Node) -> Node | None:
        """Read the lines after the first page; None when the order changed meanwhile."""
        nodes, info = list(node["lineItems"]["nodes"]), _info(node)
        while info.get("hasNextPage"):
            order = self._ask(MORE_LINES, id=node["id"], first=LONGEST, after=info.get("endCursor"))["order"]
            if not isinstance(order, Mapping) or order.get("updatedAt") != node["updatedAt"]:
                return None
            nodes += order["lineItems"]["nodes"]
            if _info(order).get("endCursor") == info.get("endCursor"):
                raise UntranslatableError("its lines come again and again")
            info = _info(order)
        return {**node, "lineItems": {"nodes": nodes, "pageInfo": dict(info)}}

    def _search_page(self, query: str, sort: str, cursor: str | None) -> Hits:
        while True:
            try:
                data = self._ask(CHANGED, query=query, sort=sort, after=cursor, first=self._size)
            except TooLargeError:
                if self._size == 1:
                    raise
                self._size //= 2
                continue
            orders = data.get("orders")
            info = orders.get("pageInfo") if isinstance(orders, Mapping) else None
            if not isinstance(orders, Mapping) or not isinstance(info, Mapping):
                raise MalformedError(
                    f"{self._api.site} sent a page without orders",
                    next_step="if it lasts, report it with the kept answer",
                )
            following = info.get("endCursor") if info.get("hasNextPage") else None
            return Hits([node for node in _many(orders.get("nodes")) if node], following)

    def _ask(self, document: Document, **variables: Any) -> Mapping[str, Any]:
        if document is MORE_LINES:
            return self._api.ask(document, **variables)
        try:
            return self._api.ask(document, **variables, people=self._people)
        except DeniedError as error:
            if not self._people or not error.fields or not error.fields <= PEOPLE:
                raise
        # Names and phones help to recognise an order that was keyed in by hand; we can do without.
        self._people = False
        return self._api.ask(document, **variables, people=False)


def _info(node: Any) -> Mapping[str, Any]:
    lines = node.get("lineItems") if isinstance(node, Mapping) else None
    info = lines.get("pageInfo") if isinstance(lines, Mapping) else None
    return info if isinstance(info, Mapping) else {}


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []
