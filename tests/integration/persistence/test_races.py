"""Two at once, on real connections: the database lets one of them win."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from reconciler.domain.errors import RefusedError
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import MismatchState
from tests.builders import NOW, POLICY, cart_order
from tests.integration.persistence.world import (
    LEASE,
    apply,
    channel,
    claim_one,
    intend,
    judge,
    queued,
    read_cart,
    specification,
    value,
)

T = TypeVar("T")


def at_once(engine: Engine, *deeds: Callable[[SqlUnitOfWork], T]) -> Sequence[T]:
    """Do these at the same time, each on a connection of its own, and commit."""
    together = Barrier(len(deeds))

    def run(deed: Callable[[SqlUnitOfWork], T]) -> T:
        with SqlUnitOfWork(engine) as unit:
            together.wait(10)
            done = deed(unit)
            unit.commit()
            return done

    with ThreadPoolExecutor(len(deeds)) as pool:
        return [future.result(30) for future in [pool.submit(run, deed) for deed in deeds]]


@pytest.fixture
def where(engine: Engine) -> int:
    """A channel with two hundred orders in its queue."""
    with SqlUnitOfWork(engine) as unit:
        found = queued(unit, *(f"{number:03}" for number in range(200)))
        unit.commit()
        return found.id


def test_two_claimers_never_get_the_same_entry(engine: Engine, where: int):
    """Nor does one of them wait for the other."""

    def claim(unit: SqlUnitOfWork) -> list[str]:
        return [c.reference for _ in range(10) for c in unit.queue.claim(where, limit=5, lease=LEASE)]

    claimed = at_once(engine, claim, claim, claim, claim)
    everything = [reference for part in claimed for reference in part]
    assert len(everything) == len(set(everything)) == 200


def test_two_clicks_make_one_attempt(engine: Engine):
    """Two people, or one with a nervous finger: one is told True."""
    with SqlUnitOfWork(engine) as unit:
        found = channel(unit)
        read_cart(unit, found, cart_order())
        unit.commit()

    def click(unit: SqlUnitOfWork) -> bool:
        return unit.queue.set_ready(found.id, "1001", actor="ann", reason="x", origin="cli")

    assert sorted(at_once(engine, click, click, click)) == [False, False, True]
    with SqlUnitOfWork(engine) as unit:
        claim = claim_one(unit, found)
        unit.queue.withdraw(claim, "x")
        unit.commit()
    assert sorted(at_once(engine, click, click, click)) == [False, False, True]


def test_two_runs_enqueue_an_order_once(engine: Engine):
    """The intent's row is unique."""
    with SqlUnitOfWork(engine) as unit:
        found = channel(unit)
        read_cart(unit, found, cart_order())
        unit.commit()
    counts = at_once(engine, *[lambda unit: unit.queue.enqueue(found.id, ["1001"], NOW)] * 3)
    assert sorted(counts) == [0, 0, 1]


def test_two_rescuers_share_the_lost(engine: Engine, where: int):
    """Each lost entry is rescued once, and its attempt ended once."""
    with SqlUnitOfWork(engine) as unit:
        for claim in unit.queue.claim(where, limit=50, lease=timedelta(seconds=-1)):
            intend(unit, claim)
        unit.commit()
    assert sum(at_once(engine, *[lambda unit: unit.queue.rescue()] * 3)) == 50
    assert value(engine, "SELECT count(*) FROM queue_entries WHERE status = 'in_doubt'") == 50


def test_a_rescue_and_the_worker_it_gave_up_on_do_not_both_write(engine: Engine, where: int):
    """Whoever comes first wins; the other writes nothing."""
    with SqlUnitOfWork(engine) as unit:
        claims = unit.queue.claim(where, limit=50, lease=timedelta(seconds=-1))
        unit.commit()

    def finish(unit: SqlUnitOfWork) -> int:
        return sum(_succeeds(unit, claim) for claim in claims)

    def _succeeds(unit: SqlUnitOfWork, claim: object) -> bool:
        try:
            unit.queue.succeed(claim, "P1", adopted=True)  # type: ignore[arg-type]
        except RefusedError:
            return False
        return True

    finished, rescued = at_once(engine, finish, lambda unit: unit.queue.rescue())
    assert finished + rescued == 50
    assert value(engine, "SELECT count(*) FROM queue_entries WHERE status = 'success'") == finished


def test_a_channels_run_is_under_way_once(engine: Engine, where: int):
    """The lock outlives commits, is the holder's until it leaves, and goes with its connection."""
    with SqlUnitOfWork(engine) as first, SqlUnitOfWork(engine) as second:
        assert first.channels.try_lock(where)
        first.commit()
        assert first.channels.try_lock(where)
        assert not second.channels.try_lock(where)
        pid = first.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        second.connection.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        assert second.channels.try_lock(where)
        first.connection.invalidate()
    with SqlUnitOfWork(engine) as third:
        assert third.channels.try_lock(where)


def test_of_two_beats_one_begins_a_run(engine: Engine, where: int):
    """And of two that write the scheduled report, one writes it."""
    begun = at_once(engine, *[lambda unit: unit.channels.begin(where)] * 3)
    assert sorted(begun) == [False, False, True]
    jobs = at_once(engine, *[lambda unit: unit.runs.take_due_job("report", timedelta(hours=1))] * 3)
    assert sorted(jobs) == [False, False, True]


def test_two_who_apply_the_same_file_make_one_shop(engine: Engine):
    """One creates it, the other finds it as it should be."""
    changes = at_once(engine, *[lambda unit: unit.configuration.apply(specification(POLICY), NOW)] * 2)
    actions = sorted({change.action for change in part} for part in changes)
    assert sorted(map(sorted, actions)) == [["created"], ["unchanged"]]


def test_two_decisions_on_a_mismatch_are_both_kept_in_its_history(engine: Engine):
    """Who comes second decides on what the first has left."""
    with SqlUnitOfWork(engine) as unit:
        apply(unit, POLICY)
        found = unit.channels.get("rosebud-0")
        read_cart(unit, found, cart_order())
        judge(unit, found, unit.orders.evidence(found, ["1001"]))
        number = unit.connection.exec_driver_sql("SELECT id FROM mismatches").scalar_one()
        unit.commit()

    def acknowledge(unit: SqlUnitOfWork) -> bool:
        return unit.mismatches.decide(
            found.id,
            number,
            MismatchState.ACKNOWLEDGED,
            actor="ann",
            reason="x",
            now=NOW,
        )

    assert sorted(at_once(engine, acknowledge, acknowledge)) == [False, True]
    assert value(engine, "SELECT count(*) FROM mismatch_events WHERE kind = 'acknowledged'") == 1
