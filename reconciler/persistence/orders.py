"""Order snapshots, coverage and quarantine: the repository over the modules that hold its statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.verdict import Classification
from reconciler.persistence import coverage, evidence_sql, ingest, rekey, suspects
from reconciler.persistence.rows import storable, to_domain
from reconciler.ports import Channel, Coverage, Ingested, Judgement, Page, Proof, Side, Suspect


class SqlOrders:
    """Order snapshots, coverage and quarantine. Agreeing orders never leave the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ingest_cart(self, channel: Channel, run_id: int, page: Page[CartOrder], now: datetime) -> Ingested:
        """Store a page of cart orders; unchanged ones are left alone, an older version never wins."""
        return ingest.ingest_cart(self._connection, channel, run_id, page, now)

    def ingest_pos(self, channel: Channel, run_id: int, page: Page[PosOrder], now: datetime) -> Ingested:
        """Store a page of POS records; likewise."""
        return ingest.ingest_pos(self._connection, channel, run_id, page, now)

    def rekey(self, channel: Channel) -> None:
        """Tell a channel's stored POS records apart again, by its prefix and those beside it."""
        rekey.rekey(self._connection, channel)

    def add_coverage(self, channel_id: int, run_id: int, side: Side, coverage_: Coverage) -> None:
        """Append to the ledger what was read."""
        coverage.add_coverage(self._connection, channel_id, run_id, side, coverage_)

    def high_water(self, channel_id: int, side: Side) -> datetime | None:
        """Return where the last complete coverage ended; None when there was none."""
        return coverage.high_water(self._connection, channel_id, side)

    def proof(self, channel_id: int, side: Side) -> Proof:
        """Return what the ledger proves about a side now."""
        return coverage.proof(self._connection, channel_id, side)

    def suspects(self, channel: Channel, *, full: bool, now: datetime) -> Iterator[Sequence[Suspect]]:
        """Yield, in chunks and by reference, the orders that disagree, are absent, or are due."""
        return suspects.suspects(self._connection, channel, full=full, now=now)

    def evidence(self, channel: Channel, references: Sequence[str]) -> Sequence[Suspect]:
        """Return these cart orders with what the database knows of them, whether they agree or not."""
        return suspects.evidence(self._connection, channel, references)

    def unpaid_due(self, channel_id: int, now: datetime, *, limit: int) -> Mapping[str, str | None]:
        """Return unpaid orders due for a second look, longest first, each with the cart's own id."""
        parameters = {"channel": channel_id, "now": now, "limit": limit}
        rows = self._connection.exec_driver_sql(evidence_sql.UNPAID_DUE, parameters)
        return {row.reference: row.vendor_id for row in rows}

    def set_verdicts(self, channel_id: int, judgements: Iterable[Judgement]) -> None:
        """Keep each order's latest verdict and when it is due for a second look."""
        suspects.set_verdicts(self._connection, channel_id, judgements)

    def examined(self, channel: Channel, *, full: bool, now: datetime) -> int:
        """Count the cart orders that ``suspects`` looks at, agreeing ones included."""
        return suspects.examined(self._connection, channel, full=full, now=now)

    def orphans(self, channel: Channel) -> Iterator[Sequence[PosOrder]]:
        """Yield in chunks live online POS records that no cart order explains."""
        return suspects.orphans(self._connection, channel)

    def get_cart(self, channel_id: int, reference: str) -> tuple[CartOrder, bytes] | None:
        """Return the stored cart order and its digest."""
        parameters = {"channel": channel_id, "reference": reference}
        row = self._connection.exec_driver_sql(evidence_sql.GET_CART, parameters).mappings().one_or_none()
        return None if row is None else (to_domain(row, CartOrder), row["digest"])

    def as_kept(self, order: CartOrder) -> CartOrder:
        """Return an order as it would come back from here: not every text can be kept to the letter."""
        return storable(order, CartOrder)[0]

    def get_verdict(self, channel_id: int, reference: str) -> Classification | None:
        """Return what an order was last judged to be; None when it agrees, or is not known."""
        parameters = {"channel": channel_id, "reference": reference}
        verdict = self._connection.exec_driver_sql(evidence_sql.GET_VERDICT, parameters).scalar_one_or_none()
        return None if verdict is None else Classification(verdict)
