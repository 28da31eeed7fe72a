"""What the read models share: filters that are absent when nobody sets them, and rows as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

LIMIT: Final = 100


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
    """Run a statement whose rows carry ``total_rows``, the count without the limit."""
    rows = connection.exec_driver_sql(statement, dict(parameters)).mappings().all()
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    found = [kind(**{name: row[name] for name in names}) for row in rows]
    return Listing(found, rows[0]["total_rows"] if rows else 0)


def rows_of(
    connection: Connection, statement: str, parameters: Mapping[str, Any], kind: type[T]
) -> Sequence[T]:
    """Run a statement; return its rows as values whose fields are its columns."""
    rows = connection.exec_driver_sql(statement, dict(parameters)).mappings()
    return [kind(**row) for row in rows]
