"""Where an order is that has no entry in the queue, and what a number may mean that no order has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from reconciler.domain.orders import normalise_reference
from reconciler.persistence.queries.queue import Place
from reconciler.persistence.queries.reading import rows_of

#: Numbers that resemble the one that was asked for are named up to so many.
ALIKE: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Why an order that was read is not in the queue."""

    channel: str
    reference: str
    #: As in the books; ``excluded`` for what is no order to fulfil.
    state: str
    since: datetime | None
    #: The POS's live records of it.
    records: list[str]
    #: The number, the state and the sentence of its mismatch: the open one, else the newest.
    mismatch: int | None
    decided: str | None
    sentence: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What else goes by a number: an order elsewhere, a POS record, or an order whose number is longer."""

    kind: str
    channel: str
    #: The order's number; None where a POS record answers no order.
    reference: str | None


_STANDING: Final = """
SELECT h.name AS channel, c.reference, coalesce(s.state, 'excluded') AS state, c.verdict_since AS since,
    ARRAY(
        SELECT p.pos_id FROM pos_orders p
        WHERE p.channel_id = c.channel_id AND p.live AND p.family_key = c.reference ORDER BY p.pos_id
    ) AS records, m.id AS mismatch, m.state AS decided, m.sentence
FROM cart_orders c
JOIN channels h ON h.id = c.channel_id
LEFT JOIN order_standing s ON s.channel_id = c.channel_id AND s.reference = c.reference
LEFT JOIN LATERAL (
    SELECT i.id, i.state, i.sentence FROM mismatches i
    WHERE i.channel_id = c.channel_id AND i.subject = c.reference
    ORDER BY i.state IN ('open', 'acknowledged') DESC, i.id DESC LIMIT 1
) m ON true
WHERE h.name = %(channel)s AND c.reference = %(reference)s
"""
_TRACES: Final = """
SELECT 'order' AS kind, h.name AS channel, c.reference
FROM cart_orders c JOIN channels h ON h.id = c.channel_id
WHERE c.reference = %(wanted)s
UNION
SELECT 'record', h.name, c.reference
FROM pos_orders p
JOIN channels h ON h.id = p.channel_id
LEFT JOIN cart_orders c ON c.channel_id = p.channel_id AND c.reference = p.family_key
WHERE p.pos_id = %(exact)s OR p.family_key = %(wanted)s
UNION ALL
(SELECT 'alike', h.name, c.reference
FROM cart_orders c JOIN channels h ON h.id = c.channel_id
WHERE length(%(wanted)s) > 2 AND strpos(lower(c.reference), lower(%(wanted)s)) > 0
    AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
ORDER BY c.placed_at DESC, h.name, c.reference LIMIT %(alike)s)
"""


def get_standing(connection: Connection, place: Place) -> Standing | None:
    """Return where an order stands; None when the cart never showed it."""
    found = rows_of(connection, _STANDING, {"channel": place.channel, "reference": place.reference}, Standing)
    return found[0] if found else None


def trace(connection: Connection, wanted: str, channel: str | None) -> Sequence[Trace]:
    """Return what goes by a number that no order of ``channel`` has."""
    parameters = {
        "wanted": normalise_reference(wanted),
        "exact": wanted,
        "channel": channel,
        "alike": ALIKE,
    }
    return rows_of(connection, _TRACES, parameters, Trace)
