"""What all HTTP connections of a process share, and a test replaces: pool, clock, sleep, chance, limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from random import Random
from typing import Final

import httpx

from adapters.http.limits import LocalLimiter, RateLimiter
from adapters.http.valkey_limits import shared_limiter
from reconciler.ports import Clock

USER_AGENT: Final = "reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """Shared by all connections of a process; safe to use from several threads."""

    session: httpx.Client
    clock: Clock
    limiter: RateLimiter
    sleep: Callable[[float], None] = time.sleep
    random: Random = field(default_factory=Random)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how large and how often, for one connection."""

    connect_seconds: float = 5.0
    #: The longest silence.
    read_seconds: float = 30.0
    #: The longest a whole answer may take to arrive, however busily it trickles.
    whole_seconds: float = 90.0
    #: The largest answer, unpacked.
    body_bytes: int = 2 * 1024 * 1024
    #: How often a read is tried in all.
    tries: int = 5
    #: How long one read may wait in all, for the limit and between tries.
    patience_seconds: float = 120.0


def make_session(transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a pool of connections that keeps no cookies and follows no redirects."""
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(
        transport=transport, follow_redirects=False, cookies=jar, headers={"user-agent": USER_AGENT}
    )


@contextmanager
def make_tools(clock: Clock, valkey_url: str | None) -> Iterator[Tools]:
    """Open what a process needs; without a Valkey the limits hold within this process only."""
    limiter = shared_limiter(valkey_url, time.monotonic) if valkey_url else LocalLimiter(time.monotonic)
    with make_session() as session:
        yield Tools(session=session, clock=clock, limiter=limiter)
