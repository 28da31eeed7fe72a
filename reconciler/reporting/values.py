"""Times, amounts and facts as a person reads them, in the merchant's zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from reconciler.ports.reports import Finding, MerchantInfo, SideCoverage
from reconciler.reporting.clean import plain
from reconciler.reporting.words import count_of

# Not strftime's names: they follow the machine's locale.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: More items than this of one fact help nobody; the JSON has them all.
LISTED: Final = 12
#: Facts that the report shows elsewhere.
_SHOWN_ELSEWHERE: Final = frozenset({"connection", "side", "queue", "attempts", "total", "deliver_on"})
#: What one of the facts says in words.
_PARTS_OF_STATE: Final = frozenset({"archived", "payment_status", "fulfillment_status"})
#: The database gives facts in no order that means anything; those not named come before the last two.
_ORDER: Final = (
    "not_sent_because", "reason", "codes", "vendor_words", "cart_total", "pos_total", "difference", "split",
    "over_alarm_share", "lacking", "pos_ids", "references",
)  # fmt: skip
_LABELS: Final[Mapping[str, str]] = {
    "over_alarm_share": "more than 1% of the total",
    "pos_ids": "POS records",
    "pos_id": "POS record",
    "split": "difference by part",
}
_CAPITALS: Final = {"pos": "POS", "sku": "SKU", "id": "ID"}


def day_text(day: date) -> str:
    """Write a date.

    >>> day_text(date(2026, 11, 20))
    'Fri 20 Nov'
    """
    return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def long_day_text(day: date) -> str:
    """Write a date with its year."""
    return f"{day_text(day)} {day.year}"


def ago_text(delta: timedelta) -> str:
    """Write a duration in its two largest units.

    >>> ago_text(timedelta(hours=5, minutes=20)), ago_text(timedelta(days=3, hours=1)), ago_text(timedelta())
    ('5 h 20 min', '3 d 1 h', 'under 1 min')
    """
    minutes = int(delta.total_seconds() // 60)
    if minutes < 1:
        return "under 1 min"
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if value]
    return " ".join(parts[:2] if days or hours else parts)


@dataclass(frozen=True)
class Local:
    """The merchant's clock: every time of his section is written by it."""

    merchant: MerchantInfo
    now: datetime

    @cached_property
    def zone(self) -> ZoneInfo:
        """His zone; UTC where the system does not know it."""
        try:
            return ZoneInfo(self.merchant.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return ZoneInfo("UTC")

    def at(self, moment: datetime) -> datetime:
        """Return a moment on his clock."""
        return moment.astimezone(self.zone)

    def time(self, moment: datetime) -> str:
        """Write a time: only the clock's on the report's own day, the date too on others."""
        local = self.at(moment)
        clock = f"{local:%H:%M}"
        if local.date() == self.at(self.now).date():
            return clock
        day = long_day_text(local.date()) if local.year != self.at(self.now).year else day_text(local.date())
        return f"{day} {clock}"

    def stamp(self, moment: datetime) -> str:
        """Write a time with its full date."""
        local = self.at(moment)
        return f"{long_day_text(local.date())} {local:%H:%M}"

    def age(self, moment: datetime) -> str:
        """Write how long ago a moment was."""
        return ago_text(self.now - moment)

    @property
    def zone_text(self) -> str:
        """Name the zone."""
        local = self.at(self.now)
        offset = f"{local:%z}"
        name = local.tzname() or ""
        known = f"{name}, " if name.isalpha() else ""
        return f"{self.zone.key} ({known}UTC{offset[:3]}:{offset[3:5]})"

    def facts(self, finding: Finding) -> Iterator[tuple[str, str]]:
        """Yield a finding's evidence as label and text."""
        hidden = _SHOWN_ELSEWHERE | (_PARTS_OF_STATE if "state" in finding.facts else frozenset())
        for key in sorted(finding.facts.keys() - hidden, key=_rank):
            value = finding.facts[key]
            text = self._moment(value) if key.endswith(("_at", "_on")) else _value(value)
            if text:
                yield label(key), text

    def _moment(self, value: object) -> str:
        try:
            if isinstance(value, str):
                told = (date if len(value) == len("2026-11-20") else datetime).fromisoformat(value)
                return self.time(told) if isinstance(told, datetime) else day_text(told)
        except (ValueError, OverflowError):
            pass
        return _value(value)


def _rank(key: str) -> tuple[int, str]:
    """Order facts: money first, then what a person compares, and long lists last."""
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER) - 2, key)


def _value(value: object) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return "yes"
        case Mapping():
            return _listed([f"{plain(str(key))}: {_value(item)}" for key, item in value.items()])
        case list() | tuple():
            return _listed([_value(item) for item in value])
        case _:
            return plain(str(value))


def _listed(items: list[str]) -> str:
    rest = len(items) - LISTED
    return ", ".join(items[:LISTED]) + (f" and {rest:,} more" if rest > 0 else "")


def label(key: str) -> str:
    """Turn a fact's name into words.

    >>> label("pos_total"), label("vendor_words")
    ('POS total', 'vendor words')
    """
    words = _LABELS.get(key) or " ".join(_CAPITALS.get(word, word) for word in key.split("_"))
    return plain(words)


def due_text(day: date | None, today: date) -> str:
    """Say when an order is due, where it matters."""
    if day is None:
        return ""
    days = (day - today).days
    if days < 0:
        return f"was due {day_text(day)}"
    return {0: "due today", 1: "due tomorrow"}.get(days, f"due {day_text(day)}")


def orders_text(count: int) -> str:
    """Write a number of orders."""
    return count_of(count, "order")


def coverage_text(side: SideCoverage, local: Local) -> str:
    """Say until when a side was checked, and what is wrong with that."""
    if side.read_at is None:
        return "not read yet"
    until = local.time(side.covers_to) if side.covers_to else "never completely"
    late = f", stale ({local.age(side.covers_to)} ago)" if side.stale and side.covers_to else ""
    if side.complete:
        return f"{until}, complete{late}"
    reason = f": {plain(side.reason)}" if side.reason else ""
    return f"{until}{late}; the read at {local.time(side.read_at)} was incomplete{reason}"
