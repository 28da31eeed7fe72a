"""The demo as an operator meets it: real worker, beat and tills, crashes, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import redis

from reconciler import embedded
from reconciler.demo import faults_absent as absent
from reconciler.demo import faults_present as present
from reconciler.demo.director import Scene
from reconciler.demo.home import Home
from reconciler.demo.judge import Score
from reconciler.demo.performance import DEADLINE, Performance
from reconciler.demo.plans import Plan
from reconciler.demo.processes import Child, read_marks, wait_until
from reconciler.demo.screen import QuietScreen
from reconciler.demo.stage import Stage
from reconciler.demo.world import FEWEST, World
from reconciler.failpoints import VARIABLE
from tests.acceptance.command_line import PROGRAM, reconciler, surroundings

pytestmark = [pytest.mark.acceptance, pytest.mark.integration, pytest.mark.slow]

#: As few as leave room for the faults.
ORDERS = FEWEST
#: The children of a worker.
HANDS = 2
#: What a killed worker had in hand, as far as nobody found it in the POS.
CAUGHT = """
SELECT q.reference FROM queue_entries q
JOIN attempts a ON a.channel_id = q.channel_id AND a.reference = q.reference AND a.number = q.attempts
WHERE q.status IN ('in_doubt', 'failed') AND a.vendor_words = 'the worker was lost'
"""
#: The demo's own deadline, and what it takes to begin and to end, in seconds.
PATIENCE = DEADLINE + 60


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    """Surroundings in which all that a demo makes is below this test's own folder."""
    return surroundings() | {"TMPDIR": str(tmp_path)}


def home_in(folder: Path) -> Path | None:
    """Return the demo's own folder, once there is one."""
    return next(iter(folder.glob("reconciler-demo-*")), None)


def processes_of(places: set[str]) -> list[str]:
    """Return the command lines of all processes that run in, or with a file of, one of the places."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = f"{command} {(process / 'cwd').readlink()}"
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(place in where for place in places):
            found.append(command)
    return found


def places_of(home: Path) -> set[str]:
    """Return where the processes of a demo have their files."""
    return {str(home), str(embedded.resolve_data_dir(home / "data"))}


def secret_key_of(home: Path) -> str:
    """Return the key that the worker of a demo was given."""
    worker = next(mark for mark in read_marks(home / "run") if mark.name == "worker")
    words = Path(f"/proc/{worker.pid}/environ").read_text(encoding="utf-8").split("\0")
    return next(word.partition("=")[2] for word in words if word.startswith("RECONCILER_SECRET_KEYS="))


def files_of(*folders: Path) -> str:
    """Return everything that is written below some folders."""
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)


class Demo:
    """A demo that runs in the background."""

    def __init__(self, folder: Path, environ: dict[str, str], *options: str) -> None:
        self.folder = folder
        self.log = folder / "demo.log"
        command = [
            PROGRAM,
            "demo",
            "--orders",
            str(ORDERS),
            "--report",
            str(folder / "report.html"),
            *options,
        ]
        with self.log.open("wb") as log:
            # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
            finally:
                signal.signal(signal.SIGINT, before)

    def wait_for(self, words: str) -> None:
        """Return once the demo has said something; fail when it ends without."""
        seen = wait_until(lambda: words in self.said or self.process.poll() is not None, 60)
        assert seen, self.said
        assert words in self.said, self.said

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    @property
    def home(self) -> Path:
        """Its own folder."""
        home = home_in(self.folder)
        assert home is not None
        return home


@pytest.fixture
def running(tmp_path, environ) -> Iterator[Demo]:
    """A demo whose worker and beat are at work."""
    demo = Demo(tmp_path, environ)
    demo.wait_for("the schedule does the work")
    yield demo
    demo.process.kill()
    demo.process.wait()


def test_a_first_look_meets_every_fault_stays_up_if_asked_and_then_leaves_nothing(tmp_path, environ) -> None:
    """One command: every label met, no false alarm, no duplicate; another one ends it and removes it all."""
    demo = Demo(tmp_path, environ, "--seed", "3", "--keep", "--json")
    code = demo.process.wait(PATIENCE)
    home = demo.home
    try:
        assert code == 0, demo.said
        result = json.loads(demo.said.splitlines()[-1])
        assert result["found"] == result["injected"] > 120
        ends = ("repaired", "flagged", "waiting", "weathered")
        assert sum(result[end] for end in ends) == result["injected"]
        assert (result["duplicates"], result["false_alarms"], result["unmet"]) == ([], [], [])
        assert "of 4 merchants" in demo.said
        assert {"auth_failure", "voided_in_pos", "weathered"} <= set(result["classes"])
        assert secret_key_of(home) not in files_of(home / "world", home / "run")
        assert result["kept"] == str(home)
        page = Path(result["report"]).read_text(encoding="utf-8")
        assert "<html" in page
        assert "not read completely of late" not in page
        places = places_of(home)
        assert all(mark.alive for mark in read_marks(home / "run"))
        kept = {**environ, "RECONCILER_DATA_DIR": str(home / "data")}
        assert "success" in reconciler(kept, "queue", "list", "--json")
    finally:
        reconciler(environ, "demo", "--stop", str(home))
    assert not home.exists()
    assert processes_of(places) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_demo_that_is_ended_early_leaves_nothing_running(running, number) -> None:
    """Ctrl-C, a polite request, a kill that it cannot even notice: servers, worker, beat and tills go."""
    home = running.home
    places = places_of(home)
    assert processes_of(places)
    running.process.send_signal(number)
    running.process.wait(30)
    assert wait_until(lambda: not home.exists() and not processes_of(places), 30), processes_of(places)
    assert not Path(max(places, key=lambda place: place.startswith("/var/"))).exists()


def test_a_demo_whose_worker_crashes_says_so_in_one_line_and_cleans_up(running) -> None:
    """It does not wait for somebody who will not come."""
    home = running.home
    places = places_of(home)
    worker = next(mark for mark in read_marks(home / "run") if mark.name == "worker")
    worker.end_group()
    assert running.process.wait(60) == 1
    assert "error: the worker stopped while the demo needs it: it was killed" in running.said
    assert not home.exists()
    assert processes_of(places) == []


def test_stop_refuses_a_folder_that_is_no_demo(tmp_path, environ) -> None:
    """It removes folders, so it must know them."""
    reconciler(environ, "demo", "--stop", str(tmp_path), code=2)
    assert tmp_path.exists()


#: What crash stories are about: orders to be sent, a till that mistreats some, some that nobody may touch.
CRASHES = Plan(
    {
        absent.missing: 12,
        absent.missing_and_dropped: 1,
        absent.missing_and_cut: 1,
        absent.missing_and_mispriced: 1,
        absent.missing_and_slow: 2,
        absent.missing_later: 3,
        absent.in_doubt: 1,
        absent.unpaid: 2,
        absent.unmapped_sku: 1,
        absent.cancelled_before_push: 2,
        present.voided_in_pos: 2,
        present.duplicate_in_pos: 2,
        present.refund_not_propagated: 3,
    }
)
#: How often their channels are read.
SOON = timedelta(seconds=1)


class Play:
    """A demo in this process, so that a test can interfere."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        world = stage.world
        self.screen = QuietScreen(world)
        self.scenes = [
            Scene(shop, stage.home.world / shop.trade.code, self.screen.tell, stage.start_till)
            for shop in world.shops
        ]
        for scene in self.scenes:
            scene.begin()
        self.performance = Performance(stage, self.screen, self.scenes)
        self.killed = 0

    def kill(self, worker: Child) -> None:
        """Kill a worker, and what it has in hand."""
        worker.kill()
        self.killed += 1

    def caught(self) -> set[str]:
        """Return the orders that a killed worker had in hand between the intent and the till, one a child.

        A till knows no keys, so none of these goes again by itself: it is looked up, and then a person's.
        """
        with self.stage.engine.connect() as connection:
            found = set(connection.exec_driver_sql(CAUGHT).scalars())
        return found if len(found) <= self.killed * HANDS else set()

    def handed_over(self) -> int:
        """Return how many orders we have put into outboxes."""
        outboxes = self.stage.home.world.glob("*/outbox.jsonl")
        return sum(path.read_bytes().count(b'"created_by":"reconciler"') for path in outboxes)

    def runs(self) -> int:
        """Return how many runs were begun."""
        with self.stage.engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM runs").scalar_one())

    def moves_on(self, runs: int) -> bool:
        """Say whether another run was begun."""
        self.performance.step()
        return self.runs() > runs

    def until_sending(self) -> None:
        """Let things go their way until the first order is handed to a till."""
        assert wait_until(lambda: bool(self.performance.step()) and self.handed_over() > 0, 60)

    def finish(self) -> list[str]:
        """Play until all is as it must be, or patience ends, and six more runs; return what is wrong then."""
        wait_until(self._well, PATIENCE)
        runs = self.runs()
        wait_until(lambda: self.moves_on(runs + 5), 30)
        return self._troubles(self.performance.step())

    def _well(self) -> bool:
        score = self.performance.step()
        return all(scene.over for scene in self.scenes) and not self._troubles(score)

    def _troubles(self, score: Score) -> list[str]:
        """Return everything that is wrong with the final state.

        Who is not looking while an order is on its way does not see that; it makes no difference in the end.
        """
        caught = self.caught()
        unmet = [
            f"{label.channel} {label.subject} {label.classes}: {why}"
            for label, why in score.unmet
            if why != "never called sync_delay" and label.subject not in caught
        ]
        alarms = [str(alarm) for alarm in score.false_alarms if alarm[0][1] not in caught]
        return [*unmet, *alarms, *map(str, score.duplicates)]


def flush(url: str) -> None:
    """Forget everything that a broker holds."""
    with redis.Redis.from_url(url) as broker:
        broker.flushdb()


@pytest.fixture
def play(tmp_path, monkeypatch, database_url, redis_url) -> Iterator[Play]:
    """A stage with shops, on the session's servers, and nobody at work yet."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    home = Home.make()
    world = World.generate(5, datetime.now(UTC), ORDERS, plan=CRASHES, poll_interval=SOON, grace=4 * SOON)
    world.write(home.world)
    stage = Stage(home, world, lease_seconds=5)
    try:
        # A broker of its own: what an earlier story left there is none of this one's business.
        broker = redis_url.replace("db=0", "db=5")
        flush(broker)
        stage.use(database_url, broker)
        stage.prepare()
        yield Play(stage)
    finally:
        stage.close(gently=False)
        home.remove()


def test_a_worker_killed_while_it_sends_and_started_again_ends_in_the_same_state(play) -> None:
    """kill -9 in the middle of the re-sends: nothing is lost, nothing is sent twice."""
    worker = play.stage.start_worker()
    play.stage.start_beat()
    play.until_sending()
    play.kill(worker)
    play.stage.start_worker()
    assert play.finish() == []


def test_a_worker_killed_between_the_intent_and_the_till_leaves_one_order_in_doubt(play) -> None:
    """Nobody can tell whether it was handed over, and the till would take it twice; all others arrive."""
    armed = play.stage.home.run / "submit.after_intent_commit"
    armed.write_text(str(signal.SIGKILL.value))
    play.stage.environ[VARIABLE] = str(armed.parent)
    play.stage.start_worker()
    play.stage.start_beat()
    assert wait_until(lambda: bool(play.performance.step()) and not armed.exists(), 60)
    play.killed = 1
    assert play.finish() == []
    assert len(play.caught()) == 1


def test_a_worker_killed_again_and_again_only_takes_longer(play) -> None:
    """Three crashes at whatever it is doing; the leases find what each left behind."""
    play.stage.start_beat()
    for _ in range(3):
        worker = play.stage.start_worker()
        wait_until(partial(play.moves_on, play.runs()), 20)
        play.kill(worker)
    play.stage.start_worker()
    assert play.finish() == []


def test_two_beats_and_two_workers_do_no_harm_and_a_restart_of_one_of_each_loses_nothing(play) -> None:
    """Every hint comes twice and is heard by two, and a release comes in the middle of the day."""
    for name in ("first", "second"):
        play.stage.start_beat(f"beat-{name}")
        play.stage.start_worker(f"worker-{name}")
    play.until_sending()
    for name in ("worker-first", "beat-first"):
        play.stage.children[name].stop()
        assert not play.stage.children.pop(name).mark.alive
    play.stage.start_worker("worker-third")
    play.stage.start_beat("beat-third")
    assert play.finish() == []
