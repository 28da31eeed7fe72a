"""What is outside of us: shops that take orders, and the POS of each with its ledger.

The ledger is a file that is only ever appended to, by the POS alone, at the moment at which it accepts an
order. Nothing of ours can reach it; it is what duplicates are counted in.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock, Timer
from typing import Any, Final

from adapters.sandbox.wire import Request, Response, json_response
from tests.chaos.street import Street

PAGE: Final = 100
#: What the POS may do to a create, once each.
CREATE_FAULTS: Final = (
    "accept_then_drop",
    "accept_then_hang",
    "accept_too_slowly",
    "accept_then_5xx",
    "accept_and_garble",
    "drop_before",
    "hang_before",
)
#: Longer than the client waits.
SLOW_SECONDS: Final = 2.5
#: The share of orders that another integration brings to the POS, where there is one.
BROUGHT: Final = 0.85
#: The share that is cancelled soon, and the share of orders that are placed at Shopify.
CANCELLED: Final = 0.03
STREET_SHARE: Final = 0.08

Row = dict[str, Any]


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


@dataclass
class Shop:
    """One channel's cart and POS."""

    name: str
    keys: bool
    #: Another integration delivers: most orders arrive in the POS by themselves.
    theirs: bool = False
    cart: dict[str, Row] = field(default_factory=dict)
    records: dict[str, Row] = field(default_factory=dict)
    by_key: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    create_faults: deque[str] = field(default_factory=deque)
    #: Until when (monotonic) what is the matter.
    trouble: dict[str, float] = field(default_factory=dict)

    def ails(self, what: str) -> bool:
        """Say whether that trouble is on."""
        return time.monotonic() < self.trouble.get(what, 0.0)


class World:
    """All shops, as one HTTP application; the ledger and what was ordered are its truth."""

    def __init__(self, shops: list[Shop], ledger: Path) -> None:
        self.shops = {shop.name: shop for shop in shops}
        self.struck: Counter[str] = Counter()
        self._ledger = ledger.open("a", encoding="utf-8")
        self._lock = RLock()
        self._number = 0

    def close(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def place(self, shop: Shop) -> str:
        """Let a customer order; return the reference."""
        with self._lock:
            self._number += 1
            at, reference = now().isoformat(), f"{10_000 + self._number}"
            shop.cart[reference] = {
                "reference": reference,
                "placed_at": at,
                "updated_at": at,
                "total": 1000 + self._number,
                "lines": [{"sku": "ROSE-12", "quantity": "1"}],
            }
            return reference

    def cancel(self, shop: Shop, reference: str) -> None:
        """Let a customer change their mind."""
        with self._lock:
            shop.cart[reference] = {
                **shop.cart[reference],
                "cancelled_at": now().isoformat(),
                "updated_at": now().isoformat(),
            }

    def deliver(self, shop: Shop, reference: str) -> None:
        """Let the other integration bring an order."""
        with self._lock:
            row = shop.cart[reference]
            self._accept(shop, {k: row[k] for k in ("reference", "total", "lines")}, "", "theirs")

    def app(self, request: Request) -> Response:
        """Answer a request: ``/SHOP/cart/orders`` or ``/SHOP/pos/orders``."""
        _, name, side, _ = request.path.split("/")
        shop = self.shops[name]
        if shop.ails("revoked") and side == "pos":
            return json_response({"error": "revoked"}, 401)
        if shop.ails("throttled"):
            return json_response({"error": "later"}, 429)
        if shop.ails(f"{side}_down"):
            return json_response({"error": "down"}, 503)
        if request.method == "POST":
            return self._create(shop, request)
        return self._listing(shop.cart if side == "cart" else shop.records, request)

    def _listing(self, rows: dict[str, Row], request: Request) -> Response:
        query = request.query
        with self._lock:
            found = list(rows.values())
        if "references" in query:
            wanted = set(query["references"].split(","))
            found = [row for row in found if row["reference"] in wanted]
            return json_response({"orders": found, "next": None})
        since = query.get("since", "").replace(" ", "+")
        stamp = "updated_at"
        found = [row for row in found if row[stamp] >= since]
        start = int(query.get("page", "0")) * PAGE
        more = str(start // PAGE + 1) if start + PAGE < len(found) else None
        return json_response({"orders": found[start : start + PAGE], "next": more})

    def _create(self, shop: Shop, request: Request) -> Response:
        with self._lock:
            fault = shop.create_faults.popleft() if shop.create_faults else ""
        if fault:
            self.struck[fault] += 1
        if fault in {"drop_before", "hang_before"}:
            return Response(drop=fault == "drop_before", hang=fault == "hang_before")
        with self._lock:
            answer = self._accept_once(shop, request)
        match fault:
            case "accept_then_drop":
                return Response(drop=True)
            case "accept_then_hang":
                return Response(hang=True)
            case "accept_too_slowly":
                time.sleep(SLOW_SECONDS)
            case "accept_then_5xx":
                return json_response({"error": "internal"}, 500)
            case "accept_and_garble":
                return Response(status=200, body=b"<html>", headers={"content-type": "text/html"})
        return answer

    def _accept_once(self, shop: Shop, request: Request) -> Response:
        key = request.headers.get("idempotency-key", "")
        before = shop.by_key.get(key) if shop.keys else None
        if before is not None and before[0] != request.body:
            return json_response({"error": "this key came with other bytes"}, 409)
        if before is not None:
            self._write(shop, "replayed", before[1], request.json()["reference"], key)
            return json_response({"pos_id": before[1]})
        pos_id = self._accept(shop, request.json(), key, "accepted")
        shop.by_key[key] = request.body, pos_id
        return json_response({"pos_id": pos_id}, 201)

    def _accept(self, shop: Shop, order: Row, key: str, event: str) -> str:
        at, pos_id = now().isoformat(), f"P{len(shop.records) + 1}"
        told = {"pos_id": pos_id, "created_at": at, "updated_at": at, "status": "open"}
        shop.records[pos_id] = {**order, **told}
        self._write(shop, event, pos_id, order["reference"], key)
        return pos_id

    def _write(self, shop: Shop, event: str, pos_id: str, reference: str, key: str) -> None:
        line = {"at": now().isoformat(), "shop": shop.name, "event": event, "pos_id": pos_id}
        self._ledger.write(json.dumps({**line, "reference": reference, "key": key}) + "\n")
        self._ledger.flush()


def read_ledger(path: Path) -> list[Row]:
    """Return what the POS really accepted."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@dataclass
class Customers:
    """Orders that keep coming: most stay, some are cancelled at once; the other integration loses some."""

    world: World
    rng: Any
    street: Street
    placed: dict[tuple[str, str], datetime] = field(default_factory=dict)
    cancelled: set[tuple[str, str]] = field(default_factory=set)
    _later: list[Timer] = field(default_factory=list)

    def order(self) -> None:
        """Place one order, in a shop drawn at random."""
        if self.rng.random() < STREET_SHARE:
            self.order_in_street()
            return
        shop = self.rng.choice(list(self.world.shops.values()))
        reference = self.world.place(shop)
        key = (shop.name, reference)
        self.placed[key] = now()
        if shop.theirs and self.rng.random() < BROUGHT:
            self._after(0.5, lambda: self.world.deliver(shop, reference))
        else:
            self._may_cancel(key, lambda: self.world.cancel(shop, reference))

    def order_in_street(self) -> None:
        """Place one order at Shopify."""
        reference = self.street.place()
        key = (self.street.name, reference)
        self.placed[key] = now()
        self._may_cancel(key, lambda: self.street.cancel(reference))

    def _may_cancel(self, key: tuple[str, str], cancel: Callable[[], None]) -> None:
        if self.rng.random() < CANCELLED:
            self.cancelled.add(key)
            self._after(self.rng.uniform(0, 2), cancel)

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        timer = Timer(seconds, what)
        timer.daemon = True
        timer.start()
        self._later.append(timer)

    @property
    def idle(self) -> bool:
        """Say whether nothing of theirs is under way."""
        return not any(timer.is_alive() for timer in self._later)
