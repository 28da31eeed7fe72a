"""Money in minor units: every exponent, no float, and what counts as rounding."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler import domain
from reconciler.domain.money import exponent, format_minor, parse_minor, parse_quantity, within_tolerance

FOLDER = Path(str(domain.__file__)).parent


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("63.13", "USD", 6313),
        ("63.1", "USD", 6310),
        ("63", "USD", 6300),
        ("0.05", "USD", 5),
        ("-0.05", "USD", -5),
        ("+1.00", "USD", 100),
        ("63.1300", "USD", 6313),  # zeros beyond the cent say nothing
        ("0", "USD", 0),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("12345678901.23", "USD", 1234567890123),
    ],
)
def test_a_decimal_string_becomes_minor_units(text, currency, minor):
    """A currency's own number of decimals decides, whether it has none, two or three."""
    assert parse_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("63.131", "USD"),  # a tenth of a cent
        ("0.5", "JPY"),
        ("1.2345", "KWD"),
        ("", "USD"),
        ("abc", "USD"),
        ("1,234.00", "USD"),
        ("1 234", "USD"),
        (" 1.00", "USD"),
        ("1.", "USD"),
        (".5", "USD"),
        ("1e3", "USD"),
        ("NaN", "USD"),
        ("Infinity", "USD"),
        ("1_000", "USD"),
        ("\u0661\u0662", "USD"),  # digits, but not ours
        ("$5", "USD"),
        ("=1+1", "USD"),
        ("1\n", "USD"),
        ("9" * 40, "USD"),
    ],
)
def test_what_is_no_amount_is_refused_and_quoted(text, currency):
    """An amount is never guessed: one clear error names what was read, cut to a readable length."""
    with pytest.raises(ValueError, match="decimal") as caught:
        parse_minor(text, currency)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (6313, "USD", "63.13"),
        (5, "USD", "0.05"),
        (-5, "USD", "-0.05"),
        (0, "USD", "0.00"),
        (500, "JPY", "500"),
        (-500, "JPY", "-500"),
        (1234, "KWD", "1.234"),
        (-1, "KWD", "-0.001"),
    ],
)
def test_minor_units_are_written_with_the_currencys_decimals(minor, currency, text):
    """What a person reads has as many decimals as the currency, and the sign in front."""
    assert format_minor(minor, currency) == text


def test_an_unknown_currency_has_two_decimals():
    """Most have two; those that do not are listed."""
    assert [exponent(code) for code in ("XYZ", "USD", "JPY", "KWD")] == [2, 2, 0, 3]


@pytest.mark.parametrize("text", ["1", "0.5", "2.000", "-1", "1E+2", "1e-3", "0." + "3" * 30])
def test_a_quantity_may_be_of_any_precision(text):
    """Florists sell half a metre of ribbon; prices may be finer than a cent."""
    assert parse_quantity(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["", "x", "NaN", "Infinity", "1_000", " 1", "1e99", "\u0663", "1e999999", "0x10"]
)
def test_what_is_no_quantity_is_refused(text):
    """Odd spellings that Decimal would take, and numbers that would fill the memory, are errors."""
    with pytest.raises(ValueError, match="is not a number"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("expected", "found", "currency", "lines", "same"),
    [
        (8532, 8533, "USD", 1, True),
        (8532, 8534, "USD", 1, False),
        (8532, 8534, "USD", 2, True),
        (8532, 8531, "USD", 0, True),
        (1012, 1010, "CHF", 1, True),  # 10.12 rounds down to 10.10
        (1013, 1015, "CHF", 1, True),  # 10.13 rounds up to 10.15
        (1012, 1015, "CHF", 1, False),
        (1012, 1009, "CHF", 1, False),
        (1012, 1014, "CHF", 1, False),  # no coin makes 10.14
        (1015, 1010, "NZD", 1, True),  # halfway, a till may go either way
        (1015, 1020, "NZD", 1, True),
        (500, 501, "JPY", 1, True),
        (500, 502, "JPY", 1, False),
        (1234, 1235, "KWD", 1, True),
        (1234, 1236, "KWD", 1, False),
        (100_40, 100_00, "SEK", 1, True),
        (100_60, 100_00, "SEK", 1, False),
    ],
)
def test_rounding_is_a_cent_a_line_or_what_the_till_has_coins_for(expected, found, currency, lines, same):
    """Totals that differ by no more than rounding agree; a cent beyond it they do not."""
    assert within_tolerance(expected, found, currency, lines=lines, per_line=1) is same


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_there_is_no_float_in_the_domain(path):
    """No module writes a fraction in binary or turns anything into one: cents would get lost."""
    tree = ast.parse(path.read_text("utf-8"))
    floats = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    calls = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "float"]
    assert (floats, calls) == ([], [])
