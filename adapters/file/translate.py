"""Rows into domain values: defaults, references, minor units, UTC."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET

from adapters.file.rows import CartRow, CustomerRow, LineRow, PosRow, ShipmentRow
from adapters.file.values import (
    BadRow,
    currency_of,
    day_or_none,
    flag,
    identity,
    minor,
    minor_or_none,
    moment,
    moment_or_none,
    needed,
    quantity,
    state,
    unit_price,
    word,
)
from reconciler.domain.orders import (
    CartOrder,
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    PosOrder,
    PosStatus,
    Shipment,
    Source,
    normalise_reference,
)

PAYMENTS: Final = {status.value: status for status in PaymentStatus}
FULFILLMENTS: Final = {status.value: status for status in FulfillmentStatus}
POS_STATUSES: Final = {status.value: status for status in PosStatus}
SOURCES: Final = {source.value: source for source in Source}
#: States in which money was taken: where the row does not say how much, it was all of it.
CAPTURED: Final = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})
NOBODY: Final = Customer()


def cart_order(row: CartRow) -> CartOrder:
    """Return the order that a cart's row tells; raise BadRow naming the key that is wrong."""
    currency = currency_of(needed(row.currency, "currency"))
    total = minor(needed(row.total, "total"), currency, "total")
    paid = state(needed(row.payment_status, "payment_status"), PAYMENTS, "payment_status")
    captured = _taken(row.captured, currency, "captured", total if paid in CAPTURED else 0)
    refunded = _taken(row.refunded, currency, "refunded", captured if paid is PaymentStatus.REFUNDED else 0)
    fulfilled = row.fulfillment_status
    return CartOrder(
        reference=identity(normalise_reference(needed(row.reference, "reference")), "reference"),
        placed_at=moment(needed(row.placed_at, "placed_at"), "placed_at"),
        currency=currency[0],
        total=total,
        payment_status=paid,
        captured=captured,
        refunded=refunded,
        updated_at=moment_or_none(row.updated_at, "updated_at"),
        paid_at=moment_or_none(row.paid_at, "paid_at"),
        tax=minor_or_none(row.tax, currency, "tax"),
        shipping=minor_or_none(row.shipping, currency, "shipping"),
        discount=minor_or_none(row.discount, currency, "discount"),
        tip=minor_or_none(row.tip, currency, "tip"),
        fulfillment_status=state(fulfilled, FULFILLMENTS, "fulfillment_status")
        if fulfilled
        else FulfillmentStatus.UNFULFILLED,
        cancelled_at=moment_or_none(row.cancelled_at, "cancelled_at"),
        edited_at=moment_or_none(row.edited_at, "edited_at"),
        archived=flag(row.archived, "archived"),
        test=flag(row.test, "test"),
        draft=flag(row.draft, "draft"),
        customer=_customer(row.customer),
        shipping_method=word(row.shipping_method),
        deliver_on=day_or_none(row.deliver_on, "deliver_on"),
        lines=_lines(row.lines) if row.lines else (),
        shipments=_shipments(row.shipments) if row.shipments else (),
    )


def pos_order(row: PosRow) -> PosOrder:
    """Return the record that a POS's row tells; raise BadRow naming the key that is wrong.

    A row that does not say where it came from is online when it carries a reference.
    """
    currency = currency_of(needed(row.currency, "currency"))
    reference = normalise_reference(row.reference) if row.reference else None
    received = row.received_at
    return PosOrder(
        pos_id=identity(needed(row.pos_id, "pos_id").strip(), "pos_id"),
        created_at=moment(needed(row.created_at, "created_at"), "created_at"),
        currency=currency[0],
        total=minor(needed(row.total, "total"), currency, "total"),
        reference=identity(reference, "reference") if reference else None,
        source=_source(row.source, reference),
        status=state(row.status, POS_STATUSES, "status") if row.status else PosStatus.OPEN,
        updated_at=moment_or_none(row.updated_at, "updated_at"),
        location=word(row.location),
        received_at=None if received is UNSET else moment_or_none(received, "received_at"),
        register_known=received is not UNSET,
        created_by=row.created_by or None,
        tax=minor_or_none(row.tax, currency, "tax"),
        shipping=minor_or_none(row.shipping, currency, "shipping"),
        discount=minor_or_none(row.discount, currency, "discount"),
        tip=minor_or_none(row.tip, currency, "tip"),
        customer=_customer(row.customer),
        lines=None if row.lines is None else _lines(row.lines),
        shipments=_shipments(row.shipments) if row.shipments else (),
    )


def _taken(text: str | None, currency: tuple[str, int], key: str, default: int) -> int:
    amount = minor(text, currency, key) if text else default
    if amount < 0 and text:
        raise BadRow(f"{key} is negative", text)
    return amount


def _source(text: str | None, reference: str | None) -> Source:
    if text:
        return state(text, SOURCES, "source")
    return Source.ONLINE if reference else Source.IN_STORE


def _customer(row: CustomerRow | None) -> Customer:
    return Customer(row.name or None, row.phone or None, row.email or None) if row else NOBODY


def _lines(rows: list[LineRow]) -> tuple[Line, ...]:
    return tuple([_line(row) for row in rows])


def _line(row: LineRow) -> Line:
    units = quantity(row.quantity, "a line's quantity")
    return Line(word(row.sku), row.name or None, units, unit_price(row.unit_price))


def _shipments(rows: list[ShipmentRow]) -> tuple[Shipment, ...]:
    return tuple([_shipment(row) for row in rows])


def _shipment(row: ShipmentRow) -> Shipment:
    shipped_at = moment_or_none(row.shipped_at, "a shipment's shipped_at")
    return Shipment(word(row.id), shipped_at, word(row.courier), word(row.tracking_id))
