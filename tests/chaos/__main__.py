"""The proving ground: ``python -m tests.chaos --faults 100 --seed 1``."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from os import getloadavg
from pathlib import Path
from random import Random
from time import monotonic, sleep
from types import FrameType
from typing import Any, Final, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from adapters.sandbox.server import running
from reconciler.failpoints import FAILPOINTS
from tests.chaos.faults import Chaos, plan
from tests.chaos.judge import Judge, Judgement
from tests.chaos.stage import LEASE_SECONDS, Stage
from tests.chaos.street import CREATES, Street
from tests.chaos.world import Customers, Shop, World, now

#: Faults between two waits for everything to come to rest.
ROUND: Final = 50
#: Seconds between two faults, and orders that arrive meanwhile.
PACE: Final = (0.15, 0.85)
ORDERS: Final = 3
#: How long to wait for what is armed, for rest, and for the last look-up, in seconds.
PATIENCE: Final = 60.0
BLINK: Final = 0.1
#: How often it is asked whether all is settled: the question costs the machine more than most answers.
GLANCE: Final = 0.5


@dataclass
class Run:
    """One run of the proving ground."""

    faults: int
    seed: int
    stage: Stage
    world: World
    customers: Customers
    chaos: Chaos
    fired: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)
    convergence: list[float] = field(default_factory=list)
    #: How much of it passed until every process was up again.
    starts: list[float] = field(default_factory=list)
    #: How many processes wanted to run meanwhile, of anybody's.
    loads: list[float] = field(default_factory=list)
    stuck: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.judge = Judge(self.stage, self.world, self.chaos.street, self.customers)
        self._armed: list[str] = []

    def play(self) -> Judgement:
        """Do all faults in rounds, let everything come to rest after each, and judge."""
        skipped = frozenset() if self.stage.own_disk else frozenset({"fill_disk"})
        faults = plan(self.faults, self.chaos.rng, skipped=skipped)
        for start in range(0, len(faults), ROUND):
            for kind in faults[start : start + ROUND]:
                self._fault(kind)
            self._provoke()
            self.convergence.append(self._rest())
            tell(f"{min(start + ROUND, len(faults))} faults, rest after {self.convergence[-1]:.1f} s")
        self._wait(lambda: not self.judge.in_doubt(), PATIENCE)
        return self.judge.judge()

    def _note(self, what: str) -> None:
        """Keep what was done when, beside the logs of those it was done to."""
        with (self.stage.run / "faults.log").open("a", encoding="utf-8") as log:
            log.write(f"{now().isoformat()} {what}\n")

    def _fault(self, kind: str) -> None:
        self._note(kind)
        self.chaos.do(kind)
        self.done[kind.partition(":")[0] + ("_at_failpoint" if ":" in kind else "")] += 1
        if kind in CREATES:
            self.customers.order_in_street()
        if ":" in kind:
            self._armed.append(kind.partition(":")[2])
        rng = self.chaos.rng
        for _ in range(ORDERS):
            self.customers.order()
            self._pass(rng.uniform(*PACE) / ORDERS)

    def _provoke(self) -> None:
        """Let orders go wrong until somebody came by every failpoint that is armed."""
        deadline = monotonic() + PATIENCE
        while self.chaos.unfired() and monotonic() < deadline:
            for shop in self.world.shops.values():
                if not shop.create_faults:
                    shop.create_faults.append("accept_then_drop")
            self.customers.order()
            self._pass(0.5)
        self.fired |= set(self._armed) - self.chaos.unfired()
        self._armed.clear()
        self.chaos.disarm()
        self._note("every fault is over but for what is still to be undone")

    def _rest(self) -> float:
        """Wait until everything is undone, then until every order is settled; return how long that took.

        The clock starts when the last fault is over; that a killed process must come up again is part of it,
        and told beside as well.
        """
        self._wait(lambda: self.chaos.idle and self.customers.idle, PATIENCE)
        began = monotonic()
        self._wait(lambda: not self.stage.starting(), PATIENCE)
        self.starts.append(monotonic() - began)
        self.loads.append(round(getloadavg()[0], 1))
        told = began
        self._note("every process is up")

        def settled() -> bool:
            nonlocal told
            why = self.judge.why_unsettled()
            if why and monotonic() - told > LEASE_SECONDS:
                told = monotonic()
                tell(f"  after {told - began:.0f} s still {why}")
            return not why

        if not self._wait(settled, PATIENCE, GLANCE):
            self.stuck = self.judge.unsettled()
        self._note("at rest")
        return monotonic() - began

    def _wait(self, condition: Any, seconds: float, every: float = BLINK) -> bool:
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            self._pass(every)
            try:
                if condition():
                    return True
            except SQLAlchemyError:
                continue
        return False

    def _pass(self, seconds: float) -> None:
        until = monotonic() + seconds
        while True:
            self.stage.supervise()
            self.chaos.go_on()
            left = until - monotonic()
            if left <= 0:
                return
            sleep(min(left, BLINK))

    def summary(self, found: Judgement) -> dict[str, Any]:
        """Return the one line."""
        return {
            "faults": sum(self.done.values()),
            "by_kind": dict(sorted(self.done.items())),
            "skipped": [] if self.stage.own_disk else ["fill_disk"],
            "struck_at_pos": dict(sorted((self.world.struck + self.chaos.street.struck).items())),
            "failpoints_hit": f"{len(self.fired & set(FAILPOINTS))}/{len(FAILPOINTS)}",
            "restarts": self.stage.restarts,
            "orders": len(self.customers.placed),
            "states": dict(sorted(found.states.items())),
            "lost": len(found.lost),
            "duplicated": len(found.duplicated),
            "unexplained": len(found.unexplained),
            "over_budget": len(found.over_budget),
            "max_convergence_s": round(max(self.convergence), 1),
            "max_start_s": round(max(self.starts), 1),
            "max_load": max(self.loads),
            "lease_s": LEASE_SECONDS,
            "seed": self.seed,
        }


def tell(text: str) -> None:
    """Say how it goes, beside the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command


def main() -> int:
    """Run, print the line, and say by the exit code whether every promise held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--within", type=float, default=LEASE_SECONDS + 10, help="seconds to rest after the last fault"
    )
    parser.add_argument("--logs", type=Path, help="keep the processes' logs in this folder")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    tell(f"seed {options.seed}")
    shops = [Shop("keyed", keys=True), Shop("keyless", keys=False), Shop("theirs", keys=True, theirs=True)]
    street = Street()
    stage = Stage(shops, "", street)
    try:
        rng, world = Random(options.seed), World(shops, stage.ledger)
        with running(world.app) as server:
            stage.base_url = server.url
            stage.open()
            customers, chaos = Customers(world, rng, street), Chaos(stage, world, street, rng)
            run = Run(options.faults, options.seed, stage, world, customers, chaos)
            return _judge(run, run.play(), options.within)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if options.logs:
            shutil.copytree(stage.run, options.logs, dirs_exist_ok=True)
        stage.close()


def _judge(run: Run, found: Judgement, within: float) -> int:
    for key in sorted(found.broken)[:5]:
        tell(f"{found.unexplained.get(key, 'a promise is broken')}\n{run.judge.history(key)}")
    for key in run.stuck[:5]:
        tell(f"it did not come to rest\n{run.judge.history(key)}")
    summary = run.summary(found)
    if late := summary["max_convergence_s"] > within:
        tell(f"it took more than {within:g} s to come to rest, at a load of up to {summary['max_load']}")
    unhit = set(FAILPOINTS) - run.fired
    if unhit:
        tell(f"nobody came by {', '.join(sorted(unhit))}")
    print(json.dumps(summary), flush=True)  # noqa: T201 - the result
    return 1 if found.broken or late or unhit or run.stuck else 0


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(130)


if __name__ == "__main__":
    raise SystemExit(main())
