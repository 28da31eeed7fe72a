"""Keep the earliest change under which an order was read as paid.

Some carts do not tell when an order was paid. Its last change stood in, so that an order which is touched
again and again stayed new for ever. The column has no default and is not filled for orders that are known
already, so the lock is held for a moment; for those the last change goes on to stand in until the next one.

Revision ID: 20261127_paid
Revises: 20261127_clocks
"""

from alembic import op

revision = "20261127_paid"
down_revision = "20261127_clocks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE cart_orders ADD COLUMN known_paid_at timestamptz")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE cart_orders DROP COLUMN known_paid_at")
