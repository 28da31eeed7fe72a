"""A merchant, his channels and their orders, in the database of a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event

from reconciler.domain.classification import classify
from reconciler.domain.evidence import Evidence
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import Policy
from reconciler.domain.verdict import Verdict
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import (
    Change,
    Channel,
    ChannelSpec,
    Claim,
    ConfigurationSpec,
    ConnectionSpec,
    Ingested,
    Intent,
    Judgement,
    MerchantSpec,
    Page,
    Side,
    Snapshot,
    Submission,
    Suspect,
)
from tests.builders import NOW, POLICY, cart_order

LEASE = timedelta(seconds=60)


def connection(
    name: str, side: Side, *, merchant: str = "rosebud", base_url: str = "a.jsonl"
) -> ConnectionSpec:
    """Return what a channel file says of a connection."""
    return ConnectionSpec(merchant=merchant, name=name, side=side, vendor="file", base_url=base_url)


def specification(*policies: Policy, merchant: str = "rosebud") -> ConfigurationSpec:
    """Return a merchant with one cart for each policy, all on one POS."""
    carts = [connection(f"{merchant}-cart-{n}", Side.CART, merchant=merchant) for n in range(len(policies))]
    pos = connection(f"{merchant}-pos", Side.POS, merchant=merchant)
    channels = (
        ChannelSpec(
            merchant=merchant, name=f"{merchant}-{n}", cart=carts[n].name, pos=pos.name, policy=policy
        )
        for n, policy in enumerate(policies)
    )
    return ConfigurationSpec(
        (MerchantSpec(code=merchant, name=merchant.title()),), (*carts, pos), tuple(channels)
    )


def apply(unit: SqlUnitOfWork, *policies: Policy, merchant: str = "rosebud") -> Sequence[Change]:
    """Apply a merchant's channel file with one channel for each policy."""
    return unit.configuration.apply(specification(*policies, merchant=merchant), NOW)


def channel(unit: SqlUnitOfWork, policy: Policy = POLICY) -> Channel:
    """Return the only channel of a merchant, made as needed."""
    apply(unit, policy)
    return unit.channels.get("rosebud-0")


def start(unit: SqlUnitOfWork, where: Channel) -> int:
    """Open a run."""
    return unit.runs.start(where.id, full=False, trigger="test", now=NOW)


def read_cart(unit: SqlUnitOfWork, where: Channel, *orders: CartOrder, run: int | None = None) -> Ingested:
    """Store a page of cart orders."""
    page = Page([Snapshot(order, "{}") for order in orders])
    return unit.orders.ingest_cart(where, start(unit, where) if run is None else run, page, NOW)


def read_pos(unit: SqlUnitOfWork, where: Channel, *records: PosOrder, run: int | None = None) -> Ingested:
    """Store a page of POS records."""
    page = Page([Snapshot(record, "{}") for record in records])
    return unit.orders.ingest_pos(where, start(unit, where) if run is None else run, page, NOW)


def suspected(
    unit: SqlUnitOfWork, where: Channel, *, full: bool = True, now: datetime = NOW
) -> dict[str, Suspect]:
    """Return what the database suspects, by reference."""
    chunks = unit.orders.suspects(where, full=full, now=now)
    return {suspect.cart.reference: suspect for chunk in chunks for suspect in chunk}


def verdict_on(suspect: Suspect, policy: Policy, now: datetime = NOW) -> Verdict:
    """Judge by the rules, with complete reads and nothing known of catalogs."""
    evidence = Evidence(
        cart=suspect.cart,
        records=suspect.records,
        seen_inside_rule=suspect.seen_inside_rule,
        known_paid_at=suspect.known_paid_at,
        queue=suspect.queue,
    )
    return classify(evidence, policy, now)


def judge(unit: SqlUnitOfWork, where: Channel, suspects: Iterable[Suspect], now: datetime = NOW) -> None:
    """Judge and record, as a comparison does."""
    found = [Judgement(s.cart.reference, verdict_on(s, where.policy, now)) for s in suspects]
    unit.orders.set_verdicts(where.id, found)
    unit.mismatches.record(where.id, 1, found, now)


def queued(unit: SqlUnitOfWork, *references: str) -> Channel:
    """Return a channel with these orders in its queue."""
    where = channel(unit)
    read_cart(unit, where, *(cart_order(reference=reference) for reference in references))
    assert unit.queue.enqueue(where.id, references, NOW) == len(references)
    return where


def claim_one(unit: SqlUnitOfWork, where: Channel, *, lease: timedelta = LEASE) -> Claim:
    """Claim one entry."""
    (claim,) = unit.queue.claim(where.id, limit=1, lease=lease)
    return claim


def intend(unit: SqlUnitOfWork, claim: Claim, key: str = "key-1", body: bytes = b"{}") -> int:
    """Write down what is about to be sent."""
    submission = Submission(reference=claim.reference, key=key, body=body)
    return unit.queue.intend(claim, Intent(submission=submission, cart_digest=b"digest"))


@contextmanager
def count_statements(unit: SqlUnitOfWork) -> Iterator[list[str]]:
    """Collect the statements that a unit of work sends meanwhile."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(unit.connection, "before_cursor_execute", note)
    yield sent
    event.remove(unit.connection, "before_cursor_execute", note)


def value(engine: Engine | SqlUnitOfWork, statement: str) -> object:
    """Return the one value of a statement."""
    if isinstance(engine, SqlUnitOfWork):
        return engine.connection.exec_driver_sql(statement).scalar_one()
    with engine.connect() as own:
        return own.exec_driver_sql(statement).scalar_one()
