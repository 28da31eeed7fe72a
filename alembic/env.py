"""How migrations run: one transaction, one at a time, and never waiting long for a lock."""

import os
import time

from alembic import context
from sqlalchemy import Connection, create_engine

from reconciler.domain.errors import UnavailableError
from reconciler.persistence.models import Base

#: Two deployments at once: the second waits for the first, then finds nothing left to do. It asks again and
#: again instead of waiting in a statement, for which an index that is built concurrently would wait in turn.
ADVISORY_LOCK = "SELECT pg_try_advisory_lock(24256, 1)"
UNLOCK = "SELECT pg_advisory_unlock(24256, 1)"
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.2
#: A migration that waits for a lock keeps everybody behind it waiting: fail soon, try again.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"
STATEMENT_TIMEOUT = "SET LOCAL statement_timeout = '10min'"


def migrate(connection: Connection) -> None:
    """Run what was asked for on this connection."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        compare_type=True,
    )
    wait_for_others(connection)
    with context.begin_transaction():
        # A block of its own that commits, for an index that is built concurrently, is without these.
        for statement in (LOCK_TIMEOUT, STATEMENT_TIMEOUT):
            connection.exec_driver_sql(statement)
        context.run_migrations()
    connection.commit()
    connection.exec_driver_sql(UNLOCK)


def wait_for_others(connection: Connection) -> None:
    """Take the lock that the connection keeps until it gives it back or ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        taken = connection.exec_driver_sql(ADVISORY_LOCK).scalar_one()
        connection.rollback()
        if taken:
            return
        if time.monotonic() > deadline:
            raise UnavailableError(
                "another migration of this database has been running for two minutes",
                next_step="wait for it; then run: reconciler db upgrade",
            )
        time.sleep(POLL_SECONDS)


def main() -> None:
    """Use the program's connection; an author's command line brings DATABASE_URL instead."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url).connect() as own:
        migrate(own)
        own.commit()


if context.is_offline_mode():
    raise SystemExit("migrations need a database: leave out --sql")
main()
