"""The exception tree. A caller catches the class that says what it can do about it.

    ReconcilerError                 one clear line: what happened, and what to do next
    |-- InputError                  a person gave us something wrong (a file, a flag, a channel file)
    |   `-- ConfigError             the channel file or a setting is wrong
    |-- NotFoundError               no such order, channel, merchant, mismatch
    |-- RefusedError                understood, and not allowed now (a second click, a closed entry)
    |-- UnavailableError            a service we depend on does not answer (database, broker)
    `-- VendorError                 a connection could not be read or written
        |-- AuthError               the credentials are refused, or lack a scope
        |-- UnreachableError        no answer: file absent, host down, time-out
        `-- MalformedError          an answer that cannot be understood

Every error carries ``next_step``; ``exit_code`` is what the CLI ends with.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """Something went wrong that a person can act on."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}; {self.next_step}" if self.next_step else self.message


class InputError(ReconcilerError):
    """A person gave us something that cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """The channel file or a setting is wrong."""

    exit_code = 3


class NotFoundError(ReconcilerError):
    """Nothing of that name or number exists."""

    exit_code = 4


class RefusedError(ReconcilerError):
    """Understood, and not allowed in the present state."""

    exit_code = 5


class UnavailableError(ReconcilerError):
    """A service we depend on does not answer."""

    exit_code = 6


class VendorError(ReconcilerError):
    """A connection could not be read or written."""

    exit_code = 7


class AuthError(VendorError):
    """The credentials are refused, or lack a scope."""


class UnreachableError(VendorError):
    """No answer came: file absent, host down, time-out."""


class MalformedError(VendorError):
    """An answer came that cannot be understood."""
