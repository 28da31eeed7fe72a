"""A channel's policy: every number that a merchant may set, with its default, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

#: A ``live_from`` that holds nothing back.
ALWAYS: Final = datetime(1, 1, 1, tzinfo=UTC)
#: Absent orders due the same day raise the alarm after this long, though nothing is re-sent before G.
SAME_DAY_ALARM: Final = timedelta(minutes=10)
#: A register that has not fetched a record after this long has a problem.
REGISTER_GRACE: Final = timedelta(minutes=2)
#: When an unknown outcome is looked up again, counted from the send.
LOOKUPS: Final = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15))
#: A queue entry that waits longer than this for a worker is stuck.
QUEUE_PATIENCE: Final = timedelta(seconds=60)
#: How often every order is looked at again, changed or not.
SWEEP_EVERY: Final = timedelta(days=7)
#: A sweep that ended incomplete is tried again after this: it asks a vendor for all that a shop ever sold.
SWEEP_AGAIN: Final = timedelta(hours=6)
#: When more orders than this, and more than this share of a run, look missing, the read is wrong, not they.
BRAKE_FLOOR: Final = 20
BRAKE_SHARE: Final = Decimal("0.20")
#: Amount differences above this share of the total are urgent.
AMOUNT_ALARM_SHARE: Final = Decimal("0.01")
#: Staff key an order in between this long before the cart says it was placed and this long after.
KEYED_BEFORE: Final = timedelta(minutes=10)
KEYED_AFTER: Final = timedelta(hours=2)
#: What each agreement with a hand-keyed ticket is worth in the score; they add up to 100.
WEIGHTS: Final = MappingProxyType({"phone": 40, "name": 30, "lines": 20, "time": 10})
#: Fewer digits than this say nothing about whose phone it is.
PHONE_DIGITS: Final = 7
#: An unpaid order is looked at again after its age divided by this, within these bounds.
RECHECK_SHARE: Final = 4
RECHECK_FLOOR: Final = timedelta(minutes=5)
RECHECK_CEILING: Final = timedelta(days=1)


class Delivery(StrEnum):
    """Who brings orders into the POS."""

    THEIRS = "theirs"
    OURS = "ours"


class Send(StrEnum):
    """Whether we may submit by ourselves."""

    AUTO = "auto"
    ASK = "ask"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class DownloadRule:
    """The cart states in which the channel's integration takes an order; empty means any."""

    payment: frozenset[str] = frozenset()
    fulfillment: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one channel is judged."""

    poll_interval: timedelta = timedelta(hours=1)
    push: bool = False
    grace_override: timedelta | None = None
    retry_horizon: timedelta | None = None
    download: DownloadRule = DownloadRule()
    tolerance_per_line: int = 1
    location: str | None = None
    delivery: Delivery = Delivery.THEIRS
    send: Send = Send.AUTO
    live_from: datetime = ALWAYS
    reference_prefix: str = ""
    sku_map: Mapping[str, str] = field(default_factory=dict)
    shipping_map: Mapping[str, str] = field(default_factory=dict)
    timezone: str = "UTC"
    lookups: tuple[timedelta, ...] = LOOKUPS

    @property
    def grace(self) -> timedelta:
        """``G``: how long an order may be on its way before its absence means anything."""
        if self.grace_override is not None:
            return self.grace_override
        return timedelta(minutes=2) if self.push else 2 * self.poll_interval

    @property
    def resend_after(self) -> timedelta:
        """How long after payment a re-send may come at the earliest, where delivery is theirs."""
        return max(self.grace, self.retry_horizon or self.grace)
