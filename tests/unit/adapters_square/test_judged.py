"""Judged by Square's published OpenAPI file: every request of ours, and every answer of the sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from threading import Event
from typing import Any

import pytest

from adapters.sandbox import App, AppTransport, Request, Response
from adapters.square.sandbox import (
    MAIN,
    MARKET,
    TOKEN,
    Ledger,
    SandboxOptions,
    SquareSandbox,
    add_article,
    make_sandbox,
    serve,
)
from adapters.square.sandbox.payments import refund
from adapters.square.sandbox.reckoning import reckon
from reconciler.ports import OutcomeKind
from tests.builders import NOW, line
from tests.simulated import tools
from tests.unit.adapters_square.judge import Judge
from tests.unit.adapters_square.store import DAY, World, connect, usd
from tests.vendor_data import vendor_data

#: What the adapter uses of Square.
OPERATIONS = {
    "BatchRetrieveCatalogObjects",
    "BatchRetrieveOrders",
    "CreateOrder",
    "CreatePayment",
    "GetPayment",
    "ListLocations",
    "ListPaymentRefunds",
    "PayOrder",
    "RetrieveMerchant",
    "RetrieveOrder",
    "RetrieveTokenStatus",
    "SearchCatalogObjects",
    "SearchOrders",
    "UpdateOrder",
}


@pytest.fixture
def judge() -> Judge:
    """The published file."""
    return Judge()


@pytest.fixture
def world(judge) -> World:
    """A store every exchange with which is judged."""
    world = World()
    world.pos = connect(tools(judge.watch(world.sandbox.app), world.time))
    return world


def test_every_exchange_of_the_adapter_is_as_published(world, judge, monkeypatch):
    """A look, sends of every kind, a refund, reads: each request and each answer."""
    fern = add_article(world.sandbox.store, "FERN", "Fern", 900)
    world.order(location=MARKET, line_items=[{"catalog_object_id": fern, "quantity": "1"}])
    world.sandbox.store.catalog[fern]["is_deleted"] = True
    world.sale()
    assert world.pos.probe()
    assert world.pos.find("1001", NOW).conclusive
    changes: list[dict[str, Any]] = [
        {"shipping": 6_00, "total": 56_00},
        {"discount": 3_00, "tip": 4_00, "total": 51_00},
        {"total": 0, "tax": 0, "discount": 45_00},
        {"total": 45_00, "tax": 7_18, "lines": (line("ROSE-12", "2"), line("CARD", price="5.00"))},
    ]
    for number, change in enumerate(changes):
        prepared = world.prepared(key=f"key-{number}", reference=str(2000 + number), **change)
        assert world.submit(prepared).kind is OutcomeKind.ACCEPTED
    world.fault("fail_after", of="payments", times=2)
    world.submit(world.prepared(key="lost"))
    with monkeypatch.context() as patch:
        patch.setattr("adapters.square.sandbox.reckoning._half_even", lambda number: int(number) + 1)
        world.submit(world.prepared(key="odd"))
    _refund_of_long_ago(world)
    assert world.read().complete
    assert world.read(world.time.now - DAY).complete
    assert judge.faults == []
    assert judge.known == OPERATIONS


def _refund_of_long_ago(world: World) -> None:
    """Refund a sale that no read shows any more."""
    order = world.submit(world.prepared(key="old", reference="3000")).pos_id
    payment = world.sandbox.store.orders[str(order)]["tenders"][0]["payment_id"]
    world.time.now += 10 * DAY
    refund(
        world.sandbox.store,
        {"idempotency_key": "r", "payment_id": payment, "amount_money": usd(1_00)},
    )


def test_every_fault_of_the_sandbox_is_as_published(world, judge):
    """Whatever goes wrong on purpose goes wrong as Square says it does."""
    for fault in sorted(world.sandbox.faults.known):
        prepared = world.prepared(key=fault)
        world.fault(fault, times=3)
        world.submit(prepared)
        world.read()
        world.mend()
    assert judge.faults == []


class Client:
    """Speaks to the sandbox as a client of no library would, and has every exchange judged."""

    def __init__(self, app: App) -> None:
        self._app = app

    def __call__(self, method: str, target: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {TOKEN}", "square-version": "2025-08-20"}
        sent = b"" if body is None else json.dumps(body).encode()
        answer: Response = self._app(Request(method=method, target=target, headers=headers, body=sent))
        return answer.status, json.loads(answer.body)


@pytest.fixture
def call(world, judge) -> Client:
    """A client of the judged store."""
    return Client(judge.watch(world.sandbox.app))


def test_every_address_of_the_sandbox_is_as_published(call, judge, world):
    """Those that the adapter leaves alone as well: others may use them."""
    line_item = {"name": "Roses", "quantity": "2", "base_price_money": usd(10_00)}
    order = {"location_id": MAIN, "line_items": [line_item], "reference_id": "77"}
    _, made = call("POST", "/v2/orders", {"idempotency_key": "a", "order": order})
    order_id = made["order"]["id"]
    assert call("POST", "/v2/orders/calculate", {"order": order})[1]["order"]["total_money"] == usd(20_00)
    held = {"source_id": "EXTERNAL", "autocomplete": False, "order_id": order_id, "amount_money": usd(20_00)}
    details = {"external_details": {"type": "OTHER", "source": "shop"}}
    _, payment = call("POST", "/v2/payments", held | details | {"idempotency_key": "b"})
    payment_id = payment["payment"]["id"]
    body = {"idempotency_key": "c", "payment_ids": [payment_id]}
    assert call("POST", f"/v2/orders/{order_id}/pay", body)[1]["order"]["state"] == "COMPLETED"
    _, third = call(
        "POST",
        "/v2/payments",
        {"idempotency_key": "e", "source_id": "EXTERNAL", "autocomplete": False, "amount_money": usd(5)}
        | details,
    )
    assert call("POST", f"/v2/payments/{third['payment']['id']}/cancel")[1]["payment"]["status"] == "CANCELED"
    assert call("POST", "/v2/payments/cancel", {"idempotency_key": "nothing"}) == (200, {})
    assert call("GET", f"/v2/payments?location_id={MAIN}&limit=1")[1]["cursor"]
    back = {"idempotency_key": "f", "payment_id": payment_id, "amount_money": usd(5_00), "reason": "late"}
    assert call("POST", "/v2/refunds", back)[0] == 200
    assert len(call("GET", "/v2/refunds?status=COMPLETED")[1]["refunds"]) == 1
    assert judge.faults == []


def test_the_catalogs_addresses_are_as_published(call, judge):
    """Inserted, listed, searched, deleted; what is deleted is shown only to who asks."""
    variation = {"type": "ITEM_VARIATION", "id": "#v"}
    data = {"name": "Regular", "sku": "FERN", "pricing_type": "FIXED_PRICING", "price_money": usd(9_00)}
    item = {
        "type": "ITEM",
        "id": "#i",
        "item_data": {"name": "Fern", "variations": [variation | {"item_variation_data": data}]},
    }
    _, kept = call("POST", "/v2/catalog/object", {"idempotency_key": "a", "object": item})
    ids = {one["client_object_id"]: one["object_id"] for one in kept["id_mappings"]}
    batch = {"idempotency_key": "b", "batches": [{"objects": [item]}]}
    assert len(call("POST", "/v2/catalog/batch-upsert", batch)[1]["id_mappings"]) == 2
    assert call("GET", f"/v2/catalog/object/{ids['#i']}")[1]["object"]["item_data"]["name"] == "Fern"
    query = {"exact_query": {"attribute_name": "sku", "attribute_value": "fern"}}
    search = {"object_types": ["ITEM_VARIATION"], "query": query}
    assert len(call("POST", "/v2/catalog/search", search)[1]["objects"]) == 2
    assert ids["#v"] in {
        row["id"] for row in call("GET", "/v2/catalog/list?types=ITEM_VARIATION")[1]["objects"]
    }
    assert set(call("DELETE", f"/v2/catalog/object/{ids['#i']}")[1]["deleted_object_ids"]) == set(
        ids.values()
    )
    assert call("GET", f"/v2/catalog/object/{ids['#i']}")[0] == 404
    asked = {"object_ids": [ids["#v"], "unknown"]}
    assert call("POST", "/v2/catalog/batch-retrieve", asked) == (200, {})
    deleted = asked | {"include_deleted_objects": True}
    assert call("POST", "/v2/catalog/batch-retrieve", deleted)[1]["objects"][0]["is_deleted"]
    assert judge.faults == []


REFUSALS: list[tuple[str, str, dict[str, Any] | None, int, str]] = [
    ("GET", "/v2/orders/unknown", None, 404, "NOT_FOUND"),
    ("GET", "/v2/nowhere", None, 404, "NOT_FOUND"),
    ("POST", "/v2/orders", {"order": {"location_id": "LNOWHERE"}}, 400, "INVALID_VALUE"),
    ("POST", "/v2/orders", {}, 400, "MISSING_REQUIRED_PARAMETER"),
    ("POST", "/v2/orders", {"idempotency_key": "k" * 193}, 400, "VALUE_TOO_LONG"),
    ("POST", "/v2/orders", {"order": {"location_id": MAIN, "reference_id": "9" * 41}}, 400, "VALUE_TOO_LONG"),
    ("POST", "/v2/orders/search", {}, 400, "MISSING_REQUIRED_PARAMETER"),
    ("POST", "/v2/orders/search", {"location_ids": [MAIN] * 11}, 400, "ARRAY_LENGTH_TOO_LONG"),
    ("POST", "/v2/orders/search", {"location_ids": [MAIN], "limit": 1001}, 400, "VALUE_TOO_HIGH"),
    ("POST", "/v2/orders/search", {"location_ids": [MAIN], "cursor": "oops"}, 400, "INVALID_CURSOR"),
    (
        "POST",
        "/v2/orders/search",
        {
            "location_ids": [MAIN],
            "query": {
                "filter": {"date_time_filter": {"updated_at": {"start_at": "2026-01-01T00:00:00Z"}}},
                "sort": {"sort_field": "CREATED_AT"},
            },
        },
        400,
        "BAD_REQUEST",
    ),
    (
        "POST",
        "/v2/orders/search",
        {"location_ids": [MAIN], "query": {"filter": {"reference_id": "1001"}}},
        400,
        "UNKNOWN_BODY_PARAMETER",
    ),
    ("POST", "/v2/orders/batch-retrieve", {"order_ids": ["x"] * 101}, 400, "ARRAY_LENGTH_TOO_LONG"),
    ("POST", "/v2/payments", {"source_id": "EXTERNAL"}, 400, "MISSING_REQUIRED_PARAMETER"),
    (
        "POST",
        "/v2/payments",
        {"source_id": "EXTERNAL", "idempotency_key": "k" * 46},
        400,
        "VALUE_TOO_LONG",
    ),
]


@pytest.mark.parametrize(("method", "target", "body", "status", "code"), REFUSALS, ids=range(len(REFUSALS)))
def test_the_sandbox_refuses_what_square_refuses(call, method, target, body, status, code):
    """With the published shape, and the codes that Square has."""
    got, payload = call(method, target, body)
    assert (got, payload["errors"][0]["code"]) == (status, code)
    codes = Judge().spec["components"]["schemas"]["ErrorCode"]["enum"]
    assert code in {*codes, "UNKNOWN_BODY_PARAMETER"}


def test_a_payment_that_is_not_what_is_due_is_refused(call):
    """The total of the payments must be that of the order."""
    line_item = {"name": "Roses", "quantity": "1", "base_price_money": usd(10_00)}
    _, made = call("POST", "/v2/orders", {"order": {"location_id": MAIN, "line_items": [line_item]}})
    wanted = {"source_id": "EXTERNAL", "idempotency_key": "a", "order_id": made["order"]["id"]}
    details = {"external_details": {"type": "OTHER", "source": "shop"}, "amount_money": usd(9_99)}
    status, payload = call("POST", "/v2/payments", wanted | details)
    assert (status, payload["errors"][0]["code"]) == (400, "PAYMENT_AMOUNT_MISMATCH")


def test_a_key_with_another_body_is_refused_and_a_refused_call_uses_no_key_up(call):
    """As published: the same request again gives the first answer."""
    line_item = {"name": "Roses", "quantity": "1", "base_price_money": usd(10_00)}
    wrong = {"idempotency_key": "k", "order": {"location_id": "LNOWHERE"}}
    good = {"idempotency_key": "k", "order": {"location_id": MAIN, "line_items": [line_item]}}
    assert call("POST", "/v2/orders", wrong)[0] == 400
    first, again = call("POST", "/v2/orders", good), call("POST", "/v2/orders", good)
    assert first == again
    other = good | {"order": {"location_id": MARKET, "line_items": [line_item]}}
    assert call("POST", "/v2/orders", other)[1]["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"


def test_the_published_example_comes_to_the_published_amounts():
    """Two discounts by rate, one by amount, a tax: line by line what Square's own example says."""
    folder = vendor_data("square") / "fixtures"
    asked = json.loads((folder / "CreateOrderRequest.json").read_text("utf-8"))["order"]
    told = json.loads((folder / "CreateOrderResponse.json").read_text("utf-8"))["order"]
    for discount in asked["discounts"]:
        if discount["uid"] == "membership-discount":
            discount["percentage"] = "0.5"
    steak = asked["line_items"][1]
    steak["base_price_money"] = usd(2200)
    steak["modifiers"][0]["base_price_money"] = usd(50)
    reckon(asked, "USD")
    for name in ("total_money", "total_tax_money", "total_discount_money", "net_amounts"):
        assert asked[name] == told[name]
    for ours, theirs in zip(asked["line_items"], told["line_items"], strict=True):
        for name in ("gross_sales_money", "total_tax_money", "total_discount_money", "total_money"):
            assert ours[name] == theirs[name], (name, theirs)
    applied = {one["uid"]: one["applied_money"] for one in asked["discounts"]}
    assert applied == {one["uid"]: one["applied_money"] for one in told["discounts"]}


def test_the_ledger_holds_what_was_accepted_and_survives_on_disk(tmp_path):
    """One line an event, appended before the answer goes out."""
    path = tmp_path / "ledger.jsonl"
    sandbox: SquareSandbox = make_sandbox(SandboxOptions(ledger=path))
    client = Client(sandbox.app)
    order = {"location_id": MAIN, "reference_id": "1001"}
    client("POST", "/v2/orders", {"idempotency_key": "k", "order": order})
    client("POST", "/v2/orders", {"idempotency_key": "k", "order": order})
    (event,) = Ledger(path).lines()
    assert (event["event"], event["reference"], event["key"]) == ("order_created", "1001", "k")


def test_a_sale_can_be_rung_up_over_http(call, world):
    """For rehearsals: at its own time, and late where the till is offline."""
    sale = {
        "location_id": MAIN,
        "line_items": [{"name": "Moss", "quantity": "1", "base_price_money": usd(99)}],
    }
    status, made = call("POST", "/_sandbox/sales?at=2026-11-20T10:00:00%2B00:00", sale)
    assert (status, made["created_at"]) == (200, "2026-11-20T10:00:00.000Z")
    assert call("POST", "/_sandbox/sales?at=noon", sale)[0] == 400
    assert call("POST", "/_sandbox/sales", {})[0] == 400


def test_a_dropped_call_is_a_broken_connection(world):
    """Not an answer of any kind."""
    world.fault("drop_before")
    transport = AppTransport(world.sandbox.app)
    pos = connect(tools(transport, world.time))
    pos.catalog()
    assert world.submit().kind is OutcomeKind.UNKNOWN


def test_the_sandbox_says_where_it_is_and_stops_when_told():
    """What a person needs to rehearse with it."""
    stop, said = Event(), list[str]()
    stop.set()
    serve(SandboxOptions(token="EAAA-mine"), said.append, stop)
    assert "Square sandbox at http://127.0.0.1:" in said[0]
    assert "EAAA-mine" in said[0]
    assert "/_sandbox/faults" in said[1]
