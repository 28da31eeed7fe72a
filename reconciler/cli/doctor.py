"""``reconciler doctor``: every dependency checked, every remedy named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.output import AsJson, print_json, print_table, say

if TYPE_CHECKING:
    from reconciler.cli.checks import Finding

app = typer.Typer()

#: What a check that found something ends with.
FOUND = 1


@app.command()
def doctor(
    stale: Annotated[
        bool,
        typer.Option(
            "--stale", help="Only check that each channel has a complete run younger than 2G; for monitors."
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

    findings = checks.staleness() if stale else checks.everything(probe=probe)
    if as_json:
        print_json({"ok": not _failed(findings), "checks": findings})
    else:
        _show(findings)
    if _failed(findings):
        raise typer.Exit(FOUND)


def _failed(findings: Sequence[Finding]) -> int:
    return sum(finding.state == "failed" for finding in findings)


def _show(findings: Sequence[Finding]) -> None:
    rows = [(f.state.upper() if f.state != "ok" else "ok", f.what, f.detail, f.remedy) for f in findings]
    print_table(("state", "check", "detail", "next step"), rows)
    if failed := _failed(findings):
        say(f"{failed} of {len(findings)} checks failed")
