"""Square's own client drives our Square sandbox, over a real socket: what it understands, others will."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest
from square import Square
from square.core.api_error import ApiError
from square.types.order import Order

from adapters.sandbox import Running
from adapters.square.sandbox import MAIN, TOKEN, SandboxOptions, SquareSandbox, serving


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[SquareSandbox, Running]]:
    """A store on a free port."""
    with serving(SandboxOptions(rate=10_000)) as running:
        yield running


@pytest.fixture
def session() -> Iterator[httpx.Client]:
    """The client's connections: it never closes its own."""
    with httpx.Client() as session:
        yield session


@pytest.fixture
def client(store, session) -> Square:
    """The official client, pointed at the store."""
    return Square(token=TOKEN, base_url=store[1].url, httpx_client=session)


def variation(client: Square, sku: str) -> str:
    """Return the id of an article."""
    query = {"exact_query": {"attribute_name": "sku", "attribute_value": sku}}
    found = client.catalog.search(object_types=["ITEM_VARIATION"], query=query)
    assert found.objects
    return str(found.objects[0].id)


def make(client: Square, reference: str, key: str | None = None) -> Order:
    """Make an order of two dozen roses."""
    wanted = {
        "location_id": MAIN,
        "reference_id": reference,
        "line_items": [{"catalog_object_id": variation(client, "ROSE-12"), "quantity": "2"}],
    }
    made = client.orders.create(idempotency_key=key or str(uuid4()), order=wanted)
    assert made.order
    order: Order = made.order
    return order


def test_the_client_learns_where_it_is(client):
    """Locations, the seller, and what the token may do."""
    locations = client.locations.list().locations or []
    assert [place.id for place in locations][:1] == [MAIN]
    merchant = client.merchants.get(merchant_id="me").merchant
    assert merchant is not None
    assert merchant.business_name == "Sandbox Flowers"
    assert "ORDERS_READ" in (client.o_auth.retrieve_token_status().scopes or [])


def test_the_client_makes_an_order_and_pays_it_externally(client):
    """It is completed, and its tender is the payment."""
    order = make(client, "SDK-1")
    assert order.total_money is not None
    assert order.total_money.amount == 40_00
    paid = client.payments.create(
        source_id="EXTERNAL",
        idempotency_key=str(uuid4()),
        order_id=order.id,
        amount_money={"amount": 40_00, "currency": "USD"},
        external_details={"type": "OTHER", "source": "Web shop"},
    )
    assert paid.payment is not None
    assert paid.payment.status == "COMPLETED"
    got = client.orders.get(order_id=str(order.id)).order
    assert got is not None
    assert got.state == "COMPLETED"
    assert [tender.payment_id for tender in got.tenders or []] == [paid.payment.id]
    assert got.net_amount_due_money is not None
    assert got.net_amount_due_money.amount == 0


def test_the_client_makes_one_order_under_one_key(client):
    """And is told off for another body under it."""
    assert make(client, "SDK-2", "one-key").id == make(client, "SDK-2", "one-key").id
    with pytest.raises(ApiError) as caught:
        make(client, "SDK-3", "one-key")
    assert caught.value.status_code == 400
    assert "IDEMPOTENCY_KEY_REUSED" in str(caught.value)


def test_the_client_searches_page_by_page(client):
    """With the cursor and the identical query."""
    made = {make(client, f"SDK-P{number}").id for number in range(7)}
    query = {"sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"}}
    seen, cursor = set(), None
    for _ in range(50):
        page = client.orders.search(location_ids=[MAIN], limit=3, query=query, cursor=cursor)
        seen |= {order.id for order in page.orders or []}
        cursor = page.cursor
        if not cursor:
            break
    assert made <= seen


def test_the_client_retrieves_several_and_misses_unknown_ones(client):
    """Without a word."""
    order = make(client, "SDK-4")
    found = client.orders.batch_get(order_ids=[str(order.id), "unknown"]).orders or []
    assert [one.id for one in found] == [order.id]


def test_the_client_lists_and_fills_the_catalog(client):
    """Inserted, and then listed with its id."""
    item = {
        "type": "ITEM",
        "id": "#ivy",
        "item_data": {
            "name": "Ivy",
            "variations": [
                {
                    "type": "ITEM_VARIATION",
                    "id": "#ivy-v",
                    "item_variation_data": {
                        "name": "Regular",
                        "sku": "IVY",
                        "pricing_type": "FIXED_PRICING",
                        "price_money": {"amount": 700, "currency": "USD"},
                    },
                }
            ],
        },
    }
    client.catalog.object.upsert(idempotency_key=str(uuid4()), object=item)
    assert variation(client, "IVY")
    names = {str(one.item_data.name) for one in client.catalog.list(types="ITEM") if one.item_data}
    assert {"Ivy", "A dozen roses"} <= names


def test_the_client_refunds_and_lists_refunds(client):
    """The sale stays as it was."""
    order = make(client, "SDK-5")
    paid = client.payments.create(
        source_id="EXTERNAL",
        idempotency_key=str(uuid4()),
        order_id=order.id,
        amount_money={"amount": 40_00, "currency": "USD"},
        external_details={"type": "OTHER", "source": "Web shop"},
    ).payment
    assert paid is not None
    client.refunds.refund_payment(
        idempotency_key=str(uuid4()),
        payment_id=paid.id,
        amount_money={"amount": 10_00, "currency": "USD"},
    )
    assert paid.id in {refund.payment_id for refund in client.refunds.list()}
    got = client.orders.get(order_id=str(order.id)).order
    assert got is not None
    assert got.total_money is not None
    assert got.total_money.amount == 40_00


def test_the_client_understands_refusals(client, store, session):
    """By their status and code."""
    with pytest.raises(ApiError) as caught:
        client.orders.get(order_id="unknown")
    assert caught.value.status_code == 404
    with pytest.raises(ApiError) as caught:
        Square(token="wrong", base_url=store[1].url, httpx_client=session).locations.list()
    assert caught.value.status_code == 401
