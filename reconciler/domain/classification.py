"""Classify: evidence, policy and the time in; one verdict with its reason out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from reconciler.domain.case import Case, Found
from reconciler.domain.evidence import Absence, Evidence
from reconciler.domain.orders import FulfillmentStatus, PosOrder, PosStatus
from reconciler.domain.policy import RECHECK_CEILING, RECHECK_FLOOR, RECHECK_SHARE, SAME_DAY_ALARM, Policy
from reconciler.domain.rules_absent import missing, on_its_way
from reconciler.domain.table import (
    BLOCK_B,
    BLOCK_C,
    BLOCK_D_CART,
    BLOCK_D_PROVEN,
    CANNOT_TELL,
    MISSING,
    NEEDS_WHOLE_READ,
    ORPHAN,
    SYNC_DELAY,
    UNDECIDED,
    AtOnce,
    Grace,
    Rule,
)
from reconciler.domain.verdict import AWAITS_PAYMENT, Classification, Severity, Verdict, Who


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
    if case.evidence.absence is Absence.INCOMPLETE and judged.rule.classification in NEEDS_WHOLE_READ:
        return _undecided(case)
    ends = judged.found.since + grace_of(judged.rule, case.policy)
    if now < ends:
        return Verdict(classification=Classification.AGREED, rule="agreed", check_at=ends)
    return _verdict(case, judged, now)


def _absent(case: Case, now: datetime) -> Verdict:
    in_grace = now < case.paid_at + case.policy.grace
    absence = case.evidence.absence
    awaited = in_grace and not case.cart.dead
    if absence is Absence.INCOMPLETE or (absence is Absence.NOT_COVERED and not awaited):
        return _undecided(case)
    judged = _first(BLOCK_D_PROVEN, case) if absence is Absence.PROVEN else None
    if judged and not (in_grace and judged.rule.grace is Grace.G):
        return _verdict(case, judged, now)
    last = SYNC_DELAY if in_grace else MISSING
    found = on_its_way(case) if in_grace else missing(case)
    return _verdict(case, _Judged(last, found, _ids(judged)), now)


def _undecided(case: Case) -> Verdict:
    absence = case.evidence.absence
    return Verdict(
        classification=Classification.CANNOT_TELL,
        rule=CANNOT_TELL.id,
        since=case.paid_at,
        facts={"absence": absence.value},
        sentence=UNDECIDED[absence],
        next_step="It is judged again after the next good read of the POS.",
        who=CANNOT_TELL.who,
        resend=CANNOT_TELL.resend,
    )


def _ids(judged: _Judged | None) -> tuple[str, ...]:
    return (judged.rule.id, *judged.also) if judged else ()


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
    """Return when the finding is or becomes urgent: the first moment at which one of the reasons holds."""
    escalation = judged.rule.escalation
    reported = judged.found.since + grace_of(judged.rule, case.policy)
    moments = [_moment(circumstance, case, judged.found, now) for circumstance in escalation.at_once]
    starts = [max(moment, min(reported, now)) for moment in moments if moment is not None]
    if escalation.after is not None:
        starts.append(reported + escalation.after)
    return min(starts, default=None)


def _moment(circumstance: AtOnce, case: Case, found: Found, now: datetime) -> datetime | None:
    """Return from when on a circumstance holds; None where time alone will not bring it about."""
    match circumstance:
        case AtOnce.SAME_DAY:
            return _day_before(case, now, days=0)
        case AtOnce.SAME_DAY_ALARM:
            day = _day_before(case, now, days=0)
            return day and max(day, case.paid_at + SAME_DAY_ALARM)
        case AtOnce.DELIVERY_NEAR:
            return _day_before(case, now, days=1)
        case _:
            return found.since if _applies(circumstance, case, found) else None


def _applies(circumstance: AtOnce, case: Case, found: Found) -> bool:
    shipped = case.cart.fulfillment_status is FulfillmentStatus.FULFILLED or any(
        record.status in {PosStatus.SHIPPED, PosStatus.COMPLETED} for record in case.live
    )
    queue = case.evidence.queue
    match circumstance:
        case AtOnce.SHIPPED:
            return shipped
        case AtOnce.NOT_SHIPPED:
            return not shipped
        case AtOnce.LARGE:
            return bool(found.facts.get("over_alarm_share"))
        case AtOnce.RESENT:
            return queue is not None and queue.attempts > 0
        case _:
            return False


def _day_before(case: Case, now: datetime, *, days: int) -> datetime | None:
    """Return when the day begins, at the merchant's, that lies ``days`` before the delivery day."""
    due, zone = case.cart.deliver_on, ZoneInfo(case.policy.timezone)
    if due is None:
        return None
    # However long overdue (the year 1 is a slip of the keyboard), what counts is that it is.
    overdue = now.astimezone(zone).date() - timedelta(days=366)
    day = max(due, overdue) - timedelta(days=days)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _check_at(case: Case, rule: Rule, escalates_at: datetime | None, now: datetime) -> datetime | None:
    """When to look again although nothing changed: a grace that ends, an alarm that falls due, a payment."""
    moments = [escalates_at] if escalates_at and escalates_at > now else []
    if rule is SYNC_DELAY:
        moments.append(case.paid_at + case.policy.grace)
    if rule.classification in AWAITS_PAYMENT:
        age = now - case.cart.placed_at
        moments.append(now + min(max(age / RECHECK_SHARE, RECHECK_FLOOR), RECHECK_CEILING))
    return min(moments, default=None)


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


def connection_verdict(
    rule: Rule,
    facts: Mapping[str, object],
    *,
    since: datetime,
    now: datetime,
    grace: timedelta | None = None,
) -> Verdict:
    """Return the finding of a rule that is not about one cart order. ``grace`` is the channel's G."""
    escalation = rule.escalation
    escalates_at = since + escalation.after if escalation.after is not None else None
    if escalation.graces and grace is not None:
        escalates_at = since + escalation.graces * grace
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
