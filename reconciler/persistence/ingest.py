"""Storing a page of orders: what is news arrives by COPY and is merged by one set-based statement.

Rows whose digest is known are not touched at all, not even locked. A row that the database refuses is found
by halving and set aside; the rest of its page is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from reconciler.domain.orders import CartOrder, PosOrder, edit_family
from reconciler.persistence import ingest_sql as sql
from reconciler.persistence.quarantine import set_aside
from reconciler.persistence.rows import CartRows, OrderT, PosRows, Prepared, UnstorableError, latest
from reconciler.ports import Channel, Ingested, Page, Quarantined, Side, Snapshot

#: What one order can do wrong: a number out of range, a broken rule, half a character.
_REFUSALS: Final = (DataError, IntegrityError, psycopg.DataError, psycopg.IntegrityError, UnicodeError)


def ingest_cart(
    connection: Connection, channel: Channel, run_id: int, page: Page[CartOrder], now: datetime
) -> Ingested:
    """Store a page of cart orders."""
    common = {"channel": channel.id, "run": _run(connection, channel, run_id), "now": now}
    store = _Store(connection, common, Side.CART, sql.CART, CartRows(channel))
    done = store.page(page)
    references = (snapshot.order.reference for snapshot in page.snapshots)
    if named := [reference for reference in references if edit_family(reference) != reference]:
        # The cart has orders of its own whose names look like edits: their records are not their parents'.
        parents = [edit_family(name) for name in named]
        store.execute(sql.CLAIM_RECORDS, {"references": named, "families": parents})
        store.execute(sql.TOUCH_CARTS, {"families": parents})
    return done


def ingest_pos(
    connection: Connection, channel: Channel, run_id: int, page: Page[PosOrder], now: datetime
) -> Ingested:
    """Store a page of POS records."""
    common = {"channel": channel.id, "run": _run(connection, channel, run_id), "now": now}
    rows = PosRows(channel)
    store = _Store(connection, common, Side.POS, sql.POS, rows)
    done = store.page(page)
    keys = ((s.order.pos_id, *rows.reference_keys(s.order.reference)[:2]) for s in page.snapshots)
    if edits := [pos_id for pos_id, own, family in keys if own != family]:
        store.execute(sql.KEEP_NAMES, {"pos_ids": edits})
    return done


def _run(connection: Connection, channel: Channel, run_id: int) -> int:
    """Return the run that counts a change: one that is yet to come for what a look outside a run finds."""
    if run_id > channel.compared_run:
        return run_id
    return int(connection.exec_driver_sql(sql.COMING_RUN).scalar_one())


class _Rows(Protocol[OrderT]):
    def key(self, order: OrderT) -> str: ...
    def prepare(self, snapshot: Snapshot[OrderT]) -> Prepared[OrderT]: ...
    def row(self, prepared: Prepared[OrderT]) -> tuple[object, ...]: ...


@dataclass(frozen=True, slots=True)
class _Store(Generic[OrderT]):
    connection: Connection
    common: Mapping[str, Any]
    side: Side
    statements: sql.Statements
    rows: _Rows[OrderT]

    def page(self, page: Page[OrderT]) -> Ingested:
        """Store what is news, set aside what cannot be stored, and count both."""
        refused, changed = list(page.quarantined), 0
        for snapshots in _without_twins(page.snapshots):
            if news := self._news(self._prepared(snapshots, refused), refused):
                self.connection.exec_driver_sql(self.statements.stage)
            changed += self._store(news, refused)
        set_aside(self.connection, self.common["channel"], self.side, refused, self.common["now"])
        return Ingested(read=len(page.snapshots), changed=changed, quarantined=len(refused))

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run a statement of this page; return how many rows it wrote."""
        return self.connection.exec_driver_sql(statement, {**self.common, **(parameters or {})}).rowcount

    def _prepared(
        self, snapshots: Sequence[Snapshot[OrderT]], refused: list[Quarantined]
    ) -> Iterator[Prepared[OrderT]]:
        for snapshot in latest(snapshots, self.rows.key):
            try:
                yield self.rows.prepare(snapshot)
            except (ValueError, ArithmeticError) as error:
                refused.append(_refused(self.rows.key(snapshot.order), snapshot.raw, error))

    def _news(
        self, prepared: Iterator[Prepared[OrderT]], refused: list[Quarantined]
    ) -> list[Prepared[OrderT]]:
        """Return what the database does not have like this; a cart order that loses a record has changed.

        An order does not take the place of another one that has its number.
        """
        by_key: dict[str, Prepared[OrderT]] = {item.key: item for item in prepared}
        digests = [item.digest for item in by_key.values()]
        parameters = {**self.common, "keys": [*by_key], "digests": digests}
        rows = self.connection.exec_driver_sql(self.statements.news, parameters).all()
        lost = [row.family for row in rows if row.family and row.family != by_key[row.key].family]
        if lost and self.side is Side.POS:
            self.execute(sql.TOUCH_CARTS, {"families": lost})
        twins = {
            row.key: row.identity for row in rows if _differ(row.identity, _identity(by_key[row.key].order))
        }
        for key, identity in twins.items():
            words = f"its number {key} is that of another order, whose id is {identity}"
            refused.append(_refused(key, by_key[key].raw, UnstorableError(words)))
        return [by_key[row.key] for row in rows if row.key not in twins]

    def _store(self, items: Sequence[Prepared[OrderT]], refused: list[Quarantined]) -> int:
        if not items:
            return 0
        try:
            with self.connection.begin_nested():
                self._copy(map(self.rows.row, items))
                changed = self.execute(self.statements.store)
                self.connection.exec_driver_sql(self.statements.clear)
                return changed
        except _REFUSALS as error:
            if len(items) == 1:
                refused.append(_refused(items[0].key, items[0].raw, error))
                return 0
        middle = len(items) // 2
        return self._store(items[:middle], refused) + self._store(items[middle:], refused)

    def _copy(self, rows: Iterable[tuple[object, ...]]) -> None:
        raw = cast("psycopg.Connection[Any]", self.connection.connection.driver_connection)
        with raw.cursor() as cursor, cursor.copy(self.statements.copy.encode()) as copy:
            for row in rows:
                copy.write_row(row)


def _without_twins(snapshots: Sequence[Snapshot[OrderT]]) -> Iterator[Sequence[Snapshot[OrderT]]]:
    """Part a page so that no part has two orders with one number: a shop may have named them so."""
    while snapshots:
        named: dict[str, str] = {}
        own: list[Snapshot[OrderT]] = []
        twins: list[Snapshot[OrderT]] = []
        for snapshot in snapshots:
            identity, number = _identity(snapshot.order), snapshot.order.reference or ""
            is_twin = identity is not None and named.setdefault(number, identity) != identity
            (twins if is_twin else own).append(snapshot)
        yield own
        snapshots = twins


def _identity(order: CartOrder | PosOrder) -> str | None:
    """Return what tells two cart orders with one number apart; POS records are known by their ids anyway."""
    return order.vendor_id if isinstance(order, CartOrder) else None


def _differ(known: str | None, told: str | None) -> bool:
    return known is not None and told is not None and known != told


def _refused(key: str, raw: str, error: Exception) -> Quarantined:
    """Set an order aside with the database's own sentence, without its detail, which would quote the row."""
    diagnosis = getattr(getattr(error, "orig", error), "diag", None)
    ours = str(error) if isinstance(error, UnstorableError) else type(error).__name__
    sentence = getattr(diagnosis, "message_primary", None) or ours
    return Quarantined(
        source=f"order {key}"[:200], position=0, reason=f"it cannot be stored: {sentence}", raw=raw
    )
