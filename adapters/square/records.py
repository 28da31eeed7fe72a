"""Pages of Square's orders turned into our records, with what an order alone does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adapters.square.account import Account
from adapters.square.api import SquareApi, rows
from adapters.square.catalog import SquareCatalog
from adapters.square.payload import Order, UntranslatableError, order_of, raw_of
from adapters.square.refunds import Refunds
from adapters.square.translate import is_half_made, translate
from reconciler.domain.orders import PosOrder
from reconciler.ports import Page, Quarantined, Snapshot

#: The most orders that one call retrieves by id.
BATCH: Final = 100


@dataclass(slots=True)
class Bench:
    """All that one adapter knows about an account, asked for when it is first needed."""

    api: SquareApi
    account: Account = field(init=False)
    catalog: SquareCatalog = field(init=False)
    refunds: Refunds = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account(self.api)
        self.catalog = SquareCatalog(self.api)
        self.refunds = Refunds(self.api)

    def retrieve(self, ids: Sequence[str]) -> list[Any]:
        """Return orders by id as they are now; what Square does not know, it leaves out."""
        found: list[Any] = []
        for start in range(0, len(ids), BATCH):
            body = {"order_ids": list(ids[start : start + BATCH])}
            found += rows(self.api.ask("/v2/orders/batch-retrieve", body), "orders", self.api.site)
        return found

    def sale_of(self, payment_id: str) -> str | None:
        """Return the id of the order that a payment was for."""
        payment = self.api.get(f"/v2/payments/{payment_id}").get("payment")
        return str(payment["order_id"]) if isinstance(payment, dict) and payment.get("order_id") else None


@dataclass(slots=True)
class Reading:
    """What one read has met so far."""

    bench: Bench
    #: Sales older than this are asked for their refunds one by one.
    old: datetime
    position: int = 0
    #: Entries that do not even tell which order they are: anything may be behind them.
    nameless: int = 0
    #: Sales that pages have shown, and those of which something came back.
    payments: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    sales: set[str] = field(default_factory=set)

    def page(self, found: Iterable[Any]) -> Page[PosOrder]:
        """Translate orders. Baskets are left out, returns lead to their sale, what is odd is quarantined."""
        parsed = [(payload, self._parse(payload)) for payload in found]
        orders = [order for _, order in parsed if isinstance(order, Order)]
        skus = self.bench.catalog.skus(_variations(orders))
        self._ask_for_refunds(orders)
        snapshots: list[Snapshot[PosOrder]] = []
        quarantined: list[Quarantined] = []
        for payload, order in parsed:
            self.position += 1
            if isinstance(order, UntranslatableError):
                quarantined.append(self._quarantined(payload, order))
            elif self._counts(order):
                try:
                    record = translate(order, skus, self.bench.refunds.of(order))
                    snapshots.append(Snapshot(record, raw_of(payload)))
                except UntranslatableError as error:
                    quarantined.append(self._quarantined(payload, error))
        return Page(snapshots, quarantined)

    def _parse(self, payload: Any) -> Order | UntranslatableError:
        try:
            return order_of(payload)
        except UntranslatableError as error:
            return error

    def _counts(self, order: Order) -> bool:
        """Say whether an order is one that staff can see; remember what it tells of others."""
        self.payments.update(order.payment_ids)
        self.returned.update(part.source_order_id for part in order.returns or () if part.source_order_id)
        if order.is_draft or order.is_pure_return:
            return False
        self.sales.add(order.id)
        return not is_half_made(order)

    def _ask_for_refunds(self, orders: Iterable[Order]) -> None:
        recent: list[datetime] = []
        for order in orders:
            made = _moment(order.created_at)
            if not made or not order.payment_ids:
                continue
            if made >= self.old:
                recent.append(made)
            else:
                for payment in order.payment_ids:
                    self.bench.refunds.ask(payment)
        if recent:
            self.bench.refunds.since(min(recent))

    def _quarantined(self, payload: Any, error: UntranslatableError) -> Quarantined:
        named = isinstance(payload, Mapping) and isinstance(payload.get("id"), str)
        self.nameless += not named
        source = f"orders of {self.bench.api.site}"
        return Quarantined(source, self.position, error.message, raw_of(payload))


def _variations(orders: Iterable[Order]) -> set[str]:
    items = (item for order in orders for item in order.line_items or ())
    return {item.catalog_object_id for item in items if item.catalog_object_id}


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text or "").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
