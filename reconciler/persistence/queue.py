"""Queue entries and their attempts: leases, fencing, and every transition as one guarded statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import Connection

from reconciler.domain.errors import InputError, NotFoundError, RefusedError
from reconciler.domain.evidence import FailureCause
from reconciler.domain.queue import CLAIMABLE, Actor, QueueEvent, QueueStatus, transition
from reconciler.persistence import queue_admin as admin
from reconciler.persistence import queue_sql as sql
from reconciler.ports import Claim, Intent, Outcome, OutcomeKind, Trigger, Waiting

_CLAIM_FIELDS: Final = tuple(field.name for field in fields(Claim))


class SqlQueue:
    """Queue entries and their append-only attempts. Every write under a claim is fenced by its token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def enqueue(self, channel_id: int, references: Iterable[str], now: datetime) -> int:
        """Create entries for orders that have none yet; return how many."""
        return self._run(sql.ENQUEUE, channel=channel_id, references=list(references), now=now)

    def claim(self, channel_id: int, *, limit: int, lease: timedelta) -> Sequence[Claim]:
        """Lease entries that are created, ready, or in doubt with a look-up due, earliest delivery first."""
        parameters = {"channel": channel_id, "limit": limit, "lease": lease}
        rows = self._connection.exec_driver_sql(sql.CLAIM, parameters).mappings().all()
        return [_claim(row) for row in sorted(rows, key=_priority)]

    def intend(self, claim: Claim, intent: Intent) -> int:
        """Write the attempt with key and exact bytes; return its number."""
        submission = intent.submission
        parameters = _fence(claim) | {
            "key": submission.key,
            "body": submission.body,
            "digest": intent.cart_digest,
            "facts": None if intent.facts is None else Jsonb(dict(intent.facts)),
        }
        number = self._connection.exec_driver_sql(sql.INTEND, parameters).scalar_one_or_none()
        if number is None:
            raise _taken_over(claim)
        return int(number)

    def outcome(self, claim: Claim, attempt: int, outcome: Outcome) -> int:
        """Write how the attempt ended (once); return the budget spent. What nobody acted on spends none."""
        untried = outcome.untried or outcome.kind is OutcomeKind.DEFERRED
        told = _told(outcome) | {"kind": outcome.kind.value, "pos_id": outcome.pos_id, "number": attempt}
        parameters = _fence(claim) | told | {"untried": untried}
        spent = self._connection.exec_driver_sql(sql.OUTCOME, parameters).scalar_one_or_none()
        if spent is None:
            raise _taken_over(claim)
        return int(spent)

    def succeed(self, claim: Claim, pos_id: str, *, adopted: bool) -> None:
        """Close the entry: the POS shows the order."""
        note = "found in the POS" if adopted else "the POS took it and shows it"
        self._fenced(sql.SUCCEED, claim, pos_id=pos_id, adopted=adopted, note=note)

    def doubt(self, claim: Claim, next_lookup: datetime | None, reason: str) -> None:
        """Leave the entry in doubt until ``next_lookup``; None gives up looking and flags it as failed."""
        self._fenced(sql.DOUBT, claim, next=next_lookup, note=reason)

    def fail(self, claim: Claim, outcome: Outcome, *, resend: bool) -> None:
        """Refused for certain: ready again when ``resend``, else failed and flagged."""
        self._fenced(sql.FAIL, claim, resend=resend, not_before=outcome.retry_at, **_told(outcome))

    def release(self, claim: Claim, not_before: datetime | None, reason: str) -> None:
        """Return the entry untried, to be claimed again from ``not_before`` on."""
        self._fenced(sql.RELEASE, claim, not_before=not_before, note=reason)

    def withdraw(self, claim: Claim, reason: str) -> None:
        """Close the entry because the order must not be sent any more."""
        self._fenced(sql.WITHDRAW, claim, note=reason)

    def waiting(self, channel_id: int, *, budget: int) -> Sequence[Waiting]:
        """Return what was refused and flagged with less than ``budget`` spent, earliest delivery first."""
        rows = self._connection.exec_driver_sql(sql.WAITING, {"channel": channel_id, "budget": budget})
        return [
            Waiting(row.reference, FailureCause(row.failure), row.facts, row.menu_imported) for row in rows
        ]

    def resend(self, channel_id: int, references: Iterable[str], reason: str) -> int:
        """Make such orders ready again by ourselves; return how many."""
        return self._run(sql.RESEND, channel=channel_id, references=list(references), reason=reason)

    def adopt_seen(self, channel_id: int) -> int:
        """Close entries nobody works on whose order the POS shows by now; return how many."""
        return self._run(sql.ADOPT_SEEN, channel=channel_id)

    def rescue(self) -> int:
        """Move entries whose lease ran out to in doubt, or back to ready when no byte can have left."""
        return self._run(sql.RESCUE)

    def due_channels(self) -> Sequence[int]:
        """Return channels with something to claim now."""
        return self._connection.exec_driver_sql(sql.DUE_CHANNELS).scalars().all()

    def set_ready(self, channel_id: int, reference: str, *, actor: str, reason: str, origin: str) -> bool:
        """Let an admin add one attempt; False when one is already waiting or under way (a second click).

        Raises NotFoundError for an order we have not read, RefusedError where another attempt could make a
        second POS order.
        """
        if not (actor.strip() and reason.strip()):
            raise InputError("setting an order ready needs a name and a reason", next_step="give --reason")
        key: dict[str, Any] = {"channel": channel_id, "reference": reference}
        told = key | {"actor": actor, "reason": reason, "origin": origin}
        if self._run(sql.SET_READY, **told) or self._run(sql.CREATE_READY, **told):
            return True
        status = self._connection.exec_driver_sql(sql.STATUS, key).scalar_one_or_none()
        if status is None:
            raise NotFoundError(f"there is no order {reference}", next_step="see: reconciler queue list")
        if status == QueueStatus.SUCCESS:
            raise RefusedError(
                f"the POS has order {reference}", next_step="void it there first, if it is to be made again"
            )
        if QueueStatus(status) not in CLAIMABLE | {QueueStatus.PROCESSING}:
            transition(QueueStatus(status), QueueEvent.SET_READY, Actor.ADMIN)
        return False

    def adopt(
        self, channel_id: int, reference: str, pos_id: str, *, actor: str, reason: str, origin: str
    ) -> bool:
        """Link an order to the POS record that answers it; False when it is linked already.

        Raises RefusedError where either of them is linked to another one.
        """
        if not any(map(str.isalnum, pos_id)):
            raise InputError("a POS record has an id", next_step="give it: --as POS-ID")
        key: dict[str, Any] = {"channel": channel_id, "reference": reference, "pos_id": pos_id}
        taken = self._connection.exec_driver_sql(admin.TAKEN, key).scalar_one_or_none()
        if taken is not None:
            raise RefusedError(f"POS record {pos_id} answers order {taken}", next_step="name another record")
        told = key | {"actor": actor, "reason": reason, "origin": origin, "note": f"it is {pos_id}"}
        if self._run(admin.ADOPT, **told):
            return True
        answer = self._connection.exec_driver_sql(admin.ANSWER, key).scalar_one_or_none()
        if answer is not None and answer != pos_id:
            raise RefusedError(
                f"the POS has order {reference} as {answer}",
                next_step="void it there first, if that is wrong",
            )
        return self._unless_held(key, QueueEvent.ADOPT)

    def give_up(self, channel_id: int, reference: str, *, actor: str, reason: str, origin: str) -> bool:
        """Close an order's way into the POS on a person's word; False when that was done already.

        Raises RefusedError where the POS shows the order: it has arrived.
        """
        key: dict[str, Any] = {"channel": channel_id, "reference": reference}
        if self._connection.exec_driver_sql(admin.SHOWN, key).scalar_one():
            raise _arrived(reference)
        told = key | {"actor": actor, "reason": reason, "origin": origin, "note": f"given up: {reason}"}
        return bool(self._run(admin.GIVE_UP, **told)) or self._unless_held(key, QueueEvent.GIVE_UP)

    def _unless_held(self, key: dict[str, Any], event: QueueEvent) -> bool:
        """Say why nothing was done: there is no such order, a worker has it, or it was done before."""
        status = self._connection.exec_driver_sql(sql.STATUS, key).scalar_one_or_none()
        if status is None:
            raise NotFoundError(
                f"there is no order {key['reference']}", next_step="see: reconciler queue list"
            )
        if status == QueueStatus.SUCCESS and event is QueueEvent.GIVE_UP:
            raise _arrived(key["reference"])
        final = QueueStatus.SUCCESS if event is QueueEvent.ADOPT else QueueStatus.FAILED
        if status != final:
            transition(QueueStatus(status), event, Actor.ADMIN)
        return False

    def _fenced(self, statement: str, claim: Claim, **parameters: object) -> None:
        if not self._run(statement, **_fence(claim), **parameters):
            raise _taken_over(claim)

    def _run(self, statement: str, **parameters: object) -> int:
        return self._connection.exec_driver_sql(statement, parameters).rowcount


def _fence(claim: Claim) -> dict[str, Any]:
    return {"channel": claim.channel_id, "reference": claim.reference, "token": claim.token}


def _taken_over(claim: Claim) -> RefusedError:
    return RefusedError(
        f"the claim on order {claim.reference} has ended",
        next_step="nothing was written; whoever holds the entry now goes on with it",
    )


def _arrived(reference: str) -> RefusedError:
    return RefusedError(
        f"the POS has order {reference}", next_step="void it there first, if it is not wanted"
    )


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "cause": outcome.cause and outcome.cause.value,
        "codes": list(outcome.codes),
        "words": outcome.words,
    }


def _claim(row: Mapping[Any, Any]) -> Claim:
    values = {name: row[name] for name in _CLAIM_FIELDS}
    return Claim(**values | {"trigger": Trigger(row["trigger"])})


def _priority(row: Mapping[Any, Any]) -> tuple[bool, Any, datetime, str]:
    due = row["deliver_on"]
    return due is None, due or row["created_at"].date(), row["created_at"], row["reference"]
