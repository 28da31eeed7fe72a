"""How commands end when something is wrong: one line on stderr, and an exit code that says which kind."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Final, NamedTuple
from uuid import uuid4

from reconciler.domain.errors import (
    ConfigError,
    InputError,
    NotFoundError,
    ReconcilerError,
    RefusedError,
    UnavailableError,
    VendorError,
)

UNEXPECTED: Final = 70
INTERRUPTED: Final = 130
NOBODY_READS: Final = 141

#: Exit codes as ``--help`` lists them.
EXIT_CODES: Final = (
    (0, "done"),
    (ReconcilerError.exit_code, "a check found something, or a failure without a code of its own"),
    (InputError.exit_code, "the command line, or what it was given, cannot be used"),
    (ConfigError.exit_code, "a setting or the channel file is wrong"),
    (NotFoundError.exit_code, "no such order, mismatch, channel, connection or merchant"),
    (RefusedError.exit_code, "understood, and not allowed in the present state"),
    (UnavailableError.exit_code, "what is needed does not answer, or takes nothing (database, broker, disk)"),
    (VendorError.exit_code, "a connection could not be read or written"),
    (UNEXPECTED, "a fault of the program; the line names an incident that the log explains"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
    (NOBODY_READS, "whoever read the output went away"),
)

_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BROKER_SILENT: Final = {"ConnectionError", "OperationalError", "TimeoutError"}


class Ending(NamedTuple):
    """The line to print and the code to end with."""

    line: str
    code: int


def exit_code_table() -> str:
    """Return the exit codes as ``--help`` shows them."""
    rows = [f"  {code:<5} {meaning}" for code, meaning in EXIT_CODES]
    return "\n".join(["Exit codes:", *rows, ""])


def ending_of(error: BaseException) -> Ending:
    """Say how a command ends after ``error``; what nobody foresaw is logged under an incident."""
    if (known := as_known(error)) is not None:
        return Ending(f"error: {flat(str(known))}", known.exit_code)
    return _unexpected(error)


def as_known(error: BaseException) -> ReconcilerError | None:
    """Return the error in our own words, if it is one that a person can act on."""
    if isinstance(error, ReconcilerError):
        return error
    if isinstance(error, OSError):
        return _system(error)
    library = type(error).__module__.partition(".")[0]
    if library == "sqlalchemy":
        return _database(error)
    if library in {"redis", "kombu"} and type(error).__name__ in _BROKER_SILENT:
        return UnavailableError("the broker does not answer", next_step="see: reconciler doctor")
    return None


def _system(error: OSError) -> ReconcilerError | None:
    if error.errno in _NO_SPACE:
        return UnavailableError("the disk is full", next_step="free some space, then run the command again")
    if error.filename is None or error.errno is None:
        return None
    return InputError(
        f"{error.filename}: {os.strerror(error.errno)}", next_step="check the path and its rights"
    )


def _database(error: BaseException) -> ReconcilerError | None:
    from reconciler.persistence.failures import as_unavailable

    return as_unavailable(error)


def _unexpected(error: BaseException) -> Ending:
    incident = uuid4().hex[:8]
    _log(incident, error)
    if os.environ.get("RECONCILER_DEBUG", "").lower() in {"1", "true", "yes", "on"}:
        traceback.print_exception(error, file=sys.stderr)
    name = type(error).__name__
    return Ending(
        f"error: a fault of the program ({name}, incident {incident}); "
        "look for that number in the log, or run again with RECONCILER_DEBUG=1",
        UNEXPECTED,
    )


def _log(incident: str, error: BaseException) -> None:
    import structlog

    from reconciler.logging import configure

    if not structlog.is_configured():
        configure()
    structlog.get_logger("reconciler.cli").error("unexpected_error", incident=incident, exc_info=error)


def flat(text: str) -> str:
    """Return ``text`` as one line that cannot drive a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
