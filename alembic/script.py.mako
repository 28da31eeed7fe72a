"""${message}

The rules, which a reviewer holds you to:

- Old and new code run side by side while a release goes out: add first, remove in a later release.
- A new column is nullable or has a constant default; fill it in batches outside of migrations.
- A constraint on a large table is added NOT VALID, and validated in a second migration.
- An index on a large table is created CONCURRENTLY, in `with op.get_context().autocommit_block():`, and what a
  broken run left of it is dropped first.
- A migration waits at most seconds for a lock (env.py); one that cannot get it fails, and is run again.
- Import no model: this file must do the same thing in ten years.
- Write the way back, and run scripts/check_migrations.py: up, down, up again, and no drift from the models.
- Say in the docstring why, and what an operator has to know (how long, what is locked).

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Do it."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take it back."""
    ${downgrades if downgrades else "pass"}
