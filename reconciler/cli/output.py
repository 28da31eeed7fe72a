"""What commands print: tables for people, plain columns for pipes, JSON for programs.

Whatever came from a shop or a till is text and nothing else: it is never read as markup, and control
characters in it never reach the terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text
    from sqlalchemy import Connection

    from reconciler.bootstrap import App

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")]

Row: TypeAlias = Sequence[object]
#: Columns that may fold, and how much room they want at least; the others stay whole.
FOLDED: Final = frozenset({"what", "reason", "next step", "detail", "address", "fields"})
FOLD_AT: Final = 20
#: Words that should catch the eye on a terminal.
ALARMING: Final = {"FAILED": "bold red", "urgent": "bold red", "failed": "red", "WARNING": "yellow"}


@contextmanager
def open_app() -> Iterator[App]:
    """Wire the program for one command, and give its connections back afterwards."""
    from reconciler.bootstrap import build

    wired = build(start_services=True)
    try:
        yield wired
    finally:
        wired.close()


@contextmanager
def reading(wired: App) -> Iterator[Connection]:
    """Open a connection on which nothing can be changed."""
    with wired.engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        yield connection


def say(text: str = "") -> None:
    """Print one line for a person."""
    typer.echo(clean(text))


def print_json(value: object) -> None:
    """Print ``value`` as one JSON document."""
    typer.echo(json.dumps(plain(value), ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Row], *, title: str = "") -> None:
    """Print rows: as a table on a terminal, otherwise in aligned columns under a header."""
    cells = [[show(value) for value in row] for row in rows]
    if sys.stdout.isatty():
        _rich(columns, cells, title)
        return
    for line in _aligned([list(columns), *cells]):
        typer.echo(line)


def print_fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        typer.echo(f"{clean(name):<{width}}  {show(value)}".rstrip())


def console() -> Console:
    """Return a console on stdout that sends no escape sequence where none is wanted."""
    from rich.console import Console

    from reconciler.logging import takes_colour

    return Console(color_system="auto" if takes_colour(sys.stdout) else None, highlight=False)


def _rich(columns: Sequence[str], cells: Sequence[Sequence[str]], title: str) -> None:
    """Draw a table where it fits, else one short paragraph a row, so that 80 columns are enough."""
    screen = console()
    if title:
        screen.print(_styled(title))
    if _width(columns, cells) <= screen.width:
        screen.print(_table(columns, cells))
    else:
        for row in cells:
            screen.print(*_paragraph(columns, row), sep="\n")


def _width(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """Return what a table needs to be read with ease: whole cells, and room for those that may fold."""
    whole = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    room = [min(w, FOLD_AT) if n in FOLDED else w for n, w in zip(columns, whole, strict=True)]
    return sum(room) + 3 * len(room)


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for name in columns:
        table.add_column(_styled(name), overflow="fold", no_wrap=name not in FOLDED)
    for row in cells:
        table.add_row(*map(_styled, row))
    return table


def _paragraph(columns: Sequence[str], row: Sequence[str]) -> Iterator[Text | Padding]:
    from rich.padding import Padding
    from rich.text import Text

    told = [pair for pair in zip(columns, row, strict=True) if pair[1] != "-"]
    line = Text(" - ").join(
        Text.assemble((f"{name} ", "dim"), _styled(cell)) for name, cell in told if name not in FOLDED
    )
    yield line
    for name, cell in told:
        if name in FOLDED:
            yield Padding(_styled(cell), (0, 0, 0, 4))


def _styled(cell: str) -> Text:
    """Return a cell as text, never as markup."""
    from rich.text import Text

    return Text(cell, style=ALARMING.get(cell, ""))


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def show(value: object) -> str:
    """Write a value for a person, on one line."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        case timedelta():
            return span(value)
        case Enum():
            return clean(str(value.value))
        case dict():
            return ", ".join(f"{clean(str(key))}: {show(item)}" for key, item in value.items()) or "-"
        case list() | tuple() | set() | frozenset():
            return ", ".join(show(item) for item in value) or "-"
        case _:
            return clean(str(value)) or "-"


def span(duration: timedelta) -> str:
    """Write a duration as the channel file would.

    >>> span(timedelta(hours=1)), span(timedelta(seconds=90)), span(timedelta(days=2))
    ('1h', '90s', '2d')
    """
    seconds = round(duration.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def roughly(duration: timedelta) -> str:
    """Write how long something lasted, in the unit that a person would use.

    >>> roughly(timedelta(seconds=90)), roughly(timedelta(minutes=119)), roughly(timedelta(hours=47))
    ('90 s', '119 min', '47 h')
    """
    seconds = int(duration.total_seconds())
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def amount(minor: int | None, currency: str | None) -> str | None:
    """Write money for a person."""
    from reconciler.domain.money import format_minor

    return f"{format_minor(minor, currency)} {currency}" if minor is not None and currency else None


def clean(text: str) -> str:
    r"""Return ``text`` with what could drive a terminal made visible.

    >>> print(clean("Ann\x1b[31m\nBob"))
    Ann\x1b[31m\nBob
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: times in ISO 8601, durations in seconds, bytes not at all."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value) if field.repr}
    match value:
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case _:
            return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return value.total_seconds()
        case bytes():
            return f"<{len(value)} bytes>"
        case date() | time() | Path() | Decimal():
            return str(value)
        case _:
            return value
