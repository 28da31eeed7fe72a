"""What leaves the database for the rules to judge: all that could be reported, and nothing that agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import DownloadRule, Policy
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Channel, Side
from tests.builders import NOW
from tests.integration.persistence.strategies import (
    CART_CHANGES,
    POS_CHANGES,
    agreeing_cart,
    agreeing_record,
    policies,
    shops,
)
from tests.integration.persistence.world import (
    channel,
    judge,
    read_cart,
    read_pos,
    start,
    suspected,
    verdict_on,
)

#: A side, one of its fields, and a value for it.
Deed: TypeAlias = tuple[Side, str, Any]
DEEDS: list[Deed] = [
    (side, field, value)
    for side, changes in ((Side.CART, CART_CHANGES), (Side.POS, POS_CHANGES))
    for field, values in changes.items()
    for value in values
]
Shop: TypeAlias = tuple[list[CartOrder], list[PosOrder]]
#: One database for all examples: each rolls back what it did.
seeded = settings(
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def all_of(unit: SqlUnitOfWork, where: Channel) -> list[str]:
    """Return the references of every cart order."""
    found = unit.connection.exec_driver_sql("SELECT reference FROM cart_orders ORDER BY 1").scalars()
    return [*found]


def unlike(number: int, *changes: Deed) -> tuple[CartOrder, PosOrder]:
    """Return an agreeing pair with these changes."""
    order, record = agreeing_cart(f"{number}"), agreeing_record(f"p{number}", f"{number}")
    cart = {field: value for side, field, value in changes if side is Side.CART}
    pos = {field: value for side, field, value in changes if side is Side.POS}
    return replace(order, **cart), replace(record, **pos)


def check_none_overlooked(engine: Engine, policy: Policy, pairs: list[tuple[CartOrder, PosOrder]]) -> None:
    """Fail for a pair that the rules report, or look at again, and that the database does not suspect."""
    with SqlUnitOfWork(engine) as unit:
        where = channel(unit, policy)
        read_cart(unit, where, *(order for order, _ in pairs))
        read_pos(unit, where, *(record for _, record in pairs))
        found = suspected(unit, where)
        everything = unit.orders.evidence(where, [order.reference for order, _ in pairs])
    assert [(s.cart, *s.records) for s in everything] == pairs
    verdicts = {suspect.cart.reference: verdict_on(suspect, where.policy) for suspect in everything}
    reported = {name for name, verdict in verdicts.items() if not verdict.agreed or verdict.check_at}
    assert reported - found.keys() == set()
    # Nor is suspicion so wide that it would defeat its purpose: an untouched pair is not suspected.
    assert "0" not in found


@pytest.mark.parametrize(
    "policy",
    [
        Policy(location="main"),
        Policy(tolerance_per_line=0, download=DownloadRule(frozenset({"paid"}), frozenset({"unfulfilled"}))),
        Policy(tolerance_per_line=2, sku_map={"C": "A", "B": "A"}),
    ],
)
def test_no_single_difference_is_overlooked(engine: Engine, policy: Policy):
    """Each value that a field can take, alone on an agreeing pair, is suspected if the rules report it."""
    check_none_overlooked(engine, policy, [unlike(0), *(unlike(n, deed) for n, deed in enumerate(DEEDS, 1))])


@pytest.mark.slow
def test_no_two_differences_hide_one_another(engine: Engine):
    """The same for every two of them, on one side or on both."""
    pairs = ((one, other) for one, other in combinations(DEEDS, 2) if one[:2] != other[:2])
    check_none_overlooked(
        engine, Policy(location="main"), [unlike(0), *(unlike(n, *two) for n, two in enumerate(pairs, 1))]
    )


@seeded
@given(policy=policies, shop=shops())
def test_no_order_that_the_rules_report_is_overlooked(engine: Engine, policy: Policy, shop: Shop):
    """The suspects of a sweep hold every order that the rules do not call plainly agreed."""
    with SqlUnitOfWork(engine) as unit:
        orders, records = shop
        where = channel(unit, policy)
        read_cart(unit, where, *orders)
        read_pos(unit, where, *records)
        found = suspected(unit, where)
        everything = unit.orders.evidence(where, all_of(unit, where))
        for suspect in everything:
            verdict = verdict_on(suspect, where.policy)
            if not verdict.agreed or verdict.check_at:
                assert found[suspect.cart.reference] == suspect
        # What was stored comes back as it was.
        assert {suspect.cart.reference: suspect.cart for suspect in everything} == {
            o.reference: o for o in orders
        }
        known = {record.pos_id: record for record in records}
        assert all(record == known[record.pos_id] for s in everything for record in s.records)


@seeded
@given(
    policy=policies,
    shop=shops(),
    later=shops(),
    wait=st.sampled_from((timedelta(minutes=1), timedelta(hours=3))),
)
def test_judging_what_changed_comes_to_the_same_as_judging_everything(
    engine: Engine,
    policy: Policy,
    shop: Shop,
    later: Shop,
    wait: timedelta,
):
    """After a run over changes and due orders, a sweep finds every kept verdict as it would give it."""
    with SqlUnitOfWork(engine) as unit:
        where = channel(unit, policy)
        _run(unit, where, shop, NOW)
        now = NOW + wait
        where = unit.channels.get(where.name)
        _run(unit, where, later, now)
        for suspect in unit.orders.evidence(where, all_of(unit, where)):
            verdict = verdict_on(suspect, where.policy, now)
            kept = unit.connection.exec_driver_sql(
                "SELECT verdict, verdict_rule, verdict_since FROM cart_orders WHERE reference = %(r)s",
                {"r": suspect.cart.reference},
            ).one()
            wanted = (
                (None, None, None)
                if verdict.agreed
                else (verdict.classification, verdict.rule, verdict.since)
            )
            assert tuple(kept) == wanted


def _run(unit: SqlUnitOfWork, where: Channel, shop: Shop, now: datetime) -> None:
    run = start(unit, where)
    read_cart(unit, where, *shop[0], run=run)
    read_pos(unit, where, *shop[1], run=run)
    judge(unit, where, suspected(unit, where, full=False, now=now).values(), now)
    unit.channels.set_compared(where.id, run)
