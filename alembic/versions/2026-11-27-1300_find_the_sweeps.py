"""Find a channel's sweeps among its runs, of which a year has a hundred thousand.

Each run asks when the last one was. Built while runs are written; should it break off, what is half built
goes when the migration is run again.

Revision ID: 20261127_sweeps
Revises: 20261127_decided
"""

from alembic import op

revision = "20261127_sweeps"
down_revision = "20261127_decided"
branch_labels = None
depends_on = None

SWEEPS = """
CREATE INDEX CONCURRENTLY ix_runs_sweeps ON runs (channel_id, started_at, outcome) WHERE "full"
"""


def upgrade() -> None:
    """Build the index."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_runs_sweeps")
        op.execute(SWEEPS)


def downgrade() -> None:
    """Drop it."""
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_runs_sweeps")
