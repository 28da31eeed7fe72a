"""The demo's progress, on stderr: a live picture on a terminal, quiet lines in a log."""

from __future__ import annotations

import sys
from collections import deque
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reconciler.demo.judge import Score
from reconciler.demo.truth import End, Label
from reconciler.demo.watch import Look
from reconciler.demo.world import World
from reconciler.logging import takes_colour

#: How many of the latest events the live picture keeps.
EVENTS: Final = 7
#: Without a terminal, a line of progress comes this often, in seconds.
QUIET: Final = 5.0


class Screen(AbstractContextManager["Screen"], Protocol):
    """Shows what is going on."""

    def tell(self, event: str) -> None:
        """Show that something happened."""
        ...

    def update(self, look: Look, score: Score) -> None:
        """Show how far the work is."""
        ...


def open_screen(world: World) -> Screen:
    """Return the screen that fits where stderr goes."""
    return LiveScreen(world) if takes_colour(sys.stderr) else QuietScreen(world)


@dataclass
class _Clock:
    started: float = field(default_factory=monotonic)

    def __str__(self) -> str:
        return f"{monotonic() - self.started:5.1f} s"


class QuietScreen:
    """One line for each event, and now and then one with the figures."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = _Clock()
        self._last = (0.0, "")

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to clean up."""

    def tell(self, event: str) -> None:
        """Print the event."""
        sys.stderr.write(f"{self._clock}  {event}\n")
        sys.stderr.flush()

    def update(self, look: Look, score: Score) -> None:
        """Print the figures when they changed, and not too often."""
        figures = figures_of(look, score, self._world.orders)
        last, said = self._last
        if figures != said and monotonic() - last >= QUIET:
            self._last = monotonic(), figures
            self.tell(figures)


class LiveScreen:
    """A picture that is drawn again in place."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._clock = _Clock()
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._tables: list[Table] = []
        console = Console(stderr=True)
        self._live = Live(console=console, refresh_per_second=8, transient=True, get_renderable=self._draw)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def tell(self, event: str) -> None:
        """Add an event below the figures."""
        self._events.append(f"{self._clock}  {event}")

    def update(self, look: Look, score: Score) -> None:
        """Draw the figures."""
        self._tables = [_totals(look, score, self._world), _merchants(look, self._world)]

    def _draw(self) -> Group:
        title = Text(f"Reconciler demo, seed {self._world.seed}, {self._clock}", style="bold")
        events = [Text(event, style="dim", no_wrap=True, overflow="ellipsis") for event in self._events]
        return Group(title, *self._tables, *events)


def figures_of(look: Look, score: Score, orders: int) -> str:
    """Return the figures as one line."""
    read, agreed = sum(look.read.values()), sum(look.agreed.values())
    return (
        f"{read:,} of {orders:,} orders processed, {agreed:,} agree, {_open(look)} findings, "
        f"{score.by_end[End.REPAIRED]} repaired, {score.found} of {score.injected} faults found"
    )


def _open(look: Look) -> int:
    return sum(map(len, look.open.values()))


def _totals(look: Look, score: Score, world: World) -> Table:
    read, agreed = sum(look.read.values()), sum(look.agreed.values())
    table = Table.grid(padding=(0, 2))
    rows = (
        ("processed", read, world.orders),
        ("agreed", agreed, world.orders - sum(_stays(label) for label in world.labels)),
        ("faults found", score.found, score.injected),
        ("repaired", score.by_end[End.REPAIRED], sum(label.end is End.REPAIRED for label in world.labels)),
        ("findings open", _open(look), None),
    )
    for name, count, total in rows:
        bar = ProgressBar(total=total, completed=count, width=32) if total else Text("")
        of = f"{count:,} of {total:,}" if total else f"{count:,}"
        table.add_row(Text(name), bar, Text(of, justify="right"))
    return table


def _stays(label: Label) -> bool:
    """Say whether an order will not agree in the end."""
    return label.kind == "order" and label.end in {End.FLAGGED, End.WAITING}


def _merchants(look: Look, world: World) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("merchant", "orders", "agreed", "findings", "sent again"):
        table.add_column(name, justify="left" if name == "merchant" else "right", header_style="dim")
    for channel, merchant in world.merchants:
        findings = sum(len(names) for subject, names in look.open.items() if subject[0] == channel)
        sent = sum(subject[0] == channel and status == "success" for subject, status in look.queue.items())
        cells = (look.read.get(channel, 0), look.agreed.get(channel, 0), findings, sent)
        table.add_row(merchant, *(f"{cell:,}" for cell in cells))
    return table
