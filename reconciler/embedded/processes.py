"""Running the servers' programs: a clean environment, the right account, nothing on the terminal."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
from pathlib import Path

from reconciler.embedded.accounts import Account
from reconciler.embedded.errors import EmbeddedError

#: All the environment the programs get. PG* or LD_LIBRARY_PATH of the caller would change what they do.
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}

#: Longest a program may take that is expected to end by itself (creating a cluster on a slow disk).
_RUN_SECONDS = 180

#: The log is kept, and put aside once at this size.
_LOG_BYTES = 10_000_000


def run(
    command: list[str], account: Account, *, stdin: str = "", lock: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as ``account``, with the descriptor of a lock to hold meanwhile."""
    try:
        return subprocess.run(  # noqa: S603 - programs out of our own wheels
            command,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_RUN_SECONDS,
            env=ENVIRONMENT,
            cwd="/",
            umask=0o077,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            **account.process_options(),
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(
            f"{Path(command[0]).name} did not end within {_RUN_SECONDS} s",
            next_step="see whether the disk or the machine is overloaded, then try again",
        ) from error


def spawn(command: list[str], account: Account, *, log: Path, lock: int, folder: Path) -> int:
    """Start a server that outlives us, in ``folder``; return where its own lines begin in ``log``.

    The shell between us ends at once, so that the server is nobody's child here: it leaves no zombie, and
    its session is its own. It inherits the lock. It writes no core file, which would hold customers' data.
    """
    output = open_log(log)
    start = os.fstat(output).st_size
    try:
        subprocess.run(  # noqa: S603 - programs out of our own wheels
            ["/bin/sh", "-c", 'ulimit -c 0; "$@" &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=True,
            env=ENVIRONMENT,
            cwd=folder,
            umask=0o077,
            start_new_session=True,
            pass_fds=(lock,),
            **account.process_options(),
        )
    finally:
        os.close(output)
    return start


def require_runnable(command: list[str], account: Account) -> str:
    """Return what a program says of its version; raise `EmbeddedError` when it cannot run here."""
    name = Path(command[0]).name
    try:
        done = run(command, account)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            reason = f"it was built for another kind of machine than this one ({platform.machine()})"
        else:
            reason = f"the system says: {error.strerror}"
        raise EmbeddedError(f"{name} cannot run: {reason}", next_step=_REINSTALL) from error
    if done.returncode != 0:
        raise EmbeddedError(f"{name} cannot run: {done.stderr.strip()}", next_step=_REINSTALL)
    return done.stdout.strip()


_REINSTALL = "install the wheels for this system: pip install --force-reinstall 'reconciler[embedded]'"


def open_log(log: Path) -> int:
    """Open a server's log to append to, the old one put aside when it grew large; return its descriptor."""
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def last_relevant_line(text: str) -> str:
    r"""Return the line of a server's log that explains why it ended.

    >>> last_relevant_line("LOG: starting\nFATAL: no space left\nLOG: database system is shut down\n")
    'FATAL: no space left'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if any(word in line for word in _TELLING)]
    return (telling or lines or ["it left no word in its log"])[-1]


#: PostgreSQL's severities, the dynamic linker's and the shell's complaints, Valkey's mark of a warning.
_TELLING = ("FATAL", "PANIC", "ERROR", "error", "not found", " # ")
