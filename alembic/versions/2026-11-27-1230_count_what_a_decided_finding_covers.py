"""Count orders as undecided also where a person has decided on their connection's finding.

Resolved or ignored while the connection still cannot be read, the finding covers them all the same: they are
not lost. The view is replaced in place, with the same columns.

Revision ID: 20261127_decided
Revises: 20261127_paid
"""

from string import Template

from alembic import op

revision = "20261127_decided"
down_revision = "20261127_paid"
branch_labels = None
depends_on = None

ORDER_STANDING = Template("""CREATE OR REPLACE VIEW order_standing AS
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
            WHERE c.channel_id = o.channel_id AND $covers
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
""")
OPEN = "c.state IN ('open', 'acknowledged')\n                AND starts_with(c.subject, 'connection:')"
DECIDED = """starts_with(c.subject, 'connection:')
                AND (c.state IN ('open', 'acknowledged') OR c.closed_by = 'person')"""


def upgrade() -> None:
    """Count a finding that a person has decided on."""
    op.execute(ORDER_STANDING.substitute(covers=DECIDED))


def downgrade() -> None:
    """Count those that are open only."""
    op.execute(ORDER_STANDING.substitute(covers=OPEN))
