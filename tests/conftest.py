"""Real servers for the tests that ask for them: PostgreSQL and Valkey, ours, in a folder that goes away.

The migrations run once, into a template; each test that asks for a database gets a clone of it.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from reconciler.embedded import ServiceUrls, discard, up
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations

TEMPLATE = "template_of_tests"
_number = count(1)


def pytest_configure() -> None:
    """End in order when somebody's time is up: what a test started must not outlive it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need servers, so that ``-m 'not integration'`` runs without any."""
    for item in items:
        if "services" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def services() -> Iterator[ServiceUrls]:
    """The built-in services, for the whole session."""
    with tempfile.TemporaryDirectory(prefix="reconciler-tests-") as folder:
        data_dir = Path(folder) / "data"
        try:
            yield up(data_dir)
        finally:
            discard(data_dir)


@pytest.fixture(scope="session")
def redis_url(services: ServiceUrls) -> str:
    """Where Valkey answers; shared by all tests, so use keys or queues of your own."""
    return services.redis_url


@pytest.fixture(scope="session")
def make_database(services: ServiceUrls) -> Iterator[Callable[..., str]]:
    """A function that creates a database, empty or from a template, and returns its address."""
    engine = make_engine(services.database_url).execution_options(isolation_level="AUTOCOMMIT")

    def make(template: str | None = None, name: str = "") -> str:
        name = name or f"test_{next(_number)}"
        like = f" TEMPLATE {template}" if template else ""
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}{like}")
        url = make_url(services.database_url).set(database=name)
        return url.render_as_string(hide_password=False)

    with engine.connect() as connection:
        # What these servers hold may be lost; waiting for the disk would only cost time.
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
    yield make
    engine.dispose()


@pytest.fixture(scope="session")
def template_database(make_database: Callable[..., str]) -> str:
    """The name of a database that the migrations have just made."""
    migrations.upgrade(make_database(name=TEMPLATE))
    return TEMPLATE


@pytest.fixture
def database_url(make_database: Callable[..., str], template_database: str) -> str:
    """A database of this test's own, with all tables and no rows."""
    return make_database(template_database)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The program's engine on this test's own database, for what commits."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def shared_engine(make_database: Callable[..., str], template_database: str) -> Iterator[Engine]:
    """An engine on a database that stays empty, because nobody commits there."""
    engine = make_engine(make_database(template_database))
    yield engine
    engine.dispose()


@pytest.fixture
def unit(shared_engine: Engine) -> Iterator[SqlUnitOfWork]:
    """A unit of work that cannot commit: what a test does in it is gone afterwards."""
    with SqlUnitOfWork(shared_engine, rehearsal=True) as unit:
        yield unit
