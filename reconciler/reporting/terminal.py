"""The report on a terminal, or as plain text in a pipe: the same words, with colour where there is some.

Nothing is parsed as markup, and what customers typed has lost its control characters before it gets here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.console import Group as Stack
from rich.constrain import Constrain
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from reconciler.domain.verdict import Severity
from reconciler.ports.reports import Finding, Group, MerchantReport, Report
from reconciler.reporting.clean import plain
from reconciler.reporting.commands import Command, commands, common_commands, how_to_act, number
from reconciler.reporting.ledger_text import ledgers
from reconciler.reporting.limits import cut
from reconciler.reporting.values import Local, due_text, long_day_text, orders_text
from reconciler.reporting.words import (
    PARTIES,
    URGENCY,
    common_step,
    count_of,
    group_title,
    headline,
    more_text,
    queue_text,
    worst,
)

#: Findings of one group that are listed.
ROWS: Final = 20
VERDICTS: Final = {"urgent": "bold red", "open": "yellow", "agreed": "green"}
STYLES: Final = {Severity.URGENT: "bold red", Severity.NORMAL: "yellow", Severity.INFO: "dim"}


def render_text(report: Report) -> str:
    """Return the report as plain text, for a pipe, a file or a mail."""
    return render_terminal(report, width=100, colour=False)


def render_terminal(report: Report, *, width: int, colour: bool, rows: int = ROWS) -> str:
    """Return the report for a terminal of that width."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(40, width),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    for line in _lines(cut(report, rows)):
        console.print(line)
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def _lines(report: Report) -> Iterator[RenderableType]:
    sections = report.merchants
    if not sections:
        yield Text("There is no merchant yet. Describe one in a channel file: reconciler apply FILE")
    for place, section in enumerate(sections):
        if place:
            yield Text()
        yield from Section(section, Local(section.merchant, report.generated_at)).lines()
    if said := how_to_act(sections):
        yield Text()
        yield from (Text(line, style="dim") for line in said)
    if len(sections) > 1:
        yield Text()
        yield Text(f"All {len(sections)} merchants: {headline(sections)}.", style="bold")


@dataclass(frozen=True)
class Section:
    """One merchant's part."""

    section: MerchantReport
    local: Local

    def lines(self) -> Iterator[RenderableType]:
        """Yield it from the most urgent to the accounts."""
        yield from self._head()
        yield from self._connections()
        for severity, groups in groupby(self.section.groups, key=lambda group: group.severity):
            yield from self._urgency(severity, tuple(groups))
        yield from ledgers(self.section, self.local)

    def _head(self) -> Iterator[RenderableType]:
        section, local = self.section, self.local
        name = f"{plain(section.merchant.name)} ({plain(section.merchant.code)})"
        yield Constrain(Rule(characters="=", style="none"), min(78, len(name) + 16))
        yield Text(f"Failure report: {name}", style="bold")
        yield Text(f"{headline((section,))}.", style=VERDICTS[worst((section,))])
        yield Text(
            f"Made {local.stamp(local.now)}, business day {long_day_text(section.business_day)}; "
            f"times are {local.zone_text}.",
            style="dim",
        )

    def _connections(self) -> Iterator[RenderableType]:
        if self.section.connections:
            yield _title(f"CONNECTIONS: {count_of(self.section.blocked, 'finding')}", "bold yellow")
        for group in self.section.connections:
            yield Padding(Text(f"{group_title(group)} - {PARTIES[group.who]}", style="bold"), (0, 0, 0, 2))
            yield from self._group(group)

    def _urgency(self, severity: Severity, groups: tuple[Group, ...]) -> Iterator[RenderableType]:
        total = orders_text(sum(group.count for group in groups))
        yield _title(f"{URGENCY[severity].upper()}: {total}", STYLES[severity])
        for who, own in groupby(groups, key=lambda group: PARTIES[group.who]):
            for group in own:
                words = f"{who}: {group_title(group)} ({group.count:,})"
                yield Padding(Text(words, style="bold"), (0, 0, 0, 2))
                yield from self._group(group)

    def _group(self, group: Group) -> Iterator[RenderableType]:
        several = len(group.findings) > 1
        common = common_step(group) if several else ""
        shared = common_commands(group) if common else None
        if common:
            yield Padding(_next(common), (0, 0, 0, 4))
        yield from (Padding(Copied(each), (0, 0, 0, 4)) for each in shared or ())
        for finding in group.findings:
            own = commands(group, finding) if shared is None else ()
            yield self._finding(finding, group, own, own_step=not common)
        if words := more_text(group, self.section.merchant.code):
            yield Padding(Text(plain(words), style="dim"), (0, 0, 0, 4))

    def _finding(
        self, finding: Finding, group: Group, own: tuple[Command, ...], *, own_step: bool
    ) -> RenderableType:
        style = STYLES[group.severity]
        first = Text.assemble((plain(finding.reference), style), f"  {self._particulars(finding)}")
        facts = "; ".join(f"{name}: {value}" for name, value in self.local.facts(finding))
        rest: list[RenderableType] = [Text(plain(finding.sentence))]
        if facts:
            rest.append(Text(facts, style="dim"))
        if own_step:
            rest.append(_next(finding.next_step))
        rest += map(Copied, own)
        return Stack(Padding(first, (0, 0, 0, 4)), Padding(Stack(*rest), (0, 0, 0, 6)))

    def _particulars(self, finding: Finding) -> str:
        age = f"since {self.local.time(finding.since)} ({self.local.age(finding.since)})"
        due = due_text(finding.deliver_on, self.section.business_day)
        several = len(self.section.merchant.channels) > 1
        parts = (
            number(finding),
            str(finding.total or ""),
            age,
            due,
            f"queue: {queue_text(finding.queue)}" if finding.queue else "",
            "acknowledged" if finding.acknowledged else "",
            plain(finding.channel) if several else "",
        )
        return " | ".join(part for part in parts if part)


@dataclass(frozen=True)
class Copied:
    """A command that can be copied from a screen of any width: its lines go on as a shell's do."""

    command: Command

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Yield it in lines that fit, each but the last ending in a backslash."""
        line = f"{self.command.purpose}:"
        for piece in map(plain, self.command.pieces):
            if len(line) + len(piece) + 3 > options.max_width:
                yield Text(f"{line} \\", style="bold")
                line = f"  {piece}"
            else:
                line = f"{line} {piece}"
        yield Text(line, style="bold")


def _next(step: str) -> Text:
    return Text(f"Next: {plain(step)}", style="cyan")


def _title(words: str, style: str) -> RenderableType:
    return Padding(Text(words, style=style), (1, 0, 0, 0))
