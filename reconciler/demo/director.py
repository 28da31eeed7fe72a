"""What happens outside of our program while the demo runs.

Customers order, the other integration delivers late, and one POS export breaks off in the middle.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from reconciler.demo.files import ARRIVALS_FILE, POS_FILE, put, record_line, write_cart
from reconciler.demo.rows import json_line
from reconciler.demo.shop import Arrival, Shop
from reconciler.demo.watch import Look
from reconciler.domain.orders import edit_family, normalise_reference
from reconciler.domain.verdict import Classification

#: How long a torn export stays torn at least, in seconds: a few rounds.
TORN_FOR: Final = 7.0
#: How long the other integration takes: at least so many seconds, at most this share of the grace.
LATE_SECONDS: Final = 2.0
LATE_SHARE: Final = 0.8


@dataclass
class Scene:
    """One shop while the demo runs. ``play`` does what is due and tells of it."""

    shop: Shop
    folder: Path
    tell: Callable[[str], None]
    #: Opens the till, which must not take a torn file for the whole.
    open_till: Callable[[Shop], object]
    placed: dict[str, Arrival] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    placed_at: dict[str, float] = field(default_factory=dict)
    whole: str | None = None
    #: When the shop was first read as it really is; nobody orders before.
    curtain: float | None = None
    #: Files know no faults of a sandbox.
    met: Collection[str] = frozenset()

    def begin(self) -> None:
        """Open the till; where the POS file is to be torn, tear it instead."""
        if not self.shop.torn:
            self.open_till(self.shop)
            return
        path = self.folder / POS_FILE
        self.whole = path.read_text(encoding="utf-8")
        path.write_text(torn(self.whole), encoding="utf-8")

    def play(self, elapsed: float, look: Look) -> None:
        """Do what is due ``elapsed`` seconds after the curtain rose."""
        if self.whole is not None:
            self._restore_if_seen(elapsed, look)
        elif self.curtain is None:
            self.curtain = elapsed if look.read.get(self.shop.trade.channel) else None
        else:
            self._customers(elapsed, elapsed - self.curtain)
            self._integration(elapsed, look)

    @property
    def over(self) -> bool:
        """Say whether everything happened."""
        delivered = len(self.delivered) == sum(arrival.record is not None for arrival in self.shop.arrivals)
        return self.whole is None and len(self.placed) == len(self.shop.arrivals) and delivered

    def _customers(self, elapsed: float, since: float) -> None:
        for arrival in self.shop.arrivals:
            reference = arrival.order.reference
            if reference not in self.placed and since >= arrival.at:
                self._place(arrival)
                self.placed_at[reference] = elapsed

    def _integration(self, elapsed: float, look: Look) -> None:
        """Deliver what was noticed to be on its way, and in any case before the grace ends."""
        latest = self.shop.policy.grace.total_seconds() * LATE_SHARE
        for reference, arrival in self.placed.items():
            since = elapsed - self.placed_at[reference]
            noticed = (self.shop.trade.channel, reference) in look.verdicts and since >= LATE_SECONDS
            if arrival.record and reference not in self.delivered and (noticed or since >= latest):
                self._deliver(reference)

    def _restore_if_seen(self, elapsed: float, look: Look) -> None:
        trade = self.shop.trade
        subject = trade.channel, f"connection:{trade.connection('pos')}"
        noticed = Classification.CANNOT_TELL in look.ever.get(subject, frozenset())
        if self.whole is not None and noticed and elapsed >= TORN_FOR:
            put(self.folder / POS_FILE, self.whole)
            self.whole = None
            self.open_till(self.shop)
            self.tell(f"{trade.name}: the torn POS export is whole again")

    def _place(self, arrival: Arrival) -> None:
        now = datetime.now(UTC)
        order = replace(arrival.order, placed_at=now - timedelta(seconds=3), paid_at=now, updated_at=now)
        self.placed[order.reference] = replace(arrival, order=order)
        orders = [*self.shop.cart, *(placed.order for placed in self.placed.values())]
        write_cart(self.folder / self.shop.trade.cart_file, self.shop, orders)
        self.tell(f"{self.shop.trade.name}: a customer places order {order.reference}")

    def _deliver(self, reference: str) -> None:
        record = self.placed[reference].record
        assert record is not None  # noqa: S101 - only those with a record are delivered
        now = datetime.now(UTC)
        received_at = now if self.shop.trade.tells_register else None
        record = replace(record, created_at=now, updated_at=now, received_at=received_at)
        with (self.folder / ARRIVALS_FILE).open("a", encoding="utf-8") as file:
            file.write(json_line(record_line(self.shop, record)))
        self.delivered.add(reference)
        self.tell(f"{self.shop.trade.name}: order {reference} reaches the POS, late and by itself")


def torn(text: str) -> str:
    """Return the file as far as it got: the text breaks off inside a line.

    No order that has several records loses only some of them: a voided record without the live one beside
    it would be another story.
    """
    lines = text.splitlines(keepends=True)
    keys = [edit_family(_reference_in(line)) for line in lines]
    cut = next(index for index in range(len(lines) * 3 // 5, len(lines)) if _splits_nothing(keys, index))
    return "".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2]


def _splits_nothing(keys: list[str], index: int) -> bool:
    before = set(keys[:index]) - {""}
    return keys[index] != "" and before.isdisjoint(keys[index:])


def _reference_in(line: str) -> str:
    return normalise_reference(json.loads(line).get("reference") or "")
