"""The demo's own folder: where everything is, how to stop what runs in it, and how to remove it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reconciler import embedded
from reconciler.demo.processes import read_marks, stop_marks
from reconciler.domain.errors import InputError

_CARD: Final = "demo.json"


@dataclass(frozen=True, slots=True)
class Home:
    """One demo's folder. Nothing of a demo lies outside of it but its report."""

    path: Path

    @classmethod
    def make(cls) -> Home:
        """Create a folder that nobody else can look into."""
        home = cls(Path(tempfile.mkdtemp(prefix="reconciler-demo-")).resolve())
        home.run.mkdir()
        home.describe()
        return home

    @classmethod
    def find(cls, path: Path) -> Home:
        """Return a demo's folder; raise InputError when it is none."""
        home = cls(path.resolve())
        if not (home.path / _CARD).is_file():
            raise InputError(f"{path} is not a demo's folder", next_step="the demo printed it when it ended")
        return home

    @property
    def world(self) -> Path:
        """The files of all shops."""
        return self.path / "world"

    @property
    def data(self) -> Path:
        """The data directory of the built-in services."""
        return self.path / "data"

    @property
    def run(self) -> Path:
        """Pid files and logs."""
        return self.path / "run"

    @property
    def reports(self) -> Path:
        """The reports that are written on schedule."""
        return self.path / "reports"

    def describe(self, **facts: Any) -> None:
        """Keep what a later command needs to know of the demo."""
        text = json.dumps({"pid": os.getpid(), **facts})
        (self.path / _CARD).write_text(text + "\n", encoding="utf-8")

    def stop(self, *, servers: bool = True) -> None:
        """End every process of the demo, its servers last; or leave these to ``remove``, which is quicker."""
        stop_marks(read_marks(self.run))
        if servers:
            embedded.down(self.data)

    def remove(self) -> None:
        """Remove the folder, and the servers' data where root keeps them elsewhere."""
        embedded.discard(self.data)
        shutil.rmtree(self.path, ignore_errors=True)
