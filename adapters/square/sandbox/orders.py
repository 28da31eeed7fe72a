"""The orders' addresses but the search: create, reckon, retrieve, change, pay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adapters.sandbox import Faults
from adapters.square.sandbox.ordering import build
from adapters.square.sandbox.reckoning import amount, money
from adapters.square.sandbox.refusal import RefusedCall, missing
from adapters.square.sandbox.store import Row, Store

BATCH: Final = 100
KEY: Final = 192


def create(store: Store, body: Mapping[str, Any], faults: Faults) -> Row:
    """Answer CreateOrder: once a key."""
    key = body.get("idempotency_key")
    if len(key or "") > KEY:
        raise RefusedCall("VALUE_TOO_LONG", f"At most {KEY} characters.", "idempotency_key")

    def make() -> Row:
        order = build(store, body.get("order"), faults)
        store.put_order(order)
        store.ledger.write(
            "order_created",
            order_id=order["id"],
            reference=order.get("reference_id"),
            key=key,
            location=order["location_id"],
            total=amount(order["total_money"]),
            at=store.now(),
        )
        return {"order": order}

    return store.once("orders", key, body, make)


def calculate(store: Store, body: Mapping[str, Any], faults: Faults) -> Row:
    """Answer CalculateOrder: what an order would come to, and none is made."""
    order = build(store, body.get("order"), faults)
    return {"order": {name: value for name, value in order.items() if name != "id"}}


def retrieve(store: Store, order_id: str) -> Row:
    """Answer RetrieveOrder."""
    return {"order": json.loads(json.dumps(store.order(order_id)))}


def retrieve_many(store: Store, body: Mapping[str, Any]) -> Row:
    """Answer BatchRetrieveOrders: unknown ids are left out without a word."""
    ids = body.get("order_ids")
    if not ids:
        raise missing("order_ids")
    if len(ids) > BATCH:
        raise RefusedCall("ARRAY_LENGTH_TOO_LONG", f"At most {BATCH} orders.", "order_ids")
    found = []
    for order_id in ids:
        try:
            found.append(store.order(str(order_id)))
        except RefusedCall:
            continue
    return {"orders": json.loads(json.dumps(found))} if found else {}


def update(store: Store, order_id: str, body: Mapping[str, Any]) -> Row:
    """Answer UpdateOrder, as far as states go."""
    order = store.order(order_id)

    def make() -> Row:
        wanted = body.get("order") or {}
        if wanted.get("version") != order.get("version"):
            raise RefusedCall("VERSION_MISMATCH", "Order version does not match.", "order.version")
        if order["state"] in {"COMPLETED", "CANCELED"}:
            raise RefusedCall("BAD_REQUEST", f"Order is in terminal state {order['state']}.")
        for change in wanted.get("fulfillments") or ():
            for part in order.get("fulfillments") or ():
                if part["uid"] == change.get("uid"):
                    part.update(change)
        _move_state(store, order, wanted.get("state"))
        store.touch(order)
        return {"order": order}

    return store.once(f"orders/{order_id}", body.get("idempotency_key"), body, make)


def _move_state(store: Store, order: Row, state: str | None) -> None:
    if state is None or state == order["state"]:
        return
    pending = [part for part in order.get("fulfillments") or () if part["state"] not in _ENDED]
    if state == "CANCELED" and (order.get("tenders") or pending):
        raise RefusedCall("BAD_REQUEST", "Order has payments or fulfillments that are not ended.")
    if state == "COMPLETED" and (amount(order["net_amount_due_money"]) or pending):
        raise RefusedCall("BAD_REQUEST", "Order is not paid, or not handed over.")
    order["state"] = state
    order["closed_at"] = store.now()
    store.ledger.write("order_" + state.lower(), order_id=order["id"], at=store.now())


_ENDED: Final = frozenset({"COMPLETED", "CANCELED", "FAILED"})


def pay(store: Store, order_id: str, body: Mapping[str, Any]) -> Row:
    """Answer PayOrder: approved payments that come to the total; none for what costs nothing."""
    order = store.order(order_id)

    def make() -> Row:
        ids = list(body.get("payment_ids") or ())
        payments = [store.payments[found] for found in ids if found in store.payments]
        approved = [row for row in payments if row["status"] == "APPROVED" and row["order_id"] == order_id]
        given = sum(amount(row["total_money"]) for row in approved)
        tips = sum(amount(row.get("tip_money")) for row in approved)
        if len(approved) != len(ids) or given - tips != amount(order["net_amount_due_money"]):
            raise RefusedCall(
                "BAD_REQUEST", "The payments do not come to what is due on the order.", "payment_ids"
            )
        for row in approved:
            row |= {"status": "COMPLETED", "updated_at": store.now()}
        settle(store, order, approved)
        return {"order": order}

    return store.once(f"pay/{order_id}", body.get("idempotency_key"), body, make)


def settle(store: Store, order: Row, payments: list[Row]) -> None:
    """Book completed payments on their order; what needs no handing over is completed by that."""
    currency = order["total_money"]["currency"]
    for payment in payments:
        tip = amount(payment.get("tip_money"))
        order.setdefault("tenders", []).append(_tender(payment, tip, currency))
        for name in ("total_money", "total_tip_money"):
            order[name] = money(amount(order.get(name)) + tip, currency)
        net = order["net_amounts"]
        net["total_money"] = money(amount(net["total_money"]) + tip, currency)
        net["tip_money"] = money(amount(net["tip_money"]) + tip, currency)
        store.ledger.write(
            "payment_recorded",
            order_id=order["id"],
            payment_id=payment["id"],
            amount=amount(payment["total_money"]),
            at=store.now(),
        )
    order["net_amount_due_money"] = money(0, currency)
    if not order.get("fulfillments"):
        order |= {"state": "COMPLETED", "closed_at": store.now()}
    store.touch(order)


def _tender(payment: Row, tip: int, currency: str) -> Row:
    kinds = {"CARD": "CARD", "CASH": "CASH", "EXTERNAL": "OTHER"}
    return {
        "id": payment["id"],
        "payment_id": payment["id"],
        "location_id": payment["location_id"],
        "transaction_id": payment["order_id"],
        "created_at": payment["created_at"],
        "type": kinds.get(payment["source_type"], "OTHER"),
        "amount_money": payment["total_money"],
        **({"tip_money": money(tip, currency)} if tip else {}),
    }
