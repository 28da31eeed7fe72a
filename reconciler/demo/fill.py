"""The rest of a shop's day: orders on which both sides agree, and sales over the counter."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from reconciler.demo.shop import SPAN, Shop, Slot
from reconciler.domain.orders import CartOrder, FulfillmentStatus, PaymentStatus, PosStatus, Shipment

#: Sales over the counter for each online order.
WALK_INS: Final = 0.12
#: How agreeing orders stand, in a thousand: new, at work, collected, sent, cancelled, refunded in part.
STATES: Final = {
    "open": 470,
    "in_progress": 110,
    "completed": 210,
    "shipped": 180,
    "cancelled": 16,
    "refunded": 14,
}


def fill(shop: Shop) -> None:
    """Turn every number that is left into an agreeing order, and add walk-ins."""
    for slot in list(shop.rest()):
        agree(shop, slot)
    shop.rest().clear()
    _walk_ins(shop)


def agree(shop: Shop, slot: Slot) -> None:
    """Add an order and its record that agree, in one of the states in which orders do."""
    order = shop.draw(slot, customer=shop.somebody())
    created_at = shop.created(order)
    room = (shop.now - timedelta(seconds=30)) - created_at
    fresh = room < timedelta(hours=1)
    state = "open" if fresh else shop.rng.choices(list(STATES), list(STATES.values()))[0]
    if state == "shipped" and not order.shipping:
        state = "completed"
    at = created_at + room * shop.rng.uniform(0.3, 0.9)
    ours, theirs = _states(shop, order, state, at.replace(microsecond=0))
    order = replace(order, **ours)
    shop.cart.append(order)
    shop.sell(order, **{"created_at": created_at, **theirs})


def _states(shop: Shop, order: CartOrder, state: str, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a state changes in the cart, and what in the POS."""
    ours: dict[str, Any] = {"updated_at": at}
    theirs: dict[str, Any] = {"updated_at": at}
    match state:
        case "completed":
            ours["fulfillment_status"] = FulfillmentStatus.FULFILLED
            theirs["status"] = PosStatus.COMPLETED
        case "shipped":
            tracking = f"{shop.trade.code[:2].upper()}{shop.rng.randrange(10**8, 10**9)}"
            parcels = (Shipment("s1", at, shop.trade.courier, tracking),)
            ours |= {"fulfillment_status": FulfillmentStatus.FULFILLED, "shipments": parcels}
            theirs |= {"status": PosStatus.SHIPPED, "shipments": parcels}
        case "cancelled":
            ours["cancelled_at"] = at
            theirs["status"] = PosStatus.VOIDED
        case "refunded":
            back = order.total // 4
            ours |= {"payment_status": PaymentStatus.PARTIALLY_REFUNDED, "refunded": back}
            theirs["total"] = order.total - back
        case _:
            return {}, {"status": PosStatus(state)}
    return ours, theirs


def _walk_ins(shop: Shop) -> None:
    # The first sale is older than every order: a file proves nothing about the time before its first record.
    shop.walk_in(shop.now - SPAN - timedelta(minutes=40))
    for _ in range(int(len(shop.cart) * WALK_INS)):
        shop.walk_in(shop.moment())
