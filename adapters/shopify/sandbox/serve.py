"""Runs a Shopify sandbox until it is told to stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from adapters.sandbox import Running, running
from adapters.shopify.sandbox.app import ShopifySandbox
from adapters.shopify.sandbox.recordings import recorded_orders
from adapters.shopify.sandbox.rows import seeded
from adapters.shopify.sandbox.schema import full_schema
from reconciler.domain.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopifyOptions:
    """What shop to play."""

    port: int = 0
    token: str = "shpat_sandbox"  # noqa: S105 - opens nothing but this sandbox
    orders: int = 50
    seed: int = 1
    #: A folder of recorded answers whose orders are put into the shop.
    recordings: Path | None = None
    #: What the token may spend again each second: 100, or 1000 where the shop has a Plus plan.
    rate: float = 100.0
    #: The published schema, to answer more than our part of it.
    schema: Path | None = None


def make_sandbox(options: ShopifyOptions) -> ShopifySandbox:
    """Return a shop with its orders; raise InputError when a file cannot be used."""
    sandbox = ShopifySandbox()
    if options.schema is not None:
        sandbox.schema = full_schema(_text(options.schema))
    sandbox.tokens = {options.token: ("read_all_orders", "read_orders")}
    sandbox.throttle.restore_rate, sandbox.throttle.maximum = options.rate, 20 * options.rate
    sandbox.store.load(seeded(options.orders, sandbox.clock(), options.seed))
    if options.recordings is not None:
        sandbox.store.load(recorded_orders(_payloads(options.recordings)).rows)
    return sandbox


@contextmanager
def serving(options: ShopifyOptions) -> Iterator[tuple[ShopifySandbox, Running]]:
    """Run a shop on loopback while the block runs."""
    sandbox = make_sandbox(options)
    with running(sandbox.app, options.port) as server:
        yield sandbox, server


def serve(options: ShopifyOptions, say: Callable[[str], None], stop: Event | None = None) -> None:
    """Run a shop until ``stop`` is set or the person presses Ctrl-C; ``say`` prints where it is."""
    with serving(options) as (sandbox, server):
        say(f"Shopify sandbox at {server.url}, {len(sandbox.store.rows())} orders, token {options.token}")
        say(f"faults: {server.url}/_sandbox/faults, orders of customers: POST {server.url}/_sandbox/orders")
        try:
            (stop or Event()).wait()
        except KeyboardInterrupt:
            say("stopped")


def _payloads(folder: Path) -> Iterator[Any]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", next_step="name the folder of the recorded answers")
    for path in sorted(folder.rglob("*.json")):
        try:
            yield json.loads(_text(path))
        except ValueError:
            raise InputError(f"{path} is no JSON", next_step="mend it or take it away") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        raise InputError(f"{path} cannot be read", next_step="check the path") from None
