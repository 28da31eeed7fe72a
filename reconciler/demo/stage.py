"""The demo's own servers, tills, worker and beat: started as in production, stopped for certain."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from adapters.registry import Registry
from adapters.square.sandbox import TOKEN
from reconciler import embedded
from reconciler.channel_file import read_channel_file
from reconciler.demo.files import ARRIVALS_FILE, OUTBOX_FILE, POS_FILE, TILL_FAULTS_FILE
from reconciler.demo.home import Home
from reconciler.demo.processes import Child, command, stop_marks, wait_until
from reconciler.demo.shop import Shop
from reconciler.demo.street import CART_SECRET, CODE, GOODS, LEDGER_FILE, POS_SECRET, channel_text
from reconciler.demo.world import CHANNEL_FILE, World
from reconciler.domain.errors import ReconcilerError
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations
from reconciler.secrets import VARIABLE, SecretBox, new_key

#: As in the Procfile.
WORKER: Final = (
    "celery", "-A", "workers.app", "worker", "--queues", "pull,submit,report",
    "--without-gossip", "--without-mingle", "--loglevel", "INFO",
)  # fmt: skip
BEAT: Final = ("celery", "-A", "workers.app", "beat", "--loglevel", "INFO")
#: Settings of the caller that would leak into the demo.
_OURS: Final = ("RECONCILER_", "CELERY_", "DATABASE_URL", "REDIS_URL", "WORKER_CONCURRENCY")
_STEP_SECONDS: Final = 60
_ADDRESS: Final = re.compile(r"sandbox at (http://[\w.]+:\d+),")


@dataclass
class Stage:
    """Everything that runs for a demo. ``close`` ends all of it; it may be called at any time, and twice."""

    home: Home
    world: World
    tell: Callable[[str], None] = lambda _: None
    children: dict[str, Child] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    #: How long a dead worker's orders wait for another one.
    lease_seconds: int = 10
    #: Where the merchant over HTTP is reached, by side.
    urls: dict[str, str] = field(default_factory=dict)
    #: Encrypts its credentials; made for this demo, and in no file of it.
    secret_key: str = field(default_factory=new_key, repr=False)
    _engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The way to the demo's database."""
        if self._engine is None:
            self._engine = make_engine(self.environ["DATABASE_URL"])
        return self._engine

    def open(self) -> None:
        """Start the servers, make the tables, and apply the channel file."""
        self.start_servers()
        self.prepare()

    def start_servers(self) -> None:
        """Start PostgreSQL and Valkey, and the sandboxes, which need neither, beside them."""
        if self.world.street:
            self.environ = _surroundings()
            self._start_sandboxes()
        self.tell("starting PostgreSQL and Valkey")
        urls = embedded.up(self.home.data)
        self.use(urls.database_url, urls.redis_url)

    def use(self, database_url: str, redis_url: str) -> None:
        """Let everything that is started from now on use these servers."""
        self.environ = {
            **_surroundings(),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "RECONCILER_TICK_SECONDS": "1",
            "RECONCILER_LEASE_SECONDS": str(self.lease_seconds),
            "RECONCILER_REPORT_DIR": str(self.home.reports),
            "RECONCILER_REPORT_INTERVAL_MINUTES": "1",
            VARIABLE: self.secret_key,
        }

    def prepare(self) -> None:
        """Make the tables, and apply the channel file."""
        self.tell("making the tables")
        migrations.upgrade(self.environ["DATABASE_URL"])
        self.tell("applying the channel file")
        self._apply(self.home.world / CHANNEL_FILE)

    def _apply(self, channel_file: Path) -> None:
        tokens: dict[str, str] = {}
        if self.world.street:
            from adapters.shopify.sandbox import ShopifyOptions  # noqa: PLC0415 - an extra

            self.urls = {side: self._address(f"{CODE}-{side}") for side in ("cart", "pos")}
            tokens = {CART_SECRET: ShopifyOptions().token, POS_SECRET: TOKEN}
            text = channel_text(self.urls["cart"], self.urls["pos"])
            # First: what takes the longest begins first.
            channel_file.write_text(text + channel_file.read_text(encoding="utf-8"), encoding="utf-8")
        seal = SecretBox((self.secret_key,)).seal
        spec = read_channel_file(channel_file, vendors=Registry().info(), seal=seal, environ=tokens)
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
        hands = "4" if self.world.street else "2"
        return self.start(name, *WORKER, "--concurrency", hands, "--hostname", f"{name}@demo")

    def start_beat(self, name: str = "beat") -> Child:
        """Start a beat, which only ever says: look."""
        return self.start(name, *BEAT)

    def start_till(self, shop: Shop) -> Child:
        """Start the store behind a shop's POS file."""
        folder = self.home.world / shop.trade.code
        files = {
            "--pos": POS_FILE,
            "--outbox": OUTBOX_FILE,
            "--faults": TILL_FAULTS_FILE,
            "--arrivals": ARRIVALS_FILE,
            "--export": shop.trade.cart_file,
        }
        options = [word for option, name in files.items() for word in (option, str(folder / name))]
        name = f"till-{shop.trade.code}"
        return self.start(name, "reconciler", "sandbox", "till", *options, "--seed", str(self.world.seed))

    def _start_sandboxes(self) -> None:
        """Start the shop and the till that speak their vendors' protocols, on free ports."""
        self.tell("starting a Shopify and a Square sandbox")
        folder = self.home.world / CODE
        shop = ("--orders", "0", "--recordings", str(folder), "--rate", "1000")
        skus = [word for sku, _, _ in GOODS for word in ("--sku", sku)]
        till = ("--ledger", str(folder / LEDGER_FILE), *skus)
        self.start(f"{CODE}-cart", "reconciler", "sandbox", "shopify", *shop)
        self.start(f"{CODE}-pos", "reconciler", "sandbox", "square", *till)

    def _address(self, name: str) -> str:
        """Return where a sandbox says that it is."""
        child = self.children[name]

        def said() -> re.Match[str] | None:
            return _ADDRESS.search(child.log.read_text(encoding="utf-8"))

        wait_until(lambda: said() is not None or child.process.poll() is not None, _STEP_SECONDS)
        child.check()
        found = said()
        if found is None:
            raise ReconcilerError(f"the {name} sandbox does not say where it is")
        return found[1]

    def check(self) -> None:
        """Raise ReconcilerError when a process is not there any more."""
        for child in self.children.values():
            child.check()

    def close(self, *, gently: bool = True) -> None:
        """Stop every process together, then the servers.

        Ungently where all that they hold is removed next, which ends the servers too.
        """
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        children = list(self.children.values())
        if gently:
            stop_marks([child.mark for child in children], reap=lambda: [c.process.poll() for c in children])
        for child in children:
            child.kill()
        self.children.clear()
        self.home.stop(servers=gently)


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
