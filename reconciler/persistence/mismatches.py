"""Classified disagreements. A trigger writes their history, so that no statement can forget to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from string import Template
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from reconciler.domain.errors import InputError, NotFoundError, RefusedError
from reconciler.domain.verdict import PASSING, Classification, Verdict
from reconciler.persistence.rows import as_json, digest_of
from reconciler.ports import Judgement, MismatchState

CHUNK: Final = 1000
#: Said of an order, these are no findings: what is open about it is over.
_NO_FINDING: Final = frozenset({Classification.AGREED, Classification.EXCLUDED, Classification.SYNC_DELAY})

#: What a person decided holds as long as the evidence does; what ended by itself opens again when it is back.
#: A connection's trouble has the same words each time: there, a decision is over when the trouble is. An
#: empty digest is bound to the evidence that is told next.
_RECORD: Final = Template("""
WITH said AS (
    SELECT * FROM json_to_recordset(%(rows)s) AS i (
        subject text, classification text, rule text, cause text, also text[], since timestamptz, facts jsonb,
        sentence text, next_step text, who text, resend text, severity text, escalates_at timestamptz,
        digest bytea
    )
), over AS (
    UPDATE mismatches m
    SET state = 'resolved', closed_by = 'system', closed_at = %(now)s, actor = NULL, reason = NULL,
        run_id = %(run)s
    FROM said
    WHERE m.channel_id = %(channel)s AND m.subject = said.subject
        AND m.classification IS DISTINCT FROM said.classification
        AND (m.state IN ('open', 'acknowledged') OR m.closed_by = 'person' AND $passing)
)
INSERT INTO mismatches AS m (
    channel_id, subject, classification, rule, cause, also, since, facts, sentence, next_step, who, resend,
    severity, escalates_at, digest, state, run_id, first_seen_at, last_seen_at
)
SELECT %(channel)s, subject, classification, rule, cause, also, since, facts, sentence, next_step, who,
    resend, severity, escalates_at, digest, 'open', %(run)s, %(now)s, %(now)s
FROM said WHERE classification IS NOT NULL
ON CONFLICT (channel_id, subject, classification) DO UPDATE SET
    rule = EXCLUDED.rule, cause = EXCLUDED.cause, also = EXCLUDED.also, since = EXCLUDED.since,
    facts = EXCLUDED.facts, sentence = EXCLUDED.sentence, next_step = EXCLUDED.next_step,
    who = EXCLUDED.who, resend = EXCLUDED.resend, severity = EXCLUDED.severity,
    escalates_at = EXCLUDED.escalates_at, digest = EXCLUDED.digest, run_id = EXCLUDED.run_id,
    last_seen_at = EXCLUDED.last_seen_at,
    state = CASE WHEN $kept THEN m.state ELSE 'open' END,
    closed_by = CASE WHEN $kept THEN m.closed_by END,
    closed_at = CASE WHEN $kept THEN m.closed_at END,
    actor = CASE WHEN $kept THEN m.actor END,
    reason = CASE WHEN $kept THEN m.reason END
""").substitute(
    kept="(m.closed_by = 'person' AND m.digest IN (EXCLUDED.digest, ''))",
    passing="(m.subject LIKE 'connection:%%' OR m.subject LIKE 'channel:%%')",
)

_CLOSE_ABSENT: Final = """
UPDATE mismatches
SET state = 'resolved', closed_by = 'system', closed_at = %(now)s, actor = NULL, reason = NULL
WHERE channel_id = %(channel)s AND state IN ('open', 'acknowledged')
    AND starts_with(subject, %(prefix)s) AND subject <> ALL(%(subjects)s)
"""

_OPEN_SINCE: Final = """
SELECT since FROM mismatches
WHERE channel_id = %(channel)s AND subject = %(subject)s AND classification = %(classification)s
    AND state IN ('open', 'acknowledged')
"""

_LOCK: Final = """
SELECT state, closed_by FROM mismatches WHERE channel_id = %(channel)s AND id = %(id)s FOR UPDATE
"""
_DECIDE: Final = """
UPDATE mismatches
SET state = %(state)s, closed_by = 'person', closed_at = %(now)s, actor = %(actor)s, reason = %(reason)s
WHERE channel_id = %(channel)s AND id = %(id)s
"""

_RESOLVE_SUBJECT: Final = """
UPDATE mismatches
SET state = 'resolved', closed_by = 'person', closed_at = %(now)s, actor = %(actor)s, reason = %(reason)s,
    digest = CASE WHEN %(unseen)s THEN '' ELSE digest END
WHERE channel_id = %(channel)s AND subject = %(subject)s AND state IN ('open', 'acknowledged')
"""


class SqlMismatches:
    """Classified disagreements and their append-only history."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, channel_id: int, run_id: int, judgements: Iterable[Judgement], now: datetime) -> None:
        """Open, update or close mismatches so that they say what the judgements say."""
        rows = (_row(judgement) for judgement in judgements if _speaks(judgement))
        for chunk in _chunks({row["subject"]: row for row in rows}.values()):
            parameters = {"channel": channel_id, "run": run_id, "now": now, "rows": as_json(chunk)}
            self._connection.exec_driver_sql(_RECORD, parameters)

    def close_absent(self, channel_id: int, prefix: str, subjects: Iterable[str], now: datetime) -> None:
        """Close open mismatches whose subject starts with ``prefix`` and is not among ``subjects``."""
        parameters = {"channel": channel_id, "prefix": prefix, "subjects": list(subjects), "now": now}
        self._connection.exec_driver_sql(_CLOSE_ABSENT, parameters)

    def open_since(self, channel_id: int, subject: str, classification: Classification) -> datetime | None:
        """Return since when a subject is found to be of a class; None when that is not open."""
        parameters = {"channel": channel_id, "subject": subject, "classification": classification.value}
        return self._connection.exec_driver_sql(_OPEN_SINCE, parameters).scalar_one_or_none()

    def resolve_subject(
        self, channel_id: int, subject: str, *, actor: str, reason: str, now: datetime, unseen: bool = False
    ) -> int:
        """Resolve on a person's word what is open about a subject.

        ``unseen``: nobody could judge it just now, so that the decision binds to the evidence told next.
        """
        told = {"actor": actor, "reason": reason, "now": now, "unseen": unseen}
        parameters = {"channel": channel_id, "subject": subject} | told
        return self._connection.exec_driver_sql(_RESOLVE_SUBJECT, parameters).rowcount

    def decide(
        self,
        channel_id: int,
        mismatch_id: int,
        state: MismatchState,
        *,
        actor: str,
        reason: str,
        now: datetime,
    ) -> bool:
        """Record a person's decision; False when it is made already."""
        if not (actor.strip() and reason.strip()):
            raise InputError("a decision needs a name and a reason", next_step="give --reason")
        key = {"channel": channel_id, "id": mismatch_id}
        found = self._connection.exec_driver_sql(_LOCK, key).one_or_none()
        if found is None:
            raise NotFoundError(
                f"there is no mismatch {mismatch_id}", next_step="see: reconciler mismatches list"
            )
        if found.state == state and found.closed_by == "person":
            return False
        if state is MismatchState.OPEN or found.state not in {"open", "acknowledged"}:
            raise RefusedError(
                f"mismatch {mismatch_id} is {found.state}",
                next_step="it opens again by itself if it comes back",
            )
        parameters = key | {"state": state.value, "actor": actor, "reason": reason, "now": now}
        self._connection.exec_driver_sql(_DECIDE, parameters)
        return True


def evidence_digest(verdict: Verdict) -> bytes:
    """Return the digest of a verdict's evidence: its rule and facts, in whatever order they were told.

    Without counters and times of look-ups, which grow while all stays as it was.
    """
    facts = {name: fact for name, fact in verdict.facts.items() if name not in PASSING}
    return digest_of(verdict.rule.encode(), msgspec.json.encode(facts, order="sorted"))


def _speaks(judgement: Judgement) -> bool:
    """Say whether a judgement changes anything: an order that cannot be told about leaves all as it is."""
    undecided = judgement.verdict.classification is Classification.CANNOT_TELL
    return not undecided or judgement.subject.startswith(("connection:", "channel:"))


def _row(judgement: Judgement) -> dict[str, Any]:
    verdict = judgement.verdict
    if verdict.classification in _NO_FINDING:
        return {"subject": judgement.subject}
    return {
        "subject": judgement.subject,
        "classification": verdict.classification,
        "rule": verdict.rule,
        "cause": verdict.cause,
        "also": verdict.also,
        "since": verdict.since,
        "facts": verdict.facts,
        "sentence": verdict.sentence,
        "next_step": verdict.next_step,
        "who": verdict.who,
        "resend": verdict.resend,
        "severity": verdict.severity,
        "escalates_at": verdict.escalates_at,
        "digest": "\\x" + evidence_digest(verdict).hex(),
    }


def _chunks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    remaining = iter(rows)
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk
