"""A shop at Shopify and a till at Square: the vendors' sandboxes, as processes of their own.

They are reached as a merchant's are, over HTTP and through the program's own adapters. The till's ledger is
a file that its process alone appends to, at the moment at which it accepts something.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from adapters.shopify.sandbox import ShopifyOptions
from adapters.shopify.sandbox.rows import line, order, payment
from adapters.shopify.sandbox.store import stamp
from adapters.square.sandbox import MAIN, TOKEN
from reconciler.demo.processes import Child, command, stop_marks, wait_until

Row = dict[str, Any]

#: The variables that hold the credentials while the channel file is applied.
SECRETS: Final = {"RECONCILER_SECRET_SHOP": ShopifyOptions().token, "RECONCILER_SECRET_TILL": TOKEN}
#: What Square may do to one of the two calls of a create.
BREAKS: Final = ("drop_after", "hang_after", "fail_after", "drop_before", "hang_before", "fail_before")
CREATES: Final = tuple(f"square.{name}.{of}" for name in BREAKS for of in ("orders", "payments"))
#: What goes wrong for a while, with its settings.
SPELLS: Final[Mapping[str, Mapping[str, str]]] = {
    "square.throttle": {"times": "4"},
    "square.unavailable": {},
    "square.missing_page": {},
    "square.search_lag": {"seconds": "4"},
    "square.revoked_token": {},
    "square.bare_401": {},
    "square.html": {},
    "shopify.throttle": {"times": "2"},
    "shopify.server_error": {},
    "shopify.bad_gateway": {},
    "shopify.internal_error": {"times": "3"},
    "shopify.time_out": {"times": "3"},
    "shopify.drop": {"times": "6"},
    "shopify.failing_page": {},
    "shopify.moving_row": {},
    "shopify.revoked_token": {},
    "shopify.refused_once": {"times": "1"},
    "shopify.html": {},
}
#: What the shop sells and the till knows.
GOODS: Final = (("ROSE-12", "Dozen roses", "49.20"), ("CARD", "Greeting card", "3.00"))
_ADDRESS: Final = re.compile(r"sandbox at (http://[\w.]+:\d+),")
_PATIENCE: Final = 60.0
#: How the proving ground itself calls the sandboxes: not by way of a proxy that the caller may have.
_CALL: Final[dict[str, Any]] = {"timeout": _PATIENCE, "trust_env": False}
_CHANNEL: Final = """
[[merchant]]
code = "{name}"
name = "{name}"
timezone = "UTC"

  [[merchant.connection]]
  name = "{name}-cart"
  kind = "cart"
  vendor = "shopify"
  base_url = "{shopify}"
  credentials = {{ access_token = "env:RECONCILER_SECRET_SHOP" }}

  [[merchant.connection]]
  name = "{name}-pos"
  kind = "pos"
  vendor = "square"
  base_url = "{square}"
  credentials = {{ access_token = "env:RECONCILER_SECRET_TILL" }}
  options = {{ calls_per_second = 100 }}

  [[merchant.channel]]
  name = "{name}"
  cart = "{name}-cart"
  pos = "{name}-pos"
  location = "{location}"
  poll_interval = "2s"
  grace = "4s"
  delivery = "ours"
  lookups = ["1s", "2s", "3s"]
  live_from = 2020-01-01T00:00:00Z
"""


@dataclass
class Street:
    """Both sandboxes. ``close`` ends them, at any time."""

    name: str = "street"
    keys: bool = True
    theirs: bool = False
    #: Faults of a create that are on, and how often one struck.
    struck: Counter[str] = field(default_factory=Counter)
    children: dict[str, Child] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    _ledger: Path = Path()
    _rows: dict[str, Row] = field(default_factory=dict)
    _on: set[str] = field(default_factory=set)

    def open(self, folder: Path, environ: Mapping[str, str]) -> None:
        """Start both, and wait until they say where they are; ``folder`` keeps their logs and the ledger."""
        self._ledger = folder / "square-ledger.jsonl"
        self._ledger.touch()
        words = {
            # Our own limit of calls, not the till's, is what the adapters are held to here.
            "square": ("--ledger", str(self._ledger), "--rate", "1000"),
            "shopify": ("--orders", "0"),
        }
        for name, options in words.items():
            program = command("reconciler", "sandbox", name, *options)
            self.children[name] = Child(name, program, folder, environ)
        for name, child in self.children.items():
            wait_until(lambda child=child: _said(child) is not None, _PATIENCE)  # type: ignore[misc]
            if (found := _said(child)) is None:
                raise RuntimeError(f"the {name} sandbox does not say where it is: {child.log}")
            self.urls[name] = found[1]

    def channel(self) -> str:
        """Return what the channel file says of it."""
        return _CHANNEL.format(name=self.name, location=MAIN, **self.urls)

    def place(self) -> str:
        """Let a customer order; return the reference."""
        number = 50_001 + len(self._rows)
        at = datetime.now(UTC)
        goods = GOODS[: 1 + number % 2]
        lines = [line(number * 10 + i, sku, name, price) for i, (sku, name, price) in enumerate(goods)]
        self._put(row := order(number, at, lines))
        self._rows[reference := str(row["name"]).removeprefix("#")] = row
        return reference

    def cancel(self, reference: str) -> None:
        """Let a customer change their mind and get their money back."""
        row, at = self._rows[reference], datetime.now(UTC)
        back = payment("REFUND", row["totalPriceSet"]["shopMoney"]["amount"], at)
        moved = {"cancelledAt": stamp(at), "updatedAt": stamp(at), "displayFinancialStatus": "REFUNDED"}
        self._put({**row, **moved, "transactions": [*row["transactions"], back]})

    def strike(self, kind: str, times: int) -> None:
        """Let a fault strike: one of a create so often, any other until ``calm`` where it has no number."""
        side, fault, *of = kind.split(".")
        for other in [on for on in self._on if on.split(".")[:2] == [side, fault]]:
            self.calm(other)
        settings = {"times": str(times), "of": of[0]} if of else SPELLS[kind]
        httpx.post(self._switch(kind), params=settings, **_CALL).raise_for_status()
        self._on.add(kind)

    def calm(self, kind: str) -> None:
        """End a fault, if it is on; count it when it is one of a create and has struck as often as told."""
        if kind not in self._on:
            return
        self._on.discard(kind)
        side, fault, *of = kind.split(".")
        known = httpx.get(f"{self.urls[side]}/_sandbox/faults", **_CALL).json()["faults"]
        self.struck[kind] += bool(of) and not known[fault]["on"]
        httpx.delete(self._switch(kind), **_CALL).raise_for_status()

    def calm_all(self) -> None:
        """End every fault."""
        for kind in list(self._on):
            self.calm(kind)

    def ledger(self) -> list[Row]:
        """Return what Square really accepted: orders made (``accepted``), and paid, which shows them."""
        named: dict[str, str] = {}
        lines: list[Row] = []
        for text in self._ledger.read_text(encoding="utf-8").splitlines():
            told = json.loads(text)
            if told["event"] == "order_created":
                named[told["order_id"]] = told["reference"]
            event = {"order_created": "accepted", "payment_recorded": "paid"}.get(told["event"])
            if event:
                where = {"shop": self.name, "reference": named[told["order_id"]], "pos_id": told["order_id"]}
                lines.append({"at": told["at"], "event": event, **where, "key": told.get("key", "")})
        return lines

    def close(self) -> None:
        """End both processes."""
        children = list(self.children.values())
        stop_marks([child.mark for child in children], reap=lambda: [c.process.poll() for c in children])

    def _put(self, row: Row) -> None:
        httpx.post(f"{self.urls['shopify']}/_sandbox/orders", json=row, **_CALL).raise_for_status()

    def _switch(self, kind: str) -> str:
        side, fault, *_ = kind.split(".")
        return f"{self.urls[side]}/_sandbox/faults/{fault}"


def _said(child: Child) -> re.Match[str] | None:
    child.check()
    return _ADDRESS.search(child.log.read_text(encoding="utf-8"))
