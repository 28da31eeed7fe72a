"""Single values as order files write them, turned into the domain's: money, times, days, states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeVar

from reconciler.domain.money import exponent, parse_minor

E = TypeVar("E", bound=StrEnum)

#: Longer ones are no order numbers, and a database index has its limits.
MAX_KEY: Final = 200
#: Minor units beyond this fit no bigint column together with a sum over them.
MAX_MINOR: Final = 10**17
#: A quantity or unit price with more places than this, before or after the point, is no such thing.
MAX_PLACES: Final = 12
#: How much of a refused value is repeated in the reason.
SHOWN: Final = 40

#: What a spreadsheet makes of a long number.
MANGLED: Final = re.compile(r"\d([.,]\d+)?E\+\d+\Z", re.ASCII)

FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": False}


class BadRow(ValueError):
    """A row that is no order. ``reason`` names the key and holds nothing of the row; ``value`` does."""

    def __init__(self, reason: str, value: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value

    def __str__(self) -> str:
        return self.reason if self.value is None else f"{self.reason}: {self.value[:SHOWN]!r}"


def needed(text: str | None, key: str) -> str:
    """Return a value that every row must have."""
    if not text or text.isspace():
        raise BadRow(f"{key} is missing")
    return text


def word(text: str | None) -> str | None:
    """Return a word that is compared with other words, without white space around; None when it is blank."""
    return (text.strip() or None) if text else None


def identity(text: str, key: str) -> str:
    """Return a key by which orders are told apart, once it is cleaned up."""
    if not text:
        raise BadRow(f"{key} is missing")
    if len(text) > MAX_KEY:
        raise BadRow(f"{key} is longer than {MAX_KEY} characters")
    if not text.isprintable() or "\ufffd" in text:
        raise BadRow(f"{key} holds a character that cannot be seen", text)
    if MANGLED.match(text):
        raise BadRow(f"{key} was rounded by a spreadsheet; export again and do not open it in one", text)
    return text


@lru_cache(maxsize=256)
def currency_of(text: str) -> tuple[str, int]:
    """Return an ISO 4217 code and its number of decimals."""
    code = text.strip().upper()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise BadRow("currency is not a code of three letters", text)
    return code, exponent(code)


def minor(text: str, currency: tuple[str, int], key: str) -> int:
    """Read an amount in major units; return it in minor units."""
    whole, _, fraction = text.partition(".")
    digits = currency[1]
    # The common spelling, at a third of the cost of the regular expression behind parse_minor.
    if len(fraction) == digits and 0 < len(whole) < 13 and text.isascii():
        joined = whole + fraction
        if joined.isdigit() and (digits or joined == text):
            return int(joined)
    try:
        amount = parse_minor(text.strip(), currency[0])
    except ValueError as error:
        what = "has too many decimals" if "more than" in str(error) else "is not a decimal amount"
        raise BadRow(f"{key} {what}", text) from None
    if abs(amount) > MAX_MINOR:
        raise BadRow(f"{key} is too large", text)
    return amount


def minor_or_none(text: str | None, currency: tuple[str, int], key: str) -> int | None:
    """Read an amount that may be absent."""
    return minor(text, currency, key) if text else None


def moment(text: str, key: str) -> datetime:
    """Read an ISO 8601 time with an offset; return it in UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = _moment_untidy(text, key)
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise BadRow(f"{key} has no offset, such as Z or +01:00", text)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise BadRow(f"{key} is not a time", text) from None


def _moment_untidy(text: str, key: str) -> datetime:
    """Read a time with a space before its offset, or white space around."""
    try:
        return datetime.fromisoformat("".join(text.strip().rsplit(" ", 1)) if " " in text else text)
    except ValueError:
        raise BadRow(f"{key} is not an ISO 8601 time", text) from None


def moment_or_none(text: str | None, key: str) -> datetime | None:
    """Read a time that may be absent."""
    return moment(text, key) if text else None


def day_or_none(text: str | None, key: str) -> date | None:
    """Read a day, or the day of a time as it is written there; None when absent."""
    if not text:
        return None
    text = text.strip()
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text).date()
    except ValueError:
        raise BadRow(f"{key} is not a day such as 2026-11-20", text) from None


def state(text: str, known: Mapping[str, E], key: str) -> E:
    """Read one of a fixed set of words."""
    found = known.get(text) or known.get(text.strip().lower())
    if found is None:
        raise BadRow(f"{key} is none of {', '.join(known)}", text)
    return found


def flag(value: bool | str | None, key: str) -> bool:  # noqa: FBT001 - it reads what a file says
    """Read a yes or no; absent is no."""
    if value is None or isinstance(value, bool):
        return bool(value)
    found = FLAGS.get(value.strip().lower())
    if found is None:
        raise BadRow(f"{key} is neither true nor false", value)
    return found


def quantity(value: int | Decimal | None, key: str) -> Decimal:
    """Return a number of units; one where the line does not tell."""
    number = Decimal(1) if value is None else Decimal(value)
    if not _sensible(number):
        raise BadRow(f"{key} is not a number of units", str(number))
    return number


def unit_price(text: str | None) -> Decimal | None:
    """Return a price in major units, of any precision; what cannot be read is unknown, never an error."""
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if _sensible(number) else None


def _sensible(number: Decimal) -> bool:
    """Keep out NaN, infinities, and the few characters that unfold to a million digits."""
    return number.is_finite() and abs(number.adjusted()) <= MAX_PLACES and len(str(number)) <= 3 * MAX_PLACES
