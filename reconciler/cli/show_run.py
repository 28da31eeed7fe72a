"""One run, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.cli.output import print_table, say
from reconciler.domain.verdict import Severity
from reconciler.ports import Judgement, RunSummary

#: More findings than this are a matter for ``reconciler report``.
SHOWN: Final = 50
ORDER: Final = list(reversed(Severity))


def show(
    summary: RunSummary, judgements: Sequence[Judgement], sent: Mapping[str, int], *, dry_run: bool
) -> None:
    """Print what a run found, the urgent things first."""
    head = f"{summary.channel}: {summary.outcome.value}, {sum(summary.counts.values())} orders looked at"
    say(head + (" (rehearsal: nothing was kept or sent)" if dry_run else ""))
    say(f"  {_counted(summary.counts) or 'nothing changed'}")
    findings = [judgement for judgement in judgements if judgement.verdict.severity is not Severity.INFO]
    if findings:
        columns = ("order", "severity", "class", "who", "what", "next step")
        print_table(columns, [_row(judgement) for judgement in sorted(findings, key=_urgency)[:SHOWN]])
    if len(findings) > SHOWN:
        say(f"  and {len(findings) - SHOWN} more: reconciler report")
    if sent:
        say(f"  queue: {_counted(sent)}")
    say("  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in summary.durations.items()))


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def _urgency(judgement: Judgement) -> tuple[int, str, str]:
    verdict = judgement.verdict
    return ORDER.index(verdict.severity), verdict.classification, judgement.subject


def _row(judgement: Judgement) -> Sequence[object]:
    verdict = judgement.verdict
    name = ": ".join(filter(None, (verdict.classification.value, verdict.cause)))
    said = verdict.sentence, verdict.next_step
    return (judgement.subject, verdict.severity, name, verdict.who, *said)
