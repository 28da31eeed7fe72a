"""Block C: the POS has a record. Each function looks for one disagreement and says since when it holds."""

from __future__ import annotations

from reconciler.domain.case import PAID, Case, Found
from reconciler.domain.differences import amount_differences, is_strict_subset, lacking
from reconciler.domain.money import format_minor
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus
from reconciler.domain.policy import AMOUNT_ALARM_SHARE

UNPAID_LIVE = frozenset(
    {PaymentStatus.PENDING, PaymentStatus.FAILED, PaymentStatus.VOIDED, PaymentStatus.EXPIRED}
)


def voided_in_pos(case: Case) -> Found | None:
    """Paid and alive in the cart, and every POS record was voided."""
    if case.live or case.cancelled or case.cart.payment_status not in PAID:
        return None
    records = case.evidence.records
    since = max(record.updated_at or record.created_at for record in records)
    return Found(since, {"pos_ids": [record.pos_id for record in records]})


def duplicate_in_pos(case: Case) -> Found | None:
    """One reference on two or more live records, neither an edit family nor a split."""
    records = case.repeated()
    if not records:
        return None
    ordered = sorted(records, key=lambda record: (record.created_at, record.pos_id))
    facts: dict[str, object] = {
        "pos_ids": [record.pos_id for record in ordered],
        "count": len(ordered),
        "locations": sorted({record.location for record in ordered if record.location}),
    }
    return Found(ordered[1].created_at, facts)


def placeholder_in_pos(case: Case) -> Found | None:
    """A record without content: zero total with lines expected, or marked as needing attention."""
    if not case.live:
        return None
    flagged = [r.pos_id for r in case.current if r.status is PosStatus.ATTENTION_REQUIRED]
    expects_money = case.cart.total > 0 and not case.fully_refunded
    expects_lines = case.cart.total == 0 and case.pos_lines == {}
    empty = case.pos_total == 0 and bool(case.cart.lines) and (expects_money or expects_lines)
    if not (flagged or empty):
        return None
    facts: dict[str, object] = {
        "pos_ids": flagged or [r.pos_id for r in case.current],
        "attention_required": bool(flagged),
    }
    return Found(case.pos_created_at, facts | {"pos_total": case.money(case.pos_total)})


def refund_not_propagated(case: Case) -> Found | None:
    """Cancelled or refunded in the cart, and the live record does not show it."""
    if not case.live:
        return None
    cart = case.cart
    if case.cancelled:
        reflected = case.fully_refunded and case.pos_total == 0
    else:
        reflected = not cart.refunded or case.totals_agree(case.pos_total, cart.total - cart.refunded)
    if reflected:
        return None
    facts: dict[str, object] = {
        "cancelled_at": cart.cancelled_at,
        "refunded": case.money(cart.refunded),
        "pos_total": case.money(case.pos_total),
        "pos_ids": [record.pos_id for record in case.current],
        "change": "cancelled" if cart.cancelled_at else "refunded",
    }
    return Found(cart.cancelled_at or cart.updated_at or case.pos_created_at, facts)


def unpaid_in_pos(case: Case) -> Found | None:
    """A live record of an order whose payment did not come."""
    if not case.live or not case.cart.total or case.cart.payment_status not in UNPAID_LIVE:
        return None
    facts: dict[str, object] = {
        "payment_status": case.cart.payment_status,
        "captured": case.money(case.cart.captured),
        "pos_ids": [record.pos_id for record in case.current],
    }
    return Found(case.pos_created_at, facts)


def hidden_in_pos(case: Case) -> Found | None:
    """Every live record lies where the channel does not look."""
    if not case.live or any(case.in_view(record) for record in case.live):
        return None
    facts: dict[str, object] = {
        "locations": sorted({record.location or "" for record in case.live}),
        "expected_location": case.policy.location,
        "pos_ids": [record.pos_id for record in case.live],
    }
    return Found(case.pos_created_at, facts)


def stale_after_edit(case: Case) -> Found | None:
    """Edited in the cart after the record was made, and the record still shows the old order."""
    edited_at = case.cart.edited_at
    if not case.live or edited_at is None or edited_at <= case.pos_created_at:
        return None
    differs = []
    if case.pos_lines is not None and case.pos_lines != case.cart_lines:
        differs.append("lines")
    if not case.totals_agree(case.pos_total):
        differs.append("total")
    if case.pos_updated_at < edited_at:
        differs.append("not updated since")
    if not differs:
        return None
    facts: dict[str, object] = {
        "edited_at": edited_at,
        "pos_updated_at": case.pos_updated_at,
        "differs": differs,
    }
    return Found(edited_at, facts | _totals(case))


def incomplete_in_pos(case: Case) -> Found | None:
    """The record holds a strict part of the order's lines, and nothing was refunded."""
    if not case.live or case.cart.refunded or case.pos_lines is None:
        return None
    if not is_strict_subset(case.pos_lines, case.cart_lines):
        return None
    return Found(case.pos_created_at, {"lacking": lacking(case.pos_lines, case.cart_lines)} | _totals(case))


def amount_mismatch(case: Case) -> Found | None:
    """Totals differ beyond rounding."""
    if not case.live or (case.same_currency and case.totals_agree(case.pos_total)):
        return None
    if case.same_currency and case.cart.refunded and case.totals_agree(case.pos_total, _net(case)):
        return None
    facts: dict[str, object] = _totals(case)
    if case.same_currency:
        difference = case.pos_total - case.cart.total
        facts["difference"] = case.money(difference)
        facts["split"] = amount_differences(case.cart, case.current)
        facts["over_alarm_share"] = abs(difference) > AMOUNT_ALARM_SHARE * case.cart.total
    else:
        facts["split"] = {"fx": ", ".join(sorted({r.currency for r in case.current}))}
        facts["over_alarm_share"] = True
    return Found(case.pos_created_at, facts)


def not_on_register(case: Case) -> Found | None:
    """The POS platform has the order and no register has fetched it."""
    waiting = [r for r in case.current if r.register_known and r.received_at is None]
    if not waiting:
        return None
    facts: dict[str, object] = {"pos_ids": [r.pos_id for r in waiting], "location": waiting[0].location}
    return Found(min(r.created_at for r in waiting), facts)


def fulfilment_lag(case: Case) -> Found | None:
    """Shipped at the POS and not in the cart, or shipped so that nobody can follow the parcel."""
    if not case.live or any(record.status is not PosStatus.SHIPPED for record in case.current):
        return None
    parcels = [parcel for record in case.current for parcel in record.shipments]
    known = {parcel.id for parcel in parcels if parcel.traceable}
    lags = []
    if case.cart.fulfillment_status is not FulfillmentStatus.FULFILLED:
        lags.append("cart not fulfilled")
    if not parcels or not all(parcel.traceable for parcel in parcels):
        lags.append("no courier or tracking id")
    elif any(parcel.id in known and not parcel.traceable for parcel in case.cart.shipments):
        lags.append("tracking not in the cart")
    if not lags:
        return None
    shipped = [parcel.shipped_at for parcel in parcels if parcel.shipped_at]
    return Found(max(shipped, default=case.pos_updated_at), {"lags": lags, "parcels": len(parcels)})


def _net(case: Case) -> int:
    return case.cart.total - case.cart.refunded


def _totals(case: Case) -> dict[str, object]:
    currency = case.current[0].currency
    return {
        "cart_total": case.money(case.cart.total),
        "pos_total": f"{format_minor(case.pos_total, currency)} {currency}",
        "pos_ids": [record.pos_id for record in case.current],
    }
