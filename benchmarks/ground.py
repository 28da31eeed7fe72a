"""What every case stands on: a PostgreSQL of its own, a channel, and orders of which 1% differ."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from reconciler import embedded
from reconciler.domain.orders import CartOrder, Customer, Line, PaymentStatus, PosOrder
from reconciler.domain.policy import Policy
from reconciler.persistence import SqlUnitOfWork, make_engine, migrations
from reconciler.ports import (
    Channel,
    ChannelSpec,
    ConfigurationSpec,
    ConnectionSpec,
    MerchantSpec,
    Page,
    Side,
    Snapshot,
)

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
PAGE = 1000
#: One order in so many has another total in the POS.
ODD = 100
LINES = (
    Line("ROSE-12", "Dozen roses", Decimal(1), Decimal("49.20")),
    Line("CARD", "Card", Decimal(2), Decimal("4.95")),
)
RAW = '{"reference": "1", "note": "' + "x" * 600 + '"}'


@dataclass(frozen=True)
class Ground:
    """A database with a channel."""

    engine: Engine

    def channel(self, name: str) -> Channel:
        """Return a channel of that name, made when it is new."""
        connections = [
            ConnectionSpec(merchant="bench", name=f"{name}-{side}", side=side, vendor="file", base_url="/x")
            for side in Side
        ]
        policy = Policy(poll_interval=timedelta(hours=1), location="main")
        spec = ConfigurationSpec(
            (MerchantSpec(code="bench", name="Bench"),),
            tuple(connections),
            (
                ChannelSpec(
                    merchant="bench", name=name, cart=f"{name}-cart", pos=f"{name}-pos", policy=policy
                ),
            ),
        )
        with SqlUnitOfWork(self.engine) as unit:
            unit.configuration.apply(spec, NOW)
            unit.commit()
            return unit.channels.get(name)

    def filled(self, name: str, orders: int) -> Channel:
        """Return a channel with so many orders on both sides."""
        channel = self.channel(name)
        with SqlUnitOfWork(self.engine) as unit:
            if unit.orders.examined(channel, full=True, now=NOW) < orders:
                run = unit.runs.start(channel.id, full=True, trigger="bench", now=NOW)
                for page in cart_pages(orders):
                    unit.orders.ingest_cart(channel, run, page, NOW)
                for records in pos_pages(orders):
                    unit.orders.ingest_pos(channel, run, records, NOW)
                unit.channels.set_compared(channel.id, run)
                unit.commit()
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE cart_orders, pos_orders")
            return unit.channels.get(name)


@contextmanager
def prepared(folder: Path) -> Iterator[Ground]:
    """Run a PostgreSQL in the folder while the block runs."""
    try:
        url = embedded.up(folder).database_url
        migrations.upgrade(url)
        engine = make_engine(url)
        try:
            yield Ground(engine)
        finally:
            engine.dispose()
    finally:
        embedded.discard(folder)


def cart_pages(orders: int, *, extra: int = 0) -> Iterator[Page[CartOrder]]:
    """Yield the cart's side in pages, each total so much higher."""
    for start in range(0, orders, PAGE):
        yield Page([Snapshot(_cart(n, extra), RAW) for n in range(start, min(start + PAGE, orders))])


def pos_pages(orders: int) -> Iterator[Page[PosOrder]]:
    """Yield the POS's side in pages; one total in a hundred differs."""
    for start in range(0, orders, PAGE):
        yield Page([Snapshot(_pos(n), RAW) for n in range(start, min(start + PAGE, orders))])


def _placed(number: int) -> datetime:
    return NOW - timedelta(days=2) + timedelta(seconds=number % 86_400)


def _cart(number: int, extra: int) -> CartOrder:
    return CartOrder(
        reference=str(number),
        placed_at=_placed(number),
        paid_at=_placed(number),
        updated_at=_placed(number),
        currency="USD",
        total=6000 + number % 5000 + extra,
        payment_status=PaymentStatus.PAID,
        captured=6000 + number % 5000 + extra,
        customer=Customer(f"Ann {number}", f"555{number:07d}", "ann@example.test"),
        lines=LINES,
    )


def _pos(number: int) -> PosOrder:
    return PosOrder(
        pos_id=f"P{number}",
        reference=str(number),
        created_at=_placed(number),
        updated_at=_placed(number),
        currency="USD",
        total=6000 + number % 5000 + (700 if number % ODD == 0 else 0),
        location="main",
        lines=LINES,
    )
