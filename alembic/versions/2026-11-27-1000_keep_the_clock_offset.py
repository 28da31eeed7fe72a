"""Keep with each read how far the vendor's clock was ahead of ours.

When an order was paid is told by the cart's clock, and how long it may be on its way is counted by ours. The
column has a constant default, so the lock is held for a moment.

Revision ID: 20261127_clocks
Revises: 20261127_covering
"""

from alembic import op

revision = "20261127_clocks"
down_revision = "20261127_covering"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE coverage ADD COLUMN clock_offset interval NOT NULL DEFAULT '0'")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE coverage DROP COLUMN clock_offset")
