"""What a named person does to queue entries beside asking for one more attempt.

An entry that a worker holds is left alone: nobody takes a submission out of a worker's hands.
"""

from __future__ import annotations

from typing import Final

#: The entry is made where there is none: a hand-keyed order never entered the queue. A link can be put right
#: where a person made it, or where its record was voided since, as long as no live record bears the number.
ADOPT: Final = """
INSERT INTO queue_entries AS q (
    channel_id, reference, status, object_id, adopted, trigger, actor, reason, origin, note, deliver_on,
    created_at
)
SELECT c.channel_id, c.reference, 'success', %(pos_id)s, true, 'admin', %(actor)s, %(reason)s, %(origin)s,
    %(note)s, c.deliver_on, clock_timestamp()
FROM cart_orders c
WHERE c.channel_id = %(channel)s AND c.reference = %(reference)s
ON CONFLICT (channel_id, reference) DO UPDATE SET
    status = 'success', since = clock_timestamp(), object_id = EXCLUDED.object_id, adopted = true,
    flagged = false, not_before = NULL, next_lookup_at = NULL, trigger = 'admin', actor = EXCLUDED.actor,
    reason = EXCLUDED.reason, origin = EXCLUDED.origin, note = EXCLUDED.note
WHERE q.status IN ('created', 'ready', 'failed', 'in_doubt')
    OR q.status = 'success' AND q.object_id <> EXCLUDED.object_id AND NOT EXISTS (
        SELECT FROM pos_orders p
        WHERE p.channel_id = q.channel_id AND p.family_key = q.reference AND p.live
    ) AND (q.adopted AND q.trigger = 'admin' OR EXISTS (
        SELECT FROM pos_orders p
        WHERE p.channel_id = q.channel_id AND p.pos_id = q.object_id AND NOT p.live
    ))
"""
#: What answers an order, as far as we know.
ANSWER: Final = """
SELECT object_id FROM queue_entries
WHERE channel_id = %(channel)s AND reference = %(reference)s AND status = 'success'
"""

#: An entry is made here too: it keeps the order from being sent by itself ever after. A person's link to a
#: record that does not bear the order's number can be given up as well.
GIVE_UP: Final = """
INSERT INTO queue_entries AS q (
    channel_id, reference, status, trigger, actor, reason, origin, note, deliver_on, created_at
)
SELECT c.channel_id, c.reference, 'failed', 'admin', %(actor)s, %(reason)s, %(origin)s, %(note)s,
    c.deliver_on, clock_timestamp()
FROM cart_orders c
WHERE c.channel_id = %(channel)s AND c.reference = %(reference)s
ON CONFLICT (channel_id, reference) DO UPDATE SET
    status = 'failed', since = clock_timestamp(), flagged = false, not_before = NULL, next_lookup_at = NULL,
    trigger = 'admin', actor = EXCLUDED.actor, reason = EXCLUDED.reason, origin = EXCLUDED.origin,
    note = EXCLUDED.note, object_id = NULL, adopted = false
WHERE q.status IN ('created', 'ready', 'in_doubt') OR (q.status = 'failed' AND q.note <> EXCLUDED.note)
    OR q.status = 'success' AND q.adopted AND q.trigger = 'admin' AND NOT EXISTS (
        SELECT FROM pos_orders p
        WHERE p.channel_id = q.channel_id AND p.family_key = q.reference AND p.live
    )
"""

#: Whether the POS shows a live record of an order.
SHOWN: Final = """
SELECT EXISTS (
    SELECT FROM pos_orders WHERE channel_id = %(channel)s AND family_key = %(reference)s AND live
)
"""

#: A POS record answers one order only.
TAKEN: Final = """
SELECT q.reference FROM channels own
JOIN channels h ON h.pos_connection_id = own.pos_connection_id
JOIN queue_entries q ON q.channel_id = h.id AND q.object_id = %(pos_id)s AND q.status = 'success'
WHERE own.id = %(channel)s AND NOT (q.channel_id = %(channel)s AND q.reference = %(reference)s)
UNION ALL
SELECT p.family_key FROM pos_orders p
JOIN cart_orders c ON c.channel_id = p.channel_id AND c.reference = p.family_key
WHERE p.channel_id = %(channel)s AND p.pos_id = %(pos_id)s AND p.family_key <> %(reference)s
LIMIT 1
"""
