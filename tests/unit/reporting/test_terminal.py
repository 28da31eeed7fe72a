"""The report on a terminal and in a pipe."""

import re

import pytest

from reconciler.domain.queue import QueueStatus
from reconciler.ports.reports import QueueState
from reconciler.reporting import render_terminal, render_text
from tests.unit.reporting import sample

QUIET = """\
=========================================
Failure report: Rosebud Florist (rosebud)
Nothing needs anybody.
Made Fri 20 Nov 2026 14:07, business day Fri 20 Nov 2026; times are America/Denver (MST, UTC-07:00).

REPAIRED BY ITSELF: 0 orders
  none since Thu 19 Nov 00:00

WAITING
  0 on their way, inside the grace

COVERAGE
  rosebud-web: cart checked until 14:05, complete; POS checked until 14:00, complete

MONEY, cart less POS
  no paid order fell into the period

QUARANTINE: 0 entries
  everything that was read could be understood

THE BOOKS: 1,248 paid orders
  1,248 agreed, 0 in grace, 0 queued, 0 open mismatches, 0 closed with a reason
  the books balance: no order is in none, and none in two
"""


def test_a_quiet_day_reads_like_this():
    """All there is to say when nothing is wrong."""
    assert render_text(sample.report()) == QUIET


def test_a_finding_says_what_since_when_and_what_next():
    """Reference, money, age, due date, queue; the sentence; the evidence; the next step."""
    queue = QueueState(status=QueueStatus.FAILED, flagged=True, attempts=2)
    finding = sample.finding(deliver_on=sample.NOW.date(), queue=queue)
    text = render_text(sample.report(sample.section(groups=(sample.group(finding),))))
    expected = """\
URGENT: 1 order
  Ops: Missing from the POS (1)
    101023  m101023 | 63.13 USD | since 08:47 (5 h 20 min) | due today | queue: failed, waits for a
    person, 2 attempts
      The order is paid (63.13 USD) and the POS does not have it.
      paid at: 08:47
      Next: It is sent once by itself where that is safe; otherwise key it in, or set it ready.
"""
    assert expected in text


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(width):
    """Nothing wraps where the terminal would cut a word's middle and lose the indent."""
    lines = render_terminal(sample.rich_report(), width=width, colour=False).split("\n")
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]


def test_a_pipe_gets_no_colour():
    """Plain text has no escape sequence, and its own marks are plain ASCII."""
    text = render_text(sample.rich_report())
    assert "\x1b" not in text
    assert {character for character in text if not character.isascii()} <= set("éöüäß’")


def test_a_terminal_gets_the_same_words_in_colour():
    """Colour adds nothing that the words do not say."""
    colourful = render_terminal(sample.rich_report(), width=100, colour=True)
    plain = render_terminal(sample.rich_report(), width=100, colour=False)
    assert "\x1b[1;31m" in colourful
    bare = re.sub(r"\x1b\[[\d;]*m", "", colourful)
    assert [line.rstrip() for line in bare.split("\n")] == plain.split("\n")


def test_markup_and_escapes_are_text():
    """What a customer typed changes no colour, opens no link and moves no cursor."""
    evil = "[bold red]x[/] [link=http://evil.test]y[/link] :rose: \x1b[2J"
    text = render_terminal(
        sample.report(sample.section(groups=(sample.group(sample.finding(1, sentence=evil)),))),
        width=120,
        colour=True,
    )
    assert "[bold red]x[/] [link=http://evil.test]y[/link] :rose: \\x1b[2J" in text


def test_long_groups_are_cut_and_say_so():
    """A terminal lists the first of each group, and how to see the others."""
    text = render_text(sample.large_report(500))
    assert text.count("does not have it") == 20
    more = "and 480 more: reconciler mismatches list --merchant rosebud --class missing --limit 500"
    assert more in text


def test_books_that_do_not_balance_are_shouted():
    """An order in no place, or in two, is the program's own fault, and it says so."""
    text = render_text(sample.report(sample._cafe()))
    assert "THE BOOKS DO NOT BALANCE: 1 in none, 1 in two: B-77, B-81" in text
    assert "unexplained 4.00" in text


def test_no_merchant_is_not_an_empty_page():
    """A fresh installation is told what to do."""
    assert "reconciler apply FILE" in render_text(
        sample.report().__class__(generated_at=sample.NOW, version="0.1.0", merchants=())
    )
