"""What the database knows of a handful of orders."""

from __future__ import annotations

from typing import Final

from reconciler.domain.policy import QUEUE_PATIENCE
from reconciler.domain.verdict import AWAITS_PAYMENT
from reconciler.persistence.rows import CART_FIELDS, POS_FIELDS

_PATIENCE: Final = f"interval '{QUEUE_PATIENCE.total_seconds():.0f} seconds'"
_CART: Final = ", ".join(f"c.{name}" for name in CART_FIELDS)
_POS: Final = ", ".join(f"p.{name}" for name in POS_FIELDS)

#: Where an entry stands by the database's clock. One that is being looked up is still in doubt.
_QUEUE: Final = f"""CASE WHEN q.reference IS NOT NULL THEN json_build_object(
    'status', CASE WHEN q.claimed_from = 'in_doubt' THEN q.claimed_from ELSE q.status END,
    'since', q.since,
    'overdue', CASE
        WHEN q.status = 'processing' THEN q.lease_until < clock_timestamp()
        WHEN q.status IN ('created', 'ready')
            THEN greatest(q.since, q.not_before) < clock_timestamp() - {_PATIENCE}
        ELSE false
    END,
    'attempts', q.attempts,
    'failure', q.failure,
    'codes', q.codes,
    'vendor_words', q.vendor_words,
    'last_lookup_at', q.last_lookup_at,
    'held', n.state <> 'ok' OR k.state <> 'ok' OR coalesce(q.not_before > clock_timestamp(), false)
) END"""

#: Orders in the order in which they were asked for.
CARTS: Final = f"""
SELECT {_CART}, c.digest, c.rule_seen_at IS NOT NULL AS seen_inside_rule, c.known_paid_at, c.mapped,
    c.verdict, {_QUEUE} AS queue
FROM unnest(%(references)s::text[]) WITH ORDINALITY AS asked (reference, place)
JOIN cart_orders c ON c.channel_id = %(channel)s AND c.reference = asked.reference
LEFT JOIN queue_entries q ON q.channel_id = c.channel_id AND q.reference = c.reference
LEFT JOIN channels h ON h.id = q.channel_id
LEFT JOIN connections n ON n.id = h.pos_connection_id
LEFT JOIN connections k ON k.id = h.cart_connection_id
ORDER BY asked.place
"""  # noqa: S608 - the domain's field names

#: Records by the reference they carry, and those that a person linked to an order: with none, or mistyped.
#: These are looked up one by one, as the fence (OFFSET 0) insists: the planner may else read all there are.
RECORDS: Final = f"""
SELECT p.family_key AS subject, {_POS} FROM pos_orders p
WHERE p.channel_id = %(channel)s AND p.family_key = ANY(%(references)s)
UNION ALL
SELECT q.reference, {_POS} FROM queue_entries q
CROSS JOIN LATERAL (
    SELECT * FROM pos_orders o WHERE o.channel_id = q.channel_id AND o.pos_id = q.object_id OFFSET 0
) p
WHERE q.channel_id = %(channel)s AND q.reference = ANY(%(references)s) AND q.status = 'success'
    AND p.family_key IS DISTINCT FROM q.reference
ORDER BY 1, created_at, pos_id
"""  # noqa: S608 - the domain's field names

#: Tickets without a reference whose total is an order's and whose customer has its name or phone, unless an
#: order of any channel on this POS has taken them. The nearest in time, should somebody order the same daily.
TICKETS: Final = f"""
SELECT a.reference AS subject, t.*
FROM json_to_recordset(%(absent)s)
    AS a (reference text, total bigint, currency text, placed_at timestamptz, name text, phone text)
CROSS JOIN LATERAL (
    SELECT {_POS} FROM pos_orders p
    WHERE p.channel_id = %(channel)s AND p.total = a.total AND p.currency = a.currency
        AND (p.name_key IS NOT NULL OR p.phone_key IS NOT NULL)
        AND (p.name_key = a.name OR p.phone_key = a.phone)
        AND NOT EXISTS (
            SELECT FROM channels own
            JOIN channels h ON h.pos_connection_id = own.pos_connection_id
            JOIN queue_entries q ON q.channel_id = h.id AND q.object_id = p.pos_id
            WHERE own.id = %(channel)s
        )
    ORDER BY abs(extract(epoch FROM p.created_at - a.placed_at)), p.pos_id
    LIMIT 20
) t
"""  # noqa: S608 - the domain's field names

#: Orders whose articles were mapped anew: their lines were compared in Python, now SQL may again.
REMAP: Final = """
UPDATE cart_orders c SET lines_digest = i.lines_digest, mapped = true
FROM json_to_recordset(%(rows)s) AS i (reference text, lines_digest bytea)
WHERE c.channel_id = %(channel)s AND c.reference = i.reference AND NOT c.mapped
"""

SET_VERDICTS: Final = """
UPDATE cart_orders c
SET verdict = i.verdict, verdict_rule = i.rule, verdict_since = i.since, check_at = i.check_at
FROM json_to_recordset(%(rows)s)
    AS i (reference text, verdict text, rule text, since timestamptz, check_at timestamptz)
WHERE c.channel_id = %(channel)s AND c.reference = i.reference
    AND (c.verdict, c.verdict_rule, c.verdict_since, c.check_at)
        IS DISTINCT FROM (i.verdict, i.rule, i.since, i.check_at)
"""

GET_CART: Final = f"""
SELECT {_CART}, c.digest FROM cart_orders c
WHERE c.channel_id = %(channel)s AND c.reference = %(reference)s
"""  # noqa: S608 - the domain's field names

GET_VERDICT: Final = """
SELECT verdict FROM cart_orders WHERE channel_id = %(channel)s AND reference = %(reference)s
"""

_AWAITS_PAYMENT: Final = ", ".join(f"'{verdict}'" for verdict in sorted(AWAITS_PAYMENT))
#: Orders that nobody has paid for yet, as far as we read.
UNPAID_DUE: Final = f"""
SELECT reference, vendor_id FROM cart_orders
WHERE channel_id = %(channel)s AND check_at <= %(now)s AND verdict IN ({_AWAITS_PAYMENT})
ORDER BY check_at, reference LIMIT %(limit)s
"""  # noqa: S608 - the domain's own names

#: The channels that share a POS, with what an orphan's owner is found by.
SHARING: Final = """
SELECT h.id, h.policy ->> 'reference_prefix' AS prefix, h.enabled OR h.id = own.id AS reports
FROM channels own JOIN channels h ON h.pos_connection_id = own.pos_connection_id
WHERE own.id = %(channel)s
ORDER BY h.id
"""

#: Live online records that nobody explains: no order of a channel with the same prefix, no link by a person.
ORPHANS: Final = f"""
SELECT {_POS} FROM pos_orders p
WHERE p.channel_id = %(channel)s AND p.live AND p.source = 'online' AND NOT p.foreign_prefix
    AND CASE WHEN p.ref_key IS NULL THEN %(strays_are_ours)s ELSE %(first_of_prefix)s END
    AND NOT EXISTS (
        SELECT FROM cart_orders c WHERE c.channel_id = ANY(%(alike)s) AND c.reference = p.family_key
    )
    AND NOT EXISTS (
        SELECT FROM queue_entries q
        WHERE q.channel_id = ANY(%(sharing)s) AND q.object_id = p.pos_id AND q.status = 'success'
    )
ORDER BY p.created_at, p.pos_id
"""  # noqa: S608 - the domain's field names
