"""Which cart order each stored POS record stands for, worked out anew when reference prefixes change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from reconciler.persistence.rows import PosRows, as_json
from reconciler.ports import Channel

CHUNK: Final = 5000
_REFERENCES: Final = """
SELECT pos_id, reference FROM pos_orders
WHERE channel_id = %(channel)s AND pos_id > %(after)s AND reference IS NOT NULL
ORDER BY pos_id LIMIT %(limit)s
"""
_REKEY: Final = """
UPDATE pos_orders p
SET ref_key = i.ref_key, foreign_prefix = i.foreign_prefix,
    family_key = CASE
        WHEN EXISTS (SELECT FROM cart_orders c WHERE c.channel_id = p.channel_id AND c.reference = i.ref_key)
        THEN i.ref_key ELSE i.family_key
    END
FROM json_to_recordset(%(rows)s) AS i (pos_id text, ref_key text, family_key text, foreign_prefix boolean)
WHERE p.channel_id = %(channel)s AND p.pos_id = i.pos_id
    AND (p.ref_key, p.foreign_prefix) IS DISTINCT FROM (i.ref_key, i.foreign_prefix)
"""


def rekey(connection: Connection, channel: Channel) -> None:
    """Set the keys of a channel's POS records by its prefix and those of the channels beside it."""
    keys = PosRows(channel)
    for chunk in _chunks(connection, channel.id):
        rows = []
        for pos_id, reference in chunk:
            own, family, foreign = keys.reference_keys(reference)
            rows.append({"pos_id": pos_id, "ref_key": own, "family_key": family, "foreign_prefix": foreign})
        connection.exec_driver_sql(_REKEY, {"channel": channel.id, "rows": as_json(rows)})


def _chunks(connection: Connection, channel_id: int) -> Iterator[Sequence[Any]]:
    after = ""
    while True:
        parameters = {"channel": channel_id, "after": after, "limit": CHUNK}
        rows = connection.exec_driver_sql(_REFERENCES, parameters).all()
        if not rows:
            return
        yield rows
        after = rows[-1].pos_id
