"""Faults of orders that the POS has no record of. Each function adds one, in a variant of its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from reconciler.demo.shop import Arrival, Shop, Slot
from reconciler.demo.truth import End
from reconciler.domain.orders import CartOrder, FulfillmentStatus, PaymentStatus, Source
from reconciler.domain.verdict import Classification

C = Classification
#: When orders are placed after their shop was first read: the first, and how long between two, in seconds.
FIRST_ARRIVAL: Final = 1.0
EVERY: Final = 1.5
#: No money at all.
NOTHING: Final = {"total": 0, "tax": 0, "shipping": 0, "discount": 0, "tip": 0, "captured": 0}


def excluded(shop: Shop) -> None:
    """A test, or an order with nothing on it."""
    order = shop.order(lines=1)
    shop.replace(order, **{"lines": (), **NOTHING} if shop.turn("excluded") % 2 else {"test": True})
    shop.label(order.reference, C.EXCLUDED, end=End.WAITING)


def payment_conflict(shop: Shop) -> None:
    """The cart waits for money that its own payment record says it has."""
    order = shop.order()
    shop.replace(order, payment_status=PaymentStatus.PENDING, captured=order.total)
    shop.flag(order, C.PAYMENT_CONFLICT)


def unpaid(shop: Shop) -> None:
    """Nothing was captured."""
    states = ("pending", "authorized", "failed", "expired", "voided")
    status = PaymentStatus(states[shop.turn("unpaid") % len(states)])
    order = shop.order(payment_status=status, captured=0, paid_at=None)
    shop.label(order.reference, C.UNPAID, end=End.WAITING, note=status)


def partly_paid(shop: Shop) -> None:
    """A deposit came, the rest did not."""
    order = shop.order(lines=2)
    shop.replace(order, payment_status=PaymentStatus.PARTIALLY_PAID, captured=order.total // 2)
    shop.flag(order, C.PARTLY_PAID)


def cancelled_before_push(shop: Shop) -> None:
    """Cancelled or refunded before anybody brought it to the POS."""
    order = shop.order()
    at = shop.later(order.placed_at)
    if shop.turn("cancelled") % 2:
        shop.replace(
            order, payment_status=PaymentStatus.REFUNDED, refunded=order.total, cancelled_at=at, updated_at=at
        )
    else:
        shop.replace(order, cancelled_at=at, updated_at=at)
    shop.label(order.reference, C.CANCELLED_BEFORE_PUSH, end=End.WAITING)


def status_mismatch(shop: Shop) -> None:
    """Paid, but in a state in which the integration never takes it."""
    order = shop.order()
    at, variant = shop.later(order.placed_at), shop.turn("status") % 4
    if variant == 0:
        shop.replace(order, archived=True, updated_at=at)
    elif variant == 1:
        shop.replace(order, fulfillment_status=FulfillmentStatus.FULFILLED, updated_at=at)
    elif variant == 2:
        shop.replace(order, fulfillment_status=FulfillmentStatus.ON_HOLD, updated_at=at)
    else:
        status = PaymentStatus.PARTIALLY_REFUNDED
        shop.replace(order, payment_status=status, refunded=order.total // 4, updated_at=at)
    shop.flag(order, C.STATUS_MISMATCH)


def probable_rekey(shop: Shop) -> None:
    """Staff keyed the order in by hand, without its number, and not quite as the customer wrote it."""
    order = shop.order(lines=2)
    at = shop.between(order.placed_at + timedelta(minutes=3), order.placed_at + timedelta(minutes=10))
    name, phone = order.customer.name or "", order.customer.phone or ""
    shouted = " ".join(reversed(name.upper().split()))
    local = "".join(phone.split()[1:])
    customer = replace(order.customer, name=shouted, phone=local, email=None)
    if shop.turn("rekey") % 2:
        customer = replace(customer, phone=None)
    fields = {"reference": None, "source": Source.IN_STORE, "created_by": "cashier", "customer": customer}
    shop.sell(order, created_at=at, **fields)
    shop.flag(order, C.PROBABLE_REKEY)


def in_doubt(shop: Shop) -> None:
    """Handed to the till before we came, and never shown since: nobody may send it a second time."""
    order = shop.order()
    shop.outbox.append((order, shop.later(order.placed_at)))
    shop.till_faults["refuse"].append(order.reference)
    shop.flag(order, C.IN_DOUBT, note="handed over before, never shown", sends=1)


def unmapped_sku(shop: Shop) -> None:
    """An article that the POS does not know."""
    order = shop.order(lines=2)
    stranger = replace(order.lines[0], sku=f"NEW-{shop.rng.randrange(1000, 10000)}")
    shop.replace(order, lines=(stranger, *order.lines[1:]))
    shop.flag(order, C.UNMAPPED_SKU)


def unmapped_shipping(shop: Shop) -> None:
    """A delivery method that the POS does not know."""
    order = shop.order(shipping_method="Drone")
    shop.flag(order, C.UNMAPPED_SHIPPING)


def missing(shop: Shop) -> None:
    """Paid and lost on the way: our one re-send repairs it."""
    order = shop.order()
    shop.label(order.reference, C.MISSING, end=End.REPAIRED, sends=1)


def missing_and_dropped(shop: Shop) -> None:
    """Paid and lost, and the till loses our re-send too: it must not go out a second time."""
    order = shop.order()
    shop.till_faults["refuse"].append(order.reference)
    shop.flag(order, C.MISSING, C.IN_DOUBT, note="the till drops our re-send", sends=1)


def missing_and_cut(shop: Shop) -> None:
    """Paid and lost, and the till takes in only a part of our re-send: the read-back must notice."""
    order = shop.order(lines=3)
    shop.till_faults["drop_lines"].append(order.reference)
    shop.flag(order, C.MISSING, C.INCOMPLETE_IN_POS, note="the till takes in a part", sends=1)


def missing_and_mispriced(shop: Shop) -> None:
    """Paid and lost, and the till rings our re-send up at another price."""
    order = shop.order()
    shop.till_faults["wrong_total"].append(order.reference)
    shop.flag(order, C.MISSING, C.AMOUNT_MISMATCH, note="the till charges another price", sends=1)


def missing_and_slow(shop: Shop) -> None:
    """Paid and lost, and the till takes its time with our re-send: no second one may follow."""
    order = shop.order()
    shop.till_faults["delayed"].append(order.reference)
    shop.label(order.reference, C.MISSING, end=End.REPAIRED, note="the till is slow", sends=1)


def sync_delay(shop: Shop) -> None:
    """Paid a moment ago and on its way."""
    order = _on_its_way(shop)
    shop.cart.append(order)
    shop.label(order.reference, C.SYNC_DELAY, end=End.WAITING)


def late_arrival(shop: Shop) -> None:
    """Placed while the demo runs; the other integration delivers it inside its grace."""
    order, at = _on_its_way(shop), _next_arrival(shop)
    record = shop.record(order, created_at=shop.now)
    shop.arrivals.append(Arrival(at, order, record))
    shop.label(order.reference, C.SYNC_DELAY, end=End.REPAIRED, note="arrives late by itself")


def missing_later(shop: Shop) -> None:
    """Placed while the demo runs, and lost on the way."""
    order = _on_its_way(shop)
    shop.arrivals.append(Arrival(_next_arrival(shop), order))
    classes = C.SYNC_DELAY, C.MISSING
    shop.label(order.reference, *classes, end=End.REPAIRED, note="placed while we watch", sends=1)


def torn(shop: Shop) -> None:
    """The POS file breaks off in the middle for a few rounds: nobody may be called missing because of it."""
    shop.torn = True
    shop.label(shop.trade.connection("pos"), C.CANNOT_TELL, end=End.REPAIRED, kind="connection")


def _on_its_way(shop: Shop) -> CartOrder:
    paid_at = shop.now - shop.policy.grace * 0.3
    slot = Slot(shop.next_number(), paid_at - timedelta(seconds=5))
    return replace(shop.draw(slot, customer=shop.customer()), paid_at=paid_at, updated_at=paid_at)


def _next_arrival(shop: Shop) -> float:
    return FIRST_ARRIVAL + EVERY * len(shop.arrivals)
