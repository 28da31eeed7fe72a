"""One table of the channel file: typed access to its keys, errors that name the line and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, NoReturn, TypeVar
from zoneinfo import available_timezones

from reconciler.channel_file.locate import KeyPath, line_of
from reconciler.domain.errors import ConfigError

E = TypeVar("E", bound=StrEnum)

MAX_TEXT: Final = 200
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION: Final = re.compile(r"([0-9]{1,6})([smhd])\Z")
_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")


@dataclass(frozen=True, slots=True)
class Source:
    """The file that errors name, and the line of every key in it."""

    name: str
    lines: Mapping[KeyPath, int]

    def fail(self, path: KeyPath, what: str, next_step: str = "") -> NoReturn:
        """Raise the one line that says what is wrong at ``path``."""
        line = line_of(self.lines, path)
        raise ConfigError(one_line(f"{self.name}:{line}: {what}"), next_step=one_line(next_step))


@dataclass(frozen=True, slots=True)
class Table:
    """A TOML table, where it stands, and how errors call it (``channel "rosebud-web"``)."""

    source: Source
    path: KeyPath
    values: Mapping[str, object]
    title: str

    def fail(self, key: str | None, what: str, next_step: str = "") -> NoReturn:
        """Raise an error about ``key``, or about the table as a whole."""
        self.source.fail((*self.path, key) if key else self.path, f"{self.title}: {what}", next_step)

    def named(self, kind: str, key: str) -> Table:
        """Return the same table under its name, once that is known to be one."""
        return Table(self.source, self.path, self.values, f"{kind} {self.text(key)!r}")

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse keys that are not among ``keys``, naming the nearest."""
        allowed = list(keys)
        for key in self.values:
            if key not in allowed:
                self.fail(key, f"unknown key {shown(key)}", suggestion(key, allowed))

    def has(self, key: str) -> bool:
        """Say whether the key is there."""
        return key in self.values

    def text(self, key: str) -> str:
        """Return a text that must be there."""
        if key not in self.values:
            self.fail(None, f"{key} is missing", f'add: {key} = "..."')
        return self._text(key, self.values[key])

    def optional_text(self, key: str) -> str | None:
        """Return a text that may be there."""
        return self.text(key) if self.has(key) else None

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            self.fail(key, f"{key} must be a text in quotes")
        if not value or value != value.strip():
            self.fail(key, f"{key} must be a text without white space around it")
        if not value.isprintable() or len(value) > MAX_TEXT:
            self.fail(key, f"{key} must be one line of at most {MAX_TEXT} characters")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.fail(key, f"{key} must be true or false, without quotes")
        return value

    def number(self, key: str, default: int, *, most: int) -> int:
        """Return a whole number from 0 to ``most``."""
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.fail(key, f"{key} must be a whole number from 0 to {most}")
        return value

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """Return one of an enumeration's values."""
        return self._member(key, kind, self.values[key]) if self.has(key) else default

    def choices(self, key: str, kind: type[E]) -> frozenset[E]:
        """Return a list of an enumeration's values; none when the key is absent."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.fail(key, f'{key} must be a list, for example ["{next(iter(kind))}"]')
        return frozenset(self._member(key, kind, item, position) for position, item in enumerate(value))

    def _member(self, key: str, kind: type[E], value: object, *position: int) -> E:
        allowed = [member.value for member in kind]
        if not isinstance(value, str) or value not in allowed:
            found = shown(value) if isinstance(value, str) else "that"
            what = f"{self.title}: {key} cannot be {found}"
            self.source.fail((*self.path, key, *position), what, suggestion(value, allowed))
        return kind(value)

    def duration(self, key: str) -> timedelta | None:
        """Return a duration such as "90s", "15m", "1h" or "2d"; None when the key is absent."""
        if not self.has(key):
            return None
        found = self._duration(self.values[key])
        if found is None:
            self.fail(key, f'{key} must be a duration such as "90s", "15m", "1h" or "2d"')
        return found

    def durations(self, key: str) -> tuple[timedelta, ...]:
        """Return a rising list of durations; an empty one when the key is absent."""
        if not self.has(key):
            return ()
        value = self.values[key]
        found = [self._duration(item) for item in value] if isinstance(value, list) else []
        rising = [wait for wait in found if wait is not None]
        if not found or len(rising) < len(found) or rising != sorted(set(rising)):
            self.fail(key, f'{key} must be a rising list of durations such as ["30s", "2m", "15m"]')
        return tuple(rising)

    @staticmethod
    def _duration(value: object) -> timedelta | None:
        match = _DURATION.match(value) if isinstance(value, str) else None
        return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match and int(match[1]) else None

    def moment(self, key: str) -> datetime | None:
        """Return an aware time in UTC; None when the key is absent."""
        if not self.has(key):
            return None
        value = self.values[key]
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.fail(
                key, f"{key} must be a time with an offset, without quotes, for example 2026-11-20T15:00:00Z"
            )
        try:
            return value.astimezone(UTC)
        except OverflowError:
            self.fail(key, f"{key} is outside the calendar")

    def time_of_day(self, key: str) -> time | None:
        """Return a local time such as "04:00"; None when the key is absent."""
        if not self.has(key):
            return None
        value = self.values[key]
        if isinstance(value, time):
            return value.replace(second=0, microsecond=0)
        match = _TIME_OF_DAY.match(value) if isinstance(value, str) else None
        if match is None:
            self.fail(key, f'{key} must be a time of day such as "04:00"')
        return time(int(match[1]), int(match[2]))

    def timezone(self, key: str, default: str) -> str:
        """Return the name of a time zone that exists."""
        name = self.optional_text(key) or default
        zones = available_timezones()
        if name not in zones:
            near = get_close_matches(name, sorted(zones), 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else "write it as in 'America/Denver'"
            self.fail(key, f"{key} {shown(name)} is not a known time zone", hint)
        return name

    def texts(self, key: str) -> Mapping[str, str]:
        """Return a table of texts; empty when the key is absent."""
        table = self.table(key)
        for name in table.values:
            if not name or not name.isprintable():
                table.fail(name, "a key must be one line of text")
        return {name: table.text(name) for name in table.values}

    def table(self, key: str) -> Table:
        """Return the table under ``key``; an empty one when the key is absent."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f"{key} must be a table: {key} = {{ ... }}")
        return Table(self.source, (*self.path, key), value, f"{self.title}: {key}" if self.title else key)

    def tables(self, key: str, kind: str, header: str) -> Iterator[Table]:
        """Yield the tables of a repeated ``[[header]]``."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            self.fail(key, f"{key} is repeated", f"write its header with two brackets: [[{header}]]")
        for position, item in enumerate(value):
            path = (*self.path, key, position)
            if not isinstance(item, dict):
                self.source.fail(path, f"{key} must be a list of tables", f"write them as [[{header}]]")
            yield Table(self.source, path, item, f"{kind} number {position + 1}")


def refuse_repeats(tables: Iterable[Table], key: str, kind: str) -> None:
    """Refuse two tables of one name, at the second."""
    seen: dict[str, Table] = {}
    for table in tables:
        name = table.text(key)
        if name in seen:
            first = line_of(table.source.lines, (*seen[name].path, key))
            at = (*table.path, key)
            table.source.fail(at, f"two {kind}s are called {name!r}, the first on line {first}", "rename one")
        seen[name] = table


def suggestion(found: object, allowed: Iterable[str], *, are: str = "allowed are") -> str:
    """Say what is allowed, and what was probably meant."""
    names = list(allowed)
    near = get_close_matches(found, names, 1) if isinstance(found, str) else []
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"{meant}{are}: {', '.join(names) or 'none'}"


def shown(text: str) -> str:
    """Quote what a person wrote, shortened."""
    return repr(text if len(text) <= 40 else text[:40] + "...")


def one_line(text: str) -> str:
    """Replace what would break a line or drive a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
