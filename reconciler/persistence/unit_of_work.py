"""One connection, one transaction after the other, and the repositories that work in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from reconciler.persistence.channels import SqlChannels
from reconciler.persistence.configuration import SqlConfiguration
from reconciler.persistence.failures import as_unavailable
from reconciler.persistence.mismatches import SqlMismatches
from reconciler.persistence.orders import SqlOrders
from reconciler.persistence.queue import SqlQueue
from reconciler.persistence.runs import SqlRuns
from reconciler.ports import Channels, Configuration, Mismatches, Orders, Queue, Runs

#: Less than ``deadlock_timeout``, which is a second.
_GIVE_WAY: Final = "SET LOCAL lock_timeout = '300ms'"
#: A lock that was not to be had, a deadlock.
_BUSY: Final = frozenset({"55P03", "40P01"})


class SqlUnitOfWork:
    """A connection from ``with`` to its end. Leaving without ``commit`` rolls back.

    In a ``rehearsal`` commit does nothing, so that leaving takes all of it back. Every database error that a
    person can do something about leaves as UnavailableError.
    """

    connection: Connection
    channels: Channels
    configuration: Configuration
    orders: Orders
    mismatches: Mismatches
    queue: Queue
    runs: Runs

    def __init__(self, engine: Engine, *, rehearsal: bool = False) -> None:
        self._engine = engine
        self._rehearsal = rehearsal

    def __enter__(self) -> Self:
        """Connect; raise UnavailableError when the database does not answer."""
        try:
            self.connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise as_unavailable(error) or error from None
        self._locks = SqlChannels(self.connection)
        self.channels = self._locks
        self.configuration = SqlConfiguration(self.connection)
        self.orders = SqlOrders(self.connection)
        self.mismatches = SqlMismatches(self.connection)
        self.queue = SqlQueue(self.connection)
        self.runs = SqlRuns(self.connection)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Roll back what was not committed, and free the run locks."""
        try:
            self._leave()
        except SQLAlchemyError as failure:
            if error is None:
                raise as_unavailable(failure) or failure from None
        if error is not None and (unavailable := as_unavailable(error)) is not None:
            raise unavailable from None

    def now(self) -> datetime:
        """Return the present moment by the database's clock."""
        moment: datetime = self.connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return moment

    def commit(self) -> None:
        """Make what was done so far permanent and begin anew; in a rehearsal, do nothing."""
        if self._rehearsal:
            return
        try:
            self.connection.commit()
        except SQLAlchemyError as error:
            raise as_unavailable(error) or error from None

    def commit_unless_busy(self, work: Callable[[], object]) -> bool:
        """Do ``work`` in a transaction of its own, and give way to whoever holds what it needs.

        Giving way comes before PostgreSQL looks for a deadlock, and ends that of the two which would not.
        """
        self.commit()
        try:
            self.connection.exec_driver_sql(_GIVE_WAY)
            work()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _BUSY:
                raise
            self.connection.rollback()
            return False
        self.commit()
        return True

    def _leave(self) -> None:
        """Give the connection back without what belongs to this unit."""
        try:
            if not self.connection.invalidated:
                self.connection.rollback()
                self._locks.release()
        except BaseException:
            self.connection.invalidate()
            raise
        finally:
            self.connection.close()
