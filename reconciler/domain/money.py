"""Money as integer minor units of an ISO 4217 currency. Never a float.

>>> parse_minor("63.13", "USD"), parse_minor("63", "JPY"), parse_minor("1.234", "KWD")
(6313, 63, 1234)
>>> format_minor(6313, "USD"), format_minor(-5, "USD"), format_minor(63, "JPY")
('63.13', '-0.05', '63')
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

#: Digits after the point, where ISO 4217 says other than two.
EXPONENTS: Final = {
    **dict.fromkeys(("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF").split(), 0),
    **dict.fromkeys(("BHD IQD JOD KWD LYD OMR TND").split(), 3),
    **dict.fromkeys(("CLF UYW").split(), 4),
}

#: Smallest coin in minor units, where cash totals are rounded because smaller coins are gone.
CASH_UNITS: Final = {
    "AUD": 5, "CAD": 5, "CHF": 5, "CZK": 100, "DKK": 50, "HUF": 500, "NOK": 100, "NZD": 10, "SEK": 100,
}  # fmt: skip

_AMOUNT = re.compile(r"[+-]?\d{1,15}(\.\d{1,12})?\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,40})?([eE][+-]?\d)?\Z", re.ASCII)


def exponent(currency: str) -> int:
    """Return how many decimals ``currency`` has."""
    return EXPONENTS.get(currency, 2)


def parse_minor(text: str, currency: str) -> int:
    """Read a decimal string in major units; raise ValueError when it is none or has too many decimals."""
    if not _AMOUNT.match(text):
        raise ValueError(f"{text[:40]!r} is not a decimal amount")
    digits = exponent(currency)
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0") if len(fraction) > digits else fraction
    if len(fraction) > digits:
        raise ValueError(f"{text[:40]!r} has more than the {digits} decimals of {currency}")
    return int(whole + fraction.ljust(digits, "0"))


def format_minor(amount: int, currency: str) -> str:
    """Write minor units as a decimal string in major units, without the currency."""
    digits = exponent(currency)
    if not digits:
        return str(amount)
    sign, padded = "-" if amount < 0 else "", str(abs(amount)).rjust(digits + 1, "0")
    return f"{sign}{padded[:-digits]}.{padded[-digits:]}"


def parse_quantity(value: str) -> Decimal:
    """Read a quantity or unit price, finer than the currency if need be; raise ValueError when it is none."""
    if not _NUMBER.match(value):
        raise ValueError(f"{value[:40]!r} is not a number")
    return Decimal(value)


def within_tolerance(expected: int, found: int, currency: str, *, lines: int, per_line: int) -> bool:
    """Say whether two totals differ by rounding only: ``per_line`` minor units a line, or cash rounding.

    >>> (
    ...     within_tolerance(8532, 8533, "USD", lines=2, per_line=1),
    ...     within_tolerance(8532, 8535, "USD", lines=2, per_line=1),
    ... )
    (True, False)
    >>> within_tolerance(1012, 1010, "CHF", lines=1, per_line=1)
    True
    """
    difference = abs(expected - found)
    if difference <= per_line * max(1, lines):
        return True
    unit = CASH_UNITS.get(currency)
    return unit is not None and found % unit == 0 and difference * 2 <= unit
