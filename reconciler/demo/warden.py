"""The demo's last line of defence: when the demo dies without a word, everything it started ends too.

Runs as a process of its own, ``python -m reconciler.demo.warden FOLDER``, and waits on its standard input.
A line means that the demo came to its end by itself; an end without a line, that it was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from reconciler.demo.home import Home

DISMISSED: Final = b"dismissed\n"


class Warden:
    """The demo's end of the line."""

    def __init__(self, home: Home) -> None:
        """Start the process that watches over this one."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "reconciler.demo.warden", str(home.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """Say that nothing is left to watch over."""
        try:
            self._process.communicate(DISMISSED)
        except BrokenPipeError:
            self._process.wait()


def watch(path: Path) -> None:
    """Wait for the demo's end; clean up after it unless it took its leave."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    home = Home.find(path)
    if sys.stdin.buffer.readline() != DISMISSED:
        home.stop(servers=False)
        home.remove()


if __name__ == "__main__":
    os.umask(0o077)
    watch(Path(sys.argv[1]))
