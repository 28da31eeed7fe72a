"""What the tests of the embedded services share: ways in, ways to look, and a way to leave nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import redis
from sqlalchemy import make_url

from reconciler import embedded

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[2]


def connect(urls: embedded.ServiceUrls) -> psycopg.Connection[Any]:
    """Open a connection as the application does, without SQLAlchemy in between."""
    url = make_url(urls.database_url)
    return psycopg.connect(
        host=str(url.query["host"]), port=str(url.query["port"]), user=url.username, dbname=url.database
    )


def broker(urls: embedded.ServiceUrls) -> redis.Redis:
    """Return a client of the broker."""
    return redis.Redis.from_url(urls.redis_url, decode_responses=True)


def found(data_dir: Path) -> embedded.ServiceUrls:
    """Return the addresses of services that must be running."""
    urls = embedded.urls(data_dir)
    assert urls is not None
    return urls


def pids(data_dir: Path) -> dict[str, int | None]:
    """Return the pids of the running servers by name."""
    return {service.name: service.pid for service in embedded.status(data_dir) if service.running}


def works(pid: int | None) -> bool:
    """Whether a process still holds a file open; one that only waits to be reaped does not."""
    try:
        return any(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def as_nobody(function: Callable[[], T]) -> T:
    """Return what a function returns to an ordinary user.

    A fork, because the interpreter itself may lie where ordinary users cannot go.
    """
    user = pwd.getpwnam("nobody")
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        pool.submit(os.setgroups, []).result()
        pool.submit(os.setgid, user.pw_gid).result()
        pool.submit(os.setuid, user.pw_uid).result()
        return pool.submit(function).result()


def python(code: str, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own, with the repository to import from."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, timeout=120, **options
    )


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.005)
