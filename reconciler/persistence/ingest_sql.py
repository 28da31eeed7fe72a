"""The statements of ``ingest``, their column lists written from the models."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template
from typing import Final

from sqlalchemy.dialects import postgresql

from reconciler.persistence.models import Base, CartOrderRow, PosOrderRow
from reconciler.persistence.rows import CART_FIELDS, POS_FIELDS

#: What rows bring beside the domain's fields.
CART_COLUMNS: Final = (*CART_FIELDS, "digest", "lines_digest", "line_count", "traceable", "raw")
POS_COLUMNS: Final = (
    *POS_FIELDS, "digest", "lines_digest", "line_count", "traceable", "raw", "ref_key", "family_key",
    "foreign_prefix", "live", "name_key", "phone_key",
)  # fmt: skip

# The condition stands twice: once so that rows that stay as they are are not even locked, and once for a row
# that somebody else wrote meanwhile. Equally old and differing: the one that comes later is believed.
_CART: Final = Template("""
INSERT INTO cart_orders AS t ($columns, channel_id, mapped, first_seen_at, rule_seen_at, changed_run)
SELECT $fresh_columns, %(channel)s, true, %(now)s,
    CASE WHEN i.inside THEN %(now)s::timestamptz END, %(run)s
FROM json_to_recordset(%(page)s) AS i ($typed, inside boolean)
LEFT JOIN cart_orders t ON t.channel_id = %(channel)s AND t.reference = i.reference
WHERE t.reference IS NULL OR (t.digest <> i.digest AND (i.updated_at >= t.updated_at) IS NOT FALSE)
ON CONFLICT (channel_id, reference) DO UPDATE SET $assignments, mapped = true,
    rule_seen_at = coalesce(t.rule_seen_at, EXCLUDED.rule_seen_at), changed_run = EXCLUDED.changed_run
WHERE t.digest <> EXCLUDED.digest AND (EXCLUDED.updated_at >= t.updated_at) IS NOT FALSE
""")

_POS: Final = Template("""
WITH fresh AS MATERIALIZED (
    SELECT i.*, t.family_key AS old_family
    FROM json_to_recordset(%(page)s) AS i ($typed)
    LEFT JOIN pos_orders t ON t.channel_id = %(channel)s AND t.pos_id = i.pos_id
    WHERE t.pos_id IS NULL OR (t.digest <> i.digest AND (i.updated_at >= t.updated_at) IS NOT FALSE)
), left_behind AS (
    UPDATE cart_orders c SET changed_run = %(run)s
    FROM fresh
    WHERE c.channel_id = %(channel)s AND c.reference = fresh.old_family
        AND fresh.old_family IS DISTINCT FROM fresh.family_key
)
INSERT INTO pos_orders AS t ($columns, channel_id, first_seen_at, changed_run)
SELECT $columns, %(channel)s, %(now)s, %(run)s FROM fresh
ON CONFLICT (channel_id, pos_id) DO UPDATE SET $assignments, changed_run = EXCLUDED.changed_run
WHERE t.digest <> EXCLUDED.digest AND (EXCLUDED.updated_at >= t.updated_at) IS NOT FALSE
""")


def _typed(table: type[Base], columns: Sequence[str]) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = {column.name: column.type.compile(dialect) for column in table.__table__.columns}
    return ", ".join(f"{name} {types[name]}" for name in columns)


def _fill(template: Template, table: type[Base], columns: Sequence[str], key: str) -> str:
    return template.substitute(
        columns=", ".join(columns),
        fresh_columns=", ".join(f"i.{name}" for name in columns),
        typed=_typed(table, columns),
        assignments=", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name != key),
    )


CART: Final = _fill(_CART, CartOrderRow, CART_COLUMNS, "reference")
POS: Final = _fill(_POS, PosOrderRow, POS_COLUMNS, "pos_id")

#: Records of an order whose own name looks like an edit of another order's.
CLAIM_RECORDS: Final = """
UPDATE pos_orders SET family_key = ref_key, changed_run = %(run)s
WHERE channel_id = %(channel)s AND family_key = ANY(%(families)s) AND ref_key = ANY(%(references)s)
"""
TOUCH_CARTS: Final = """
UPDATE cart_orders SET changed_run = %(run)s
WHERE channel_id = %(channel)s AND reference = ANY(%(families)s) AND changed_run <> %(run)s
"""
KEEP_NAMES: Final = """
UPDATE pos_orders p SET family_key = ref_key
WHERE p.channel_id = %(channel)s AND p.pos_id = ANY(%(pos_ids)s) AND p.family_key <> p.ref_key
    AND EXISTS (SELECT FROM cart_orders c WHERE c.channel_id = p.channel_id AND c.reference = p.ref_key)
"""
#: Runs are numbered upwards, so the next one will see what is marked with this.
COMING_RUN: Final = """
SELECT coalesce(max(id), 0) + 1 FROM runs WHERE channel_id = %(channel)s
"""
