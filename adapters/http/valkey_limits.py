"""The rate limits that all workers share, kept in Valkey and counted by its clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import redis

from adapters.http.limits import Bucket, FallbackLimiter, RateLimiter

#: Seconds within which Valkey has to answer; a limit is not worth a longer wait.
PATIENCE: Final = 0.5

# One script for all three, so that no two workers ever see the same drop of the bucket. ``spent`` has leaked
# at the caller's rate since ``at``. Times are Valkey's own: workers' clocks differ.
_SCRIPT: Final = """
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local take, refund = tonumber(ARGV[3]), tonumber(ARGV[4])
local floor, now = tonumber(ARGV[5]), tonumber(ARGV[6])
if now < 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local kept = redis.call('HMGET', KEYS[1], 'spent', 'at')
local spent, at = tonumber(kept[1]) or 0, tonumber(kept[2]) or now
spent = math.max(0, spent - math.max(0, now - at) * rate - refund)
spent = math.max(spent, floor) + take
at = math.max(at, now)
redis.call('HSET', KEYS[1], 'spent', string.format('%.6f', spent), 'at', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil(spent / rate * 1000) + 60000)
return string.format('%.6f', math.max(0, spent - math.max(capacity, take)) / rate)
"""


class ValkeyLimiter:
    """Limits the calls of all workers that share a Valkey. Raises redis.RedisError when it is away."""

    def __init__(self, client: redis.Redis, *, seconds: Callable[[], float] | None = None) -> None:
        self._script: Callable[..., Any] = client.register_script(_SCRIPT)
        self._seconds = seconds

    def take(self, key: str, cost: float, bucket: Bucket) -> float:
        """Count ``cost`` as spent and return how many seconds to wait before the call."""
        return self._run(key, bucket, take=cost)

    def settle(self, key: str, bucket: Bucket, *, refund: float = 0.0, left: float | None = None) -> None:
        """Give ``refund`` back, and heed that no more than ``left`` is there by the vendor's count."""
        self._run(key, bucket, refund=refund, floor=0.0 if left is None else bucket.capacity - left)

    def hold(self, key: str, bucket: Bucket, seconds: float) -> None:
        """Let nobody start within the next ``seconds``."""
        self._run(key, bucket, floor=bucket.capacity + seconds * bucket.rate)

    def _run(
        self, key: str, bucket: Bucket, *, take: float = 0.0, refund: float = 0.0, floor: float = 0.0
    ) -> float:
        now = self._seconds() if self._seconds else -1.0
        arguments = (bucket.capacity, bucket.rate, take, refund, floor, now)
        return float(self._script(keys=[f"reconciler:limit:{key}"], args=arguments))


def shared_limiter(url: str, seconds: Callable[[], float]) -> RateLimiter:
    """Return production's limiter: shared through Valkey, careful on its own while that is away."""
    # A Unix socket has nothing to keep alive, and redis-py refuses to be asked.
    remote = {} if url.startswith("unix:") else {"socket_keepalive": True}
    client = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, **remote)
    return FallbackLimiter(ValkeyLimiter(client), seconds, away=(redis.RedisError, OSError))
