"""An order as Shopify writes it: what `documents` asks for, checked for shape while it is read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

#: Shopify writes ISO 8601 with an offset; one without would be anybody's guess.
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Shape(msgspec.Struct, rename="camel"):
    """An object of the API. What was not asked for is ignored."""


class Money(Shape):
    """A decimal as text; how many digits it has means nothing."""

    amount: str
    currency_code: str


class MoneyBag(Shape):
    """The same amount in two currencies: the merchant counts in the shop's, the buyer pays in the other."""

    shop_money: Money
    presentment_money: Money | None = None


class Address(Shape):
    """Who gets it or pays it."""

    name: str | None = None
    phone: str | None = None


class ShippingLine(Shape):
    """How it is delivered."""

    title: str
    code: str | None = None


class Attribute(Shape):
    """A note that the shop's forms or apps attach."""

    key: str
    value: str | None = None


class Transaction(Shape):
    """One movement of money, or an attempt at one."""

    kind: str
    status: str
    amount_set: MoneyBag
    created_at: Moment
    processed_at: Moment | None = None


class PageInfo(Shape):
    """Whether a list goes on."""

    has_next_page: bool
    end_cursor: str | None = None


class RefundedItem(Shape):
    """The line of a refund."""

    id: str


class RefundLine(Shape):
    """Units of a line that went back."""

    quantity: int
    line_item: RefundedItem


class RefundLines(Shape):
    """The lines of a refund."""

    nodes: tuple[RefundLine, ...]
    page_info: PageInfo


class Refund(Shape):
    """Money or goods that went back."""

    refund_line_items: RefundLines
    created_at: Moment | None = None


class Tracking(Shape):
    """How a parcel can be followed."""

    company: str | None = None
    number: str | None = None


class Fulfillment(Shape):
    """One parcel, or one hand-over."""

    id: str
    status: str
    created_at: Moment
    tracking_info: tuple[Tracking, ...] = ()


class Agreement(Shape):
    """One change of what was agreed: the order itself, an edit, a refund, a return."""

    reason: str
    happened_at: Moment


class Agreements(Shape):
    """The latest changes."""

    nodes: tuple[Agreement, ...]


class LineItem(Shape):
    """One line. ``quantity`` counts what was ever ordered, ``current_quantity`` what is left of it."""

    id: str
    name: str
    quantity: int
    current_quantity: int
    original_unit_price_set: MoneyBag
    sku: str | None = None


class LineItems(Shape):
    """The lines, as far as they were read."""

    nodes: tuple[LineItem, ...]
    page_info: PageInfo


class Order(Shape):
    """An order. Amounts come twice: as agreed in all, and as they are now, after edits and returns."""

    id: str
    name: str
    created_at: Moment
    updated_at: Moment
    processed_at: Moment
    cancelled_at: Moment | None
    closed_at: Moment | None
    test: bool
    edited: bool
    display_financial_status: str | None
    display_fulfillment_status: str
    total_price_set: MoneyBag
    current_total_price_set: MoneyBag
    total_tax_set: MoneyBag | None
    current_total_tax_set: MoneyBag
    total_shipping_price_set: MoneyBag
    current_shipping_price_set: MoneyBag
    total_discounts_set: MoneyBag | None
    current_total_discounts_set: MoneyBag
    total_tip_received_set: MoneyBag
    transactions: tuple[Transaction, ...]
    refunds: tuple[Refund, ...]
    fulfillments: tuple[Fulfillment, ...]
    agreements: Agreements
    line_items: LineItems
    shipping_line: ShippingLine | None
    custom_attributes: tuple[Attribute, ...]
    phone: str | None = None
    email: str | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
