"""Writes: sent once, and every end is accepted, refused for certain, unknown or deferred."""

from __future__ import annotations

import httpx
import pytest

from adapters.http import Bucket, Call
from adapters.sandbox import Request, Response
from reconciler.ports import OutcomeKind
from tests.simulated import Time
from tests.unit.adapters_http.world import SECRET, client, reply, sequence

CREATE = Call(method="POST", path="/orders", body=b'{"id":1}')

ENDS: list[tuple[Response | Exception, OutcomeKind]] = [
    (reply(200, {}), OutcomeKind.ACCEPTED),
    (reply(201, {}), OutcomeKind.ACCEPTED),
    (reply(204), OutcomeKind.ACCEPTED),
    (reply(400), OutcomeKind.REFUSED),
    (reply(401), OutcomeKind.REFUSED),
    (reply(404), OutcomeKind.REFUSED),
    (reply(409), OutcomeKind.REFUSED),
    (reply(422), OutcomeKind.REFUSED),
    (reply(307, location="https://x.test"), OutcomeKind.REFUSED),
    (reply(429), OutcomeKind.DEFERRED),
    (httpx.ConnectError("x"), OutcomeKind.DEFERRED),
    (httpx.ConnectTimeout("x"), OutcomeKind.DEFERRED),
    (httpx.PoolTimeout("x"), OutcomeKind.DEFERRED),
    (reply(302, location="/orders/1"), OutcomeKind.UNKNOWN),
    (reply(303, location="/orders/1"), OutcomeKind.UNKNOWN),
    (reply(408), OutcomeKind.UNKNOWN),
    (reply(500), OutcomeKind.UNKNOWN),
    (reply(502), OutcomeKind.UNKNOWN),
    (reply(503, retry_after="5"), OutcomeKind.UNKNOWN),
    (httpx.ReadTimeout("x"), OutcomeKind.UNKNOWN),
    (httpx.WriteTimeout("x"), OutcomeKind.UNKNOWN),
    (httpx.ReadError("x"), OutcomeKind.UNKNOWN),
    (httpx.WriteError("x"), OutcomeKind.UNKNOWN),
    (httpx.RemoteProtocolError("x"), OutcomeKind.UNKNOWN),
    (reply(201, body=b"plain", content_encoding="gzip"), OutcomeKind.UNKNOWN),
    (reply(201, body=b"x" * 3_000_000), OutcomeKind.UNKNOWN),
]


def describe(end: Response | Exception) -> str:
    """Name a way to end: two of them share a status."""
    if isinstance(end, Exception):
        return type(end).__name__
    return f"{end.status} {len(end.body)} bytes {' '.join(end.headers)}"


@pytest.mark.parametrize(("end", "kind"), ENDS, ids=[describe(end) for end, _ in ENDS])
def test_every_end_of_a_create_has_its_kind(end: Response | Exception, kind: OutcomeKind):
    """Only what certainly was not acted on may be sent again; all else that is no answer is unknown."""
    sent: list[Request] = []

    def vendor(request: Request) -> Response:
        sent.append(request)
        if isinstance(end, Exception):
            raise end
        return end

    world = Time()
    written = client(vendor, world).write(CREATE)
    assert written.kind is kind
    assert len(sent) == 1
    assert world.slept == []
    assert SECRET not in repr(written)


def test_a_deferral_says_for_how_long():
    """The queue learns when to come back."""
    written = client(sequence(reply(429, retry_after="12.5"))).write(CREATE)
    assert (written.kind, written.wait) == (OutcomeKind.DEFERRED, 12.5)


def test_a_limit_that_is_used_up_defers_and_sends_nothing():
    """A create that may not leave now has certainly not been acted on."""
    shop = client(sequence(reply(201, {})), bucket=Bucket(capacity=1, rate=0.001))
    assert shop.write(CREATE).kind is OutcomeKind.ACCEPTED
    second = shop.write(CREATE)
    assert second.kind is OutcomeKind.DEFERRED
    assert "rate limit is used up" in second.words


def test_a_redirected_create_is_not_sent_elsewhere():
    """A write follows no redirect, not even within the site."""
    seen: list[str] = []

    def vendor(request: Request) -> Response:
        seen.append(request.path)
        return reply(307, location="/api/v2/orders")

    client(vendor).write(CREATE)
    assert seen == ["/api/orders"]
