"""Folders and files that only their owner can read, made safely.

Root writes into folders that belong to the servers' account. Nothing here follows a link there, so a server
that was broken into cannot lead root elsewhere.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from reconciler.embedded.errors import EmbeddedError


def private_folder(path: Path, uid: int, gid: int) -> Path:
    """Make sure that ``path`` is a 0700 folder of ``uid``; its parent must be ours alone to write."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        _require_folder(path)
    found = os.lstat(path)
    if (found.st_uid, found.st_gid) != (uid, gid) and os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def replace_file(path: Path, text: str, uid: int, gid: int) -> None:
    """Write a 0600 file of ``uid`` in one step: readers see the old text or the new, never half."""
    # mkstemp creates exclusively, never through a link, as 0600.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.geteuid() == 0:
                os.fchown(file.fileno(), uid, gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def give_tree(top: Path, uid: int, gid: int) -> None:
    """Make ``uid`` the owner of everything in ``top``, links themselves and not what they point to."""
    os.chown(top, uid, gid, follow_symlinks=False)
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            os.chown(Path(folder, name), uid, gid, follow_symlinks=False)


def remove_tree(path: Path) -> None:
    """Remove a folder of ours if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def _require_folder(path: Path) -> None:
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise EmbeddedError(
            f"{path} is in the way and is not a folder", next_step="move it away and try again"
        )
