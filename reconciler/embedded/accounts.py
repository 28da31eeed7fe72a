"""Which operating system account the servers run as.

PostgreSQL refuses to run as root, and an account that other programs use (``nobody``) could read our data.
So root gives the servers an account of their own: the system user ``reconciler`` where there is one, else a
user id that nobody has. Such an id needs no entry in /etc/passwd to *run* PostgreSQL; only creating a
cluster looks its own name up, and that one step borrows an account that has a name.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: The system user that is preferred when root starts the services.
SYSTEM_USER = "reconciler"

#: Ids that neither Debian's policy nor systemd gives to anyone, and that fit into a container's 65,536.
_UNUSED_IDS = range(60717, 61183)

#: Accounts every Linux has one of, by age of custom; each can do nothing by itself.
_BORROWED = ("nobody", "daemon", "bin")


@dataclass(frozen=True)
class Account:
    """A user and group id the servers run as; ``drops`` says that root must change to it first."""

    uid: int
    gid: int
    drops: bool

    @property
    def name(self) -> str | None:
        """Name in the user database, which an account of our own choosing need not have."""
        return name_of(self.uid)

    def process_options(self) -> dict[str, Any]:
        """Arguments that make `subprocess` run a program as this account, with no other group."""
        return {"user": self.uid, "group": self.gid, "extra_groups": ()} if self.drops else {}


def is_root() -> bool:
    """Whether this process runs as root, so that the servers must not."""
    return os.geteuid() == 0


def name_of(uid: int) -> str | None:
    """Return the user name of ``uid``, None when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def own_account() -> Account:
    """Return the account of this very process: an ordinary user runs the servers himself."""
    return Account(os.geteuid(), os.getegid(), drops=False)


def candidates() -> Iterator[Account]:
    """Yield the accounts root may give the servers, the best first."""
    for name in (SYSTEM_USER, None, *_BORROWED):
        account = _unnamed() if name is None else _named(name)
        if account is not None:
            yield account


def for_creating(account: Account) -> Account | None:
    """Return the account that creates the cluster of ``account``: a named one, in its group, or None.

    The group keeps other processes of a borrowed account out: they do not have it, and the folder around
    the new cluster lets only this group in.
    """
    if account.name is not None:
        return account
    borrowed = next(filter(None, map(_named, _BORROWED)), None) if account.drops else None
    return borrowed and Account(borrowed.uid, account.gid, drops=True)


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid, drops=True) if entry.pw_uid != 0 else None


def _unnamed() -> Account | None:
    unused = (number for number in _UNUSED_IDS if name_of(number) is None and not _is_group(number))
    return next((Account(number, number, drops=True) for number in unused), None)


def _is_group(gid: int) -> bool:
    try:
        grp.getgrgid(gid)
    except KeyError:
        return False
    return True
