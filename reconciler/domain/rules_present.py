"""Block C: the POS has a record. Each function looks for one disagreement and says since when it holds."""

from __future__ import annotations

from reconciler.domain.case import Case, Found
from reconciler.domain.differences import amount_differences, is_strict_subset, lacking
from reconciler.domain.orders import NOT_PAID, FulfillmentStatus, PosStatus
from reconciler.domain.policy import AMOUNT_ALARM_SHARE


def voided_in_pos(case: Case) -> Found | None:
    """Paid and alive in the cart, and every POS record was voided.

    Cancelled or refunded in the cart and voided in the POS agrees; so does unpaid and voided.
    On a read that broke off nobody can tell: it may have missed the record that lives.
    """
    if case.live or case.cart.dead or not case.paid:
        return None
    records = case.records
    since = max(record.updated_at or record.created_at for record in records)
    return Found(since, {"pos_ids": [record.pos_id for record in records]})


def duplicate_in_pos(case: Case) -> Found | None:
    """Two or more live records carry one reference, wherever they are.

    An edit family (#1001 and #1001-E001) is no duplicate, nor is a split, whose parts add up to one order.
    """
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
    """A record without content: its total is zero though lines are expected, or it needs attention.

    An order that costs nothing is no placeholder as long as its lines are there.
    """
    if not case.live:
        return None
    flagged = [r.pos_id for r in case.current if r.status is PosStatus.ATTENTION_REQUIRED]
    expected = bool(case.cart.lines) and not case.cart.dead
    empty = expected and case.pos_total == 0 and (case.cart.total > 0 or case.pos_lines == {})
    if not (flagged or empty):
        return None
    facts: dict[str, object] = {
        "pos_ids": flagged or [r.pos_id for r in case.current],
        "attention_required": bool(flagged),
    }
    return Found(case.pos_created_at, facts | {"pos_total": case.pos_money})


def refund_not_propagated(case: Case) -> Found | None:
    """Cancelled in the cart, or refunded in full or in part, and the live record does not show it.

    A record shows a refund in part when its total is what is left of the order.
    """
    if not case.live:
        return None
    cart = case.cart
    if cart.dead:
        reflected = case.pos_total == 0 and (cart.fully_refunded or not case.pos_lines)
    else:
        # In another currency nobody can see a part of the total; that is an amount mismatch.
        reflected = not cart.refunded or case.refund_reflected or not case.same_currency
    if reflected:
        return None
    whole = "cancelled" if cart.cancelled_at else "refunded"
    facts: dict[str, object] = {
        "cancelled_at": cart.cancelled_at,
        "refunded": case.money(cart.refunded),
        "pos_total": case.pos_money,
        "pos_ids": [record.pos_id for record in case.current],
        "change": whole if cart.dead else "refunded in part",
    }
    return Found(cart.cancelled_at or cart.updated_at or case.pos_created_at, facts)


def unpaid_in_pos(case: Case) -> Found | None:
    """The record is live, and the cart's payment is pending, failed, voided or expired."""
    cart = case.cart
    if not case.live or not cart.total or cart.payment_status not in NOT_PAID:
        return None
    facts: dict[str, object] = {
        "payment_status": cart.payment_status,
        "captured": case.money(cart.captured),
        "pos_ids": [record.pos_id for record in case.current],
    }
    # It was paid once: the payment was lost when the cart last changed, not when the record was made.
    lost_at = cart.updated_at if cart.paid_at else None
    return Found(max(case.pos_created_at, lost_at or case.pos_created_at), facts)


def hidden_in_pos(case: Case) -> Found | None:
    """Every live record lies where the channel does not look, for example at another location."""
    if not case.live or any(case.in_view(record) for record in case.live):
        return None
    facts: dict[str, object] = {
        "locations": sorted({record.location for record in case.live if record.location}),
        "expected_location": case.policy.location,
        "pos_ids": [record.pos_id for record in case.live],
    }
    return Found(case.pos_created_at, facts)


def stale_after_edit(case: Case) -> Found | None:
    """Edited in the cart after the record was made, and the record still shows the old order.

    Its lines or total differ from the cart's, or it was not touched since the edit.
    """
    edited_at = case.cart.edited_at
    if not case.live or case.cart.dead or edited_at is None or edited_at <= case.pos_created_at:
        return None
    differs = []
    if not case.lines_reflected:
        differs.append("lines")
    if not case.total_reflected:
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
    """The record holds some of the order's lines and nothing else, and nothing was refunded."""
    if not case.live or case.cart.dead or case.cart.refunded or case.pos_lines is None:
        return None
    if not is_strict_subset(case.pos_lines, case.cart_lines):
        return None
    return Found(case.pos_created_at, {"lacking": lacking(case.pos_lines, case.cart_lines)} | _totals(case))


def amount_mismatch(case: Case) -> Found | None:
    """Totals differ by more than rounding, or the two sides count in different currencies.

    Rounding is one minor unit (one cent) a line, or what a till rounds to where small coins are gone.
    """
    if not case.live or case.cart.dead or case.total_reflected:
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
    """The POS platform has the order and no register has fetched it, where the POS can tell."""
    waiting = [r for r in case.current if r.register_known and r.received_at is None]
    if not waiting:
        return None
    facts: dict[str, object] = {"pos_ids": [r.pos_id for r in waiting], "location": waiting[0].location}
    return Found(min(r.created_at for r in waiting), facts)


def fulfilment_lag(case: Case) -> Found | None:
    """Shipped at the POS and not in the cart, or shipped without courier or tracking number.

    An order in several records is shipped when all of them are.
    """
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
    pos_ids = [record.pos_id for record in case.current]
    facts: dict[str, object] = {"lags": lags, "parcels": len(parcels), "pos_ids": pos_ids}
    return Found(max(shipped, default=case.pos_updated_at), facts)


def _totals(case: Case) -> dict[str, object]:
    return {
        "cart_total": case.money(case.cart.total),
        "pos_total": case.pos_money,
        "pos_ids": [record.pos_id for record in case.current],
    }
