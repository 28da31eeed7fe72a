"""A Shopify order as a cart order. What cannot be told for certain is refused, with the reason."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, TypeVar

import msgspec

from adapters.shopify.documents import LONGEST
from adapters.shopify.payload import LineItem, MoneyBag, Order, Transaction
from reconciler.domain.money import parse_minor, parse_quantity
from reconciler.domain.orders import (
    CartOrder,
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    Shipment,
    normalise_reference,
)

_Status = TypeVar("_Status", PaymentStatus, FulfillmentStatus)


class UntranslatableError(ValueError):
    """An order that cannot be understood; its words hold no personal data."""


FULFILLMENT: Final = {
    "UNFULFILLED": FulfillmentStatus.UNFULFILLED,
    "OPEN": FulfillmentStatus.UNFULFILLED,
    "PENDING_FULFILLMENT": FulfillmentStatus.UNFULFILLED,
    "IN_PROGRESS": FulfillmentStatus.UNFULFILLED,
    "SCHEDULED": FulfillmentStatus.UNFULFILLED,
    "REQUEST_DECLINED": FulfillmentStatus.UNFULFILLED,
    "RESTOCKED": FulfillmentStatus.UNFULFILLED,
    "PARTIALLY_FULFILLED": FulfillmentStatus.PARTIALLY_FULFILLED,
    "FULFILLED": FulfillmentStatus.FULFILLED,
    "ON_HOLD": FulfillmentStatus.ON_HOLD,
}
PAYMENT: Final = {
    "PENDING": PaymentStatus.PENDING,
    "AUTHORIZED": PaymentStatus.AUTHORIZED,
    "PARTIALLY_PAID": PaymentStatus.PARTIALLY_PAID,
    "PAID": PaymentStatus.PAID,
    "PARTIALLY_REFUNDED": PaymentStatus.PARTIALLY_REFUNDED,
    "REFUNDED": PaymentStatus.REFUNDED,
    "VOIDED": PaymentStatus.VOIDED,
    "EXPIRED": PaymentStatus.EXPIRED,
}
CAPTURES: Final = frozenset({"SALE", "CAPTURE"})
NOT_SHIPPED: Final = frozenset({"CANCELLED", "ERROR", "FAILURE"})


def translate(node: Any, delivery_date: str = "") -> CartOrder:
    """Return the cart order that a payload tells of; raise UntranslatableError when it tells none.

    ``delivery_date`` names the custom attribute in which this shop keeps the day of delivery.
    """
    try:
        order = msgspec.convert(node, Order)
    except msgspec.ValidationError as error:
        raise UntranslatableError(str(error)) from None
    for name, rows in (("payments", order.transactions), ("refunds", order.refunds)):
        if len(rows) >= LONGEST:
            raise UntranslatableError(f"it has more {name} than the {LONGEST} that can be read")
    if order.line_items.page_info.has_next_page:
        raise UntranslatableError("its line items were not read to their end")
    return _Translation(order, delivery_date).cart_order()


class _Translation:
    def __init__(self, order: Order, delivery_date: str) -> None:
        self._order = order
        self._delivery_date = delivery_date
        self._currency = order.total_price_set.shop_money.currency_code
        self._captures = self._moved(CAPTURES)
        self._captured = self._sum(self._captures) - self._sum(self._moved({"CHANGE"}))
        self._refunded = self._sum(self._moved({"REFUND"}))
        #: An edit took something away; cancelling does so too, but then the order is what it was.
        self._edited = order.edited and order.cancelled_at is None

    def cart_order(self) -> CartOrder:
        order = self._order
        total = self._total()
        return CartOrder(
            reference=self._reference(),
            vendor_id=order.id,
            placed_at=order.processed_at.astimezone(UTC),
            updated_at=order.updated_at.astimezone(UTC),
            currency=self._currency,
            total=total,
            payment_status=self._payment_status(total),
            captured=self._captured,
            refunded=self._refunded,
            paid_at=self._paid_at(total),
            tax=self._now_or_in_all(order.current_total_tax_set, order.total_tax_set),
            shipping=self._now_or_in_all(order.current_shipping_price_set, order.total_shipping_price_set),
            discount=self._now_or_in_all(order.current_total_discounts_set, order.total_discounts_set),
            tip=self._minor(order.total_tip_received_set),
            fulfillment_status=_known(FULFILLMENT, order.display_fulfillment_status, "fulfilment"),
            cancelled_at=order.cancelled_at.astimezone(UTC) if order.cancelled_at else None,
            edited_at=self._edited_at(),
            archived=order.closed_at is not None,
            test=order.test,
            customer=self._customer(),
            shipping_method=(order.shipping_line.title or order.shipping_line.code)
            if order.shipping_line
            else None,
            deliver_on=self._deliver_on(),
            lines=self._lines(),
            shipments=self._shipments(),
        )

    def _reference(self) -> str:
        reference = normalise_reference(self._order.name)
        if not reference:
            raise UntranslatableError("its name is empty")
        return reference

    def _total(self) -> int:
        """Return what the customer owes in all, before anything went back.

        ``totalPriceSet`` keeps counting what an edit took away, so an edited order is reckoned from what it
        is worth now.
        """
        if not self._edited:
            return self._minor(self._order.total_price_set)
        return self._minor(self._order.current_total_price_set) + self._refunded

    def _now_or_in_all(self, now: MoneyBag, in_all: MoneyBag | None) -> int | None:
        if self._edited or in_all is None:
            return self._minor(now)
        return self._minor(in_all)

    def _payment_status(self, total: int) -> PaymentStatus:
        told = self._order.display_financial_status
        if told is not None:
            return _known(PAYMENT, told, "payment")
        # Null stands for "nothing to say": an order of nothing, or one without any payment record.
        if self._captured >= total:
            return PaymentStatus.PAID
        return PaymentStatus.PARTIALLY_PAID if self._captured > 0 else PaymentStatus.PENDING

    def _paid_at(self, total: int) -> datetime | None:
        """Return when the captures first reached the total, or the last capture where they never did."""
        reached, last = 0, None
        for capture in sorted(self._captures, key=_moment):
            reached, last = reached + self._sum([capture]), _moment(capture)
            if reached >= total:
                return last
        if last is None and total == 0:
            last = self._order.processed_at
        return last.astimezone(UTC) if last else None

    def _edited_at(self) -> datetime | None:
        edits = [
            a.happened_at.astimezone(UTC) for a in self._order.agreements.nodes if a.reason == "ORDER_EDIT"
        ]
        return max(edits, default=None)

    def _customer(self) -> Customer:
        order = self._order
        addresses = [found for found in (order.shipping_address, order.billing_address) if found]
        return Customer(
            name=next((found.name for found in addresses if found.name), None),
            phone=next(filter(None, [found.phone for found in addresses] + [order.phone]), None),
            email=order.email,
        )

    def _deliver_on(self) -> date | None:
        if not self._delivery_date:
            return None
        for attribute in self._order.custom_attributes:
            if attribute.key.strip().casefold() == self._delivery_date.casefold():
                return _day(attribute.value or "")
        return None

    def _lines(self) -> tuple[Line, ...]:
        refunded: Counter[str] = Counter()
        for refund in self._order.refunds:
            if refund.refund_line_items.page_info.has_next_page and self._edited:
                raise UntranslatableError("a refund has more lines than can be read")
            for line in refund.refund_line_items.nodes:
                refunded[line.line_item.id] += line.quantity
        # An edit that takes a line away books it as a refund of nothing.
        if not self._refunded:
            refunded.clear()
        lines = [(item, self._quantity(item, refunded[item.id])) for item in self._order.line_items.nodes]
        return tuple(
            Line(
                sku=(item.sku or "").strip() or None,
                name=item.name or None,
                quantity=Decimal(quantity),
                unit_price=_number(item.original_unit_price_set.shop_money.amount),
            )
            for item, quantity in lines
            if quantity > 0
        )

    def _quantity(self, item: LineItem, refunded: int) -> int:
        """Return how many units were agreed before anything went back."""
        if not self._edited:
            return item.quantity
        return min(item.quantity, item.current_quantity + refunded)

    def _shipments(self) -> tuple[Shipment, ...]:
        return tuple(
            Shipment(
                id=parcel.id,
                shipped_at=parcel.created_at.astimezone(UTC),
                courier=next((track.company for track in parcel.tracking_info if track.company), None),
                tracking_id=next((track.number for track in parcel.tracking_info if track.number), None),
            )
            for parcel in self._order.fulfillments
            if parcel.status not in NOT_SHIPPED
        )

    def _moved(self, kinds: frozenset[str] | set[str]) -> list[Transaction]:
        return [t for t in self._order.transactions if t.kind in kinds and t.status == "SUCCESS"]

    def _sum(self, transactions: list[Transaction]) -> int:
        """Add up payments in the shop's currency, at the order's own rate of exchange.

        Shopify converts each payment at the rate of its day: what a foreign buyer paid in full may look like
        too little in the shop's money.
        """
        paid = [transaction.amount_set.presentment_money for transaction in transactions]
        total = self._order.total_price_set.presentment_money
        foreign = total is not None and total.currency_code != self._currency
        if not foreign or total is None or not _number(total.amount):
            return sum(self._minor(transaction.amount_set) for transaction in transactions)
        amounts = [
            _number(p.amount) for p in paid if p is not None and p.currency_code == total.currency_code
        ]
        if len(amounts) != len(paid):
            return sum(self._minor(transaction.amount_set) for transaction in transactions)
        rate = self._minor(self._order.total_price_set) / _number(total.amount)
        return int((sum(amounts, Decimal(0)) * rate).to_integral_value(ROUND_HALF_UP))

    def _minor(self, bag: MoneyBag) -> int:
        money = bag.shop_money
        if money.currency_code != self._currency:
            raise UntranslatableError(f"it counts in {self._currency} and in {money.currency_code}")
        try:
            return parse_minor(money.amount, money.currency_code)
        except ValueError as error:
            raise UntranslatableError(str(error)) from None


def _moment(transaction: Transaction) -> datetime:
    return transaction.processed_at or transaction.created_at


def _number(text: str) -> Decimal:
    try:
        return parse_quantity(text)
    except ValueError as error:
        raise UntranslatableError(str(error)) from None


def _day(text: str) -> date | None:
    """Read a day as year, month, day; what is written any other way could be two days."""
    try:
        return date.fromisoformat(text.strip().replace("/", "-")[:10])
    except ValueError:
        return None


def _known(table: dict[str, _Status], told: str, what: str) -> _Status:
    if told not in table:
        raise UntranslatableError(f"its {what} status {told[:40]!r} is not known")
    return table[told]
