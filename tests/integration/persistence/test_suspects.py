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

from reconciler.domain.orders import CartOrder, PaymentStatus, PosOrder, PosStatus
from reconciler.domain.policy import DownloadRule, Policy
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Channel, Side
from tests.builders import NOW, POLICY, ago, cart_order, policy, pos_order
from tests.integration.persistence.strategies import (
    CART_CHANGES,
    POS_CHANGES,
    agreeing_cart,
    agreeing_record,
    policies,
    shops,
)
from tests.integration.persistence.world import (
    apply,
    channel,
    count_statements,
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
#: What only shows with a third difference: an order of nothing, within a cent of its record.
NOTHING: list[Deed] = [(Side.CART, "total", 0), (Side.CART, "lines", ()), (Side.POS, "total", 1)]
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


def check_none_overlooked(
    shared_engine: Engine, policy: Policy, pairs: list[tuple[CartOrder, PosOrder]]
) -> None:
    """Fail for a pair that the rules report, or look at again, and that the database does not suspect."""
    with SqlUnitOfWork(shared_engine, rehearsal=True) as unit:
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
def test_no_single_difference_is_overlooked(shared_engine: Engine, policy: Policy):
    """Each value that a field can take, alone on an agreeing pair, is suspected if the rules report it."""
    check_none_overlooked(
        shared_engine,
        policy,
        [unlike(0), unlike(1, *NOTHING), *(unlike(n, deed) for n, deed in enumerate(DEEDS, 2))],
    )


def test_no_difference_of_a_cancelled_order_that_was_voided_is_overlooked(shared_engine: Engine):
    """The one case in which an order without a live record agrees: each difference on it shows as well."""
    dead: list[Deed] = [(Side.CART, "cancelled_at", ago(hours=3)), (Side.POS, "status", PosStatus.VOIDED)]
    others = [deed for deed in DEEDS if deed[:2] not in {known[:2] for known in dead}]
    pairs = [unlike(n, *dead, deed) for n, deed in enumerate(others, 2)]
    pairs += [unlike(0, *dead), unlike(1, *dead, *NOTHING)]
    check_none_overlooked(shared_engine, Policy(location="main"), pairs)


def test_what_was_said_of_an_order_is_taken_back_when_it_dies(unit: SqlUnitOfWork):
    """Missing, then cancelled in the cart and voided in the POS: it agrees, and has to be told so once."""
    where = channel(unit)
    _run(unit, where, ([cart_order()], []), NOW)
    where = unit.channels.get(where.name)
    dead = cart_order(cancelled_at=NOW), pos_order(status=PosStatus.VOIDED)
    read_cart(unit, where, dead[0])
    read_pos(unit, where, dead[1])
    assert suspected(unit, where, full=False).keys() == suspected(unit, where).keys() == {"1001"}
    judge(unit, where, suspected(unit, where).values())
    assert suspected(unit, where) == {}


@pytest.mark.slow
def test_no_two_differences_hide_one_another(shared_engine: Engine):
    """The same for every two of them, on one side or on both."""
    pairs = ((one, other) for one, other in combinations(DEEDS, 2) if one[:2] != other[:2])
    check_none_overlooked(
        shared_engine,
        Policy(location="main"),
        [unlike(0), *(unlike(n, *two) for n, two in enumerate(pairs, 1))],
    )


@seeded
@given(policy=policies, shop=shops())
def test_no_order_that_the_rules_report_is_overlooked(shared_engine: Engine, policy: Policy, shop: Shop):
    """The suspects of a sweep hold every order that the rules do not call plainly agreed."""
    with SqlUnitOfWork(shared_engine, rehearsal=True) as unit:
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
    shared_engine: Engine,
    policy: Policy,
    shop: Shop,
    later: Shop,
    wait: timedelta,
):
    """After a run over changes and due orders, a sweep finds every kept verdict as it would give it."""
    with SqlUnitOfWork(shared_engine, rehearsal=True) as unit:
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


def test_a_second_record_of_an_agreeing_order_is_noticed_when_it_comes(unit: SqlUnitOfWork):
    """Each of two records may agree with the order; that there are two does not."""
    where = channel(unit)
    _run(unit, where, ([cart_order()], [pos_order()]), NOW)
    where = unit.channels.get(where.name)
    assert suspected(unit, where, full=False) == {}
    read_pos(unit, where, pos_order(pos_id="P2"))
    assert suspected(unit, where, full=False).keys() == {"1001"}
    assert suspected(unit, where, full=True).keys() == {"1001"}


def test_what_came_right_by_itself_is_not_looked_at_for_ever(unit: SqlUnitOfWork):
    """An order that was due for a second look and agrees is looked at once more, and then left alone."""
    where = channel(unit)
    waiting = pos_order(received_at=None, created_at=NOW)
    _run(unit, where, ([cart_order()], [waiting]), NOW)
    where = unit.channels.get(where.name)
    assert unit.orders.examined(where, full=False, now=NOW) == 0
    read_pos(unit, where, pos_order(created_at=NOW))
    _run(unit, where, ([], []), NOW)
    later = NOW + timedelta(days=1)
    assert unit.orders.examined(unit.channels.get(where.name), full=False, now=later) == 0


def test_an_absent_order_is_looked_at_in_every_run(unit: SqlUnitOfWork):
    """Coverage, catalog, queue and tickets change what is to be said of it, and none of them marks it."""
    where = channel(unit)
    absent, unpaid = cart_order(), cart_order(reference="1002", payment_status=PaymentStatus.PENDING)
    _run(unit, where, ([absent, unpaid], []), NOW)
    assert suspected(unit, unit.channels.get(where.name), full=False).keys() == {"1001"}


def test_a_changed_policy_has_everything_compared_again(unit: SqlUnitOfWork):
    """What agreed under one location or mapping may not under another, though nothing was read anew."""
    where = channel(unit)
    _run(unit, where, ([cart_order()], [pos_order()]), NOW)
    assert suspected(unit, channel(unit, policy(location="other")), full=False).keys() == {"1001"}
    assert suspected(unit, channel(unit, policy()), full=False) == {}
    remapped = channel(unit, policy(sku_map={"ROSE-12": "ROSE-XL"}))
    assert suspected(unit, remapped, full=False).keys() == {"1001"}
    # Judged once, the lines are compared in the database again, and found to differ there.
    assert suspected(unit, remapped, full=False).keys() == {"1001"}
    again = channel(unit, policy(sku_map={}))
    assert suspected(unit, again, full=False).keys() == {"1001"}
    assert suspected(unit, again, full=False) == {}


def test_suspects_may_be_judged_and_committed_while_they_are_being_read(engine: Engine):
    """The list stays as it was when it was asked for, whatever the reader writes and commits meanwhile."""
    with SqlUnitOfWork(engine) as unit:
        where = channel(unit)
        read_cart(unit, where, *(cart_order(reference=f"{number:04}") for number in range(1100)))
        unit.commit()
        seen: list[str] = []
        for chunk in unit.orders.suspects(where, full=True, now=NOW):
            judge(unit, where, chunk)
            unit.commit()
            seen += [suspect.cart.reference for suspect in chunk]
    assert seen == [f"{number:04}" for number in range(1100)]


def test_another_merchants_orders_are_not_seen(unit: SqlUnitOfWork):
    """Two merchants have an order #1001 each; one has a record of it."""
    apply(unit, POLICY)
    apply(unit, POLICY, merchant="fern")
    ours, theirs = unit.channels.get("rosebud-0"), unit.channels.get("fern-0")
    read_cart(unit, ours, cart_order())
    read_cart(unit, theirs, cart_order())
    read_pos(unit, theirs, pos_order())
    assert suspected(unit, ours).keys() == {"1001"}
    assert suspected(unit, theirs) == {}


@pytest.mark.parametrize("full", [True, False])
def test_agreeing_orders_cost_no_statements(unit: SqlUnitOfWork, full: bool):
    """A run issues as many statements over two thousand agreeing orders as over two hundred."""

    def statements(number: int, offset: int) -> int:
        names = [f"{offset + place:05}" for place in range(number)]
        run = start(unit, where)
        with count_statements(unit) as counted:
            read_cart(
                unit, where, *(cart_order(reference=name) for name in (*names, f"odd-{offset}")), run=run
            )
            read_pos(unit, where, *(pos_order(pos_id=name, reference=name) for name in names), run=run)
            unit.orders.examined(where, full=full, now=NOW)
            judge(unit, where, suspected(unit, where, full=full).values())
        unit.channels.set_compared(where.id, run)
        return len(counted)

    where = channel(unit)
    few = statements(200, 0)
    where = unit.channels.get(where.name)
    assert statements(2000, 1000) == few
