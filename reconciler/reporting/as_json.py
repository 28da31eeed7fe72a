"""The report for programs: one JSON object with stable keys.

``KEYS`` documents every key; a list is written ``name[]``. Keys are added, never renamed. Times are ISO 8601
in UTC, money is ``{"minor": integer, "currency": ISO code, "text": "63.13 USD"}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from reconciler.ports.reports import (
    Amount,
    Books,
    ChannelCoverage,
    Finding,
    Group,
    Hour,
    MerchantReport,
    QuarantinedItem,
    Repair,
    Report,
    SideCoverage,
    TieOut,
)
from reconciler.reporting.commands import commands

_FINDING: Final = {
    "id": "the mismatch's number, for: reconciler mismatches show",
    "channel": "the channel's name",
    "reference": "the order's reference; an orphan's POS id, or a connection's name",
    "severity": "urgent, normal or info",
    "who": "who has to act",
    "classification": "the class of the decision table",
    "cause": "the cause within the class, or null",
    "rule": "the rule that holds",
    "also": "later rules that hold too",
    "sentence": "what is wrong, in a sentence",
    "next_step": "what to do",
    "commands": "the commands for it, with a reason to fill in; a list that may be empty",
    "facts": "the evidence: an object as the rule recorded it",
    "since": "since when",
    "escalates_at": "when it becomes urgent, or null",
    "acknowledged": "whether somebody said that he saw it",
    "resend": "what the queue may do by itself",
    "total": "the order's money, or null",
    "deliver_on": "the date it is due, or null",
    "queue": "null, or an object: status, flagged, attempts",
}
_SIDE: Final = {
    "covers_to": "until when complete reads reach, or null",
    "read_at": "when it was last read, or null",
    "complete": "whether the latest read was complete",
    "stale": "whether complete reads lag behind by more than twice the grace",
    "reason": "why the latest read was not complete",
}
_MERCHANT: Final = {
    "code": "the merchant's code",
    "name": "the merchant's name",
    "timezone": "the zone of his business days",
    "day_cutoff": "when his business day ends, local time",
    "business_day": "the business day of the report",
    "since": "where repairs, tie_outs and hours begin",
    "counts": "exact counts: urgent, needing, under_way, connections, repaired, in_grace, sending (in the "
    "queue, inside the grace), unpaid, undecided",
    "grace_ends": "when the last order in grace is due, or null",
    "connections[]": "findings about connections; keys as in findings[]",
    "groups[]": "exact counts by severity, who, classification and cause; findings[] may hold fewer",
    **{f"findings[].{key}": text for key, text in _FINDING.items()},
    "repairs[]": "orders that came right by themselves: channel, reference, how, missing_since, "
    "repaired_at, total",
    "coverage[].channel": "the channel's name",
    **{f"coverage[].{side}.{key}": text for side in ("cart", "pos") for key, text in _SIDE.items()},
    "tie_outs[]": "money by channel, day and currency in minor units: orders, cart, pos, difference, "
    "explained (a list of reason, orders, minor), rounding, unexplained",
    "quarantine": "count, and items: channel, side, source, position (line), reason, seen_at",
    "books": "paid orders by where they stand: agreed, in_grace, queued, open_mismatch, undecided (among the "
    "open), closed, closed_reasons, nowhere, twice, astray (references), total, balanced",
    "hours[]": "orders by hour placed: start, counts by fate",
}
#: Every key of the document.
KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "generated_at": "when the report was made",
        "version": "the program's version",
        **{f"merchants[].{key}": text for key, text in _MERCHANT.items()},
    }
)


def render_json(report: Report) -> str:
    """Return the report as ASCII JSON: nothing in it can steer the terminal it is printed on."""
    return json.dumps(document(report), indent=2, default=str) + "\n"


def document(report: Report) -> dict[str, Any]:
    """Return the report as plain lists and dictionaries."""
    return {
        "generated_at": _utc(report.generated_at),
        "version": report.version,
        "merchants": [_merchant(section) for section in report.merchants],
    }


def _merchant(section: MerchantReport) -> dict[str, Any]:
    merchant = section.merchant
    return {
        "code": merchant.code,
        "name": merchant.name,
        "timezone": merchant.timezone,
        "day_cutoff": f"{merchant.day_cutoff:%H:%M}",
        "business_day": section.business_day.isoformat(),
        "since": _utc(section.since),
        "counts": _counts(section),
        "grace_ends": _utc(section.waiting.grace_ends),
        "connections": [_finding(group, found) for group in section.connections for found in group.findings],
        "groups": [_group(group) for group in section.groups],
        "findings": [_finding(group, found) for group in section.groups for found in group.findings],
        "repairs": [_repair(repair) for repair in section.repairs],
        "coverage": [_coverage(channel) for channel in section.coverage],
        "tie_outs": [_tie_out(tie_out) for tie_out in section.tie_outs],
        "quarantine": {
            "count": section.quarantine.count,
            "items": [_quarantined(item) for item in section.quarantine.items],
        },
        "books": _books(section.books),
        "hours": [_hour(hour) for hour in section.hours],
    }


def _counts(section: MerchantReport) -> dict[str, int]:
    return {
        "urgent": section.urgent,
        "needing": section.needing,
        "under_way": section.under_way,
        "connections": section.blocked,
        "repaired": section.repaired,
        "in_grace": section.waiting.in_grace,
        "sending": section.waiting.sending,
        "unpaid": section.waiting.unpaid,
        "undecided": section.waiting.undecided,
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "severity": group.severity.value,
        "who": group.who.value,
        "classification": group.classification.value,
        "cause": group.cause,
        "count": group.count,
    }


def _finding(group: Group, finding: Finding) -> dict[str, Any]:
    queue = finding.queue
    return {
        "id": finding.id,
        "channel": finding.channel,
        "reference": finding.reference,
        "severity": group.severity.value,
        "who": group.who.value,
        "classification": group.classification.value,
        "cause": group.cause,
        "rule": finding.rule,
        "also": list(finding.also),
        "sentence": finding.sentence,
        "next_step": finding.next_step,
        "commands": [str(command) for command in commands(group, finding)],
        "facts": dict(finding.facts),
        "since": _utc(finding.since),
        "escalates_at": _utc(finding.escalates_at),
        "acknowledged": finding.acknowledged,
        "resend": finding.resend,
        "total": _amount(finding.total),
        "deliver_on": finding.deliver_on.isoformat() if finding.deliver_on else None,
        "queue": queue
        and {"status": queue.status.value, "flagged": queue.flagged, "attempts": queue.attempts},
    }


def _repair(repair: Repair) -> dict[str, Any]:
    return {
        "channel": repair.channel,
        "reference": repair.reference,
        "how": repair.how.name.lower(),
        "missing_since": _utc(repair.missing_since),
        "repaired_at": _utc(repair.repaired_at),
        "total": _amount(repair.total),
    }


def _coverage(channel: ChannelCoverage) -> dict[str, Any]:
    return {"channel": channel.channel, "cart": _side(channel.cart), "pos": _side(channel.pos)}


def _side(side: SideCoverage) -> dict[str, Any]:
    return {
        "covers_to": _utc(side.covers_to),
        "read_at": _utc(side.read_at),
        "complete": side.complete,
        "stale": side.stale,
        "reason": side.reason,
    }


def _tie_out(tie_out: TieOut) -> dict[str, Any]:
    return {
        "channel": tie_out.channel,
        "day": tie_out.day.isoformat(),
        "currency": tie_out.currency,
        "orders": tie_out.orders,
        "cart": tie_out.cart,
        "pos": tie_out.pos,
        "difference": tie_out.difference,
        "explained": [
            {"reason": part.reason, "orders": part.orders, "minor": part.minor} for part in tie_out.explained
        ],
        "rounding": tie_out.rounding,
        "unexplained": tie_out.unexplained,
    }


def _quarantined(item: QuarantinedItem) -> dict[str, Any]:
    return {
        "channel": item.channel,
        "side": item.side.value,
        "source": item.source,
        "position": item.position,
        "reason": item.reason,
        "seen_at": _utc(item.seen_at),
    }


def _books(books: Books) -> dict[str, Any]:
    return {
        "agreed": books.agreed,
        "in_grace": books.in_grace,
        "queued": books.queued,
        "open_mismatch": books.open_mismatch,
        "undecided": books.undecided,
        "closed": books.closed,
        "closed_reasons": dict(books.closed_reasons),
        "nowhere": books.nowhere,
        "twice": books.twice,
        "astray": list(books.astray),
        "total": books.total,
        "balanced": books.balanced,
    }


def _hour(hour: Hour) -> dict[str, Any]:
    return {"start": _utc(hour.start), "counts": {fate.value: count for fate, count in hour.counts.items()}}


def _amount(amount: Amount | None) -> dict[str, Any] | None:
    if amount is None:
        return None
    return {"minor": amount.minor, "currency": amount.currency, "text": str(amount)}


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
