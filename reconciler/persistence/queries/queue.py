"""The queue as people see it: entries, their attempts, and orders found by number or object id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from reconciler.domain.orders import normalise_reference
from reconciler.persistence.queries.reading import Listing, Scope, listing, rows_of, scope_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order's way into the POS, so far."""

    merchant: str
    channel: str
    reference: str
    status: str
    flagged: bool
    since: datetime
    attempts: int
    #: The POS's id of the record that answers the order.
    object_id: str | None
    failure: str | None
    codes: list[str]
    vendor_words: str | None
    note: str
    trigger: str
    actor: str
    reason: str
    origin: str
    not_before: datetime | None
    next_lookup_at: datetime | None
    deliver_on: date | None
    created_at: datetime
    total: int | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One submission."""

    number: int
    trigger: str
    actor: str
    reason: str
    origin: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    pos_id: str | None
    error_cause: str | None
    codes: list[str] | None
    vendor_words: str | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an order number or object id was found."""

    channel: str
    reference: str


_ENTRIES: Final = """
SELECT m.code AS merchant, h.name AS channel, q.reference, q.status, q.flagged, q.since, q.attempts,
    q.object_id, q.failure, q.codes, q.vendor_words, q.note, q.trigger, q.actor, q.reason, q.origin,
    q.not_before, q.next_lookup_at, q.deliver_on, q.created_at, c.total, c.currency,
    count(*) OVER () AS total_rows
FROM queue_entries q
JOIN channels h ON h.id = q.channel_id
JOIN merchants m ON m.id = h.merchant_id
LEFT JOIN cart_orders c ON c.channel_id = q.channel_id AND c.reference = q.reference
WHERE (%(merchant)s::text IS NULL OR m.code = %(merchant)s)
    AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
    AND (%(reference)s::text IS NULL OR q.reference = %(reference)s)
    AND (%(statuses)s::text[] IS NULL OR q.status = ANY (%(statuses)s))
    AND (%(flagged)s::boolean IS NULL OR q.flagged = %(flagged)s)
    AND (%(start)s::timestamptz IS NULL OR q.since >= %(start)s)
    AND (%(end)s::timestamptz IS NULL OR q.since < %(end)s)
    AND (%(search)s::text IS NULL OR strpos(lower(q.reference), lower(%(search)s)) > 0
        OR strpos(lower(q.object_id), lower(%(search)s)) > 0)
ORDER BY q.flagged DESC, q.since DESC, h.name, q.reference
LIMIT %(limit)s
"""
_ATTEMPTS: Final = """
SELECT a.number, a.trigger, a.actor, a.reason, a.origin, a.started_at, a.finished_at, a.outcome, a.pos_id,
    a.error_cause, a.codes, a.vendor_words, a.idempotency_key AS key
FROM attempts a JOIN channels h ON h.id = a.channel_id
WHERE h.name = %(channel)s AND a.reference = %(reference)s
ORDER BY a.number
"""
#: An order may be asked for that never entered the queue: a person may send it on purpose.
_PLACES: Final = """
SELECT h.name AS channel, c.reference
FROM cart_orders c JOIN channels h ON h.id = c.channel_id
WHERE c.reference = %(wanted)s AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
UNION
SELECT h.name, q.reference
FROM queue_entries q JOIN channels h ON h.id = q.channel_id
WHERE (q.reference = %(wanted)s OR q.object_id = %(exact)s)
    AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
ORDER BY channel, reference
"""


def list_entries(
    connection: Connection, scope: Scope, *, statuses: Sequence[str] = (), flagged: bool | None = None
) -> Listing[Entry]:
    """Return entries, the flagged and the newest first."""
    return _entries(connection, scope, statuses=list(statuses) or None, flagged=flagged)


def get_entry(connection: Connection, place: Place) -> Entry | None:
    """Return the entry of one order."""
    found = _entries(connection, Scope(channel=place.channel), reference=place.reference).rows
    return found[0] if found else None


def _entries(
    connection: Connection,
    scope: Scope,
    *,
    statuses: list[str] | None = None,
    flagged: bool | None = None,
    reference: str | None = None,
) -> Listing[Entry]:
    more = {"statuses": statuses, "flagged": flagged, "reference": reference}
    return listing(connection, _ENTRIES, scope_parameters(scope) | more, Entry)


def list_attempts(connection: Connection, place: Place) -> Sequence[Attempt]:
    """Return an order's submissions, the first first. Their bytes stay in the database."""
    parameters = {"channel": place.channel, "reference": place.reference}
    return rows_of(connection, _ATTEMPTS, parameters, Attempt)


def find_orders(connection: Connection, wanted: str, channel: str | None = None) -> Sequence[Place]:
    """Return where an order number, or an object id of the queue, is known."""
    parameters = {"wanted": normalise_reference(wanted), "exact": wanted, "channel": channel}
    return rows_of(connection, _PLACES, parameters, Place)
