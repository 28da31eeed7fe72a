"""What customers typed steers neither a terminal nor a page nor a spreadsheet."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reporting.clean import cell, plain
from tests.unit.reporting.sample import HOSTILE

STARTS = "=+-@\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Rose Müller", "Rose Müller"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("two\r\nlines\tand tabs", "two lines and tabs"),
        ("half a pair \ud83d", "half a pair \\ud83d"),
        ("paragraph\u2029end", "paragraph\\u2029end"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("שלום", "שלום"),
        ("👩\u200d🌾", "👩\u200d🌾"),
    ],
)
def test_steering_characters_become_visible(typed, shown):
    """Letters of every script stay; what would turn, hide, break or colour text is written out."""
    assert plain(typed) == shown


@given(st.text())
def test_nothing_that_steers_is_left(typed):
    """No control, format, surrogate or separator character passes, but for the two joiners."""
    left = {unicodedata.category(character) for character in plain(typed) if character not in "\u200c\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "typed",
    [
        "=1+1",
        "+1",
        "-2",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        '"=1"',
        "'=1",
        " =1",
        "\uff1d1",
        "a;=1",
        "a,=1",
        "x|@y",
        HOSTILE,
    ],
)
def test_no_formula_begins_a_cell(typed):
    """Wherever some program may take a cell to begin, an apostrophe stands before the sign."""
    for separator in ('"', ";", ",", "|"):
        starts = [part.lstrip()[:1] for part in cell(typed).split(separator)]
        assert [start for start in starts if start and start in STARTS] == []


@given(st.text())
def test_a_cell_keeps_its_text(typed):
    """Only apostrophes are added: whoever reads the spreadsheet reads what was typed."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow([cell(typed)])
    ((read,),) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert read.replace("'", "") == plain(typed).replace("'", "")
    assert read.lstrip()[:1] not in {*STARTS}


def test_amounts_and_names_stay_as_they_are():
    """Prose with dashes, plus signs and equals signs inside is not disfigured."""
    told = "2 x ROSE-12 (49.20 USD), cash + card, a=b"
    assert cell(told) == told
