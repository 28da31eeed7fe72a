"""What the read models share: filters that are absent when nobody sets them, and rows as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection

from reconciler.domain.errors import NotFoundError

T = TypeVar("T")

LIMIT: Final = 100
_MERCHANTS: Final = "SELECT code FROM merchants ORDER BY code"
_CHANNELS: Final = """
SELECT h.name FROM channels h JOIN merchants m ON m.id = h.merchant_id
WHERE %(merchant)s::text IS NULL OR m.code = %(merchant)s
ORDER BY h.name
"""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Some rows, and how many there are in all."""

    rows: Sequence[T]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Filters that every list has. ``search`` finds an order number or an object id that contains it."""

    merchant: str | None = None
    channel: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    search: str | None = None
    limit: int = LIMIT


def scope_parameters(scope: Scope) -> dict[str, Any]:
    """Return a scope as parameters of a statement."""
    return {field.name: getattr(scope, field.name) for field in fields(scope)}


def listing(
    connection: Connection, statement: str, parameters: Mapping[str, Any], kind: type[T]
) -> Listing[T]:
    """Run a statement whose rows carry ``total_rows``, the count without the limit.

    Raises NotFoundError for a merchant or channel that does not exist: an empty list would sound as if all
    were well.
    """
    rows = connection.exec_driver_sql(statement, dict(parameters)).mappings().all()
    if not rows:
        require_known(connection, parameters.get("merchant"), parameters.get("channel"))
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    found = [kind(**{name: row[name] for name in names}) for row in rows]
    return Listing(found, rows[0]["total_rows"] if rows else 0)


def require_known(connection: Connection, merchant: str | None, channel: str | None = None) -> None:
    """Raise NotFoundError for a merchant that does not exist, or a channel that does not or is not his."""
    _require("merchant", merchant, connection.exec_driver_sql(_MERCHANTS).scalars().all())
    channels = connection.exec_driver_sql(_CHANNELS, {"merchant": merchant}).scalars().all()
    _require("channel", channel, channels)


def _require(kind: str, name: str | None, names: Sequence[str]) -> None:
    if name is not None and name not in names:
        known = f"known: {', '.join(names[:10])}" if names else "describe one: reconciler apply FILE"
        raise NotFoundError(f"there is no {kind} {name!r}", next_step=known)


def rows_of(
    connection: Connection, statement: str, parameters: Mapping[str, Any], kind: type[T]
) -> Sequence[T]:
    """Run a statement; return its rows as values whose fields are its columns."""
    rows = connection.exec_driver_sql(statement, dict(parameters)).mappings()
    return [kind(**row) for row in rows]
