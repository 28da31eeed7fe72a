"""Square's orders as they come over the wire, as far as we read them. Any field may be absent or null."""

from __future__ import annotations

import msgspec

from reconciler.domain.errors import MalformedError


class Money(msgspec.Struct):
    """An amount in the currency's smallest unit."""

    amount: int | None = None
    currency: str | None = None


class Modifier(msgspec.Struct):
    """A choice that goes with a line item: from the catalog, or free text."""

    name: str | None = None
    quantity: str | None = None
    base_price_money: Money | None = None


class LineItem(msgspec.Struct):
    """One position. ``catalog_object_id`` is a variation's; a custom amount has none."""

    quantity: str
    name: str | None = None
    catalog_object_id: str | None = None
    base_price_money: Money | None = None
    total_money: Money | None = None
    modifiers: list[Modifier] | None = None


class Recipient(msgspec.Struct):
    """Who gets the goods."""

    display_name: str | None = None
    phone_number: str | None = None
    email_address: str | None = None


class Details(msgspec.Struct):
    """How goods reach their recipient; only a shipment has the last three."""

    recipient: Recipient | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    shipped_at: str | None = None


class Fulfillment(msgspec.Struct):
    """What has been done to hand the goods over."""

    uid: str | None = None
    type: str | None = None
    state: str | None = None
    pickup_details: Details | None = None
    shipment_details: Details | None = None
    delivery_details: Details | None = None


class ServiceCharge(msgspec.Struct):
    """A charge beside the goods: shipping, packing, a gratuity."""

    name: str | None = None
    type: str | None = None
    amount_money: Money | None = None
    applied_money: Money | None = None


class Tender(msgspec.Struct):
    """A payment that was made for an order. ``id`` is the payment's, too."""

    id: str | None = None
    payment_id: str | None = None
    amount_money: Money | None = None


class Refund(msgspec.Struct):
    """Money that went back."""

    status: str | None = None
    amount_money: Money | None = None


class Amounts(msgspec.Struct):
    """A sum of a kind."""

    total_money: Money | None = None


class Return(msgspec.Struct):
    """Goods that came back, and of which sale they were."""

    source_order_id: str | None = None
    return_amounts: Amounts | None = None


class Source(msgspec.Struct):
    """What made the order; Square's own till leaves it empty or out."""

    name: str | None = None


class Order(msgspec.Struct):
    """An order, a sale at the till, or a return."""

    id: str
    location_id: str | None = None
    state: str | None = None
    version: int | None = None
    reference_id: str | None = None
    source: Source | None = None
    metadata: dict[str, str] | None = None
    created_at: str | None = None
    updated_at: str | None = None
    line_items: list[LineItem] | None = None
    service_charges: list[ServiceCharge] | None = None
    fulfillments: list[Fulfillment] | None = None
    tenders: list[Tender] | None = None
    refunds: list[Refund] | None = None
    returns: list[Return] | None = None
    total_money: Money | None = None
    total_tax_money: Money | None = None
    total_discount_money: Money | None = None
    total_tip_money: Money | None = None
    net_amount_due_money: Money | None = None

    @property
    def is_draft(self) -> bool:
        """Say whether it is a basket that nobody has ordered yet."""
        return self.state == "DRAFT"

    @property
    def is_pure_return(self) -> bool:
        """Say whether it only tells what came back from other sales."""
        return bool(self.returns) and not self.line_items

    @property
    def payment_ids(self) -> list[str]:
        """The payments made for it."""
        ids = (tender.payment_id or tender.id for tender in self.tenders or ())
        return [payment_id for payment_id in ids if payment_id]


class UntranslatableError(MalformedError):
    """An order that cannot be understood. The reason holds nothing of its content."""


def order_of(payload: object) -> Order:
    """Read one order of an answer; raise UntranslatableError naming the field that is wrong."""
    try:
        return msgspec.convert(payload, type=Order)
    except msgspec.ValidationError as error:
        raise UntranslatableError(f"not an order as Square describes it: {error}") from None


def raw_of(payload: object) -> str:
    """Return an order's payload as the JSON text that is kept. A database's text holds no NUL."""
    return msgspec.json.encode(payload).decode().replace("\\u0000", "\\ufffd")
