"""The promises, each under the one fault that would break it, with real processes and a ledger at the POS."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from adapters.sandbox.server import running
from adapters.sandbox.wire import Request, Response
from reconciler.demo.processes import wait_until
from tests.chaos.stage import Stage
from tests.chaos.world import Shop, World, read_ledger

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

#: Everything has come to rest within this, in seconds; a machine may be busy with other things.
SOON = 300.0


class Ground:
    """A shop with the means to see what became of its orders."""

    def __init__(self, stage: Stage, world: World) -> None:
        self.stage, self.world = stage, world
        self.shop = next(iter(world.shops.values()))

    def order(self, count: int) -> list[str]:
        """Let customers order."""
        return [self.world.place(self.shop) for _ in range(count)]

    def accepted(self, references: list[str]) -> Counter[str]:
        """Count by order what the POS accepted."""
        rows = read_ledger(self.stage.ledger)
        found = Counter(row["reference"] for row in rows if row["event"] == "accepted")
        return Counter({reference: found[reference] for reference in references if found[reference]})

    def number(self, statement: str) -> int:
        """Ask the database for a number."""
        with self.stage.engine.connect() as connection:
            return int(connection.exec_driver_sql(statement).scalar_one())

    def waiting(self) -> int:
        """Count the orders that wait to be sent."""
        return self.number("SELECT count(*) FROM queue_entries WHERE status IN ('created', 'ready')")

    def succeeded(self, references: list[str]) -> bool:
        """Say whether the queue is done with all of them."""
        listed = ", ".join(f"'{reference}'" for reference in references)
        done = f"SELECT count(*) FROM queue_entries WHERE status = 'success' AND reference IN ({listed})"
        return self.number(done) == len(references)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition, starting again whatever died."""

        def look() -> bool:
            self.stage.supervise()
            return condition()

        assert wait_until(look, SOON)

    def hold(self, *names: str) -> None:
        """Kill processes and let them stay dead."""
        self.stage.held.update(names)
        for name in names:
            self.stage.children[name].mark.end_group()
            self.stage.children[name].process.wait()

    def let_go(self) -> None:
        """Let them be started again."""
        self.stage.held.clear()


@pytest.fixture(scope="module")
def calls() -> list[float]:
    """When the shop's cart and POS were called."""
    return []


@pytest.fixture(scope="module")
def ground(calls: list[float]) -> Iterator[Ground]:
    """One shop whose POS knows no keys and may hang for longer than a minute, with all that runs for it."""
    stage = Stage([Shop("web", keys=False)], "")
    world = World(stage.shops, stage.ledger)

    def counted(request: Request) -> Response:
        calls.append(monotonic())
        return world.app(request)

    try:
        with running(counted) as server:
            stage.base_url = server.url
            stage.read_seconds = 60
            stage.open()
            yield Ground(stage, world)
    finally:
        stage.close()
        world.close()


def test_every_process_killed_at_once_changes_nothing_in_the_end(ground: Ground):
    """Whatever each of them was doing: every order is in the POS, once."""
    references = ground.order(60)
    ground.until(lambda: len(ground.accepted(references)) >= 10)
    ground.stage.kill_everything_of_ours()
    ground.until(lambda: ground.succeeded(references))
    assert set(ground.accepted(references).values()) == {1}
    assert len(ground.accepted(references)) == 60


def test_the_pos_takes_an_order_and_hangs_while_the_worker_is_killed(ground: Ground):
    """One POS order, a success that was adopted, and the attempt to be read in ``queue show``."""
    ground.shop.create_faults.append("accept_then_hang")
    references = ground.order(1)
    ground.until(lambda: bool(ground.accepted(references)))
    ground.stage.kill_everything_of_ours()
    ground.until(lambda: ground.succeeded(references))
    assert ground.accepted(references) == {references[0]: 1}
    shown = ground.stage.run_command("reconciler", "queue", "show", references[0])
    assert "success" in shown
    assert "unknown" in shown
    assert "the worker was lost" in shown


def test_a_broker_that_forgets_everything_loses_nothing(ground: Ground):
    """500 orders wait, and every message is gone: the next ticks find them."""
    references = ground.order(500)
    ground.until(lambda: ground.waiting() > 350)
    ground.hold("worker-1", "worker-2", "beat-1", "beat-2")
    ground.stage.flush_broker()
    waiting = ground.waiting()
    ground.let_go()
    ground.until(lambda: ground.succeeded(references))
    assert waiting > 300
    assert set(ground.accepted(references).values()) == {1}


def test_beats_that_were_away_for_an_hour_come_back_without_a_burst(ground: Ground, calls: list[float]):
    """One run of each channel is due after an hour, not one for each that was missed."""
    ground.hold("beat-1", "beat-2")
    runs = ground.number("SELECT count(*) FROM runs")
    references = ground.order(5)
    with ground.stage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE channels SET next_run_at = clock_timestamp() - interval '1 h'")
    began = monotonic()
    ground.let_go()
    ground.until(lambda: ground.succeeded(references))
    seconds = monotonic() - began
    assert ground.number("SELECT count(*) FROM runs") - runs <= seconds + 3
    # A run reads both sides, a page each for every hundred orders; an order is looked up, sent and read back.
    assert len([at for at in calls if at > began]) <= (seconds + 3) * 16 + len(references) * 4


def test_a_worker_that_is_asked_to_stop_leaves_nothing_half_done(ground: Ground):
    """SIGTERM: it finishes what it has in hands, and no claim waits for its lease."""
    references = ground.order(60)
    ground.until(lambda: len(ground.accepted(references)) >= 5)
    ground.stage.held.update(ground.stage.children)
    for child in ground.stage.children.values():
        child.mark.signal(signal.SIGTERM)
    stopped = lambda: all(c.process.poll() is not None for c in ground.stage.children.values())  # noqa: E731
    assert wait_until(stopped, SOON)
    assert ground.number("SELECT count(*) FROM queue_entries WHERE status = 'processing'") == 0
    assert ground.number("SELECT count(*) FROM attempts WHERE outcome IS NULL") == 0
    ground.let_go()
    ground.until(lambda: ground.succeeded(references))
    assert set(ground.accepted(references).values()) == {1}
