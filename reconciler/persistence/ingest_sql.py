"""The statements of ``ingest``, their column lists written from the models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Final

from sqlalchemy.dialects import postgresql

from reconciler.domain.orders import PAID
from reconciler.persistence.models import Base, CartOrderRow, PosOrderRow
from reconciler.persistence.rows import CART_COLUMNS, POS_COLUMNS

_PAID: Final = ", ".join(f"'{status}'" for status in sorted(PAID))
_DIALECT: Final = postgresql.dialect()  # type: ignore[no-untyped-call]

#: Which of a page's rows are news, and what the database has of them. The others are not touched, not even
#: locked: reading the same orders again costs no writes.
_NEWS: Final = Template("""
SELECT i.key, t.$family AS family, $identity AS identity
FROM unnest(%(keys)b::text[], %(digests)b::bytea[]) AS i (key, digest)
LEFT JOIN $table t ON t.channel_id = %(channel)s AND t.$key = i.key
WHERE t.$key IS NULL OR t.digest <> i.digest
""")

#: Where a page's news arrive, by COPY. It belongs to the session, and is empty again after each page.
_STAGE: Final = Template("CREATE TEMP TABLE IF NOT EXISTS $stage ($typed) ON COMMIT DELETE ROWS")

# An older version never wins. Of two that are equally old and differ, the one that comes later is believed.
# Of several under which an order was read as paid, the first tells the latest moment at which it was paid; a
# cart that moves no stamp when an order is paid tells nothing, and our own time stands in.
_CART: Final = Template("""
INSERT INTO cart_orders AS t
    ($columns, channel_id, mapped, first_seen_at, rule_seen_at, known_paid_at, changed_run)
SELECT $columns, %(channel)s, true, %(now)s, CASE WHEN inside THEN %(now)s::timestamptz END,
    CASE WHEN payment_status IN ($paid) THEN coalesce(updated_at, placed_at) END, %(run)s
FROM page_of_cart_orders
ON CONFLICT (channel_id, reference) DO UPDATE SET $assignments, mapped = true,
    rule_seen_at = coalesce(t.rule_seen_at, EXCLUDED.rule_seen_at),
    known_paid_at = CASE WHEN EXCLUDED.known_paid_at IS NULL THEN NULL
        WHEN t.payment_status NOT IN ($paid) AND (EXCLUDED.updated_at > t.updated_at) IS NOT TRUE THEN %(now)s
        ELSE coalesce(t.known_paid_at, EXCLUDED.known_paid_at) END,
    changed_run = EXCLUDED.changed_run
WHERE t.digest <> EXCLUDED.digest AND (EXCLUDED.updated_at >= t.updated_at) IS NOT FALSE
""")

_POS: Final = Template("""
INSERT INTO pos_orders AS t ($columns, channel_id, first_seen_at, changed_run)
SELECT $columns, %(channel)s, %(now)s, %(run)s
FROM page_of_pos_orders
ON CONFLICT (channel_id, pos_id) DO UPDATE SET $assignments, changed_run = EXCLUDED.changed_run
WHERE t.digest <> EXCLUDED.digest AND (EXCLUDED.updated_at >= t.updated_at) IS NOT FALSE
""")


@dataclass(frozen=True, slots=True)
class Statements:
    """How the orders of one side are stored."""

    news: str
    stage: str
    copy: str
    store: str
    clear: str


def _statements(
    table: type[Base], key: str, family: str, identity: str, columns: Sequence[str], store: Template
) -> Statements:
    name = table.__tablename__
    stage = f"page_of_{name}"
    known = {column.name: column.type.compile(_DIALECT) for column in table.__table__.columns}
    kept = [column for column in columns if column in known]
    return Statements(
        news=_NEWS.substitute(table=name, key=key, family=family, identity=identity),
        stage=_STAGE.substitute(
            stage=stage, typed=", ".join(f"{column} {known.get(column, 'boolean')}" for column in columns)
        ),
        copy=f"COPY {stage} ({', '.join(columns)}) FROM STDIN",
        store=store.substitute(
            paid=_PAID,
            columns=", ".join(kept),
            assignments=", ".join(f"{column} = EXCLUDED.{column}" for column in kept if column != key),
        ),
        clear=f"TRUNCATE {stage}",
    )


CART: Final = _statements(CartOrderRow, "reference", "reference", "t.vendor_id", CART_COLUMNS, _CART)
POS: Final = _statements(PosOrderRow, "pos_id", "family_key", "NULL::text", POS_COLUMNS, _POS)

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
