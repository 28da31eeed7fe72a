"""The composition root: the one place that wires settings, adapters and database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from adapters.registry import Registry
from reconciler import embedded
from reconciler.persistence import SqlUnitOfWork, make_engine
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import Clock, UnitOfWork, Vendors
from reconciler.reporting import RENDERERS
from reconciler.services.context import Context
from reconciler.services.report import write_due_reports
from reconciler.settings import Settings, load_settings, with_addresses


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class App:
    """Everything a command or a task needs."""

    settings: Settings
    engine: Engine
    vendors: Vendors
    clock: Clock = utc_now

    def open_unit(self, *, rehearsal: bool = False) -> UnitOfWork:
        """Return a unit of work to be entered with ``with``."""
        return SqlUnitOfWork(self.engine, rehearsal=rehearsal)

    @contextmanager
    def context(self, *, rehearsal: bool = False) -> Iterator[Context]:
        """Open a unit of work with what services need beside it."""
        with self.open_unit(rehearsal=rehearsal) as unit:
            yield Context(unit, self.vendors, self.clock, rehearsal)

    def at(self, moment: datetime | None) -> App:
        """Return the same program with its clock held still, for a rehearsal."""
        return self if moment is None else replace(self, clock=lambda: moment)

    def write_due_reports(self) -> None:
        """Write the failure reports if a folder is set for them and they are due."""
        settings = self.settings
        if settings.report_dir is None:
            return
        every = timedelta(minutes=settings.report_interval_minutes)
        with self.context() as context, SqlReportUnit(self.engine) as unit:
            write_due_reports(context, unit, settings.report_dir, every, RENDERERS)

    def close(self) -> None:
        """Give the database connections back."""
        self.engine.dispose()


def build(settings: Settings | None = None, *, start_services: bool = False) -> App:
    """Wire the program. The built-in services are used where asked for, and started only by a command."""
    start = embedded.up if start_services else None
    settings = with_addresses(settings or load_settings(), embedded.urls, start)
    return App(settings, make_engine(settings.require_database_url()), Registry())
