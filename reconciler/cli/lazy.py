"""Commands that are imported when they are used, so that ``--help`` imports nothing.

``COMMANDS`` names every command, the module whose ``app`` (a ``typer.Typer``) holds it, and its short help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from functools import wraps
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
import typer.core
import typer.main

from reconciler.domain.errors import UnavailableError


class Entry(NamedTuple):
    """A command that is not imported yet."""

    module: str
    help: str


_HERE: Final = "reconciler.cli"
COMMANDS: Final = {
    "demo": Entry(f"{_HERE}.demo", "Reconcile a seeded shop from end to end, and show what was found."),
    "apply": Entry(f"{_HERE}.apply", "Make the database say what a channel file says."),
    "run": Entry(f"{_HERE}.run", "Reconcile now: pull, compare, explain, send what is safe to send."),
    "report": Entry(f"{_HERE}.report", "Write the failure report for ops staff."),
    "mismatches": Entry(f"{_HERE}.mismatches", "See what disagrees; acknowledge, resolve or ignore it."),
    "queue": Entry(f"{_HERE}.queue", "See orders on their way into the POS; set failed ones ready."),
    "merchants": Entry(f"{_HERE}.merchants", "List merchants and their channels."),
    "connections": Entry(f"{_HERE}.connections", "List and test the accounts at vendors."),
    "services": Entry(f"{_HERE}.services", "Run the program's own PostgreSQL and Valkey."),
    "db": Entry(f"{_HERE}.db", "Bring the database's tables up to date, or check them."),
    "doctor": Entry(f"{_HERE}.doctor", "Check every dependency, and name each remedy."),
    "sandbox": Entry(f"{_HERE}.sandbox", "Play a store behind a POS, for rehearsals and tests."),
}


class LazyCommands(MutableMapping[str, Any]):
    """Commands by name: those of ``entries`` are imported when looked up."""

    def __init__(self, entries: dict[str, Entry], prepare: Callable[[], None]) -> None:
        self._entries = entries
        self._prepare = prepare
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            entry = self._entries[name]
            self._loaded[name] = load(name, entry, self._prepare)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._entries.setdefault(name, Entry("", ""))
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._entries[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def short_help(self, name: str) -> str:
        """Return one line about a command without importing it."""
        return self._entries[name].help


def load(name: str, entry: Entry, prepare: Callable[[], None]) -> Any:
    """Import a command; raise UnavailableError when this installation has no such module."""
    try:
        app = import_module(entry.module).app
    except ModuleNotFoundError as error:
        if error.name != entry.module:
            raise
        raise UnavailableError(
            f"this installation has no command {name!r}", next_step=f"install a version with {entry.module}"
        ) from None
    app.rich_markup_mode = None
    command = alone(name, typer.main.get_group(app))
    command.name = name
    _prepare_first(command, prepare)
    return command


def alone(name: str, group: Any) -> Any:
    """Return the only command of a group that is called like the group, else the group."""
    commands = dict(group.commands)
    return commands[name] if set(commands) == {name} else group


def _prepare_first(command: Any, prepare: Callable[[], None]) -> None:
    """Let ``prepare`` run before any command of this tree does, but not before its help."""
    for child in getattr(command, "commands", {}).values():
        _prepare_first(child, prepare)
    callback = command.callback
    if callback is None or getattr(command, "commands", None):
        return

    @wraps(callback)
    def prepared(*args: Any, **kwargs: Any) -> Any:
        prepare()
        return callback(*args, **kwargs)

    command.callback = prepared


class LazyGroup(typer.core.TyperGroup):
    """The top of the command tree."""

    #: Runs before a command does.
    prepare: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: MutableMapping[str, Any] = LazyCommands(dict(COMMANDS), type(self).prepare)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without importing them."""
        assert isinstance(self.commands, LazyCommands)  # noqa: S101 - set above
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands.short_help(name)) for name in self.list_commands(ctx)])

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - as the library calls it
        """Return the commands' names without importing them."""
        return list(self.commands)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as the library calls it
        """Write the epilog as it stands: it holds a table."""
        if self.epilog:
            formatter.write_paragraph()
            formatter.write(self.epilog.rstrip() + "\n")
