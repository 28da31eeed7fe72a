"""What callers get back: addresses and states."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceUrls:
    """Addresses of the two servers; both contain a socket path and no secret."""

    #: SQLAlchemy URL, ``postgresql+psycopg://...?host=<socket folder>``.
    database_url: str
    #: ``unix://<socket>?db=0``, as ``redis.from_url`` takes it.
    redis_url: str


@dataclass(frozen=True)
class ServiceStatus:
    """One server, as found now."""

    #: ``PostgreSQL`` or ``Valkey``.
    name: str
    #: Whether it answers and does its work (a server that is still starting is not running yet).
    running: bool
    #: Process id, where a process is there at all.
    pid: int | None
    #: One line for a person: where it answers, or why it does not.
    detail: str
