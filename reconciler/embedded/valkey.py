"""How Valkey is set up and started.

It is the broker: it carries messages that PostgreSQL can have sent again, so its journal is forced to disk
every second rather than at every command, and a crash costs at most that second, which the sweeper repeats.
It has no password: its socket is the only way in, and lies in a folder that only root and the owner enter.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.embedded.asking import Answer, ask_valkey
from reconciler.embedded.files import replace_file
from reconciler.embedded.site import Site
from reconciler.embedded.wheels import Programs

SOCKET = "valkey.sock"

_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    # The server starts in its own folder. A path here would have to be quoted.
    "dir": ".",
    "appendonly": "yes",
    "appendfsync": "everysec",
    # After a crash the last command may be half written; without this it would refuse to start.
    "aof-load-truncated": "yes",
    "save": '""',
    # A full broker refuses messages, which stay in PostgreSQL; it never drops those it took.
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    "hide-user-data-from-log": "yes",
    "logfile": '""',
    "loglevel": "notice",
    "always-show-logo": "no",
    "enable-debug-command": "no",
    "enable-module-command": "no",
}


def ask(site: Site, sockets: Path) -> Answer:
    """Ask the server whether it takes commands."""
    return ask_valkey(sockets / SOCKET, site.account.uid)


def prepare(site: Site, _programs: Programs, sockets: Path, _lock: int) -> None:
    """Make everything ready for a start; the lock is held."""
    (sockets / SOCKET).unlink(missing_ok=True)
    site.folder("valkey")
    text = "".join(
        f"{name} {value}\n" for name, value in {**_SETTINGS, "unixsocket": sockets / SOCKET}.items()
    )
    replace_file(site.folder("conf") / "valkey.conf", text, site.account.uid, site.account.gid)


def command(site: Site, programs: Programs, _sockets: Path) -> list[str]:
    """Return the command that starts the server."""
    return [str(programs.valkey_server), str(site.root / "conf/valkey.conf")]
