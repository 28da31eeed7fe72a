"""Storing a page of orders: one JSON parameter and one set-based statement, whatever the page's size.

Rows whose digest is known are not touched at all, not even locked. A row that the database refuses is found
by halving and set aside; the rest of its page is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic

from psycopg.types.json import Json
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from reconciler.domain.orders import CartOrder, PosOrder, edit_family
from reconciler.persistence import ingest_sql as sql
from reconciler.persistence.quarantine import set_aside
from reconciler.persistence.rows import CartRows, OrderT, PosRows, latest
from reconciler.ports import Channel, Ingested, Page, Quarantined, Side, Snapshot


def ingest_cart(
    connection: Connection, channel: Channel, run_id: int, page: Page[CartOrder], now: datetime
) -> Ingested:
    """Store a page of cart orders."""
    rows = CartRows(channel)
    store = _Store(
        connection, channel.id, _run(connection, channel, run_id), now, Side.CART, sql.CART, rows.row
    )
    done = store.page(page, rows.key)
    named = [s.order.reference for s in page.snapshots if edit_family(s.order.reference) != s.order.reference]
    if named:
        # The cart has orders of its own whose names look like edits: their records are not their parents'.
        parameters = {"references": named, "families": [edit_family(name) for name in named]}
        store.execute(sql.CLAIM_RECORDS, parameters)
        store.execute(sql.TOUCH_CARTS, parameters)
    return done


def ingest_pos(
    connection: Connection, channel: Channel, run_id: int, page: Page[PosOrder], now: datetime
) -> Ingested:
    """Store a page of POS records. A cart order that loses a record to another name counts as changed."""
    rows = PosRows(channel)
    store = _Store(
        connection, channel.id, _run(connection, channel, run_id), now, Side.POS, sql.POS, rows.row
    )
    done = store.page(page, rows.key)
    keys = ((s.order.pos_id, *rows.reference_keys(s.order.reference)[:2]) for s in page.snapshots)
    if edits := [pos_id for pos_id, own, family in keys if own != family]:
        store.execute(sql.KEEP_NAMES, {"pos_ids": edits})
    return done


def _run(connection: Connection, channel: Channel, run_id: int) -> int:
    """Return the run that counts a change: one that is yet to come for what a look outside a run finds."""
    if run_id > channel.compared_run:
        return run_id
    return int(connection.exec_driver_sql(sql.COMING_RUN, {"channel": channel.id}).scalar_one())


@dataclass(frozen=True, slots=True)
class _Store(Generic[OrderT]):
    connection: Connection
    channel_id: int
    run_id: int
    now: datetime
    side: Side
    statement: str
    row: Callable[[Snapshot[OrderT]], bytes]

    def page(self, page: Page[OrderT], key: Callable[[OrderT], str]) -> Ingested:
        """Store what can be stored, set aside the rest, and count both."""
        refused = list(page.quarantined)
        pairs: list[tuple[Snapshot[OrderT], bytes]] = []
        for snapshot in latest(page.snapshots, key):
            try:
                pairs.append((snapshot, self.row(snapshot)))
            except (UnicodeError, ValueError, OverflowError, ArithmeticError) as error:
                refused.append(_refused(snapshot, key, f"it cannot be stored: {type(error).__name__}"))
        changed = self._store(pairs, key, refused)
        set_aside(self.connection, self.channel_id, self.side, refused, self.now)
        return Ingested(read=len(page.snapshots), changed=changed, quarantined=len(refused))

    def _store(
        self,
        pairs: Sequence[tuple[Snapshot[OrderT], bytes]],
        key: Callable[[OrderT], str],
        refused: list[Quarantined],
    ) -> int:
        if not pairs:
            return 0
        try:
            with self.connection.begin_nested():
                return self.execute(self.statement, {"page": _json([row for _, row in pairs])})
        except (DataError, IntegrityError) as error:
            if len(pairs) == 1:
                refused.append(_refused(pairs[0][0], key, _reason(error)))
                return 0
        middle = len(pairs) // 2
        return self._store(pairs[:middle], key, refused) + self._store(pairs[middle:], key, refused)

    def execute(self, statement: str, parameters: dict[str, Any]) -> int:
        """Run a statement of this page; return how many rows it wrote."""
        common = {"channel": self.channel_id, "run": self.run_id, "now": self.now}
        return self.connection.exec_driver_sql(statement, common | parameters).rowcount


def _refused(snapshot: Snapshot[OrderT], key: Callable[[OrderT], str], reason: str) -> Quarantined:
    return Quarantined(
        source=f"order {key(snapshot.order)}"[:200], position=0, reason=reason, raw=snapshot.raw
    )


def _reason(error: DBAPIError) -> str:
    """Return the database's own sentence, without its detail, which would quote the row."""
    diagnosis = getattr(error.orig, "diag", None)
    return f"the database refuses it: {getattr(diagnosis, 'message_primary', None) or 'no reason given'}"


def _json(rows: Sequence[bytes]) -> Json:
    return Json(b"[%b]" % b",".join(rows), dumps=_as_it_is)


def _as_it_is(text: bytes) -> bytes:
    return text
