"""Resolves fields of the Admin API out of plain rows, for whatever a client may sensibly ask of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLResolveInfo,
    get_named_type,
    is_leaf_type,
)

from adapters.sandbox import Faults
from adapters.shopify.sandbox.search import Search, parse
from adapters.shopify.sandbox.store import OrderStore, Row, number

Info: TypeAlias = GraphQLResolveInfo[Any]

SORT_KEYS: Final = {"UPDATED_AT": "updatedAt", "CREATED_AT": "createdAt", "PROCESSED_AT": "processedAt"}
#: A list longer than this is not handed out.
LONGEST: Final = 250
PEOPLE: Final = frozenset({"phone", "email", "shippingAddress", "billingAddress", "customer"})
DOCUMENTATION: Final = "https://shopify.dev/api/usage/access-scopes"


class Resolver:
    """Answers one request: resolves fields and collects what stands beside the data."""

    def __init__(self, store: OrderStore, faults: Faults, scopes: Sequence[str]) -> None:
        self.searches: list[dict[str, Any]] = []
        #: Orders that a page ends before: a fault may move them.
        self.next_rows: list[Row] = []
        self._store = store
        self._faults = faults
        self._scopes = scopes

    def field(self, source: Any, info: Info, **arguments: Any) -> Any:
        """Resolve one field; graphql-core calls this for every one of them."""
        if info.path.prev is None:
            return self._root(info, arguments)
        name = info.field_name
        if info.parent_type.name == "Order" and name in PEOPLE and self._faults.on("no_people"):
            raise GraphQLError(
                f"This app is not approved to use the {name} field. See "
                "https://shopify.dev/docs/apps/launch/protected-customer-data for more details.",
                extensions={"code": "ACCESS_DENIED", "documentation": DOCUMENTATION},
            )
        value = source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)
        return self._shaped(value, info, arguments)

    def kind(self, value: Any, info: Info, abstract: Any) -> str | None:
        """Return the type of an object where several are possible."""
        told = value.get("__typename") if isinstance(value, Mapping) else None
        if told is None and isinstance(value, Mapping) and str(value.get("id", "")).startswith("gid://"):
            told = str(value["id"]).split("/")[3]
        possible = info.schema.get_possible_types(abstract)
        return next((kind.name for kind in possible if kind.name == told), possible[0].name)

    def _root(self, info: Info, arguments: Mapping[str, Any]) -> Any:
        name, store = info.field_name, self._store
        match name:
            case "shop":
                return {
                    "id": "gid://shopify/Shop/1",
                    "name": store.shop.name,
                    "myshopifyDomain": store.shop.domain,
                    "currencyCode": store.shop.currency,
                    "ianaTimezone": store.shop.timezone,
                }
            case "currentAppInstallation":
                scopes = [{"handle": scope, "description": scope} for scope in self._scopes]
                return {"id": "gid://shopify/AppInstallation/1", "accessScopes": scopes}
            case "orders" | "ordersCount" | "order" | "orderByIdentifier":
                self._need_orders(name)
                return self._orders(info, arguments)
            case "node":
                return self._node(arguments["id"])
            case "nodes":
                return [self._node(gid) for gid in arguments["ids"]]
        return self._shaped(None, info, arguments)

    def _orders(self, info: Info, arguments: Mapping[str, Any]) -> Any:
        match info.field_name:
            case "order":
                return self._store.get(arguments["id"])
            case "orderByIdentifier":
                return self._store.get((arguments.get("identifier") or {}).get("id") or "")
            case "ordersCount":
                found = len(self._hits(info, arguments)[1])
                limit = arguments.get("limit")
                if limit is not None and found > limit:
                    return {"count": limit, "precision": "AT_LEAST"}
                return {"count": found, "precision": "EXACT"}
        return self._search(info, arguments)

    def _node(self, gid: str) -> Row | None:
        if gid.startswith("gid://shopify/Order/"):
            self._need_orders("order")
            return self._store.get(gid)
        return None

    def _need_orders(self, name: str) -> None:
        if not {"read_orders", "write_orders"} & set(self._scopes):
            raise GraphQLError(
                f"Access denied for {name} field. Required access: `read_orders` access scope.",
                extensions={
                    "code": "ACCESS_DENIED",
                    "documentation": DOCUMENTATION,
                    "requiredAccess": "`read_orders` access scope.",
                },
            )

    def _hits(self, info: Info, arguments: Mapping[str, Any]) -> tuple[Search, list[Row]]:
        lag = self._faults.on("search_lag")
        search = parse(arguments.get("query"), ZoneInfo(self._store.shop.timezone))
        if search.query:
            self.searches.append(search.small_print(str(info.path.key)))
        seconds = float(lag.settings.get("seconds", "90")) if lag else 0.0
        return search, [row for row in self._store.indexed(timedelta(seconds=seconds)) if search.test(row)]

    def _search(self, info: Info, arguments: Mapping[str, Any]) -> Any:
        """Return a page of orders, keyset by the sort key as the search knows it."""
        _, rows = self._hits(info, arguments)
        key = arguments.get("sortKey") or "PROCESSED_AT"
        fault = self._faults.on("omitted")
        if fault and (key == "UPDATED_AT" or "everywhere" in fault.settings):
            rows = [row for row in rows if number(row["id"]) % int(fault.settings.get("every", "7"))]

        def order(row: Row) -> tuple[Any, int]:
            return row.get(SORT_KEYS.get(key, ""), ""), number(row["id"])

        rows = sorted(rows, key=order, reverse=bool(arguments.get("reverse")))
        first, after = _window(arguments)
        if after:
            mark = (after["last_value"], after["last_id"])
            backwards = bool(arguments.get("reverse"))
            rows = [row for row in rows if (order(row) < mark if backwards else order(row) > mark)]
        page = rows[:first]
        self.next_rows = rows[first:]
        cursors = [_cursor(order(row)) for row in page]
        present = [self._store.get(row["id"]) or row for row in page]
        return _connection(present, cursors, more=len(rows) > first, before=bool(after))

    def _shaped(self, value: Any, info: Info, arguments: Mapping[str, Any]) -> Any:
        """Give a value the form of its type: a connection, a cut list, something where null is forbidden."""
        kind = info.return_type
        named = get_named_type(kind)
        if named.name.endswith("Connection") and not (isinstance(value, Mapping) and "pageInfo" in value):
            return _rows(value if isinstance(value, list) else [], arguments)
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(inner, GraphQLList) and isinstance(value, list):
            first = arguments.get("first")
            return value[: LONGEST if first is None else first]
        if value is None and isinstance(kind, GraphQLNonNull):
            return self._blank(inner)
        return value

    def _blank(self, kind: Any) -> Any:
        """Return what stands for nothing where the schema does not allow null."""
        if isinstance(kind, GraphQLList):
            return []
        if isinstance(kind, GraphQLEnumType):
            return self._store.shop.currency if kind.name == "CurrencyCode" else next(iter(kind.values))
        if is_leaf_type(kind):
            blanks: dict[str, Any] = {"Boolean": False, "Int": 0, "Float": 0.0, "UnsignedInt64": "0"}
            blanks |= {"Decimal": "0.0", "Money": "0.0", "DateTime": "2026-01-01T00:00:00Z"}
            return blanks.get(kind.name, "")
        if kind.name == "MoneyV2":
            return {"amount": "0.0", "currencyCode": self._store.shop.currency}
        return {}


def _window(arguments: Mapping[str, Any]) -> tuple[int, dict[str, Any] | None]:
    first = arguments.get("first")
    if first is None:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    if not 0 <= first <= LONGEST:
        raise GraphQLError(
            f"The maximum value for first is {LONGEST}", extensions={"code": "MAX_INPUT_SIZE_EXCEEDED"}
        )
    after = arguments.get("after")
    if after is None:
        return first, None
    try:
        return first, json.loads(base64.b64decode(after))
    except ValueError:
        raise GraphQLError(
            "Invalid cursor for current pagination sort.", extensions={"code": "BAD_REQUEST"}
        ) from None


def _cursor(value: tuple[Any, int]) -> str:
    return base64.b64encode(json.dumps({"last_id": value[1], "last_value": value[0]}).encode()).decode()


def _rows(rows: Sequence[Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Page through the rows of an object: by position, as they do not move."""
    rows = list(reversed(rows)) if arguments.get("reverse") else list(rows)
    if (last := arguments.get("last")) is not None:
        begin = max(0, len(rows) - int(last))
        page = rows[begin:]
    else:
        first, after = _window(arguments)
        begin = int(after["last_id"]) if after else 0
        page = rows[begin : begin + first]
    cursors = [_cursor((None, begin + position)) for position in range(1, len(page) + 1)]
    return _connection(page, cursors, more=begin + len(page) < len(rows), before=begin > 0)


def _connection(page: Sequence[Any], cursors: Sequence[str], *, more: bool, before: bool) -> dict[str, Any]:
    return {
        "nodes": list(page),
        "edges": [{"node": row, "cursor": cursor} for row, cursor in zip(page, cursors, strict=True)],
        "pageInfo": {
            "hasNextPage": more,
            "hasPreviousPage": before,
            "startCursor": cursors[0] if cursors else None,
            "endCursor": cursors[-1] if cursors else None,
        },
    }
