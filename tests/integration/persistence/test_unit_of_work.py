"""Transactions, rehearsals, and what a broken database looks like to a person."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import IntegrityError

from reconciler.domain.errors import UnavailableError
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations
from reconciler.persistence.engine import CONNECT
from reconciler.ports import RunOutcome, RunSummary, UnitOfWork
from tests.builders import NOW, POLICY, ago
from tests.integration.persistence.world import apply, channel, value


def count(engine: Engine) -> object:
    """Return how many merchants there are."""
    return value(engine, "SELECT count(*) FROM merchants")


def test_a_unit_of_work_is_what_the_services_ask_for(engine: Engine):
    """The type checker agrees with this line."""
    with SqlUnitOfWork(engine) as own:
        unit: UnitOfWork = own
        assert unit.channels.list() == []


def test_leaving_without_commit_takes_everything_back(engine: Engine):
    """The safe outcome is the default."""
    with SqlUnitOfWork(engine) as unit:
        apply(unit, POLICY)
    assert count(engine) == 0


@pytest.mark.parametrize(
    ("sweeps", "due"),
    [
        ([], True),
        ([(1, "incomplete")], True),
        ([(6 * 24, "complete")], False),
        ([(8 * 24, "complete")], True),
        ([(8 * 24, "complete"), (5, "incomplete")], False),
        ([(8 * 24, "complete"), (5, None)], False),
        ([(8 * 24, "complete"), (7, "incomplete")], True),
    ],
)
def test_a_sweep_is_due_once_a_week_and_not_at_every_run_while_none_gets_through(
    unit: SqlUnitOfWork, sweeps: list[tuple[int, str | None]], due: bool
):
    """It asks a vendor for all that a shop ever sold; only until a first one is complete each run is one."""
    where = channel(unit)
    unit.runs.start(where.id, full=False, trigger="test", now=NOW)
    for hours, outcome in sweeps:
        run = unit.runs.start(where.id, full=True, trigger="test", now=ago(hours=hours))
        if outcome:
            summary = RunSummary(run_id=run, channel=where.name, full=True, outcome=RunOutcome(outcome))
            unit.runs.finish(where.id, summary, ago(hours=hours))
    assert unit.runs.sweep_is_due(where.id, NOW) is due


def test_what_is_committed_stays_and_the_rest_does_not(engine: Engine):
    """A unit begins anew after each commit, and an error takes back what came after it."""

    def work() -> None:
        with SqlUnitOfWork(engine) as unit:
            apply(unit, POLICY)
            unit.commit()
            apply(unit, POLICY, merchant="fern")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert count(engine) == 1


def test_a_rehearsal_keeps_nothing(engine: Engine):
    """It is the real code; only its commits do nothing."""
    with SqlUnitOfWork(engine, rehearsal=True) as unit:
        apply(unit, POLICY)
        unit.commit()
        assert value(unit, "SELECT count(*) FROM merchants") == 1
    assert count(engine) == 0


def test_run_locks_do_not_stay_with_a_pooled_connection(engine: Engine):
    """The session goes back to the pool without them."""
    with SqlUnitOfWork(engine) as unit:
        apply(unit, POLICY)
        unit.commit()
        number = unit.channels.get("rosebud-0").id
    for _ in range(3):
        with SqlUnitOfWork(engine) as unit:
            assert unit.channels.try_lock(number)
    with SqlUnitOfWork(engine) as first, SqlUnitOfWork(engine) as second:
        assert second.channels.try_lock(number)
        assert not first.channels.try_lock(number)


def test_a_session_is_set_up_so_that_no_wait_is_for_ever(unit: SqlUnitOfWork):
    """Statements, locks and forgotten transactions end, and times are told in UTC."""
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "timezone",
        "application_name",
    )
    settings = {name: value(unit, f"SHOW {name}") for name in names}
    assert settings == {
        "statement_timeout": "15min",
        "lock_timeout": "30s",
        "idle_in_transaction_session_timeout": "5min",
        "timezone": "UTC",
        "application_name": "reconciler",
    }
    assert CONNECT["connect_timeout"] == 10


@pytest.fixture
def elsewhere(services: object, make_database: Callable[..., str]) -> Callable[[str], str]:
    """A function that returns addresses that lead nowhere good."""
    url = make_url(services.database_url)  # type: ignore[attr-defined]
    nowhere = {
        "nobody": url.set(query={"host": "/nowhere", "port": "1"}),
        "nameless": url.set(database="nowhere"),
    }

    def address(kind: str) -> str:
        return make_database() if kind == "bare" else nowhere[kind].render_as_string(hide_password=False)

    return address


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("nobody", "the database does not answer"),
        ("nameless", 'the database refuses us: database "nowhere" does not exist'),
        ("bare", "the database has no tables of ours yet; run: reconciler db upgrade"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(elsewhere: Callable[[str], str], kind: str, told: str):
    """With what to do next, and nothing of the driver's."""
    engine = make_engine(elsewhere(kind))
    with pytest.raises(UnavailableError) as caught, SqlUnitOfWork(engine) as unit:
        unit.channels.list()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.next_step
    assert (
        "sqlalchemy" not in "".join(traceback.format_exception(caught.value, chain=True)).split("Error: ")[-1]
    )
    engine.dispose()


def test_a_connection_that_breaks_in_the_middle_is_one_line(engine: Engine):
    """Whether the next statement finds out, or the commit."""

    def work(deed: Callable[[SqlUnitOfWork], object]) -> None:
        with SqlUnitOfWork(engine) as unit:
            pid = value(unit, "SELECT pg_backend_pid()")
            with SqlUnitOfWork(engine) as other:
                other.connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
            deed(unit)

    for deed in (lambda unit: unit.channels.list(), lambda unit: unit.commit()):
        with pytest.raises(UnavailableError, match="database"):
            work(deed)
    with SqlUnitOfWork(engine) as unit:
        assert unit.channels.list() == []


def test_an_error_of_our_own_making_is_not_dressed_up_and_quotes_no_parameters(engine: Engine):
    """A mistake in a statement shows as one, without the customer's data that it was given."""
    statement = "INSERT INTO jobs (name, due_at) VALUES (%(name)s, NULL)"
    with pytest.raises(IntegrityError) as caught, SqlUnitOfWork(engine) as unit:
        unit.connection.exec_driver_sql(statement, {"name": "Rosa Okafor"})
    assert "hidden" in str(caught.value).lower()


def test_migrations_can_be_asked_where_a_database_stands(make_database: Callable[..., str]):
    """Empty, up to date, or made by a newer release: each has its answer."""
    url = make_database()
    assert migrations.current(url) is None
    with pytest.raises(UnavailableError, match="reconciler db upgrade"):
        migrations.check(url)
    assert migrations.upgrade(url) == (None, migrations.head())
    assert migrations.upgrade(url) == (migrations.head(), migrations.head())
    migrations.check(url)
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '2099_future'")
    engine.dispose()
    with pytest.raises(UnavailableError, match="it is newer"):
        migrations.check(url)
    engine.dispose()


def test_two_deployments_that_migrate_at_once_do_it_once(make_database: Callable[..., str]):
    """The second waits, without keeping the first from building an index, and finds nothing left to do."""
    url = make_database()
    program = "import sys; from reconciler.persistence import migrations; migrations.upgrade(sys.argv[1])"
    deployments = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]
    assert [deployment.wait(120) for deployment in deployments] == [0, 0, 0]
    migrations.check(url)
    engine = make_engine(url)
    broken = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    with engine.connect() as connection:
        assert connection.exec_driver_sql(broken).scalar_one() == 0
    engine.dispose()
