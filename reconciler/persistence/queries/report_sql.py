"""The statements of the failure report. Each reads one merchant's channels and returns what is drawn.

The view ``order_standing`` is the heart: it places every order in exactly one state, and the books, the
tie-out and the picture are drawn from it.
"""

from __future__ import annotations

from typing import Final

from reconciler.domain.money import CASH_UNITS
from reconciler.domain.policy import LOOKUPS
from reconciler.domain.queue import OPEN
from reconciler.domain.table import BLOCK_D_PROVEN, MISSING


def _listed(words: object) -> str:
    assert isinstance(words, frozenset | set)  # noqa: S101 - keeps the order of the text stable
    return ", ".join(f"'{word}'" for word in sorted(str(word) for word in words))


_OPEN: Final = "state IN ('open', 'acknowledged')"
#: As long as an unknown outcome is looked up. After that the queue had its chance, and a person is needed.
_BUSY_SINCE: Final = f"clock_timestamp() - interval '{LOOKUPS[-1].total_seconds():.0f} seconds'"
_BUSY: Final = f"(q.status IN ({_listed(OPEN)}) AND q.since > {_BUSY_SINCE})"
_NOBODY: Final = "('nobody', 'customer')"
_ABOUT_CONNECTIONS: Final = "(subject LIKE 'connection:%%' OR subject LIKE 'channel:%%')"
#: Classes that say the POS lacks an order which it should have.
_ABSENT: Final = f"({_listed({rule.classification.value for rule in (*BLOCK_D_PROVEN, MISSING)})})"
_CASH_UNIT: Final = " ".join(
    ("CASE currency", *(f"WHEN '{code}' THEN {unit}" for code, unit in CASH_UNITS.items()), "END")
)

MERCHANTS: Final = """
SELECT m.code, m.name, m.timezone, m.day_cutoff,
    h.id AS channel_id, h.name AS channel, h.policy, h.live_from
FROM merchants m LEFT JOIN channels h ON h.merchant_id = m.id
WHERE (%(merchant)s::text IS NULL OR m.code = %(merchant)s)
    AND (%(channel)s::text IS NULL OR h.name = %(channel)s)
ORDER BY m.code, h.name
"""

#: What the queue is busy with needs nobody yet, unless no worker takes it. Else an alarm that fell due after
#: the last run counts, too.
_SEVERITY: Final = f"""CASE
    WHEN {_BUSY} AND m.classification <> 'stuck' THEN 'info'
    WHEN m.severity = 'urgent' OR m.escalates_at <= %(now)s THEN 'urgent'
    ELSE m.severity
END"""

_GRACES: Final = "unnest(%(channels)s::bigint[], %(graces)s::interval[]) AS g (channel_id, grace)"
#: As the rules reckon when an order was paid.
_PAID_AT: Final = "greatest(coalesce(o.paid_at, o.known_paid_at, o.updated_at, o.placed_at), o.placed_at)"
_IN_GRACE: Final = f"{_PAID_AT} + g.grace > %(now)s"
#: Sent in time and not confirmed yet: on its way like any fresh order. Nothing failed or is repaired.
_ON_ITS_WAY: Final = f"(m.classification = 'in_doubt' AND {_BUSY} AND {_IN_GRACE})"

FINDINGS: Final = f"""
WITH f AS (
    SELECT m.*, h.name AS channel, {_SEVERITY} AS urgency, {_ABOUT_CONNECTIONS} AS about_connection,
        o.total, o.currency, o.deliver_on,
        q.status AS queue_status, q.flagged, q.attempts
    FROM mismatches m
    JOIN channels h ON h.id = m.channel_id
    LEFT JOIN cart_orders o ON o.channel_id = m.channel_id AND o.reference = m.subject
    LEFT JOIN queue_entries q ON q.channel_id = m.channel_id AND q.reference = m.subject
    JOIN {_GRACES} ON g.channel_id = m.channel_id
    WHERE m.channel_id = ANY(%(channels)s) AND m.{_OPEN} AND m.who NOT IN {_NOBODY}
        AND {_ON_ITS_WAY} IS NOT TRUE
), numbered AS (
    SELECT f.*, count(*) OVER same AS of_group,
        row_number() OVER (same ORDER BY deliver_on, coalesce(since, first_seen_at), channel_id, id) AS place
    FROM f WINDOW same AS (PARTITION BY about_connection, urgency, who, classification, cause)
)
SELECT id, channel, subject, classification, cause, rule, also, coalesce(since, first_seen_at) AS since,
    facts, sentence, next_step, who, resend, escalates_at, state, urgency, about_connection, of_group,
    total, currency, deliver_on, queue_status, flagged, attempts
FROM numbered WHERE place <= %(rows)s
ORDER BY place
"""  # noqa: S608 - vocabularies of the domain

#: Orders that the POS lacked and has by now, and no person helped.
_MENDED: Final = f"""
mended AS (
    SELECT m.channel_id, m.subject, min(m.since) AS missing_since, max(m.closed_at) AS repaired_at
    FROM mismatches m
    WHERE m.channel_id = ANY(%(channels)s) AND m.classification IN {_ABSENT}
        AND m.closed_at >= %(start)s AND m.state = 'resolved' AND m.closed_by = 'system'
    GROUP BY m.channel_id, m.subject
)"""  # noqa: S608 - vocabularies of the domain

#: A person's attempt, whatever the queue did after it to see it through, or a person's word.
_HELPED: Final = """(q.trigger = 'admin' OR EXISTS (
    SELECT FROM attempts a
    WHERE a.channel_id = r.channel_id AND a.reference = r.subject AND a.trigger = 'admin'
))"""

#: What was sent and found by a look-up afterwards was sent by us all the same. An order that came into the
#: POS and disagrees there is a finding, and not repaired.
REPAIRS: Final = f"""
WITH {_MENDED}
SELECT h.name AS channel, r.subject AS reference, r.missing_since, r.repaired_at, o.total, o.currency,
    CASE
        WHEN q.status = 'success' AND (NOT q.adopted OR EXISTS (
            SELECT FROM attempts a WHERE a.channel_id = r.channel_id AND a.reference = r.subject
                AND a.outcome IN ('accepted', 'unknown')
        )) THEN 'resent'
        WHEN q.status = 'success' THEN 'adopted'
        ELSE 'arrived'
    END AS how,
    count(*) OVER () AS of_all
FROM mended r
JOIN channels h ON h.id = r.channel_id
JOIN cart_orders o ON o.channel_id = r.channel_id AND o.reference = r.subject
LEFT JOIN queue_entries q ON q.channel_id = r.channel_id AND q.reference = r.subject
WHERE {_HELPED} IS NOT TRUE AND o.verdict IS NULL
ORDER BY r.repaired_at DESC, h.name, r.subject
LIMIT %(rows)s
"""  # noqa: S608 - fragments above

UNPAID: Final = """
SELECT count(*) FROM cart_orders WHERE channel_id = ANY(%(channels)s) AND verdict = 'unpaid'
"""
GRACE: Final = """
SELECT channel_id, max(verdict_since) FROM cart_orders
WHERE channel_id = ANY(%(channels)s) AND verdict = 'sync_delay'
GROUP BY channel_id
"""

#: In the queue and inside the grace, and nothing is wrong: the rest of the queue is among the findings.
SENDING: Final = f"""
SELECT count(*)
FROM order_standing s
JOIN cart_orders o ON o.channel_id = s.channel_id AND o.reference = s.reference
JOIN queue_entries q ON q.channel_id = s.channel_id AND q.reference = s.reference
LEFT JOIN mismatches m ON m.channel_id = s.channel_id AND m.subject = s.reference AND m.{_OPEN}
JOIN {_GRACES} ON g.channel_id = s.channel_id
WHERE s.channel_id = ANY(%(channels)s) AND s.state = 'queued' AND s.paid
    AND ({_ON_ITS_WAY} OR m.id IS NULL AND {_IN_GRACE})
"""  # noqa: S608 - fragments above

COVERAGE: Final = """
SELECT h.name AS channel, s.side, u.covers_to, r.read_at, r.complete, r.reason
FROM channels h
CROSS JOIN unnest(ARRAY['cart', 'pos']) AS s (side)
LEFT JOIN LATERAL (
    SELECT v.read_at, v.complete, v.reason FROM coverage v
    WHERE v.channel_id = h.id AND v.side = s.side ORDER BY v.id DESC LIMIT 1
) r ON true
LEFT JOIN LATERAL (
    SELECT max(c.covers_to) AS covers_to FROM covered c WHERE c.channel_id = h.id AND c.side = s.side
) u ON true
WHERE h.id = ANY(%(channels)s)
ORDER BY h.name, s.side
"""

#: A read that meets something unreadable is incomplete, and the next one starts where it did: what a later
#: complete read did not meet again has been put right.
QUARANTINE: Final = """
SELECT h.name AS channel, t.side, t.source, t.position, t.reason, t.last_seen_at AS seen_at,
    count(*) OVER () AS of_all
FROM quarantine t
JOIN channels h ON h.id = t.channel_id
WHERE t.channel_id = ANY(%(channels)s) AND NOT EXISTS (
    SELECT FROM coverage v JOIN runs r ON r.channel_id = v.channel_id AND r.id = v.run_id
    WHERE v.channel_id = t.channel_id AND v.side = t.side AND v.complete AND r.started_at > t.last_seen_at
)
ORDER BY t.last_seen_at DESC, h.name, t.source, t.position
LIMIT %(rows)s
"""

#: Every order of the report's channels and days, with what hangs on the moment.
_STANDING: Final = f"""
standing AS (
    SELECT s.*, h.policy, (s.severe OR s.escalates_at <= %(now)s) IS TRUE AS urgent,
        (s.queue_status IN ({_listed(OPEN)}) AND s.queue_since > {_BUSY_SINCE}
            AND s.class IS DISTINCT FROM 'stuck') IS TRUE AS busy
    FROM order_standing s JOIN channels h ON h.id = s.channel_id
    WHERE s.channel_id = ANY(%(channels)s) AND s.placed_at >= %(start)s AND s.placed_at < %(end)s
)"""  # noqa: S608 - vocabularies of the domain

BOOKS: Final = """
SELECT state,
    CASE WHEN state = 'closed' AND verdict = 'cancelled_before_push' THEN 'cancelled before it was sent'
        WHEN state = 'closed' THEN closed_as || ' by a person' ELSE '' END AS reason,
    count(*) AS orders,
    (array_agg(reference ORDER BY reference) FILTER (WHERE state IN ('nowhere', 'twice')))[1:20] AS astray
FROM order_standing
WHERE paid AND channel_id = ANY(%(channels)s)
GROUP BY 1, 2
ORDER BY 1, 2
"""

HOURS: Final = f"""
WITH {_STANDING}, {_MENDED}
SELECT date_bin('1 hour', s.placed_at, %(start)s) AS hour,
    CASE
        WHEN s.urgent AND s.needing AND NOT s.busy THEN 'urgent'
        WHEN s.needing AND NOT s.busy OR s.state IN ('nowhere', 'twice') THEN 'open'
        WHEN s.state NOT IN ('agreed', 'closed') THEN 'waiting'
        WHEN s.state = 'agreed' AND r.subject IS NOT NULL AND {_HELPED} IS NOT TRUE THEN 'repaired'
        ELSE 'agreed'
    END AS fate,
    count(*) AS orders
FROM standing s
LEFT JOIN mended r ON r.channel_id = s.channel_id AND r.subject = s.reference
LEFT JOIN queue_entries q ON q.channel_id = r.channel_id AND q.reference = r.subject
GROUP BY 1, 2
ORDER BY 1, 2
"""  # noqa: S608 - fragments above

#: What each order is worth on either side. Of an edited order the newest version counts; a record that a
#: person linked to an order counts for it; money in a currency of its own is a line of its own.
_SIDES: Final = f"""
{_STANDING}, records AS (
    SELECT s.channel_id, s.reference, p.currency, p.total,
        p.ref_key IS NOT DISTINCT FROM first_value(p.ref_key) OVER (
            PARTITION BY s.channel_id, s.reference ORDER BY p.created_at DESC, p.ref_key DESC, p.pos_id DESC
        ) AS newest
    FROM standing s
    JOIN pos_orders p ON p.channel_id = s.channel_id AND p.live
        AND (p.family_key = s.reference OR (s.queue_status = 'success' AND p.pos_id = s.object_id))
), pos AS (
    SELECT channel_id, reference, currency, sum(total) AS total FROM records WHERE newest
    GROUP BY channel_id, reference, currency
), sides AS (
    SELECT s.channel_id, s.placed_at, s.currency, s.state, s.class, s.check_at, s.line_count, s.policy,
        false AS abroad, coalesce(p.total, 0) AS pos,
        CASE WHEN s.dead OR s.nothing_came OR (s.nothing_yet AND p.total IS NULL) THEN 0
            ELSE s.total - s.refunded END AS cart
    FROM standing s
    LEFT JOIN pos p ON p.channel_id = s.channel_id AND p.reference = s.reference AND p.currency = s.currency
    UNION ALL
    SELECT s.channel_id, s.placed_at, p.currency, s.state, s.class, s.check_at, s.line_count, s.policy,
        true, p.total, 0
    FROM pos p JOIN standing s ON s.channel_id = p.channel_id AND s.reference = p.reference
    WHERE p.currency <> s.currency
)"""  # noqa: S608 - fragments above

#: Why the sides of an order differ; NULL where nobody knows.
_REASON: Final = f"""CASE
    WHEN cart = pos THEN ''
    WHEN state IN ('open', 'queued') AND class IS NOT NULL THEN class
    WHEN state IN ('queued', 'undecided') THEN state
    WHEN state = 'in_grace' OR (state = 'agreed' AND check_at IS NOT NULL) THEN 'in grace'
    WHEN state = 'unjudged' THEN 'not compared yet'
    WHEN state = 'closed' THEN 'closed with a reason'
    WHEN state = 'agreed' AND NOT abroad AND (
        abs(cart - pos) <= coalesce((policy ->> 'tolerance_per_line')::int, 1) * greatest(1, line_count)
        OR (pos %% ({_CASH_UNIT}) = 0 AND 2 * abs(cart - pos) <= ({_CASH_UNIT})) IS TRUE
    ) THEN 'rounding'
END"""

_DAY: Final = "((placed_at AT TIME ZONE %(zone)s) - %(cutoff)s::time::interval)::date"

TIE_OUTS: Final = f"""
WITH {_SIDES}, lines AS (
    SELECT channel_id, {_DAY} AS day, currency, cart, pos, {_REASON} AS reason FROM sides
    UNION ALL
    SELECT p.channel_id, {_DAY.replace("placed_at", "p.created_at")}, p.currency, 0, p.total, m.classification
    FROM mismatches m
    JOIN pos_orders p ON p.channel_id = m.channel_id AND p.live AND m.subject = 'pos:' || p.pos_id
    WHERE m.channel_id = ANY(%(channels)s) AND m.classification = 'orphan_in_pos'
        AND (m.{_OPEN} OR m.closed_by = 'person') AND p.created_at >= %(start)s AND p.created_at < %(end)s
        AND NOT EXISTS (
            SELECT FROM queue_entries q
            WHERE q.channel_id = p.channel_id AND q.object_id = p.pos_id AND q.status = 'success'
        )
)
SELECT h.name AS channel, day, currency, reason, count(*) FILTER (WHERE cart <> 0 OR pos <> 0) AS orders,
    sum(cart)::bigint AS cart, sum(pos)::bigint AS pos
FROM lines JOIN channels h ON h.id = channel_id
GROUP BY h.name, day, currency, reason
HAVING count(*) FILTER (WHERE cart <> 0 OR pos <> 0) > 0
ORDER BY day DESC, h.name, currency, reason NULLS LAST
"""  # noqa: S608 - fragments above
