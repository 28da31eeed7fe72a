"""The picture: orders by hour and fate."""

import re
from datetime import UTC, datetime, timedelta

from reconciler.ports.reports import Fate, Hour
from reconciler.reporting import render_html
from tests.unit.reporting import sample
from tests.unit.reporting.page import Page


def drawn(*hours: Hour, **fields) -> Page:
    """Render a report with these hours."""
    return Page(render_html(sample.report(sample.section(hours=hours, **fields))))


def hour(number: int, **counts: int) -> Hour:
    """Make an hour of the report's day."""
    start = datetime(2026, 11, 20, 7, tzinfo=UTC) + timedelta(hours=number)
    return Hour(start, {Fate[name.upper()]: count for name, count in counts.items()})


def bars(page: Page, fate: str) -> list[float]:
    """Return the heights of a fate's blocks, both panels."""
    blocks = [rect for rect in page.all("rect", class_=f"bar {fate}") if "x" in rect.attributes]
    return [float(block.attributes["height"]) for block in blocks]


def test_heights_are_true_to_the_counts():
    """Twice as many orders stand twice as high, and a stack is as high as its parts."""
    page = drawn(hour(0, agreed=10), hour(1, agreed=20), hour(2, agreed=5, open=5))
    low, high, part = bars(page, "agreed")
    assert high == 2 * low
    assert part == low / 2
    assert bars(page, "open")[0] == part


def test_one_lost_order_among_thousands_is_seen():
    """In the lower panel it fills its scale, bears its number, and an urgent hour its sign."""
    page = drawn(hour(0, agreed=5000, urgent=1), hour(1, agreed=4000))
    assert min(bars(page, "urgent")) == 2
    assert max(bars(page, "urgent")) > 50
    assert len(page.all("use", class_="sign")) == 1
    assert [label.text for label in page.all("text", class_="number")] == ["1"]


def test_the_table_says_what_the_bars_say():
    """Hour by hour, in the merchant's zone, with a sum."""
    page = drawn(hour(0, agreed=10), hour(1), hour(2, agreed=5, open=2, urgent=1))
    (table,) = [t for t in page.all("table") if "Orders by hour" in t.text]
    cells = re.findall(r"Fri 20 Nov \d\d:00\d+", table.text)
    assert cells == ["Fri 20 Nov 00:0010000010", "Fri 20 Nov 02:00500218"]


def test_the_description_sums_up():
    """Who cannot see the picture hears its sums."""
    page = drawn(hour(0, agreed=1000, waiting=2), hour(1, repaired=3))
    told = page.one("desc").text
    assert told.startswith("1,000 agreed or closed, 3 repaired by itself, 2 waiting")


def test_hours_are_the_merchants_also_where_zones_are_odd():
    """In a zone half an hour off, the bars begin at its whole hours."""
    info = sample.merchant(timezone="Asia/Kolkata")
    start = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)
    page = drawn(Hour(start, {Fate.AGREED: 1}), merchant=info)
    assert "Fri 20 Nov 2026 06:00 to Fri 20 Nov 2026 07:00" in page.one("figcaption").text


def test_a_day_of_25_hours_has_25_bars():
    """When clocks go back, one hour comes twice, and no order is drawn over another."""
    start = datetime(2026, 11, 1, 6, tzinfo=UTC)
    hours = tuple(Hour(start + timedelta(hours=n), {Fate.AGREED: 3}) for n in range(25))
    page = drawn(*hours)
    assert len(bars(page, "agreed")) == 25
    assert "Sun 1 Nov 2026 00:00 to Mon 2 Nov 2026 00:00" in page.one("figcaption").text


def test_what_is_not_checked_yet_is_shaded():
    """A line shows up to when both sides were read; none is drawn where one was never read."""
    page = drawn(*(hour(n, agreed=1) for n in range(15)))
    assert len(page.all("rect", class_="unchecked")) == 1
    assert page.one("text", class_="reached").text == "checked until 14:00"
    unread = sample.coverage(covers_to=None, complete=False)
    assert drawn(hour(0, agreed=1), coverage=(unread,)).all("rect", class_="unchecked") == []


def test_no_order_is_no_picture():
    """An empty chart would look like a fault."""
    page = drawn(hour(0), hour(1))
    assert page.all("svg", role="img") == []
    assert "No order was placed in this period." in page.one("main").text
