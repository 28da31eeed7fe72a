"""From references that do not plainly agree to the evidence that the rules need, in chunks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, cast

import psycopg
from sqlalchemy import Connection

from reconciler.domain.evidence import QueueFacts
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.verdict import Classification, Verdict
from reconciler.persistence import compare_sql
from reconciler.persistence import evidence_sql as sql
from reconciler.persistence.rows import POS_FIELDS, as_json, lines_digest, ticket_keys, to_domain
from reconciler.ports import Channel, Judgement, Suspect

#: Orders whose evidence is in memory at a time.
CHUNK: Final = 500
#: Due at every run: their verdict rests on more than the pair (coverage, catalog, queue, tickets).
EVERY_RUN: Final = datetime(1, 1, 1, tzinfo=UTC)
#: Absent from the POS, and what the cart says settles it until something changes.
_CART_DECIDES: Final = frozenset(
    {
        Classification.PAYMENT_CONFLICT,
        Classification.UNPAID,
        Classification.PARTLY_PAID,
        Classification.CANCELLED_BEFORE_PUSH,
    }
)
_cursor_number = count(1)


def suspects(
    connection: Connection, channel: Channel, *, full: bool, now: datetime
) -> Iterator[Sequence[Suspect]]:
    """Yield in chunks what disagrees, is absent or is due."""
    statement = compare_sql.ALL if _everything(channel, full=full) else compare_sql.CHANGED
    with _stream(connection, statement, _scope(channel, now)) as fetch:
        while rows := fetch(CHUNK):
            yield evidence(connection, channel, [row[0] for row in rows])


def examined(connection: Connection, channel: Channel, *, full: bool, now: datetime) -> int:
    """Count the cart orders that ``suspects`` looks at."""
    statement = compare_sql.COUNT_ALL if _everything(channel, full=full) else compare_sql.COUNT_CHANGED
    return int(connection.exec_driver_sql(statement, _scope(channel, now)).scalar_one())


def orphans(connection: Connection, channel: Channel) -> Iterator[Sequence[PosOrder]]:
    """Yield in chunks the online records that nobody explains."""
    with _stream(connection, sql.ORPHANS, _orphan_scope(connection, channel)) as fetch:
        while rows := fetch(CHUNK):
            yield [to_domain(dict(zip(POS_FIELDS, row, strict=True)), PosOrder) for row in rows]


def _orphan_scope(connection: Connection, channel: Channel) -> dict[str, Any]:
    """Decide which of the channels on one POS reports a record, so that each is reported once.

    The first of those with its prefix; for a record that names no channel's order, the first of those without
    a prefix, or else the first of all. One that is retired reports nothing, and what it read still explains.
    """
    rows = connection.exec_driver_sql(sql.SHARING, {"channel": channel.id}).all()
    reporting = [row for row in rows if row.reports]
    alike = [row.id for row in reporting if row.prefix == channel.policy.reference_prefix]
    bare = [row.id for row in reporting if not row.prefix]
    return {
        "channel": channel.id,
        "sharing": [row.id for row in rows],
        "alike": [row.id for row in rows if row.prefix == channel.policy.reference_prefix],
        "first_of_prefix": alike[:1] == [channel.id],
        "strays_are_ours": (bare or [row.id for row in reporting])[0] == channel.id,
    }


def evidence(connection: Connection, channel: Channel, references: Sequence[str]) -> list[Suspect]:
    """Load what the database knows of these orders: at most four statements, however many they are."""
    parameters: dict[str, Any] = {"channel": channel.id, "references": list(references)}
    rows = connection.exec_driver_sql(sql.CARTS, parameters).mappings().all()
    carts = [to_domain(row, CartOrder) for row in rows]
    records = _by_subject(connection, sql.RECORDS, parameters)
    absent = [_wanted(cart) for cart in carts if cart.reference not in records]
    tickets: dict[str, list[PosOrder]] = {}
    if absent:
        tickets = _by_subject(connection, sql.TICKETS, {"channel": channel.id, "absent": as_json(absent)})
    _remap(connection, channel, [cart for cart, row in zip(carts, rows, strict=True) if not row["mapped"]])
    return [
        Suspect(
            cart=cart,
            records=tuple(records.get(cart.reference, ())),
            seen_inside_rule=row["seen_inside_rule"],
            known_paid_at=row["known_paid_at"],
            digest=row["digest"],
            queue=row["queue"] and to_domain(row["queue"], QueueFacts),
            tickets=tuple(tickets.get(cart.reference, ())),
            verdict=row["verdict"] and Classification(row["verdict"]),
        )
        for cart, row in zip(carts, rows, strict=True)
    ]


def set_verdicts(connection: Connection, channel_id: int, judgements: Iterable[Judgement]) -> None:
    """Keep each order's verdict; only rows that change are written."""
    rows = [_verdict_row(judgement) for judgement in judgements]
    if rows:
        connection.exec_driver_sql(sql.SET_VERDICTS, {"channel": channel_id, "rows": as_json(rows)})


def _everything(channel: Channel, *, full: bool) -> bool:
    """Say whether all orders are looked at: asked for, or nothing was ever compared under this policy."""
    return full or channel.compared_run <= 0


def _scope(channel: Channel, now: datetime) -> dict[str, Any]:
    return {
        "channel": channel.id,
        "compared": channel.compared_run,
        "now": now,
        "per_line": channel.policy.tolerance_per_line,
        "location": channel.policy.location or "",
    }


@contextmanager
def _stream(
    connection: Connection, statement: str, parameters: dict[str, Any]
) -> Iterator[Callable[[int], list[Any]]]:
    """Run a statement behind a cursor in the server, so that its result never lies in our memory whole.

    The cursor is held: whoever reads it may commit between two chunks.
    """
    if not connection.in_transaction():
        connection.begin()
    raw = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with raw.cursor(name=f"reconciler_{next(_cursor_number)}", withhold=True) as cursor:
        cursor.execute(statement.encode(), parameters)
        yield cursor.fetchmany


def _by_subject(
    connection: Connection, statement: str, parameters: dict[str, Any]
) -> dict[str, list[PosOrder]]:
    found: dict[str, list[PosOrder]] = defaultdict(list)
    for row in connection.exec_driver_sql(statement, parameters).mappings().all():
        found[row["subject"]].append(to_domain(row, PosOrder))
    return found


def _wanted(cart: CartOrder) -> dict[str, object]:
    """Describe the ticket that would be this order."""
    name, phone = ticket_keys(cart.customer.name, cart.customer.phone)
    return {
        "reference": cart.reference,
        "total": cart.total,
        "currency": cart.currency,
        "placed_at": cart.placed_at,
        "name": name,
        "phone": phone,
    }


def _remap(connection: Connection, channel: Channel, carts: Sequence[CartOrder]) -> None:
    mapping = channel.policy.sku_map
    rows = [
        {"reference": cart.reference, "lines_digest": "\\x" + lines_digest(cart.lines, mapping).hex()}
        for cart in carts
        if cart.lines
    ]
    if rows:
        connection.exec_driver_sql(sql.REMAP, {"channel": channel.id, "rows": as_json(rows)})


def _verdict_row(judgement: Judgement) -> dict[str, object]:
    verdict = judgement.verdict
    return {
        "reference": judgement.subject,
        "verdict": None if verdict.agreed else verdict.classification,
        "rule": None if verdict.agreed else verdict.rule,
        "since": None if verdict.agreed else verdict.since,
        "check_at": EVERY_RUN if _rests_on_more(verdict) else verdict.check_at,
    }


def _rests_on_more(verdict: Verdict) -> bool:
    """Say whether a verdict may change although neither the order nor a record of it does."""
    undecided = verdict.classification is Classification.CANNOT_TELL
    return undecided or (verdict.rule.startswith("D.") and verdict.classification not in _CART_DECIDES)
