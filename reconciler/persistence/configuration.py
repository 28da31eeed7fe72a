"""Making the database say what a channel file says; applied twice, the second time changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from reconciler.domain.errors import ConfigError
from reconciler.persistence.consequences import channel_changed, connection_changed, prefixes_changed
from reconciler.persistence.models import ChannelRow, ConnectionRow, MerchantRow
from reconciler.persistence.policies import policy_to_json
from reconciler.ports import Change, ChannelSpec, ConfigurationSpec, ConnectionSpec, MerchantSpec, Side

_TABLES: Final = {
    "merchant": cast("Table", MerchantRow.__table__),
    "connection": cast("Table", ConnectionRow.__table__),
    "channel": cast("Table", ChannelRow.__table__),
}
#: Two people who apply at once do it one after the other. The first key is ours: see ``channels``.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(24256, 0)"
_TWIN: Final = """
SELECT h.name FROM channels own JOIN channels h ON h.pos_connection_id = own.pos_connection_id
WHERE own.name = %(name)s AND h.id <> own.id AND own.enabled AND h.enabled
    AND h.policy ->> 'reference_prefix' = own.policy ->> 'reference_prefix'
ORDER BY h.id LIMIT 1
"""
#: What a channel file calls the columns.
_TOLD: Final = {"credentials_digest": "credentials", "cart_connection_id": "cart", "pos_connection_id": "pos"}


@dataclass(frozen=True, slots=True)
class _Known:
    """A row as it is, locked."""

    kind: str
    name: str
    row: Row[Any]

    def differing(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of the wanted values that are not there yet."""
        return {name: value for name, value in wanted.items() if getattr(self.row, name) != value}

    def keep_owner(self, merchant_id: int, merchant: str) -> None:
        """Refuse to hand the row to another merchant: nothing crosses merchants."""
        if self.row.merchant_id != merchant_id:
            raise ConfigError(
                f"{self.kind} {self.name!r} belongs to another merchant than {merchant!r}",
                next_step="choose another name for it",
            )


class SqlConfiguration:
    """Writes what channel files say."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def apply(self, spec: ConfigurationSpec, now: datetime) -> Sequence[Change]:
        """Make the database say what ``spec`` says; what it does not name is left alone.

        Raises ConfigError when it refers to what does not exist, or moves something to another merchant.
        """
        self._connection.exec_driver_sql(_ONE_AT_A_TIME)
        changes = [self._merchant(merchant) for merchant in spec.merchants]
        changes += [self._vendor_connection(connection, now) for connection in spec.connections]
        changes += [self._channel(channel, now) for channel in spec.channels]
        for channel in spec.channels:
            self._refuse_twin(channel)
        return changes

    def _merchant(self, spec: MerchantSpec) -> Change:
        wanted = {"name": spec.name, "timezone": spec.timezone, "day_cutoff": spec.day_cutoff}
        known = self._find("merchant", spec.code, "code")
        return self._update(known, wanted) if known else self._insert("merchant", spec.code, wanted, "code")

    def _vendor_connection(self, spec: ConnectionSpec, now: datetime) -> Change:
        merchant_id = self._merchant_id(spec.merchant)
        wanted = {
            "side": spec.side.value,
            "vendor": spec.vendor,
            "base_url": spec.base_url,
            "options": dict(spec.options),
            "credentials_digest": spec.credentials_digest,
        }
        fresh = {"credentials": spec.credentials, "state": "ok", "state_reason": "", "state_since": now}
        known = self._find("connection", spec.name)
        if known is None:
            return self._insert("connection", spec.name, wanted | fresh | {"merchant_id": merchant_id})
        known.keep_owner(merchant_id, spec.merchant)
        differing = known.differing(wanted)
        # Encryption is salted: that credentials are the same is told by their digest. New ones get a new try.
        change = self._update(known, wanted, fresh if "credentials_digest" in differing else {})
        connection_changed(self._connection, known.row.id, differing)
        return change

    def _channel(self, spec: ChannelSpec, now: datetime) -> Change:
        merchant_id = self._merchant_id(spec.merchant)
        wanted: dict[str, Any] = {
            "cart_connection_id": self._connection_id(spec, Side.CART),
            "pos_connection_id": self._connection_id(spec, Side.POS),
            "policy": policy_to_json(spec.policy),
            "enabled": spec.enabled,
        }
        if spec.live_from is not None:
            wanted["live_from"] = spec.live_from
        known = self._find("channel", spec.name)
        if known is None:
            # Turns are taken by the database's clock.
            new = {"merchant_id": merchant_id, "live_from": now, "next_run_at": func.clock_timestamp()}
            change = self._insert("channel", spec.name, new | wanted | {"created_at": now})
            prefixes_changed(self._connection, {wanted["pos_connection_id"]}, spec.name)
            return change
        known.keep_owner(merchant_id, spec.merchant)
        change = self._update(known, wanted)
        channel_changed(self._connection, known.row, known.differing(wanted), now)
        return change

    def _refuse_twin(self, spec: ChannelSpec) -> None:
        """Refuse a channel that another one could take orders from, be it renamed or in another file.

        Each has a queue of its own, so that both would send what the POS lacks.
        """
        twin = self._connection.exec_driver_sql(_TWIN, {"name": spec.name}).scalar_one_or_none()
        if twin is not None:
            raise ConfigError(
                f"channel {spec.name!r}: channel {twin!r} has the same POS {spec.pos!r} "
                "and the same reference_prefix",
                next_step='give each its own: reference_prefix = "RB-"; or retire one: enabled = false',
            )

    def _merchant_id(self, code: str) -> int:
        found = self._find("merchant", code, "code")
        if found is None:
            raise ConfigError(f"there is no merchant {code!r}", next_step="describe it in the channel file")
        return int(found.row.id)

    def _connection_id(self, spec: ChannelSpec, side: Side) -> int:
        name = spec.cart if side is Side.CART else spec.pos
        found = self._find("connection", name)
        if found is None:
            raise ConfigError(
                f"channel {spec.name!r}: there is no connection {name!r}",
                next_step="describe it in the channel file",
            )
        if found.row.side != side:
            raise ConfigError(
                f"channel {spec.name!r}: connection {name!r} is not a {side} connection",
                next_step=f"name one of kind {side}",
            )
        found.keep_owner(self._merchant_id(spec.merchant), spec.merchant)
        return int(found.row.id)

    def _find(self, kind: str, name: str, key: str = "name") -> _Known | None:
        table = _TABLES[kind]
        row = self._connection.execute(select(table).where(table.c[key] == name)).one_or_none()
        return None if row is None else _Known(kind, name, row)

    def _insert(self, kind: str, name: str, values: Mapping[str, Any], key: str = "name") -> Change:
        self._connection.execute(insert(_TABLES[kind]).values({key: name} | dict(values)))
        return Change("created", kind, name)

    def _update(
        self, known: _Known, wanted: Mapping[str, Any], also: Mapping[str, Any] | None = None
    ) -> Change:
        """Write what differs; ``also`` goes along with it."""
        differing = known.differing(wanted)
        if not differing:
            return Change("unchanged", known.kind, known.name)
        table = _TABLES[known.kind]
        values = differing | dict(also or {})
        self._connection.execute(update(table).where(table.c.id == known.row.id).values(values))
        return Change("changed", known.kind, known.name, _told(known.row, differing))


def _told(row: Row[Any], differing: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the differences as a channel file does: a policy by its parts."""
    told: list[str] = []
    for name, value in differing.items():
        if name == "policy":
            told += [part for part in value if value[part] != row.policy.get(part)]
        else:
            told.append(_TOLD.get(name, name))
    return tuple(told)
