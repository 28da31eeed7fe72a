"""Block D: the POS has no record. Each function looks for one explanation and says since when it holds."""

from __future__ import annotations

from reconciler.domain.case import Case, Found
from reconciler.domain.evidence import FailureCause, QueueFacts
from reconciler.domain.orders import NOT_PAID, PaymentStatus
from reconciler.domain.queue import OPEN, QueueStatus

#: What a cart says of an order whose money it does not yet, or not wholly, have.
CAPTURE_OPEN = frozenset({PaymentStatus.AUTHORIZED, PaymentStatus.PARTIALLY_PAID})


def payment_conflict(case: Case) -> Found | None:
    """The cart's status says that nothing was paid, its payment record says that something was."""
    cart = case.cart
    held = cart.captured - cart.refunded
    in_full = cart.payment_status in CAPTURE_OPEN and held >= cart.total
    if held <= 0 or not (cart.payment_status in NOT_PAID or in_full):
        return None
    facts: dict[str, object] = {"payment_status": cart.payment_status, "captured": case.money(cart.captured)}
    return Found(cart.paid_at or cart.placed_at, facts)


def unpaid(case: Case) -> Found | None:
    """Something is owed and nothing was captured: pending, authorized, failed, expired or voided."""
    cart = case.cart
    waits = cart.payment_status in NOT_PAID or cart.payment_status is PaymentStatus.AUTHORIZED
    if not waits or not case.owed or cart.captured > 0:
        return None
    return Found(cart.placed_at, {"payment_status": cart.payment_status, "owed": case.money(case.owed)})


def partly_paid(case: Case) -> Found | None:
    """Less was captured than the total."""
    cart = case.cart
    if cart.payment_status is PaymentStatus.REFUNDED or not case.owed:
        return None
    # Nobody can refund what was not captured: there, no capture told means that the cart does not tell.
    if cart.payment_status is PaymentStatus.PARTIALLY_REFUNDED and not cart.captured:
        return None
    facts: dict[str, object] = {
        "payment_status": cart.payment_status,
        "captured": case.money(cart.captured),
        "owed": case.money(case.owed),
    }
    return Found(cart.paid_at or cart.placed_at, facts)


def cancelled_before_push(case: Case) -> Found | None:
    """Cancelled, or refunded in full, and never in the POS."""
    cart = case.cart
    if not cart.dead:
        return None
    facts: dict[str, object] = {"cancelled_at": cart.cancelled_at, "refunded": case.money(cart.refunded)}
    return Found(cart.cancelled_at or cart.updated_at or cart.placed_at, facts)


def status_mismatch(case: Case) -> Found | None:
    """Paid, but its payment, fulfilment or archived state is outside the channel's download rule.

    It had left the rule before our first covering read; an archived order is always outside.
    """
    cart = case.cart
    if case.inside_download_rule or case.evidence.seen_inside_rule:
        return None
    facts: dict[str, object] = {
        "payment_status": cart.payment_status,
        "fulfillment_status": cart.fulfillment_status,
        "archived": cart.archived,
        "state": ", ".join(
            [f"payment {cart.payment_status}", f"fulfilment {cart.fulfillment_status}"]
            + ["archived"] * cart.archived
        ),
    }
    return Found(case.paid_at, facts)


def probable_rekey(case: Case) -> Found | None:
    """A POS ticket without an order number looks like this order, keyed in by hand.

    Its total is the same, and at least two of name, phone, time and lines agree, name or phone among them.
    """
    ticket = case.evidence.ticket
    if ticket is None:
        return None
    facts: dict[str, object] = {
        "pos_id": ticket.pos_id,
        "score": ticket.score,
        "agrees": list(ticket.agrees),
        "differs": list(ticket.differs),
        "keyed_at": ticket.created_at,
    }
    return Found(ticket.created_at, facts)


def in_doubt(case: Case) -> Found | None:
    """Bytes were sent and no definite answer came."""
    queue = case.evidence.queue
    if queue is not None and queue.status is QueueStatus.IN_DOUBT:
        facts = {"since": queue.since, "attempts": queue.attempts, "last_lookup_at": queue.last_lookup_at}
        return Found(queue.since, facts)
    handed_over_at = case.evidence.handed_over_at
    if handed_over_at is not None and (queue is None or queue.status is not QueueStatus.FAILED):
        return Found(handed_over_at, {"handed_over_at": handed_over_at, "last_lookup_at": None})
    return None


def unmapped_sku(case: Case) -> Found | None:
    """An article of the order is not in the POS catalog and not mapped to one that is."""
    catalog, mapping = case.evidence.catalog.skus, case.policy.sku_map
    codes: list[str] = []
    if catalog is not None:
        for line in case.cart.lines:
            if not line.sku:
                codes.append(f"(no SKU) {line.name or ''}".strip())
            elif line.sku not in catalog and mapping.get(line.sku) not in catalog:
                codes.append(line.sku)
    return _unmapped(case, FailureCause.UNMAPPED_SKU, codes)


def unmapped_shipping(case: Case) -> Found | None:
    """The order's delivery method means nothing to the POS.

    What it is mapped to is taken at the merchant's word: catalogs list names, and tills go by codes (DEL).
    """
    catalog, method = case.evidence.catalog.shipping_methods, case.cart.shipping_method
    known = catalog is None or method in catalog or method in case.policy.shipping_map
    return _unmapped(case, FailureCause.UNMAPPED_SHIPPING, [] if known or not method else [method])


def unmapped_payment(case: Case) -> Found | None:
    """The POS named the payment method as unknown."""
    return _unmapped(case, FailureCause.UNMAPPED_PAYMENT, [])


def unmapped_tax(case: Case) -> Found | None:
    """The POS named a tax as unknown."""
    return _unmapped(case, FailureCause.UNMAPPED_TAX, [])


def _unmapped(case: Case, cause: FailureCause, codes: list[str]) -> Found | None:
    if codes:
        return Found(case.paid_at, {"codes": sorted(set(codes))})
    queue = _failed(case, cause)
    return Found(queue.since, {"codes": list(queue.codes)} | _words(queue)) if queue else None


def menu_setup(case: Case) -> Found | None:
    """The POS says that an item, variation or modifier is unknown or in conflict."""
    return _refused(case, FailureCause.MENU_SETUP)


def outage(case: Case) -> Found | None:
    """The POS could not be reached, or asked to be left alone."""
    return _refused(case, FailureCause.OUTAGE)


def permissions(case: Case) -> Found | None:
    """The POS refuses this one action to credentials that are otherwise good."""
    return _refused(case, FailureCause.PERMISSIONS)


def tax_setup(case: Case) -> Found | None:
    """The POS refuses the taxes."""
    return _refused(case, FailureCause.TAX_SETUP)


def rejected(case: Case) -> Found | None:
    """Any other definite refusal."""
    return _refused(case, FailureCause.REJECTED)


def stuck(case: Case) -> Found | None:
    """Our own queue does not move the order, and no pause of its connection explains why."""
    queue = case.evidence.queue
    if queue is None or queue.held or not queue.overdue or queue.status not in OPEN:
        return None
    return Found(queue.since, {"status": queue.status, "attempts": queue.attempts})


def on_its_way(case: Case) -> Found:
    """Paid less than G ago and not in the POS yet, and no fault is known."""
    return _paid(case)


def missing(case: Case) -> Found:
    """Paid, proven absent by covering reads after G, and no other rule holds."""
    return _paid(case)


def _paid(case: Case) -> Found:
    cart = case.cart
    queue = case.evidence.queue
    facts: dict[str, object] = {"paid_at": case.paid_at, "total": case.money(cart.total)}
    if queue is not None:
        facts |= {"queue": queue.status, "attempts": queue.attempts}
    if cart.deliver_on:
        facts["deliver_on"] = cart.deliver_on
    return Found(case.paid_at, facts)


def _failed(case: Case, cause: FailureCause) -> QueueFacts | None:
    queue = case.evidence.queue
    if queue is None or queue.failure is not cause or queue.status is QueueStatus.SUCCESS:
        return None
    return queue


def _refused(case: Case, cause: FailureCause) -> Found | None:
    queue = _failed(case, cause)
    if queue is None:
        return None
    return Found(queue.since, {"codes": list(queue.codes), "attempts": queue.attempts} | _words(queue))


def _words(queue: QueueFacts) -> dict[str, object]:
    return {"vendor_words": queue.vendor_words} if queue.vendor_words else {}
