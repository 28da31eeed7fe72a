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

#: Which of a page's rows are news, and what the database has of them. The others are not touched, not even
#: locked: reading the same orders again costs no writes.
_NEWS: Final = Template("""
SELECT i.key, t.$family AS family
FROM unnest(%(keys)s::text[], %(digests)s::bytea[]) AS i (key, digest)
LEFT JOIN $table t ON t.channel_id = %(channel)s AND t.$key = i.key
WHERE t.$key IS NULL OR t.digest <> i.digest
""")

# An older version never wins. Of two that are equally old and differ, the one that comes later is believed.
_CART: Final = Template("""
INSERT INTO cart_orders AS t ($columns, channel_id, mapped, first_seen_at, rule_seen_at, changed_run)
SELECT $columns, %(channel)s, true, %(now)s, CASE WHEN inside THEN %(now)s::timestamptz END, %(run)s
FROM json_to_recordset(%(page)s) AS i ($typed, inside boolean)
ON CONFLICT (channel_id, reference) DO UPDATE SET $assignments, mapped = true,
    rule_seen_at = coalesce(t.rule_seen_at, EXCLUDED.rule_seen_at), changed_run = EXCLUDED.changed_run
WHERE t.digest <> EXCLUDED.digest AND (EXCLUDED.updated_at >= t.updated_at) IS NOT FALSE
""")

_POS: Final = Template("""
INSERT INTO pos_orders AS t ($columns, channel_id, first_seen_at, changed_run)
SELECT $columns, %(channel)s, %(now)s, %(run)s
FROM json_to_recordset(%(page)s) AS i ($typed)
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
        typed=_typed(table, columns),
        assignments=", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name != key),
    )


CART: Final = _fill(_CART, CartOrderRow, CART_COLUMNS, "reference")
POS: Final = _fill(_POS, PosOrderRow, POS_COLUMNS, "pos_id")

CART_NEWS: Final = _NEWS.substitute(table="cart_orders", key="reference", family="reference")
POS_NEWS: Final = _NEWS.substitute(table="pos_orders", key="pos_id", family="family_key")

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
#: Later than every run that was started, so that whichever run compares next sees what is marked with this.
COMING_RUN: Final = "SELECT nextval(pg_get_serial_sequence('runs', 'id'))"
