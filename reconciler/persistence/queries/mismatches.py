"""Mismatches as people see them, with their history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from reconciler.domain.orders import normalise_reference
from reconciler.persistence.queries.reading import Listing, Scope, listing, rows_of, scope_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A classified disagreement."""

    id: int
    merchant: str
    channel: str
    #: An order number, ``pos:ID``, ``connection:NAME`` or ``channel:...``.
    subject: str
    classification: str
    cause: str | None
    rule: str
    also: list[str]
    state: str
    #: ``urgent`` once it has escalated, whatever it was when it was found.
    severity: str
    who: str
    resend: str
    since: datetime | None
    escalates_at: datetime | None
    sentence: str
    next_step: str
    facts: dict[str, Any]
    #: Who decided, and why.
    actor: str | None
    reason: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a mismatch's history."""

    at: datetime
    kind: str
    state: str
    rule: str
    facts: dict[str, Any]
    actor: str | None
    reason: str | None


_MISMATCHES: Final = """
WITH seen AS (
    SELECT i.*, m.code AS merchant, h.name AS channel,
        CASE WHEN i.escalates_at <= clock_timestamp() THEN 'urgent' ELSE i.severity END AS urgency
    FROM mismatches i
    JOIN channels h ON h.id = i.channel_id
    JOIN merchants m ON m.id = h.merchant_id
    WHERE (%(merchant)s::text IS NULL OR m.code = %(merchant)s)
        AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
        AND (%(states)s::text[] IS NULL OR i.state = ANY (%(states)s))
        AND (%(classes)s::text[] IS NULL OR i.classification = ANY (%(classes)s))
        AND (%(start)s::timestamptz IS NULL OR coalesce(i.since, i.first_seen_at) >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR coalesce(i.since, i.first_seen_at) < %(end)s)
        AND (%(search)s::text IS NULL OR strpos(lower(i.subject), lower(%(search)s)) > 0
            OR i.facts ->> 'pos_id' = %(search)s OR i.facts -> 'pos_ids' ? %(search)s)
        AND (%(ids)s::bigint[] IS NULL OR i.id = ANY (%(ids)s))
        AND (%(subjects)s::text[] IS NULL OR i.subject = ANY (%(subjects)s))
)
SELECT id, merchant, channel, subject, classification, cause, rule, also, state, urgency AS severity, who,
    resend, since, escalates_at, sentence, next_step, facts, actor, reason,
    first_seen_at, last_seen_at, closed_at, count(*) OVER () AS total_rows
FROM seen
WHERE %(severities)s::text[] IS NULL OR urgency = ANY (%(severities)s)
ORDER BY array_position(ARRAY['urgent', 'normal', 'info'], urgency), coalesce(since, first_seen_at), id
LIMIT %(limit)s
"""
_EVENTS: Final = """
SELECT e.at, e.kind, e.state, e.rule, e.facts, e.actor, e.reason
FROM mismatch_events e JOIN channels h ON h.id = e.channel_id
WHERE h.name = %(channel)s AND e.mismatch_id = %(id)s
ORDER BY e.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Filters beside the scope; an empty one lets everything pass."""

    states: Sequence[str] = ()
    classes: Sequence[str] = ()
    severities: Sequence[str] = ()
    ids: Sequence[int] = ()
    subjects: Sequence[str] = ()


def list_mismatches(connection: Connection, scope: Scope, wanted: Wanted) -> Listing[Mismatch]:
    """Return mismatches, the most urgent and then the oldest first."""
    parameters = scope_parameters(scope)
    for name in ("states", "classes", "severities", "ids", "subjects"):
        parameters[name] = list(getattr(wanted, name)) or None
    return listing(connection, _MISMATCHES, parameters, Mismatch)


def find_mismatches(
    connection: Connection, named: str, channel: str | None, states: Sequence[str]
) -> Sequence[Mismatch]:
    """Return the mismatches that a person means by ``m17``, an order number, ``pos:ID`` or a POS id."""
    scope = Scope(channel=channel, limit=1000)
    subjects = [normalise_reference(named), named, f"pos:{named}"]
    by_subject = list_mismatches(connection, scope, Wanted(states=states, subjects=subjects)).rows
    if by_subject or not is_id(named):
        return by_subject
    return list_mismatches(connection, scope, Wanted(states=states, ids=[int(named[1:])])).rows


def is_id(named: str) -> bool:
    """Say whether a name is a mismatch's number as lists show it, for example ``m17``."""
    return named[:1] == "m" and named[1:].isdecimal() and named.isascii() and len(named) < 18


def list_events(connection: Connection, mismatch: Mismatch) -> Sequence[Event]:
    """Return a mismatch's history, the first first."""
    return rows_of(connection, _EVENTS, {"channel": mismatch.channel, "id": mismatch.id}, Event)
