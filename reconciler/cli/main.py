"""The program's front door: the tree of commands, and how every one of them ends."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from reconciler import __version__
from reconciler.cli.errors import INTERRUPTED, NOBODY_READS, ending_of, exit_code_table, flat
from reconciler.cli.lazy import LazyGroup


def prepare() -> None:
    """Set logging up before a command runs; a wrong setting is the command's to report."""
    from reconciler.domain.errors import ConfigError
    from reconciler.logging import configure
    from reconciler.settings import load_settings

    try:
        settings = load_settings()
    except ConfigError:
        configure("WARNING", "auto")
        return
    watched = sys.stderr.isatty() and "RECONCILER_LOG_LEVEL" not in os.environ
    configure("WARNING" if watched else settings.log_level, settings.log_format)


class Root(LazyGroup):
    """The commands of the program."""

    prepare = staticmethod(prepare)


app = typer.Typer(
    name="reconciler",
    cls=Root,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=exit_code_table(),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"reconciler {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """No paid order goes missing between the cart and the till.

    Pulls paid orders from carts, compares them with the POS, says why each one that disagrees does, sends a
    missing order once more when that is safe, and flags the rest for a person.

    Example: reconciler demo
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    _write_whole()
    code = run(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_flushed(code))


def _write_whole() -> None:
    """Put a buffer behind stdout where PYTHONUNBUFFERED took it away, and something where it was closed.

    Without a buffer, Python drops what a disk that fills up does not take, and says nothing.
    """
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase):
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=True)


def run(arguments: Sequence[str]) -> int:
    """Run a command; when it fails, print one line and return the code that goes with it."""
    command: Any = typer.main.get_command(app)
    try:
        with command.make_context("reconciler", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    except TyperException as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return NOBODY_READS
    except Exception as error:  # noqa: BLE001 - the last line of defence: a person never sees a traceback
        ending = ending_of(error)
        typer.echo(ending.line, err=True)
        return ending.code
    return 0


def _usage(error: TyperException) -> int:
    """Print what is wrong with the command line in one line, or the help where nothing was asked."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.format_message(), err=True)
        return error.exit_code
    said = " ".join(error.format_message().split()).rstrip(".")
    if said.startswith("Missing "):
        said += _meaning(error)
    path = context.command_path if context else "reconciler"
    typer.echo(flat(f"error: {said}; see: {path} --help"), err=True)
    return error.exit_code


def _meaning(error: TyperException) -> str:
    """Say what is missing in the words of its help."""
    told = str(getattr(getattr(error, "param", None), "help", None) or "").rstrip(".")
    return f": {told[0].lower()}{told[1:]}" if told else ""


def _flushed(code: int) -> int:
    """Write out what is still held back; who reads it may have gone."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would flush again when it ends, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return NOBODY_READS
        ending = ending_of(error)
        if code != ending.code:
            typer.echo(ending.line, err=True)
        return ending.code
    return code
