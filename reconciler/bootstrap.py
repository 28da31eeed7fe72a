"""The composition root: the one place that wires settings, adapters and database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from adapters.registry import Registry
from reconciler import embedded
from reconciler.persistence import SqlUnitOfWork, make_engine
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import Clock, ConnectionInfo, UnitOfWork, Vendors
from reconciler.reporting import RENDERERS
from reconciler.secrets import SecretBox
from reconciler.services.context import Context
from reconciler.services.report import write_due_reports
from reconciler.settings import Settings, load_settings, with_addresses

if TYPE_CHECKING:
    from adapters.http import Tools


def utc_now() -> datetime:
    """Return the present moment by this machine's clock, which may be wrong."""
    return datetime.now(UTC)


class SharedClock:
    """The time as the database last told it, and what has passed since: one clock for all processes.

    A machine's own clock may be wrong, or set right in the middle of a run: a window read up to tomorrow
    would leave today's orders unread. It counts only until the database was first asked.
    """

    def __init__(self) -> None:
        self._told: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        if self._told is None:
            return utc_now()
        moment, at = self._told
        return moment + timedelta(seconds=time.monotonic() - at)

    def set(self, moment: datetime) -> None:
        """Take over what the database says."""
        self._told = moment, time.monotonic()


class VendorAccess:
    """What adapters get beside their connection: opened credentials and shared tools.

    Made when first needed: a merchant on files needs no key, no HTTP client and no Valkey.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def credentials(self, connection: ConnectionInfo) -> Mapping[str, str]:
        """Return a connection's credentials in clear; raise ConfigError when the keys do not fit."""
        if connection.credentials is None:
            return {}
        return self._box.decrypt(connection.credentials)

    def tools(self) -> Tools:
        """Return what all HTTP connections of this process share."""
        return self._tools

    def close(self) -> None:
        """Close the HTTP connections, if any were opened."""
        if "_tools" in vars(self):
            self._tools.session.close()

    @cached_property
    def _box(self) -> SecretBox:
        return SecretBox(self._settings.require_secret_keys())

    @cached_property
    def _tools(self) -> Tools:
        # A command that only reads files should not pay for an HTTP client.
        from adapters.http import LocalLimiter, Tools, make_session, shared_limiter  # noqa: PLC0415

        url = self._settings.redis_url
        limiter = (
            shared_limiter(url.get_secret_value(), time.monotonic) if url else LocalLimiter(time.monotonic)
        )
        return Tools(session=make_session(), clock=self._clock, limiter=limiter)


@dataclass(frozen=True)
class App:
    """Everything a command or a task needs."""

    settings: Settings
    engine: Engine
    vendors: Vendors
    access: VendorAccess
    shared_clock: SharedClock = field(default_factory=SharedClock)
    #: Where the clock stands still, for a rehearsal.
    held_at: datetime | None = None

    def open_unit(self, *, rehearsal: bool = False) -> UnitOfWork:
        """Return a unit of work to be entered with ``with``."""
        return SqlUnitOfWork(self.engine, rehearsal=rehearsal)

    @contextmanager
    def context(self, *, rehearsal: bool = False) -> Iterator[Context]:
        """Open a unit of work with what services need beside it."""
        with self.open_unit(rehearsal=rehearsal) as unit:
            self.shared_clock.set(unit.now())
            yield Context(unit, self.vendors, self.clock, rehearsal)

    def clock(self) -> datetime:
        """Return the present moment, or the one at which a rehearsal stands still."""
        return self.held_at or self.shared_clock()

    def at(self, moment: datetime | None) -> App:
        """Return the same program with its clock held still, for a rehearsal."""
        return replace(self, held_at=moment)

    def write_due_reports(self) -> None:
        """Write the failure reports if a folder is set for them and they are due."""
        settings = self.settings
        if settings.report_dir is None:
            return
        every = timedelta(minutes=settings.report_interval_minutes)
        with self.context() as context, SqlReportUnit(self.engine) as unit:
            write_due_reports(context, unit, settings.report_dir, every, RENDERERS)

    def close(self) -> None:
        """Give the connections to the database and the vendors back."""
        self.access.close()
        self.engine.dispose()


def build(settings: Settings | None = None, *, start_services: bool = False) -> App:
    """Wire the program. The built-in services are used where asked for, and started only by a command."""
    start = embedded.up if start_services else None
    settings = with_addresses(settings or load_settings(), embedded.urls, start)
    clock = SharedClock()
    access = VendorAccess(settings, clock)
    vendors = Registry(access.credentials, access.tools)
    return App(settings, make_engine(settings.require_database_url()), vendors, access, clock)
