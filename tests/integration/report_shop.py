"""A shop and its till for the tests of the report: a test says what they hold, real runs reconcile them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import Delivery
from reconciler.domain.verdict import Classification
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import (
    Capabilities,
    ChannelSpec,
    ConfigurationSpec,
    ConnectionSpec,
    Coverage,
    MerchantSpec,
    Page,
    Quarantined,
    Side,
    Snapshot,
)
from reconciler.ports.reports import MerchantReport, Scope, TieOut
from reconciler.services.context import Context
from reconciler.services.report import build_report
from reconciler.services.run import run_channel
from tests.builders import NOW, SECOND, ago, cart_order, policy, pos_order

LONG_AGO = ago(days=30)


@dataclass
class Feed:
    """One side of a shop, as its vendor would tell it."""

    orders: list[Any] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    error: Exception | None = None
    trusted: bool = True
    capabilities: Capabilities = field(default_factory=Capabilities)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[Any] | Coverage]:
        """Tell everything, and what that proves."""
        if self.error:
            raise self.error
        yield Page([Snapshot(order, "{}") for order in self.orders], self.quarantined)
        yield Coverage(
            covers_from=LONG_AGO,
            covers_to=now,
            complete=not self.quarantined,
            absence_trusted=self.trusted,
            reason="unreadable lines",
        )

    def catalog(self) -> Catalog:
        """Take anything."""
        return Catalog()

    def handed_over(self) -> dict[str, datetime]:
        """Keep no such list."""
        return {}


@dataclass
class Shop:
    """A merchant's cart and till, and the program that reconciles them."""

    engine: Engine
    code: str = "rosebud"
    carts: Feed = field(default_factory=Feed)
    tills: Feed = field(default_factory=Feed)
    now: datetime = NOW
    delivery: Delivery = Delivery.THEIRS

    def __post_init__(self) -> None:
        connections = tuple(
            ConnectionSpec(
                merchant=self.code,
                name=f"{self.code}-{side}",
                side=side,
                vendor="file",
                base_url=f"{side}.jsonl",
            )
            for side in Side
        )
        channel = ChannelSpec(
            merchant=self.code, name=f"{self.code}-web", cart=f"{self.code}-cart", pos=f"{self.code}-pos",
            policy=policy(delivery=self.delivery), live_from=LONG_AGO,
        )  # fmt: skip
        merchant = MerchantSpec(code=self.code, name=self.code.title(), timezone="America/Denver")
        with SqlUnitOfWork(self.engine) as unit:
            unit.configuration.apply(ConfigurationSpec((merchant,), connections, (channel,)), LONG_AGO)
            unit.commit()

    def cart(self, _connection: object) -> Any:
        """Serve as the vendors' registry."""
        return self.carts

    def pos(self, _connection: object) -> Any:
        """Serve as the vendors' registry."""
        return self.tills

    def sells(self, *orders: CartOrder) -> None:
        """Add cart orders."""
        self.carts.orders += orders

    def rings(self, *records: PosOrder) -> None:
        """Add POS records."""
        self.tills.orders += records

    def agreeing(self, reference: str, **changes: Any) -> CartOrder:
        """Add an order that both sides have."""
        order = cart_order(reference=reference, **changes)
        self.sells(order)
        self.rings(record_of(order))
        return order

    def reconcile(self, **passed: float) -> None:
        """Let time pass, then run."""
        self.now += timedelta(**passed)
        with SqlUnitOfWork(self.engine) as unit:
            context = Context(unit, self, lambda: self.now)
            run_channel(context, unit.channels.get(f"{self.code}-web"), full=True, trigger="test")

    def report(self, **scope: Any) -> MerchantReport:
        """Return the merchant's report."""
        with SqlReportUnit(self.engine) as unit:
            (section,) = build_report(unit, Scope(**{"merchant": self.code, **scope}), self.now).merchants
        return section

    def attempted(self, trigger: str, outcome: str) -> None:
        """Let every queued order have been sent once."""
        self.execute(
            "INSERT INTO attempts (channel_id, reference, number, trigger, actor, reason, origin, "
            "idempotency_key, body, finished_at, outcome) "
            f"SELECT channel_id, reference, 1, '{trigger}', 'ann', 'called', '', 'k', '{{}}', "
            f"clock_timestamp(), '{outcome}' FROM queue_entries"
        )

    def execute(self, statement: str) -> Any:
        """Do something to the database behind the program's back."""
        with self.engine.begin() as connection:
            return connection.exec_driver_sql(statement)


def record_of(order: CartOrder, **changes: Any) -> PosOrder:
    """Return the POS's record of an order, made a minute after it."""
    made = {
        "pos_id": f"P{order.reference}",
        "reference": order.reference,
        "created_at": order.placed_at + timedelta(minutes=1),
        "total": order.total,
        "currency": order.currency,
        "lines": order.lines,
    }
    return pos_order(**{**made, **changes})


def placed(hours: float) -> dict[str, datetime]:
    """Return the times of an order that was placed and paid so long ago."""
    return {"placed_at": ago(hours=hours), "paid_at": ago(hours=hours) + SECOND}


def findings(section: MerchantReport) -> dict[str, Classification]:
    """Return what is reported of whom."""
    return {f.reference: group.classification for group in section.groups for f in group.findings}


def total(days: Sequence[TieOut]) -> dict[str, int]:
    """Return all business days' money together."""
    names = ("orders", "cart", "pos", "difference", "rounding", "unexplained")
    return {name: sum(getattr(day, name) for day in days) for name in names}
