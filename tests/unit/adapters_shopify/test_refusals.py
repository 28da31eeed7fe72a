"""Who may not read, and why: a token revoked, a scope lost, a wrong address. Each is one clear line."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from adapters.sandbox import App, Request, Response, html_response, json_response, running
from reconciler.domain.errors import AuthError, ConfigError, MalformedError, UnreachableError, VendorError
from tests.builders import NOW
from tests.simulated import tools
from tests.unit.adapters_shopify.shop import TOKEN, World, connect, orders, read


@pytest.fixture
def world() -> World:
    """A shop with three orders."""
    found = World()
    found.fill(*orders(3))
    return found


def test_the_probe_says_who_we_are_to_the_shop(world):
    """Name and address of the shop, for the person who connected it."""
    assert world.cart.probe() == "Rosebud (rosebud.myshopify.com)"


def test_a_revoked_token_is_told_at_the_first_call(world):
    """One request, one line, no pages and no retries."""
    seen: list[str] = []
    app: App = world.sandbox.app

    def counted(request: Request) -> Response:
        seen.append(request.path)
        return app(request)

    cart = connect(tools(counted, world.time))
    world.sandbox.faults.switch_on("revoked_token")
    found = read(cart, None, NOW)
    assert len(seen) == 1
    assert isinstance(found.error, AuthError)
    assert str(found.error) == (
        "https://rosebud.myshopify.com refuses the access token: it was revoked, or belongs to another shop; "
        "install the app again, put its new token in place, and apply the channel file"
    )
    with pytest.raises(AuthError, match="refuses the access token"):
        cart.probe()


def test_a_token_revoked_in_the_middle_is_confirmed_by_the_probe(world):
    """A 401 alone is no proof: who we are is asked before the token is called bad."""
    reading = world.cart.read(None, NOW)
    world.sandbox.faults.switch_on("refused_once", times=1, after=1)
    with pytest.raises(UnreachableError, match=r"refused one call .* though the access token is good"):
        list(reading)
    world.sandbox.faults.switch_on("revoked_token")
    with pytest.raises(AuthError, match="refuses the access token"):
        world.cart.fetch(["1001"])


def test_a_lost_scope_is_told_apart_from_a_revoked_token(world):
    """The token is good; what is missing is named, before any order is asked for."""
    world.sandbox.faults.switch_on("lost_scope")
    found = world.read()
    assert isinstance(found.error, AuthError)
    assert str(found.error) == (
        "https://rosebud.myshopify.com knows the access token, but it lacks the scope read_orders; "
        "grant read_orders to the app and authorise it again"
    )
    assert len(world.sandbox.log) == 1
    with pytest.raises(AuthError, match="lacks the scope read_orders"):
        world.cart.probe()


def test_putting_the_token_right_makes_the_probe_pass(world):
    """What waited can go on."""
    world.sandbox.faults.switch_on("revoked_token")
    with pytest.raises(AuthError):
        world.cart.probe()
    world.sandbox.faults.switch_off("revoked_token")
    assert world.cart.probe()
    assert len(world.read().orders) == 3


def test_a_wrong_token_is_one_line(world):
    """It says what to do, and not what the token was."""
    cart = connect(tools(world.sandbox.app, world.time), token="shpat_of_another_shop")
    with pytest.raises(AuthError) as caught:
        cart.probe()
    assert "shpat_of_another_shop" not in str(caught.value)


def denied(path: list[Any], message: str, required: str | None = None) -> Response:
    """Return an answer in which a field is denied."""
    extensions = {"code": "ACCESS_DENIED"} | ({"requiredAccess": required} if required else {})
    error = {"message": message, "path": path, "extensions": extensions}
    return json_response({"data": {"orders": None}, "errors": [error]})


ANSWERS = {
    "merchant approval": (
        json_response({"errors": "[API] This action requires merchant approval for read_orders scope."}, 403),
        AuthError,
        "lacks the scope read_orders",
    ),
    "another 403": (json_response({"errors": "Forbidden"}, 403), AuthError, "refuses the credentials"),
    "a denied field": (
        denied(["orders"], "Access denied for orders field.", "`read_orders` access scope."),
        AuthError,
        "lacks the scope read_orders",
    ),
    "a denied field of two scopes": (
        denied(
            ["orders", "nodes", 0, "fulfillments"],
            "Access denied.",
            "the `read_fulfillments` or the `read_merchant_managed_fulfillment_orders` access scope.",
        ),
        AuthError,
        "lacks the scope read_fulfillments and read_merchant_managed_fulfillment_orders",
    ),
    "a denied field without words": (denied([], ""), AuthError, "denies it the orders"),
    "an unpaid plan": (
        json_response({"errors": "Unavailable Shop"}, 402),
        UnreachableError,
        "plan is not paid",
    ),
    "a locked shop": (json_response({"errors": "Locked"}, 423), UnreachableError, "is locked by Shopify"),
    "an attack": (json_response({"errors": True}, 430), UnreachableError, "takes our requests for an attack"),
    "no such shop": (
        json_response({"errors": "Not Found"}, 404),
        UnreachableError,
        "is no Shopify shop, or its Admin API has no version 2026-07; check base_url",
    ),
    "no such shop, as a page": (html_response("404", 404), UnreachableError, "is no Shopify shop"),
    "a login page": (html_response("Log in"), MalformedError, "answered with a web page instead of JSON"),
    "a shop page by redirect": (
        Response(status=301, headers={"location": "https://www.rosebud.example/"}),
        UnreachableError,
        "redirects to https://www.rosebud.example/",
    ),
    "another API": (json_response({"ok": True}), MalformedError, "but not as Shopify's Admin API"),
    "a version that is gone": (
        json_response({"data": {}}, headers={"x-shopify-api-version": "2027-01"}),
        MalformedError,
        "answered as Admin API version 2027-01, because 2026-07 is gone; update reconciler",
    ),
    "a bad request": (
        json_response({"errors": {"query": "Required"}}, 400),
        MalformedError,
        "query: Required",
    ),
    "an identity without a name": (
        json_response({"data": {"shop": None}}),
        MalformedError,
        "which shop it is",
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_every_refusal_is_one_line_with_a_next_step(world, case):
    """A person sees what is wrong and who can put it right."""
    answer, kind, words = ANSWERS[case]
    with pytest.raises(kind) as caught:
        connect(tools(lambda _: answer, world.time)).probe()
    error: VendorError = caught.value
    assert words in str(error)
    assert error.next_step
    assert "\n" not in str(error)
    assert TOKEN not in str(error)


def test_an_unknown_shop_and_a_host_that_is_down_are_one_line(world):
    """The network's words are put into ours."""

    def down(_: object) -> Response:
        raise httpx.ConnectError("[Errno 111] Connection refused") from ConnectionRefusedError()

    with pytest.raises(UnreachableError, match="refuses connections; check base_url"):
        connect(tools(down, world.time)).probe()


@pytest.mark.parametrize("url", ["http://rosebud.myshopify.com", "http://10.0.0.7:8000"])
def test_a_token_never_travels_unencrypted(world, url):
    """Plain http is for a sandbox on this machine only."""
    with pytest.raises(ConfigError, match="must begin with https://"):
        connect(tools(world.sandbox.app, world.time), url=url)
    assert connect(tools(world.sandbox.app, world.time), url="http://127.0.0.1:8000").probe()


def test_over_a_socket_it_is_the_same(world):
    """The sandbox behind a real port, read by a real client."""
    with running(world.sandbox.app) as server, httpx.Client(trust_env=False) as session:
        found = tools(world.sandbox.app, world.time)
        object.__setattr__(found, "session", session)
        cart = connect(found, url=server.url)
        assert len(read(cart, None, NOW).orders) == 3
        world.sandbox.faults.switch_on("gone_version")
        with pytest.raises(MalformedError, match="2026-07 is gone"):
            cart.probe()


def test_no_order_and_no_token_is_in_what_is_kept_of_a_refusal(world):
    """The evidence of an exchange shows no token."""
    world.read()
    kept = world.cart._api.http.evidence
    assert len(kept) >= 2
    assert TOKEN not in json.dumps(
        [[e.url, dict(e.request_headers), e.request_body, e.answer_body] for e in kept]
    )
