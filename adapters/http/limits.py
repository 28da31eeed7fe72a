"""Rate limits: a leaky bucket a connection, reckoned in the vendor's own points.

A caller takes what its call may cost and is told how long to wait; taking counts at once, so that callers
queue up instead of rushing in together. Afterwards it settles: gives back what the call did not cost, and
passes on how much the vendor says is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bucket:
    """How much may be spent at once, and how much comes back each second."""

    capacity: float
    rate: float

    def share(self, part: float) -> Bucket:
        """Return the bucket of one among several who cannot see one another."""
        return Bucket(self.capacity * part, self.rate * part)


class RateLimiter(Protocol):
    """Spreads calls over time. ``key`` names what the vendor limits: a shop, a token."""

    def take(self, key: str, cost: float, bucket: Bucket) -> float:
        """Count ``cost`` as spent and return how many seconds to wait before the call."""
        ...

    def settle(self, key: str, bucket: Bucket, *, refund: float = 0.0, left: float | None = None) -> None:
        """Give ``refund`` back, and heed that no more than ``left`` is there by the vendor's count."""
        ...

    def hold(self, key: str, bucket: Bucket, seconds: float) -> None:
        """Let nobody start within the next ``seconds``: the vendor asked for it."""
        ...


@dataclass(slots=True)
class _Level:
    spent: float = 0.0
    at: float = 0.0


class LocalLimiter:
    """Limits the calls of one process. ``seconds`` is any clock that counts seconds."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._levels: dict[str, _Level] = {}
        self._lock = Lock()

    def take(self, key: str, cost: float, bucket: Bucket) -> float:
        """Count ``cost`` as spent and return how many seconds to wait before the call."""
        with self._lock:
            level = self._now(key, bucket)
            level.spent += cost
            # What costs more than the bucket holds waits for an empty one.
            return max(0.0, (level.spent - max(bucket.capacity, cost)) / bucket.rate)

    def settle(self, key: str, bucket: Bucket, *, refund: float = 0.0, left: float | None = None) -> None:
        """Give ``refund`` back, and heed that no more than ``left`` is there by the vendor's count."""
        with self._lock:
            level = self._now(key, bucket)
            level.spent = max(0.0, level.spent - refund)
            if left is not None:
                level.spent = max(level.spent, bucket.capacity - left)

    def hold(self, key: str, bucket: Bucket, seconds: float) -> None:
        """Let nobody start within the next ``seconds``."""
        with self._lock:
            level = self._now(key, bucket)
            level.spent = max(level.spent, bucket.capacity + seconds * bucket.rate)

    def _now(self, key: str, bucket: Bucket) -> _Level:
        now = self._seconds()
        level = self._levels.setdefault(key, _Level(at=now))
        level.spent = max(0.0, level.spent - max(0.0, now - level.at) * bucket.rate)
        level.at = max(level.at, now)
        return level


#: What a process allows itself while it cannot see the others.
ALONE: Final = 0.25
#: Seconds before the shared count is tried again.
AWAY: Final = 5.0


class FallbackLimiter:
    """Uses the shared limiter, and a part of the limit on its own while that is away."""

    def __init__(
        self,
        shared: RateLimiter,
        seconds: Callable[[], float],
        *,
        away: tuple[type[Exception], ...],
        part: float = ALONE,
    ) -> None:
        self._shared = shared
        self._local = LocalLimiter(seconds)
        self._seconds = seconds
        self._away = away
        self._part = part
        self._back_at = 0.0

    def take(self, key: str, cost: float, bucket: Bucket) -> float:
        """Count ``cost`` as spent and return how many seconds to wait before the call."""
        return self._use(
            lambda: self._shared.take(key, cost, bucket),
            lambda: self._local.take(key, cost, bucket.share(self._part)),
        )

    def settle(self, key: str, bucket: Bucket, *, refund: float = 0.0, left: float | None = None) -> None:
        """Give ``refund`` back, and heed that no more than ``left`` is there by the vendor's count."""
        self._use(
            lambda: self._shared.settle(key, bucket, refund=refund, left=left),
            lambda: self._local.settle(key, bucket.share(self._part), refund=refund, left=left),
        )

    def hold(self, key: str, bucket: Bucket, seconds: float) -> None:
        """Let nobody start within the next ``seconds``."""
        # Here too, so that it holds should the shared count go away.
        self._local.hold(key, bucket.share(self._part), seconds)
        self._use(lambda: self._shared.hold(key, bucket, seconds), lambda: None)

    def _use(self, shared: Callable[[], T], local: Callable[[], T]) -> T:
        if self._seconds() >= self._back_at:
            try:
                return shared()
            except self._away:
                self._back_at = self._seconds() + AWAY
        return local()
