"""How migrations run: one transaction, one at a time, and never waiting long for a lock."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from reconciler.persistence.models import Base

#: Two deployments at once: the second waits for the first, then finds nothing left to do.
ADVISORY_LOCK = "SELECT pg_advisory_xact_lock(24256, 1)"
WAIT_FOR_OTHERS = "SET LOCAL lock_timeout = '120s'"
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
    with context.begin_transaction():
        for statement in (WAIT_FOR_OTHERS, ADVISORY_LOCK, LOCK_TIMEOUT, STATEMENT_TIMEOUT):
            connection.exec_driver_sql(statement)
        context.run_migrations()


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
