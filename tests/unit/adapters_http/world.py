"""A vendor made of a function, a clock that only sleep moves, and a client in front of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import httpx

from adapters.http import Bucket, HttpClient, Limits, LocalLimiter, RateLimiter, Site, Tools, make_session
from adapters.sandbox import App, AppTransport, Request, Response, json_response

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SECRET = "shpat_0123456789abcdef"
WIDE = Bucket(1000, 100)


@dataclass
class World:
    """Time that passes only in ``sleep``."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)

    def clock(self) -> datetime:
        """Return the present moment."""
        return self.now

    def seconds(self) -> float:
        """Return how many seconds have passed."""
        return (self.now - START).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


def client(
    vendor: App | httpx.BaseTransport,
    world: World | None = None,
    *,
    base_url: str = "https://shop.test/api",
    limiter: RateLimiter | None = None,
    limits: Limits | None = None,
    bucket: Bucket = WIDE,
) -> HttpClient:
    """Return a client of a vendor."""
    world = world or World()
    transport = vendor if isinstance(vendor, httpx.BaseTransport) else AppTransport(vendor)
    tools = Tools(
        session=make_session(transport),
        clock=world.clock,
        limiter=limiter or LocalLimiter(world.seconds),
        sleep=world.sleep,
        random=Random(7),
    )
    return HttpClient(Site(base_url, "shop", bucket), tools, {"x-access-token": SECRET}, limits)


def reply(status: int = 200, json: object = None, *, body: bytes | None = None, **headers: str) -> Response:
    """Return a vendor's answer; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is None and json is not None:
        return json_response(json, status, named)
    return Response(status=status, headers=named, body=body or b"")


def sequence(*answers: Response | Exception) -> httpx.BaseTransport:
    """Return a vendor that answers one after the other; the last one for ever."""
    left = list(answers)

    def answer(_: Request) -> Response:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return AppTransport(answer)
