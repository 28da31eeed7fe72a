"""Faults of orders that the POS has a record of. Each function adds one, in a variant of its turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from reconciler.demo.shop import Shop, Slot
from reconciler.demo.truth import End
from reconciler.domain.orders import Customer, FulfillmentStatus, PaymentStatus, PosStatus, Shipment
from reconciler.domain.verdict import Classification

C = Classification
#: A customer who tries to be a formula and a script; reports must show the text and run nothing.
FORMULA: Final = Customer('=HYPERLINK("http://example.test")<script>alert(1)</script>')


def voided_in_pos(shop: Shop) -> None:
    """Somebody voided the record of an order that is paid and alive."""
    order = shop.order()
    if shop.turn("voided") == 0:
        order = shop.replace(order, customer=FORMULA)
    record = shop.record(order, status=PosStatus.VOIDED)
    shop.pos.append(replace(record, updated_at=shop.later(record.created_at)))
    shop.flag(order, C.VOIDED_IN_POS)


def duplicate_in_pos(shop: Shop) -> None:
    """Two live records of one order, perhaps at two locations."""
    order = shop.order()
    first = shop.sell(order)
    location = shop.trade.elsewhere if shop.turn("duplicate") % 2 else shop.trade.location
    shop.sell(order, created_at=first.created_at + timedelta(seconds=40), location=location)
    shop.flag(order, C.DUPLICATE_IN_POS)


def placeholder_in_pos(shop: Shop) -> None:
    """An empty shell arrived, or one that the POS itself complains about."""
    order = shop.order()
    if shop.turn("placeholder") % 2:
        shop.sell(order, status=PosStatus.ATTENTION_REQUIRED)
    else:
        shop.sell(order, total=0, tax=0, shipping=0, discount=0, tip=0, lines=())
    shop.flag(order, C.PLACEHOLDER_IN_POS)


def refund_not_propagated(shop: Shop) -> None:
    """Cancelled, refunded in full or refunded in part, and the POS shows nothing of it."""
    order = shop.order(lines=2)
    record = shop.sell(order)
    at, variant = shop.later(record.created_at), shop.turn("refund") % 3
    if variant == 0:
        shop.replace(order, cancelled_at=at, updated_at=at)
    elif variant == 1:
        status = PaymentStatus.REFUNDED
        shop.replace(order, payment_status=status, refunded=order.total, updated_at=at)
    else:
        status = PaymentStatus.PARTIALLY_REFUNDED
        shop.replace(order, payment_status=status, refunded=order.total // 3, updated_at=at)
    shop.flag(order, C.REFUND_NOT_PROPAGATED)


def unpaid_in_pos(shop: Shop) -> None:
    """The POS prepares an order whose payment did not come."""
    states = (PaymentStatus.VOIDED, PaymentStatus.EXPIRED, PaymentStatus.FAILED, PaymentStatus.PENDING)
    status = states[shop.turn("unpaid in POS") % len(states)]
    order = shop.order(payment_status=status, captured=0, paid_at=None)
    shop.sell(order)
    shop.flag(order, C.UNPAID_IN_POS)


def hidden_in_pos(shop: Shop) -> None:
    """The record went to another location."""
    order = shop.order()
    shop.sell(order, location=shop.trade.elsewhere)
    shop.flag(order, C.HIDDEN_IN_POS)


def stale_after_edit(shop: Shop) -> None:
    """The customer added to the order after the POS got it."""
    order = shop.order(lines=2)
    record = shop.sell(order)
    at = shop.later(record.created_at)
    more = replace(order.lines[0], quantity=order.lines[0].quantity + 2)
    extra = 2 * _price(shop, order.lines[0].sku)
    lines = (more, *order.lines[1:])
    total = order.total + extra
    shop.replace(order, edited_at=at, updated_at=at, lines=lines, total=total, captured=total)
    shop.flag(order, C.STALE_AFTER_EDIT)


def _price(shop: Shop, sku: str | None) -> int:
    return next(article.price for article in shop.trade.articles if article.sku == sku)


def incomplete_in_pos(shop: Shop) -> None:
    """One position never arrived."""
    order = shop.order(lines=3)
    lost = order.lines[-1]
    less = int(lost.quantity) * _price(shop, lost.sku)
    shop.sell(order, lines=shop.mapped(order.lines[:-1]), total=order.total - less)
    shop.flag(order, C.INCOMPLETE_IN_POS)


def amount_mismatch(shop: Shop) -> None:
    """The POS counts other money: its delivery fee, its prices, or another currency."""
    order = shop.order(lines=2)
    variant = shop.turn("amount") % 3
    if variant == 0:
        extra = order.total // 8 + 20
        shop.sell(order, shipping=(order.shipping or 0) + extra, total=order.total + extra)
    elif variant == 1:
        shop.sell(order, total=order.total - max(order.total // 10, 20))
    else:
        other = "EUR" if shop.trade.currency != "EUR" else "USD"
        parts = dict.fromkeys(("tax", "shipping", "discount", "tip"))
        shop.sell(order, currency=other, total=order.total * 3, **parts)
    shop.flag(order, C.AMOUNT_MISMATCH)


def not_on_register(shop: Shop) -> None:
    """The platform has it, and no register in the store fetched it."""
    order = shop.order()
    shop.sell(order, register_known=True, received_at=None)
    shop.flag(order, C.NOT_ON_REGISTER)


def fulfilment_lag(shop: Shop) -> None:
    """Shipped at the POS, and the customer cannot see it or cannot follow it."""
    order = shop.order()
    record = shop.record(order, status=PosStatus.SHIPPED)
    at = shop.later(record.created_at)
    parcel = Shipment("s1", at, shop.trade.courier, f"TRK{shop.rng.randrange(10**9)}")
    if shop.turn("lag") % 2:
        parcel = replace(parcel, courier=None, tracking_id=None)
        fulfilled = FulfillmentStatus.FULFILLED
        shop.replace(order, fulfillment_status=fulfilled, updated_at=at, shipments=(parcel,))
    shop.pos.append(replace(record, updated_at=at, shipments=(parcel,)))
    shop.flag(order, C.FULFILMENT_LAG)


def orphan_in_pos(shop: Shop) -> None:
    """An online record that no order of the cart explains; half of them without a number."""
    slot = Slot(f"{shop.rng.randrange(10**6)}-X", shop.moment())
    lost = shop.draw(slot, customer=Customer("Nobody Known"))
    record = shop.record(lost, reference=None if shop.turn("orphan") % 2 else lost.reference)
    shop.pos.append(record)
    shop.label(record.pos_id, C.ORPHAN_IN_POS, end=End.FLAGGED, kind="pos")
