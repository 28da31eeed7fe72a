"""Runs a Square sandbox until it is told to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from adapters.sandbox import Running, running
from adapters.square.sandbox.app import TOKEN, SquareSandbox
from adapters.square.sandbox.ledger import Ledger
from adapters.square.sandbox.seed import MAIN, furnish


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """What store to play."""

    port: int = 0
    token: str = TOKEN
    currency: str = "USD"
    #: SKUs that it sells beside its own articles, for example those of the cart it is rehearsed with.
    skus: tuple[str, ...] = ()
    #: Where it writes what it really accepted.
    ledger: Path | None = None
    #: Calls a second before it answers 429.
    rate: float = 25.0


def make_sandbox(options: SandboxOptions) -> SquareSandbox:
    """Return a store with its locations and articles."""
    sandbox = SquareSandbox(ledger=Ledger(options.ledger), token=options.token)
    sandbox.gate.throttle.rate = sandbox.gate.throttle.burst = options.rate
    furnish(sandbox.store, options.currency, options.skus)
    return sandbox


@contextmanager
def serving(options: SandboxOptions) -> Iterator[tuple[SquareSandbox, Running]]:
    """Run a store on loopback while the block runs."""
    sandbox = make_sandbox(options)
    with running(sandbox.app, options.port) as server:
        yield sandbox, server


def serve(options: SandboxOptions, say: Callable[[str], None], stop: Event | None = None) -> None:
    """Run a store until ``stop`` is set or the person presses Ctrl-C; ``say`` prints where it is."""
    with serving(options) as (_, server):
        say(f"Square sandbox at {server.url}, location {MAIN}, access token {options.token}")
        say(f"faults: {server.url}/_sandbox/faults, sales at the till: POST {server.url}/_sandbox/sales")
        try:
            (stop or Event()).wait()
        except KeyboardInterrupt:
            say("stopped")
