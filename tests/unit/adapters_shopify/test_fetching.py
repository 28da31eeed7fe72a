"""Re-reading single orders: by id where it is known, otherwise by name, and compared exactly."""

from __future__ import annotations

import pytest

from adapters.shopify.sandbox.rows import line, order
from adapters.shopify.sandbox.search import parse
from reconciler.domain.errors import MalformedError
from tests.builders import NOW
from tests.unit.adapters_shopify.shop import World, orders

GID = "gid://shopify/Order/550000001001"


@pytest.fixture
def world() -> World:
    """A shop with three orders."""
    found = World()
    found.fill(*orders(3))
    return found


def test_orders_are_found_by_name(world):
    """With or without a hash, and what is not there is not in the answer."""
    found = world.cart.fetch(["1001", "1003", "4711"])
    assert {reference: o.reference for reference, o in found.items()} == {"1001": "1001", "1003": "1003"}


def test_the_present_state_is_returned(world):
    """Cancelled a moment ago: the re-read knows."""
    world.sandbox.store.touch(GID, cancelledAt="2026-11-20T14:59:59Z")
    assert world.cart.fetch(["1001"])["1001"].dead


def test_a_name_that_only_resembles_is_not_taken(world):
    """The search for 1001 finds 1001-A and B-1001 as well."""
    world.fill(
        order(2001, NOW, name="#1001-A"),
        order(2002, NOW, name="#B 1001"),
        order(2003, NOW, name="EN1001"),
    )
    assert world.cart.fetch(["1001"])["1001"].vendor_id == GID
    assert world.cart.fetch(["1001-A"])["1001-A"].vendor_id == "gid://shopify/Order/550000002001"
    assert world.cart.fetch(["100"]) == {}


def test_a_hostile_reference_searches_for_nothing_else(world):
    """Quotes and operators in a name stay part of the name."""
    assert world.cart.fetch(['x" OR status:any OR name:"']) == {}
    assert world.sandbox.log[-1][1]["query"] == 'name:"x\\" OR status:any OR name:\\""'
    assert parse('name:"x\\" OR status:any OR name:\\""').parsed["field"] == "name"
    assert world.cart.fetch(["*", "\\", '"', "(", "1001 OR 1002"]) == {}


def test_an_order_that_the_search_does_not_show_yet_is_found_by_id(world):
    """With its id an order is read past the search, which lags."""
    world.sandbox.faults.switch_on("search_lag")
    world.sandbox.store.put(order(1009, NOW))
    assert world.cart.fetch(["1009"]) == {}
    found = world.cart.fetch(["1009", "1001"], {"1009": "gid://shopify/Order/550000001009"})
    assert set(found) == {"1009", "1001"}


def test_an_id_that_belongs_to_another_name_is_not_believed(world):
    """A renamed order is looked for by its name."""
    assert world.cart.fetch(["1002"], {"1002": GID})["1002"].vendor_id == "gid://shopify/Order/550000001002"


def test_an_id_that_is_gone_is_looked_for_by_name(world):
    """An order that was deleted and made anew is found."""
    found = world.cart.fetch(["1002"], {"1002": "gid://shopify/Order/1"})
    assert found["1002"].reference == "1002"


def test_many_orders_are_found_at_once(world):
    """More than fit one search."""
    world.fill(*orders(60))
    wanted = [str(1001 + n) for n in range(60)]
    assert set(world.cart.fetch(wanted)) == set(wanted)
    ids = {str(1001 + n): f"gid://shopify/Order/{550_000_001_001 + n}" for n in range(60)}
    assert set(world.cart.fetch(wanted, ids)) == set(wanted)


def test_a_long_order_is_fetched_with_all_its_lines(world):
    """A re-read compares the whole order."""
    world.fill(order(1008, NOW, [line(n, "X", "Bulb", "1.00") for n in range(1, 121)]))
    assert len(world.cart.fetch(["1008"])["1008"].lines) == 120


def test_two_orders_of_one_name_are_an_error(world):
    """Which of them was meant cannot be told."""
    world.fill(order(2001, NOW, name="1001"))
    with pytest.raises(MalformedError, match="two orders named 1001; rename one of them"):
        world.cart.fetch(["1001"])


def test_an_order_that_cannot_be_understood_is_not_called_absent(world):
    """Absent would mean that it must not be sent; it is there."""
    world.fill(
        order(
            1008,
            NOW,
            displayFulfillmentStatus="OPEN",
            name="#1008",
            totalPriceSet={"shopMoney": {"amount": "1.999", "currencyCode": "USD"}},
        )
    )
    with pytest.raises(MalformedError, match=r"order 1008 of .* cannot be understood"):
        world.cart.fetch(["1008"])


def test_nothing_is_asked_for_nothing(world):
    """No references, no calls."""
    assert world.cart.fetch([]) == {}
    assert world.sandbox.log == []
