"""Orders out of recorded answers, which nobody here wrote: put together from what each answer told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adapters.shopify.sandbox.rows import bag
from adapters.shopify.sandbox.store import Row, number, stamp

_ORDER: Final = "gid://shopify/Order/"
_LISTS: Final = (
    "lineItems",
    "transactions",
    "refunds",
    "fulfillments",
    "agreements",
    "shippingLines",
    "refundLineItems",
)
_BEFORE: Final = frozenset({"upstreamCalls", "hydrate", "setup", "warmup"})
_MONEY: Final = ("totalPriceSet", "currentTotalPriceSet")
_EARLIEST: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Recorded:
    """Orders found in recordings, and those told too little of, with the reason."""

    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


def recorded_orders(payloads: Iterable[Any]) -> Recorded:
    """Return the orders that recorded answers tell of, the latest word on each counting.

    What no answer said is filled in with what says nothing: no tax, no lines, no parcels, its number for a
    name, a payment in full where it is paid, the time of the recording.
    """
    merged: dict[str, Row] = {}
    for payload in payloads:
        seen_at = _recorded_at(payload)
        for node in _order_nodes(payload):
            row = merged.setdefault(node["id"], {"__typename": "Order", "_seen": seen_at})
            _merge(row, {name: _plain(value) for name, value in node.items()})
    found = Recorded()
    for gid, row in merged.items():
        reason = _too_little(row)
        if reason:
            found.left_out[gid] = reason
        else:
            found.rows.append(_filled(row))
    return found


def _order_nodes(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if str(value.get("id", "")).startswith(_ORDER):
            yield value
        # What was read before a change was made stands after it in a recording.
        for name, inner in sorted(value.items(), key=lambda item: item[0] not in _BEFORE):
            # Variables hold inputs, which are not orders yet.
            if name != "variables":
                yield from _order_nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _order_nodes(inner)


def _plain(value: Any) -> Any:
    """Write connections as the plain lists that the store keeps."""
    if isinstance(value, Mapping):
        if isinstance(value.get("nodes"), list):
            return [_plain(node) for node in value["nodes"]]
        if isinstance(value.get("edges"), list):
            return [_plain(edge["node"]) for edge in value["edges"] if "node" in edge]
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _merge(row: Row, news: Mapping[str, Any]) -> None:
    """Take over what an answer says; of a list's members it may tell less than an earlier one did."""
    for name, value in news.items():
        old = row.get(name)
        if name in _LISTS and isinstance(value, list):
            known = {item["id"]: item for item in old or () if isinstance(item, Mapping) and "id" in item}
            row[name] = [
                {**known.get(item.get("id"), {}), **item} for item in value if isinstance(item, Mapping)
            ]
        elif isinstance(old, Mapping) and isinstance(value, Mapping):
            row[name] = {**old, **value}
        elif value is not None or name not in row:
            row[name] = value


def _too_little(row: Mapping[str, Any]) -> str:
    return "" if any(_is_bag(row.get(name)) for name in _MONEY) else "no answer tells its total"


def _is_bag(value: Any) -> bool:
    money = value.get("shopMoney") if isinstance(value, Mapping) else None
    return isinstance(money, Mapping) and {"amount", "currencyCode"} <= money.keys()


def _filled(row: Row) -> Row:
    seen = row.pop("_seen")
    total = next(row[name] for name in ("totalPriceSet", "currentTotalPriceSet") if _is_bag(row.get(name)))
    currency = total["shopMoney"]["currencyCode"]
    created = row.get("createdAt") or row.get("updatedAt") or seen
    nothing = bag("0", currency)
    for name in _MONEY:
        row[name] = row[name] if _is_bag(row.get(name)) else total
    for name in ("Tax", "Discounts"):
        for prefix in ("total", "currentTotal"):
            _or(row, f"{prefix}{name}Set", nothing)
    for name in ("totalShippingPriceSet", "currentShippingPriceSet", "totalTipReceivedSet"):
        _or(row, name, nothing)
    for name, value in (("createdAt", created), ("processedAt", created), ("updatedAt", seen)):
        if not row.get(name):
            row[name] = value
    if not isinstance(row.get("name"), str):
        row["name"] = f"#{number(row['id'])}"
    row.setdefault("lineItems", [])
    row.setdefault("edited", any("currentQuantity" in item for item in row["lineItems"]) and _edited(row))
    row["test"] = bool(row.get("test"))
    _fill_parts(row, currency, created)
    return row


def _or(row: Row, name: str, value: Any) -> None:
    if not _is_bag(row.get(name)):
        row[name] = value


def _edited(row: Mapping[str, Any]) -> bool:
    """Units are gone that nobody refunded: an edit took them."""
    gone = sum(
        item.get("quantity", 0) - item.get("currentQuantity", item.get("quantity", 0))
        for item in row["lineItems"]
    )
    return gone > 0 and not row.get("refunds") and not row.get("cancelledAt")


def _fill_parts(row: Row, currency: str, created: str) -> None:
    told_nothing = "transactions" not in row
    for position, item in enumerate(row["lineItems"]):
        item.setdefault("id", f"gid://shopify/LineItem/{position + 1}")
        item.setdefault("name", item.get("title") or "")
        item.setdefault("quantity", 1)
        item.setdefault("currentQuantity", item["quantity"])
        _or(item, "originalUnitPriceSet", bag("0", currency))
    for name in ("transactions", "refunds", "fulfillments", "agreements"):
        row[name] = [item for item in row.get(name) or [] if isinstance(item, Mapping)]
        for item in row[name]:
            item["createdAt"] = item.get("createdAt") or item.get("processedAt") or created
    if told_nothing and row.get("displayFinancialStatus") in {"PAID", "PARTIALLY_REFUNDED", "REFUNDED"}:
        row["transactions"] = [
            {"kind": "SALE", "status": "SUCCESS", "createdAt": created, "amountSet": row["totalPriceSet"]}
        ]
    row["transactions"] = [item for item in row["transactions"] if _is_bag(item.get("amountSet"))]


def _recorded_at(payload: Any) -> str:
    for name in ("recordedAt", "capturedAt"):
        told = payload.get(name) if isinstance(payload, Mapping) else None
        try:
            return stamp(datetime.fromisoformat(str(told)))
        except ValueError:
            continue
    return stamp(_EARLIEST)
