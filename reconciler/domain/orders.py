"""Orders as both sides tell them: frozen snapshots, money in minor units, times aware and in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final


class PaymentStatus(StrEnum):
    """What the cart says of an order's payment."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    FAILED = "failed"
    EXPIRED = "expired"


#: The money came; part of it may have gone back.
PAID: Final = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED})
#: The money has not come, or will not.
NOT_PAID: Final = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.VOIDED, PaymentStatus.EXPIRED}
)


class FulfillmentStatus(StrEnum):
    """How far the cart says an order was handed over."""

    UNFULFILLED = "unfulfilled"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    ON_HOLD = "on_hold"


class PosStatus(StrEnum):
    """What the POS says of its record."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    READY = "ready"
    COMPLETED = "completed"
    SHIPPED = "shipped"
    VOIDED = "voided"
    ATTENTION_REQUIRED = "attention_required"


class Source(StrEnum):
    """Where a POS record came from."""

    ONLINE = "online"
    IN_STORE = "in_store"


@dataclass(frozen=True, slots=True)
class Customer:
    """Who ordered. Personal data: never in a log."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an order. ``unit_price`` is in major units and may be finer than the currency."""

    sku: str | None
    name: str | None
    quantity: Decimal
    unit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel."""

    id: str | None = None
    shipped_at: datetime | None = None
    courier: str | None = None
    tracking_id: str | None = None

    @property
    def traceable(self) -> bool:
        """Say whether a customer could follow it."""
        return bool(self.courier and self.tracking_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CartOrder:
    """The cart's snapshot of an order. ``reference`` is trimmed and without ``#``."""

    reference: str
    placed_at: datetime
    currency: str
    total: int
    payment_status: PaymentStatus
    captured: int
    refunded: int = 0
    updated_at: datetime | None = None
    paid_at: datetime | None = None
    tax: int | None = None
    shipping: int | None = None
    discount: int | None = None
    tip: int | None = None
    fulfillment_status: FulfillmentStatus = FulfillmentStatus.UNFULFILLED
    cancelled_at: datetime | None = None
    edited_at: datetime | None = None
    archived: bool = False
    test: bool = False
    draft: bool = False
    customer: Customer = field(default_factory=Customer)
    shipping_method: str | None = None
    deliver_on: date | None = None
    lines: tuple[Line, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    vendor_id: str | None = None

    @property
    def fully_refunded(self) -> bool:
        """Say whether all of the money went back."""
        if self.payment_status is PaymentStatus.REFUNDED:
            return True
        return self.refunded >= max(self.captured, self.total, 1)

    @property
    def dead(self) -> bool:
        """Say whether nobody is to prepare it any more: cancelled, or refunded in full."""
        return self.cancelled_at is not None or self.fully_refunded


@dataclass(frozen=True, slots=True, kw_only=True)
class PosOrder:
    """The POS's record of an order or a sale. ``lines`` is None where the POS does not tell them.

    ``register_known`` says whether the POS can tell when a register fetched a record at all;
    only then does an absent ``received_at`` mean that none has.
    """

    pos_id: str
    created_at: datetime
    currency: str
    total: int
    reference: str | None = None
    source: Source = Source.ONLINE
    status: PosStatus = PosStatus.OPEN
    updated_at: datetime | None = None
    location: str | None = None
    received_at: datetime | None = None
    register_known: bool = False
    created_by: str | None = None
    tax: int | None = None
    shipping: int | None = None
    discount: int | None = None
    tip: int | None = None
    customer: Customer = field(default_factory=Customer)
    lines: tuple[Line, ...] | None = None
    shipments: tuple[Shipment, ...] = ()


_EDIT_SUFFIX = re.compile(r"(.+?)(?:-E\d+)+\Z")


def normalise_reference(text: str) -> str:
    """Trim white space and the leading ``#`` with which shops decorate order numbers.

    >>> normalise_reference(" #1001 ")
    '1001'
    """
    return text.strip().removeprefix("#").strip()


def edit_family(reference: str) -> str:
    """Return the reference of the order that ``reference`` is an edit of, or ``reference`` itself.

    >>> edit_family("1001-E001"), edit_family("1001")
    ('1001', '1001')
    """
    match = _EDIT_SUFFIX.match(reference)
    return match[1] if match else reference


def cart_reference(pos_reference: str | None, prefix: str, siblings: Iterable[str] = ()) -> str | None:
    """Return which cart order of this channel a POS-side reference names; None when it names none of ours.

    ``siblings`` are the prefixes of the channels that share the POS; of several that fit the longest counts.

    >>> cart_reference("#RB-1001", "RB-"), cart_reference("1001", "RB-")
    ('1001', None)
    >>> cart_reference("RB-1001", "", ["RB-"]) is None
    True
    """
    reference = normalise_reference(pos_reference or "")
    nearer = (other for other in siblings if len(other) > len(prefix))
    if not reference.startswith(prefix) or reference.startswith(tuple(nearer)):
        return None
    return normalise_reference(reference.removeprefix(prefix)) or None
