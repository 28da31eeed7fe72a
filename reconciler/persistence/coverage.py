"""The ledger of what was really read, and what it proves."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from reconciler.ports import Coverage, Proof, Side

_ADD: Final = """
INSERT INTO coverage (
    channel_id, run_id, side, covers_from, covers_to, complete, absence_trusted, reason, clock_offset
)
VALUES (
    %(channel)s, %(run)s, %(side)s, %(start)s, %(end)s, %(complete)s, %(trusted)s, %(reason)s, %(offset)s
)
"""
#: Intervals that meet become one, so that there are few however long the ledger grows. One that ends in the
#: future was noted under a wrong clock: its end proves nothing, and goes with the next complete read.
_UNITE: Final = """
WITH met AS (
    DELETE FROM covered
    WHERE channel_id = %(channel)s AND side = %(side)s AND covers_from <= %(end)s AND covers_to >= %(start)s
    RETURNING covers_from, covers_to
)
INSERT INTO covered (channel_id, side, covers_from, covers_to)
SELECT %(channel)s, %(side)s, least(min(covers_from), %(start)s),
    greatest(max(covers_to) FILTER (WHERE covers_to <= clock_timestamp()), %(end)s)
FROM met
ON CONFLICT (channel_id, side, covers_from)
    DO UPDATE SET covers_to = greatest(covered.covers_to, EXCLUDED.covers_to)
"""
_HIGH_WATER: Final = """
SELECT max(covers_to) FROM covered WHERE channel_id = %(channel)s AND side = %(side)s
"""
#: A read that failed tells nothing of clocks: there, the one before it counts.
_LATEST: Final = """
SELECT complete, absence_trusted, reason, coalesce((
    SELECT t.clock_offset FROM coverage t
    WHERE t.channel_id = %(channel)s AND t.side = %(side)s AND t.complete
    ORDER BY t.id DESC LIMIT 1
), '0') AS clock_offset
FROM coverage
WHERE channel_id = %(channel)s AND side = %(side)s
ORDER BY id DESC LIMIT 1
"""
_UNION: Final = """
SELECT covers_from, covers_to FROM covered
WHERE channel_id = %(channel)s AND side = %(side)s
ORDER BY covers_from
"""


def add_coverage(
    connection: Connection, channel_id: int, run_id: int, side: Side, coverage: Coverage
) -> None:
    """Append a read; a complete one widens what is proven."""
    parameters = {
        "channel": channel_id,
        "run": run_id,
        "side": side.value,
        "start": coverage.covers_from,
        "end": max(coverage.covers_from, coverage.covers_to),
        "complete": coverage.complete,
        "trusted": coverage.absence_trusted,
        "reason": coverage.reason,
        "offset": coverage.clock_offset,
    }
    connection.exec_driver_sql(_ADD, parameters)
    if coverage.complete:
        connection.exec_driver_sql(_UNITE, parameters)


def high_water(connection: Connection, channel_id: int, side: Side) -> datetime | None:
    """Return where the complete reads end; None when nothing was read, or not from where we read now."""
    return connection.exec_driver_sql(
        _HIGH_WATER, {"channel": channel_id, "side": side.value}
    ).scalar_one_or_none()


def proof(connection: Connection, channel_id: int, side: Side) -> Proof:
    """Return what the latest read says, and the union of the complete ones."""
    parameters = {"channel": channel_id, "side": side.value}
    latest = connection.exec_driver_sql(_LATEST, parameters).one_or_none()
    if latest is None:
        return Proof(complete=False, absence_trusted=False, reason="it was never read", intervals=())
    union = connection.exec_driver_sql(_UNION, parameters)
    return Proof(
        complete=latest.complete,
        absence_trusted=latest.absence_trusted,
        reason=latest.reason,
        intervals=tuple((row.covers_from, row.covers_to) for row in union),
        clock_offset=latest.clock_offset,
    )
