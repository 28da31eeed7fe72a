"""One data directory: where its parts are, and which account its servers run as."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.embedded.accounts import Account, candidates, is_root, own_account
from reconciler.embedded.errors import EmbeddedError
from reconciler.embedded.files import private_folder, remove_tree
from reconciler.embedded.places import STATE_FILE
from reconciler.embedded.processes import require_runnable
from reconciler.embedded.runtime import reachable
from reconciler.embedded.wheels import Programs, installed_programs

#: Everything that is ever made in a data directory.
_PARTS = (
    *("postgres", "postgres.new", "valkey", "conf", "logs", "run-*"),
    *("postgres.lock", "valkey.lock", "services.lock", STATE_FILE),
)


@dataclass(frozen=True)
class Site:
    """A data directory and the account of its servers."""

    root: Path
    account: Account

    @property
    def logs(self) -> Path:
        """The folder of the logs, which belongs to whoever starts the servers."""
        return self.root / "logs"

    def folder(self, name: str) -> Path:
        """Make sure that the servers have a folder of this name, and return it."""
        return private_folder(self.root / name, self.account.uid, self.account.gid)

    def make_logs(self) -> None:
        """Make sure that there is a folder for logs."""
        private_folder(self.logs, os.geteuid(), os.getegid())


def existing_site(root: Path) -> Site | None:
    """Return the site at ``root``, None when no cluster was ever created there."""
    try:
        owner = os.lstat(root / "postgres")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Site(root, Account(owner.st_uid, owner.st_gid, drops=is_root()))


def ready_site(root: Path) -> tuple[Site, Programs]:
    """Return the site at ``root``, new or not, and programs that its account can run."""
    programs = installed_programs()
    if is_root():
        programs = reachable(programs)
    site = existing_site(root) or Site(root, _account_for(programs))
    for program in (programs.postgres, programs.valkey_server):
        require_runnable([str(program), "--version"], site.account)
    return site, programs


def remove_parts(root: Path) -> None:
    """Remove what the servers and those who started them made in ``root``, and ``root`` if nothing is left.

    Other things there stay: it may be the system root, which holds other data besides.
    """
    for entry in [entry for pattern in _PARTS for entry in root.glob(pattern)]:
        if entry.is_dir() and not entry.is_symlink():
            remove_tree(entry)
        else:
            entry.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        root.rmdir()


def _account_for(programs: Programs) -> Account:
    """Return the account for a new site: the first that this system lets root change to."""
    if not is_root():
        return own_account()
    refusals: list[EmbeddedError] = []
    for account in candidates():
        try:
            require_runnable([str(programs.postgres), "--version"], account)
        except EmbeddedError as refusal:
            refusals.append(refusal)
        else:
            return account
    raise EmbeddedError(
        f"The servers must not run as root, and no other account can run them ({refusals[0].message})",
        next_step="run this command as an ordinary user",
    )
