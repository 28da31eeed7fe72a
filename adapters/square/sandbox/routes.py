"""Every address: the scope that it needs, and what answers there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.sandbox import Faults, Request
from adapters.square.sandbox import articles, orders, payments, searching
from adapters.square.sandbox.gate import Gate
from adapters.square.sandbox.refusal import RefusedCall
from adapters.square.sandbox.store import Row, Store


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that was let in. ``subject`` is the id in its address."""

    store: Store
    faults: Faults
    gate: Gate
    body: Mapping[str, Any]
    query: Mapping[str, str]
    subject: str


@dataclass(frozen=True, slots=True)
class Address:
    """One address; an id stands as ``*`` in its pattern."""

    method: str
    pattern: str
    scope: str | None
    answer: Callable[[Asked], Row]

    def matches(self, request: Request) -> re.Match[str] | None:
        """Return the match of a request that is for this address."""
        if request.method != self.method:
            return None
        return re.fullmatch(re.escape(self.pattern).replace(r"\*", "([^/]+)"), request.path)


def route(request: Request) -> tuple[Address, str] | None:
    """Return the address that a request is for, and the id in it."""
    for address in ADDRESSES:
        if match := address.matches(request):
            return address, match[1] if match.groups() else ""
    return None


def _search(call: Asked) -> Row:
    if call.faults.strike("missing_page"):
        raise RefusedCall("INTERNAL_SERVER_ERROR", status=500)
    body = dict(call.body)
    if call.faults.strike("ignored_filter"):
        query = dict(body.get("query") or {})
        wanted = query.get("filter") or {}
        query["filter"] = {name: wanted[name] for name in wanted if name != "date_time_filter"}
        body["query"] = query
    return searching.search(call.store, body, call.faults)


def _status(call: Asked) -> Row:
    return {
        "scopes": call.gate.granted,
        "client_id": "sq0idp-sandbox",
        "merchant_id": call.store.merchant["id"],
    }


def _locations(call: Asked) -> Row:
    return {"locations": list(call.store.locations.values())}


#: The fixed addresses stand before those with an id.
ADDRESSES: Final = (
    Address("POST", "/oauth2/token/status", None, _status),
    Address("GET", "/v2/merchants/me", "MERCHANT_PROFILE_READ", lambda c: {"merchant": c.store.merchant}),
    Address(
        "GET",
        "/v2/locations",
        "MERCHANT_PROFILE_READ",
        lambda c: {"locations": [*c.store.locations.values()]},
    ),
    Address("POST", "/v2/orders", "ORDERS_WRITE", lambda c: orders.create(c.store, c.body, c.faults)),
    Address(
        "POST", "/v2/orders/calculate", "ORDERS_READ", lambda c: orders.calculate(c.store, c.body, c.faults)
    ),
    Address("POST", "/v2/orders/search", "ORDERS_READ", _search),
    Address(
        "POST", "/v2/orders/batch-retrieve", "ORDERS_READ", lambda c: orders.retrieve_many(c.store, c.body)
    ),
    Address("GET", "/v2/orders/*", "ORDERS_READ", lambda c: orders.retrieve(c.store, c.subject)),
    Address("PUT", "/v2/orders/*", "ORDERS_WRITE", lambda c: orders.update(c.store, c.subject, c.body)),
    Address("POST", "/v2/orders/*/pay", "PAYMENTS_WRITE", lambda c: orders.pay(c.store, c.subject, c.body)),
    Address("POST", "/v2/payments", "PAYMENTS_WRITE", lambda c: payments.create(c.store, c.body)),
    Address("GET", "/v2/payments", "PAYMENTS_READ", lambda c: payments.list_payments(c.store, c.query)),
    Address(
        "POST", "/v2/payments/cancel", "PAYMENTS_WRITE", lambda c: payments.cancel_by_key(c.store, c.body)
    ),
    Address("GET", "/v2/payments/*", "PAYMENTS_READ", lambda c: payments.get(c.store, c.subject)),
    Address("POST", "/v2/payments/*/cancel", "PAYMENTS_WRITE", lambda c: payments.cancel(c.store, c.subject)),
    Address("GET", "/v2/refunds", "PAYMENTS_READ", lambda c: payments.list_refunds(c.store, c.query)),
    Address("POST", "/v2/refunds", "PAYMENTS_WRITE", lambda c: payments.refund(c.store, c.body)),
    Address("GET", "/v2/catalog/list", "ITEMS_READ", lambda c: articles.list_objects(c.store, c.query)),
    Address("POST", "/v2/catalog/search", "ITEMS_READ", lambda c: articles.search_objects(c.store, c.body)),
    Address(
        "POST",
        "/v2/catalog/batch-retrieve",
        "ITEMS_READ",
        lambda c: articles.retrieve_objects(c.store, c.body),
    ),
    Address("POST", "/v2/catalog/object", "ITEMS_WRITE", lambda c: articles.upsert_object(c.store, c.body)),
    Address(
        "POST", "/v2/catalog/batch-upsert", "ITEMS_WRITE", lambda c: articles.upsert_objects(c.store, c.body)
    ),
    Address(
        "GET", "/v2/catalog/object/*", "ITEMS_READ", lambda c: articles.retrieve_object(c.store, c.subject)
    ),
    Address(
        "DELETE", "/v2/catalog/object/*", "ITEMS_WRITE", lambda c: articles.delete_object(c.store, c.subject)
    ),
)
