"""The run ledger, and jobs that are due by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from reconciler.domain.policy import SWEEP_AGAIN, SWEEP_EVERY
from reconciler.persistence.rows import as_json
from reconciler.ports import RunSummary

_START: Final = """
INSERT INTO runs (channel_id, started_at, "full", trigger)
VALUES (%(channel)s, %(now)s, %(full)s, %(trigger)s)
RETURNING id
"""
_FINISH: Final = """
UPDATE runs SET finished_at = %(now)s, outcome = %(outcome)s, counts = %(counts)s,
    durations = %(durations)s, notes = %(notes)s
WHERE channel_id = %(channel)s AND id = %(run)s
"""
#: By the run's own clock, so that the first run ever is a sweep and a rehearsal's time does not matter.
#: Until a first one is complete each run is a sweep.
_SWEEP_IS_DUE: Final = """
SELECT whole IS NULL OR (whole <= %(now)s - %(every)s AND tried <= %(now)s - %(again)s) FROM (
    SELECT max(started_at) AS tried, max(started_at) FILTER (WHERE outcome = 'complete') AS whole
    FROM runs WHERE channel_id = %(channel)s AND "full"
) sweeps
"""
_LAST_FINISHED: Final = """
SELECT coalesce(max(id), 0) FROM runs WHERE channel_id = %(channel)s AND finished_at IS NOT NULL
"""
#: The row's lock decides between two who ask at once; the second sees the new time.
_TAKE_JOB: Final = """
INSERT INTO jobs (name, due_at) VALUES (%(name)s, clock_timestamp() + %(every)s)
ON CONFLICT (name) DO UPDATE SET due_at = EXCLUDED.due_at WHERE jobs.due_at <= clock_timestamp()
RETURNING name
"""


class SqlRuns:
    """The run ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self, channel_id: int, *, full: bool, trigger: str, now: datetime) -> int:
        """Open a run; return its id."""
        parameters = {"channel": channel_id, "full": full, "trigger": trigger, "now": now}
        return int(self._connection.exec_driver_sql(_START, parameters).scalar_one())

    def finish(self, channel_id: int, summary: RunSummary, now: datetime) -> None:
        """Write how the run ended."""
        parameters = {
            "channel": channel_id,
            "run": summary.run_id,
            "now": now,
            "outcome": summary.outcome.value,
            "counts": as_json(summary.counts),
            "durations": as_json(summary.durations),
            "notes": as_json(summary.notes),
        }
        self._connection.exec_driver_sql(_FINISH, parameters)

    def sweep_is_due(self, channel_id: int, now: datetime) -> bool:
        """Say whether it is time to look at every order of the channel, or to try that again."""
        parameters = {"channel": channel_id, "now": now, "every": SWEEP_EVERY, "again": SWEEP_AGAIN}
        return bool(self._connection.exec_driver_sql(_SWEEP_IS_DUE, parameters).scalar_one())

    def last_finished(self, channel_id: int) -> int:
        """Return the id of the channel's latest finished run, 0 when there is none."""
        return int(self._connection.exec_driver_sql(_LAST_FINISHED, {"channel": channel_id}).scalar_one())

    def take_due_job(self, name: str, every: timedelta) -> bool:
        """Claim a job that is due every so often; the first to ask ever is told True."""
        found = self._connection.exec_driver_sql(_TAKE_JOB, {"name": name, "every": every})
        return found.one_or_none() is not None
