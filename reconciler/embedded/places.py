"""Where the data of a given directory really lies.

For an ordinary user: in that directory. The servers of root run as another account, which mostly cannot
reach the directory that root names (below /root, in a virtual environment) unless permissions on the way are
opened, and those are not ours to change. So root's data lies below ``SYSTEM_ROOT``, and a pointer file in the
given directory says where.

The pointer shares the directory's life: whoever removes the directory starts afresh with the next one at the
same path, as an ordinary user would, and never meets the data of a deleted checkout again. Data that lost its
pointer is kept; only its servers are stopped.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from itertools import accumulate, count, takewhile
from pathlib import Path

from reconciler.embedded.accounts import is_root, name_of
from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.files import replace_file
from reconciler.embedded.locks import exclusive

#: Where root keeps all data; a directory below it that root names is used as it is.
SYSTEM_ROOT = Path("/var/lib/reconciler")

#: The file in a directory that root named, with the path of the data as its only line.
POINTER = "data-location"

#: Present in every directory in which servers were started.
STATE_FILE = "services.json"


def resolve_data_dir(data_dir: Path) -> Path:
    """Return the folder that holds, or would hold, the data of ``data_dir``; change nothing."""
    given = _absolute(data_dir)
    if not is_root():
        _refuse_pointer_of_root(given)
        return given
    if _used_as_is(given):
        return given
    return read_pointer(given) or _free_place(given)


def claim_data_dir(data_dir: Path) -> Path:
    """Like `resolve_data_dir`, and create the folder and, for root, the pointer to it."""
    given = _absolute(data_dir)
    if not is_root():
        _refuse_pointer_of_root(given)
        return _claim_as_user(given)
    if _in_system_root(given):
        return system_folder(given)
    _refuse_services_of_others(given)
    with exclusive(system_folder(SYSTEM_ROOT) / "places.lock", wait_seconds=10):
        return read_pointer(given) or _claim_mapped(given)


def forsaken_places(data_dir: Path) -> list[Path]:
    """Return root's data for a directory at this path that was removed since, pointer and all."""
    given = _absolute(data_dir)
    if not is_root() or _used_as_is(given) or read_pointer(given):
        return []
    return _taken(given)


def every_place(data_dir: Path) -> list[Path]:
    """Return all folders that hold data for this path: the present one, and root's of removed directories."""
    given = _absolute(data_dir)
    if not is_root() or _used_as_is(given):
        return [resolve_data_dir(given)]
    pointed = read_pointer(given)
    return [*([pointed] if pointed else []), *(place for place in _taken(given) if place != pointed)]


def release(data_dir: Path) -> None:
    """Remove the pointer, and the directory that a person named if nothing of his is in it."""
    given = _absolute(data_dir)
    if not given.is_dir():
        return
    (given / POINTER).unlink(missing_ok=True)
    if {entry.name for entry in given.iterdir()} <= {".gitignore"}:
        (given / ".gitignore").unlink(missing_ok=True)
        given.rmdir()


def read_pointer(given: Path) -> Path | None:
    """Return where ``given`` points; raise `EmbeddedError` when that is gone or not root's word."""
    pointer = given / POINTER
    try:
        found = os.lstat(pointer)
    except (FileNotFoundError, NotADirectoryError):
        return None
    # Root follows it, so only a file that nobody else could have written counts.
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedError(f"{pointer} was not written by root", next_step="remove it, then try again")
    target = Path(pointer.read_text(encoding="utf-8").strip())
    if not target.is_dir():
        raise EmbeddedError(
            f"The data of {given} was in {target}, which is gone",
            next_step=f"restore it, or remove {pointer} to start with an empty database",
        )
    return target


def system_folder(place: Path) -> Path:
    """Create a folder at or below the system root: every step root's own, open to pass through only."""
    root = SYSTEM_ROOT.resolve()
    for step in accumulate(place.resolve().relative_to(root).parts, Path.joinpath, initial=root):
        if not step.is_dir():
            step.mkdir(mode=0o711, parents=True, exist_ok=True)
        refuse_foreign(step)
        mode = stat.S_IMODE(step.stat().st_mode)
        if mode & 0o011 != 0o011 or mode & 0o022:
            step.chmod(0o711)
    return place.resolve()


def _claim_as_user(given: Path) -> Path:
    _make_given(given)
    refuse_foreign(given)
    if given.stat().st_mode & stat.S_IWOTH:
        raise EmbeddedError(f"Every user can write to {given}", next_step=f"run: chmod o-w '{given}'")
    return given


def _claim_mapped(given: Path) -> Path:
    _make_given(given)
    place = system_folder(_free_place(given))
    replace_file(given / POINTER, f"{place}\n", os.geteuid(), os.getegid())
    return place


def _make_given(given: Path) -> None:
    """Create the directory a person named, and keep what will be in it out of his version control."""
    if given.is_dir():
        return
    given.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(given / ".gitignore", "*\n", os.geteuid(), os.getegid())


def _absolute(data_dir: Path) -> Path:
    return data_dir.expanduser().resolve()


def _used_as_is(given: Path) -> bool:
    """Root uses what lies below the system root, and looks at (never enters) another user's services."""
    return _in_system_root(given) or _owner_of_services(given) not in {None, 0}


def _in_system_root(given: Path) -> bool:
    return given.is_relative_to(SYSTEM_ROOT.resolve())


def _owner_of_services(given: Path) -> int | None:
    try:
        return os.lstat(given / STATE_FILE).st_uid
    except OSError:
        return None


def _refuse_services_of_others(given: Path) -> None:
    owner = _owner_of_services(given)
    if owner is not None:
        _refuse_owner(given, owner)


def refuse_foreign(folder: Path) -> None:
    """Raise `EmbeddedError` unless ``folder`` belongs to the user who runs this process."""
    _refuse_owner(folder, folder.stat().st_uid)


def _refuse_owner(folder: Path, owner: int) -> None:
    if owner != os.geteuid():
        name = name_of(owner) or f"user id {owner}"
        raise EmbeddedError(
            f"{folder} belongs to {name}",
            next_step=f"run this command as {name}, or choose another folder with --data-dir",
        )


def _refuse_pointer_of_root(given: Path) -> None:
    if (given / POINTER).exists():
        raise EmbeddedError(
            f"The services of {given} were started by root",
            next_step="run this command as root, or choose another folder with --data-dir",
        )


def _generations(given: Path) -> Iterator[Path]:
    digest = hashlib.sha256(os.fsencode(given)).hexdigest()[:16]
    for number in count(1):
        yield SYSTEM_ROOT.resolve() / (f"data-{digest}" if number == 1 else f"data-{digest}-{number}")


def _taken(given: Path) -> list[Path]:
    return list(takewhile(Path.exists, _generations(given)))


def _free_place(given: Path) -> Path:
    return next(place for place in _generations(given) if not place.exists())
