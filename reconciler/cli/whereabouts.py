"""What to say of an order that is not in the queue, or that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from reconciler.cli.output import show
from reconciler.domain.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reconciler.persistence.queries.whereabouts import Standing, Trace

#: By where the books have an order.
WHY: Final[Mapping[str, str]] = {
    "agreed": "cart and POS agree, so nothing has to be sent",
    "in_grace": "it is inside its grace and may still come by itself",
    "unjudged": "it was read and not compared yet; the next run does: reconciler run",
    "undecided": "the POS was not read completely, so nobody can say whether it has the order",
    "excluded": "it is a test or a draft, or has no lines and no total; such orders are never sent",
    "closed": "it is closed",
    "open": "it disagrees, and nothing was sent for it so far",
    "nowhere": "it stands nowhere in the books, which is a fault; see: reconciler doctor --books",
    "twice": "it stands twice in the books, which is a fault; see: reconciler doctor --books",
}


def why_not_queued(standing: Standing) -> Sequence[tuple[str, object]]:
    """Return names and values that tell why an order has no entry in the queue."""
    told = standing.state in {"open", "closed"} and standing.mismatch is not None
    return [
        ("order", f"{standing.reference} ({standing.channel})"),
        ("status", "never entered the queue"),
        ("why", WHY.get(standing.state, standing.state)),
        ("since", standing.since),
        ("POS records", standing.records),
        ("what", f"{standing.sentence} (m{standing.mismatch}, {standing.decided})" if told else None),
        ("see", f"reconciler mismatches show m{standing.mismatch}" if told else None),
    ]


def unknown_order(connection: Connection, named: str, channel: str | None) -> NotFoundError:
    """Return the error for a number that no order has, with what it may mean instead."""
    from reconciler.persistence.queries.reading import require_known
    from reconciler.persistence.queries.whereabouts import trace

    require_known(connection, None, channel)
    where = f"channel {channel}" if channel else "any channel"
    return NotFoundError(
        f"there is no order {named!r} in {where}", next_step=_hint(trace(connection, named, channel))
    )


def _hint(traces: Sequence[Trace]) -> str:
    """Say the surest that is known: the same number elsewhere, a POS record, a number that contains it."""
    kinds: dict[str, list[Trace]] = {}
    for each in traces:
        kinds.setdefault(each.kind, []).append(each)
    if elsewhere := kinds.get("order"):
        return f"it is in {show([each.channel for each in elsewhere])}: leave --channel out, or name that one"
    if records := kinds.get("record"):
        one = records[0]
        if one.reference is None:
            return f"the POS of {one.channel} has that record, and it answers no order of the cart"
        return f"it is a POS record of order {show(one.reference)} ({one.channel}): ask for that number"
    if alike := kinds.get("alike"):
        return f"there is {show([f'{each.reference} ({each.channel})' for each in alike])}"
    return (
        "check the number in the cart; if it is right, the order was not read yet: "
        "reconciler merchants says until when each channel was, reconciler run reads now"
    )
