"""Merchants, connections and channels as services see them; whose turn it is; the run lock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from string import Template
from typing import Any, Final

from sqlalchemy import Connection

from reconciler.domain.errors import NotFoundError
from reconciler.persistence.policies import policy_from_json
from reconciler.ports import Channel, ConnectionInfo, ConnectionState, MerchantSpec, Side

_CHANNELS: Final = Template("""
SELECT h.id, h.name, m.code AS merchant, m.name AS merchant_name, h.policy, h.live_from, h.compared_run,
    h.next_run_at,
    to_jsonb(c) - '{credentials,credentials_digest}'::text[] AS cart, c.credentials AS cart_credentials,
    to_jsonb(p) - '{credentials,credentials_digest}'::text[] AS pos, p.credentials AS pos_credentials,
    (
        SELECT array_agg(s.policy ->> 'reference_prefix' ORDER BY s.id) FROM channels s
        WHERE s.pos_connection_id = h.pos_connection_id
    ) AS prefixes
FROM channels h
JOIN merchants m ON m.id = h.merchant_id
JOIN connections c ON c.id = h.cart_connection_id
JOIN connections p ON p.id = h.pos_connection_id
WHERE $condition
ORDER BY h.name
""")
_BY_NAME: Final = _CHANNELS.substitute(condition="h.name = %(name)s")
_BY_ID: Final = _CHANNELS.substitute(condition="h.id = %(id)s")
_ALL: Final = _CHANNELS.substitute(condition="%(merchant)s::text IS NULL OR m.code = %(merchant)s")
_NAMES: Final = "SELECT name FROM channels ORDER BY name"
_MERCHANTS: Final = "SELECT code, name, timezone, day_cutoff FROM merchants ORDER BY code"
_CONNECTIONS: Final = """
SELECT n.id, n.name, m.code AS merchant, n.side, n.vendor, n.base_url, n.options, n.credentials, n.state
FROM connections n JOIN merchants m ON m.id = n.merchant_id
WHERE %(merchant)s::text IS NULL OR m.code = %(merchant)s
ORDER BY n.name
"""
_DUE: Final = """
SELECT id FROM channels WHERE enabled AND next_run_at <= clock_timestamp()
ORDER BY next_run_at, id LIMIT %(limit)s
"""
#: Counted from now, not from when it was due: after an outage nothing has to be caught up in a burst.
_BEGIN: Final = """
UPDATE channels
SET next_run_at = clock_timestamp() + make_interval(secs => (policy ->> 'poll_interval')::float)
WHERE id = %(id)s AND (%(force)s OR (enabled AND next_run_at <= clock_timestamp()))
"""
#: Two keys: a class of locks that is ours, and the channel.
_LOCK_CLASS: Final = 0x5EC0
_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(%(class)s, %(id)s)"
_UNLOCK: Final = "SELECT pg_advisory_unlock(%(class)s, %(id)s)"
#: Not where the channel was changed since: what was compared was judged by other rules.
_SET_COMPARED: Final = """
UPDATE channels SET compared_run = %(run)s
WHERE id = %(id)s AND compared_run < %(run)s AND (compared_run > 0 OR compared_run = %(known)s)
"""
#: Whoever is changing it just now is waited for, and whoever wants to waits until we are done.
_COMPARED: Final = "SELECT compared_run FROM channels WHERE id = %(id)s FOR SHARE"
_SET_STATE: Final = """
UPDATE connections
SET state = %(state)s, state_reason = %(reason)s,
    state_since = CASE WHEN state = %(state)s THEN state_since ELSE %(now)s END
WHERE id = %(id)s AND (state, state_reason) IS DISTINCT FROM (%(state)s, %(reason)s)
"""


class SqlChannels:
    """Merchants, connections and channels."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._locked: set[int] = set()

    def get(self, name: str) -> Channel:
        """Return a channel by name; raise NotFoundError naming those that exist."""
        row = self._connection.exec_driver_sql(_BY_NAME, {"name": name}).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"there is no channel {name!r}", next_step=self._known(name))
        return _channel(row)

    def by_id(self, channel_id: int) -> Channel:
        """Return a channel by id; raise NotFoundError."""
        row = self._connection.exec_driver_sql(_BY_ID, {"id": channel_id}).mappings().one_or_none()
        if row is None:
            raise NotFoundError(f"there is no channel number {channel_id}", next_step=self._known(""))
        return _channel(row)

    def list(self, merchant: str | None = None) -> Sequence[Channel]:
        """Return all channels, or those of one merchant, by name."""
        return [*map(_channel, self._connection.exec_driver_sql(_ALL, {"merchant": merchant}).mappings())]

    def list_merchants(self) -> Sequence[MerchantSpec]:
        """Return all merchants by code."""
        return [MerchantSpec(**row) for row in self._connection.exec_driver_sql(_MERCHANTS).mappings()]

    def list_connections(self, merchant: str | None = None) -> Sequence[ConnectionInfo]:
        """Return all connections, or those of one merchant, by name."""
        rows = self._connection.exec_driver_sql(_CONNECTIONS, {"merchant": merchant}).mappings()
        return [_connection(row, row["merchant"], row["credentials"]) for row in rows]

    def due(self, limit: int = 1000) -> Sequence[int]:
        """Return channels whose run is due, the longest waiting first; claims nothing."""
        return self._connection.exec_driver_sql(_DUE, {"limit": limit}).scalars().all()

    def begin(self, channel_id: int, *, force: bool = False) -> bool:
        """Claim a due channel's run; of two claims at once the row's lock tells one False."""
        return self._connection.exec_driver_sql(_BEGIN, {"id": channel_id, "force": force}).rowcount == 1

    def try_lock(self, channel_id: int) -> bool:
        """Take the channel's run lock until the unit of work is left; False when another run has it.

        The lock belongs to the database session, so it outlives the commits of a run and is gone the moment
        the process dies: no lease to time out, and nothing to clean up.
        """
        if channel_id in self._locked:
            return True
        parameters = {"class": _LOCK_CLASS, "id": channel_id}
        taken = bool(self._connection.exec_driver_sql(_TRY_LOCK, parameters).scalar_one())
        if taken:
            self._locked.add(channel_id)
        return taken

    def release(self) -> None:
        """Free the run locks: the pool hands the session on to others."""
        while self._locked:
            self._connection.exec_driver_sql(_UNLOCK, {"class": _LOCK_CLASS, "id": self._locked.pop()})

    def was_changed(self, channel: Channel) -> bool:
        """Say whether a channel file changed what a channel reads or how it is judged since it was loaded."""
        present: int = self._connection.exec_driver_sql(_COMPARED, {"id": channel.id}).scalar_one()
        return present <= 0 and present != channel.compared_run

    def set_compared(self, channel_id: int, run_id: int, *, known: int = 0) -> bool:
        """Note that all changes up to ``run_id`` were compared; False where the channel changed meanwhile."""
        parameters = {"id": channel_id, "run": run_id, "known": known}
        return self._connection.exec_driver_sql(_SET_COMPARED, parameters).rowcount == 1

    def set_state(self, connection_id: int, state: ConnectionState, reason: str, now: datetime) -> None:
        """Record how a connection is doing, and since when."""
        parameters = {"id": connection_id, "state": state.value, "reason": reason, "now": now}
        self._connection.exec_driver_sql(_SET_STATE, parameters)

    def _known(self, name: str) -> str:
        names: Sequence[str] = self._connection.exec_driver_sql(_NAMES).scalars().all()
        if close := get_close_matches(name, names, n=1):
            return f"did you mean {close[0]}?"
        if not names:
            return "describe one: reconciler apply FILE"
        return "known: " + ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _channel(row: Mapping[Any, Any]) -> Channel:
    merchant = row["merchant"]
    return Channel(
        id=row["id"],
        name=row["name"],
        merchant=merchant,
        merchant_name=row["merchant_name"],
        policy=policy_from_json(row["policy"], row["live_from"]),
        cart=_connection(row["cart"], merchant, row["cart_credentials"]),
        pos=_connection(row["pos"], merchant, row["pos_credentials"]),
        sibling_prefixes=tuple(row["prefixes"]),
        compared_run=row["compared_run"],
        next_run_at=row["next_run_at"],
    )


def _connection(row: Mapping[Any, Any], merchant: str, credentials: bytes | None) -> ConnectionInfo:
    return ConnectionInfo(
        id=row["id"],
        name=row["name"],
        merchant=merchant,
        side=Side(row["side"]),
        vendor=row["vendor"],
        base_url=row["base_url"],
        options=row["options"],
        credentials=credentials,
        state=ConnectionState(row["state"]),
    )
