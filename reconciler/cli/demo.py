"""``reconciler demo``: a seeded day of four shops, played by real processes and held against the truth."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import typer

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
    """Reconcile four seeded shops from end to end: real PostgreSQL, Valkey, worker, beat and tills.

    Three shops keep their orders in files; the fourth sells at Shopify and rings up at Square, over HTTP.
    Makes a day of orders with known faults, lets the schedule find, repair and flag them, and holds what was
    found against the truth. The exit code is 0 when every fault was met and nothing else was reported.

    Example: reconciler demo --seed 7
    """
    if stop is not None:
        _stop(stop, as_json=as_json)
        return
    from reconciler.demo.programme import perform

    _require_sandboxes()
    result = perform(seed=seed, orders=orders, keep=keep, report=_place_for(report))
    from reconciler.cli import show_demo

    if as_json:
        from reconciler.cli.output import print_json

        print_json(show_demo.plain(result))
    else:
        show_demo.show(result)
    if not result.score.perfect:
        raise typer.Exit(1)


def _require_sandboxes() -> None:
    from importlib.util import find_spec

    from reconciler.domain.errors import InputError

    if find_spec("graphql") is None:
        raise InputError(
            "the demo's Shopify needs graphql-core",
            next_step="install it with: pip install 'reconciler[sandbox]'",
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
    home.stop(servers=False)
    home.remove()
    if as_json:
        print_json({"stopped": home.path})
    else:
        say(f"stopped, and {home.path} is removed")
