"""Throttling obeyed: two workers side by side use what is allowed, and a store that bans offenders bans none.

Time is simulated: it moves on when every worker sleeps, so that minutes pass in a second and nothing is left
to chance.
"""

from __future__ import annotations

from random import Random

import pytest

from adapters.sandbox import AppTransport, SandboxClock
from adapters.square.sandbox import SquareSandbox, Throttle, furnish
from reconciler.domain.errors import UnreachableError
from reconciler.ports import OutcomeKind
from tests.builders import NOW
from tests.simulated import Time, Workers, local, tools, valkey
from tests.unit.adapters_square.store import World, connect

SECONDS = 60


def strict_store(time: Time, rate: float, allowed: int | None = 0) -> SquareSandbox:
    """A store that bans at the first call too many, unless more are allowed."""
    sandbox = SquareSandbox(clock=SandboxClock(time.clock))
    sandbox.gate.throttle = Throttle(rate=rate, burst=rate, offences_allowed=allowed)
    furnish(sandbox.store)
    return sandbox


@pytest.mark.parametrize("rate", [5, 10])
@pytest.mark.parametrize("make_limiter", [local, valkey], ids=["in process", "valkey"])
def test_two_workers_use_the_allowed_rate_and_are_never_turned_away(rate, make_limiter, capsys):
    """Reading and sending at once: no ban, not one call turned away, and 90% of what was allowed was used."""
    time = Workers(2)
    store, limiter = strict_store(time, rate), make_limiter(time)

    def work(number: int) -> None:
        chance = Random(number)
        transport = AppTransport(store.app, delay=lambda: time.sleep(chance.uniform(0.01, 0.05)))
        shared = tools(transport, time, limiter=limiter, sleep=time.sleep)
        pos = connect(shared, options={"calls_per_second": rate})
        while time.seconds() < SECONDS:
            pos.probe()

    time.run(work)
    throttle = store.gate.throttle
    assert (throttle.banned, throttle.turned_away) == (False, 0)
    used = throttle.accepted / (throttle.burst + rate * time.seconds())
    with capsys.disabled():
        print(f"\nused {used:.1%} of {rate} calls a second")  # noqa: T201 - the figure belongs to the result
    assert used >= 0.9


def test_two_workers_who_do_not_know_the_limit_are_turned_away_and_not_banned():
    """Square tells no limit: set far too high, both slow down when they are turned away, and get through."""
    time = Workers(2)
    store, limiter = strict_store(time, 5, allowed=3), local(time)

    def work(number: int) -> None:
        chance = Random(number)
        transport = AppTransport(store.app, delay=lambda: time.sleep(chance.uniform(0.01, 0.05)))
        pos = connect(tools(transport, time, limiter=limiter, sleep=time.sleep))
        while time.seconds() < SECONDS:
            pos.probe()

    time.run(work)
    throttle = store.gate.throttle
    assert not throttle.banned
    assert 0 < throttle.turned_away < throttle.accepted / 4
    assert throttle.accepted >= 0.7 * 5 * SECONDS


def test_a_create_that_is_turned_away_keeps_everybody_away_for_a_while():
    """No Retry-After comes: a second's rest is our own choice, and all workers heed it."""
    world = World()
    prepared = world.prepared()
    world.fault("throttle", times=1)
    assert world.submit(prepared).kind is OutcomeKind.DEFERRED
    world.time.slept.clear()
    world.pos.probe()
    assert sum(world.time.slept) >= 1


def test_a_store_that_throttles_without_end_is_left_in_peace():
    """The read gives up within its patience, with a line that says why."""
    world = World()
    world.fault("throttle")
    found = world.read()
    assert isinstance(found.error, UnreachableError)
    assert "RATE_LIMITED" in str(found.error)
    assert sum(world.time.slept) <= 120


def test_who_ignores_being_turned_away_is_banned():
    """The sandbox is no pushover: hammering on earns the ban, and then nothing helps."""
    throttle = Throttle(rate=1, burst=1, offences_allowed=3)
    assert [throttle.admit(NOW) for _ in range(6)] == [True, False, False, False, False, False]
    assert throttle.banned
    world = World()
    world.sandbox.gate.throttle = throttle
    found = world.read()
    assert found.error is not None
    assert "FORBIDDEN" in str(found.error)
