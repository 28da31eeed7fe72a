"""What sandboxes share: faults switched while they run, a clock that is moved, a server that ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.sandbox import (
    AppTransport,
    Faults,
    Request,
    Response,
    SandboxClock,
    Table,
    dated,
    html_response,
    json_response,
    running,
    with_control,
)
from reconciler.domain.errors import InputError

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
KNOWN = {"lag": "shows changes late", "drop": "hangs up"}


@pytest.fixture
def faults() -> Faults:
    """Two faults, both off."""
    return Faults(KNOWN)


def strikes(faults: Faults, calls: int) -> list[bool]:
    """Return which of so many calls were struck."""
    return [faults.strike("drop") is not None for _ in range(calls)]


def test_a_fault_that_is_off_strikes_nobody(faults):
    """A sandbox begins healthy."""
    assert not any(strikes(faults, 3))
    assert faults.on("drop") is None


def test_who_asks_what_a_fault_did_learns_how_often_it_struck(faults):
    """Also of one that is only looked at while it is on; peeking counts for nothing."""
    faults.on("drop")
    faults.switch_on("drop", times=2, after=1)
    strikes(faults, 4)
    faults.switch_on("lag")
    faults.on("lag")
    faults.peek("lag")
    assert {name: fault["struck"] for name, fault in faults.listing().items()} == {"drop": 2, "lag": 1}


def test_a_fault_strikes_until_it_is_switched_off(faults):
    """Without a number it stays on."""
    faults.switch_on("drop")
    assert all(strikes(faults, 3))
    faults.switch_off("drop")
    assert not any(strikes(faults, 3))


def test_a_fault_strikes_so_often_after_so_many(faults):
    """Let one call pass, then strike two, then be gone."""
    faults.switch_on("drop", times=2, after=1)
    assert strikes(faults, 5) == [False, True, True, False, False]
    assert faults.on("drop") is None


def test_a_fault_that_nobody_knows_is_refused(faults):
    """A typing error does not pass for a healthy sandbox."""
    with pytest.raises(KeyError):
        faults.switch_on("lagg")


def test_all_faults_end_at_once(faults):
    """Back to health in one step."""
    faults.switch_on("drop")
    faults.switch_on("lag", settings={"seconds": "90"})
    faults.switch_off()
    assert not any(fault["on"] for fault in faults.listing().values())


def test_the_clock_runs_with_its_source_and_is_moved():
    """A minute later there, nothing else changed here."""
    clock = SandboxClock(lambda: NOW)
    assert clock() == NOW
    clock.advance(timedelta(minutes=1))
    assert clock() == NOW + timedelta(minutes=1)


def test_a_table_keeps_rows_in_the_order_they_came():
    """Put, replaced, removed."""
    table: Table[int] = Table([("a", 1), ("b", 2)])
    table.put("c", 3)
    table.put("a", 9)
    table.remove("b")
    table.remove("nobody")
    with table.locked():
        assert (table.all(), table.get("a"), table.get("b"), len(table)) == ([9, 3], 9, None, 2)


@pytest.fixture
def control(faults) -> httpx.Client:
    """A client of a sandbox that answers "hello", with its control address."""
    clock = SandboxClock(lambda: NOW)
    app = with_control(dated(lambda _: json_response("hello"), clock), faults, clock)
    return httpx.Client(transport=AppTransport(app), base_url="http://sandbox")


def test_faults_are_switched_over_http(control, faults):
    """Another process, or a person with curl, plays with the sandbox while it runs."""
    answer = control.post("/_sandbox/faults/lag", params={"times": "2", "seconds": "90"}).json()
    assert answer["faults"]["lag"] == {"does": "shows changes late", "on": True, "times": 2, "struck": 0}
    fault = faults.on("lag")
    assert fault is not None
    assert fault.settings == {"seconds": "90"}
    assert control.get("/_sandbox").json()["faults"]["drop"]["on"] is False
    assert control.delete("/_sandbox/faults/lag").json()["faults"]["lag"]["on"] is False
    control.post("/_sandbox/faults/drop")
    assert control.delete("/_sandbox/faults").status_code == 200
    assert faults.on("drop") is None


def test_the_clock_is_moved_over_http(control):
    """Ninety seconds later, every answer is dated so."""
    assert control.get("/any").headers["date"] == "Fri, 20 Nov 2026 15:00:00 GMT"
    assert control.post("/_sandbox/clock?seconds=90").json()["now"] == "2026-11-20T15:01:30+00:00"
    assert control.get("/any").headers["date"] == "Fri, 20 Nov 2026 15:01:30 GMT"
    assert control.get("/any").json() == "hello"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/_sandbox/faults/lagg", 404),
        ("POST", "/_sandbox/faults/lag?times=often", 400),
        ("POST", "/_sandbox/clock?seconds=soon", 400),
        ("PUT", "/_sandbox/faults", 404),
        ("GET", "/_sandbox/secrets", 404),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(control, method, path, status):
    """With the faults that there are, where it is about one."""
    answer = control.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]


def echo(request: Request) -> Response:
    """Answer with what was asked."""
    found = {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body.decode(),
    }
    return json_response(found, 201, {"x-seen": request.headers.get("x-sent", "")})


@pytest.mark.parametrize("socket", [True, False], ids=["over a socket", "without one"])
def test_a_request_arrives_as_it_was_sent(socket):
    """Method, path, query, headers and body; over a socket and without one alike."""
    with running(echo) as server:
        transport = None if socket else AppTransport(echo)
        with httpx.Client(transport=transport, base_url=server.url, trust_env=False) as client:
            answer = client.post("/a/b?c=1&d=", content=b'{"e": 2}', headers={"X-Sent": "yes"})
    assert answer.status_code == 201
    assert answer.headers["x-seen"] == "yes"
    sent = {"method": "POST", "path": "/a/b", "query": {"c": "1", "d": ""}, "body": '{"e": 2}'}
    assert answer.json() == sent


def test_servers_run_side_by_side_on_ports_of_their_own_and_end():
    """Two sandboxes at once, and none left behind."""
    with running(lambda _: json_response(1)) as one, running(lambda _: html_response("2")) as other:
        assert one.port != other.port
        assert httpx.get(one.url, trust_env=False).json() == 1
        assert "<title>2</title>" in httpx.get(other.url, trust_env=False).text
    with pytest.raises(httpx.ConnectError):
        httpx.get(one.url, trust_env=False)


def test_a_port_that_is_taken_is_one_clear_error():
    """It names the port, and no incident of the program."""
    with (
        running(echo) as first,
        pytest.raises(InputError, match=f"port {first.port} cannot be used"),
        running(echo, first.port),
    ):
        pytest.fail("two servers share a port")


def test_a_server_that_hangs_still_ends():
    """Leaving the block lets a waiting client go."""
    with running(lambda _: Response(hang=True)) as server, pytest.raises(httpx.ReadTimeout):
        httpx.get(server.url, timeout=0.1, trust_env=False)


def test_a_request_reads_its_json_or_says_that_it_has_none():
    """A body that is no JSON is the client's fault."""
    assert Request(method="POST", target="/", body=json.dumps([1]).encode()).json() == [1]
    with pytest.raises(ValueError, match="Expecting value"):
        Request(method="POST", target="/", body=b"<x>").json()
