"""The sandbox of Shopify: as forgiving and as unforgiving as the shop it plays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from adapters.sandbox import Request
from adapters.shopify.sandbox import FAULTS, ShopifyOptions, make_sandbox, serve, serving
from adapters.shopify.sandbox.rows import order
from adapters.shopify.sandbox.search import parse
from adapters.shopify.sandbox.throttle import Throttle
from reconciler.cli.sandbox import app as sandbox_command
from reconciler.domain.errors import InputError
from reconciler.domain.orders import PaymentStatus
from tests.builders import NOW
from tests.simulated import Time, tools
from tests.unit.adapters_shopify.shop import TOKEN, World, connect, orders, read

NAMES = """
query Names($query: String, $first: Int, $after: String) {
  orders(query: $query, first: $first, after: $after, sortKey: CREATED_AT) {
    nodes { name }
    pageInfo { hasNextPage endCursor }
  }
}
"""
VARIANTS = " ".join(f"v{n}: variant {{ id }}" for n in range(8))
DEEP = f"""
{{
  orders(first: 250) {{
    nodes {{ lineItems(first: 250) {{ nodes {{ customAttributes {{ key }} product {{ id }} {VARIANTS} }} }} }}
  }}
}}
"""


@pytest.fixture
def world() -> World:
    """A shop with three orders."""
    found = World()
    found.fill(*orders(3))
    return found


def ask(world: World, text: str, path: str = "/admin/api/2026-07/graphql.json", /, **variables: Any) -> Any:
    """Return the sandbox's answer to a query: its JSON, its status with it where that is an error."""
    body = json.dumps({"query": text, "variables": variables}).encode()
    headers = {"x-shopify-access-token": TOKEN}
    response = world.sandbox.app(Request(method="POST", target=path, headers=headers, body=body))
    return json.loads(response.body) if response.status == 200 else response.status


def names(world: World, query: str) -> list[str]:
    """Return the names of the orders that a search finds."""
    return [node["name"] for node in ask(world, NAMES, query=query, first=50)["data"]["orders"]["nodes"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("name:1001", 1),
        ("name:#1001", 1),
        ('name:"1001" OR name:"1002"', 2),
        ("(name:1001 OR name:1002) AND name:1002", 1),
        ("-name:1001", 2),
        ("1001", 1),
        ("id:550000001001", 1),
        ("id:>=550000001002", 2),
        ("financial_status:paid fulfillment_status:unfulfilled", 3),
        ("financial_status:refunded", 0),
        ("status:open", 3),
        ("status:closed", 0),
        ("test:true", 0),
        ("tag:none", 0),
        ("sku:ROSE-12", 3),
        ("created_at:>'2026-11-20T13:00:00Z'", 2),
        ("created_at:>='2026-11-20T13:00:00Z' created_at:<'2026-11-20T13:02:00Z'", 2),
        ("nonsense:1", 3),
        ("nonsense:1 name:1001", 1),
        ("status:nonsense", 0),
        ("id:nonsense", 0),
        ("created_at:yesterday", 0),
    ],
)
def test_searches_find_what_shopify_would_find(world, query, found):
    """An unknown field is ignored, an unknown value finds nothing."""
    assert len(names(world, query)) == found


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("nonsense:1", "nonsense", "invalid_field"),
        ("status:nonsense", "status", "invalid_value"),
        ("updated_at:>=2026-01-01T00:00:00Z", "00", "invalid_field"),
    ],
)
def test_what_was_not_understood_is_said_in_small_print_only(world, query, field, code):
    """Status 200, data, and a warning beside it."""
    answer = ask(world, NAMES, query=query, first=5)
    (search,) = answer["extensions"]["search"]
    assert "errors" not in answer
    assert (search["path"], search["query"]) == (["orders"], query)
    assert [(w["field"], w["code"]) for w in search["warnings"]] == [(field, code)]


def test_a_time_without_quotes_counts_in_the_shops_zone():
    """Midnight in Denver is not midnight in London."""
    from zoneinfo import ZoneInfo

    search = parse("updated_at:>=2026-11-20", ZoneInfo("America/Denver"))
    assert not search.test({"updatedAt": "2026-11-20T06:59:59Z"})
    assert search.test({"updatedAt": "2026-11-20T07:00:00Z"})


def test_pages_follow_one_another_without_a_gap(world):
    """Cursor by cursor, every order once."""
    seen, after = [], None
    while True:
        found: Mapping[str, Any] = ask(world, NAMES, first=1, after=after)["data"]["orders"]
        seen += [node["name"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == ["#1001", "#1002", "#1003"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nonsense }", None),
        ("{ shop { name", None),
        ("{ orders { nodes { id } } }", "BAD_REQUEST"),
        ("{ orders(first: 251) { nodes { id } } }", "MAX_INPUT_SIZE_EXCEEDED"),
        ('{ orders(first: 1, after: "x") { nodes { id } } }', "BAD_REQUEST"),
    ],
)
def test_a_query_that_is_wrong_is_refused_with_status_200(world, query, code):
    """GraphQL's way."""
    errors = ask(world, query)["errors"]
    assert errors[0]["message"]
    assert errors[0].get("extensions", {}).get("code") == code


@pytest.mark.parametrize("version", ["2024-01", "2026-07"])
def test_an_old_version_is_answered_by_the_oldest_there_is(world, version):
    """And the answer's header says by which."""
    body = json.dumps({"query": "{ shop { name } }"}).encode()
    request = Request(
        method="POST",
        target=f"/admin/api/{version}/graphql.json",
        headers={"x-shopify-access-token": TOKEN},
        body=body,
    )
    assert world.sandbox.app(request).headers["x-shopify-api-version"] == "2026-07"


@pytest.mark.parametrize("path", ["/", "/admin/api/latest/graphql.json", "/admin/api/2026-07/orders.json"])
def test_other_addresses_are_not_there(world, path):
    """A wrong path is a 404."""
    assert ask(world, "{ shop { name } }", path) == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"query": 1', b'"x"'])
def test_a_body_that_is_no_query_is_refused(world, body):
    """Status 400, no traceback."""
    headers = {"x-shopify-access-token": TOKEN}
    path = "/admin/api/2026-07/graphql.json"
    assert world.sandbox.app(Request(method="POST", target=path, headers=headers, body=body)).status == 400


def test_every_query_is_charged_and_what_it_did_not_cost_is_given_back(world):
    """Asked for fifty, found three: the difference is back in the bucket."""
    cost = ask(world, NAMES, first=50)["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (9, 4)
    assert cost["throttleStatus"] == {
        "maximumAvailable": 2000.0,
        "currentlyAvailable": 1996,
        "restoreRate": 100.0,
    }


def test_a_query_too_many_is_turned_away_and_costs_nothing(world):
    """Status 200, code THROTTLED, no data."""
    world.sandbox.throttle = Throttle(maximum=12, restore_rate=1)
    ask(world, NAMES, first=50)
    world.sandbox.throttle.pay(3, NOW)
    answer = ask(world, NAMES, first=50)
    assert answer["errors"][0]["extensions"]["code"] == "THROTTLED"
    assert answer["extensions"]["cost"]["actualQueryCost"] is None
    assert "data" not in answer
    world.time.now += timedelta(seconds=9)
    assert "data" in ask(world, NAMES, first=50)


def test_a_query_too_dear_is_refused(world):
    """No single query may cost more than a thousand."""
    assert ask(world, DEEP)["errors"][0]["extensions"]["code"] == "MAX_COST_EXCEEDED"


def test_the_seed_makes_the_same_orders_again_and_every_fate_among_them():
    """Paid, unpaid, refunded, test, shipped and archived orders, for a first look."""
    time = Time()
    shops = [make_sandbox(ShopifyOptions(orders=120, seed=5)) for _ in range(2)]
    first, second = (read(connect(tools(shop.app, time)), None, shop.clock()) for shop in shops)
    assert [(o.reference, o.total) for o in first.orders] == [(o.reference, o.total) for o in second.orders]
    assert {o.payment_status for o in first.orders} >= {
        PaymentStatus.PAID,
        PaymentStatus.PENDING,
        PaymentStatus.AUTHORIZED,
        PaymentStatus.REFUNDED,
    }
    assert any(o.test for o in first.orders)
    assert any(o.archived and o.shipments for o in first.orders)
    assert first.quarantined == []


def test_every_fault_is_explained_and_can_be_switched():
    """Who lists them learns what they do."""
    world = World()
    for name, does in FAULTS.items():
        assert does
        world.sandbox.faults.switch_on(name)


def test_it_is_served_until_told_to_stop():
    """One call runs it: it says where it is, answers, and ends."""
    said: list[str] = []
    ready, stop = Event(), Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            ready.set()

    thread = Thread(target=serve, args=(ShopifyOptions(orders=3, token="shpat_x"), say, stop))
    thread.start()
    assert ready.wait(10)
    url = said[0].split()[3].rstrip(",")
    listing = httpx.get(f"{url}/_sandbox/faults", trust_env=False).json()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert set(listing["faults"]) == set(FAULTS)
    assert "3 orders, token shpat_x" in said[0]


def test_recorded_answers_fill_the_shop(tmp_path):
    """A folder of recorded exchanges becomes orders; a file that is none is one clear line."""
    order = {
        "id": "gid://shopify/Order/1",
        "name": "#77",
        "totalPriceSet": {"shopMoney": {"amount": "5.0", "currencyCode": "CAD"}},
        "displayFinancialStatus": "PAID",
        "lineItems": {"nodes": [{"title": "Thing", "quantity": 2}]},
    }
    (tmp_path / "one.json").write_text(json.dumps({"response": {"data": {"order": order}}}))
    with serving(ShopifyOptions(orders=0, recordings=tmp_path)) as (sandbox, _):
        found = read(connect(tools(sandbox.app, Time())), None, sandbox.clock())
    assert [(o.reference, o.total, o.captured, o.currency) for o in found.orders] == [("77", 500, 500, "CAD")]
    (tmp_path / "two.json").write_text("{")
    with pytest.raises(InputError, match=r"two\.json is no JSON"):
        make_sandbox(ShopifyOptions(recordings=tmp_path))
    with pytest.raises(InputError, match="is no folder"):
        make_sandbox(ShopifyOptions(recordings=tmp_path / "none"))
    with pytest.raises(InputError, match="cannot be read"):
        make_sandbox(ShopifyOptions(schema=tmp_path / "none"))


def test_a_customer_may_order_while_it_runs(world):
    """The API shows the order at once, the search where it does not lag; what is no order is refused."""
    row = order(2001, NOW)

    def post(body: object) -> int:
        asked = Request(method="POST", target="/_sandbox/orders", body=json.dumps(body).encode())
        return int(world.sandbox.app(asked).status)

    assert post(row) == 200
    assert "#2001" in names(world, "name:2001")
    assert [post([]), post({"name": "#1"})] == [400, 400]


def test_a_dearer_plan_restores_faster():
    """Ten times what a plain shop may spend, and a bucket that is as much larger."""
    throttle = make_sandbox(ShopifyOptions(orders=0, rate=1000)).throttle
    assert (throttle.restore_rate, throttle.maximum) == (1000, 20_000)


def test_the_command_line_plays_it(monkeypatch):
    """`reconciler sandbox shopify` hands its options over, and says in one line what it cannot do."""
    played: list[ShopifyOptions] = []
    monkeypatch.setattr("adapters.shopify.sandbox.serve", lambda options, _say: played.append(options))
    arguments = ["shopify", "--port", "8080", "--orders", "7", "--token", "shpat_y"]
    assert CliRunner().invoke(sandbox_command, arguments).exit_code == 0
    assert played == [ShopifyOptions(port=8080, orders=7, token="shpat_y")]
    assert CliRunner().invoke(sandbox_command, ["shopify"]).exit_code == 0
    assert played[1] == ShopifyOptions()


def test_an_order_can_be_placed_over_http(world):
    """For rehearsals: it is found like any other from then on; what is no order is refused."""
    (row,) = orders(1)
    placed = {**row, "id": "gid://shopify/Order/9", "name": "#9001"}

    def place(body: Any) -> int:
        request = Request(method="POST", target="/_sandbox/orders", body=json.dumps(body).encode())
        return int(world.sandbox.app(request).status)

    assert place(placed) == 200
    assert "#9001" in names(world, "")
    refused: list[Any] = [[], {}, {**placed, "id": "9"}, {**placed, "updatedAt": "noon"}]
    for broken in refused:
        assert place(broken) == 400
