"""What a classification says: the class, why, since when, and what a person should do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class Classification(StrEnum):
    """Every class of the decision table, in its order."""

    AGREED = "agreed"
    AUTH_FAILURE = "auth_failure"
    CANNOT_TELL = "cannot_tell"
    EXCLUDED = "excluded"
    VOIDED_IN_POS = "voided_in_pos"
    DUPLICATE_IN_POS = "duplicate_in_pos"
    PLACEHOLDER_IN_POS = "placeholder_in_pos"
    REFUND_NOT_PROPAGATED = "refund_not_propagated"
    UNPAID_IN_POS = "unpaid_in_pos"
    HIDDEN_IN_POS = "hidden_in_pos"
    STALE_AFTER_EDIT = "stale_after_edit"
    INCOMPLETE_IN_POS = "incomplete_in_pos"
    AMOUNT_MISMATCH = "amount_mismatch"
    NOT_ON_REGISTER = "not_on_register"
    FULFILMENT_LAG = "fulfilment_lag"
    ORPHAN_IN_POS = "orphan_in_pos"
    PAYMENT_CONFLICT = "payment_conflict"
    UNPAID = "unpaid"
    PARTLY_PAID = "partly_paid"
    CANCELLED_BEFORE_PUSH = "cancelled_before_push"
    STATUS_MISMATCH = "status_mismatch"
    PROBABLE_REKEY = "probable_rekey"
    IN_DOUBT = "in_doubt"
    UNMAPPED_SKU = "unmapped_sku"
    UNMAPPED_SHIPPING = "unmapped_shipping"
    UNMAPPED_PAYMENT = "unmapped_payment"
    UNMAPPED_TAX = "unmapped_tax"
    POS_ERROR = "pos_error"
    STUCK = "stuck"
    SYNC_DELAY = "sync_delay"
    MISSING = "missing"


class Resend(StrEnum):
    """What the table allows our queue to do about a class, by itself."""

    FORBIDDEN = "forbidden"
    NO = "no"
    WAIT = "wait"
    ONCE = "once"
    WHEN_MAPPED = "once, when the mapping changed"
    AFTER_MENU_IMPORT = "once, after a menu import"
    WHEN_CANARY_PASSES = "when a canary passes"
    WHEN_REAUTHORISED = "when re-authorised"
    WHEN_FACT_CHANGES = "only if the fact changed"
    WHEN_CONFIRMED = "once an admin confirms"
    WHEN_ANSWERED = "blocked until a person answers"
    AFTER_LOOKUPS = "after look-ups, where the POS dedupes by key"


class Who(StrEnum):
    """Who takes the next step."""

    NOBODY = "nobody"
    CUSTOMER = "customer"
    STAFF = "staff"
    STORE = "store"
    MERCHANT = "merchant"
    MERCHANT_ADMIN = "merchant admin"
    OPS = "ops"
    OPS_VENDOR = "ops, then the POS vendor"


class Severity(StrEnum):
    """How soon somebody has to act."""

    INFO = "info"
    NORMAL = "normal"
    URGENT = "urgent"


#: Whether money came decides these, and many carts move no stamp when it does.
AWAITS_PAYMENT: Final = frozenset(
    {
        Classification.UNPAID,
        Classification.PARTLY_PAID,
        Classification.PAYMENT_CONFLICT,
        Classification.UNPAID_IN_POS,
    }
)
#: Facts that move while all stays as it was: how often something was tried or looked up, how many orders wait
#: for it. They are shown, and are no new evidence.
PASSING: Final = frozenset(
    {"attempts", "last_lookup_at", "orders", "references", "limit", "read_from", "read_to"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One order's class with everything a person needs to act on it.

    ``check_at`` is when a second look is due although nothing changed; None when only a change matters.
    """

    classification: Classification
    rule: str
    cause: str | None = None
    also: tuple[str, ...] = ()
    since: datetime | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    sentence: str = ""
    next_step: str = ""
    who: Who = Who.NOBODY
    resend: Resend = Resend.NO
    severity: Severity = Severity.INFO
    escalates_at: datetime | None = None
    check_at: datetime | None = None

    @property
    def agreed(self) -> bool:
        """Say whether there is nothing to report."""
        return self.classification is Classification.AGREED
