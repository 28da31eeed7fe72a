"""A short, private folder for the servers' sockets.

A socket's path has at most 107 bytes, a data directory's may have a thousand. So the sockets lie in the data
directory where that is short enough, else below /tmp. (Not in $XDG_RUNTIME_DIR: it goes when its user logs
out, and the servers stay.) The folder's name is random: nobody can plant it beforehand, and the servers of a
deleted data directory, which remove their sockets when they notice, never remove those of their successors.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconciler.embedded.accounts import Account
from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.files import replace_file
from reconciler.embedded.places import STATE_FILE

#: Longest socket path in Linux, in bytes.
LONGEST_PATH = 107

#: Bytes that ``/run-XXXXXXXX/.s.PGSQL.5432`` and a margin need below the folder that holds it.
_TAIL = 40

#: Characters that mean nothing special in a URL, a shell or a configuration file.
_PLAIN = re.compile(r"[A-Za-z0-9/._-]+")

#: Where to go from a data directory whose path is too long.
_SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - what is made there is 0700 and has a random name


def recorded_sockets(root: Path) -> Path | None:
    """Return the socket folder that the services in ``root`` last used, None when they never ran."""
    try:
        state = json.loads((root / STATE_FILE).read_text(encoding="utf-8"))
        return Path(state["socket_dir"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        # A power cut can leave an empty file; the next start makes a new folder and writes it down.
        return None


def socket_folder(root: Path, account: Account) -> Path:
    """Return the recorded folder if it is still ``account``'s alone, else a new one, recorded."""
    recorded = recorded_sockets(root)
    if recorded is not None and is_private(recorded, account.uid):
        return recorded
    folder = _new_folder(root, account)
    state = json.dumps({"socket_dir": str(folder)}) + "\n"
    replace_file(root / STATE_FILE, state, os.geteuid(), os.getegid())
    return folder


def forget_sockets(root: Path, account: Account) -> None:
    """Remove the recorded folder, once no server uses it."""
    recorded = recorded_sockets(root)
    if recorded is None or not is_private(recorded, account.uid):
        return
    for entry in recorded.iterdir():
        entry.unlink(missing_ok=True)
    recorded.rmdir()


def is_private(folder: Path, uid: int) -> bool:
    """Whether ``folder`` is a real folder of ``uid`` that no other user can enter."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid and not found.st_mode & 0o077


def _new_folder(root: Path, account: Account) -> Path:
    for parent, prefix in _parents(root, account.uid):
        try:
            folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
        except OSError:
            continue
        if _takes_sockets(folder):
            _give(folder, account)
            return folder
        folder.rmdir()
    raise EmbeddedError(
        f"No folder for sockets: neither {root} nor {', '.join(_SHORT_FOLDERS)} can hold any",
        next_step="make /tmp writable, or choose a shorter data directory on a local disk",
    )


def _parents(root: Path, uid: int) -> Iterator[tuple[Path, str]]:
    text = str(root)
    if len(os.fsencode(text)) + _TAIL <= LONGEST_PATH and _PLAIN.fullmatch(text):
        yield root, "run-"
    for folder in _SHORT_FOLDERS:
        yield Path(folder), f"reconciler-{uid}-"


def _takes_sockets(folder: Path) -> bool:
    """Whether the file system knows sockets: some that containers and virtual machines share do not."""
    path = folder / "probe"
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(path))
    except OSError:
        return False
    finally:
        path.unlink(missing_ok=True)
    return True


def _give(folder: Path, account: Account) -> None:
    if account.drops:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchown(descriptor, account.uid, account.gid)
        finally:
            os.close(descriptor)
