"""Rate limits: the same rules within a process, between workers, and while Valkey is away."""

from __future__ import annotations

from collections.abc import Callable

import fakeredis
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from adapters.http import Bucket, FallbackLimiter, LocalLimiter, RateLimiter, ValkeyLimiter

BUCKET = Bucket(capacity=100, rate=10)


class Time:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def local(time: Time) -> RateLimiter:
    """Return a limiter of this process alone."""
    return LocalLimiter(time)


def valkey(time: Time) -> RateLimiter:
    """Return a limiter that is shared."""
    return ValkeyLimiter(fakeredis.FakeRedis(), seconds=time)


@pytest.fixture(params=[local, valkey], ids=["in process", "valkey"])
def make(request: pytest.FixtureRequest) -> Callable[[Time], RateLimiter]:
    """Either limiter: what follows holds for both."""
    chosen: Callable[[Time], RateLimiter] = request.param
    return chosen


def test_a_full_bucket_lets_calls_through_and_an_empty_one_spreads_them(make):
    """The first hundred points are free; after that each call waits for its turn."""
    limiter = make(Time())
    assert limiter.take("shop", 100, BUCKET) == 0
    assert limiter.take("shop", 10, BUCKET) == pytest.approx(1)
    assert limiter.take("shop", 10, BUCKET) == pytest.approx(2)


def test_what_was_spent_comes_back_with_time(make):
    """Ten points a second, and never more than the bucket holds."""
    time = Time()
    limiter = make(time)
    limiter.take("shop", 100, BUCKET)
    time.now += 5
    assert limiter.take("shop", 50, BUCKET) == 0
    time.now += 3600
    assert limiter.take("shop", 100, BUCKET) == 0
    assert limiter.take("shop", 1, BUCKET) > 0


def test_connections_do_not_share_a_limit(make):
    """Each shop has its own bucket."""
    limiter = make(Time())
    limiter.take("one", 100, BUCKET)
    assert limiter.take("other", 100, BUCKET) == 0


def test_a_refund_is_there_for_the_next(make):
    """A call that cost less than feared gives the rest back."""
    limiter = make(Time())
    limiter.take("shop", 100, BUCKET)
    limiter.settle("shop", BUCKET, refund=60)
    assert limiter.take("shop", 60, BUCKET) == 0
    assert limiter.take("shop", 1, BUCKET) > 0


def test_the_vendors_count_is_heeded_when_it_is_lower(make):
    """Somebody else uses the same limit: what the vendor says is left is all there is."""
    limiter = make(Time())
    limiter.settle("shop", BUCKET, left=20)
    assert limiter.take("shop", 20, BUCKET) == 0
    assert limiter.take("shop", 10, BUCKET) == pytest.approx(1)


def test_the_vendors_count_gives_nothing_back(make):
    """Calls that wait for their turn are not in the vendor's count yet: a higher one changes nothing."""
    limiter = make(Time())
    limiter.take("shop", 150, BUCKET)
    limiter.settle("shop", BUCKET, left=100)
    assert limiter.take("shop", 10, BUCKET) == pytest.approx(6)


def test_a_hold_keeps_everybody_away(make):
    """After "come back in thirty seconds" nobody starts sooner."""
    time = Time()
    limiter = make(time)
    limiter.hold("shop", BUCKET, 30)
    time.now += 10
    assert limiter.take("shop", 1, BUCKET) >= 20


def test_a_call_dearer_than_the_bucket_still_goes(make):
    """It waits for an empty bucket instead of for ever."""
    limiter = make(Time())
    limiter.take("shop", 50, BUCKET)
    assert limiter.take("shop", 500, BUCKET) == pytest.approx(5)


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "settle", "left", "hold", "wait"]),
        st.floats(min_value=0, max_value=200).map(lambda number: round(number, 3)),
    ),
    max_size=30,
)


@given(steps)
def test_the_shared_limiter_reckons_as_the_local_one_does(history):
    """Whatever happens, both come to the same waits."""
    time = Time()
    one, other = local(time), valkey(time)
    for step, number in history:
        match step:
            case "take":
                waits = [limiter.take("shop", number, BUCKET) for limiter in (one, other)]
                assert waits[0] == pytest.approx(waits[1], abs=1e-3)
            case "settle":
                for limiter in (one, other):
                    limiter.settle("shop", BUCKET, refund=number)
            case "left":
                for limiter in (one, other):
                    limiter.settle("shop", BUCKET, left=number)
            case "hold":
                for limiter in (one, other):
                    limiter.hold("shop", BUCKET, number)
            case _:
                time.now += number


def test_without_a_clock_of_its_own_valkeys_clock_counts():
    """Workers' clocks differ, so production counts by the server's."""
    limiter = ValkeyLimiter(fakeredis.FakeRedis())
    limiter.take("shop", 100, BUCKET)
    assert 0 < limiter.take("shop", 10, BUCKET) <= 1


def test_an_idle_connection_leaves_nothing_behind():
    """The count expires once it says nothing any more."""
    server = fakeredis.FakeRedis()
    ValkeyLimiter(server, seconds=Time()).take("shop", 100, BUCKET)
    assert 0 < server.pttl("reconciler:limit:shop") <= 70_000


class Flaky:
    """A shared limiter whose server comes and goes."""

    def __init__(self, time: Time) -> None:
        self.inner = valkey(time)
        self.away = False
        self.asked = 0

    def _check(self) -> None:
        self.asked += 1
        if self.away:
            raise redis.ConnectionError("gone")

    def take(self, key: str, cost: float, bucket: Bucket) -> float:
        """Take, unless away."""
        self._check()
        return self.inner.take(key, cost, bucket)

    def settle(self, key: str, bucket: Bucket, *, refund: float = 0.0, left: float | None = None) -> None:
        """Settle, unless away."""
        self._check()
        self.inner.settle(key, bucket, refund=refund, left=left)

    def hold(self, key: str, bucket: Bucket, seconds: float) -> None:
        """Hold, unless away."""
        self._check()
        self.inner.hold(key, bucket, seconds)


def test_while_valkey_is_away_each_process_takes_a_careful_part():
    """Four processes that cannot see one another stay within the limit together."""
    time = Time()
    shared = Flaky(time)
    limiters = [FallbackLimiter(shared, time, away=(redis.RedisError,)) for _ in range(4)]
    shared.away = True
    assert sum(limiter.take("shop", 25, BUCKET) for limiter in limiters) == 0
    assert all(limiter.take("shop", 2.5, BUCKET) == pytest.approx(1) for limiter in limiters)


def test_a_valkey_that_is_away_is_not_asked_at_every_call():
    """Its time-out would be paid each time; it is tried again after seconds, and used when it is back."""
    time = Time()
    shared = Flaky(time)
    limiter = FallbackLimiter(shared, time, away=(redis.RedisError,))
    shared.away = True
    for _ in range(10):
        limiter.take("shop", 1, BUCKET)
    assert shared.asked == 1
    shared.away = False
    time.now += 6
    limiter.take("shop", 100, BUCKET)
    assert shared.asked == 2
    assert shared.inner.take("shop", 1, BUCKET) > 0


def test_a_hold_outlives_valkey():
    """The vendor's "later" holds even if the shared count is lost right after."""
    time = Time()
    shared = Flaky(time)
    limiter = FallbackLimiter(shared, time, away=(redis.RedisError,))
    limiter.hold("shop", BUCKET, 30)
    shared.away = True
    assert limiter.take("shop", 1, BUCKET) >= 30
