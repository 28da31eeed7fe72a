"""What commands print: text stays text, whoever wrote it."""

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli import output
from reconciler.cli.output import amount, clean, plain, print_fields, print_json, print_table, show

HOSTILE = "[red]=HYPERLINK(1)[/]\x1b[31m\r\n\u202e<script>"
MOMENT = datetime(2026, 11, 20, 17, 0, tzinfo=timezone(timedelta(hours=2)))


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True)
class Row:
    """A read model."""

    reference: str
    at: datetime
    secret: bytes = field(default=b"hunter2", repr=False)


@given(st.text())
def test_any_text_becomes_printable(text):
    """Nothing that a shop wrote can move a cursor, change a colour or break a line."""
    assert clean(text).isprintable()


def test_control_characters_are_made_visible():
    """What was neutralised can still be seen, bidirectional overrides included."""
    assert clean(HOSTILE) == "[red]=HYPERLINK(1)[/]\\x1b[31m\\r\\n\\u202e<script>"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (MOMENT, "2026-11-20 15:00:00Z"),
        (timedelta(minutes=90), "90m"),
        (Colour.RED, "red"),
        (["a", None], "a, -"),
        ({"a\n": [1, 2]}, "a\\n: 1, 2"),
        ([], "-"),
        ({}, "-"),
        (Path("/x"), "/x"),
    ],
)
def test_values_are_written_for_a_person(value, expected):
    """Times are in UTC and say so; nothing is written as None or []."""
    assert show(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Row("1001", MOMENT), {"reference": "1001", "at": "2026-11-20T15:00:00Z"}),
        (b"raw", "<3 bytes>"),
        (timedelta(seconds=1.5), 1.5),
        (date(2026, 1, 1), "2026-01-01"),
        (time(4, 30), "04:30:00"),
        (Decimal("1.50"), "1.50"),
        (Colour.RED, "red"),
        ({1: (None, True)}, {"1": [None, True]}),
    ],
)
def test_values_are_written_for_programs(value, expected):
    """JSON holds times in ISO 8601, and no field that a repr would hide."""
    assert plain(value) == expected


def test_json_keeps_every_letter(capsys):
    """A customer's name is exact in JSON, where escapes keep it harmless."""
    print_json({"name": HOSTILE})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"name": HOSTILE}
    assert "\x1b" not in shown


def test_a_pipe_gets_aligned_columns(capsys):
    """Without a terminal a table is plain text, a line a row, and nothing trails."""
    print_table(("order", "what"), [("1001", "x"), ("2", HOSTILE)])
    assert capsys.readouterr().out.splitlines() == ["order  what", "1001   x", f"2      {clean(HOSTILE)}"]


def test_a_table_without_rows_is_its_header(capsys):
    """A script finds the columns even when there is nothing."""
    print_table(("order", "what"), [])
    assert capsys.readouterr().out == "order  what\n"


@pytest.fixture
def terminal(monkeypatch):
    """A terminal without colours, of a given width, and what was printed on it."""

    def of_width(columns):
        screen = io.StringIO()
        monkeypatch.setattr(screen, "isatty", lambda: True)
        monkeypatch.setattr("sys.stdout", screen)
        for name, value in {"COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}.items():
            monkeypatch.setenv(name, value)
        return screen

    return of_width


def test_a_narrow_terminal_gets_a_paragraph_a_row(terminal):
    """In 40 columns every cell can still be read, under its column's name."""
    screen = terminal(40)
    columns = ("number", "class", "channel", "order", "since", "what")
    print_table(
        columns, [("m17", "missing", "rosebud-web", "1001", None, "The [b]POS[/b] does not have it.")]
    )
    assert [line.rstrip() for line in screen.getvalue().splitlines()] == [
        "number m17 - class missing - channel",
        "rosebud-web - order 1001",
        "    The [b]POS[/b] does not have it.",
    ]


def test_a_terminal_gets_a_table_and_no_markup(terminal):
    """On a terminal rich draws the table, and a customer's [red] stays a word."""
    screen = terminal(200)
    print_table(("order", "what"), [("1001", "[red]x[/red] [link=http://x]y")], title="[b]orders")
    shown = screen.getvalue()
    assert "[red]x[/red] [link=http://x]y" in shown
    assert "[b]orders" in shown


@pytest.mark.parametrize("columns", [40, 200])
def test_a_terminal_without_colours_gets_no_escape_sequence(terminal, columns):
    """NO_COLOR means none: neither a bold heading nor a dim name reaches a screen reader or a log."""
    screen = terminal(columns)
    print_table(("order", "what"), [("1001", "FAILED " * 9), ("1002", "urgent")], title="orders")
    assert "\x1b" not in screen.getvalue()


def test_fields_stand_in_two_columns(capsys):
    """One pair a line, values aligned."""
    print_fields([("order", "1001"), ("since", MOMENT.astimezone(UTC)), ("note", None)])
    assert capsys.readouterr().out == "order  1001\nsince  2026-11-20 15:00:00Z\nnote   -\n"


def test_money_is_written_with_its_currency():
    """Minor units become major ones with as many decimals as the currency has."""
    assert amount(6313, "USD") == "63.13 USD"
    assert amount(63, "JPY") == "63 JPY"
    assert amount(None, "USD") is None


def test_a_said_line_is_one_line(capsys):
    """What is said in passing is neutralised like everything else."""
    output.say(HOSTILE)
    assert capsys.readouterr().out == clean(HOSTILE) + "\n"
