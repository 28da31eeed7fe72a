"""What the store knows: locations, articles, orders, payments, and the keys under which things were made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from threading import RLock
from typing import Any

from adapters.sandbox import SandboxClock
from adapters.square.sandbox.ledger import Ledger
from adapters.square.sandbox.refusal import RefusedCall, not_found

#: A JSON object.
Row = dict[str, Any]


def stamp(moment: datetime) -> str:
    """Write a time as Square does."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: Any, field_name: str = "") -> datetime:
    """Read a time; refuse what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise RefusedCall("INVALID_TIME", f"`{text}` is not a valid time.", field_name)
    return found.astimezone(UTC)


@dataclass
class Store:
    """One seller's account. Every change happens under ``lock``."""

    clock: SandboxClock
    ledger: Ledger = field(default_factory=Ledger)
    merchant: Row = field(default_factory=dict)
    locations: dict[str, Row] = field(default_factory=dict)
    catalog: dict[str, Row] = field(default_factory=dict)
    orders: dict[str, Row] = field(default_factory=dict)
    payments: dict[str, Row] = field(default_factory=dict)
    refunds: dict[str, Row] = field(default_factory=dict)
    #: When each order reached Square: a till that was offline hands its sales in late.
    arrivals: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = RLock()
        self._keys: dict[tuple[str, str], tuple[str, Row]] = {}
        self._numbers = count(1)

    def new_id(self, kind: str) -> str:
        """Return an id that nothing else has, of the shape that Square's have."""
        text = f"{kind}/{next(self._numbers)}"
        return sha256(text.encode()).hexdigest()[:20].upper() + "ZY"

    def now(self) -> str:
        """Return the present as Square writes it."""
        return stamp(self.clock())

    def once(self, endpoint: str, key: str | None, body: Mapping[str, Any], make: Callable[[], Row]) -> Row:
        """Return what ``make`` makes; under a key that was used before, what it made then.

        The same key with another body is refused. A refused call uses no key up.
        """
        if not key:
            return make()
        digest = sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        known = self._keys.get((endpoint, key))
        if known is None:
            made = make()
            self._keys[endpoint, key] = (digest, json.loads(json.dumps(made)))
            return made
        if known[0] != digest:
            detail = "Different request parameters used for the same idempotency_key."
            raise RefusedCall("IDEMPOTENCY_KEY_REUSED", detail)
        replayed: Row = json.loads(json.dumps(known[1]))
        return replayed

    def forget_keys(self) -> None:
        """Know no key any more, as after their life has ended."""
        self._keys.clear()

    def made_under(self, endpoint: str, key: str) -> Row | None:
        """Return what was made under a key."""
        known = self._keys.get((endpoint, key))
        return known[1] if known else None

    def order(self, order_id: str) -> Row:
        """Return an order that has arrived; refuse an id that nothing has."""
        order = self.orders.get(order_id)
        if order is None or self.arrivals[order_id] > self.clock():
            raise not_found(f"Order not found for id {order_id}")
        return order

    def put_order(self, order: Row, arrives_at: datetime | None = None) -> None:
        """Keep an order."""
        self.orders[order["id"]] = order
        self.arrivals.setdefault(order["id"], arrives_at or self.clock())

    def touch(self, order: Row) -> None:
        """Note that an order changed now."""
        order["version"] = order.get("version", 1) + 1
        order["updated_at"] = self.now()

    def location(self, location_id: Any, field_name: str = "location_id") -> Row:
        """Return a location; refuse an id that none has."""
        location = self.locations.get(str(location_id))
        if location is None:
            raise RefusedCall("INVALID_VALUE", f"Location `{location_id}` is not this seller's.", field_name)
        return location
