"""SearchOrders: filters, sorting, what the search shows only later, and rows that move."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from adapters.sandbox import Faults
from adapters.square.sandbox.paging import cut, opened
from adapters.square.sandbox.refusal import RefusedCall, invalid, missing
from adapters.square.sandbox.store import Row, Store, moment_of, stamp

LOCATIONS: Final = 10
DEFAULT, MOST = 500, 1000
FIELDS: Final = ("created_at", "updated_at", "closed_at")
FILTERS: Final = frozenset(
    {"state_filter", "date_time_filter", "fulfillment_filter", "source_filter", "customer_filter"}
)
_Test = Callable[[Row], bool]


def search(store: Store, body: Mapping[str, Any], faults: Faults) -> Row:
    """Answer SearchOrders; an empty page says nothing at all."""
    places = _locations(store, body)
    query = body.get("query") or {}
    wanted = query.get("filter") or {}
    unknown = set(wanted) - FILTERS
    if unknown:
        raise RefusedCall("UNKNOWN_BODY_PARAMETER", "Unknown parameter.", f"query.filter.{min(unknown)}")
    field, descending = _sorting(query.get("sort") or {}, wanted)
    fixed = opened(body["cursor"])["fixed"] if body.get("cursor") else store.now()
    tests = _tests(wanted, fixed)
    found = [
        row
        for row in store.orders.values()
        if row["location_id"] in places and _shown(store, row, faults) and all(test(row) for test in tests)
    ]
    found = [row for row in found if row.get(field)]
    found.sort(key=lambda row: (row[field], row["id"]), reverse=descending)
    asked = {name: value for name, value in body.items() if name != "cursor"}
    page, cursor = cut(found, body.get("cursor"), _limit(body), asked, fixed)
    rows = [_entry(row) for row in page] if body.get("return_entries") else json.loads(json.dumps(page))
    if cursor and faults.strike("moving_row"):
        store.touch(page[0])
    name = "order_entries" if body.get("return_entries") else "orders"
    return ({name: rows} if rows else {}) | ({"cursor": cursor} if cursor else {})


def _locations(store: Store, body: Mapping[str, Any]) -> list[str]:
    places = body.get("location_ids")
    if not places:
        raise missing("location_ids")
    if len(places) > LOCATIONS:
        raise RefusedCall("ARRAY_LENGTH_TOO_LONG", "At most 10 locations.", "location_ids")
    for place in places:
        store.location(place, "location_ids")
    return list(places)


def _sorting(sort: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, bool]:
    field = str(sort.get("sort_field", "CREATED_AT")).lower()
    if field not in FIELDS:
        raise invalid("query.sort.sort_field", "Not a valid enum value.", "INVALID_ENUM_VALUE")
    spans = wanted.get("date_time_filter") or {}
    if len(spans) > 1 or not set(spans) <= set(FIELDS):
        raise invalid("query.filter.date_time_filter", "Filter by exactly one time.")
    if spans and field not in spans:
        detail = "sort_field must be the time that is filtered by."
        raise invalid("query.sort.sort_field", detail, "BAD_REQUEST")
    return field, sort.get("sort_order", "DESC") == "DESC"


def _limit(body: Mapping[str, Any]) -> int:
    limit = body.get("limit", DEFAULT)
    if not isinstance(limit, int) or not 0 < limit <= MOST:
        raise RefusedCall("VALUE_TOO_HIGH", f"At most {MOST}.", "limit")
    return limit


def _tests(wanted: Mapping[str, Any], fixed: str) -> list[_Test]:
    tests = [_within(field, span, fixed) for field, span in (wanted.get("date_time_filter") or {}).items()]
    if states := (wanted.get("state_filter") or {}).get("states"):
        tests.append(lambda row: row["state"] in states)
    if names := (wanted.get("source_filter") or {}).get("source_names"):
        tests.append(lambda row: (row.get("source") or {}).get("name") in names)
    if customers := (wanted.get("customer_filter") or {}).get("customer_ids"):
        tests.append(lambda row: row.get("customer_id") in customers)
    handing = wanted.get("fulfillment_filter") or {}
    for name, key in (("fulfillment_types", "type"), ("fulfillment_states", "state")):
        if handing.get(name):
            tests.append(_handed(key, handing[name]))
    return tests


def _within(field: str, span: Mapping[str, Any], fixed: str) -> _Test:
    """Both ends belong to it; without an end it is the time of the first page."""
    start = stamp(moment_of(span["start_at"], field)) if span.get("start_at") else ""
    end = stamp(moment_of(span["end_at"], field)) if span.get("end_at") else fixed
    return lambda row: start <= str(row.get(field)) <= end


def _handed(key: str, values: Collection[str]) -> _Test:
    return lambda row: any(part.get(key) in values for part in row.get("fulfillments") or ())


def _shown(store: Store, row: Row, faults: Faults) -> bool:
    """Say whether the search shows an order yet: it must have arrived, and some time ago where it lags."""
    lag = faults.on("search_lag")
    behind = timedelta(seconds=float(lag.settings.get("seconds", "90"))) if lag else timedelta()
    return store.arrivals[row["id"]] + behind <= store.clock()


def _entry(row: Row) -> Row:
    entry = {"order_id": row["id"], "location_id": row["location_id"]}
    return entry | ({"version": row["version"]} if "version" in row else {})
