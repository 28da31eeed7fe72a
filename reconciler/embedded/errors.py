"""Everything that can go wrong here ends as one line with a next step."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.domain.errors import UnavailableError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_A_FOLDER = {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}


class EmbeddedError(UnavailableError):
    """A server of our own could not be started, stopped or found."""


@contextmanager
def one_line(data_dir: Path) -> Iterator[None]:
    """Turn what the operating system refuses into an `EmbeddedError` about ``data_dir``."""
    try:
        yield
    except OSError as error:
        raise explained(error, data_dir) from error


def explained(error: OSError, data_dir: Path) -> EmbeddedError:
    """Say in a user's words what ``error`` means for the services in ``data_dir``."""
    where = error.filename or data_dir
    if error.errno in _NO_SPACE:
        return EmbeddedError(
            f"The disk that holds {data_dir} is full",
            next_step="free some space, then run the same command again",
        )
    if error.errno in _NOT_ALLOWED:
        return EmbeddedError(
            f"No permission to use {where} ({error.strerror})",
            next_step="choose a folder of your own with --data-dir or RECONCILER_DATA_DIR",
        )
    if error.errno in _NOT_A_FOLDER:
        return EmbeddedError(
            f"{where} is not a folder", next_step="choose another with --data-dir or RECONCILER_DATA_DIR"
        )
    if error.errno == errno.ENAMETOOLONG:
        return EmbeddedError(
            f"The path {str(where)[:60]}... is too long", next_step="choose a shorter data directory"
        )
    return EmbeddedError(
        f"{error.strerror or error} at {where}", next_step="see that the disk is healthy, then try again"
    )
