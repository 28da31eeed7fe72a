"""``reconciler demo``: a seeded day of three shops, played by real processes and held against the truth."""

from __future__ import annotations

import os
import shlex
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from reconciler.demo.programme import Result

app = typer.Typer()

#: Where the report is left unless somebody says otherwise.
REPORT: Final = Path("var") / "reconciler-demo.html"


@app.command()
def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running, to look around in.")
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shops and faults.")] = 1,
    orders: Annotated[int, typer.Option(help="Cart orders of the three file shops together.")] = 2000,
    with_http: Annotated[
        bool, typer.Option("--with-http", help="A fourth shop too: from Shopify to Square, over HTTP.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Where to leave the failure report (HTML).", show_default=f"./{REPORT}"),
    ] = None,
    stop: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Stop and remove a demo that was kept, and nothing else."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
) -> None:
    """Reconcile three seeded shops from end to end: real PostgreSQL, Valkey, worker, beat and tills.

    Makes a day of orders with known faults, lets the schedule find, repair and flag them, and holds what was
    found against the truth. The exit code is 0 when every fault was met and nothing else was reported.

    Example: reconciler demo --seed 7
    """
    if stop is not None:
        _stop(stop, as_json=as_json)
        return
    from reconciler.demo.programme import perform

    if with_http:
        _require_sandboxes()
    result = perform(seed=seed, orders=orders, keep=keep, report=_place_for(report), with_http=with_http)
    if as_json:
        from reconciler.cli.output import print_json

        print_json(_plain(result))
    else:
        _show(result)
    if not result.score.perfect:
        raise typer.Exit(1)


def _require_sandboxes() -> None:
    from importlib.util import find_spec

    from reconciler.domain.errors import InputError

    if find_spec("graphql") is None:
        raise InputError(
            "--with-http needs graphql-core", next_step="install it with: pip install 'reconciler[sandbox]'"
        )


def _place_for(report: Path | None) -> Path:
    """Return where the report can be written: better to know now than when all the work is done."""
    from reconciler.domain.errors import InputError

    elsewhere = Path(tempfile.gettempdir()) / REPORT.name
    for place in [report] if report else [REPORT, elsewhere]:
        path = place.absolute()
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.is_dir() and os.access(path.parent, os.W_OK) and not path.is_dir():
            return path
    raise InputError(f"{path} cannot be written", next_step="name another place with --report")


def _stop(path: Path, *, as_json: bool) -> None:
    from reconciler.cli.output import print_json, say
    from reconciler.demo.home import Home

    home = Home.find(path)
    home.stop()
    home.remove()
    if as_json:
        print_json({"stopped": home.path})
    else:
        say(f"stopped, and {home.path} is removed")


def _show(result: Result) -> None:
    from reconciler.cli.output import print_table, say

    score = result.score
    say()
    rows = [(str(name), *counts) for name, counts in score.by_class.items()]
    print_table(("class", "injected", "found"), rows, title="Truth against findings")
    for label, trouble in score.unmet:
        say(f"not met: {label.channel} {label.subject} ({', '.join(label.classes)}): {trouble}")
    for (channel, subject), name in score.false_alarms:
        say(f"false alarm: {channel} {subject} was called {name}")
    for channel, reference in score.duplicates:
        say(f"duplicate: {channel} {reference}")
    say()
    say(score.sentence)
    say(f"seed {result.world.seed}, {result.world.orders:,} orders, {result.seconds:.0f} s on schedule")
    say(f"report: {result.report}")
    say()
    for line in _next_steps(result):
        say(line)


def _next_steps(result: Result) -> list[str]:
    home = result.home
    if home is None:
        return [
            "to look around in it:          reconciler demo --keep",
            f"with another day:              reconciler demo --seed {result.world.seed + 1}",
            "with your own orders:          reconciler services up, then reconciler apply channels.toml",
        ]
    folder, data = shlex.quote(str(home.path)), shlex.quote(str(home.data))
    return [
        "everything is still running; to look around:",
        f"  export RECONCILER_DATA_DIR={data}",
        *([f"  export RECONCILER_SECRET_KEYS={result.secret_key}"] if result.world.street else []),
        "  reconciler report",
        "  reconciler mismatches list",
        "  reconciler queue list",
        f"the shops' files and the truth:  {home.world}",
        f"logs of tills, worker and beat:  {home.run}",
        f"to stop it:                      reconciler demo --stop {folder}",
    ]


def _plain(result: Result) -> dict[str, Any]:
    score = result.score
    return {
        "seed": result.world.seed,
        "orders": result.world.orders,
        "seconds": round(result.seconds, 1),
        "injected": score.injected,
        "found": score.found,
        **{str(end): count for end, count in score.by_end.items() if end != "agreed"},
        "duplicates": score.duplicates,
        "false_alarms": [[*subject, name] for subject, name in score.false_alarms],
        "unmet": [{**label.row(), "trouble": trouble} for label, trouble in score.unmet],
        "classes": {name: {"injected": i, "found": f} for name, (i, f) in score.by_class.items()},
        "report": result.report,
        "kept": result.home.path if result.home else None,
    }
