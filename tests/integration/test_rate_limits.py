"""The shared rate limit on a real Valkey: atomic between threads, by its own clock, careful without it."""

from __future__ import annotations

from threading import Thread
from uuid import uuid4

import pytest
import redis

from adapters.http import Bucket, ValkeyLimiter, shared_limiter
from adapters.http.limits import AWAY

pytestmark = pytest.mark.integration


def test_many_workers_at_once_spend_no_more_than_there_is(redis_url):
    """Twenty threads take at the same time: exactly as many go at once as the bucket holds."""
    bucket, key, waits = Bucket(capacity=100, rate=0.001), uuid4().hex, list[float]()

    def worker() -> None:
        with redis.Redis.from_url(redis_url) as client:
            limiter = ValkeyLimiter(client)
            waits.extend(limiter.take(key, 1, bucket) for _ in range(10))

    threads = [Thread(target=worker) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(waits) == 200
    assert sum(wait <= 1 for wait in waits) == 100


def test_the_servers_clock_lets_the_bucket_fill(redis_url):
    """What was spent comes back by Valkey's own time, and the key goes away by itself."""
    with redis.Redis.from_url(redis_url) as client:
        limiter, bucket, key = ValkeyLimiter(client), Bucket(capacity=10, rate=100), uuid4().hex
        limiter.take(key, 10, bucket)
        wait = limiter.take(key, 5, bucket)
        assert 0 < wait <= 0.05
        limiter.hold(key, bucket, 30)
        assert limiter.take(key, 1, bucket) >= 29
        limiter.settle(key, bucket, refund=1e6)
        assert limiter.take(key, 10, bucket) == 0
        assert 0 < client.pttl(f"reconciler:limit:{key}") <= 120_000


def test_without_valkey_the_limit_still_holds(monkeypatch):
    """An address at which nobody listens: the caller does not try at each call, and takes only its part."""
    passed = [0.0]
    limiter = shared_limiter("redis://127.0.0.1:1/0", lambda: passed[0])
    tried: list[float] = []
    take = ValkeyLimiter.take

    def noted(limiter: ValkeyLimiter, key: str, cost: float, bucket: Bucket) -> float:
        tried.append(passed[0])
        return take(limiter, key, cost, bucket)

    monkeypatch.setattr(ValkeyLimiter, "take", noted)
    bucket = Bucket(capacity=100, rate=0.001)
    waits = [limiter.take("shop", 5, bucket) for _ in range(10)]
    assert sum(wait <= 1 for wait in waits) == 5
    assert tried == [0.0]
    passed[0] = AWAY
    limiter.take("shop", 5, bucket)
    assert tried == [0.0, AWAY], "after a while it is tried again"
