"""One run, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconciler.domain.verdict import Severity
from reconciler.ports import Judgement, RunSummary

#: More findings than this are a matter for ``reconciler report``.
SHOWN: Final = 50
STYLES: Final = {Severity.URGENT: "bold red", Severity.NORMAL: "yellow", Severity.INFO: "dim"}
ORDER: Final = list(reversed(Severity))


def show(
    summary: RunSummary, judgements: Sequence[Judgement], sent: Mapping[str, int], *, dry_run: bool
) -> None:
    """Print what a run found, the urgent things first."""
    console = Console(highlight=False)
    head = f"{summary.channel}: {summary.outcome.value}, {sum(summary.counts.values())} orders looked at"
    console.print(Text(head + (" (rehearsal: nothing was kept or sent)" if dry_run else ""), style="bold"))
    counts = ", ".join(f"{name} {count}" for name, count in summary.counts.items() if count)
    console.print(Text(f"  {counts or 'nothing changed'}"))
    findings = [judgement for judgement in judgements if judgement.verdict.severity is not Severity.INFO]
    if findings:
        console.print(_table(sorted(findings, key=_urgency)[:SHOWN]))
    if len(findings) > SHOWN:
        console.print(Text(f"  and {len(findings) - SHOWN} more: reconciler report"))
    if sent:
        console.print(Text("  queue: " + ", ".join(f"{name} {count}" for name, count in sent.items())))
    timings = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in summary.durations.items())
    console.print(Text(f"  {timings}", style="dim"))


def _urgency(judgement: Judgement) -> tuple[int, str, str]:
    verdict = judgement.verdict
    return ORDER.index(verdict.severity), verdict.classification, judgement.subject


def _table(judgements: Sequence[Judgement]) -> Table:
    table = Table("order", "what", "why and what next", "who", box=None, padding=(0, 2, 0, 0))
    for judgement in judgements:
        verdict = judgement.verdict
        table.add_row(
            Text(judgement.subject),
            Text(verdict.classification.value, style=STYLES[verdict.severity]),
            Text(f"{verdict.sentence} {verdict.next_step}"),
            Text(verdict.who.value),
        )
    return table
