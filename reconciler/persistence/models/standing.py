"""The books: a view that puts every order that is somebody's business into exactly one state.

``agreed``, ``in_grace`` (``unjudged``: read and not yet compared), ``queued``, ``open`` (``undecided``:
counted under its connection's finding until a complete read) and ``closed`` are where an order may stand.
One that is ``nowhere`` or stands ``twice`` is a broken promise. Reports and ``doctor --books`` build on it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import DDL, event

from reconciler.persistence.models.base import Base

ORDER_STANDING: Final = """
SELECT o.channel_id, o.reference, o.placed_at, o.currency, o.total, o.refunded, o.line_count, o.verdict,
    o.check_at, f.class, f.severe, f.escalates_at, f.needing, q.status AS queue_status,
    q.since AS queue_since, q.object_id, k.state AS closed_as,
    o.captured > 0
        OR o.payment_status IN ('paid', 'partially_paid', 'partially_refunded', 'refunded') AS paid,
    o.captured <= 0 AND o.payment_status IN ('pending', 'failed', 'voided', 'expired') AS nothing_came,
    o.captured <= 0 AND o.payment_status IN ('authorized', 'partially_paid') AS nothing_yet,
    o.cancelled_at IS NOT NULL OR o.payment_status = 'refunded'
        OR o.refunded >= greatest(o.captured, o.total, 1) AS dead,
    CASE
        WHEN f.findings > 1 THEN 'twice'
        WHEN f.findings = 1 AND o.changed_run <= h.compared_run
            AND (o.verdict IS NULL OR o.verdict = 'sync_delay') THEN 'twice'
        WHEN q.status IN ('created', 'ready', 'processing', 'in_doubt') THEN 'queued'
        WHEN o.verdict = 'cancelled_before_push' THEN 'closed'
        WHEN f.findings = 1 THEN 'open'
        WHEN o.verdict IS NULL AND o.changed_run > h.compared_run THEN 'unjudged'
        WHEN o.verdict IS NULL THEN 'agreed'
        WHEN o.verdict = 'sync_delay' THEN 'in_grace'
        WHEN o.verdict = 'cannot_tell' AND EXISTS (
            SELECT FROM mismatches c
            WHERE c.channel_id = o.channel_id AND starts_with(c.subject, 'connection:')
                AND (c.state IN ('open', 'acknowledged') OR c.closed_by = 'person')
        ) THEN 'undecided'
        WHEN k.closed_by = 'person' THEN 'closed'
        ELSE 'nowhere'
    END AS state
FROM cart_orders o
JOIN channels h ON h.id = o.channel_id
LEFT JOIN (
    SELECT channel_id, subject, count(*) AS findings, min(classification) AS class,
        bool_or(severity = 'urgent') AS severe, min(escalates_at) AS escalates_at,
        bool_or(who NOT IN ('nobody', 'customer')) AS needing
    FROM mismatches
    WHERE state IN ('open', 'acknowledged')
    GROUP BY channel_id, subject
) f ON f.channel_id = o.channel_id AND f.subject = o.reference
LEFT JOIN queue_entries q ON q.channel_id = o.channel_id AND q.reference = o.reference
LEFT JOIN mismatches k ON k.channel_id = o.channel_id AND k.subject = o.reference
    AND k.classification = o.verdict
WHERE NOT o.test AND NOT o.draft AND o.verdict IS DISTINCT FROM 'excluded'
"""

# What the migrations make has to be what the code counts on; a check compares the two.
event.listen(
    Base.metadata,
    "after_create",
    DDL(f"CREATE VIEW order_standing AS {ORDER_STANDING}"),  # type: ignore[no-untyped-call]
)
