"""A vendor made of a function, a clock that only sleep moves, and a client in front of both."""

from __future__ import annotations

import httpx

from adapters.http import Bucket, HttpClient, Limits, RateLimiter, Site
from adapters.sandbox import App, AppTransport, Request, Response, json_response
from tests.simulated import Time, tools

SECRET = "shpat_0123456789abcdef"
WIDE = Bucket(1000, 100)


def client(
    vendor: App | httpx.BaseTransport,
    world: Time | None = None,
    *,
    base_url: str = "https://shop.test/api",
    limiter: RateLimiter | None = None,
    limits: Limits | None = None,
    bucket: Bucket = WIDE,
) -> HttpClient:
    """Return a client of a vendor."""
    world = world or Time()
    shared = tools(vendor, world, limiter=limiter)
    return HttpClient(Site(base_url, "shop", bucket), shared, {"x-access-token": SECRET}, limits)


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
