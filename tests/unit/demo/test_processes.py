"""What the demo starts it also ends: whole groups, and never a stranger who was given the same number."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.demo.processes import Child, Mark, began_at, read_marks, stop_marks, wait_until, write_mark
from reconciler.domain.errors import ReconcilerError

#: Seconds after which a wait has failed; far more than any needs, since the machine may be busy.
SOON = 60
#: Starts a child of its own, tells its pid, and ignores SIGTERM like a process that hangs.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def child(tmp_path) -> Iterator[Child]:
    """A program that has a child of its own."""
    child = Child("stubborn", [sys.executable, "-c", STUBBORN], tmp_path, os.environ)
    assert wait_until(lambda: child.log.read_text().strip() != "", SOON)
    yield child
    child.kill()


def test_a_killed_program_takes_its_children_with_it(child) -> None:
    """A crash in the middle of the demo must not leave half of a worker behind."""
    grandchild = int(child.log.read_text())
    child.kill()
    assert wait_until(lambda: began_at(grandchild) is None, SOON)
    assert not child.mark.alive


def test_a_program_that_ignores_the_request_to_end_is_ended_all_the_same(child, monkeypatch) -> None:
    """Nothing is left running, whatever it thinks of that."""
    monkeypatch.setattr("reconciler.demo.processes.PATIENCE", 0.2)
    grandchild = int(child.log.read_text())
    child.stop()
    assert wait_until(lambda: not child.mark.alive and began_at(grandchild) is None, SOON)


def test_children_of_a_program_that_is_gone_are_ended_by_its_pid_file(child, tmp_path, monkeypatch) -> None:
    """``--stop`` works from the pid files alone, even after the worker itself has died."""
    monkeypatch.setattr("reconciler.demo.processes.PATIENCE", 0.2)
    grandchild = int(child.log.read_text())
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    stop_marks(read_marks(tmp_path))
    assert wait_until(lambda: began_at(grandchild) is None, SOON)


def test_a_stranger_with_the_same_number_is_left_alone(tmp_path) -> None:
    """A pid file outlives its process; the number may be somebody else's by now."""
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        began = began_at(stranger.pid)
        assert began is not None
        write_mark(tmp_path, Mark("worker", stranger.pid, began - 1))
        stop_marks(read_marks(tmp_path))
        assert began_at(stranger.pid) == began
    finally:
        stranger.kill()
        stranger.wait()


def test_a_damaged_pid_file_is_passed_over(tmp_path) -> None:
    """A full disk may leave an empty one."""
    (tmp_path / "worker.pid").write_text("")
    (tmp_path / "beat.pid").write_text('{"name": "beat"}')
    assert read_marks(tmp_path) == []


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit('no broker')", "it failed (code 1)"),
        ("print('no broker')", "somebody asked it to stop (code 0)"),
        ("import os; print('no broker', flush=True); os.kill(os.getpid(), 9)", "it was killed (SIGKILL)"),
    ],
)
def test_a_program_that_stops_too_early_is_told_with_its_last_words(tmp_path, program, why) -> None:
    """The demo must not wait for a worker that cannot come; what its code means and what to do are said."""
    child = Child("worker", [sys.executable, "-c", program], tmp_path, os.environ)
    child.process.wait()
    with pytest.raises(ReconcilerError) as raised:
        child.check()
    assert str(raised.value) == (
        f"the worker stopped while the demo needs it: {why}; its last words: no broker; "
        f"run the demo again, with --keep if its log is to stay: {child.log}"
    )


def test_nobody_began_under_a_number_that_nobody_has() -> None:
    """Neither a number beyond the last nor a corpse counts as running."""
    corpse = subprocess.Popen([sys.executable, "-c", ""])
    assert wait_until(lambda: Path(f"/proc/{corpse.pid}/stat").read_text().split()[2] == "Z", SOON)
    assert began_at(corpse.pid) is None
    corpse.wait()
    assert began_at(2**22 + 1) is None
