"""``reconciler apply``: make the database say what a channel file says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.output import AsJson, DryRun, open_app, print_json, print_table, say

if TYPE_CHECKING:
    from reconciler.bootstrap import App
    from reconciler.ports import Change, ConfigurationSpec

app = typer.Typer()


@app.command()
def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The channel file (TOML).", show_default=False)
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make the database say what a channel file says; what it does not name is left alone.

    Applying a file twice changes nothing. A mistake anywhere in it is one line that names the place, and
    nothing is changed. Credentials are read from the variables that the file names, and stored encrypted.

    Example: reconciler apply channels.toml --dry-run
    """
    spec = _read(file)
    with open_app() as wired:
        changes = _apply(wired, spec, dry_run=dry_run)
    if as_json:
        print_json({"file": file, "dry_run": dry_run, "changes": changes})
        return
    _show(changes, dry_run=dry_run)


def _read(file: Path) -> ConfigurationSpec:
    from adapters.registry import Registry
    from reconciler.channel_file import read_channel_file

    return read_channel_file(file, vendors=Registry().info(), seal=_seal)


def _seal(credentials: Mapping[str, str]) -> tuple[bytes, bytes]:
    from reconciler.secrets import SecretBox
    from reconciler.settings import load_settings

    return SecretBox(load_settings().require_secret_keys()).seal(credentials)


def _apply(wired: App, spec: ConfigurationSpec, *, dry_run: bool) -> Sequence[Change]:
    with wired.open_unit(rehearsal=dry_run) as unit:
        changes = unit.configuration.apply(spec, wired.clock())
        unit.commit()
    return changes


def _show(changes: Sequence[Change], *, dry_run: bool) -> None:
    changed = [change for change in changes if change.action != "unchanged"]
    if changed:
        rows = [(c.action, c.kind, c.name, ", ".join(c.fields)) for c in changed]
        print_table(("action", "kind", "name", "fields"), rows)
    counts = Counter(change.action for change in changes)
    told = ", ".join(f"{counts[action]} {action}" for action in ("created", "changed", "unchanged"))
    say(f"{told}; a dry run, so nothing was written" if dry_run else told)
