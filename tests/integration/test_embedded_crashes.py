"""The program's own PostgreSQL and Valkey after crashes, on full disks, among deleted and planted files."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import make_url

from reconciler import embedded
from reconciler.embedded import postgres
from reconciler.embedded.places import POINTER, STATE_FILE
from tests.integration.embedded_services import (
    REPOSITORY,
    as_nobody,
    broker,
    connect,
    pids,
    wait_until,
    works,
)

pytestmark = pytest.mark.integration

IS_ROOT = os.geteuid() == 0
as_root_only = pytest.mark.skipif(not IS_ROOT, reason="only root meets the accounts of others")

UP = "import pathlib, sys; from reconciler import embedded; print(embedded.up(pathlib.Path(sys.argv[1])))"


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A directory for services, of which nothing is left afterwards."""
    path = tmp_path / "shop"
    yield path
    embedded.discard(path)


def start_up(data_dir: Path) -> subprocess.Popen[str]:
    """Call up in a process of its own and do not wait for it."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", UP, str(data_dir)]
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def refusal(data_dir: Path) -> str:
    """Return the one line in which up explains that it cannot."""
    with pytest.raises(embedded.EmbeddedError) as caught:
        embedded.up(data_dir)
    assert caught.value.next_step
    assert "\n" not in str(caught.value)
    return str(caught.value)


def kill_everything(data_dir: Path) -> None:
    """End both servers as a power cut would, and wait until the kernel has noticed."""
    former = pids(data_dir)
    for pid in former.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(works(pid) for pid in former.values()))


def listen(path: Path) -> subprocess.Popen[str]:
    """Listen at ``path`` as the user of this test."""
    code = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
        "print('listening', flush=True); sys.stdin.read()"
    )
    listener = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert listener.stdout is not None
    assert listener.stdout.readline() == "listening\n"
    return listener


def test_after_a_crash_of_both_up_brings_back_what_was_stored(data_dir: Path) -> None:
    """A committed row and an acknowledged message survive kill -9 of both servers."""
    urls = embedded.up(data_dir)
    with connect(urls) as connection, broker(urls) as client:
        connection.execute("CREATE TABLE paid AS SELECT 1001 AS number")
        client.rpush("queue", "1001")
        wait_until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    kill_everything(data_dir)
    assert embedded.urls(data_dir) is None
    urls = embedded.up(data_dir)
    with connect(urls) as connection, broker(urls) as client:
        assert connection.execute("SELECT number FROM paid").fetchone() == (1001,)
        assert client.lrange("queue", 0, -1) == ["1001"]


def test_only_the_server_that_crashed_is_started_again(data_dir: Path) -> None:
    """A dead broker comes back beside a database that never stopped, at the same address."""
    urls = embedded.up(data_dir)
    before = pids(data_dir)
    os.kill(before["Valkey"] or 0, signal.SIGKILL)
    wait_until(lambda: not works(before["Valkey"]))
    assert embedded.up(data_dir) == urls
    after = pids(data_dir)
    assert after["PostgreSQL"] == before["PostgreSQL"]
    assert after["Valkey"] != before["Valkey"]


def test_a_stale_pid_file_is_no_obstacle_though_its_pid_lives_again(data_dir: Path) -> None:
    """After a reboot the pid may belong to any program; PostgreSQL alone would refuse to start."""
    sockets = Path(str(make_url(embedded.up(data_dir).database_url).query["host"]))
    data = embedded.resolve_data_dir(data_dir) / "postgres"
    kill_everything(data_dir)
    owner = data.stat().st_uid
    drop = {"user": owner, "group": owner, "extra_groups": ()} if IS_ROOT else {}
    with subprocess.Popen(["sleep", "600"], **drop) as bystander:  # type: ignore[call-overload]
        try:
            for stale in (data / "postmaster.pid", sockets / f"{postgres.SOCKET}.lock"):
                lines = stale.read_text().splitlines()
                stale.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
            embedded.up(data_dir)
            assert len(pids(data_dir)) == 2
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_callers_at_the_same_time_share_the_same_servers(data_dir: Path) -> None:
    """Four commands that start on an empty directory end with one PostgreSQL and one Valkey."""
    starters = [start_up(data_dir) for _ in range(4)]
    outputs = [starter.communicate(timeout=60) for starter in starters]
    assert [error for _, error in outputs] == [""] * 4
    assert len({printed for printed, _ in outputs}) == 1
    assert len(pids(data_dir)) == 2


@pytest.mark.parametrize("moment", ["postgres.new/data/global", "postgres", "postgres/postmaster.pid"])
def test_a_starter_that_is_killed_leaves_nothing_that_the_next_cannot_finish(
    data_dir: Path, moment: str
) -> None:
    """Kill -9 of the starting command, while it creates the database or as the server comes up."""
    place = embedded.resolve_data_dir(data_dir)
    with start_up(data_dir) as starter:
        wait_until((place / moment).exists)
        starter.kill()
    embedded.up(data_dir)
    assert len(pids(data_dir)) == 2
    assert not (place / "postgres.new").exists()


def test_a_halted_server_is_ended_all_the_same(data_dir: Path) -> None:
    """Down reaches processes that were stopped with Ctrl-Z or by a debugger."""
    embedded.up(data_dir)
    former = pids(data_dir)
    for pid in former.values():
        os.kill(pid or 0, signal.SIGSTOP)
    embedded.down(data_dir)
    assert not any(works(pid) for pid in former.values())


def test_servers_whose_sockets_were_removed_are_found_and_replaced(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cleaner of temporary files cuts the servers off; up ends and restarts them."""
    monkeypatch.setattr("reconciler.embedded.service._ABSENT_SECONDS", 0.2)
    urls = embedded.up(data_dir)
    former = pids(data_dir)
    shutil.rmtree(str(make_url(urls.database_url).query["host"]))
    assert embedded.urls(data_dir) is None
    embedded.up(data_dir)
    assert not any(works(pid) for pid in former.values())
    assert len(pids(data_dir)) == 2


def test_a_planted_socket_folder_is_never_used(data_dir: Path) -> None:
    """A folder that others can enter, under the recorded name, is not trusted; a new one is made."""
    urls = embedded.up(data_dir)
    planted = Path(str(make_url(urls.database_url).query["host"]))
    embedded.down(data_dir)
    planted.mkdir(mode=0o777)
    planted.chmod(0o777)
    assert embedded.urls(data_dir) is None
    fresh = Path(str(make_url(embedded.up(data_dir).database_url).query["host"]))
    assert fresh != planted
    assert list(planted.iterdir()) == []


@as_root_only
def test_a_socket_of_somebody_else_is_not_taken_for_ours(data_dir: Path) -> None:
    """The kernel tells whose process listens; its answer counts, not the socket's name."""
    urls = embedded.up(data_dir)
    sockets = Path(str(make_url(urls.database_url).query["host"]))
    embedded.down(data_dir)
    sockets.mkdir(mode=0o700)
    owner = embedded.resolve_data_dir(data_dir).joinpath("postgres").stat().st_uid
    os.chown(sockets, owner, owner)
    other = listen(sockets / postgres.SOCKET)
    try:
        assert embedded.urls(data_dir) is None
    finally:
        other.kill()
        other.communicate()


def test_a_removed_directory_starts_afresh(data_dir: Path) -> None:
    """Who deletes the directory and starts again gets an empty database, and the old servers end."""
    with connect(embedded.up(data_dir)) as connection:
        connection.execute("CREATE TABLE old AS SELECT 1")
    former = pids(data_dir)
    shutil.rmtree(data_dir)
    with connect(embedded.up(data_dir)) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    if IS_ROOT:
        assert not any(works(pid) for pid in former.values())
    else:
        # PostgreSQL looks once a minute whether its directory is still there; we do not wait for that.
        for pid in former.values():
            os.kill(pid or 0, signal.SIGKILL)


@as_root_only
def test_a_pointer_to_nowhere_is_an_error_and_no_empty_database(data_dir: Path) -> None:
    """Data that went missing (a new container, a lost disk) is not silently replaced by none."""
    embedded.up(data_dir)
    embedded.down(data_dir)
    place = embedded.resolve_data_dir(data_dir)
    shutil.rmtree(place)
    assert f"was in {place}, which is gone" in refusal(data_dir)
    (data_dir / POINTER).unlink()


@as_root_only
def test_a_pointer_that_others_could_have_written_is_not_followed(data_dir: Path) -> None:
    """Root goes only where root pointed."""
    data_dir.mkdir()
    (data_dir / POINTER).write_text("/etc\n")
    (data_dir / POINTER).chmod(0o666)
    assert "was not written by root" in refusal(data_dir)
    (data_dir / POINTER).unlink()


@as_root_only
def test_root_and_a_user_do_not_enter_each_others_services() -> None:
    """Each is told, in one line, whose services these are."""
    home = Path(tempfile.mkdtemp(prefix="shop-", dir="/tmp"))
    home.chmod(0o777)
    try:
        (home / "theirs").mkdir()
        os.chown(home / "theirs", 65534, 65534)
        (home / "theirs" / STATE_FILE).touch()
        os.chown(home / "theirs" / STATE_FILE, 65534, 65534)
        assert "belongs to nobody; run this command as nobody" in refusal(home / "theirs")
        (home / "ours").mkdir()
        (home / "ours" / POINTER).touch()
        assert "were started by root; run this command as root" in as_nobody(partial(refusal, home / "ours"))
    finally:
        shutil.rmtree(home)


def test_data_of_another_major_version_is_left_alone(data_dir: Path) -> None:
    """The message names both versions."""
    embedded.up(data_dir)
    embedded.down(data_dir)
    (embedded.resolve_data_dir(data_dir) / "postgres/PG_VERSION").write_text("15\n")
    assert "was made by PostgreSQL 15, and PostgreSQL 18 is installed" in refusal(data_dir)


def test_a_full_disk_is_said_before_anything_is_made(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how much is left and how much is needed, and the next try can succeed."""
    usage = shutil._ntuple_diskusage(10**9, 10**9 - 5 * 10**6, 5 * 10**6)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        assert "has 5 MB left, a new database needs 300 MB" in refusal(data_dir)
    embedded.up(data_dir)


def test_a_disk_that_fills_up_on_the_way_is_one_clear_line(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system reports in the middle of the work names the disk, and leaves nothing half-made."""

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(postgres, "_configure", fail)
        assert "is full; free some space" in refusal(data_dir)
    embedded.up(data_dir)


def test_a_server_that_cannot_start_shows_its_last_word_and_its_log(data_dir: Path) -> None:
    """A broken journal of the broker: what it said, where the log is, and what can be done."""
    embedded.up(data_dir)
    embedded.down(data_dir)
    place = embedded.resolve_data_dir(data_dir)
    (place / "valkey/appendonlydir/appendonly.aof.manifest").write_text("nonsense\n")
    line = refusal(data_dir)
    assert line.startswith("Valkey did not start: ")
    assert "manifest" in line
    assert f"its log is {place}/logs/valkey.log" in line
    assert "PostgreSQL" in pids(data_dir)


def test_a_file_where_the_directory_should_be_is_one_clear_line(tmp_path: Path) -> None:
    """The path is a file."""
    path = tmp_path / "shop"
    path.write_text("")
    assert "is not a folder" in refusal(path)
    assert path == embedded.resolve_data_dir(path) or not embedded.resolve_data_dir(path).exists()
