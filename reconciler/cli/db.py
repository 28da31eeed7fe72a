"""``reconciler db``: the tables, brought to the version of the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from reconciler.cli.output import AsJson, DryRun, print_json, say

app = typer.Typer(help="Bring the database's tables up to date, or check them.", no_args_is_help=True)


@app.command()
def upgrade(dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Make or change the tables so that this program can use them.

    Safe to run twice, and by two deployments at once. It never starts the built-in services.

    Example: reconciler db upgrade
    """
    from reconciler.persistence import migrations

    with _address() as url:
        before, after = (migrations.current(url), migrations.head()) if dry_run else migrations.upgrade(url)
    if as_json:
        print_json({"dry_run": dry_run, "before": before, "after": after, "changed": before != after})
        return
    if before == after:
        say(f"up to date at {after}")
        return
    say(f"{'would bring' if dry_run else 'brought'} the tables from {before or 'nothing'} to {after}")


@app.command()
def check(as_json: AsJson = False) -> None:
    """Say whether the tables are those that this program needs; the exit code is 6 if not.

    Example: reconciler db check
    """
    from reconciler.persistence import migrations

    with _address() as url:
        migrations.check(url)
    if as_json:
        print_json({"revision": migrations.head()})
        return
    say(f"up to date at {migrations.head()}")


@contextmanager
def _address() -> Iterator[str]:
    """Give the database's address. A release step must not start servers, so none are started here."""
    from reconciler.bootstrap import build

    wired = build()
    try:
        yield wired.settings.require_database_url()
    finally:
        wired.close()
