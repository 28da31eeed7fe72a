"""The demo from beginning to end, with everything cleaned up whatever happens."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Final, NoReturn

from reconciler.demo.director import Scene
from reconciler.demo.home import Home
from reconciler.demo.judge import Score
from reconciler.demo.performance import Act, Performance
from reconciler.demo.screen import Screen, open_screen
from reconciler.demo.stage import Stage
from reconciler.demo.warden import Warden
from reconciler.demo.weather import Weather
from reconciler.demo.world import World
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports.reports import Scope
from reconciler.reporting import RENDERERS
from reconciler.services.report import build_report, write_file

_ENDINGS: Final = (signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Result:
    """What a demo came to."""

    world: World
    score: Score
    seconds: float
    report: Path
    #: Where everything is left running; None when nothing is.
    home: Home | None
    #: What opens the credentials of a demo that was kept; nowhere but here and in its processes.
    secret_key: str = field(default="", repr=False)


def perform(*, seed: int, orders: int, keep: bool, report: Path) -> Result:
    """Play a world by real processes and judge it; unless ``keep``, nothing is left but the report."""
    world = World.generate(seed, datetime.now(UTC), orders).with_street()
    with _endings_raise(), open_screen(world) as screen:
        stage = Stage(Home.make(), world, screen.tell)
        warden = Warden(stage.home)
        played = False
        try:
            score, seconds = _play(stage, screen)
            _write_report(stage, screen, report)
            played = True
        finally:
            _leave(stage, warden, running=played and keep, keep=keep)
        return Result(world, score, seconds, report, stage.home if keep else None, stage.secret_key)


def _play(stage: Stage, screen: Screen) -> tuple[Score, float]:
    world, home = stage.world, stage.home
    screen.tell(f"writing {world.orders:,} orders of {len(world.merchants)} merchants, seed {world.seed}")
    world.write(home.world)
    stage.start_servers()
    # It takes a while to come up, and does nothing before somebody says that something is due.
    stage.start_worker()
    stage.prepare()
    acts = acts_of(stage, screen)
    stage.start_beat()
    began = monotonic()
    screen.tell("tills, a worker and a beat are running; from here on the schedule does the work")
    score = Performance(stage, screen, acts).play()
    return score, monotonic() - began


def acts_of(stage: Stage, screen: Screen) -> list[Act]:
    """Return what happens at each merchant, begun."""
    world, folder = stage.world, stage.home.world
    scenes = [Scene(shop, folder / shop.trade.code, screen.tell, stage.start_till) for shop in world.shops]
    for scene in scenes:
        scene.begin()
    if world.street is None:
        return [*scenes]
    weather = Weather(world.street, stage.urls, screen.tell)
    weather.begin()
    return [*scenes, weather]


def _write_report(stage: Stage, screen: Screen, path: Path) -> None:
    """Write the page that `reconciler report` would write, while the schedule goes on."""
    screen.tell("writing the report, while the schedule goes on")
    with SqlReportUnit(stage.engine) as unit:
        page = RENDERERS["html"](build_report(unit, Scope(), datetime.now(UTC)))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, page)


def _leave(stage: Stage, warden: Warden, *, running: bool, keep: bool) -> None:
    """Clean up, and let nobody interrupt that. ``keep`` leaves the files even where it went wrong."""
    with _ignored(signal.SIGINT, *_ENDINGS):
        if not running:
            stage.tell("stopping everything")
            stage.close(gently=keep)
        if not keep:
            stage.home.remove()
        elif not running:
            stage.tell(f"its files stay in {stage.home.path}")
        warden.dismiss()


@contextmanager
def _endings_raise() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demo the way Ctrl-C does: through its ``finally``."""
    before = {number: signal.signal(number, _end) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _ignored(*numbers: int) -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
