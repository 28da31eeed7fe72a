"""Reading without holes: pages that fail, rows that move, a search that lags, forgets and leaves out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.sandbox import App, Request, Response
from adapters.shopify.cart import LAG
from adapters.shopify.sandbox.rows import line, order
from adapters.shopify.sandbox.store import stamp
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError
from tests.builders import NOW
from tests.simulated import tools
from tests.unit.adapters_shopify.shop import TOKEN, World, connect, orders, read, small_pages

HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    """A shop without orders."""
    return World()


def test_a_full_read_yields_every_order_and_covers_all_time_up_to_the_lag(world):
    """Each order comes with the payload it was read from; nothing newer than the lag counts as read."""
    world.fill(*orders(25))
    small_pages(world.cart, 10)
    found = world.read()
    assert found.references == [str(1001 + n) for n in range(25)]
    assert found.coverage is not None
    assert found.coverage.complete
    assert found.coverage.covers_from.year == 2004
    assert abs(found.coverage.covers_to - (NOW - LAG)) <= timedelta(seconds=1)


def test_a_snapshot_holds_the_payload_it_was_read_from(world):
    """What the adapter understood can be checked against what the shop said."""
    world.fill(*orders(1))
    page = next(iter(world.cart.read(None, NOW)))
    raw = json.loads(page.snapshots[0].raw)
    assert raw["name"] == "#1001"
    assert raw["totalPriceSet"]["shopMoney"]["amount"] == "49.2"


def test_a_later_read_yields_only_what_changed_since(world):
    """The search is by the time of the last change, with that very second included."""
    world.fill(*orders(60))
    since = NOW - HOUR - timedelta(minutes=10)
    found = world.read(since)
    assert found.references == [str(1001 + n) for n in range(50, 60)]
    assert found.coverage is not None
    assert found.coverage.covers_from == since


def test_an_empty_shop_is_covered_too(world):
    """Nothing changed is an answer."""
    found = world.read(NOW - HOUR)
    assert (found.orders, found.error) == ([], None)
    assert found.coverage is not None
    assert found.coverage.complete


def test_the_servers_clock_bounds_what_is_covered(world):
    """A shop whose clock is five minutes behind has not told us of our last five minutes."""
    world.sandbox.clock.advance(timedelta(minutes=-5))
    found = world.read(NOW - HOUR)
    assert found.coverage is not None
    assert abs(found.coverage.covers_to - (NOW - timedelta(minutes=5) - LAG)) <= timedelta(seconds=1)


def test_a_shop_whose_clock_is_ahead_tells_nothing_of_our_future(world):
    """Its orders bear times that are still to come for us; the next read begins where this one ended."""
    world.sandbox.clock.advance(timedelta(minutes=5))
    found = world.read(NOW - HOUR)
    assert found.coverage is not None
    assert found.coverage.covers_to == NOW


def test_orders_of_one_second_across_a_page_break_all_come(world):
    """Four orders of the same second on pages of two: the cursor tells them apart."""
    world.fill(*orders(4, step=timedelta()))
    small_pages(world.cart, 2)
    assert sorted(world.read().references) == ["1001", "1002", "1003", "1004"]


def test_a_page_that_fails_ends_the_read_and_covers_nothing(world):
    """What came before counts, and nothing says that the rest was read."""
    world.fill(*orders(25))
    small_pages(world.cart, 10)
    world.sandbox.faults.switch_on("failing_page")
    found = world.read()
    assert len(found.orders) == 10
    assert found.coverage is None
    assert isinstance(found.error, UnreachableError)
    assert "status 500" in str(found.error)


def test_a_page_that_fails_once_is_asked_for_again(world):
    """A passing trouble in the middle costs no run."""
    world.fill(*orders(25))
    small_pages(world.cart, 10)
    world.sandbox.faults.switch_on("server_error", times=2, after=2)
    found = world.read()
    assert (len(found.orders), found.error) == (25, None)


@pytest.mark.parametrize("fault", ["bad_gateway", "drop", "time_out", "internal_error"])
def test_every_passing_trouble_is_outlived(world, fault):
    """A gateway's page, a reset, a time-out, Shopify's own "something went wrong"."""
    world.fill(*orders(3))
    world.sandbox.faults.switch_on(fault, times=1, after=1)
    found = world.read()
    assert (len(found.orders), found.error) == (3, None)


def test_a_row_that_moves_while_paging_is_not_lost(world):
    """An order changed between two pages leaves its place; it comes at its new one, with its new state."""
    world.fill(*orders(12))
    small_pages(world.cart, 4)
    world.sandbox.faults.switch_on("moving_row")
    found = world.read()
    assert set(found.references) == {str(1001 + n) for n in range(12)}
    assert found.coverage is not None
    assert found.coverage.complete


def test_a_row_that_moves_behind_the_end_is_in_the_next_read(world):
    """Changed after its page was read, it is newer than what the read covers."""
    world.fill(*orders(4))
    first = world.read()
    assert first.coverage is not None
    world.sandbox.store.touch("gid://shopify/Order/550000001001", closedAt=stamp(NOW))
    again = world.read(first.coverage.covers_to)
    assert [(found.reference, found.archived) for found in again.orders] == [("1001", True)]


def test_an_order_that_the_search_shows_late_is_in_the_next_read(world):
    """Placed 80 seconds before a read that cannot see it yet, it is not within what that read covers."""
    world.sandbox.faults.switch_on("search_lag", settings={"seconds": "90"})
    placed = NOW - timedelta(seconds=80)
    world.sandbox.store.put(order(1001, placed), at=placed)
    first = world.read(NOW - HOUR)
    assert first.references == []
    assert first.coverage is not None
    assert first.coverage.complete
    assert first.coverage.covers_to < placed
    world.time.now += timedelta(seconds=60)
    assert world.read(first.coverage.covers_to).references == ["1001"]


def test_a_search_that_was_not_understood_is_an_error(world, monkeypatch):
    """Shopify answers an unknown field with everything and a warning in small print."""
    monkeypatch.setattr("adapters.shopify.cart.updated", lambda *_: "udpated_at:>'2026-11-20T14:00:00Z'")
    world.fill(*orders(3))
    found = world.read(NOW - 3 * HOUR)
    assert found.orders == []
    assert isinstance(found.error, MalformedError)
    assert "did not understand the search: Invalid search field for this query." in str(found.error)


def test_a_time_without_quotes_would_be_understood_wrongly(world, monkeypatch):
    """Everything from the first colon on becomes a field of its own: the warning gives it away."""
    monkeypatch.setattr("adapters.shopify.cart.updated", lambda *_: "updated_at:>=2026-11-20T14:00:00Z")
    world.fill(*orders(3))
    assert isinstance(world.read(NOW - HOUR).error, MalformedError)


def test_rows_that_nobody_asked_for_mean_that_the_read_is_wrong(world):
    """A filter that was forgotten without a warning shows orders older than the question."""
    world.fill(*orders(3))
    world.sandbox.faults.switch_on("ignored_filter")
    found = world.read(NOW - timedelta(minutes=30))
    assert found.orders == []
    assert found.coverage is None
    assert isinstance(found.error, MalformedError)
    assert "ignored the search" in str(found.error)


def test_rows_that_the_sorted_search_leaves_out_are_found_by_id(world):
    """The shop counts more than it shows: the window is read again in another order."""
    world.fill(*orders(30))
    world.sandbox.faults.switch_on("omitted", settings={"every": "10"})
    found = world.read()
    assert set(found.references) == {str(1001 + n) for n in range(30)}
    assert found.coverage is not None
    assert found.coverage.complete


def test_rows_that_no_search_shows_make_the_read_incomplete(world):
    """What is counted and never shown keeps the read from proving anything."""
    world.fill(*orders(30))
    world.sandbox.faults.switch_on("omitted", settings={"every": "10", "everywhere": "1"})
    found = world.read()
    assert found.coverage is not None
    assert not found.coverage.complete
    assert found.coverage.reason == "Shopify counts 3 more changed orders than it shows"


def test_a_shop_of_many_orders_is_read_in_windows(world, monkeypatch):
    """One search ends at 25,000 rows: a new one begins where the last one stood, ties included."""
    monkeypatch.setattr("adapters.shopify.cart.WINDOW", 10)
    world.fill(*orders(48, step=timedelta(seconds=20)))
    small_pages(world.cart, 4)
    found = world.read()
    assert set(found.references) == {str(1001 + n) for n in range(48)}
    assert found.coverage is not None
    assert found.coverage.complete
    begun = {variables["query"] for name, variables in world.sandbox.log if name == "Changed"}
    assert len(begun) == 5


def test_many_orders_of_one_second_do_not_make_a_window_go_round_in_circles(world, monkeypatch):
    """A window that holds a single second goes on until that is read."""
    monkeypatch.setattr("adapters.shopify.cart.WINDOW", 4)
    world.fill(*orders(20, step=timedelta()))
    small_pages(world.cart, 2)
    assert len(set(world.read().references)) == 20


def test_long_orders_are_read_to_their_last_line(world):
    """Lines come fifty at a time, and then 250."""
    items = [line(n, f"SKU-{n}", "Bulb", "1.00") for n in range(1, 321)]
    world.fill(order(1001, NOW - HOUR, items), *orders(2, NOW - HOUR)[1:])
    found = world.read()
    assert [(o.reference, len(o.lines), o.total) for o in found.orders] == [
        ("1001", 320, 32000),
        ("1002", 1, 4920),
    ]
    assert {item.sku for item in found.orders[0].lines} == {f"SKU-{n}" for n in range(1, 321)}


def meddle(world: World, times: int) -> None:
    """Change order 1001 each time its lines are read on, so often."""
    app: App = world.sandbox.app
    left = [times]

    def meddling(request: Request) -> Response:
        if b"MoreLines" in request.body and left[0]:
            left[0] -= 1
            world.time.now += timedelta(seconds=1)
            items = [line(n, f"NEW-{n}", "Bulb", "2.00") for n in range(1, 61)]
            world.sandbox.store.touch("gid://shopify/Order/550000001001", lineItems=items)
        return app(request)

    world.cart = connect(tools(meddling, world.time))


def test_an_order_that_changes_while_its_lines_are_read_is_read_anew(world):
    """No order is put together from two states."""
    items = [line(n, f"OLD-{n}", "Bulb", "1.00") for n in range(1, 400)]
    world.fill(order(1001, NOW - HOUR, items))
    meddle(world, times=1)
    skus = {item.sku or "" for item in world.read().orders[0].lines}
    assert {sku[:3] for sku in skus} == {"NEW"}
    assert len(skus) == 60


def test_an_order_that_will_not_hold_still_is_put_aside_alone(world):
    """It is quarantined, and the others are read."""
    world.fill(order(1001, NOW - HOUR, [line(n, "X", "Bulb", "1.00") for n in range(1, 400)]), *orders(2)[1:])
    meddle(world, times=100)
    found = world.read()
    assert found.references == ["1002"]
    assert [q.reason for q in found.quarantined] == ["it changed again and again while its lines were read"]
    assert found.error is None


def test_one_order_that_cannot_be_understood_blocks_no_other(world):
    """It is kept whole, with the reason and where it stood."""
    rows = orders(3)
    rows[1]["displayFinancialStatus"] = None
    rows[1]["totalPriceSet"] = {"shopMoney": {"amount": "1.234567", "currencyCode": "USD"}}
    world.fill(*rows)
    found = world.read()
    assert found.references == ["1001", "1003"]
    (aside,) = found.quarantined
    assert (aside.position, aside.reason) == (2, "'1.234567' has more than the 2 decimals of USD")
    assert aside.source == "orders of https://rosebud.myshopify.com"
    assert json.loads(aside.raw)["name"] == "#1002"
    assert found.coverage is not None
    assert (found.coverage.complete, found.coverage.absence_trusted) == (True, False)
    assert found.coverage.reason == "1 of its answers could not be understood as orders"


@pytest.mark.parametrize("trouble", ["too large", "too dear"])
def test_a_page_that_is_too_much_is_asked_for_in_halves(world, trouble):
    """A shop of big orders, or one that reckons costs otherwise, is read in smaller pages."""
    world.fill(*orders(30))
    app: App = world.sandbox.app
    sizes: list[int] = []

    def grudging(request: Request) -> Response:
        first = json.loads(request.body)["variables"].get("first", 0)
        if "Changed" in str(request.body) and first > 12:
            sizes.append(first)
            if trouble == "too large":
                return Response(headers={"content-type": "application/json"}, body=b" " * 3_000_000)
            error = {"message": "Query cost is 9000", "extensions": {"code": "MAX_COST_EXCEEDED"}}
            return Response(body=json.dumps({"errors": [error]}).encode())
        return app(request)

    found = read(connect(tools(grudging, world.time)), None, NOW)
    assert (len(found.orders), found.error) == (30, None)
    assert sizes == [100, 50, 25]


def test_without_leave_to_see_buyers_orders_are_read_without_them(world):
    """Small plans deny names and phones to apps; everything else is there."""
    world.fill(*orders(3))
    world.sandbox.faults.switch_on("no_people")
    found = world.read()
    assert (len(found.orders), found.error) == (3, None)
    assert {o.customer.name for o in found.orders} == {None}
    assert found.orders[0].total == 4920


def test_a_denied_field_that_is_not_about_buyers_ends_the_read_at_once(world):
    """Parcels without leave to see them would look like orders not shipped; and the buyers are kept."""
    world.fill(*orders(3))
    app: App = world.sandbox.app
    asked: list[bytes] = []

    def denying(request: Request) -> Response:
        if b"Changed" not in request.body or len(asked) > 1:
            return app(request)
        asked.append(request.body)
        error = {
            "message": "Access denied for fulfillments field.",
            "path": ["orders", "nodes", 0, "fulfillments"],
            "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_fulfillments` access scope."},
        }
        return Response(body=json.dumps({"data": {"orders": None}, "errors": [error]}).encode())

    cart = connect(tools(denying, world.time))
    found = read(cart, None, NOW)
    assert isinstance(found.error, AuthError)
    assert len(asked) == 1
    asked.append(b"")
    assert None not in {o.customer.name for o in read(cart, None, NOW).orders}


def test_a_scope_that_is_lost_in_the_middle_ends_the_read(world):
    """Partial data is no data: the error names the scope, and nothing is covered."""
    world.fill(*orders(6))
    small_pages(world.cart, 2)
    reading = world.cart.read(None, NOW)
    next(reading)
    world.sandbox.faults.switch_on("lost_scope")
    with pytest.raises(AuthError, match="lacks the scope read_orders"):
        list(reading)


def test_a_token_without_the_long_memory_covers_sixty_days_only(world):
    """Without read_all_orders older orders are not shown, and no read pretends otherwise."""
    world.sandbox.tokens[TOKEN] = ("read_orders",)
    found = world.read()
    assert found.coverage is not None
    assert found.coverage.covers_from == NOW - timedelta(days=59)
    assert "read_all_orders" in found.coverage.reason
    recent = world.read(NOW - HOUR).coverage
    assert recent is not None
    assert recent.covers_from == NOW - HOUR


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"orders": None}},
        {"data": {"orders": {"nodes": []}}},
        {"data": None},
        {"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}}},
        {"errors": "true"},
        {"errors": True},
        {"errors": {"base": ["x"]}},
        {"errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]},
        [],
        {"hello": "world"},
    ],
    ids=lambda body: json.dumps(body)[:40],
)
def test_an_answer_that_is_none_is_one_line_and_covers_nothing(world, body):
    """However odd the answer, the read ends with one line and a next step."""
    app: App = world.sandbox.app

    def odd(request: Request) -> Response:
        return Response(body=json.dumps(body).encode()) if b"Changed" in request.body else app(request)

    found = read(connect(tools(odd, world.time)), None, NOW)
    assert isinstance(found.error, MalformedError | UnreachableError)
    assert found.coverage is None
    assert found.error.next_step
    assert "\n" not in str(found.error)
    assert found.orders == []


def test_a_read_tells_how_far_the_shops_clock_is_ahead(world):
    """By the Date of its answers; what it says of times rests on that clock."""
    ours = replace(tools(world.sandbox.app, world.time), clock=lambda: world.time.now - HOUR)
    found = read(connect(ours), None, NOW - HOUR)
    assert found.coverage is not None
    assert abs(found.coverage.clock_offset - HOUR) <= timedelta(seconds=1)
