"""The processes of the proving ground: real servers, workers and beats, started, killed and started again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

import redis
from celery import Celery
from sqlalchemy import Engine

from adapters.registry import Registry
from reconciler import embedded
from reconciler.channel_file import read_channel_file
from reconciler.demo.processes import Child, command, stop_marks
from reconciler.embedded.locks import holders, is_held
from reconciler.embedded.places import SYSTEM_ROOT
from reconciler.embedded.service import POSTGRES, VALKEY, Service
from reconciler.embedded.site import Site, existing_site
from reconciler.failpoints import VARIABLE
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations
from reconciler.secrets import VARIABLE as SECRET_KEYS
from reconciler.secrets import SecretBox, new_key
from tests.chaos.app import CLOCK, add_vendor
from tests.chaos.proxy import Proxy
from tests.chaos.street import SECRETS, Street
from tests.chaos.vendor import NAME, READ_SECONDS
from tests.chaos.world import Shop

ROOT: Final = Path(__file__).resolve().parents[2]
LEASE_SECONDS: Final = 5
WORKER: Final = (
    "celery", "-A", "tests.chaos.app", "worker", "--queues", "pull,submit,report", "--concurrency", "2",
    "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO",
)  # fmt: skip
BEAT: Final = ("celery", "-A", "tests.chaos.app", "beat", "--loglevel", "INFO")
_LEAKS: Final = ("RECONCILER_", "CELERY_", "DATABASE_URL", "REDIS_URL", "WORKER_CONCURRENCY")
#: What a worker, or a beat, logs once it is up.
UP: Final = re.compile(rb"@chaos ready\.|celery beat v")
#: How long the dead stay dead, in seconds.
MOURNING: Final = 0.3
#: What the database may use of a disk of its own.
DISK_MEGABYTES: Final = 700


@dataclass
class Stage:
    """Everything that runs. ``close`` ends all of it, at any time."""

    shops: list[Shop]
    base_url: str
    #: A merchant from Shopify to Square beside them.
    street: Street | None = None
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="reconciler-chaos-")).resolve())
    environ: dict[str, str] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    restarts: int = 0
    #: The database has a disk that can be filled.
    own_disk: bool = False
    _commands: dict[str, tuple[tuple[str, ...], dict[str, str]]] = field(default_factory=dict)
    _died_at: dict[str, float] = field(default_factory=dict)
    #: How much each process's log held when the process was last started.
    _began_at: dict[str, int] = field(default_factory=dict)
    _engine: Engine | None = None
    proxy: Proxy | None = None
    #: How long the vendor's client waits for an answer.
    read_seconds: float = 1.5
    #: Processes that are held dead on purpose.
    held: set[str] = field(default_factory=set)
    secret_key: str = field(default_factory=new_key, repr=False)

    def __post_init__(self) -> None:
        self.data, self.run, self.armed = (self.folder / name for name in ("data", "run", "armed"))
        self.clock, self.ledger = self.folder / "clock", self.folder / "ledger.jsonl"

    @property
    def engine(self) -> Engine:
        """The way to the database."""
        if self._engine is None:
            self._engine = make_engine(self.environ["DATABASE_URL"])
        return self._engine

    def open(self) -> None:
        """Start servers, make tables, apply the channels, start workers and beats."""
        for folder in (self.run, self.armed):
            folder.mkdir(exist_ok=True)
        self.clock.write_text("0", encoding="ascii")
        self.data = _data_dir(self.folder)
        self.own_disk = _mounted(self.data)
        urls = embedded.up(self.data)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(_LEAKS)},
            "DATABASE_URL": urls.database_url,
            "REDIS_URL": urls.redis_url,
            "RECONCILER_TICK_SECONDS": "1",
            "RECONCILER_LEASE_SECONDS": str(LEASE_SECONDS),
            "RECONCILER_LOG_FORMAT": "json",
            "PYTHONPATH": str(ROOT),
            VARIABLE: str(self.armed),
            CLOCK: str(self.clock),
            READ_SECONDS: str(self.read_seconds),
            SECRET_KEYS: self.secret_key,
        }
        if self.street is not None:
            self.street.open(self.run, self.environ)
        migrations.upgrade(urls.database_url)
        self._apply()
        self.proxy = Proxy(self.folder / "proxy.sock", urls.redis_url.removeprefix("unix://").split("?")[0])
        through = urls.redis_url.replace(self.proxy.target, str(self.proxy.listen))
        self.add("worker-1", WORKER, hostname="one@chaos")
        self.add("worker-2", WORKER, hostname="two@chaos", REDIS_URL=through)
        for name in ("beat-1", "beat-2"):
            self.add(name, BEAT)

    def _apply(self) -> None:
        path = self.folder / "channels.toml"
        channels = [_channel(shop, self.base_url) for shop in self.shops]
        channels += [self.street.channel()] if self.street else []
        path.write_text("\n".join(channels), encoding="utf-8")
        add_vendor()
        seal = SecretBox((self.secret_key,)).seal
        spec = read_channel_file(path, vendors=Registry().info(), seal=seal, environ=SECRETS)
        with SqlUnitOfWork(self.engine) as unit:
            unit.configuration.apply(spec, datetime.now(UTC))
            unit.commit()

    def add(self, name: str, words: tuple[str, ...], *, hostname: str = "", **environ: str) -> None:
        """Run a process for good: it is started again when it dies."""
        extra = ("--hostname", hostname) if hostname else ()
        self._commands[name] = ((*words, *extra), environ)
        self._start(name)

    def _start(self, name: str) -> None:
        words, environ = self._commands[name]
        log = self.run / f"{name}.log"
        self._began_at[name] = log.stat().st_size if log.exists() else 0
        self.children[name] = Child(name, command(*words), self.run, self.environ | environ)

    def supervise(self) -> None:
        """Start again what died, as any supervisor would: after a moment, and what it left behind ended."""
        for name, child in self.children.items():
            if child.process.poll() is None or name in self.held:
                continue
            died = self._died_at.setdefault(name, monotonic())
            if monotonic() - died < MOURNING:
                continue
            del self._died_at[name]
            child.mark.end_group()
            self.restarts += 1
            self._start(name)

    def starting(self) -> list[str]:
        """Return the processes that are not up again yet: a supervisor and the machine take their time."""
        return [name for name, child in self.children.items() if not self._is_up(name, child)]

    def _is_up(self, name: str, child: Child) -> bool:
        if child.process.poll() is not None:
            return False
        with child.log.open("rb") as log:
            log.seek(self._began_at[name])
            return UP.search(log.read()) is not None

    def pool_children(self, name: str) -> list[int]:
        """Return the processes of a worker that do its work."""
        pid = self.children[name].process.pid
        try:
            text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except OSError:
            return []
        return [int(word) for word in text.split()]

    def kill_everything_of_ours(self) -> None:
        """Kill every worker and beat, with all their children, at once."""
        for child in self.children.values():
            child.mark.end_group()

    def crash(self, service: Service, *, lose: str = "") -> None:
        """Kill a server; ``lose`` names what of its data is gone by then."""
        site = self._site()
        while is_held(service.lock(site)):
            for pid in holders(service.lock(site)):
                kill(pid, signal.SIGKILL)
        for path in (site.root / service.key).glob(lose) if lose else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def servers_up(self) -> None:
        """Start the servers that do not run."""
        embedded.up(self.data)

    def servers_down(self) -> list[Service]:
        """Return the servers that do not run."""
        site = self._site()
        return [service for service in (POSTGRES, VALKEY) if not is_held(service.lock(site))]

    def _site(self) -> Site:
        site = existing_site(embedded.resolve_data_dir(self.data))
        assert site
        return site

    def flush_broker(self) -> None:
        """Let the broker forget every message."""
        with redis.Redis.from_url(self.environ["REDIS_URL"]) as client:
            client.flushall()

    def run_command(self, *words: str) -> str:
        """Run a command of ours; return what it printed."""
        done = subprocess.run(
            command(*words), env=self.environ, cwd=self.run, check=True, capture_output=True, text=True
        )
        return done.stdout

    def broker(self) -> Celery:
        """Return a way to send messages by hand."""
        url = self.environ["REDIS_URL"]
        return Celery(
            "chaos", broker=f"redis+socket{url.removeprefix('unix')}".replace("?db=", "?virtual_host=")
        )

    def close(self) -> None:
        """End every process, then the servers, and remove everything."""
        if self._engine is not None:
            self._engine.dispose()
        children = list(self.children.values())
        for path in self.armed.glob("*.*.[0-9]*"):
            kill(int(path.suffix[1:]), signal.SIGCONT)
        for child in children:
            for pid in self.pool_children(child.name):
                kill(pid, signal.SIGCONT)
            child.mark.signal(signal.SIGCONT)
        stop_marks([child.mark for child in children], reap=lambda: [c.process.poll() for c in children])
        if self.street is not None:
            self.street.close()
        if self.proxy is not None:
            self.proxy.close()
        embedded.down(self.data) if self.own_disk else embedded.discard(self.data)
        if self.own_disk:
            subprocess.run(["umount", "--lazy", str(self.data)], check=False)
            self.data.rmdir()
        shutil.rmtree(self.folder, ignore_errors=True)


def kill(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _data_dir(folder: Path) -> Path:
    """Return where the servers keep their data: root's have a place of their own."""
    data = SYSTEM_ROOT / folder.name if os.geteuid() == 0 else folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    return data


def _mounted(folder: Path) -> bool:
    """Give the database a small disk of its own where we may."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "none", str(folder)],
        check=False,
        capture_output=True,
    )
    return sys.platform == "linux" and done.returncode == 0


def _channel(shop: Shop, base_url: str) -> str:
    delivery, grace = ("theirs", "4s") if shop.theirs else ("ours", "2s")
    return f"""
[[merchant]]
code = "{shop.name}"
name = "{shop.name}"
timezone = "UTC"

  [[merchant.connection]]
  name = "{shop.name}-cart"
  kind = "cart"
  vendor = "{NAME}"
  base_url = "{base_url}/{shop.name}/cart"

  [[merchant.connection]]
  name = "{shop.name}-pos"
  kind = "pos"
  vendor = "{NAME}"
  base_url = "{base_url}/{shop.name}/pos"
  options = {{ keys = {str(shop.keys).lower()} }}

  [[merchant.channel]]
  name = "{shop.name}"
  cart = "{shop.name}-cart"
  pos = "{shop.name}-pos"
  poll_interval = "1s"
  grace = "{grace}"
  delivery = "{delivery}"
  lookups = ["1s", "2s", "3s"]
  live_from = 2020-01-01T00:00:00Z
"""
