"""The program as an operator uses it: commands in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("reconciler"))


def surroundings() -> dict[str, str]:
    """Return the environment of a command, with nothing of the developer's own settings."""
    ours = ("RECONCILER_", "DATABASE_URL", "REDIS_URL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Return the environment of a command that uses these servers."""
    return surroundings() | {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RECONCILER_LOG_LEVEL": "ERROR",
    }


def reconciler(environ: Mapping[str, str], *words: str, code: int = 0) -> str:
    """Run a command to its end and return what it printed; fail when it ends otherwise than with ``code``."""
    done = subprocess.run(
        [PROGRAM, *words], env=dict(environ), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def rehearse(environ: Mapping[str, str], now: str, *channel: str) -> dict[str, dict[str, Any]]:
    """Return what each channel, or only the named one, would say at a moment."""
    only = ("--channel", *channel) if channel else ()
    answer = reconciler(environ, "run", *only, "--dry-run", "--now", now, "--json")
    found = [json.loads(line) for line in answer.splitlines()]
    return {one["channel"]: one for one in found}


def classes(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the class of everything that a run reports, by reference or POS id."""
    subjects = ((row.get("reference") or row.get("pos_id"), row) for row in found["mismatches"])
    return {subject: row["classification"] for subject, row in subjects if subject}


def expected(path: Path) -> dict[str, str]:
    """Return what a file of labels says must be reported; ``agreed`` orders must not."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    labels = {row.get("reference") or row["pos_id"]: row["classification"] for row in rows}
    return {subject: name for subject, name in labels.items() if name != "agreed"}
