"""Classify: evidence, policy and the time in; one verdict with its reason out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from reconciler.domain.case import Case, Found
from reconciler.domain.evidence import Absence, Evidence
from reconciler.domain.orders import FulfillmentStatus, PosOrder, PosStatus
from reconciler.domain.policy import SAME_DAY_ALARM, Policy
from reconciler.domain.table import (
    BLOCK_B,
    BLOCK_C,
    BLOCK_D_CART,
    BLOCK_D_PROVEN,
    CANNOT_TELL,
    MISSING,
    ORPHAN,
    SYNC_DELAY,
    AtOnce,
    Grace,
    Rule,
)
from reconciler.domain.verdict import Classification, Severity, Verdict, Who

#: An unpaid order is looked at again after a share of its age, within these bounds.
RECHECK_FLOOR: Final = timedelta(minutes=5)
RECHECK_CEILING: Final = timedelta(days=1)
RECHECK_SHARE: Final = 4


@dataclass(frozen=True)
class _Judged:
    """The first rule that holds in a block, and the names of the later ones that hold too."""

    rule: Rule
    found: Found
    also: tuple[str, ...]


def classify(evidence: Evidence, policy: Policy, now: datetime) -> Verdict:
    """Return the one verdict on a cart order at ``now``."""
    case = Case(evidence, policy)
    if judged := _first(BLOCK_B, case):
        return _verdict(case, judged, now)
    if evidence.records:
        return _present(case, now)
    if judged := _first(BLOCK_D_CART, case):
        return _verdict(case, judged, now)
    return _absent(case, now)


def _present(case: Case, now: datetime) -> Verdict:
    judged = _first(BLOCK_C, case)
    if judged is None:
        return Verdict(classification=Classification.AGREED, rule="agreed")
    ends = judged.found.since + grace_of(judged.rule, case.policy)
    if now < ends:
        return Verdict(classification=Classification.AGREED, rule="agreed", check_at=ends)
    return _verdict(case, judged, now)


def _absent(case: Case, now: datetime) -> Verdict:
    in_grace = now < case.paid_at + case.policy.grace
    match case.evidence.absence:
        case Absence.INCOMPLETE:
            return _undecided(case)
        case Absence.NOT_COVERED if not in_grace:
            return _undecided(case)
        case Absence.NOT_COVERED:
            judged = None
        case Absence.PROVEN:
            judged = _first(BLOCK_D_PROVEN, case)
    if judged and not (in_grace and judged.rule.grace is Grace.G):
        return _verdict(case, judged, now)
    rule = SYNC_DELAY if in_grace else MISSING
    found = rule.holds(case)
    assert found is not None  # noqa: S101 - the last rule always holds; the property test proves it
    return _verdict(case, _Judged(rule, found, (judged.rule.id,) if judged else ()), now)


def _undecided(case: Case) -> Verdict:
    return Verdict(
        classification=Classification.CANNOT_TELL,
        rule=CANNOT_TELL.id,
        since=case.paid_at,
        facts={"absence": case.evidence.absence.value},
        who=CANNOT_TELL.who,
        resend=CANNOT_TELL.resend,
    )


def _first(rules: Iterable[Rule], case: Case) -> _Judged | None:
    held = [(rule, found) for rule in rules if (found := rule.holds(case)) is not None]
    if not held:
        return None
    rule, found = held[0]
    return _Judged(rule, found, tuple(later.id for later, _ in held[1:]))


def grace_of(rule: Rule, policy: Policy) -> timedelta:
    """Return how long the rule's disagreement may last unreported."""
    match rule.grace:
        case Grace.NONE:
            return timedelta()
        case Grace.G:
            return policy.grace
        case Grace.REGISTER:
            return Grace.REGISTER.value


def _verdict(case: Case, judged: _Judged, now: datetime) -> Verdict:
    rule, found = judged.rule, judged.found
    escalates_at = _escalates_at(case, judged, now)
    return Verdict(
        classification=rule.classification,
        rule=rule.id,
        cause=rule.cause,
        also=judged.also,
        since=found.since,
        facts=found.facts,
        sentence=fill(rule.sentence, found.facts),
        next_step=fill(rule.next_step, found.facts),
        who=rule.who,
        resend=rule.resend,
        severity=_severity(rule, escalates_at, now),
        escalates_at=escalates_at,
        check_at=_check_at(case, rule, escalates_at, now),
    )


def _severity(rule: Rule, escalates_at: datetime | None, now: datetime) -> Severity:
    if escalates_at is not None and escalates_at <= now:
        return Severity.URGENT
    return Severity.INFO if rule.who in {Who.NOBODY, Who.CUSTOMER} else Severity.NORMAL


def _escalates_at(case: Case, judged: _Judged, now: datetime) -> datetime | None:
    if judged.rule is SYNC_DELAY:
        return case.paid_at + SAME_DAY_ALARM if _due_within(case, now, days=0) else None
    escalation = judged.rule.escalation
    if any(_applies(circumstance, case, judged.found, now) for circumstance in escalation.at_once):
        return now
    if escalation.after is None:
        return None
    return judged.found.since + grace_of(judged.rule, case.policy) + escalation.after


def _applies(circumstance: AtOnce, case: Case, found: Found, now: datetime) -> bool:
    shipped = case.cart.fulfillment_status is FulfillmentStatus.FULFILLED or any(
        record.status in {PosStatus.SHIPPED, PosStatus.COMPLETED} for record in case.live
    )
    queue = case.evidence.queue
    match circumstance:
        case AtOnce.SAME_DAY:
            return _due_within(case, now, days=0)
        case AtOnce.DELIVERY_NEAR:
            return _due_within(case, now, days=1)
        case AtOnce.SHIPPED:
            return shipped
        case AtOnce.NOT_SHIPPED:
            return not shipped
        case AtOnce.LARGE:
            return bool(found.facts.get("over_alarm_share"))
        case AtOnce.RESENT:
            return queue is not None and queue.attempts > 0


def _due_within(case: Case, now: datetime, *, days: int) -> bool:
    due = case.cart.deliver_on
    return due is not None and (due - now.astimezone(ZoneInfo(case.policy.timezone)).date()).days <= days


def _check_at(case: Case, rule: Rule, escalates_at: datetime | None, now: datetime) -> datetime | None:
    """When to look again although nothing changed: a grace that ends, an alarm that falls due, a payment."""
    if rule is SYNC_DELAY:
        ends = case.paid_at + case.policy.grace
        return min(ends, escalates_at) if escalates_at and escalates_at > now else ends
    if rule.classification in {Classification.UNPAID, Classification.PARTLY_PAID}:
        age = now - case.cart.placed_at
        return now + min(max(age / RECHECK_SHARE, RECHECK_FLOOR), RECHECK_CEILING)
    if escalates_at and escalates_at > now:
        return escalates_at
    return None


def classify_orphan(record: PosOrder, total: str, now: datetime) -> Verdict:
    """Return the verdict on an online POS order that no cart order explains."""
    facts: dict[str, object] = {
        "pos_total": total,
        "reference": record.reference,
        "status": record.status,
        "created_at": record.created_at,
        "location": record.location,
    }
    return connection_verdict(ORPHAN, facts, since=record.created_at, now=now)


def connection_verdict(rule: Rule, facts: Mapping[str, object], *, since: datetime, now: datetime) -> Verdict:
    """Return the finding of a rule that is not about one cart order."""
    escalates_at = since + rule.escalation.after if rule.escalation.after is not None else None
    return Verdict(
        classification=rule.classification,
        rule=rule.id,
        cause=rule.cause,
        since=since,
        facts=facts,
        sentence=fill(rule.sentence, facts),
        next_step=fill(rule.next_step, facts),
        who=rule.who,
        resend=rule.resend,
        severity=_severity(rule, escalates_at, now),
        escalates_at=escalates_at,
    )


def fill(template: str, facts: Mapping[str, object]) -> str:
    """Put facts into a sentence; lists become comma-separated words."""
    return template.format_map({name: _plain(value) for name, value in facts.items()})


def _plain(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{count} x {key}" for key, count in value.items())
        case list() | tuple():
            return ", ".join(map(str, value)) or "no code given"
        case None:
            return "unknown"
        case _:
            return str(value)
