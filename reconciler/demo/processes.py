"""Processes of the demo: each leads a group of its own, leaves a pid file, and ends with its children.

A pid file names a process by its id and the moment at which it began, so that an id that was given to
somebody else is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from reconciler.domain.errors import ReconcilerError

#: How long a process may take to end in peace (Celery finishes its tasks), in seconds.
PATIENCE: Final = 8.0
#: How often a condition is looked at, in seconds.
BLINK: Final = 0.05


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, at most so long; say whether it came."""
    deadline = monotonic() + seconds
    while not condition():
        if monotonic() > deadline:
            return False
        sleep(BLINK)
    return True


@dataclass(frozen=True, slots=True)
class Mark:
    """A process that a pid file names."""

    name: str
    pid: int
    #: In clock ticks since the machine started.
    began: int

    @property
    def alive(self) -> bool:
        """Say whether that very process still runs."""
        return began_at(self.pid) == self.began

    def signal(self, number: int) -> None:
        """Send a signal to the process, if it is still that one."""
        if self.alive:
            _quietly(os.kill, self.pid, number)

    def end_group(self) -> None:
        """End what is left of its group: the process may be gone, and its children not."""
        if self.alive or _leads_nobody_else(self):
            _quietly(os.killpg, self.pid, signal.SIGKILL)


class Child:
    """A program that runs beside us."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        """Start the program; its output goes to a log in ``folder``, its pid beside it."""
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environ),
                cwd=folder,
                start_new_session=True,
            )
        self.mark = Mark(name, self.process.pid, began_at(self.process.pid) or 0)
        write_mark(folder, self.mark)

    def check(self) -> None:
        """Raise ReconcilerError when the program is not there any more."""
        code = self.process.poll()
        if code is not None:
            raise ReconcilerError(
                f"the {self.name} stopped while the demo needs it: {meaning_of(code)}; "
                f"its last words: {last_line(self.log)}",
                next_step=f"run the demo again, with --keep if its log is to stay: {self.log}",
            )

    def kill(self) -> None:
        """End the program and its children as a crash would."""
        self.mark.end_group()
        self.process.wait()

    def stop(self) -> None:
        """Let the program end in peace, then end what is left of it."""
        stop_marks([self.mark], reap=self.process.poll)


def command(*words: str) -> list[str]:
    """Return a command of this installation, wherever it is."""
    return [str(Path(sys.executable).with_name(words[0])), *words[1:]]


def meaning_of(code: int) -> str:
    """Say what an exit code means.

    >>> meaning_of(-9), meaning_of(0), meaning_of(1)
    ('it was killed (SIGKILL)', 'somebody asked it to stop (code 0)', 'it failed (code 1)')
    """
    if code < 0:
        return f"it was killed ({signal.Signals(-code).name})"
    return f"it failed (code {code})" if code else "somebody asked it to stop (code 0)"


def began_at(pid: int) -> int | None:
    """Return when a process began; None when there is none, or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets.
    state, *rest = fields.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(rest[18])


def write_mark(folder: Path, mark: Mark) -> None:
    """Keep a process's name, id and beginning."""
    text = json.dumps({"name": mark.name, "pid": mark.pid, "began": mark.began})
    (folder / f"{mark.name}.pid").write_text(text + "\n", encoding="utf-8")


def read_marks(folder: Path) -> list[Mark]:
    """Return what the pid files of a folder name."""
    marks = []
    for path in sorted(folder.glob("*.pid")):
        try:
            marks.append(Mark(**json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            continue
    return marks


def stop_marks(marks: Sequence[Mark], reap: Callable[[], object] = lambda: None) -> None:
    """Ask processes to end, wait for them together, and end their groups for good."""

    def gone() -> bool:
        reap()
        return not any(mark.alive for mark in marks)

    for mark in marks:
        mark.signal(signal.SIGTERM)
    wait_until(gone, PATIENCE)
    for mark in marks:
        mark.end_group()
    wait_until(gone, PATIENCE)
    # One that ended between the last two looks is a corpse that nobody has taken away yet.
    reap()


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return next((line.strip() for line in reversed(lines) if line.strip()), "it left no word")


def _leads_nobody_else(mark: Mark) -> bool:
    """Say whether the id was not given to another process, so that a group of that number is still ours."""
    return began_at(mark.pid) is None


def _quietly(function: Callable[[int, int], None], pid: int, number: int) -> None:
    try:
        function(pid, number)
    except (ProcessLookupError, PermissionError):
        return
