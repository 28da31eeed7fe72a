"""Channels as a watcher sees them: when each last ran to a complete end, and how long it has been due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from reconciler.persistence.policies import policy_from_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One channel and how its runs are doing, by the database's clock."""

    merchant: str
    merchant_name: str
    channel: str
    cart: str
    cart_state: str
    pos: str
    pos_state: str
    enabled: bool
    poll_interval: timedelta
    grace: timedelta
    live_from: datetime
    #: How the latest run ended; None while it runs, or when it died or none was made.
    last_outcome: str | None
    last_started_at: datetime | None
    last_complete_at: datetime | None
    next_run_at: datetime
    checked_at: datetime

    @property
    def stale(self) -> bool:
        """Say whether it is enabled and no complete run is younger than 2G."""
        if not self.enabled:
            return False
        return self.last_complete_at is None or self.checked_at - self.last_complete_at >= 2 * self.grace

    @property
    def overdue(self) -> timedelta:
        """Say for how long a run has been due: since the schedule says so, and no timer made one instead."""
        started = self.last_started_at
        due = self.next_run_at if started is None else max(self.next_run_at, started + self.poll_interval)
        return max(self.checked_at - due, timedelta())


_WATCHED: Final = """
SELECT m.code AS merchant, m.name AS merchant_name, h.name AS channel, c.name AS cart, c.state AS cart_state,
    p.name AS pos, p.state AS pos_state, h.enabled, h.policy, h.live_from, latest.outcome AS last_outcome,
    latest.started_at AS last_started_at, complete.finished_at AS last_complete_at,
    h.next_run_at, clock_timestamp() AS checked_at
FROM channels h
JOIN merchants m ON m.id = h.merchant_id
JOIN connections c ON c.id = h.cart_connection_id
JOIN connections p ON p.id = h.pos_connection_id
LEFT JOIN LATERAL (
    SELECT outcome, started_at FROM runs r WHERE r.channel_id = h.id ORDER BY r.id DESC LIMIT 1
) latest ON true
LEFT JOIN LATERAL (
    SELECT finished_at FROM runs r WHERE r.channel_id = h.id AND r.outcome = 'complete'
    ORDER BY r.id DESC LIMIT 1
) complete ON true
WHERE %(merchant)s::text IS NULL OR m.code = %(merchant)s
ORDER BY m.code, h.name
"""


def list_watched(connection: Connection, merchant: str | None = None) -> Sequence[Watched]:
    """Return all channels, or those of one merchant."""
    found = []
    for row in connection.exec_driver_sql(_WATCHED, {"merchant": merchant}).mappings():
        policy = policy_from_json(row["policy"], row["live_from"])
        known = {name: value for name, value in row.items() if name != "policy"}
        found.append(Watched(**known, poll_interval=policy.poll_interval, grace=policy.grace))
    return found
