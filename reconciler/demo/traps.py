"""Orders that look odd and are right: none of them may ever be reported."""

from __future__ import annotations

from datetime import timedelta

from reconciler.demo.faults_absent import NOTHING
from reconciler.demo.shop import Shop, Slot
from reconciler.demo.truth import End
from reconciler.domain.orders import CartOrder, Line, PaymentStatus, PosStatus
from reconciler.domain.verdict import Classification

C = Classification


def edit_family(shop: Shop) -> None:
    """The POS files an edit as a second record, -E001: the latest counts."""
    order = shop.order(lines=2)
    first = shop.sell(order, lines=shop.mapped(order.lines[:1]), total=order.total - 150)
    at = first.created_at + timedelta(seconds=90)
    shop.sell(order, reference=f"{order.reference}-E001", created_at=at)
    _agreed(shop, order, "edit family")


def split(shop: Shop) -> None:
    """Two records, kitchen and bar, that add up to one order."""
    order = shop.order(lines=2)
    part = order.total // 3
    lines = shop.mapped(order.lines)
    first = shop.sell(order, lines=lines[:1], total=part, tip=0, shipping=0, tax=0, discount=0)
    shop.sell(order, lines=lines[1:], total=order.total - part, created_at=first.created_at)
    _agreed(shop, order, "split")


def cash_rounding(shop: Shop) -> None:
    """Where small coins are gone the till rounds; elsewhere it is off by one minor unit."""
    coin, order = shop.trade.coin, shop.order(lines=1)
    if coin > 1:
        total = order.total // coin * coin + 2
        order = shop.replace(order, total=total, captured=total, tax=(order.tax or 0) + total - order.total)
        shop.sell(order, total=total - 2)
    else:
        shop.sell(order, total=order.total + 1)
    _agreed(shop, order, "rounding")


def tolerance(shop: Shop) -> None:
    """Rounded line by line, the POS is off by one minor unit for each of three lines."""
    order = shop.order(lines=3)
    shop.sell(order, total=order.total - 3)
    _agreed(shop, order, "tolerance")


def voided_twin(shop: Shop) -> None:
    """A first record was voided and made again."""
    order = shop.order()
    first = shop.sell(order, status=PosStatus.VOIDED)
    shop.sell(order, created_at=first.created_at + timedelta(seconds=70))
    _agreed(shop, order, "voided twin")


def leading_zeros(shop: Shop) -> None:
    """An article number that a spreadsheet would have shortened."""
    zeros = next(article for article in shop.trade.articles if article.sku.startswith("0"))
    order = shop.order(lines=1)
    total = zeros.price * 2
    money = {**NOTHING, "total": total, "captured": total}
    order = shop.replace(order, lines=(shop.line(zeros, 2),), **money)
    shop.sell(order)
    _agreed(shop, order, "leading zeros")


def mapped_words(shop: Shop) -> None:
    """Every word in it is spelt differently by the POS."""
    order = shop.order(lines=1)
    name = next(iter(shop.trade.sku_map), None)
    if name is not None:
        article = next(article for article in shop.trade.articles if article.sku == name)
        money = {**NOTHING, "total": article.price, "captured": article.price}
        order = shop.replace(order, lines=(shop.line(article, 1),), **money)
    method = next(iter(shop.trade.shipping_map), order.shipping_method)
    order = shop.replace(order, shipping_method=method)
    shop.sell(order)
    _agreed(shop, order, "mapped words")


def gift(shop: Shop) -> None:
    """An order for nothing: no money on either side, and all its lines."""
    order = shop.order(lines=1)
    order = shop.replace(order, **NOTHING)
    shop.sell(order)
    _agreed(shop, order, "no money")


def refund_reflected(shop: Shop) -> None:
    """Refunded in part, and the POS shows what is left."""
    order = shop.order(lines=2)
    back = order.total // 4
    order = shop.replace(order, payment_status=PaymentStatus.PARTIALLY_REFUNDED, refunded=back)
    shop.sell(order, total=order.total - back)
    _agreed(shop, order, "refund reflected")


def cancelled_on_both_sides(shop: Shop) -> None:
    """Cancelled in the cart and voided in the POS."""
    order = shop.order()
    shop.sell(order, status=PosStatus.VOIDED)
    order = shop.replace(order, cancelled_at=shop.later(order.placed_at))
    _agreed(shop, order, "cancelled on both sides")


def same_second(shop: Shop) -> None:
    """Two customers press the button in one second."""
    slot = shop.slot()
    for each in (slot, Slot(shop.slot().reference, slot.placed_at)):
        order = shop.order(each)
        shop.sell(order)
        _agreed(shop, order, "same second")


def nameless_line(shop: Shop) -> None:
    """A position without an article number, the same words on both sides."""
    order = shop.order(lines=1)
    named = tuple(Line(None, "Delivery instructions", line.quantity, line.unit_price) for line in order.lines)
    order = shop.replace(order, lines=named)
    shop.sell(order)
    _agreed(shop, order, "line without SKU")


def cancelled_in_grace(shop: Shop) -> None:
    """Cancelled a moment ago: the POS has until the end of the grace to show it."""
    order = shop.order()
    shop.sell(order)
    at = shop.now - shop.policy.grace * 0.4
    order = shop.replace(order, cancelled_at=at, updated_at=at)
    _agreed(shop, order, "cancelled, in grace")


def incomplete_in_grace(shop: Shop) -> None:
    """Half of it arrived a moment ago: the rest may still come."""
    at = shop.now - shop.policy.grace * 0.4
    order = shop.order(Slot(shop.slot().reference, at - timedelta(minutes=5)), lines=2)
    order = shop.replace(order, paid_at=at - timedelta(minutes=4), updated_at=at - timedelta(minutes=4))
    shop.sell(order, created_at=at, lines=shop.mapped(order.lines[:1]))
    _agreed(shop, order, "incomplete, in grace")


def _agreed(shop: Shop, order: CartOrder, note: str) -> None:
    shop.label(order.reference, C.AGREED, end=End.AGREED, note=note)


TRAPS = (
    edit_family,
    split,
    cash_rounding,
    tolerance,
    voided_twin,
    leading_zeros,
    mapped_words,
    gift,
    refund_reflected,
    cancelled_on_both_sides,
    same_second,
    nameless_line,
)
#: Only where the grace is long enough to be inside it for a while.
GRACE_TRAPS = (cancelled_in_grace, incomplete_in_grace)
