"""What can be wrong with a machine, each said in one line with a next step."""

from __future__ import annotations

import errno
import os
import platform
import pwd
import sys
from pathlib import Path

import pytest

from reconciler import embedded
from reconciler.embedded import accounts, wheels
from reconciler.embedded.accounts import Account, for_creating
from reconciler.embedded.errors import one_line
from reconciler.embedded.processes import last_relevant_line, require_runnable
from reconciler.embedded.sockets import LONGEST_PATH, _parents


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "The disk that holds /data is full; free some space"),
        (errno.EDQUOT, "The disk that holds /data is full; free some space"),
        (errno.EACCES, "No permission to use /data/x (Permission denied); choose a folder of your own"),
        (errno.EROFS, "No permission to use /data/x (Read-only file system); choose a folder of your own"),
        (errno.ENOTDIR, "/data/x is not a folder; choose another"),
        (errno.ENAMETOOLONG, "The path /data/x... is too long; choose a shorter"),
        (errno.EIO, "Input/output error at /data/x; see that the disk is healthy"),
    ],
)
def test_what_the_system_refuses_becomes_one_line(number: int, words: str) -> None:
    """Each says what happened, where, and what to do."""
    with pytest.raises(embedded.EmbeddedError) as caught, one_line(Path("/data")):
        raise OSError(number, os.strerror(number), "/data/x")
    assert str(caught.value).startswith(words)


def test_without_the_wheels_the_line_says_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that servers of one's own do as well."""
    monkeypatch.setattr(wheels, "find_spec", lambda _: None)
    with pytest.raises(
        embedded.EmbeddedError, match=r"pip install 'reconciler\[embedded\]', or set DATABASE_URL"
    ):
        wheels.installed_programs()


def test_a_machine_the_wheels_were_not_built_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that was forced onto another architecture."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(embedded.EmbeddedError, match=r"no valkey-server for this machine \(riscv64\)"):
        wheels.installed_programs()


@pytest.mark.parametrize("action", [embedded.up, embedded.down, embedded.status, embedded.urls])
def test_only_linux_will_do(action: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every door says so, and what to use instead."""
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(embedded.EmbeddedError, match="on Linux only, this is darwin; set DATABASE_URL"):
        action(tmp_path)  # type: ignore[operator]


def test_a_program_of_another_architecture_is_said_to_be_one(tmp_path: Path) -> None:
    """The system's own word for it, "Exec format error", would help nobody."""
    program = tmp_path / "postgres"
    program.write_bytes(b"\x7fELF of some other machine")
    program.chmod(0o755)
    with pytest.raises(embedded.EmbeddedError, match="built for another kind of machine"):
        require_runnable([str(program), "--version"], accounts.own_account())


def test_a_program_without_its_libraries_passes_the_linkers_word_on(tmp_path: Path) -> None:
    """What it says on its way out is in the line."""
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho 'libz.so.1: cannot open shared object file' >&2; exit 127\n")
    program.chmod(0o755)
    with pytest.raises(embedded.EmbeddedError, match=r"cannot run: libz\.so\.1: cannot open"):
        require_runnable([str(program), "--version"], accounts.own_account())


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("LOG:  starting\nFATAL:  no room\nLOG:  database system is shut down\n", "FATAL:  no room"),
        ("1:M 1 Jan * started\n1:M 1 Jan # Fatal error loading\n", "1:M 1 Jan # Fatal error loading"),
        ("sh: 1: /x/postgres: not found\n", "sh: 1: /x/postgres: not found"),
        ("it went well\nand then\n\n", "and then"),
        ("", "it left no word in its log"),
    ],
)
def test_the_line_of_a_log_that_matters_is_found(log: str, line: str) -> None:
    """The cause, not the farewell; the last line where nothing stands out."""
    assert last_relevant_line(log) == line


def test_a_cluster_is_created_by_an_account_with_a_name_in_the_group_of_its_owner() -> None:
    """An account without a name borrows one, and keeps its own group so that the lender is kept out."""
    unnamed = next(number for number in range(61000, 62000) if accounts.name_of(number) is None)
    creator = for_creating(Account(unnamed, unnamed, drops=True))
    assert creator is not None
    assert creator.uid == pwd.getpwnam("nobody").pw_uid
    assert creator.gid == unnamed


def test_a_user_without_a_name_cannot_borrow_one() -> None:
    """Only root can become somebody else, be it for a moment."""
    assert for_creating(Account(4294967000, 4294967000, drops=False)) is None


def test_an_account_with_a_name_creates_its_own_cluster() -> None:
    """Nothing is borrowed where nothing is missing."""
    root = Account(0, 0, drops=False)
    assert for_creating(root) == root


def test_root_never_gives_the_servers_its_own_account() -> None:
    """Each candidate is another user, and means that privileges are dropped."""
    found = list(accounts.candidates())
    assert found
    assert all(account.uid != 0 and account.drops for account in found)


@pytest.mark.parametrize(
    "root", ["/srv/shop", "/srv/" + "x" * 60, "/srv/" + "x" * 61, "/srv/my shop", "/srv/Lädchen"]
)
def test_every_socket_path_is_short_and_plain(root: str) -> None:
    """It fits into the kernel's limit, and needs quoting nowhere."""
    for parent, prefix in _parents(Path(root), 4294967294):
        path = f"{parent}/{prefix}12345678/.s.PGSQL.5432.lock"
        assert len(path.encode()) <= LONGEST_PATH
        assert path.isascii()
        assert " " not in path
