"""``reconciler doctor``: every dependency checked, every remedy named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from reconciler.cli.output import AsJson, print_json, print_table, say
from reconciler.domain.errors import InputError

if TYPE_CHECKING:
    from reconciler.cli.checks import Finding
    from reconciler.ports.reports import Books

app = typer.Typer()

#: What a check that found something ends with.
FOUND = 1
#: Where a paid order may stand, and the two places where none may.
PLACES: Final = ("agreed", "in grace", "queued", "open mismatch", "closed", "in none", "in two")


@app.command()
def doctor(
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Only check that each channel has a complete run younger than 2G; for monitors."
        ),
    ] = False,
    books: Annotated[
        bool,
        typer.Option(
            "--books", help="Only count where every paid order stands, and name any in none or two places."
        ),
    ] = False,
    probe: Annotated[bool, typer.Option("--probe", help="Ask every vendor who we are, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check settings, keys, database, broker, workers, folders and channels; name each remedy.

    Nothing is changed and nothing is started. The exit code is 1 when something failed; a warning is no
    failure.

    Example: reconciler doctor --stale || mail -s "reconciler is not reconciling" ops@example.org
    """
    from reconciler.cli import checks

    if stale + books + probe > 1:
        raise InputError("--stale, --books and --probe do not go together", next_step="give one of them")
    if books:
        _show_books(checks.books(), as_json=as_json)
        return
    findings = checks.staleness() if stale else checks.everything(probe=probe)
    if as_json:
        print_json({"ok": not _failed(findings), "checks": findings})
    else:
        _show(findings)
    if _failed(findings):
        raise typer.Exit(FOUND)


def _show_books(kept: Sequence[tuple[str, Books]], *, as_json: bool) -> None:
    balanced = all(books.balanced for _, books in kept)
    if as_json:
        channels = [{"channel": channel, "books": books} for channel, books in kept]
        print_json({"balanced": balanced, "channels": channels})
    else:
        rows = [
            (channel, b.agreed, b.in_grace, b.queued, b.open_mismatch, b.closed, b.nowhere, b.twice)
            for channel, b in kept
        ]
        print_table(("channel", *PLACES), rows)
        for channel, books in kept:
            if books.astray:
                say(f"{channel}: in none or two places: {', '.join(books.astray)}")
        say("every paid order stands in exactly one place" if balanced else "the books do not balance")
    if not balanced:
        raise typer.Exit(FOUND)


def _failed(findings: Sequence[Finding]) -> int:
    return sum(finding.state == "failed" for finding in findings)


def _show(findings: Sequence[Finding]) -> None:
    rows = [(f.state.upper() if f.state != "ok" else "ok", f.what, f.detail, f.remedy) for f in findings]
    print_table(("state", "check", "detail", "next step"), rows)
    if failed := _failed(findings):
        say(f"{failed} of {len(findings)} checks failed")
