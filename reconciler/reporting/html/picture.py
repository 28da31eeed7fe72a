"""The picture: orders by hour and fate, as stacked bars, and the same as a table.

Two panels share their hours. The upper one shows every order, the lower one only those that did not simply
agree, on a scale of its own: one lost order among a thousand good ones is what matters, and would be
invisible. Colour never stands alone: each fate has its pattern, each bar of the lower panel its number, an
urgent hour its sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from reconciler.ports.reports import Fate, Hour
from reconciler.reporting.html.context import Context
from reconciler.reporting.html.elements import Column, Html, join, table, tag
from reconciler.reporting.values import day_text, orders_text
from reconciler.reporting.words import FATES

WIDTH: Final = 960
LEFT: Final = 40
RIGHT: Final = 948
HOUR: Final = timedelta(hours=1)
#: The picture shows this many hours at most.
HOURS: Final = 48


@dataclass(frozen=True)
class Panel:
    """One of the two charts: its bars stand on ``base`` and rise up to ``height``."""

    title: str
    base: int
    height: int
    fates: tuple[Fate, ...]

    @property
    def top(self) -> int:
        """The upper end of the scale."""
        return self.base - self.height


UPPER: Final = Panel("All orders", 160, 126, tuple(Fate))
LOWER: Final = Panel("Those that did not simply agree", 318, 112, tuple(Fate)[1:])
HEIGHT: Final = 362


@dataclass(frozen=True)
class Chart:
    """The hours to draw, without a gap, and where they go."""

    hours: tuple[Hour, ...]

    @cached_property
    def step(self) -> float:
        """The width of an hour."""
        return (RIGHT - LEFT) / max(1, len(self.hours))

    def x(self, place: float) -> float:
        """Return where the hour of that number begins."""
        return LEFT + place * self.step

    def place(self, moment: datetime) -> float:
        """Return how many hours after the picture's beginning a moment is."""
        return (moment - self.hours[0].start) / HOUR

    def sums(self) -> dict[Fate, int]:
        """Count the orders of each fate."""
        return {fate: sum(hour.counts.get(fate, 0) for hour in self.hours) for fate in Fate}


def picture(context: Context) -> Html:
    """Draw the picture, its legend and its table."""
    title = "Orders by hour and fate"
    chart = Chart(context.section.hours[-HOURS:])
    sums = chart.sums()
    if not any(sums.values()):
        return context.part("picture", title, tag("p", "No order was placed in this period."))
    start, end = chart.hours[0].start, chart.hours[-1].start + HOUR
    reach = (
        f"Orders by the hour they were placed in, {context.local.stamp(start)} to {context.local.stamp(end)}"
    )
    drawn = tag(
        "div", _svg(context, chart, reach), class_="scroll", role="region", aria_label=title, tabindex="0"
    )
    figure = tag("figure", tag("figcaption", f"{reach}."), _legend(sums), drawn)
    return context.part("picture", title, figure, _table(context, chart), kind="picture")


def _legend(sums: Mapping[Fate, int]) -> Html:
    def item(fate: Fate) -> Html:
        swatch = tag(
            "svg",
            tag("rect", width=16, height=16, class_=f"bar {fate.value}"),
            class_="swatch",
            aria_hidden="true",
        )
        return tag("li", swatch, f" {FATES[fate]} ", tag("b", f"{sums[fate]:,}"))

    return tag("ul", *(item(fate) for fate in Fate), class_="legend")


def _svg(context: Context, chart: Chart, reach: str) -> Html:
    ids = f"{context.prefix}-svg-title", f"{context.prefix}-svg-desc"
    sums = chart.sums()
    told = ", ".join(f"{sums[fate]:,} {FATES[fate].lower()}" for fate in Fate)
    return tag(
        "svg",
        tag("title", reach, id=ids[0]),
        tag("desc", f"{told}. The table below has every hour.", id=ids[1]),
        _reach(context, chart),
        _days(context, chart),
        *(_panel(context, chart, panel) for panel in (UPPER, LOWER)),
        _clock(context, chart),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_labelledby=" ".join(ids),
        class_="chart",
    )


def _panel(context: Context, chart: Chart, panel: Panel) -> Html:
    highest = max(_total(hour, panel.fates) for hour in chart.hours)
    ceiling = nice_ceiling(highest)
    bars = join(_bar(context, chart, panel, place, ceiling) for place in range(len(chart.hours)))
    return tag("g", _label(LEFT, panel.top - 12, panel.title, "panel"), _scale(panel, ceiling), bars)


def _total(hour: Hour, fates: Sequence[Fate]) -> int:
    return sum(hour.counts.get(fate, 0) for fate in fates)


def nice_ceiling(highest: int) -> int:
    """Return the end of a scale that reads well and halves to a whole number.

    >>> [nice_ceiling(n) for n in (0, 1, 3, 7, 34, 120, 2001)]
    [2, 2, 4, 8, 40, 200, 4000]
    """
    power = 1
    while True:
        for factor in (2, 4, 6, 8, 10):
            if highest <= factor * power:
                return factor * power
        power *= 10


def _scale(panel: Panel, ceiling: int) -> Html:
    marks = []
    for share in (0.0, 0.5, 1.0):
        y = panel.base - share * panel.height
        marks.append(
            tag("line", x1=LEFT, x2=RIGHT, y1=_n(y), y2=_n(y), class_="axis" if not share else "grid")
        )
        marks.append(_label(LEFT - 6, y + 4, f"{int(share * ceiling):,}", "scale"))
    return join(marks)


def _bar(context: Context, chart: Chart, panel: Panel, place: int, ceiling: int) -> Html:
    hour = chart.hours[place]
    if not _total(hour, panel.fates):
        return Html()
    left, width = chart.x(place) + chart.step * 0.12, chart.step * 0.76
    blocks, y = [], float(panel.base)
    for fate, height in _heights(panel, hour, ceiling):
        y -= height
        blocks.append(
            tag("rect", x=_n(left), y=_n(y), width=_n(width), height=_n(height), class_=f"bar {fate.value}")
        )
    marks = _marks(hour, left + width / 2, y) if panel is LOWER else Html()
    return tag("g", tag("title", _told(context, hour)), *blocks, marks)


def _heights(panel: Panel, hour: Hour, ceiling: int) -> Iterator[tuple[Fate, float]]:
    """Yield each block's height; one that is there at all is at least seen."""
    for fate in panel.fates:
        if count := hour.counts.get(fate, 0):
            yield fate, max(2.0, panel.height * count / ceiling)


def _marks(hour: Hour, x: float, y: float) -> Html:
    number = _label(x, y - 4, f"{_total(hour, LOWER.fates):,}", "number")
    if not hour.counts.get(Fate.URGENT):
        return number
    return join(
        (number, tag("use", href="#i-urgent", x=_n(x - 6), y=_n(y - 28), width=12, height=12, class_="sign"))
    )


def _told(context: Context, hour: Hour) -> str:
    local = context.local.at(hour.start)
    parts = [f"{hour.counts[fate]:,} {FATES[fate].lower()}" for fate in Fate if hour.counts.get(fate)]
    return f"{day_text(local.date())} {local:%H:%M}: {', '.join(parts)}"


def _days(context: Context, chart: Chart) -> Html:
    """Mark where days begin."""
    marks = []
    for place, hour in enumerate(chart.hours):
        local = context.local.at(hour.start)
        begins = local.hour == 0
        if begins and place:
            x = _n(chart.x(place))
            marks.append(tag("line", x1=x, x2=x, y1=UPPER.top - 8, y2=LOWER.base, class_="day"))
        room = len(chart.hours) - place >= 4
        if room and (begins or (not place and local.hour < 20)):
            marks.append(_label(chart.x(place) + 4, HEIGHT - 6, day_text(local.date()), "date"))
    return join(marks)


def _clock(context: Context, chart: Chart) -> Html:
    """Label the hours, every third."""
    labels = []
    for place, hour in enumerate(chart.hours):
        local = context.local.at(hour.start)
        if local.hour % 3 == 0:
            labels.append(_label(chart.x(place + 0.5), LOWER.base + 16, f"{local:%H}", "hour"))
    return join(labels)


def _reach(context: Context, chart: Chart) -> Html:
    """Mark up to when both sides were checked: what is right of it may still change."""
    ends = [side.covers_to for channel in context.section.coverage for side in (channel.cart, channel.pos)]
    known = [moment for moment in ends if moment]
    if not known or len(known) < len(ends):
        return Html()
    place = chart.place(min(known))
    if not 0 <= place <= len(chart.hours):
        return Html()
    x = chart.x(place)
    words = f"checked until {context.local.time(min(known))}"
    return join(
        (
            tag(
                "rect",
                x=_n(x),
                y=UPPER.top - 8,
                width=_n(RIGHT - x),
                height=LOWER.base - UPPER.top + 8,
                class_="unchecked",
            ),
            tag("line", x1=_n(x), x2=_n(x), y1=UPPER.top - 8, y2=LOWER.base, class_="reach"),
            _label(x - 4, UPPER.top - 12, words, "reached"),
        )
    )


def _label(x: float, y: float, words: str, kind: str) -> Html:
    return tag("text", words, x=_n(x), y=_n(y), class_=kind)


def _n(value: float) -> str:
    """Write a coordinate without noise."""
    return f"{value:.1f}".removesuffix(".0")


def _table(context: Context, chart: Chart) -> Html:
    columns = (
        Column("Hour", "nowrap"),
        *(Column(FATES[fate], "number") for fate in Fate),
        Column("All", "number"),
    )
    rows = [_table_row(context, hour) for hour in chart.hours if hour.total]
    total = orders_text(sum(hour.total for hour in chart.hours))
    caption = f"Orders by hour and fate, {total}; hours without one are left out"
    return tag(
        "details", tag("summary", "The picture as a table"), table(caption, columns, rows), class_="data"
    )


def _table_row(context: Context, hour: Hour) -> tuple[str, ...]:
    local = context.local.at(hour.start)
    counts = (f"{hour.counts.get(fate, 0):,}" for fate in Fate)
    return f"{day_text(local.date())} {local:%H:%M}", *counts, f"{hour.total:,}"
