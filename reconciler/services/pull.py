"""Read one side of a channel into the database, page by page, and note in the ledger what was read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from reconciler.domain.errors import AuthError, VendorError
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.failpoints import hit
from reconciler.ports import (
    Channel,
    ConnectionInfo,
    ConnectionState,
    Coverage,
    Ingested,
    Page,
    Reader,
    Side,
    UnitOfWork,
)
from reconciler.services.context import Context

#: Read again this far behind the last complete coverage: stamps tie, pages move, clocks differ.
OVERLAP: Final = timedelta(minutes=10)

#: Why a read proves nothing although no error broke it off.
SILENT: Final = "the read ended without saying what it covers"
CHANGED: Final = "the channel was changed while it was read"

OrderT = TypeVar("OrderT", CartOrder, PosOrder)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pulled:
    """What reading one side came to. ``error`` is set when it could not be read to its end."""

    side: Side
    connection: ConnectionInfo
    ingested: Ingested
    coverage: Coverage
    error: VendorError | None = None


def pull(context: Context, channel: Channel, run_id: int, *, full: bool) -> tuple[Pulled, Pulled]:
    """Read the cart and the POS of a channel; a side that fails does not keep the other from being read."""
    unit, vendors, now = context.unit, context.vendors, context.clock()

    def store_cart(page: Page[CartOrder]) -> Ingested:
        return unit.orders.ingest_cart(channel, run_id, page, now)

    def store_pos(page: Page[PosOrder]) -> Ingested:
        return unit.orders.ingest_pos(channel, run_id, page, now)

    def since(side: Side) -> datetime | None:
        mark = None if full else unit.orders.high_water(channel.id, side)
        # Nobody has read the future: such a mark is a wrong clock's, and proves nothing of the past either.
        return mark - OVERLAP if mark and mark <= now else None

    cart = _Pull(unit, channel, run_id, Side.CART, channel.cart, now, context.rehearsal)
    pos = _Pull(unit, channel, run_id, Side.POS, channel.pos, now, context.rehearsal)
    return (
        cart.all(lambda: vendors.cart(channel.cart), since(Side.CART), store_cart),
        pos.all(lambda: vendors.pos(channel.pos), since(Side.POS), store_pos),
    )


@dataclass(frozen=True, slots=True)
class _Pull:
    unit: UnitOfWork
    channel: Channel
    run_id: int
    side: Side
    connection: ConnectionInfo
    now: datetime
    #: Nothing is kept, so nobody is to wait for it either.
    rehearsal: bool

    def all(
        self,
        connect: Callable[[], Reader[OrderT]],
        since: datetime | None,
        store: Callable[[Page[OrderT]], Ingested],
    ) -> Pulled:
        """Read to the end or to the first error; what came before the error is kept either way."""
        total = Ingested()
        coverage: Coverage | None = None
        error: VendorError | None = None
        try:
            reader = connect()
            if self.connection.state is ConnectionState.AUTH_FAILED:
                # Paused: one question whether we are let in again, not a call for every page.
                reader.probe()
            for item in reader.read(since, self.now):
                if isinstance(item, Coverage):
                    coverage = item
                else:
                    total = _add(total, store(item))
                    hit("pull.before_page_commit")
                    self.unit.commit()
                    hit("pull.after_page_commit")
        except VendorError as broken:
            error = broken
        self.unit.channels.set_state(self.connection.id, _state(error), str(error or ""), self.now)
        self.unit.commit()
        if coverage is None or error is not None:
            coverage = self._nothing_proven(error.message if error else SILENT)
        if not self.rehearsal and self.unit.channels.was_changed(self.channel):
            # Perhaps it was another source that was read.
            coverage = self._nothing_proven(CHANGED)
        self.unit.orders.add_coverage(self.channel.id, self.run_id, self.side, coverage)
        hit("pull.before_coverage_commit")
        self.unit.commit()
        hit("pull.after_coverage_commit")
        log.info("pulled", side=self.side, read=total.read, changed=total.changed, complete=coverage.complete)
        return Pulled(self.side, self.connection, total, coverage, error)

    def _nothing_proven(self, reason: str) -> Coverage:
        return Coverage(covers_from=self.now, covers_to=self.now, complete=False, reason=reason)


def _state(error: VendorError | None) -> ConnectionState:
    if error is None:
        return ConnectionState.OK
    return ConnectionState.AUTH_FAILED if isinstance(error, AuthError) else ConnectionState.UNREACHABLE


def _add(left: Ingested, right: Ingested) -> Ingested:
    return Ingested(
        read=left.read + right.read,
        changed=left.changed + right.changed,
        quarantined=left.quarantined + right.quarantined,
    )
