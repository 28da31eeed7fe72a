"""Preparing: the exact bytes of both requests, to the cent, or a clear reason why neither is sent."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.square.amounts import percentage, reckoned
from adapters.square.sandbox import MAIN, MARKET, add_article
from adapters.square.sandbox.articles import keep
from adapters.square.sandbox.reckoning import amount, money, reckon
from reconciler.domain.errors import UnreachableError
from reconciler.domain.evidence import FailureCause
from reconciler.domain.orders import Customer, PaymentStatus
from reconciler.ports import OutcomeKind
from tests.builders import NOW, cart_order, line, policy
from tests.unit.adapters_square.store import World


@pytest.fixture
def world() -> World:
    """A store that sells what the cart does."""
    return World()


def body(world: World, key: str = "key-1", **changes: Any) -> dict[str, Any]:
    """Return the bytes of an order as JSON."""
    found: dict[str, Any] = json.loads(world.prepared(key=key, **changes).body)
    return found


def sent(world: World, **changes: Any) -> dict[str, Any]:
    """Return the order that a prepared one makes."""
    outcome = world.submit(world.prepared(**changes))
    assert outcome.kind is OutcomeKind.ACCEPTED, outcome
    return world.sandbox.store.orders[str(outcome.pos_id)]


def refusal(world: World, **changes: Any) -> tuple[FailureCause | None, tuple[str, ...], str]:
    """Return why an order is refused; nothing at all may have been sent."""
    prepared = world.prepared(**changes)
    before = len(world.sandbox.log)
    outcome = world.submit(prepared)
    assert outcome.kind is OutcomeKind.REFUSED
    assert (len(world.sandbox.log), outcome.untried) == (before, True)
    return outcome.cause, outcome.codes, outcome.words


def test_the_same_order_makes_the_same_bytes(world):
    """They are stored before the first of them leaves, and may go again."""
    assert world.prepared() == world.prepared()
    assert world.prepared(key="other").body != world.prepared().body


def test_preparing_asks_nothing(world):
    """The articles were read before; a look always is."""
    world.pos.catalog()
    before = len(world.sandbox.log)
    world.pos.prepare(cart_order(), policy(location=MAIN), "key-1")
    assert len(world.sandbox.log) == before


def test_preparing_without_the_articles_is_put_off(world):
    """An error that the queue waits out, and no order without its articles."""
    with pytest.raises(UnreachableError, match="the catalog was not read yet"):
        world.pos.prepare(cart_order(), policy(location=MAIN), "key-1")


def test_the_order_bears_the_shops_number_and_our_key(world):
    """The number with the channel's prefix, short where Square wants it short."""
    world.pos.catalog()
    prepared = world.pos.prepare(cart_order(), policy(location=MAIN, reference_prefix="RB-"), "key-1")
    request = json.loads(prepared.body)["order"]
    assert (prepared.reference, prepared.key) == ("RB-1001", "key-1")
    assert request["idempotency_key"] == "key-1"
    order = request["order"]
    assert (order["reference_id"], order["ticket_name"]) == ("RB-1001", "RB-1001")
    assert order["metadata"] == {"reconciler": "key-1"}
    assert order["source"] == {"name": "Online shop"}
    assert order["pricing_options"] == {"auto_apply_discounts": False, "auto_apply_taxes": False}


@pytest.mark.parametrize("key", ["k", "k" * 41, "k" * 42, "k" * 192, "k" * 500, "schlüssel"])
def test_keys_fit_and_belong_together(world, key):
    """At most 192 characters for an order, 45 for a payment; always the same ones for one key."""
    first, second = body(world, key), body(world, key)
    assert first == second
    assert len(first["order"]["idempotency_key"]) <= 192
    assert len(first["payment"]["idempotency_key"]) <= 45
    assert first["order"]["idempotency_key"] != first["payment"]["idempotency_key"]
    assert all(one["idempotency_key"].isascii() for one in (first["order"], first["payment"]))


def test_what_goes_out_of_the_shop_comes_to_its_total(world):
    """Goods, shipping, discount, tip and tax, in the order and in its payment."""
    order = sent(world, total=57_50, tax=5_00, shipping=6_00, discount=3_00, tip=4_50)
    assert amount(order["total_money"]) == 57_50
    assert amount(order["total_tax_money"]) == 5_00
    assert amount(order["total_discount_money"]) == 3_00
    assert amount(order["total_tip_money"]) == 4_50
    assert amount(order["total_service_charge_money"]) == 6_00
    (tender,) = order["tenders"]
    assert amount(tender["amount_money"]) == 57_50


def test_a_tax_within_the_prices_leaves_the_total_as_it_is(world):
    """As in countries where prices are told with it."""
    order = sent(world, total=45_00, tax=7_18)
    assert (amount(order["total_money"]), amount(order["total_tax_money"])) == (45_00, 7_18)


def test_an_order_that_costs_nothing_is_settled_without_a_payment(world):
    """A gift, or a discount of everything."""
    order = sent(world, total=0, tax=0, discount=45_00)
    assert not order.get("tenders")
    assert amount(order["net_amount_due_money"]) == 0


def test_the_shops_price_counts_and_not_the_menus(world):
    """The customer has paid it; where the shop does not tell, the menu's counts."""
    prices = [item["base_price_money"]["amount"] for item in body(world)["order"]["order"]["line_items"]]
    assert prices == [20_00, 5_00]
    silent = (line("ROSE-12", "2", "20.00"), line("VASE", "1", "18.50"))
    silent = (silent[0], type(silent[1])("VASE", "VASE", Decimal(1), None))
    order = sent(world, lines=silent, total=58_50, tax=0)
    assert amount(order["total_money"]) == 58_50


@given(st.integers(1, 5_000_000), st.integers(0, 30_000))
def test_a_rate_is_found_for_every_sensible_tax(base, rate):
    """Whatever the shop reckoned, up or down, there is a rate that makes it to the cent."""
    for tax in {base * rate // 100_000, -(-base * rate // 100_000)} - {0}:
        found = percentage(tax, base)
        assert found is not None
        assert len(found) <= 10
        assert reckoned(Decimal(found), base) == tax


@given(st.integers(1, 400_000), st.integers(1, 9), st.integers(0, 10_000), st.integers(0, 25_000))
def test_the_store_reckons_as_we_foresee(price, quantity, discount, rate):
    """The sandbox shares amounts out over lines as published; its total is the one that we foresaw."""
    lines = [
        {"quantity": str(quantity), "base_price_money": money(price, "USD")},
        {"quantity": "1", "base_price_money": money(599, "USD")},
    ]
    goods = price * quantity + 599
    discount = min(discount, goods - 1)
    tax = (goods - discount) * rate // 100_000
    found = percentage(tax, goods - discount) if tax else "0"
    order = {
        "line_items": lines,
        "discounts": [{"uid": "d", "scope": "ORDER", "amount_money": money(discount, "USD")}],
        "taxes": [{"uid": "t", "scope": "ORDER", "percentage": found}],
    }
    reckon(order, "USD")
    assert amount(order["total_money"]) == goods - discount + tax


def test_staff_see_who_gets_it_when_and_how_and_no_more(world):
    """No e-mail address: Square would write to it. No street: it is not ours to spread."""
    who = Customer("Rosa Okafor", "+1 928 746 9282", "rosa@example.test")
    changes = {"customer": who, "shipping_method": "Courier", "deliver_on": date(2026, 11, 24)}
    prepared = world.prepared(**changes)
    (part,) = json.loads(prepared.body)["order"]["order"]["fulfillments"]
    details = part["pickup_details"]
    assert details["recipient"] == {"display_name": "Rosa Okafor", "phone_number": "+19287469282"}
    assert (details["schedule_type"], details["pickup_at"]) == ("SCHEDULED", "2026-11-24T19:00:00Z")
    assert details["note"] == "Courier; order 1001 of the online shop; due 2026-11-24"
    assert b"rosa@example.test" not in prepared.body


@pytest.mark.parametrize("due", [None, NOW.date() - (NOW.date() - date(2026, 11, 19)), date(2026, 11, 1)])
def test_what_is_due_at_once_is_scheduled_at_once(world, due):
    """A pickup time that has passed would be refused."""
    (part,) = body(world, deliver_on=due)["order"]["order"]["fulfillments"]
    assert part["pickup_details"]["schedule_type"] == "ASAP"
    assert "pickup_at" not in part["pickup_details"]


def test_a_telephone_that_square_would_refuse_goes_into_the_note(world):
    """An order is not lost for a number without its country."""
    (part,) = body(world, customer=Customer("Rosa", "928 746 9282"))["order"]["order"]["fulfillments"]
    assert "phone_number" not in part["pickup_details"]["recipient"]
    assert part["pickup_details"]["note"].endswith("phone 928 746 9282")


def test_hostile_and_endless_names_fit(world):
    """Control characters and a page of text: one short line."""
    customer = Customer("Rosa\n\x00\u202e" + "x" * 900, "+19287469282")
    order = sent(world, customer=customer, shipping_method="m" * 900)
    recipient = order["fulfillments"][0]["pickup_details"]["recipient"]
    assert len(recipient["display_name"]) <= 255
    assert recipient["display_name"].isprintable()
    assert len(order["fulfillments"][0]["pickup_details"]["note"]) <= 500


def test_an_unknown_article_is_refused_before_anything_is_sent(world):
    """Named by the POS's SKU, each once."""
    lines = (line("ORCHID"), line("ORCHID"), line("CARD"), line(None, name="Moss"))
    cause, codes, _ = refusal(world, lines=lines)
    assert (cause, codes) == (FailureCause.UNMAPPED_SKU, ("(no SKU) Moss", "ORCHID"))


def test_an_article_of_another_location_is_unknown_here(world):
    """Present at the market only, or everywhere but here, or its item is not here."""
    store = world.sandbox.store
    add_article(store, "A", "A", 100, present_at_all_locations=False, present_at_location_ids=[MARKET])
    add_article(store, "B", "B", 100, absent_at_location_ids=[MAIN])
    _, codes, words = refusal(world, lines=(line("A"), line("B")))
    assert (codes, MAIN in words) == (("A", "B"), True)
    skus = world.pos.catalog().skus
    assert skus is not None
    assert {"A", "B"} <= skus  # at one of the account's locations; the channel's own is checked above
    skus = world.connect(location_ids=MAIN).catalog().skus
    assert skus is not None
    assert not {"A", "B"} & skus


def test_the_menu_and_the_taxes_each_have_a_fingerprint_of_their_own(world):
    """It tells when something changed that a refused order may have waited for."""
    store = world.sandbox.store
    first = world.pos.catalog()
    assert world.connect().catalog() == first
    add_article(store, "FERN", "Fern", 700)
    second = world.connect().catalog()
    assert (second.menu != first.menu, second.taxes) == (True, first.taxes)
    tax = {"name": "VAT", "percentage": "7", "inclusion_type": "ADDITIVE", "enabled": True}
    keep(store, [{"type": "TAX", "id": "#vat", "present_at_all_locations": True, "tax_data": tax}])
    third = world.connect().catalog()
    assert (third.menu, third.taxes != second.taxes) == (second.menu, True)


def test_a_deleted_article_is_unknown(world):
    """With its item, or alone."""
    for row in world.sandbox.store.catalog.values():
        row["is_deleted"] = (row.get("item_data") or {}).get("name") == "A dozen roses"
    assert refusal(world)[0] is FailureCause.UNMAPPED_SKU


def test_two_articles_under_one_sku_are_a_fault_of_the_menu(world):
    """Which of them would be made is anybody's guess."""
    add_article(world.sandbox.store, "CARD", "Another card", 700)
    assert refusal(world)[:2] == (FailureCause.MENU_SETUP, ("CARD",))


UNSENDABLE: list[tuple[dict[str, Any], FailureCause, str]] = [
    ({"total": 51_00}, FailureCause.REJECTED, "come to 50.00 and not to its total of 51.00 USD"),
    ({"total": 45_00, "tax": 46_00}, FailureCause.TAX_SETUP, "no rate makes 46.00 USD"),
    ({"tax": -1_00, "total": 44_00}, FailureCause.REJECTED, "one of its amounts is negative"),
    ({"lines": ()}, FailureCause.REJECTED, "it has no lines"),
    ({"lines": (line("CARD", "1", "0.005"),)}, FailureCause.REJECTED, "finer than Square's smallest unit"),
    ({"lines": (line("CARD", "0"),)}, FailureCause.REJECTED, "cannot take the quantity 0"),
    ({"lines": (line("CARD", "0.1234567", "0"),)}, FailureCause.REJECTED, "cannot take the quantity"),
    ({"reference": "9" * 41}, FailureCause.REJECTED, "longer than the 40 characters"),
    ({"currency": "JPY"}, FailureCause.REJECTED, "sells in USD, not in JPY"),
    (
        {"refunded": 5_00, "payment_status": PaymentStatus.PARTIALLY_REFUNDED},
        FailureCause.REJECTED,
        "it was refunded in part",
    ),
]


@pytest.mark.parametrize(("changes", "cause", "words"), UNSENDABLE, ids=range(len(UNSENDABLE)))
def test_what_square_could_not_take_is_refused_before_it_is_sent(world, changes, cause, words):
    """With a reason that a person can act on."""
    if "reference" in changes or changes.get("lines") == ():
        changes = {"total": 50_00, **changes}
    elif "lines" in changes:
        changes = {"tax": 0, "total": 0, **changes}
    world.pos.find("0", NOW)
    found = refusal(world, **changes)
    assert (found[0], words in found[2]) == (cause, True), found


@pytest.mark.parametrize(
    ("location", "words"),
    [(None, "the channel does not say to which location"), ("LNOWHERE", "the account has no location")],
)
def test_an_order_needs_a_location_of_the_account(world, location, words):
    """The channel's, or the only one that the options name."""
    world.pos.find("0", NOW)
    prepared = world.pos.prepare(cart_order(), policy(location=location), "key-1")
    assert words in world.submit(prepared).words
    world.pos = world.connect(location_ids=MAIN)
    world.pos.catalog()
    prepared = world.pos.prepare(cart_order(), policy(location=None), "key-1")
    assert world.submit(prepared).kind is OutcomeKind.ACCEPTED
