"""What could not be understood as an order, kept whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from reconciler.persistence.rows import as_json, digest_of
from reconciler.ports import Quarantined, Side

#: Seen again, even on another line, it is the same finding.
_SET_ASIDE: Final = """
INSERT INTO quarantine AS t
    (channel_id, side, source, position, reason, raw, digest, first_seen_at, last_seen_at)
SELECT %(channel)s, %(side)s, i.source, i.position, i.reason, i.raw, i.digest, %(now)s, %(now)s
FROM json_to_recordset(%(rows)s) AS i
    (source text, position bigint, reason text, raw text, digest bytea)
ON CONFLICT (channel_id, side, digest) DO UPDATE SET
    last_seen_at = EXCLUDED.last_seen_at, position = EXCLUDED.position, reason = EXCLUDED.reason
"""


def set_aside(
    connection: Connection, channel_id: int, side: Side, items: Sequence[Quarantined], now: datetime
) -> None:
    """Keep these, each content once."""
    rows = {row["digest"]: row for row in map(_row, items)}
    if rows:
        parameters = {
            "channel": channel_id,
            "side": side.value,
            "now": now,
            "rows": as_json([*rows.values()]),
        }
        connection.exec_driver_sql(_SET_ASIDE, parameters)


def _row(item: Quarantined) -> dict[str, str | int]:
    source, reason, raw = (_storable(text) for text in (item.source, item.reason, item.raw))
    digest = digest_of(source.encode(), raw.encode()).hex()
    return {
        "source": source,
        "position": item.position,
        "reason": reason,
        "raw": raw,
        "digest": f"\\x{digest}",
    }


def _storable(text: str) -> str:
    """Replace what UTF-8 does not have: half a surrogate pair, out of a payload that was cut."""
    return text.encode(errors="replace").decode()
