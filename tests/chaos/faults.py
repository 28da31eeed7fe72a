"""The faults. Each is done in a moment and undone, where it must be, by what it leaves for later."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.service import POSTGRES, VALKEY, Service
from reconciler.failpoints import FAILPOINTS
from tests.chaos.stage import LEASE_SECONDS, Stage, kill
from tests.chaos.street import CREATES, SPELLS, Street
from tests.chaos.world import CREATE_FAULTS, World

#: Longer than a lease.
PAST_LEASE: Final = LEASE_SECONDS + 1.5
TROUBLES: Final = ("throttled", "cart_down", "pos_down", "revoked")


@dataclass
class Chaos:
    """Does faults, and undoes them when their time has come."""

    stage: Stage
    world: World
    street: Street
    rng: Random
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def do(self, kind: str) -> None:
        """Do one fault of a kind: ``kill:POINT``, ``stop:POINT`` or a method's name."""
        name, _, point = kind.partition(":")
        if point:
            self._arm(point, signal.SIGKILL if name == "kill" else signal.SIGSTOP)
        elif kind in CREATE_FAULTS:
            self.rng.choice(list(self.world.shops.values())).create_faults.append(kind)
        elif kind in TROUBLES:
            shop = self.rng.choice(list(self.world.shops.values()))
            shop.trouble[kind] = monotonic() + self.rng.uniform(1, 3)
        elif kind in CREATES:
            # A call that breaks off at once is sent again at once; only more breaks make an order doubtful.
            self.street.strike(kind, self.rng.randint(1, 3))
        elif kind in SPELLS:
            self.street.strike(kind, 1)
            self._after(self.rng.uniform(1, 3), lambda: self.street.calm(kind))
        else:
            # Another fault may stand in the way of this one: a full disk, a server that is away.
            with suppress(RedisError, OperationalError, EmbeddedError):
                getattr(self, kind)()

    def _arm(self, point: str, number: int) -> None:
        beside = self.stage.armed / f".{point}"
        beside.write_text(str(int(number)), encoding="ascii")
        beside.rename(self.stage.armed / point)

    def go_on(self) -> None:
        """Undo what is due, and let those who stopped at a failpoint go on when their lease has passed."""
        for path in self.stage.armed.glob("*.[0-9]*"):
            number = int(path.read_text(encoding="ascii"))
            pid = int(path.suffix[1:])
            path.unlink()
            if number == signal.SIGSTOP:
                self._after(PAST_LEASE, lambda pid=pid: kill(pid, signal.SIGCONT))  # type: ignore[misc]
        due = [what for at, what in self._later if at <= monotonic()]
        self._later = [entry for entry in self._later if entry[0] > monotonic()]
        for what in due:
            what()

    def unfired(self) -> set[str]:
        """Return the failpoints that are armed and that nobody came by yet."""
        return {path.name for path in self.stage.armed.iterdir()} & set(FAILPOINTS)

    def disarm(self) -> None:
        """Arm nothing any more, and end every trouble."""
        for name in self.unfired():
            (self.stage.armed / name).unlink(missing_ok=True)
        for shop in self.world.shops.values():
            shop.create_faults.clear()
            shop.trouble.clear()
        self.street.calm_all()

    @property
    def idle(self) -> bool:
        """Say whether nothing is left to undo."""
        return not self._later and not self.stage.held

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        self._later.append((monotonic() + seconds, what))

    def _a_worker(self) -> str:
        return self.rng.choice(["worker-1", "worker-2"])

    def kill_worker(self) -> None:
        """Kill a worker's main process; its children are left behind for a moment."""
        self.stage.children[self._a_worker()].mark.signal(signal.SIGKILL)

    def kill_worker_group(self) -> None:
        """Kill a worker with all its children."""
        self.stage.children[self._a_worker()].mark.end_group()

    def stop_worker_gently(self) -> None:
        """Ask a worker to end, as a deployment does."""
        self.stage.children[self._a_worker()].mark.signal(signal.SIGTERM)

    def kill_pool_child(self) -> None:
        """Kill one of the processes that do the work."""
        if pids := self.stage.pool_children(self._a_worker()):
            kill(self.rng.choice(pids), signal.SIGKILL)

    def freeze_pool_child(self) -> None:
        """Halt one of them for longer than its lease."""
        if pids := self.stage.pool_children(self._a_worker()):
            pid = self.rng.choice(pids)
            kill(pid, signal.SIGSTOP)
            self._after(PAST_LEASE, lambda: kill(pid, signal.SIGCONT))

    def kill_beat(self) -> None:
        """Kill one of the two beats."""
        self.stage.children[self.rng.choice(["beat-1", "beat-2"])].mark.signal(signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill every process of ours at once."""
        self.stage.kill_everything_of_ours()

    def crash_postgres(self) -> None:
        """Kill PostgreSQL and start it again."""
        self._crash(POSTGRES)

    def crash_valkey(self) -> None:
        """Kill Valkey and start it again with its journal."""
        self._crash(VALKEY)

    def crash_valkey_without_journal(self) -> None:
        """Kill Valkey and start it again with nothing."""
        self._crash(VALKEY, lose="appendonlydir")

    def flush_valkey(self) -> None:
        """Forget every message."""
        self.stage.flush_broker()

    def black_hole(self) -> None:
        """Let a worker's connection to the broker swallow everything for a while."""
        proxy = self.stage.proxy
        assert proxy
        proxy.swallow()
        self._after(self.rng.uniform(2, 6), proxy.mend)

    def duplicate_messages(self) -> None:
        """Send hints by hand: each of them several times, in no order, some for channels there are not."""
        hints: list[tuple[str, tuple[int, ...], str]] = [("reconciler.tick", (), "pull")] * 3
        for channel in (1, 2, 3, 4, 5):
            hints += [("reconciler.submit", (channel,), "submit"), ("reconciler.run", (channel,), "pull")] * 2
        self.rng.shuffle(hints)
        with self.stage.broker() as app:
            for name, arguments, queue in hints:
                app.send_task(name, arguments, queue=queue, expires=30, retry=False)

    def step_clock(self) -> None:
        """Set the workers' clock wrong by up to two hours, either way."""
        self.stage.clock.write_text(str(self.rng.uniform(-7200, 7200)), encoding="ascii")
        self._after(self.rng.uniform(1, 4), self._set_clock_right)

    def _set_clock_right(self) -> None:
        self.stage.clock.write_text("0", encoding="ascii")

    def fill_disk(self) -> None:
        """Fill the database's disk for a moment."""
        ballast = self.stage.data / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
        self._after(3.0, lambda: self._free_disk(ballast))

    def _free_disk(self, ballast: Path) -> None:
        ballast.unlink(missing_ok=True)
        self._raise_servers()

    def _crash(self, service: Service, *, lose: str = "") -> None:
        self.stage.crash(service, lose=lose)
        self._raise_servers()

    def _raise_servers(self) -> None:
        """Start the servers that do not run; on a full disk they do not start, so try again."""
        try:
            if self.stage.servers_down():
                self.stage.servers_up()
        except EmbeddedError:
            self._after(1.0, self._raise_servers)


#: Every kind but the failpoints, with how often it comes.
WEIGHTS: Final = {
    **dict.fromkeys(CREATE_FAULTS, 4),
    **dict.fromkeys(TROUBLES, 2),
    **dict.fromkeys(CREATES, 2),
    **dict.fromkeys(SPELLS, 1),
    "kill_pool_child": 6,
    "freeze_pool_child": 3,
    "kill_worker": 2,
    "kill_worker_group": 2,
    "stop_worker_gently": 1,
    "kill_beat": 1,
    "kill_all": 1,
    "crash_postgres": 2,
    "crash_valkey": 2,
    "crash_valkey_without_journal": 2,
    "flush_valkey": 2,
    "black_hole": 2,
    "duplicate_messages": 4,
    "step_clock": 3,
    "fill_disk": 1,
}
#: Once each at least, killed; more often in a long run, and halted there as well.
POINTS: Final = tuple(f"kill:{name}" for name in FAILPOINTS)
HALTS: Final = tuple(
    f"stop:{name}" for name in FAILPOINTS if name.startswith(("submit.", "lookup.", "verify."))
)


def plan(count: int, rng: Random, *, skipped: frozenset[str]) -> list[str]:
    """Return the faults of a run, in order: every failpoint, every other kind, and then by chance."""
    kinds = [kind for kind in WEIGHTS if kind not in skipped]
    faults = [*POINTS, *kinds]
    weights = [WEIGHTS[kind] for kind in kinds]
    while len(faults) < count:
        draw = rng.random()
        if draw < 0.25:
            faults.append(rng.choice(POINTS))
        elif draw < 0.35:
            faults.append(rng.choice(HALTS))
        else:
            faults.append(rng.choices(kinds, weights)[0])
    rng.shuffle(faults)
    return faults
