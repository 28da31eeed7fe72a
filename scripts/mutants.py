"""Remove the safeguards, one at a time, in a scratch copy, and see that a test notices each.

``python scripts/mutants.py [WORD ...]`` tries all, or those whose name holds a word. It ends with an error
when one survives: a safeguard whose removal nobody notices is untested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
MUTANTS: Final = ROOT / "tests" / "data" / "mutants.toml"
#: pytest's code for "a test failed": anything else is a broken mutant, not a caught one.
CAUGHT: Final = 1
SECONDS: Final = 300


@dataclass(frozen=True)
class Mutant:
    """A safeguard, what to put in its place, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def main(words: Sequence[str]) -> int:
    """Try the mutants; print a table; return 1 when one survives."""
    listed = tomllib.loads(MUTANTS.read_text(encoding="utf-8"))["mutant"]
    mutants = [Mutant(**entry | {"tests": tuple(entry["tests"])}) for entry in listed]
    chosen = [mutant for mutant in mutants if not words or any(word in mutant.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="reconciler-mutants-") as folder:
        scratch = Path(folder)
        _copy(scratch)
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        if _run(scratch, tests, tell=True) != 0:
            print("the tests fail without any mutant", file=sys.stderr)
            return 2
        survivors = [mutant for mutant in chosen if not _try(scratch, mutant)]
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} safeguards are guarded by a test")
    return 1 if survivors else 0


def _copy(scratch: Path) -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)  # noqa: S607
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, scratch / name)


def _try(scratch: Path, mutant: Mutant) -> bool:
    path, began = scratch / mutant.file, monotonic()
    whole = path.read_text(encoding="utf-8")
    if whole.count(mutant.old) != 1:
        print(f"STALE     {mutant.name}: its text is there {whole.count(mutant.old)} times", flush=True)
        return False
    path.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        code = _run(scratch, mutant.tests)
    finally:
        path.write_text(whole, encoding="utf-8")
    word = {CAUGHT: "caught", 0: "SURVIVED"}.get(code, f"BROKEN {code}")
    print(f"{word:<9} {mutant.name} ({monotonic() - began:.0f} s)", flush=True)
    return code == CAUGHT


def _run(scratch: Path, tests: Sequence[str], *, tell: bool = False) -> int:
    """Run tests on the copy, until the first that fails."""
    environ = {**os.environ, "PYTHONPATH": str(scratch), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ("-x", "-q", "--no-header", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=scratch, env=environ, check=False, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    if done.returncode > CAUGHT or (done.returncode and tell):
        print(done.stdout.decode()[-1500:], file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
