"""Times, amounts and facts as a person reads them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from reconciler.reporting.values import Local, coverage_text, due_text
from reconciler.reporting.words import CLASSES, FATES, MENDINGS, PARTIES, SIDES, URGENCY, money_text
from tests.unit.reporting import sample

DENVER = Local(sample.merchant(), sample.NOW)


def facts(**values: object) -> dict[str, str]:
    """Return a finding's evidence as a person reads it."""
    return dict(DENVER.facts(sample.finding(facts=values)))


def test_every_word_of_the_domain_has_its_name():
    """No class, party or state can appear under its code's name because somebody forgot to name it."""
    for words in (CLASSES, PARTIES, URGENCY, SIDES, MENDINGS, FATES):
        (vocabulary,) = {type(word) for word in words}
        assert set(words) == set(vocabulary)


@pytest.mark.parametrize(
    ("moment", "shown"),
    [
        (datetime(2026, 11, 20, 20, 5, tzinfo=UTC), "13:05"),
        (datetime(2026, 11, 20, 6, 59, tzinfo=UTC), "Thu 19 Nov 23:59"),
        (datetime(2025, 7, 4, 18, 0, tzinfo=UTC), "Fri 4 Jul 2025 12:00"),
    ],
)
def test_times_are_the_merchants(moment, shown):
    """The clock alone today, the day as well before, the year where it is another; summer time counts."""
    assert DENVER.time(moment) == shown


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/Denver", "America/Denver (MST, UTC-07:00)"),
        ("Asia/Kolkata", "Asia/Kolkata (IST, UTC+05:30)"),
        ("America/Sao_Paulo", "America/Sao_Paulo (UTC-03:00)"),
        ("Nowhere/Land", "UTC (UTC, UTC+00:00)"),
    ],
)
def test_the_zone_is_named(zone, shown):
    """With its offset, and its abbreviation where it has one; an unknown zone is UTC and says so."""
    assert Local(sample.merchant(timezone=zone), sample.NOW).zone_text == shown


@pytest.mark.parametrize(
    ("due", "shown"),
    [
        (None, ""),
        (date(2026, 11, 20), "due today"),
        (date(2026, 11, 21), "due tomorrow"),
        (date(2026, 11, 25), "due Wed 25 Nov"),
        (date(2026, 11, 18), "was due Wed 18 Nov"),
    ],
)
def test_a_due_date_says_how_near_it_is(due, shown):
    """Seen from the report's business day."""
    assert due_text(due, date(2026, 11, 20)) == shown


def test_facts_read_like_words():
    """Names lose their underscores, times are local, lists and parts are spelled out."""
    told = facts(
        pos_ids=["P1", "P2"],
        edited_at="2026-11-20T15:47:00+00:00",
        split={"tax": "0.20", "goods": "-0.70"},
        lacking={"ROSE_12": "2"},
        vendor_words="no_such_item",
        over_alarm_share=True,
        deliver_on="2026-11-20",
    )
    assert told == {
        "vendor words": "no_such_item",
        "difference by part": "tax: 0.20, goods: -0.70",
        "more than 1% of the total": "yes",
        "edited at": "08:47",
        "lacking": "ROSE_12: 2",
        "POS records": "P1, P2",
    }


def test_facts_that_say_nothing_are_left_out():
    """None, no, and what the row shows anyway."""
    assert facts(cancelled_at=None, attention_required=False, queue="failed", attempts=2, codes=[]) == {}


def test_long_lists_are_cut():
    """A thousand references help nobody who reads; the JSON has them."""
    told = facts(references=[str(number) for number in range(1000)])["references"]
    assert told.endswith("and 988 more")
    assert told.count(",") == 11


@pytest.mark.parametrize("odd", ["yesterday", "", 17, True, "9999-99-99", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_shown_as_it_is(odd):
    """Evidence is never lost to a format that nobody expected."""
    assert facts(seen_at=odd).get("seen at", "") in {str(odd), "yes", "0001-01-01T00:00:00+14:00"}


@pytest.mark.parametrize(
    ("side", "shown"),
    [
        ({}, "14:00, complete"),
        ({"stale": True, "covers_to": sample.ago(hours=3)}, "11:07, complete, stale (3 h ago)"),
        (
            {"complete": False, "reason": "breaks off"},
            "14:00; the read at 14:05 was incomplete: breaks off",
        ),
        (
            {"complete": False, "covers_to": None},
            "never completely; the read at 14:05 was incomplete",
        ),
        ({"complete": False, "covers_to": None, "read_at": None}, "not read yet"),
    ],
)
def test_coverage_says_until_when_and_how_well(side, shown):
    """Complete, stale, incomplete and never are four different things."""
    assert coverage_text(sample.coverage(**side).pos, DENVER) == shown


def test_money_keeps_its_decimals():
    """None, two or three, as the currency has them; small negative amounts keep their sign."""
    shown = [money_text(*pair) for pair in ((1234567, "JPY"), (-5, "USD"), (1234567, "KWD"))]
    assert shown == ["1,234,567", "-0.05", "1,234.567"]


def test_ages_do_not_go_below_nothing():
    """A finding whose time lies ahead (a clock that is wrong) is new, not minus five minutes old."""
    assert DENVER.age(sample.NOW + timedelta(minutes=5)) == "under 1 min"
