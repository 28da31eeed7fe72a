"""The facts a classification may use, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.domain.matching import TicketMatch
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.queue import QueueStatus


class Absence(StrEnum):
    """What the reads of the POS say about an order of which they show no record."""

    #: A complete read covers the time in which the record would have been made.
    PROVEN = "proven"
    #: The reads are complete but do not reach from the order's placing to its payment.
    NOT_COVERED = "not_covered"
    #: The last read failed or broke off.
    INCOMPLETE = "incomplete"


class FailureCause(StrEnum):
    """Why the POS did not take a submission, as its adapter understood the answer."""

    UNMAPPED_SKU = "unmapped_sku"
    UNMAPPED_SHIPPING = "unmapped_shipping"
    UNMAPPED_PAYMENT = "unmapped_payment"
    UNMAPPED_TAX = "unmapped_tax"
    MENU_SETUP = "menu_setup"
    OUTAGE = "outage"
    PERMISSIONS = "permissions"
    TAX_SETUP = "tax_setup"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the POS can take. None means that it does not tell, so nothing is held against an order."""

    skus: frozenset[str] | None = None
    shipping_methods: frozenset[str] | None = None
    #: Fingerprints of all that can be sold, and of the taxes as they are set up.
    menu: str | None = None
    taxes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """Where an order stands in our queue, and how its last attempt ended."""

    status: QueueStatus
    since: datetime
    #: Waits longer than the queue's patience, or its lease ran out; told by the database's clock.
    overdue: bool = False
    attempts: int = 0
    failure: FailureCause | None = None
    codes: tuple[str, ...] = ()
    vendor_words: str | None = None
    last_lookup_at: datetime | None = None
    #: The connection is paused, backing off or rate-limited: waiting is its doing, not a fault.
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One cart order and all that is known about its fate at the POS."""

    cart: CartOrder
    #: Every POS record of the reference's family, whatever its status or location.
    records: tuple[PosOrder, ...] = ()
    absence: Absence = Absence.PROVEN
    #: We read the order at least once while it was inside the download rule.
    seen_inside_rule: bool = False
    #: The earliest change under which we read the order as paid, for a cart that does not tell when it was.
    known_paid_at: datetime | None = None
    ticket: TicketMatch | None = None
    catalog: Catalog = Catalog()
    queue: QueueFacts | None = None
    #: When the order was handed to a POS that has not shown it since.
    handed_over_at: datetime | None = None
    #: How far the cart's clock is ahead of ours.
    cart_clock_offset: timedelta = timedelta()
