"""The connection to PostgreSQL: time-outs that end every wait, and no data in error messages."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Engine, create_engine

#: What every session sets. A full sweep may take minutes; a forgotten transaction or a lock may not.
SESSION: Final = {
    "timezone": "UTC",
    "lock_timeout": "30s",
    "statement_timeout": "15min",
    "idle_in_transaction_session_timeout": "5min",
    # The server notices a dead client, so that its locks (a run's among them) are freed.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Cursors are always read to their end: plan for that, not for the first row.
    "cursor_tuple_fraction": "1",
}
CONNECT: Final[dict[str, Any]] = {
    "application_name": "reconciler",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # A plan kept from when a table was small reads all of it, page after page, once it has grown.
    "prepare_threshold": None,
    "options": " ".join(f"-c {name}={value}" for name, value in SESSION.items()),
}


def make_engine(url: str) -> Engine:
    """Return an engine for PostgreSQL. Nothing is connected yet.

    Not for a transaction-pooling proxy: a run's lock lives as long as its session.
    """
    return create_engine(
        url,
        connect_args=CONNECT,
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        # Parameters are customers' data: not for tracebacks or logs.
        hide_parameters=True,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
        json_deserializer=msgspec.json.decode,
    )
