"""The set-based comparison: which cart orders do not plainly agree.

``_DIFFERS`` may hold for a pair that the rules of the domain call agreed; the rules then say so. It must
never fail to hold for a pair that they report: a property test compares the two. It never yields NULL.
"""

from __future__ import annotations

from typing import Final

from reconciler.domain.money import CASH_UNITS

_CASH_UNIT: Final = " ".join(
    ("CASE c.currency", *(f"WHEN '{code}' THEN {unit}" for code, unit in CASH_UNITS.items()), "ELSE 0 END")
)

#: What makes an order and its only live record disagree, or worth the rules' look. What only one of the two
#: tells is worked out when it is stored, in ``plain``.
_PAIR_DIFFERS: Final = f"""(
    NOT c.plain
    OR NOT p.plain
    OR p.currency <> c.currency
    OR (p.total <> c.total
        AND abs(p.total - c.total) > %(per_line)s * greatest(1, c.line_count)
        AND NOT (
            p.total %% nullif({_CASH_UNIT}, 0) = 0 AND abs(p.total - c.total) * 2 <= {_CASH_UNIT}
        ) IS TRUE)
    OR (p.lines_digest <> c.lines_digest) IS TRUE
    OR (c.edited_at > p.created_at AND (
        coalesce(p.updated_at, p.created_at) < c.edited_at OR (c.lines_digest IS NULL AND p.line_count > 0)
    )) IS TRUE
    OR (%(location)s::text <> '' AND p.location <> '' AND p.location <> %(location)s::text) IS TRUE
    OR (p.status = 'shipped' AND (c.fulfillment_status <> 'fulfilled' OR NOT p.traceable OR NOT c.traceable))
)"""

#: No live record: only a proper order that was cancelled in the cart and voided in the POS plainly agrees.
_ABSENT_DIFFERS: Final = """(
    c.verdict IS NOT NULL
    OR c.check_at IS NOT NULL
    OR c.test
    OR c.draft
    OR (c.total = 0 AND c.line_count = 0)
    OR c.cancelled_at IS NULL
    OR NOT EXISTS (
        SELECT FROM pos_orders v WHERE v.channel_id = %(channel)s AND v.family_key = c.reference
    )
)"""

_DIFFERS: Final = f"CASE WHEN p.pos_id IS NULL THEN {_ABSENT_DIFFERS} ELSE {_PAIR_DIFFERS} END"

_LIVE: Final = "p.channel_id = %(channel)s AND p.family_key = c.reference AND p.live"

#: Every order: one join, and one pass over an index for families with several live records.
ALL: Final = f"""
SELECT c.reference FROM cart_orders c LEFT JOIN pos_orders p ON {_LIVE}
WHERE c.channel_id = %(channel)s AND {_DIFFERS}
UNION
SELECT d.family_key FROM (
    SELECT family_key FROM pos_orders
    WHERE channel_id = %(channel)s AND family_key IS NOT NULL AND live
    GROUP BY channel_id, family_key HAVING count(*) > 1
) d
JOIN cart_orders c ON c.channel_id = %(channel)s AND c.reference = d.family_key
ORDER BY 1
"""  # noqa: S608 - fragments above

#: What changed on either side since it was last compared, or is due for a second look. A record that a person
#: linked to an order counts for that order.
_TOUCHED: Final = """
    SELECT reference FROM cart_orders
    WHERE channel_id = %(channel)s AND changed_run > %(compared)s
    UNION
    SELECT reference FROM cart_orders
    WHERE channel_id = %(channel)s AND check_at <= %(now)s
    UNION
    SELECT family_key FROM pos_orders
    WHERE channel_id = %(channel)s AND changed_run > %(compared)s AND family_key IS NOT NULL
    UNION
    SELECT q.reference FROM pos_orders p
    JOIN queue_entries q ON q.channel_id = p.channel_id AND q.object_id = p.pos_id
    WHERE p.channel_id = %(channel)s AND p.changed_run > %(compared)s
"""
#: Looked up one by one, as the fences (OFFSET 0) insist: the planner, left alone, may join all there is.
CHANGED: Final = f"""
SELECT t.reference
FROM ({_TOUCHED}) t
CROSS JOIN LATERAL (
    SELECT * FROM cart_orders c WHERE c.channel_id = %(channel)s AND c.reference = t.reference OFFSET 0
) c
LEFT JOIN LATERAL (SELECT * FROM pos_orders p WHERE {_LIVE} OFFSET 0) p ON true
WHERE {_DIFFERS} OR EXISTS (
    SELECT FROM pos_orders o
    WHERE o.channel_id = %(channel)s AND o.family_key = c.reference AND o.live AND o.pos_id <> p.pos_id
)
GROUP BY t.reference
ORDER BY 1
"""  # noqa: S608 - fragments above

COUNT_ALL: Final = "SELECT count(*) FROM cart_orders WHERE channel_id = %(channel)s"
COUNT_CHANGED: Final = f"""
SELECT count(*) FROM ({_TOUCHED}) t
CROSS JOIN LATERAL (
    SELECT FROM cart_orders c WHERE c.channel_id = %(channel)s AND c.reference = t.reference OFFSET 0
) c
"""  # noqa: S608 - fragments above
