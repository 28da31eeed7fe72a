"""The cost limit of one token: a leaky bucket, and a ban for who hammers on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

#: A single query may never cost more.
DEAREST = 1000


@dataclass(slots=True)
class Throttle:
    """What a token may still spend. ``offences_allowed`` None: nobody is ever banned."""

    maximum: float = 2000.0
    restore_rate: float = 100.0
    #: Throttled calls in a row, each before the wait that the last one was told was over, until the ban.
    offences_allowed: int | None = 3
    banned: bool = False
    offences: int = 0
    throttled: int = 0
    charged: float = 0.0
    _left: float = -1.0
    _at: datetime | None = None
    _wait_until: datetime | None = None

    def left(self, now: datetime) -> float:
        """Return what may be spent now."""
        if self._at is None or self._left < 0:
            self._left = self.maximum
        elif now > self._at:
            passed = (now - self._at).total_seconds()
            self._left = min(self.maximum, self._left + passed * self.restore_rate)
        self._at = max(now, self._at or now)
        return self._left

    def pay(self, cost: float, now: datetime) -> bool:
        """Charge a query, or turn it away; a call too many in a row earns the ban."""
        if self.left(now) >= cost:
            self._left -= cost
            self.charged += cost
            self.offences = 0
            return True
        self.throttled += 1
        early = self._wait_until is not None and now < self._wait_until
        self.offences = self.offences + 1 if early else 1
        if self.offences_allowed is not None and self.offences > self.offences_allowed:
            self.banned = True
        self._wait_until = now.fromtimestamp(
            now.timestamp() + (cost - self._left) / self.restore_rate, tz=now.tzinfo
        )
        return False

    def give_back(self, amount: float) -> None:
        """Return what a query did not cost after all."""
        self._left = min(self.maximum, self._left + amount)
        self.charged -= amount

    def status(self, now: datetime) -> dict[str, float]:
        """Return what every answer tells."""
        return {
            "maximumAvailable": self.maximum,
            "currentlyAvailable": int(self.left(now)),
            "restoreRate": self.restore_rate,
        }
