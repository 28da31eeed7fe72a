"""The decision table: every rule in its order, its grace, its re-send, who acts, when it escalates.

Four blocks. A is about connections and is judged where they are read; B, C and D are about orders. Inside a
block the first rule that holds gives the class. A person who has never seen the rest of the code can read
the product's behaviour here; the numbers are in ``policy``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final

from reconciler.domain import rules_absent as absent
from reconciler.domain import rules_connection as connection
from reconciler.domain import rules_present as present
from reconciler.domain.case import Case, Found
from reconciler.domain.evidence import Absence
from reconciler.domain.policy import REGISTER_GRACE
from reconciler.domain.verdict import Classification, Resend, Who

C = Classification


class Grace(Enum):
    """How long a disagreement may exist before it is reported."""

    NONE = "none"
    #: The channel's G.
    G = "G"
    REGISTER = REGISTER_GRACE


class AtOnce(Enum):
    """Circumstances in which waiting is wrong."""

    SAME_DAY = "due today"
    SAME_DAY_ALARM = "due today, and paid 10 minutes ago"
    DELIVERY_NEAR = "due within a day"
    SHIPPED = "goods have left"
    NOT_SHIPPED = "goods can still be stopped"
    LARGE = "more than 1% of the total"
    RESENT = "the one re-send was spent"


@dataclass(frozen=True, slots=True)
class Escalation:
    """When a finding becomes urgent: ``after`` its grace, or at once under any of ``at_once``.

    ``graces`` counts in multiples of G, since how long nothing could be said hangs on the poll interval.
    """

    after: timedelta | None = None
    at_once: frozenset[AtOnce] = frozenset()
    graces: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. ``sentence`` is for the merchant's staff; both texts may use the facts by name."""

    classification: Classification
    block: str
    holds: Callable[[Case], Found | None]
    sentence: str
    next_step: str
    who: Who
    resend: Resend
    grace: Grace = Grace.NONE
    escalation: Escalation = Escalation()
    cause: str | None = None

    @property
    def id(self) -> str:
        """Name the rule in findings and logs."""
        return ".".join(filter(None, (self.block, self.classification, self.cause)))


def excluded(case: Case) -> Found | None:
    """A test, a draft, or an order with no lines and no total."""
    cart = case.cart
    reasons = [name for name in ("test", "draft") if getattr(cart, name)]
    if not cart.lines and not cart.total:
        reasons.append("no lines and no total")
    return Found(cart.placed_at, {"reason": ", ".join(reasons)}) if reasons else None


def _after(minutes: int | None = None, *at_once: AtOnce) -> Escalation:
    return Escalation(None if minutes is None else timedelta(minutes=minutes), frozenset(at_once))


DAY: Final = 24 * 60
AT_ONCE: Final = _after(0)

BLOCK_B: Final = (
    Rule(
        C.EXCLUDED, "B", excluded,
        "Not an order to fulfil: {reason}.",
        "Nothing to do.",
        Who.NOBODY, Resend.FORBIDDEN,
    ),
)  # fmt: skip

BLOCK_C: Final = (
    Rule(
        C.VOIDED_IN_POS, "C", present.voided_in_pos,
        "The customer paid, but the POS record was voided, so nobody is preparing this order.",
        "Find out why it was voided; then refund the customer, or send it again on purpose.",
        Who.OPS, Resend.FORBIDDEN, escalation=_after(None, AtOnce.SAME_DAY),
    ),
    Rule(
        C.DUPLICATE_IN_POS, "C", present.duplicate_in_pos,
        "The POS holds this order {count} times, so it may be prepared more than once.",
        "Void all but one of the POS records.",
        Who.OPS, Resend.FORBIDDEN, escalation=AT_ONCE,
    ),
    Rule(
        C.PLACEHOLDER_IN_POS, "C", present.placeholder_in_pos,
        "The POS has only an empty shell of this order ({pos_total}); its content did not arrive.",
        "Open the POS record and complete it from the cart's order.",
        Who.STAFF, Resend.FORBIDDEN, escalation=_after(30),
    ),
    Rule(
        C.REFUND_NOT_PROPAGATED, "C", present.refund_not_propagated,
        "The order was {change} in the cart, but the POS still shows {pos_total} as live.",
        "Void or correct the POS record before the goods go out.",
        Who.MERCHANT, Resend.FORBIDDEN, Grace.G, _after(None, AtOnce.NOT_SHIPPED),
    ),
    Rule(
        C.UNPAID_IN_POS, "C", present.unpaid_in_pos,
        "The POS treats this order as live, but the cart says its payment is {payment_status}.",
        "Check the payment; hold or void the POS record if it did not come.",
        Who.OPS, Resend.FORBIDDEN, Grace.G, _after(None, AtOnce.SHIPPED),
    ),
    Rule(
        C.HIDDEN_IN_POS, "C", present.hidden_in_pos,
        "The order is in the POS, but at a location this channel does not look at: {locations}.",
        "Move the record to {expected_location}, or widen the channel's filter.",
        Who.MERCHANT, Resend.FORBIDDEN, escalation=_after(30),
    ),
    Rule(
        C.STALE_AFTER_EDIT, "C", present.stale_after_edit,
        "The order was edited in the cart after the POS got it, and the POS still shows the old version.",
        "Bring the POS record up to date with the cart.",
        Who.OPS, Resend.FORBIDDEN, Grace.G, _after(None, AtOnce.SHIPPED),
    ),
    Rule(
        C.INCOMPLETE_IN_POS, "C", present.incomplete_in_pos,
        "The POS record lacks part of the order: {lacking}.",
        "Add the missing items to the POS record before it is prepared.",
        Who.OPS, Resend.FORBIDDEN, Grace.G, AT_ONCE,
    ),
    Rule(
        C.AMOUNT_MISMATCH, "C", present.amount_mismatch,
        "The customer's order is {cart_total}, the POS shows {pos_total}.",
        "Compare the two and correct the POS record; the difference is split in the evidence.",
        Who.OPS, Resend.FORBIDDEN, escalation=_after(None, AtOnce.LARGE),
    ),
    Rule(
        C.NOT_ON_REGISTER, "C", present.not_on_register,
        "The order reached the POS platform, but no register in the store has fetched it.",
        "In the store: check power, lock, internet and that the app is open; then sync or restart it.",
        Who.STORE, Resend.FORBIDDEN, Grace.REGISTER, _after(10),
    ),
    Rule(
        C.FULFILMENT_LAG, "C", present.fulfilment_lag,
        "The POS shows the order as shipped, but the customer cannot see it: {lags}.",
        "Mark the order as fulfilled in the cart, with courier and tracking number.",
        Who.MERCHANT, Resend.FORBIDDEN, Grace.G, _after(DAY),
    ),
)  # fmt: skip

#: Rules that speak of every record: a broken read may have missed the one that refutes them.
NEEDS_WHOLE_READ: Final = frozenset({C.VOIDED_IN_POS})

#: What the cart alone decides, whatever the POS says.
BLOCK_D_CART: Final = (
    Rule(
        C.PAYMENT_CONFLICT, "D", absent.payment_conflict,
        "The cart says this order's payment is {payment_status}, yet {captured} was captured.",
        "Compare with the payment provider and correct the order's payment status in the cart.",
        Who.OPS, Resend.NO, escalation=_after(15),
    ),
    Rule(
        C.UNPAID, "D", absent.unpaid,
        "The customer has not paid yet: {owed} owed, payment {payment_status}.",
        "Nothing to do until the payment comes.",
        Who.CUSTOMER, Resend.NO,
    ),
    Rule(
        C.PARTLY_PAID, "D", absent.partly_paid,
        "Only {captured} of the order was paid, {owed} is still owed.",
        "Collect the rest, or change the order to what was paid.",
        Who.MERCHANT, Resend.NO, escalation=_after(None, AtOnce.DELIVERY_NEAR),
    ),
)  # fmt: skip

#: What needs proof that the POS has no record.
BLOCK_D_PROVEN: Final = (
    Rule(
        C.CANCELLED_BEFORE_PUSH, "D", absent.cancelled_before_push,
        "The order was cancelled or refunded before it reached the POS.",
        "Nothing to do.",
        Who.NOBODY, Resend.FORBIDDEN,
    ),
    Rule(
        C.STATUS_MISMATCH, "D", absent.status_mismatch,
        "The order is paid, but its state ({state}) keeps the channel from taking it: the POS never got it.",
        "If it still has to be made: send it with Set Ready, or put its state right in the cart.",
        Who.MERCHANT, Resend.WHEN_CONFIRMED, Grace.G, _after(DAY),
    ),
    Rule(
        C.PROBABLE_REKEY, "D", absent.probable_rekey,
        "The POS lacks this order number, but ticket {pos_id} looks like it, keyed in by hand ({score}/100).",
        "Look at the ticket: if it is this order, adopt it; if not, set the order ready.",
        Who.OPS, Resend.WHEN_ANSWERED, escalation=_after(30),
    ),
    Rule(
        C.IN_DOUBT, "D", absent.in_doubt,
        "The order was sent to the POS, which has not said whether it took it.",
        "Wait while it is looked up; else look in the POS and adopt the order or set it ready.",
        Who.OPS, Resend.AFTER_LOOKUPS, escalation=_after(15),
    ),
    Rule(
        C.UNMAPPED_SKU, "D", absent.unmapped_sku,
        "The POS does not know these articles: {codes}.",
        "Add them to the POS catalog, or map them in the channel file.",
        Who.MERCHANT, Resend.WHEN_MAPPED, escalation=_after(DAY, AtOnce.DELIVERY_NEAR),
    ),
    Rule(
        C.UNMAPPED_SHIPPING, "D", absent.unmapped_shipping,
        "The POS does not know this delivery method: {codes}.",
        "Add it to the POS, or map it in the channel file.",
        Who.MERCHANT, Resend.WHEN_MAPPED, escalation=_after(DAY, AtOnce.DELIVERY_NEAR),
    ),
    Rule(
        C.UNMAPPED_PAYMENT, "D", absent.unmapped_payment,
        "The POS does not know this way of payment: {codes}.",
        "Set it up in the POS, or map it.",
        Who.MERCHANT, Resend.WHEN_MAPPED, escalation=_after(DAY, AtOnce.DELIVERY_NEAR),
    ),
    Rule(
        C.UNMAPPED_TAX, "D", absent.unmapped_tax,
        "The POS does not know this tax: {codes}.",
        "Set it up in the POS, or map it.",
        Who.MERCHANT, Resend.WHEN_MAPPED, escalation=_after(DAY, AtOnce.DELIVERY_NEAR),
    ),
    Rule(
        C.POS_ERROR, "D", absent.menu_setup,
        "The POS refused the order because of its menu: {codes}.",
        "Import the menu again and correct the item, variation or modifier.",
        Who.MERCHANT, Resend.AFTER_MENU_IMPORT, escalation=_after(None, AtOnce.RESENT), cause="menu_setup",
    ),
    Rule(
        C.POS_ERROR, "D", absent.outage,
        "The POS cannot be reached, so the order waits.",
        "Wait; if it lasts, call the POS vendor.",
        Who.OPS_VENDOR, Resend.WHEN_CANARY_PASSES, escalation=_after(15), cause="outage",
    ),
    Rule(
        C.POS_ERROR, "D", absent.permissions,
        "The POS account that we use may not create orders.",
        "Re-authorise the connection with the right to create orders.",
        Who.MERCHANT_ADMIN, Resend.WHEN_REAUTHORISED, escalation=AT_ONCE, cause="permissions",
    ),
    Rule(
        C.POS_ERROR, "D", absent.tax_setup,
        "The POS refuses the order's taxes as they are set up there.",
        "Correct the tax set-up in the POS, then set the order ready.",
        Who.MERCHANT, Resend.WHEN_FACT_CHANGES, escalation=_after(DAY, AtOnce.SAME_DAY), cause="tax_setup",
    ),
    Rule(
        C.POS_ERROR, "D", absent.rejected,
        "The POS refused the order: {codes}.",
        "Key it in by hand as paid, or put right what the POS names.",
        Who.OPS, Resend.WHEN_FACT_CHANGES, escalation=_after(DAY, AtOnce.SAME_DAY), cause="rejected",
    ),
    Rule(
        C.STUCK, "D", absent.stuck,
        "Our own queue has not moved this order: it is still {status}.",
        "Check that workers are running: reconciler doctor.",
        Who.OPS, Resend.AFTER_LOOKUPS, escalation=_after(2),
    ),
)  # fmt: skip

SYNC_DELAY: Final = Rule(
    C.SYNC_DELAY, "D", absent.on_its_way,
    "The order was paid a short while ago and is still on its way to the POS.",
    "Wait.",
    Who.NOBODY, Resend.WAIT, Grace.G, _after(None, AtOnce.SAME_DAY_ALARM),
)  # fmt: skip

#: The last rule: what is paid, proven absent and explained by nothing else.
MISSING: Final = Rule(
    C.MISSING, "D", absent.missing,
    "The order is paid ({total}) and the POS does not have it.",
    "It is sent once by itself where that is safe; otherwise key it in, or set it ready.",
    Who.OPS, Resend.ONCE, Grace.G, _after(30, AtOnce.RESENT, AtOnce.SAME_DAY_ALARM),
)  # fmt: skip

#: Block A. Judged by the services that read; one finding a connection.
AUTH_FAILURE: Final = Rule(
    C.AUTH_FAILURE, "A", connection.auth_failure,
    "We are no longer allowed to read {connection}: {reason}.",
    "An administrator of the merchant has to authorise the connection again.",
    Who.MERCHANT_ADMIN, Resend.NO, escalation=AT_ONCE,
)  # fmt: skip
CANNOT_TELL: Final = Rule(
    C.CANNOT_TELL, "A", connection.cannot_tell,
    "{connection} could not be read completely ({reason}); orders that cannot be judged: {orders}.",
    "It is read again by itself; if it lasts, check the source named here.",
    Who.OPS, Resend.NO, escalation=Escalation(graces=2),
)  # fmt: skip
#: What is said of one order that such a read leaves undecided.
UNDECIDED: Final = {
    Absence.INCOMPLETE: "The POS could not be read completely, so nobody can say whether it has this order.",
    Absence.NOT_COVERED: "The POS was not read for the time of this order, so its absence proves nothing.",
    Absence.PROVEN: "",
}
BRAKE: Final = Rule(
    C.CANNOT_TELL, "A", connection.brake,
    "{orders} orders look missing at once, more than the {limit} that can be believed; nothing was sent.",
    "Check that the POS read is right; then release orders with Set Ready.",
    Who.OPS, Resend.NO, escalation=AT_ONCE, cause="brake",
)  # fmt: skip
#: Judged from the POS side, on sweeps.
ORPHAN: Final = Rule(
    C.ORPHAN_IN_POS, "C", connection.orphan_in_pos,
    "The POS has an online order ({pos_total}) that no cart order explains.",
    "Find out where it came from; void it if nobody ordered it.",
    Who.OPS, Resend.NO,
)  # fmt: skip

ORDER_RULES: Final = (*BLOCK_B, *BLOCK_C, *BLOCK_D_CART, *BLOCK_D_PROVEN, SYNC_DELAY, MISSING)
CONNECTION_RULES: Final = (AUTH_FAILURE, CANNOT_TELL, BRAKE)
ALL_RULES: Final = (*CONNECTION_RULES, *ORDER_RULES, ORPHAN)
