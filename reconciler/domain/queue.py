"""The queue: an order's way into the POS. States, and who may move an entry from one to the next."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from reconciler.domain.errors import RefusedError


class QueueStatus(StrEnum):
    """The trade's own words for where a submission stands."""

    #: Wants sending; entered by compare, left by a worker's claim.
    CREATED = "created"
    #: A worker holds a lease; intent, key and bytes are committed. Left by the outcome or by rescue.
    PROCESSING = "processing"
    #: The POS shows the order. Final, unless it is voided there and a person wants it made again, or a person
    #: linked it to the wrong record.
    SUCCESS = "success"
    #: Refused, or given up; ``flagged`` entries wait for a person. Left by the one re-send or Set Ready.
    FAILED = "failed"
    #: A person or the one re-send wants it tried again; left by a worker's claim.
    READY = "ready"
    #: Bytes went out and no definite answer came; looked up until found or flagged.
    IN_DOUBT = "in_doubt"


class QueueEvent(StrEnum):
    """What can happen to an entry."""

    CLAIM = "claim"
    CONFIRM = "confirm"
    REFUSE = "refuse"
    LOSE = "lose"
    HOLD = "hold"
    RESEND = "resend"
    SET_READY = "set_ready"
    ADOPT = "adopt"
    GIVE_UP = "give_up"


class Actor(StrEnum):
    """Who may cause an event."""

    WORKER = "worker"
    RESCUE = "rescue"
    ADMIN = "admin"


#: Entries that a worker may claim.
CLAIMABLE: Final = frozenset({QueueStatus.CREATED, QueueStatus.READY})
#: Entries whose fate at the POS is not settled.
OPEN: Final = frozenset(
    {QueueStatus.CREATED, QueueStatus.READY, QueueStatus.PROCESSING, QueueStatus.IN_DOUBT}
)

S, E, A = QueueStatus, QueueEvent, Actor
_WORKER, _ADMIN = frozenset({A.WORKER}), frozenset({A.ADMIN})
_WORKER_ADMIN, _WORKER_RESCUE = _WORKER | _ADMIN, _WORKER | {A.RESCUE}

#: Every edge there is: the state it leads to, and who may take it.
TRANSITIONS: Final = MappingProxyType(
    {
        (S.CREATED, E.CLAIM): (S.PROCESSING, _WORKER),
        (S.READY, E.CLAIM): (S.PROCESSING, _WORKER),
        # Look before send found it, or the POS confirmed it.
        (S.PROCESSING, E.CONFIRM): (S.SUCCESS, _WORKER),
        (S.PROCESSING, E.REFUSE): (S.FAILED, _WORKER),
        # No definite answer, or the worker died with the lease.
        (S.PROCESSING, E.LOSE): (S.IN_DOUBT, _WORKER_RESCUE),
        # No byte left: the order changed, the connection is paused, or the vendor said "later".
        (S.PROCESSING, E.HOLD): (S.READY, _WORKER_RESCUE),
        (S.IN_DOUBT, E.ADOPT): (S.SUCCESS, _WORKER_ADMIN),
        # The same bytes under the same key, only where the POS dedupes by key.
        (S.IN_DOUBT, E.CLAIM): (S.PROCESSING, _WORKER),
        (S.IN_DOUBT, E.GIVE_UP): (S.FAILED, _WORKER_ADMIN),
        (S.FAILED, E.RESEND): (S.READY, _WORKER),
        (S.FAILED, E.SET_READY): (S.READY, _ADMIN),
        # Voided in the POS since.
        (S.SUCCESS, E.SET_READY): (S.READY, _ADMIN),
        # A person's link was wrong: another record is the order, or none.
        (S.SUCCESS, E.ADOPT): (S.SUCCESS, _ADMIN),
        (S.SUCCESS, E.GIVE_UP): (S.FAILED, _ADMIN),
        (S.FAILED, E.ADOPT): (S.SUCCESS, _WORKER_ADMIN),
        (S.CREATED, E.GIVE_UP): (S.FAILED, _WORKER_ADMIN),
        (S.READY, E.GIVE_UP): (S.FAILED, _WORKER_ADMIN),
        (S.CREATED, E.ADOPT): (S.SUCCESS, _WORKER_ADMIN),
        (S.READY, E.ADOPT): (S.SUCCESS, _WORKER_ADMIN),
    }
)


def transition(status: QueueStatus, event: QueueEvent, actor: Actor) -> QueueStatus:
    """Return the state that follows; raise RefusedError where the table has no such edge for this actor."""
    target = TRANSITIONS.get((status, event))
    if target is None or actor not in target[1]:
        raise RefusedError(
            f"an entry that is {status} cannot take {event} from {actor}",
            next_step="look at it with: reconciler queue show",
        )
    return target[0]
