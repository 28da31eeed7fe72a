"""``reconciler report``: the failure report, on the terminal or in a file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.options import Channel, Merchant, moment, one_of
from reconciler.cli.output import open_app, say
from reconciler.domain.errors import InputError

if TYPE_CHECKING:
    from reconciler.ports.reports import Report, Scope

app = typer.Typer()

FORMATS = ["terminal", "json", "csv", "html"]


@app.command()
def report(
    *,
    merchant: Merchant = None,
    channel: Channel = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Where repairs, money and the picture begin.",
            show_default="yesterday's business day",
        ),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help=f"{', '.join(FORMATS)}.",
            show_default="as the output file is called, else terminal",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Write it to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Show what is wrong now, by who must act and how urgent; then repairs, coverage, money and the books.

    Times are the merchant's. The HTML is one file that needs no network; the CSV has one row a finding.

    Example: reconciler report --merchant rosebud --output report.html
    """
    from reconciler.ports.reports import Scope

    if as_json and format_ not in {None, "json"}:
        raise InputError(f"--json is not --format {format_}", next_step="give one of them")
    chosen = "json" if as_json else _format(format_, output)
    built = _build(Scope(merchant=merchant, channel=channel, since=moment("--since", since)))
    if output is None:
        _print(built, chosen)
        return
    from reconciler.services.report import as_file, write_file

    write_file(output, as_file(_render(built, chosen), chosen))
    say(f"wrote {output}")


def _format(wanted: str | None, output: Path | None) -> str:
    if wanted is not None:
        return (one_of("--format", [wanted], FORMATS) or FORMATS)[0]
    suffix = output.suffix.removeprefix(".").lower() if output else ""
    if suffix not in {"", "txt", *FORMATS} and not _is_device(output):
        raise InputError(f"no report can be a .{suffix}", next_step=f"give --format: {', '.join(FORMATS)}")
    return suffix if suffix in FORMATS else "terminal"


def _is_device(path: Path | None) -> bool:
    return path is not None and path.exists() and not path.is_file()


def _build(scope: Scope) -> Report:
    from reconciler.persistence.queries.report import SqlReportUnit
    from reconciler.services.report import build_report

    with open_app() as wired, SqlReportUnit(wired.engine) as unit:
        now = wired.clock()
        if scope.since is not None and scope.since > now:
            raise InputError("--since lies in the future", next_step="name a day or time that has passed")
        return build_report(unit, scope, now)


def _render(built: Report, chosen: str) -> str:
    from reconciler.reporting import RENDERERS, render_text

    return RENDERERS.get(chosen, render_text)(built)


def _print(built: Report, chosen: str) -> None:
    """Print it; a terminal that lacks a letter gets its number instead."""
    if chosen == "terminal" and sys.stdout.isatty():
        from reconciler.logging import takes_colour
        from reconciler.reporting import render_terminal

        width = shutil.get_terminal_size().columns
        text = render_terminal(built, width=width, colour=takes_colour(sys.stdout))
    else:
        text = _render(built, chosen)
    encoding = sys.stdout.encoding or "utf-8"
    typer.echo(text.encode(encoding, "backslashreplace").decode(encoding), nl=not text.endswith("\n"))
