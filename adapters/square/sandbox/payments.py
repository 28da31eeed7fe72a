"""Payments and refunds: made, listed, cancelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from adapters.square.sandbox.orders import settle
from adapters.square.sandbox.paging import cut
from adapters.square.sandbox.reckoning import amount, money
from adapters.square.sandbox.refusal import RefusedCall, invalid, missing, not_found
from adapters.square.sandbox.store import Row, Store, moment_of, stamp

PAGE: Final = 100
KEY: Final = 45
EXTERNAL: Final = frozenset(
    "CHECK BANK_TRANSFER OTHER_GIFT_CARD CRYPTO SQUARE_CASH SOCIAL EXTERNAL EMONEY CARD STORED_BALANCE "
    "FOOD_VOUCHER OTHER".split()
)


def create(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer CreatePayment: once a key; of an order exactly what is due."""
    key = body.get("idempotency_key")
    if not key:
        raise missing("idempotency_key")
    if len(key) > KEY:
        raise RefusedCall("VALUE_TOO_LONG", f"At most {KEY} characters.", "idempotency_key")
    return store.once("payments", key, body, lambda: {"payment": _make(store, body)})


def _make(store: Store, body: Mapping[str, Any]) -> Row:
    kind = _kind(body)
    wanted = body.get("amount_money")
    if not wanted:
        raise missing("amount_money")
    order = store.order(str(body["order_id"])) if body.get("order_id") else None
    location = (
        body.get("location_id") or (order or {}).get("location_id") or store.merchant["main_location_id"]
    )
    currency = store.location(location)["currency"]
    if wanted["currency"] != currency:
        raise invalid("amount_money.currency", f"Expected {currency}.", "CURRENCY_MISMATCH")
    at_once = bool(body.get("autocomplete", True))
    if order is not None:
        _check_due(order, amount(wanted), at_once=at_once)
    payment = _payment(store, body, kind, str(location), at_once=at_once)
    payment["order_id"] = order["id"] if order else store.new_id("order")
    store.payments[payment["id"]] = payment
    if order is not None and at_once:
        settle(store, order, [payment])
    return payment


def _kind(body: Mapping[str, Any]) -> str:
    source = body.get("source_id")
    if not source:
        raise missing("source_id")
    if source == "EXTERNAL":
        details = body.get("external_details") or {}
        if details.get("type") not in EXTERNAL or not details.get("source"):
            raise missing("external_details")
        return "EXTERNAL"
    if source == "CASH" and not body.get("cash_details"):
        raise missing("cash_details")
    return "CASH" if source == "CASH" else "CARD"


def _check_due(order: Row, given: int, *, at_once: bool) -> None:
    if order["state"] != "OPEN":
        raise RefusedCall("BAD_REQUEST", f"Order is in state {order['state']}.", "order_id")
    due = amount(order["net_amount_due_money"])
    if due == 0:
        raise RefusedCall("BAD_REQUEST", "Order is already paid.", "order_id")
    if at_once and given != due:
        detail = "The total of the requested payments does not match the total of the sale order."
        raise RefusedCall("PAYMENT_AMOUNT_MISMATCH", detail, "amount_money")


def _payment(store: Store, body: Mapping[str, Any], kind: str, location: str, *, at_once: bool) -> Row:
    tip = amount(body.get("tip_money"))
    total = money(amount(body["amount_money"]) + tip, body["amount_money"]["currency"])
    copied = ("amount_money", "tip_money", "reference_id", "note", "external_details", "cash_details")
    now = store.now()
    return {
        "id": store.new_id("payment"),
        "created_at": now,
        "updated_at": now,
        "status": "COMPLETED" if at_once else "APPROVED",
        "source_type": kind,
        "location_id": location,
        "total_money": total,
        "approved_money": total,
        **{name: body[name] for name in copied if body.get(name) is not None},
    }


def get(store: Store, payment_id: str) -> Row:
    """Answer GetPayment."""
    payment = store.payments.get(payment_id)
    if payment is None:
        raise not_found("Could not find payment with id: " + payment_id)
    return {"payment": payment}


def cancel(store: Store, payment_id: str) -> Row:
    """Answer CancelPayment: only what was not captured."""
    payment: Row = get(store, payment_id)["payment"]
    if payment["status"] != "APPROVED":
        raise RefusedCall("BAD_REQUEST", f"Payment is {payment['status']}.")
    payment |= {"status": "CANCELED", "updated_at": store.now()}
    return {"payment": payment}


def cancel_by_key(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer CancelPaymentByIdempotencyKey, which succeeds even where there is nothing."""
    key = body.get("idempotency_key")
    if not key:
        raise missing("idempotency_key")
    made = store.made_under("payments", key)
    payment = store.payments.get(made["payment"]["id"]) if made else None
    if payment is not None and payment["status"] == "APPROVED":
        payment |= {"status": "CANCELED", "updated_at": store.now()}
    return {}


def list_payments(store: Store, query: Mapping[str, str]) -> Row:
    """Answer ListPayments: one location, the last year, at most a hundred at once."""
    place = query.get("location_id") or store.merchant["main_location_id"]
    rows = [row for row in store.payments.values() if row["location_id"] == place]
    return _listed(store, rows, query, "payments")


def list_refunds(store: Store, query: Mapping[str, str]) -> Row:
    """Answer ListPaymentRefunds: all locations unless one is named."""
    place, status = query.get("location_id"), query.get("status")
    rows = [
        row
        for row in store.refunds.values()
        if (not place or row["location_id"] == place) and (not status or row["status"] == status)
    ]
    return _listed(store, rows, query, "refunds")


def _listed(store: Store, rows: list[Row], query: Mapping[str, str], name: str) -> Row:
    year_ago = stamp(store.clock() - timedelta(days=365))
    begin = _stamp(query, "begin_time") or year_ago
    end = _stamp(query, "end_time") or store.now()
    changed = _stamp(query, "updated_at_begin_time"), _stamp(query, "updated_at_end_time")
    found = [
        row
        for row in rows
        if begin <= row["created_at"] <= end
        and (not changed[0] or row["updated_at"] >= changed[0])
        and (not changed[1] or row["updated_at"] <= changed[1])
    ]
    field = query.get("sort_field", "CREATED_AT").lower()
    found.sort(key=lambda row: (row[field], row["id"]), reverse=query.get("sort_order", "DESC") == "DESC")
    limit = min(int(query.get("limit") or PAGE), PAGE)
    asked = {key: value for key, value in query.items() if key != "cursor"}
    page, cursor = cut(found, query.get("cursor"), limit, asked)
    return ({name: json.loads(json.dumps(page))} if page else {}) | ({"cursor": cursor} if cursor else {})


def _stamp(query: Mapping[str, str], name: str) -> str:
    return stamp(moment_of(query[name], name)) if query.get(name) else ""


def refund(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer RefundPayment: the sale stays as it is, and a return is made beside it."""
    key, payment_id = body.get("idempotency_key"), str(body.get("payment_id") or "")
    if not key:
        raise missing("idempotency_key")
    payment: Row = get(store, payment_id)["payment"]

    def make() -> Row:
        back = amount(body.get("amount_money"))
        given = amount(payment.get("refunded_money"))
        if back <= 0 or back + given > amount(payment["total_money"]):
            raise RefusedCall("REFUND_AMOUNT_INVALID", "Not more than was paid.", "amount_money")
        currency = payment["total_money"]["currency"]
        returned = _return_order(store, payment, money(back, currency), str(body.get("reason") or ""))
        now = store.now()
        row = {
            "id": store.new_id("refund"),
            "status": "COMPLETED",
            "location_id": payment["location_id"],
            "payment_id": payment_id,
            "order_id": returned["id"],
            "amount_money": money(back, currency),
            "reason": str(body.get("reason") or ""),
            "created_at": now,
            "updated_at": now,
        }
        store.refunds[row["id"]] = row
        payment["refunded_money"] = money(given + back, currency)
        payment.setdefault("refund_ids", []).append(row["id"])
        payment["updated_at"] = now
        return {"refund": row}

    return store.once("refunds", key, body, make)


def _return_order(store: Store, payment: Row, back: Row, reason: str) -> Row:
    now = store.now()
    nothing = money(0, back["currency"])
    order_id = store.new_id("order")
    refunded = {
        "id": store.new_id("refund"),
        "location_id": payment["location_id"],
        "tender_id": payment["id"],
        "reason": reason,
        "amount_money": back,
        "status": "APPROVED",
        "created_at": now,
    }
    order: Row = {
        "id": order_id,
        "location_id": payment["location_id"],
        "state": "COMPLETED",
        "created_at": now,
        "updated_at": now,
        "closed_at": now,
        "returns": [
            {
                "uid": store.new_id("uid"),
                "source_order_id": payment["order_id"],
                "return_amounts": {"total_money": back},
            }
        ],
        "refunds": [refunded],
        "total_money": nothing,
        "net_amounts": {"total_money": money(-amount(back), back["currency"])},
    }
    store.put_order(order)
    return order
