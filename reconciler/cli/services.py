"""``reconciler services``: the program's own PostgreSQL and Valkey."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from reconciler.embedded import ServiceStatus

app = typer.Typer(
    name="services",
    help="Run the program's own PostgreSQL and Valkey, for a first look, tests and small shops.",
    no_args_is_help=True,
)

#: What ``services status`` ends with unless both servers answer; the same as for a database that is down.
NOT_RUNNING = 6

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="RECONCILER_DATA_DIR",
        file_okay=False,
        show_default="./.reconciler; for root /var/lib/reconciler",
        help="The directory that holds their data.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@app.command()
def up(data_dir: DataDir = None, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Start both servers, or reuse them when they run. They stay when this command ends.

    Commands that are run with RECONCILER_DATA_DIR set to the same directory use them.

    Example: reconciler services up --data-dir ./.reconciler
    """
    from reconciler import embedded

    where = _where(data_dir)
    if dry_run:
        idle = [found.name for found in embedded.status(where) if not found.running]
        _say_intent("start", idle, where, as_json=as_json)
        return
    urls = embedded.up(where)
    found = embedded.status(where)
    if as_json:
        _print_json(where, found, asdict(urls))
        return
    _print_table(found)
    typer.echo(f"\nData in {embedded.resolve_data_dir(where)}")
    typer.echo(f"To use them: export RECONCILER_DATA_DIR={shlex.quote(str(where.resolve()))}")


@app.command()
def down(data_dir: DataDir = None, as_json: AsJson = False, dry_run: DryRun = False) -> None:
    """Stop both servers and wait until they are gone. Their data stays.

    Example: reconciler services down
    """
    from reconciler import embedded

    where = _where(data_dir)
    if dry_run:
        alive = [found.name for found in embedded.status(where) if found.pid is not None]
        _say_intent("stop", alive, where, as_json=as_json)
        return
    embedded.down(where)
    found = embedded.status(where)
    if as_json:
        _print_json(where, found, {})
        return
    _print_table(found)


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Say whether both servers answer; the exit code is 0 if they do, else 6.

    Example: reconciler services status --json
    """
    from reconciler import embedded

    where = _where(data_dir)
    found = embedded.status(where)
    if as_json:
        _print_json(where, found, {})
    else:
        _print_table(found)
    if not all(service.running for service in found):
        raise typer.Exit(NOT_RUNNING)


def _where(data_dir: Path | None) -> Path:
    from reconciler.settings import default_data_dir

    return data_dir or default_data_dir()


def _say_intent(verb: str, names: list[str], where: Path, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"data_dir": str(where.resolve()), "dry_run": True, f"would_{verb}": names}))
        return
    typer.echo(f"Would {verb} {' and '.join(names) or 'nothing'} in {where.resolve()}")


def _print_json(where: Path, found: tuple[ServiceStatus, ...], more: dict[str, Any]) -> None:
    services = [asdict(service) for service in found]
    typer.echo(json.dumps({"data_dir": str(where.resolve()), **more, "services": services}))


def _print_table(found: tuple[ServiceStatus, ...]) -> None:
    for service in found:
        state = "running" if service.running else "stopped" if service.pid is None else "waiting"
        pid = "" if service.pid is None else f"pid {service.pid}"
        typer.echo(f"{service.name:<11} {state:<8} {pid:<12} {service.detail}".rstrip())
