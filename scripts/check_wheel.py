"""Build the wheel; fail unless it carries our packages and the migrations, and nothing else to import."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"reconciler", "adapters", "workers"}
MIGRATIONS = "reconciler/_migrations"


def main() -> int:
    """Print the wheel's size, or what is wrong with it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
        built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        if built.returncode:
            print(built.stdout + built.stderr, file=sys.stderr)
            return 1
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            problems = faults(archive.namelist())
        print(f"{wheel.name}: {wheel.stat().st_size // 1024} kB")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def faults(names: list[str]) -> list[str]:
    """Say what the wheel has and should not have, and what it lacks.

    A top-level `alembic` would shadow the library, and `tests` whatever else goes by that name.
    """
    top = {name.split("/")[0] for name in names}
    foreign = sorted(name for name in top - PACKAGES if not name.endswith(".dist-info"))
    needed = [f"{MIGRATIONS}/env.py", f"{MIGRATIONS}/script.py.mako", "reconciler/py.typed"]
    needed += [f"{package}/__init__.py" for package in sorted(PACKAGES)]
    versions = [name for name in names if name.startswith(f"{MIGRATIONS}/versions/") and name.endswith(".py")]
    return [
        *(f"the wheel must not contain {name}" for name in foreign),
        *(f"the wheel lacks {name}" for name in needed if name not in names),
        *([] if versions else [f"the wheel lacks {MIGRATIONS}/versions/*.py: it cannot make its tables"]),
    ]


if __name__ == "__main__":
    sys.exit(main())
