"""What a demo came to, in words: truth against findings, what each word means, and what to type next."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.cli.output import print_table, say
from reconciler.demo.truth import End, Label

if TYPE_CHECKING:
    from reconciler.demo.programme import Result

WIDTH: Final = 100
#: What the ends of a fault mean, in the order in which they are told.
MEANING: Final = {
    End.REPAIRED: "put right without a person: sent once more, late by itself, or well again",
    End.FLAGGED: "a person was told, with the evidence and the next step",
    End.WAITING: "explained, and nobody has to act: unpaid, cancelled, a test, on its way",
    End.WEATHERED: "a call that failed was made again, and nobody was troubled",
}


def show(result: Result) -> None:
    """Print how the findings stand against the truth, and what to do next."""
    score = result.score
    say()
    rows = [(str(name or End.WEATHERED), *counts) for name, counts in score.by_class.items()]
    print_table(("class", "injected", "found"), rows, title="Truth against findings")
    say()
    for line in _vendors(result.world.labels):
        say(line)
    for label, trouble in score.unmet:
        say(f"not met: {label.channel} {label.subject} ({', '.join(label.classes)}): {trouble}")
    for (channel, subject), name in score.false_alarms:
        say(f"false alarm: {channel} {subject} was called {name}")
    for channel, reference in score.duplicates:
        say(f"duplicate: {channel} {reference}")
    say()
    say(score.sentence)
    for end, meaning in MEANING.items():
        say(f"  {score.by_end[end]:>3} {'need nobody' if end is End.WAITING else end:<12} {meaning}")
    say(f"seed {result.world.seed}, {result.world.orders:,} orders, {result.seconds:.0f} s on schedule")
    say()
    say(f"the failure report, for a browser:  {result.report}")
    for line in _next_steps(result):
        say(line)


def plain(result: Result) -> dict[str, Any]:
    """Return the same as plain values."""
    score = result.score
    return {
        "seed": result.world.seed,
        "orders": result.world.orders,
        "seconds": round(result.seconds, 1),
        "injected": score.injected,
        "found": score.found,
        **{str(end): count for end, count in score.by_end.items() if end != End.AGREED},
        "duplicates": score.duplicates,
        "false_alarms": [[*subject, name] for subject, name in score.false_alarms],
        "unmet": [{**label.row(), "trouble": trouble} for label, trouble in score.unmet],
        "classes": {
            name or End.WEATHERED: {"injected": injected, "found": found}
            for name, (injected, found) in score.by_class.items()
        },
        "report": result.report,
        "kept": result.home.path if result.home else None,
    }


def _vendors(labels: Sequence[Label]) -> Iterator[str]:
    """Yield what the vendors' faults led to, those of one outcome together."""
    outcomes: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        if label.fault:
            told = ", then ".join(label.classes) or str(End.WEATHERED)
            outcomes[told].append(label.fault)
    yield "what the faults of Shopify and Square led to"
    for told, names in outcomes.items():
        by_vendor = defaultdict(list)
        for name in names:
            vendor, _, fault = name.partition(" ")
            by_vendor[vendor].append(fault)
        text = "; ".join(f"{vendor.title()} {', '.join(some)}" for vendor, some in by_vendor.items())
        indent = " " * 32
        yield from textwrap.wrap(text, WIDTH, initial_indent=f"  {told:<30}", subsequent_indent=indent)


def _next_steps(result: Result) -> list[str]:
    home, us = result.home, _ourselves()
    if home is None:
        return [
            f"to look around in it:               {us} demo --keep",
            f"with another day:                   {us} demo --seed {result.world.seed + 1}",
            f"with your own orders:               {us} services up, then {us} apply channels.toml",
        ]
    folder, data = shlex.quote(str(home.path)), shlex.quote(str(home.data))
    return [
        f"the shops' files and the truth:     {home.world}",
        f"logs of tills, worker and beat:     {home.run}",
        f"to stop it and remove all of it:    {us} demo --stop {folder}",
        "everything is still running; to look around:",
        f"  export RECONCILER_DATA_DIR={data}",
        f"  export RECONCILER_SECRET_KEYS={result.secret_key}",
        f"  {us} report",
        f"  {us} mismatches list",
        f"  {us} queue list",
    ]


def _ourselves() -> str:
    """Return what to type for this program: its name, where the shell finds it by that."""
    program = Path(sys.executable).with_name("reconciler")
    found = shutil.which(program.name)
    known = found is not None and Path(found).resolve() == program.resolve()
    return program.name if known else shlex.quote(str(program))
