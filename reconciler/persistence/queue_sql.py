"""The statements of the queue. Each transition names the state it leaves, so that none can be taken twice.

All times are the database's clock: a worker whose own clock is wrong can neither steal nor keep a lease.
"""

from __future__ import annotations

from string import Template
from typing import Final

from reconciler.domain.facts import AFTER_MENU_IMPORT

#: Bytes may have reached the POS under the present key, and it has not said no. (A "no" ends the key.)
_UNSETTLED: Final = """EXISTS (
    SELECT FROM attempts a
    WHERE a.channel_id = q.channel_id AND a.reference = q.reference AND a.idempotency_key = q.key
        AND (a.outcome IS NULL OR a.outcome IN ('unknown', 'accepted'))
)"""
#: What a claim's holder must still have: the entry under this token, not taken away by a rescue.
_FENCED: Final = """q.channel_id = %(channel)s AND q.reference = %(reference)s
    AND q.token = %(token)s AND q.status = 'processing'"""
#: What every way out of ``processing`` gives back.
_FREE: Final = "lease_until = NULL, claimed_from = NULL"
#: What was ever read of an order in the POS, and of the record that a person named.
_KNOWN: Final = """pos_orders p
        WHERE p.channel_id = q.channel_id AND (p.family_key = q.reference OR p.pos_id = q.object_id)"""


def _statement(text: str) -> str:
    return Template(text).substitute(unsettled=_UNSETTLED, fenced=_FENCED, free=_FREE, known=_KNOWN)


ENQUEUE: Final = """
INSERT INTO queue_entries (channel_id, reference, status, trigger, actor, deliver_on, created_at)
SELECT c.channel_id, c.reference, 'created', 'auto', 'reconciler', c.deliver_on, %(now)s
FROM cart_orders c
WHERE c.channel_id = %(channel)s AND c.reference = ANY(%(references)s)
ON CONFLICT (channel_id, reference) DO NOTHING
"""

_CLAIMABLE: Final = """(
    (status IN ('created', 'ready') AND (not_before IS NULL OR not_before <= clock_timestamp()))
    OR (status = 'in_doubt' AND next_lookup_at <= clock_timestamp())
)"""

#: Workers skip what others are claiming. ``since`` stays: a turn that comes to nothing starts no wait anew.
#: An order that is put off every minute would never have waited long enough for anybody to be told.
CLAIM: Final = Template("""
WITH due AS (
    SELECT reference FROM queue_entries
    WHERE channel_id = %(channel)s AND status IN ('created', 'ready', 'in_doubt') AND $claimable
    ORDER BY deliver_on NULLS LAST, created_at, reference
    LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE queue_entries q
SET status = 'processing', claimed_from = q.status, token = q.token + 1, next_lookup_at = NULL,
    lease_until = clock_timestamp() + %(lease)s
FROM due
WHERE q.channel_id = %(channel)s AND q.reference = due.reference
RETURNING q.channel_id, q.reference, q.token, q.claimed_from = 'in_doubt' AS in_doubt, q.attempts, q.spent,
    (
        SELECT count(*) FROM attempts a
        WHERE a.channel_id = q.channel_id AND a.reference = q.reference AND a.idempotency_key = q.key
            AND a.outcome IS DISTINCT FROM 'deferred'
    ) AS sends, (
        SELECT min(a.started_at) FROM attempts a
        WHERE a.channel_id = q.channel_id AND a.reference = q.reference AND a.idempotency_key = q.key
            AND a.outcome IS DISTINCT FROM 'deferred'
    ) AS key_since,
    q.trigger, q.actor, q.reason, q.key, q.body, q.sent_at, q.lookups, q.cart_digest,
    q.deliver_on, q.created_at
""").substitute(claimable=_CLAIMABLE)

#: Budget is spent before the first byte leaves, and given back when none was acted on. The same bytes once
#: more under the same key are the same attempt at the same order, and spend nothing.
INTEND: Final = _statement("""
WITH held AS (
    SELECT q.channel_id, q.reference, q.trigger <> 'admin' AND NOT (q.key = %(key)s AND $unsettled) IS TRUE
        AS spends
    FROM queue_entries q WHERE $fenced
), entry AS (
    UPDATE queue_entries q
    SET attempts = attempts + 1, spent = spent + held.spends::int, key = %(key)s, body = %(body)s,
        cart_digest = %(digest)s, facts = coalesce(%(facts)s, facts), sent_at = clock_timestamp(),
        lookups = 0, last_lookup_at = NULL, failure = NULL, codes = '{}', vendor_words = NULL
    FROM held
    WHERE $fenced
    RETURNING q.*, held.spends
)
INSERT INTO attempts
    (channel_id, reference, number, trigger, actor, reason, origin, idempotency_key, body, spends)
SELECT channel_id, reference, attempts, trigger, actor, reason, origin, key, body, spends FROM entry
RETURNING number
""")

OUTCOME: Final = _statement("""
WITH entry AS (
    UPDATE queue_entries q
    SET failure = %(cause)s, codes = %(codes)s, vendor_words = %(words)s,
        spent = spent - (a.spends AND %(untried)s)::int
    FROM attempts a
    WHERE $fenced AND q.attempts = %(number)s AND a.channel_id = q.channel_id AND a.reference = q.reference
        AND a.number = %(number)s AND a.outcome IS NULL
    RETURNING q.channel_id, q.reference, q.spent
)
UPDATE attempts a
SET finished_at = clock_timestamp(), outcome = %(kind)s, pos_id = %(pos_id)s, error_cause = %(cause)s,
    codes = %(codes)s, vendor_words = %(words)s, spends = a.spends AND NOT %(untried)s
FROM entry
WHERE a.channel_id = entry.channel_id AND a.reference = entry.reference AND a.number = %(number)s
RETURNING entry.spent
""")

SUCCEED: Final = _statement("""
UPDATE queue_entries q
SET status = 'success', since = clock_timestamp(), object_id = %(pos_id)s, adopted = %(adopted)s,
    not_before = NULL, note = %(note)s, $free
WHERE $fenced
""")

DOUBT: Final = _statement("""
UPDATE queue_entries q
SET status = CASE WHEN %(next)s::timestamptz IS NULL THEN 'failed' ELSE 'in_doubt' END,
    flagged = %(next)s::timestamptz IS NULL, next_lookup_at = %(next)s, note = %(note)s,
    since = CASE WHEN q.claimed_from = 'in_doubt' AND %(next)s::timestamptz IS NOT NULL
        THEN q.since ELSE clock_timestamp() END,
    lookups = q.lookups + (q.claimed_from = 'in_doubt')::int,
    last_lookup_at = CASE WHEN q.claimed_from = 'in_doubt' THEN clock_timestamp() ELSE q.last_lookup_at END,
    trigger = 'retry', actor = 'reconciler', reason = '', origin = '', $free
WHERE $fenced
""")

FAIL: Final = _statement("""
UPDATE queue_entries q
SET status = CASE WHEN %(resend)s THEN 'ready' ELSE 'failed' END, flagged = NOT %(resend)s,
    since = clock_timestamp(), not_before = %(not_before)s, key = NULL,
    failure = %(cause)s, codes = %(codes)s, vendor_words = %(words)s, note = %(words)s,
    trigger = CASE WHEN %(resend)s THEN 'retry' ELSE trigger END,
    actor = CASE WHEN %(resend)s THEN 'reconciler' ELSE actor END,
    reason = CASE WHEN %(resend)s THEN '' ELSE reason END,
    origin = CASE WHEN %(resend)s THEN '' ELSE origin END, $free
WHERE $fenced
""")

#: Untried, it waits for its next turn; but what may have been sent stays in doubt, whoever gives it back.
RELEASE: Final = _statement("""
UPDATE queue_entries q
SET status = CASE WHEN $unsettled THEN 'in_doubt' ELSE 'ready' END,
    not_before = %(not_before)s, note = %(note)s,
    next_lookup_at = CASE WHEN $unsettled THEN coalesce(%(not_before)s, clock_timestamp()) END, $free
WHERE $fenced
""")

#: What may have been sent cannot be withdrawn quietly: a person has to look.
WITHDRAW: Final = _statement("""
UPDATE queue_entries q
SET status = 'failed', since = clock_timestamp(), flagged = $unsettled, not_before = NULL, note = %(note)s,
    $free
WHERE $fenced
""")

#: Refused for certain, nobody has decided yet, and a try is left.
WAITING: Final = f"""
SELECT q.reference, q.failure, q.facts, EXISTS (
    SELECT FROM attempts a
    WHERE a.channel_id = q.channel_id AND a.reference = q.reference AND a.reason = '{AFTER_MENU_IMPORT}'
) AS menu_imported
FROM queue_entries q
WHERE q.channel_id = %(channel)s AND q.status = 'failed' AND q.status <> 'success' AND q.flagged
    AND q.failure IS NOT NULL AND q.spent < %(budget)s
ORDER BY q.deliver_on NULLS LAST, q.created_at, q.reference
"""  # noqa: S608 - a constant

RESEND: Final = """
UPDATE queue_entries
SET status = 'ready', since = clock_timestamp(), flagged = false, not_before = NULL, trigger = 'retry',
    actor = 'reconciler', reason = %(reason)s, origin = ''
WHERE channel_id = %(channel)s AND reference = ANY(%(references)s) AND status = 'failed' AND flagged
"""

ADOPT_SEEN: Final = """
UPDATE queue_entries q
SET status = 'success', since = clock_timestamp(), object_id = seen.pos_id, adopted = true, flagged = false,
    not_before = NULL, next_lookup_at = NULL, note = 'the POS shows it'
FROM (
    SELECT o.reference, min(p.pos_id) AS pos_id
    FROM queue_entries o
    JOIN pos_orders p ON p.channel_id = o.channel_id AND p.family_key = o.reference AND p.live
    WHERE o.channel_id = %(channel)s AND o.status <> 'success'
        AND o.status IN ('created', 'ready', 'failed', 'in_doubt')
    GROUP BY o.reference
) seen
WHERE q.channel_id = %(channel)s AND q.reference = seen.reference
    AND q.status IN ('created', 'ready', 'failed', 'in_doubt')
"""

#: Skips what a living worker is writing just now. The attempt of a dead one ends as unknown, for good.
RESCUE: Final = _statement("""
WITH lost AS (
    SELECT q.channel_id, q.reference, q.attempts, $unsettled AS unsettled
    FROM queue_entries q
    WHERE q.status = 'processing' AND q.lease_until < clock_timestamp()
    FOR UPDATE SKIP LOCKED
), ended AS (
    UPDATE attempts a
    SET finished_at = clock_timestamp(), outcome = 'unknown', vendor_words = 'the worker was lost'
    FROM lost
    WHERE a.channel_id = lost.channel_id AND a.reference = lost.reference AND a.number = lost.attempts
        AND a.outcome IS NULL
)
UPDATE queue_entries q
SET status = CASE WHEN lost.unsettled THEN 'in_doubt' ELSE 'ready' END,
    since = CASE WHEN lost.unsettled AND q.claimed_from <> 'in_doubt' THEN clock_timestamp() ELSE q.since END,
    next_lookup_at = CASE WHEN lost.unsettled THEN clock_timestamp() END,
    note = 'its worker was lost', $free
FROM lost
WHERE q.channel_id = lost.channel_id AND q.reference = lost.reference
""")

#: Nothing is worked on where nobody may come in.
DUE_CHANNELS: Final = Template("""
SELECT h.id FROM channels h JOIN connections n ON n.id = h.pos_connection_id
JOIN connections k ON k.id = h.cart_connection_id
WHERE h.enabled AND n.state NOT IN ('auth_failed', 'paused') AND k.state NOT IN ('auth_failed', 'paused')
    AND EXISTS (
        SELECT FROM queue_entries
        WHERE channel_id = h.id AND status IN ('created', 'ready', 'in_doubt') AND $claimable
    )
ORDER BY h.id
""").substitute(claimable=_CLAIMABLE)

#: The row's lock makes one of two clicks wait; it then finds the entry ready. Where all that the POS has of
#: an order was voided, whoever wants it again needs another key, since the old one made that. What waits
#: because sending was switched off after it was queued is now a person's attempt, which is not held back.
#: A person's link to a record that no read ever showed is a slip of the pen until one does.
SET_READY: Final = _statement("""
UPDATE queue_entries q
SET status = 'ready', since = clock_timestamp(), flagged = false, not_before = NULL, trigger = 'admin',
    actor = %(actor)s, reason = %(reason)s, origin = %(origin)s, object_id = NULL, adopted = false,
    key = CASE WHEN (q.status <> 'success' OR NOT EXISTS (SELECT FROM $known)) AND NOT EXISTS (
        SELECT FROM attempts a
        JOIN pos_orders p ON p.channel_id = a.channel_id AND p.pos_id = a.pos_id AND NOT p.live
        WHERE a.channel_id = q.channel_id AND a.reference = q.reference AND a.idempotency_key = q.key
    ) THEN q.key END
WHERE q.channel_id = %(channel)s AND q.reference = %(reference)s AND (
    q.status = 'failed'
    OR q.status IN ('created', 'ready') AND q.trigger <> 'admin' AND EXISTS (
        SELECT FROM channels h WHERE h.id = q.channel_id AND h.policy ->> 'send' <> 'auto'
    )
    OR q.status = 'success' AND (
        SELECT NOT bool_or(p.live) FROM $known
    )
    OR q.status = 'success' AND q.adopted AND q.trigger = 'admin' AND NOT EXISTS (SELECT FROM $known)
)
""")
CREATE_READY: Final = """
INSERT INTO queue_entries
    (channel_id, reference, status, trigger, actor, reason, origin, deliver_on, created_at)
SELECT c.channel_id, c.reference, 'ready', 'admin', %(actor)s, %(reason)s, %(origin)s, c.deliver_on,
    clock_timestamp()
FROM cart_orders c
WHERE c.channel_id = %(channel)s AND c.reference = %(reference)s
ON CONFLICT (channel_id, reference) DO NOTHING
"""
STATUS: Final = """
SELECT status FROM queue_entries WHERE channel_id = %(channel)s AND reference = %(reference)s
"""
