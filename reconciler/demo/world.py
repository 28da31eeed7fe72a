"""A seeded world: merchants, a day of orders on both sides, a few faults, and the truth about each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from reconciler.demo.files import write_channel_file, write_shop
from reconciler.demo.fill import fill
from reconciler.demo.plans import DEMO, Plan
from reconciler.demo.shop import Shop, policy_of
from reconciler.demo.street import CHANNEL, CODE, NAME, Street
from reconciler.demo.trades import TRADES
from reconciler.demo.truth import Label, write_truth
from reconciler.domain.errors import InputError

#: How often the demo's channels are read, and their G: two reads, and as much again for a busy machine.
POLL: Final = timedelta(seconds=3)
GRACE: Final = timedelta(seconds=12)
#: Fewer orders leave no room for the faults.
FEWEST: Final = 240
CHANNEL_FILE: Final = "channels.toml"
TRUTH_FILE: Final = "truth.jsonl"


@dataclass(frozen=True)
class World:
    """The generated shops. The same seed, time, size and plan give the same world, byte for byte."""

    seed: int
    now: datetime
    shops: tuple[Shop, ...]
    poll_interval: timedelta
    #: A merchant whose cart and POS are reached over HTTP.
    street: Street | None = None

    @classmethod
    def generate(
        cls,
        seed: int,
        now: datetime,
        orders: int = 2000,
        *,
        plan: Plan = DEMO,
        poll_interval: timedelta = POLL,
        grace: timedelta | None = GRACE,
    ) -> World:
        """Make a world of ``orders`` cart orders that reach from 20 hours before ``now`` to ``now``."""
        if orders < FEWEST:
            raise InputError(f"{orders} orders leave no room for the faults", next_step=f"ask for {FEWEST}")
        moment = now.astimezone(UTC).replace(microsecond=0)
        shops = tuple(_open(seat, seed, moment, orders, poll_interval, grace) for seat in range(len(TRADES)))
        for fault, shop in plan.dealt(shops):
            fault(shop)
        for shop in shops:
            for trap in plan.traps:
                trap(shop)
            fill(shop)
        return cls(seed, moment, shops, poll_interval)

    @property
    def labels(self) -> list[Label]:
        """The truth about every fault and trap."""
        online = self.street.labels if self.street else ()
        return [*(label for shop in self.shops for label in shop.labels), *online]

    @property
    def merchants(self) -> list[tuple[str, str]]:
        """Channels with the names of their merchants."""
        online = [(CHANNEL, NAME)] if self.street else []
        return [*((shop.trade.channel, shop.trade.name) for shop in self.shops), *online]

    def with_street(self) -> World:
        """Return the world with the merchant over HTTP in it."""
        return replace(self, street=Street.generate(self.seed, self.now))

    @property
    def orders(self) -> int:
        """Cart orders, those included that are placed while the demo runs."""
        online = len(self.street.rows) + 1 if self.street else 0
        return online + sum(len(shop.cart) + len(shop.arrivals) for shop in self.shops)

    def write(self, directory: Path) -> Path:
        """Write both sides of every shop, the channel file and the truth; return the channel file."""
        directory.mkdir(parents=True, exist_ok=True)
        for shop in self.shops:
            write_shop(directory / shop.trade.code, shop)
        if self.street:
            self.street.write(directory / CODE)
        write_truth(directory / TRUTH_FILE, self.labels)
        return write_channel_file(directory / CHANNEL_FILE, self.shops)


def _open(
    seat: int, seed: int, now: datetime, orders: int, poll_interval: timedelta, grace: timedelta | None
) -> Shop:
    trade = TRADES[seat]
    policy = policy_of(trade, now, poll_interval, grace)
    return Shop(trade, Random(f"{seed}/{trade.code}"), policy, now, len(range(seat, orders, len(TRADES))))
