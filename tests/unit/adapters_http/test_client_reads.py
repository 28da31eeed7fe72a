"""Reads: tried again within bounds, and every way to fail is one line with a next step."""

from __future__ import annotations

import gzip
import logging
import traceback
from collections.abc import Mapping
from datetime import timedelta

import httpx
import pytest

from adapters.http import Bucket, Call, Limits, TooLargeError
from adapters.sandbox import Request, Response
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError, VendorError
from tests.builders import NOW
from tests.simulated import Time
from tests.unit.adapters_http.world import SECRET, client, reply, sequence

OK = reply(json={"ok": True})
CALL = Call(path="/orders")


def test_a_good_answer_is_read_at_once():
    """One request, the JSON, and the credentials went along."""
    seen: list[Request] = []

    def vendor(request: Request) -> Response:
        seen.append(request)
        return OK

    assert client(vendor).read_json(Call(path="/orders", params={"page": "2"})) == {"ok": True}
    assert [request.target for request in seen] == ["/api/orders?page=2"]
    assert seen[0].headers["x-access-token"] == SECRET


@pytest.mark.parametrize(
    "trouble",
    [httpx.ReadTimeout("x"), httpx.ConnectError("x"), httpx.RemoteProtocolError("x")]
    + [reply(status) for status in (408, 429, 500, 502, 503, 504, 520)],
    ids=lambda trouble: str(getattr(trouble, "status", type(trouble).__name__)),
)
def test_a_passing_trouble_is_tried_again(trouble):
    """Time-outs, resets, "later" and 5xx do not fail a read that fares better the next time."""
    world = Time()
    assert client(sequence(trouble, trouble, OK), world).read_json(CALL) == {"ok": True}
    assert len(world.slept) == 2


def test_tries_are_bounded():
    """A host that stays down costs five tries and less than a minute, then one line."""
    world = Time()
    with pytest.raises(
        UnreachableError, match=r"https://shop\.test did not answer in time; it is tried again"
    ):
        client(sequence(httpx.ReadTimeout("x")), world).read_json(CALL)
    assert len(world.slept) == 4
    assert sum(world.slept) < 60


def test_pauses_grow_and_are_spread():
    """Each pause lies between half of a doubling bound and the bound."""
    world = Time()
    with pytest.raises(UnreachableError):
        client(sequence(reply(500)), world).read_json(CALL)
    for pause, bound in zip(world.slept, (0.5, 1, 2, 4), strict=True):
        assert bound / 2 <= pause <= bound


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("2.5", 2.5),
        ("Fri, 20 Nov 2026 15:00:09 GMT", 9),
        ("2026-11-20T15:00:04Z", 4),
        ("Fri, 20 Nov 2026 14:00:00 GMT", 0),
        ("-3", 0),
    ],
)
def test_a_retry_after_is_heeded_in_every_form(header, seconds):
    """Seconds, fractions, dates: the pause is what the server asked for, and a little more."""
    world = Time()
    busy = reply(429, retry_after=header, date="Fri, 20 Nov 2026 15:00:00 GMT")
    client(sequence(busy, OK), world).read_json(CALL)
    assert seconds <= sum(world.slept) <= seconds + 0.1


@pytest.mark.parametrize("header", ["soon", "", "nan", "inf", "99999999999999999999999999d"])
def test_a_retry_after_that_is_none_falls_back_to_our_own_pause(header):
    """Nonsense neither crashes nor waits for ever."""
    world = Time()
    client(sequence(reply(429, retry_after=header), OK), world).read_json(CALL)
    assert 0.25 <= sum(world.slept) <= 0.5


def test_a_retry_after_date_counts_from_the_servers_clock():
    """A server whose clock is an hour ahead of ours is waited for ten seconds, not for an hour."""
    world = Time()
    later, date = "Fri, 20 Nov 2026 16:00:10 GMT", "Fri, 20 Nov 2026 16:00:00 GMT"
    busy = reply(503, retry_after=later, date=date)
    client(sequence(busy, OK), world).read_json(CALL)
    assert 10 <= sum(world.slept) < 11


def test_nobody_waits_longer_than_its_patience():
    """A server that wants an hour of rest gets it: the read ends at once and says so."""
    world = Time()
    with pytest.raises(UnreachableError, match=r"status 429\), and asks for 3600 s of rest"):
        client(sequence(reply(429, retry_after="3600")), world).read_json(CALL)
    assert world.slept == []


def test_all_workers_heed_a_retry_after():
    """After a 429 another client of the same connection waits too."""
    world = Time()
    first = client(sequence(reply(429, retry_after="30")), world, limits=Limits(tries=1))
    with pytest.raises(UnreachableError):
        first.read_json(CALL)
    second = client(sequence(OK), world, limiter=first._tools.limiter)
    second.read_json(CALL)
    assert 30 <= sum(world.slept) < 31


LOGIN = b"<!DOCTYPE html><html><title>Log in</title></html>"
CASES = {
    "a login page": (reply(body=LOGIN), MalformedError, "web page instead of JSON", "check base_url"),
    "HTML called JSON": (
        reply(body=LOGIN, content_type="application/json"),
        MalformedError,
        "web page",
        "check base_url",
    ),
    "an HTML 404": (reply(404, body=LOGIN), UnreachableError, "no such address", "check base_url"),
    "nothing": (reply(), MalformedError, "empty answer", "check base_url"),
    "spaces": (reply(body=b" \n"), MalformedError, "empty answer", "check base_url"),
    "broken JSON": (reply(body=b'{"a":'), MalformedError, "no JSON", "kept answer"),
    "a CSV": (
        reply(body=b"a;b", content_type="text/csv"),
        MalformedError,
        "no JSON (text/csv, 3 bytes)",
        "kept answer",
    ),
    "NaN": (reply(body=b'{"total": NaN}'), MalformedError, "no JSON", "kept answer"),
    "nested without end": (reply(body=b"[" * 100_000), MalformedError, "no JSON", "kept answer"),
    "no UTF-8": (reply(body=b'{"a":"\xff\xfe"}'), MalformedError, "no JSON", "kept answer"),
    "no gzip": (
        reply(body=b"plain", content_encoding="gzip"),
        MalformedError,
        "cannot be unpacked",
        "proxy",
    ),
    "a revoked token": (reply(401, {}), AuthError, "refuses the credentials", "renew"),
    "a forbidden call": (reply(403, {}), AuthError, "refuses the credentials", "renew"),
    "a move": (
        reply(302, location="https://user:pw@login.test/x?token=1"),
        UnreachableError,
        "redirects to https://login.test/x",
        "set base_url",
    ),
    "a move to nowhere": (reply(301), UnreachableError, "redirects to nowhere", "base_url"),
    "a crooked move": (
        reply(301, location="https://[broken"),
        UnreachableError,
        "redirects to nowhere",
        "base_url",
    ),
    "a refusal": (reply(422, {}), MalformedError, "refuses the request (status 422)", "kept"),
    "a gone version": (reply(410, {}), UnreachableError, "no such address", "check base_url"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_bad_answer_is_one_line_with_a_next_step(case):
    """A person sees what came from where and what to do, on one line and without a secret."""
    answer, kind, words, next_step = CASES[case]
    with pytest.raises(kind) as caught:
        client(sequence(answer)).read_json(CALL)
    assert words in caught.value.message
    assert next_step in caught.value.next_step
    assert "\n" not in str(caught.value)
    assert "pw" not in str(caught.value).split()
    assert "token" not in str(caught.value)


def test_an_empty_answer_that_means_nothing_found_is_none():
    """204 is an answer."""
    assert client(sequence(reply(204))).read_json(CALL) is None


def test_gzip_and_a_byte_order_mark_are_read_through():
    """What servers and proxies add is taken off."""
    body = gzip.compress(b'\xef\xbb\xbf{"a": 1.10}')
    answer = reply(body=body, content_encoding="gzip")
    assert str(client(sequence(answer)).read_json(CALL)["a"]) == "1.10"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"\ud83d cut", "\ufffd cut"),
        (rb"\ud83d\ude00 whole", "\U0001f600 whole"),
        (rb"\\ud83d spelt out", r"\ud83d spelt out"),
        (rb"\ude00\ud83d", "\ufffd\ufffd"),
    ],
)
def test_half_a_character_does_not_cost_the_page(written, read):
    """A text that was cut in the middle of an emoji is mended; all others stay as they are."""
    assert client(sequence(reply(body=b'["' + written + b'"]'))).read_json(CALL) == [read]


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_over_two_megabytes_is_not_read_to_its_end(packed):
    """A huge answer, or a small one that unpacks into a huge one, is given up with a line of its own."""
    body = b'"' + b"x" * (2 * 1024 * 1024) + b'"'
    answer = reply(body=gzip.compress(body), content_encoding="gzip") if packed else reply(body=body)
    with pytest.raises(TooLargeError, match="larger than 2 MB; ask for less at once"):
        client(sequence(answer)).read_json(CALL)


def test_a_body_of_just_under_two_megabytes_is_read():
    """The bound is no obstacle to a big page."""
    body = b'"' + b"x" * (2 * 1024 * 1024 - 2) + b'"'
    assert len(client(sequence(reply(body=body))).read_json(CALL)) == 2 * 1024 * 1024 - 2


def test_an_answer_that_trickles_for_ever_is_given_up():
    """Bytes that keep coming do not keep a worker."""
    world = Time()

    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            while True:
                world.now += timedelta(seconds=10)
                yield b" "

    vendor = httpx.MockTransport(lambda _: httpx.Response(200, stream=Trickle()))
    with pytest.raises(UnreachableError, match="did not finish its answer in time"):
        client(vendor, world, limits=Limits(tries=1)).read_json(CALL)


def test_a_redirect_within_the_site_is_followed_and_one_away_from_it_is_not():
    """The credentials go to the same origin only; http and another port are other origins."""
    seen: list[str] = []

    def vendor(request: Request) -> Response:
        seen.append(request.path)
        if request.path == "/api/orders":
            return reply(307, location="/api/v2/orders")
        if request.path == "/api/v2/orders":
            return reply(302, location="http://shop.test/api/v3/orders")
        return OK

    with pytest.raises(UnreachableError, match=r"redirects to http://shop\.test/api/v3/orders"):
        client(vendor).read_json(CALL)
    assert seen == ["/api/orders", "/api/v2/orders"]


def test_redirects_in_a_circle_end():
    """A site that redirects to itself is reported, not followed for ever."""
    with pytest.raises(UnreachableError, match="redirects to"):
        client(sequence(reply(307, location="/api/orders"))).read_json(CALL)


def test_a_posted_read_is_not_turned_into_a_get():
    """A 302 to a POST would lose its body, so it is reported."""
    moved = reply(302, location="/api/elsewhere")
    with pytest.raises(UnreachableError, match="/api/elsewhere"):
        client(sequence(moved, OK)).read_json(Call(method="POST", path="/graphql", body=b"{}"))


def test_the_servers_clock_is_noted():
    """The offset of the server's clock is known after a call, to half a second or so."""
    vendor = client(sequence(reply(json=1, date="Fri, 20 Nov 2026 15:05:00 GMT")))
    vendor.read_json(CALL)
    assert abs(vendor.clock_offset - timedelta(minutes=5)) <= timedelta(seconds=1)


@pytest.mark.parametrize("text", ["", "yesterday", "Fri, 99 Nov 2026 15:05:00 GMT"])
def test_a_server_without_a_usable_date_moves_nothing(text):
    """What is no date is not taken for one."""
    vendor = client(sequence(reply(json=1, date=text)))
    vendor.read_json(CALL)
    assert vendor.clock_offset == timedelta()


def test_evidence_is_kept_without_credentials():
    """The exchange can be shown to the vendor: its words and bodies, but no token however it is spelt."""
    echo = reply(json={"you": f"sent {SECRET}"}, set_cookie="session=1")
    vendor = client(sequence(echo))
    vendor.read(Call(method="POST", path="/orders", params={"t": SECRET}, body=b'{"note":"hello"}'))
    kept = vendor.evidence[-1]
    everything = str(
        (kept.url, kept.request_headers, kept.request_body, kept.answer_headers, kept.answer_body)
    )
    assert SECRET not in everything
    assert "session=1" not in everything
    assert kept.request_body == '{"note":"hello"}'
    assert (kept.at, kept.method, kept.status) == (NOW, "POST", 200)
    assert "hello" not in repr(kept)


def test_only_the_latest_evidence_is_kept():
    """A long read does not fill the memory."""
    vendor = client(sequence(OK))
    for _ in range(50):
        vendor.read(CALL)
    assert len(vendor.evidence) == 20


def test_credentials_are_in_no_log_repr_or_traceback(caplog):
    """Whatever fails, nothing that is printed holds the token."""
    caplog.set_level(logging.DEBUG)
    for trouble in (httpx.ReadTimeout(SECRET), httpx.ConnectError(SECRET), reply(401, body=SECRET.encode())):
        vendor = client(sequence(trouble), limits=Limits(tries=1))
        try:
            vendor.read_json(Call(path="/orders", headers={"x-more": "1"}))
        except VendorError as error:
            shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
        assert SECRET not in shown
        assert SECRET not in repr(vendor) + repr(vendor.evidence) + str(vars(vendor)["_redactor"])
    assert SECRET not in caplog.text


def test_no_cookie_is_carried_from_one_call_to_the_next():
    """Connections share a pool, so a session of one shop must not reach another."""
    seen: list[Mapping[str, str]] = []

    def vendor(request: Request) -> Response:
        seen.append(request.headers)
        return reply(json=1, set_cookie="session=1; Path=/")

    shop = client(vendor)
    shop.read_json(CALL)
    shop.read_json(CALL)
    assert all("cookie" not in headers for headers in seen)


def test_calls_are_spread_by_the_limit():
    """When the bucket is empty, a call waits for it to fill."""
    world = Time()
    shop = client(sequence(OK), world, bucket=Bucket(capacity=10, rate=2))
    for _ in range(14):
        shop.read_json(CALL)
    assert world.seconds() == pytest.approx(2.0)


def test_a_limit_that_is_used_up_for_long_is_said():
    """Nobody sleeps for minutes with a lease in hand."""
    world = Time()
    shop = client(sequence(OK), world, bucket=Bucket(capacity=1, rate=0.001))
    shop.read_json(CALL)
    with pytest.raises(UnreachableError, match="may not be asked again for 1000 s"):
        shop.read_json(CALL)
    assert world.slept == []
