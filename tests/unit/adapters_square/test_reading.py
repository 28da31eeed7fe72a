"""Reading what changed at Square: nothing slips between two pages, and no read claims more than it saw."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from adapters.square.reading import LAG
from adapters.square.sandbox import MAIN, MARKET, add_article, add_location
from adapters.square.sandbox.payments import refund
from adapters.square.sandbox.store import stamp
from adapters.square.search import Search
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError
from reconciler.domain.orders import PosStatus, Source
from reconciler.ports import Coverage
from reconciler.services.pull import OVERLAP
from tests.builders import NOW
from tests.simulated import tools
from tests.unit.adapters_square.store import DAY, HOUR, MINUTE, SECOND, Read, World, connect, usd


@pytest.fixture
def world() -> World:
    """A store without orders."""
    return World()


@pytest.fixture
def small_pages(world) -> None:
    """Let three orders fill a page."""
    world.pos = world.connect(page_size=3)


def poll(world: World, last: Read | None) -> Read:
    """Read as the pull service does: from a little before the last complete read's end."""
    mark = last.coverage.covers_to if last and last.coverage else None
    return world.read(mark - OVERLAP if mark else None)


def put(world: World, count: int, step: timedelta = MINUTE) -> list[str]:
    """Make orders, one each ``step``; time moves on."""
    ids = []
    for number in range(count):
        ids.append(world.order(str(1001 + number)))
        world.time.now += step
    return ids


def test_an_empty_store_is_read_completely(world):
    """Its answers are empty objects: no list at all."""
    found = world.read()
    assert (found.orders, found.complete) == ([], True)


def test_every_order_comes_with_its_article(world):
    """The catalog tells the SKUs, deleted articles' too."""
    variation = add_article(world.sandbox.store, "FERN", "Fern", 900)
    line = {"catalog_object_id": variation, "quantity": "2"}
    order = world.order(line_items=[line])
    for row in world.sandbox.store.catalog.values():
        row["is_deleted"] = row["id"] == variation
    assert [item.sku for item in world.read().one(order).lines or ()] == ["FERN"]


def test_a_read_begins_where_it_is_told_and_claims_no_more_than_it_saw(world):
    """The newest minutes may not be in the search yet."""
    world.order()
    world.time.now += 40 * MINUTE
    new = world.order("1002")
    start = NOW + 30 * MINUTE
    found = world.read(start)
    assert found.ids == {new}
    assert found.coverage is not None
    assert (found.coverage.covers_from, found.coverage.covers_to) == (start, world.time.now - LAG)


def test_without_a_time_the_history_is_read_and_no_more_is_claimed(world):
    """A first read goes back as far as the options say."""
    order = world.order()
    world.time.now += 10 * DAY
    world.pos = world.connect(history_days=5)
    found = world.read()
    assert order not in found.ids
    assert found.coverage is not None
    assert found.coverage.covers_from == NOW + 5 * DAY


def test_a_clock_of_ours_that_is_ahead_claims_nothing_of_the_future(world):
    """What the server's clock has not reached, nobody has read."""
    ours = world.time.now + 10 * MINUTE
    world.pos = connect(replace(tools(world.sandbox.app, world.time), clock=lambda: ours))
    coverage = list(world.pos.read(ours - HOUR, ours))[-1]
    assert isinstance(coverage, Coverage)
    assert NOW - LAG - SECOND <= coverage.covers_to <= NOW - LAG + SECOND


def test_orders_of_one_second_all_arrive_across_a_page_break(world, small_pages):
    """Ten in one millisecond, three a page: there the cursor is followed."""
    ids = put(world, 2, timedelta(0)) + put(world, 8, timedelta(0))
    assert world.read().ids == set(ids)


def test_two_orders_of_one_second_at_the_edge_of_a_page_both_arrive(world, small_pages):
    """The page is full after the first of them."""
    ids = put(world, 2, MINUTE) + put(world, 2, timedelta(0)) + put(world, 2, MINUTE)
    assert world.read().ids == set(ids)


def test_many_pages_are_read_to_their_end(world, small_pages):
    """And each order is there, whatever the size of a page."""
    ids = put(world, 25)
    found = world.read()
    assert (found.ids, found.complete) == (set(ids), True)


def test_an_order_that_moves_while_pages_are_read_hides_no_other(world, small_pages):
    """It changes after its page was shown, and all that follow move up by one."""
    ids = put(world, 20)
    world.fault("moving_row")
    found = world.read()
    assert (found.ids, found.complete) == (set(ids), True)


def test_an_order_that_moved_is_read_as_it_is_now(world, small_pages):
    """It comes once more, at its new place."""
    ids = put(world, 10)
    world.fault("moving_row", times=1)
    found = world.read()
    times = [order.updated_at for order in found.orders if order.pos_id == ids[0]]
    assert times[-1] == world.time.now > times[0]


def test_an_order_found_at_an_old_place_and_shown_as_it_is_now_skips_nobody(world, monkeypatch):
    """The search knows where the last of a page stood; what is shown of it has changed since."""
    monkeypatch.setattr(Search.__init__, "__defaults__", (20,))
    ids = put(world, 50)
    asked = world.pos._bench.api.ask

    def ask(path, body):
        answer = asked(path, body)
        if path.endswith("search") and answer.get("cursor"):
            answer["orders"][-1]["updated_at"] = stamp(world.time.now)
        return answer

    monkeypatch.setattr("adapters.square.api.SquareApi.ask", lambda self, path, body: ask(path, body))
    assert world.read().ids == set(ids)


def test_a_page_that_fails_makes_the_read_incomplete(world, small_pages):
    """What came before it is kept; nothing is claimed."""
    put(world, 9)
    world.fault("missing_page", after=1)
    found = world.read()
    assert isinstance(found.error, UnreachableError)
    assert (found.complete, 0 < len(found.ids) < 9) == (False, True)


def test_a_page_that_fails_once_is_asked_for_again(world, small_pages):
    """A hiccup costs nothing but a pause."""
    ids = put(world, 9)
    world.fault("missing_page", after=1, times=1)
    found = world.read()
    assert (found.ids, found.complete) == (set(ids), True)


def test_more_than_ten_locations_are_asked_for_in_turn(world):
    """One search takes ten."""
    places = [f"L{number:02}" for number in range(23)]
    for place in places:
        add_location(world.sandbox.store, place, place)
    ids = {world.order(str(number), place) for number, place in enumerate(places)}
    found = world.read()
    assert (found.ids, found.complete) == (ids, True)
    assert world.sandbox.log.count(("POST", "/v2/orders/search")) == 3


def test_named_locations_alone_are_read(world):
    """A merchant's other shops are none of ours, where the options say so."""
    ours, theirs = world.order(), world.order("2", MARKET)
    world.pos = world.connect(location_ids=f" {MAIN} ")
    assert (ours in world.read().ids, theirs in world.read().ids) == (True, False)


def test_baskets_are_left_out(world):
    """A DRAFT has not been ordered."""
    world.order(state="DRAFT")
    assert world.read().orders == []


def test_baskets_are_left_out_even_where_the_filter_is_forgotten(world, monkeypatch):
    """The answer is judged, not the question."""
    monkeypatch.setattr("adapters.square.search.STATES", frozenset({"DRAFT", "OPEN"}))
    world.order(state="DRAFT")
    found = world.read()
    assert (found.orders, found.quarantined) == ([], [])


def test_an_order_of_ours_without_its_payment_is_not_shown(world):
    """No till shows it either: shown as a record, it would be taken for delivered."""
    world.order(metadata={"reconciler": "key"})
    assert world.read().orders == []


def test_what_cannot_be_understood_is_set_aside_and_the_rest_arrives(world):
    """With its payload and the reason; as it tells its id, the read remains whole."""
    good, bad = world.order(), world.order("1002")
    world.sandbox.store.orders[bad]["total_money"] = {"amount": 5}
    found = world.read()
    assert found.ids == {good}
    assert [item.reason for item in found.quarantined][:1] == ["total_money has no currency of three letters"]
    assert all(bad in item.raw for item in found.quarantined)
    assert found.complete


def test_an_answer_to_another_question_proves_nothing(world):
    """A search that forgot the times it was asked for is an error, not a read."""
    world.order()
    world.time.now += DAY
    world.fault("ignored_filter")
    found = world.read(world.time.now - HOUR)
    assert isinstance(found.error, MalformedError)
    assert "did not answer what was asked" in str(found.error)


@pytest.mark.parametrize("change", ["reversed", "elsewhere"])
def test_an_answer_in_another_order_or_of_another_place_proves_nothing(world, change, monkeypatch):
    """Pages in the wrong order would be read as if they were all."""
    world.pos = world.connect(page_size=10)
    put(world, 30)
    asked = world.pos._bench.api.ask

    def ask(path, body):
        answer = asked(path, body)
        if path.endswith("search") and "orders" in answer:
            if change == "reversed":
                answer["orders"].reverse()
            else:
                answer["orders"][0]["location_id"] = "LOTHER"
        return answer

    monkeypatch.setattr("adapters.square.api.SquareApi.ask", lambda self, path, body: ask(path, body))
    assert isinstance(world.read().error, MalformedError)


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(world):
    """Long orders: the answer is more than we read at once."""
    note = "x" * 40_000
    ids = set()
    for number in range(300):
        line = {"name": "Roses", "quantity": "1", "base_price_money": usd(20_00), "note": note}
        ids.add(world.order(str(number), line_items=[line]))
        world.time.now += SECOND
    found = world.read()
    assert (found.ids, found.complete) == (ids, True)


def test_an_order_that_the_search_shows_late_is_not_claimed_and_then_read(world):
    """Ninety seconds late: the first read does not cover it, the second shows it."""
    world.fault("search_lag", seconds=90)
    order = world.order()
    world.time.now += 30 * SECOND
    first = poll(world, None)
    assert first.ids == set()
    assert first.coverage is not None
    assert first.coverage.covers_to < NOW
    world.time.now += 2 * MINUTE
    assert poll(world, first).ids == {order}


def offline(world: World, keeps: str) -> tuple[set[str], Read]:
    """Let a till be offline for three days while the store is read every hour; return its sales."""
    world.fault("offline_register", hours=72, keeps=keeps)
    last = poll(world, None)
    sales = set()
    for _ in range(6):
        sales.add(world.sale())
        world.time.now += HOUR
        last = poll(world, last)
    world.mend()
    assert not sales & last.ids
    return sales, last


@pytest.mark.parametrize("keeps", ["change", "times"])
def test_a_till_that_was_offline_for_three_days_is_read_when_it_is_back(world, keeps):
    """Its sales come under their own times, and perhaps with the old time of change, too: none is missed."""
    sales, last = offline(world, keeps)
    seen: set[str] = set()
    times: dict[str, datetime] = {}
    for _ in range(75):
        world.time.now += HOUR
        last = poll(world, last)
        assert last.complete
        seen |= last.ids
        times |= {order.pos_id: order.created_at for order in last.orders}
    assert sales <= seen
    assert min(times[sale] for sale in sales) == NOW


def test_a_till_is_in_store_and_its_sales_have_no_number(world):
    """They are what staff keyed in by hand."""
    key = world.sale()
    sale = world.read().one(key)
    assert (sale.source, sale.reference, sale.status) == (Source.IN_STORE, None, PosStatus.COMPLETED)


def paid(world: World) -> str:
    """Send an order of ours; return its id."""
    outcome = world.submit()
    assert outcome.pos_id
    return outcome.pos_id


def refunded(world: World, order: str, cents: int) -> None:
    """Let the merchant give some of an order's money back."""
    store = world.sandbox.store
    payment = store.orders[order]["tenders"][0]["payment_id"]
    body = {"idempotency_key": f"r{cents}", "payment_id": payment, "amount_money": usd(cents)}
    refund(store, body)


def test_a_refund_is_seen_though_the_sale_is_left_as_it_was(world):
    """Days later, with no change of the sale itself: the refunds are asked for beside the orders."""
    order = paid(world)
    world.time.now += 5 * DAY
    last = poll(world, None)
    assert last.one(order).total == 50_00
    world.time.now += HOUR
    refunded(world, order, 20_00)
    world.time.now += MINUTE
    assert poll(world, last).one(order).total == 30_00


def test_a_refund_is_still_seen_when_the_sale_changes_for_another_reason(world):
    """The total does not jump back to what it was."""
    order = paid(world)
    refunded(world, order, 50_00)
    world.time.now += DAY
    world.sandbox.store.touch(world.sandbox.store.orders[order])
    assert world.read(world.time.now - HOUR).one(order).total == 0


def test_a_sale_of_years_ago_is_asked_for_its_own_refunds(world):
    """Not for all refunds since."""
    order = paid(world)
    refunded(world, order, 20_00)
    world.time.now += 300 * DAY
    world.sandbox.store.touch(world.sandbox.store.orders[order])
    world.sandbox.log.clear()
    assert world.read(world.time.now - HOUR).one(order).total == 30_00
    payment = world.sandbox.store.orders[order]["tenders"][0]["payment_id"]
    assert ("GET", f"/v2/payments/{payment}") in world.sandbox.log
    assert world.sandbox.log.count(("GET", "/v2/refunds")) == 1


def test_a_return_is_no_record_of_its_own(world):
    """It leads to its sale."""
    order = paid(world)
    refunded(world, order, 20_00)
    assert world.read().ids == {order}


def test_a_revoked_token_ends_the_read_at_its_first_call(world):
    """One call, one error that says whose turn it is."""
    world.fault("revoked_token")
    found = world.read()
    assert isinstance(found.error, AuthError)
    assert "ACCESS_TOKEN_REVOKED" in str(found.error)
    assert world.sandbox.log == []
    assert world.time.slept == []
