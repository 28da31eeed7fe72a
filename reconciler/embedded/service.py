"""Starting and stopping one server, whatever state a crash left it in."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reconciler.embedded import postgres, valkey
from reconciler.embedded.asking import Answer, State
from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.locks import POLL_SECONDS, holders, is_held, parent_of, try_lock
from reconciler.embedded.processes import last_relevant_line, spawn
from reconciler.embedded.site import Site
from reconciler.embedded.wheels import Programs

#: Seconds a server may say that it is starting: recovery reads all that was written since a checkpoint.
_STARTING_SECONDS = 300

#: Seconds a process may be there and not answer at all.
_MUTE_SECONDS = 60

#: Seconds a process may be there without a socket: on its way up, or left over when its parent was killed.
_ABSENT_SECONDS = 10


@dataclass(frozen=True)
class Service:
    """A server: how to ask, prepare, start and end it."""

    name: str
    #: Its folder, lock and log are called after this.
    key: str
    ask: Callable[[Site, Path], Answer]
    prepare: Callable[[Site, Programs, Path, int], None]
    command: Callable[[Site, Programs, Path], list[str]]
    #: Signals that end it, the gentlest first, and the seconds each is given to work.
    endings: tuple[tuple[signal.Signals, float], ...]
    #: What to do when its log says no more.
    remedy: str

    def lock(self, site: Site) -> Path:
        """Return the lock that the server holds while it lives."""
        return site.root / f"{self.key}.lock"

    def log(self, site: Site) -> Path:
        """Return the file the server logs to."""
        return site.logs / f"{self.key}.log"


POSTGRES = Service(
    name="PostgreSQL",
    key="postgres",
    ask=postgres.ask,
    prepare=postgres.prepare,
    command=postgres.command,
    # Fast shutdown, then immediate shutdown, which its write-ahead log makes good at the next start.
    endings=((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)),
    remedy="remove the cause, then run: reconciler services up",
)

VALKEY = Service(
    name="Valkey",
    key="valkey",
    ask=valkey.ask,
    prepare=valkey.prepare,
    command=valkey.command,
    endings=((signal.SIGTERM, 20), (signal.SIGKILL, 10)),
    remedy="remove the cause, or move its folder away (PostgreSQL has all that matters), "
    "then run: reconciler services up",
)

SERVICES = (POSTGRES, VALKEY)


def ensure_running(service: Service, site: Site, programs: Programs, sockets: Path) -> None:
    """Return once the server answers, started if need be; the caller holds the lock against others."""
    began = time.monotonic()
    while True:
        answer = service.ask(site, sockets)
        if answer.state is State.READY:
            return
        lock = try_lock(service.lock(site))
        if lock is not None:
            _start(service, site, programs, sockets, lock)
            return
        waited = time.monotonic() - began
        if answer.state is State.ABSENT and waited > _ABSENT_SECONDS:
            stop(service, site)
        _give_up_if_hopeless(service, site, answer, waited)
        time.sleep(POLL_SECONDS)


def stop(service: Service, site: Site, *, gently: bool = True) -> bool:
    """End the server and wait until its last process is gone; return whether there was one.

    Not ``gently``: without the checkpoint that makes its next start quick, for data that go away.
    """
    lock = service.lock(site)
    if not is_held(lock):
        return False
    for number, seconds in service.endings[0 if gently else 1 :]:
        pids = holders(lock)
        _signal(pids if number is signal.SIGKILL else _heads(pids), number)
        if _is_free_within(lock, seconds):
            return True
    raise EmbeddedError(
        f"{service.name} does not end (process {_listing(holders(lock))})",
        next_step="see whether its disk still answers, or restart the machine",
    )


def main_pid(service: Service, site: Site) -> int | None:
    """Return the pid of a server that does not answer, None when no process of it is there."""
    lock = service.lock(site)
    return next(iter(sorted(_heads(holders(lock)))), None) if is_held(lock) else None


def _start(service: Service, site: Site, programs: Programs, sockets: Path, lock: int) -> None:
    log = service.log(site)
    try:
        service.prepare(site, programs, sockets, lock)
        command = service.command(site, programs, sockets)
        begin = spawn(command, site.account, log=log, lock=lock, folder=site.root / service.key)
    finally:
        # From here the server alone holds its lock.
        os.close(lock)
    began = time.monotonic()
    while (answer := service.ask(site, sockets)).state is not State.READY:
        if not is_held(service.lock(site)):
            raise EmbeddedError(
                f"{service.name} did not start: {_last_words(log, begin)}",
                next_step=f"its log is {log}; {service.remedy}",
            )
        _give_up_if_hopeless(service, site, answer, time.monotonic() - began)
        time.sleep(POLL_SECONDS)


def _give_up_if_hopeless(service: Service, site: Site, answer: Answer, waited: float) -> None:
    patience = {State.STARTING: _STARTING_SECONDS, State.REFUSED: 0}.get(answer.state, _MUTE_SECONDS)
    if waited < patience:
        return
    said = f"says: {answer.text}" if answer.text else "gives no answer"
    raise EmbeddedError(
        f"{service.name} {said} (after {waited:.0f} s)",
        next_step=f"its log is {service.log(site)}; run: reconciler services down, then up",
    )


def _last_words(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        return last_relevant_line(file.read().decode(errors="replace"))


def _heads(pids: frozenset[int]) -> frozenset[int]:
    """Return those whose parent is not among them: the server itself, or orphans of one that was killed."""
    return frozenset(pid for pid in pids if parent_of(pid) not in pids)


def _signal(pids: frozenset[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            # A halted process (Ctrl-Z, a debugger) would otherwise not hear of it.
            os.kill(pid, signal.SIGCONT)


def _is_free_within(lock: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_held(lock):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _listing(pids: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(pids))) or "unknown"
