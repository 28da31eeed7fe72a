"""What else changes in the database when a connection or a channel's policy does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from reconciler.persistence.channels import SqlChannels
from reconciler.persistence.policies import policy_from_json
from reconciler.persistence.rekey import rekey
from reconciler.ports import Side

#: What was proven of one source proves nothing of another, and the next read starts at its beginning.
_FORGET: Final = """
DELETE FROM covered c USING channels h
WHERE c.channel_id = h.id AND c.side = %(side)s
    AND %(connection)s = CASE %(side)s WHEN 'cart' THEN h.cart_connection_id ELSE h.pos_connection_id END
"""
_RUN_SOON: Final = """
UPDATE channels SET next_run_at = least(next_run_at, clock_timestamp())
WHERE %(connection)s IN (cart_connection_id, pos_connection_id)
"""
#: Judged by other rules now, or read elsewhere, so nothing counts as compared. Each time another number below
#: 1 says so, by which a run that is under way learns of it.
_ANEW: Final = """
compared_run = least(compared_run, 0) - 1, next_run_at = least(next_run_at, clock_timestamp())
"""
_JUDGE_ANEW: Final = f"""
UPDATE channels SET {_ANEW}, mapping_version = mapping_version + %(mapped)s WHERE id = %(channel)s
"""  # noqa: S608 - fragments above
_READ_ANEW: Final = f"""
UPDATE channels SET {_ANEW} WHERE %(connection)s IN (cart_connection_id, pos_connection_id)
"""  # noqa: S608 - fragments above
#: Orders with an article that is mapped otherwise now: until they are judged, SQL cannot compare their lines.
_UNMAP: Final = """
UPDATE cart_orders SET mapped = false
WHERE channel_id = %(channel)s AND mapped AND EXISTS (
    SELECT FROM jsonb_array_elements(lines) line WHERE line ->> 'sku' = ANY(%(skus)s)
)
"""
#: What is inside the new download rule has now been seen inside it.
_SEE_INSIDE: Final = """
UPDATE cart_orders SET rule_seen_at = %(now)s
WHERE channel_id = %(channel)s AND rule_seen_at IS NULL AND NOT archived
    AND (%(payment)s::text[] = '{}' OR payment_status = ANY(%(payment)s))
    AND (%(fulfillment)s::text[] = '{}' OR fulfillment_status = ANY(%(fulfillment)s))
"""


def connection_changed(connection: Connection, connection_id: int, differing: Mapping[str, Any]) -> None:
    """Forget what was proven when a connection leads elsewhere; have its channels run soon."""
    if not differing:
        return
    connection.exec_driver_sql(_RUN_SOON, {"connection": connection_id})
    if differing.keys() & {"vendor", "base_url", "options"}:
        connection.exec_driver_sql(_READ_ANEW, {"connection": connection_id})
        for side in Side:
            connection.exec_driver_sql(_FORGET, {"connection": connection_id, "side": side.value})


def channel_changed(
    connection: Connection, before: Row[Any], differing: Mapping[str, Any], now: datetime
) -> None:
    """Bring what is stored of a channel in line with its new policy; ``differing`` is written already."""
    if not differing.keys() - {"live_from", "enabled"}:
        return
    old = policy_from_json(before.policy, before.live_from)
    new = SqlChannels(connection).by_id(before.id).policy
    remapped = (old.sku_map, old.shipping_map) != (new.sku_map, new.shipping_map)
    connection.exec_driver_sql(_JUDGE_ANEW, {"channel": before.id, "mapped": int(remapped)})
    if skus := _mapped_otherwise(old.sku_map, new.sku_map):
        connection.exec_driver_sql(_UNMAP, {"channel": before.id, "skus": skus})
    if old.download != new.download:
        rule = {"payment": sorted(new.download.payment), "fulfillment": sorted(new.download.fulfillment)}
        connection.exec_driver_sql(_SEE_INSIDE, {"channel": before.id, "now": now} | rule)
    for column, side in (("cart_connection_id", Side.CART), ("pos_connection_id", Side.POS)):
        if column in differing:
            connection.exec_driver_sql(_FORGET, {"connection": differing[column], "side": side.value})
    if "pos_connection_id" in differing or old.reference_prefix != new.reference_prefix:
        shared = {before.pos_connection_id, differing.get("pos_connection_id", before.pos_connection_id)}
        prefixes_changed(connection, shared, before.name)


def prefixes_changed(connection: Connection, pos_connections: Collection[int], by: str) -> None:
    """Tell the records of all channels on these POS connections apart again, as channel ``by`` changed."""
    for channel in SqlChannels(connection).list():
        if channel.pos.id in pos_connections:
            if channel.name != by:
                connection.exec_driver_sql(_JUDGE_ANEW, {"channel": channel.id, "mapped": 0})
            rekey(connection, channel)


def _mapped_otherwise(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    return sorted(sku for sku in old.keys() | new.keys() if old.get(sku, sku) != new.get(sku, sku))
