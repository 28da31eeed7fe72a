"""The demo's own servers, tills, worker and beat: started as in production, stopped for certain."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NoReturn

from sqlalchemy import Engine

from adapters.registry import Registry
from reconciler import embedded
from reconciler.channel_file import read_channel_file
from reconciler.demo.files import ARRIVALS_FILE, OUTBOX_FILE, POS_FILE, TILL_FAULTS_FILE
from reconciler.demo.home import Home
from reconciler.demo.processes import Child, command, stop_marks
from reconciler.demo.shop import Shop
from reconciler.demo.world import CHANNEL_FILE, World
from reconciler.domain.errors import ReconcilerError
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations

#: As in the Procfile; two processes are enough for three channels.
WORKER: Final = (
    "celery", "-A", "workers.app", "worker", "--queues", "pull,submit,report", "--concurrency", "2",
    "--without-gossip", "--without-mingle", "--loglevel", "INFO",
)  # fmt: skip
BEAT: Final = ("celery", "-A", "workers.app", "beat", "--loglevel", "INFO")
#: Settings of the caller that would leak into the demo.
_OURS: Final = ("RECONCILER_", "CELERY_", "DATABASE_URL", "REDIS_URL", "WORKER_CONCURRENCY")
_STEP_SECONDS: Final = 60


@dataclass
class Stage:
    """Everything that runs for a demo. ``close`` ends all of it; it may be called at any time, and twice."""

    home: Home
    world: World
    tell: Callable[[str], None] = lambda _: None
    children: dict[str, Child] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    _engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The way to the demo's database."""
        if self._engine is None:
            self._engine = make_engine(self.environ["DATABASE_URL"])
        return self._engine

    def open(self) -> None:
        """Start the servers, make the tables, and apply the channel file."""
        self.tell("starting PostgreSQL and Valkey")
        urls = embedded.up(self.home.data)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            "DATABASE_URL": urls.database_url,
            "REDIS_URL": urls.redis_url,
            "RECONCILER_TICK_SECONDS": "1",
            "RECONCILER_LEASE_SECONDS": "10",
            "RECONCILER_REPORT_DIR": str(self.home.reports),
            "RECONCILER_REPORT_INTERVAL_MINUTES": "1",
        }
        self.tell("making the tables")
        migrations.upgrade(urls.database_url)
        self.tell("applying the channel file")
        self._apply(self.home.world / CHANNEL_FILE)

    def _apply(self, channel_file: Path) -> None:
        spec = read_channel_file(channel_file, vendors=Registry().info(), seal=_nothing_to_seal)
        with SqlUnitOfWork(self.engine) as unit:
            unit.configuration.apply(spec, datetime.now(UTC))
            unit.commit()

    def run(self, *words: str) -> str:
        """Run a command of ours to its end; return what it printed, raise with its last line if it failed."""
        done = subprocess.run(  # noqa: S603 - our own commands
            command(*words),
            env=self.environ,
            cwd=self.home.run,
            capture_output=True,
            text=True,
            check=False,
            timeout=_STEP_SECONDS,
        )
        if done.returncode != 0:
            said = [*done.stderr.splitlines(), *done.stdout.splitlines()] or ["it left no word"]
            raise ReconcilerError(f"{' '.join(words[:2])} failed: {said[-1].removeprefix('error: ')}")
        return done.stdout

    def start(self, name: str, *words: str) -> Child:
        """Start a process that runs until it is stopped."""
        self.children[name] = Child(name, command(*words), self.home.run, self.environ)
        return self.children[name]

    def start_worker(self, name: str = "worker") -> Child:
        """Start a Celery worker."""
        return self.start(name, *WORKER, "--hostname", f"{name}@demo")

    def start_beat(self, name: str = "beat") -> Child:
        """Start a beat, which only ever says: look."""
        return self.start(name, *BEAT, "--schedule", str(self.home.run / f"{name}-schedule"))

    def start_till(self, shop: Shop) -> Child:
        """Start the store behind a shop's POS file."""
        folder = self.home.world / shop.trade.code
        files = {
            "--pos": POS_FILE,
            "--outbox": OUTBOX_FILE,
            "--faults": TILL_FAULTS_FILE,
            "--arrivals": ARRIVALS_FILE,
        }
        options = [word for option, name in files.items() for word in (option, str(folder / name))]
        name = f"till-{shop.trade.code}"
        return self.start(name, "reconciler", "sandbox", "till", *options, "--seed", str(self.world.seed))

    def check(self) -> None:
        """Raise ReconcilerError when a process ended by itself."""
        for child in self.children.values():
            child.check()

    def close(self) -> None:
        """Stop every process together, then the servers."""
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        children = list(self.children.values())
        stop_marks([child.mark for child in children], reap=lambda: [c.process.poll() for c in children])
        self.children.clear()
        self.home.stop()


def _nothing_to_seal(_credentials: Mapping[str, str]) -> NoReturn:
    raise AssertionError("the demo's shops have no credentials")
