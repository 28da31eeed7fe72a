"""PostgreSQL: the schema, one repository a file, the set-based statements, and the unit of work.

Repositories never commit; statements are named constants. Rows that agree never leave the database.
"""

from reconciler.persistence.engine import make_engine
from reconciler.persistence.unit_of_work import SqlUnitOfWork

__all__ = ["SqlUnitOfWork", "make_engine"]
