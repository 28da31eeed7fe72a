"""What a database error means to a person: one line and the next step, never a traceback or a parameter."""

from __future__ import annotations

from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reconciler.domain.errors import UnavailableError

_MIGRATE: Final = "run: reconciler db upgrade"
_DOCTOR: Final = "see that it runs and that its address is right: reconciler doctor"
#: SQLSTATE, or the class it starts with -> what happened, what to do.
_STATES: Final = {
    "42P01": ("the database has no tables of ours yet", _MIGRATE),
    "42703": ("the database's tables are of another version", _MIGRATE),
    "3D000": ("the database named in the address does not exist", "create it, or correct DATABASE_URL"),
    "28": ("the database refuses our user or password", "correct DATABASE_URL"),
    "53100": ("the database's disk is full", "free space there; nothing that was committed is lost"),
    "53": ("the database is out of connections or memory", _DOCTOR),
    "55P03": ("another session holds a lock in the database for too long", "try again"),
    "57014": ("a statement took longer than is allowed", "try again, or see what keeps the database busy"),
    "57P": ("the database is shutting down or starting up", "try again in a moment"),
    "25P03": ("the database ended a transaction that waited too long", "try again"),
    "40": ("two transactions got into each other's way", "try again"),
}


def as_unavailable(error: BaseException) -> UnavailableError | None:
    """Return what a database error means, or None when it is none, or a mistake in our own statements.

    >>> as_unavailable(ValueError("x")) is None
    True
    """
    if isinstance(error, PoolTimeout):
        return UnavailableError("every connection to the database is in use", next_step=_DOCTOR)
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate or ""
    for length in (5, 3, 2) if state else ():
        if found := _STATES.get(state[:length]):
            return UnavailableError(found[0], next_step=found[1])
    # An error without a state never came from the server.
    lost = isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError) and not state
    if not (lost or state.startswith("08")):
        return None
    line = _line(cause)
    _, refused, reason = line.partition("FATAL:")
    if refused:
        return UnavailableError(f"the database refuses us: {reason.strip()}", next_step=_DOCTOR)
    return UnavailableError(f"the database does not answer ({line})", next_step=_DOCTOR)


def _line(error: psycopg.Error) -> str:
    """Return the driver's first line, which names host and port and no password.

    A connection error may list an attempt per address; the first says enough.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".")[:300] if lines else "no reason given"
