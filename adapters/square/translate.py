"""Square's orders in our words: status, money, lines, where they came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from adapters.square.payload import Details, Fulfillment, LineItem, Money, Order, UntranslatableError
from reconciler.domain.money import exponent, parse_quantity
from reconciler.domain.orders import (
    Customer,
    Line,
    PosOrder,
    PosStatus,
    Shipment,
    Source,
    normalise_reference,
)

#: The key under which our own orders carry the idempotency key that made them.
OURS: Final = "reconciler"
#: Minor units beyond this fit no database column together with a sum over them.
MAX_MINOR: Final = 10**17
#: Longer ones are no order numbers, and a database index has its limits.
MAX_KEY: Final = 200
#: States of an order that has been placed. A DRAFT is a basket.
STATES: Final = frozenset({"OPEN", "COMPLETED", "CANCELED"})
#: Refunds that took, or will take, money back.
REFUNDED: Final = frozenset({"PENDING", "APPROVED", "COMPLETED"})
#: How far each state of a fulfilment has got.
STAGES: Final = ("PROPOSED", "RESERVED", "PREPARED", "COMPLETED")
_STATUS: Final = (PosStatus.OPEN, PosStatus.IN_PROGRESS, PosStatus.READY)
#: A line without an article that is a delivery charge: some integrations write it so.
_DELIVERY: Final = re.compile(
    r"((local|standard|express|(same|next).day) )?(delivery|shipping|postage|courier)( (fee|charge|cost)s?)?",
    re.IGNORECASE,
)


def translate(order: Order, skus: Mapping[str, str], refunded: int = 0) -> PosOrder:
    """Return our record of an order; raise UntranslatableError when it tells too little.

    ``skus`` are SKUs by variation id; ``refunded`` is what its payments gave back in all.
    """
    if order.state not in STATES:
        raise UntranslatableError("its state is none that Square describes")
    total, currency = _total(order)
    goods, charges = _parted(order.line_items or ())
    source = source_of(order)
    return PosOrder(
        pos_id=_id(order),
        created_at=_moment(order.created_at, "created_at"),
        currency=currency,
        total=total - max(refunded, _returned(order)),
        reference=reference_of(order),
        source=source,
        status=_status(order, source),
        updated_at=_moment(order.updated_at, "updated_at") if order.updated_at else None,
        location=order.location_id or None,
        created_by=(order.source.name if order.source else None) or None,
        tax=_amount(order.total_tax_money),
        shipping=_shipping(order, charges),
        discount=_amount(order.total_discount_money),
        tip=_tip(order),
        customer=_customer(order.fulfillments or ()),
        lines=tuple(_line(item, skus, currency) for item in goods),
        shipments=_shipments(order.fulfillments or ()),
    )


def reference_of(order: Order) -> str | None:
    """Return the shop's number of an order. A ``ticket_name`` is a table or a first name, and no number."""
    return _key(normalise_reference(order.reference_id or ""), "reference_id")


def source_of(order: Order) -> Source:
    """Say where an order came from: Square's own till names no source, and gives no reference."""
    named = bool(order.source and order.source.name)
    return Source.ONLINE if named or order.reference_id else Source.IN_STORE


def amount_due(order: Order) -> int:
    """Return what is still to be paid. ``state`` stays OPEN however much was paid, so it says nothing."""
    if order.net_amount_due_money is not None:
        return _amount(order.net_amount_due_money) or 0
    paid = sum(_amount(tender.amount_money) or 0 for tender in order.tenders or ())
    return max(0, (_amount(order.total_money) or 0) - paid)


def is_half_made(order: Order) -> bool:
    """Say whether it is an order of ours whose payment never came: no till shows it yet."""
    return OURS in (order.metadata or {}) and order.state == "OPEN" and amount_due(order) > 0


def _status(order: Order, source: Source) -> PosStatus:
    if order.state == "CANCELED":
        return PosStatus.VOIDED
    wanted = [part for part in order.fulfillments or () if part.state not in {"CANCELED", "FAILED"}]
    if order.state == "COMPLETED":
        return _handed_over(wanted)
    if order.fulfillments and not wanted:
        failed = any(part.state == "FAILED" for part in order.fulfillments)
        return PosStatus.ATTENTION_REQUIRED if failed else PosStatus.VOIDED
    if source is Source.ONLINE and amount_due(order) > 0:
        # Square shows an order from outside on a till only once it is paid.
        return PosStatus.ATTENTION_REQUIRED
    stage = min((_stage(part) for part in wanted), default=0)
    return _STATUS[stage] if stage < len(_STATUS) else _handed_over(wanted)


def _stage(part: Fulfillment) -> int:
    return STAGES.index(part.state) if part.state in STAGES else 0


def _handed_over(parts: list[Fulfillment]) -> PosStatus:
    shipped = any(part.type == "SHIPMENT" for part in parts)
    return PosStatus.SHIPPED if shipped else PosStatus.COMPLETED


def _total(order: Order) -> tuple[int, str]:
    money = order.total_money
    if money is None or money.amount is None:
        raise UntranslatableError("total_money is missing")
    currency = money.currency or ""
    if len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        raise UntranslatableError("total_money has no currency of three letters")
    return _amount(money) or 0, currency


def _returned(order: Order) -> int:
    """Return what an order itself says went back; what an exchange took back belongs to another sale."""
    returns = order.returns or ()
    own = sum(
        _amount(part.return_amounts.total_money) or 0
        for part in returns
        if part.return_amounts and part.source_order_id == order.id
    )
    if any(part.source_order_id != order.id for part in returns):
        return own
    refunds = (refund for refund in order.refunds or () if refund.status in REFUNDED)
    return max(own, sum(_amount(refund.amount_money) or 0 for refund in refunds))


def _parted(items: Iterable[LineItem]) -> tuple[list[LineItem], list[LineItem]]:
    """Part the goods from delivery charges that stand among them."""
    goods: list[LineItem] = []
    charges: list[LineItem] = []
    for item in items:
        charge = not item.catalog_object_id and _DELIVERY.fullmatch((item.name or "").strip())
        (charges if charge else goods).append(item)
    return goods, charges


def _shipping(order: Order, charges: list[LineItem]) -> int:
    services = (
        _amount(charge.applied_money) or _amount(charge.amount_money) or 0
        for charge in order.service_charges or ()
        if charge.type != "AUTO_GRATUITY"
    )
    lines = (_amount(item.total_money) or _amount(item.base_price_money) or 0 for item in charges)
    return sum(services) + sum(lines)


def _tip(order: Order) -> int | None:
    gratuities = [
        _amount(charge.applied_money) or _amount(charge.amount_money) or 0
        for charge in order.service_charges or ()
        if charge.type == "AUTO_GRATUITY"
    ]
    tip = _amount(order.total_tip_money)
    return tip if not gratuities else (tip or 0) + sum(gratuities)


def _line(item: LineItem, skus: Mapping[str, str], currency: str) -> Line:
    sku = skus.get(item.catalog_object_id or "")
    return Line(sku, item.name or None, _quantity(item.quantity), _unit_price(item, currency))


def _quantity(text: str) -> Decimal:
    try:
        return parse_quantity(text)
    except ValueError:
        raise UntranslatableError("a line item's quantity is not a number") from None


def _unit_price(item: LineItem, currency: str) -> Decimal | None:
    """Return the price of one unit with its modifiers, in major units."""
    base = _amount(item.base_price_money)
    if base is None:
        return None
    extra = sum(
        (_amount(modifier.base_price_money) or 0) * _quantity(modifier.quantity or "1")
        for modifier in item.modifiers or ()
    )
    return (base + extra) / Decimal(10 ** exponent(currency))


def _customer(parts: Iterable[Fulfillment]) -> Customer:
    for part in parts:
        details = _details(part)
        who = details.recipient if details else None
        if who and (who.display_name or who.phone_number or who.email_address):
            return Customer(who.display_name or None, who.phone_number or None, who.email_address or None)
    return Customer()


def _details(part: Fulfillment) -> Details | None:
    return part.shipment_details or part.delivery_details or part.pickup_details


def _shipments(parts: Iterable[Fulfillment]) -> tuple[Shipment, ...]:
    return tuple(
        Shipment(
            id=part.uid or None,
            shipped_at=_moment(parcel.shipped_at, "shipped_at") if parcel.shipped_at else None,
            courier=parcel.carrier or None,
            tracking_id=parcel.tracking_number or None,
        )
        for part in parts
        if (parcel := part.shipment_details)
        and part.state not in {"CANCELED", "FAILED"}
        and (part.state == "COMPLETED" or parcel.shipped_at or parcel.tracking_number)
    )


def _amount(money: Money | None) -> int | None:
    if money is None or money.amount is None:
        return None
    if abs(money.amount) > MAX_MINOR:
        raise UntranslatableError("an amount is too large")
    return money.amount


def _id(order: Order) -> str:
    if (key := _key(order.id, "id")) is None:
        raise UntranslatableError("id is missing")
    return key


def _key(text: str, field: str) -> str | None:
    if len(text) > MAX_KEY or "\0" in text:
        raise UntranslatableError(f"{field} is no name that an order can have")
    return text or None


def _moment(text: str | None, field: str) -> datetime:
    if not text:
        raise UntranslatableError(f"{field} is missing")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UntranslatableError(f"{field} is not a time") from None
    if moment.tzinfo is None:
        raise UntranslatableError(f"{field} has no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise UntranslatableError(f"{field} is not a time") from None
