"""One performance of the demo: the schedule works, the world plays, the truth says when it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Final, Protocol

from reconciler.demo.judge import Evidence, Score, judge
from reconciler.demo.screen import Screen
from reconciler.demo.stage import Stage
from reconciler.demo.store import read_ledger, read_store, records_at_first
from reconciler.demo.street import CHANNEL, CODE, LEDGER_FILE
from reconciler.demo.watch import Look, Watcher

#: How long the schedule has to meet every label, in seconds: it needs less than half of it, and a machine
#: that is busy with other things may take its time.
DEADLINE: Final = 150.0
#: How often we look, in seconds.
EVERY: Final = 0.5
#: After the last label was met the schedule goes round so often once more: what is right must stay right.
ENCORE_ROUNDS: Final = 1.5


class Act(Protocol):
    """What happens outside of our program at one merchant."""

    @property
    def over(self) -> bool:
        """Say whether everything happened."""
        ...

    @property
    def met(self) -> Collection[str]:
        """Faults of a sandbox that struck, and were told of where they have to be."""
        ...

    def play(self, elapsed: float, look: Look) -> None:
        """Do what is due."""
        ...


@dataclass
class Performance:
    """Plays on a stage that is open, and judges what comes of it."""

    stage: Stage
    screen: Screen
    scenes: Sequence[Act] = ()
    watcher: Watcher = field(init=False)
    #: When the curtain rose.
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        """Look at the world before anything moves."""
        world = self.stage.world
        self.watcher = Watcher(self.stage.engine)
        self._before = records_at_first(world.shops)
        self._told: set[str] = set()

    def play(self, deadline: float = DEADLINE) -> Score:
        """Go on until every label is met and stays so, or the deadline passes; return the score."""
        good_since: float | None = None
        encore = ENCORE_ROUNDS * self.stage.world.poll_interval.total_seconds()
        while True:
            score = self.step()
            elapsed = monotonic() - self.began
            done = score.met and all(scene.over for scene in self.scenes)
            good_since = (good_since or elapsed) if done else None
            if elapsed > deadline or (good_since is not None and elapsed - good_since >= encore):
                return score
            sleep(EVERY)

    def step(self) -> Score:
        """Let the director do what is due, look, and judge."""
        self.stage.check()
        look = self.watcher.look()
        for scene in self.scenes:
            scene.play(monotonic() - self.began, look)
        score = self.score(look)
        self._tell_of_repairs(look)
        self.screen.update(look, score)
        return score

    def score(self, look: Look) -> Score:
        """Hold what there is now against the truth."""
        world = self.stage.world
        folder = self.stage.home.world
        store = read_store(folder, world.shops)
        if world.street:
            store = store.joined(read_ledger(folder / CODE / LEDGER_FILE, CHANNEL))
        met = frozenset(fault for scene in self.scenes for fault in scene.met)
        return judge(world.labels, Evidence(look, self.watcher.seen, store, self._before, met))

    def _tell_of_repairs(self, look: Look) -> None:
        for (channel, reference), status in look.queue.items():
            if status == "success" and reference not in self._told:
                self._told.add(reference)
                self.screen.tell(f"{channel}: order {reference} was missing; sent again, and the POS has it")
