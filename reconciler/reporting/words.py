"""The report's vocabulary: what classes, parties, places and fates are called on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from reconciler.domain.money import format_minor
from reconciler.domain.queue import QueueStatus
from reconciler.domain.verdict import Classification, Severity, Who
from reconciler.ports.configuration import Side
from reconciler.ports.reports import Contribution, Fate, Group, Mending, MerchantReport, QueueState

C = Classification

CLASSES: Final[Mapping[Classification, str]] = MappingProxyType(
    {
        C.AGREED: "Agreed",
        C.AUTH_FAILURE: "No longer allowed to read",
        C.CANNOT_TELL: "Cannot be judged",
        C.EXCLUDED: "Not an order to fulfil",
        C.VOIDED_IN_POS: "Voided in the POS",
        C.DUPLICATE_IN_POS: "In the POS more than once",
        C.PLACEHOLDER_IN_POS: "Only an empty shell in the POS",
        C.REFUND_NOT_PROPAGATED: "Cancelled or refunded, still live in the POS",
        C.UNPAID_IN_POS: "Live in the POS, not paid",
        C.HIDDEN_IN_POS: "At another location in the POS",
        C.STALE_AFTER_EDIT: "Edited in the cart, old in the POS",
        C.INCOMPLETE_IN_POS: "Incomplete in the POS",
        C.AMOUNT_MISMATCH: "Amounts differ",
        C.NOT_ON_REGISTER: "Not fetched by a register",
        C.FULFILMENT_LAG: "Shipped, and the customer cannot see it",
        C.ORPHAN_IN_POS: "In the POS without a cart order",
        C.PAYMENT_CONFLICT: "Payment status contradicts the money",
        C.UNPAID: "Not paid yet",
        C.PARTLY_PAID: "Paid in part",
        C.CANCELLED_BEFORE_PUSH: "Cancelled before it was sent",
        C.STATUS_MISMATCH: "Outside the download rule",
        C.PROBABLE_REKEY: "Probably keyed in by hand",
        C.IN_DOUBT: "Sent, and no answer",
        C.UNMAPPED_SKU: "Article unknown to the POS",
        C.UNMAPPED_SHIPPING: "Delivery method unknown to the POS",
        C.UNMAPPED_PAYMENT: "Way of payment unknown to the POS",
        C.UNMAPPED_TAX: "Tax unknown to the POS",
        C.POS_ERROR: "Refused by the POS",
        C.STUCK: "Stuck in our queue",
        C.SYNC_DELAY: "On its way",
        C.MISSING: "Missing from the POS",
    }
)

#: Where the cause says more than the class.
CAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "brake": "Sending stopped: too many orders look missing",
        "menu_setup": "Refused by the POS: menu",
        "outage": "POS not reachable",
        "permissions": "Refused by the POS: permissions",
        "tax_setup": "Refused by the POS: taxes",
        "rejected": "Refused by the POS",
    }
)

PARTIES: Final[Mapping[Who, str]] = MappingProxyType(
    {
        Who.NOBODY: "Nobody",
        Who.CUSTOMER: "The customer",
        Who.STAFF: "Staff",
        Who.STORE: "The store",
        Who.MERCHANT: "The merchant",
        Who.MERCHANT_ADMIN: "The merchant’s administrator",
        Who.OPS: "Ops",
        Who.OPS_VENDOR: "Ops, then the POS vendor",
    }
)

URGENCY: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.URGENT: "Urgent",
        Severity.NORMAL: "Needs somebody",
        Severity.INFO: "Being repaired by itself",
    }
)

SIDES: Final[Mapping[Side, str]] = MappingProxyType({Side.CART: "cart", Side.POS: "POS"})

MENDINGS: Final[Mapping[Mending, str]] = MappingProxyType({how: how.value for how in Mending})

FATES: Final[Mapping[Fate, str]] = MappingProxyType(
    {
        Fate.AGREED: "Agreed or closed",
        Fate.REPAIRED: "Repaired by itself",
        Fate.WAITING: "Waiting",
        Fate.OPEN: "Needs somebody",
        Fate.URGENT: "Urgent",
    }
)

_QUEUE: Final[Mapping[QueueStatus, str]] = MappingProxyType(
    {
        QueueStatus.CREATED: "created",
        QueueStatus.PROCESSING: "processing",
        QueueStatus.SUCCESS: "success",
        QueueStatus.FAILED: "failed",
        QueueStatus.READY: "ready",
        QueueStatus.IN_DOUBT: "in doubt",
    }
)


def group_title(group: Group) -> str:
    """Name what is wrong with the orders of a group."""
    return CAUSES.get(group.cause or "", CLASSES[group.classification])


def rule_title(rule: str) -> str:
    """Name what a rule says, from its id; an id that no rule has stays as it is.

    >>> rule_title("C.amount_mismatch"), rule_title("D.pos_error.outage"), rule_title("D.new")
    ('Amounts differ', 'POS not reachable', 'D.new')
    """
    _, _, name = rule.partition(".")
    known = {member.value: title for member, title in CLASSES.items()}
    return CAUSES.get(name.rpartition(".")[2]) or known.get(name, rule)


def queue_text(queue: QueueState | None) -> str:
    """Say where an order stands in our queue."""
    if queue is None:
        return "not queued"
    parts = [_QUEUE[queue.status]]
    if queue.flagged:
        parts.append("waits for a person")
    if queue.attempts:
        parts.append(count_of(queue.attempts, "attempt"))
    return ", ".join(parts)


def count_of(count: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun.

    >>> count_of(1, "order"), count_of(12000, "order"), count_of(2, "entry", "entries")
    ('1 order', '12,000 orders', '2 entries')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def more_text(group: Group, merchant: str) -> str:
    """Say how many findings are not listed and where to see them; empty when all are."""
    left = group.count - len(group.findings)
    if left <= 0:
        return ""
    listing = f"reconciler mismatches list --merchant {merchant} --class {group.classification.value}"
    return f"and {left:,} more: {listing} --limit {group.count}"


def contribution_text(part: Contribution, currency: str) -> str:
    """Say what the orders of one class add to a day's difference."""
    known = {member.value: title for member, title in CLASSES.items()}
    name = known.get(part.reason, part.reason)
    return f"{name}: {money_text(part.minor, currency)} ({count_of(part.orders, 'order')})"


def money_text(minor: int, currency: str) -> str:
    """Write an amount for a column of a table, its currency being named elsewhere.

    >>> money_text(-123456789, "USD"), money_text(1234, "JPY")
    ('-1,234,567.89', '1,234')
    """
    whole, point, rest = format_minor(minor, currency).partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.lstrip('-')):,}{point}{rest}"


def headline(sections: Sequence[MerchantReport]) -> str:
    """Say in one line how things stand; calm only where everything was read and accounted for."""
    parts = (
        *_people(sum(one.urgent for one in sections), sum(one.needing for one in sections)),
        _some(sum(one.under_way for one in sections), "order", "being repaired by itself"),
        _some(sum(one.blocked for one in sections), "finding", "about connections"),
        _some(sum(one.unread for one in sections), "channel", "not read completely of late"),
        "" if all(one.accounted for one in sections) else "the accounts do not balance",
    )
    line = ", ".join(filter(None, parts)) or "nothing needs anybody"
    return line[0].upper() + line[1:]


def _people(urgent: int, needing: int) -> tuple[str, ...]:
    if urgent:
        return _need(urgent, "somebody now"), f"{needing:,} more can wait a little" if needing else ""
    return ("nothing is urgent", _need(needing, "somebody")) if needing else ()


def _need(orders: int, whom: str) -> str:
    return f"{count_of(orders, 'order')} need{'s' if orders == 1 else ''} {whom}"


def _some(count: int, noun: str, rest: str) -> str:
    return f"{count_of(count, noun)} {rest}" if count else ""


def worst(sections: Sequence[MerchantReport]) -> str:
    """Return how bad things are in one word: urgent, open or agreed."""
    if any(one.urgent for one in sections):
        return "urgent"
    quiet = all(not (one.needing or one.blocked or one.unread) and one.accounted for one in sections)
    return "agreed" if quiet else "open"


def common_step(group: Group) -> str:
    """Return the next step that all findings of a group share; empty where they differ."""
    steps = {finding.next_step for finding in group.findings}
    return steps.pop() if len(steps) == 1 else ""
