"""Looking an order up by its number: every state, every place, some weeks back, and honest about doubts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.square.sandbox import MARKET
from reconciler.domain.errors import AuthError, MalformedError, UnreachableError
from tests.builders import NOW
from tests.simulated import tools
from tests.unit.adapters_square.store import DAY, HOUR, MINUTE, SECOND, World, connect


@pytest.fixture
def world() -> World:
    """A store without orders."""
    return World()


def ids(world: World, reference: str = "1001") -> set[str]:
    """Return what a look finds; it must be sure."""
    look = world.pos.find(reference, world.time.now)
    assert look.conclusive, look.reason
    return {snapshot.order.pos_id for snapshot in look.records}


def test_an_order_is_found_in_every_state_and_at_every_place(world):
    """A look that misses the cancelled or the misfiled would send an order twice."""
    found = {world.order(), world.order(location=MARKET), world.order("1001-E001")}
    cancelled = world.order()
    world.sandbox.store.orders[cancelled]["state"] = "CANCELED"
    world.order("10011")
    world.order(state="DRAFT")
    assert ids(world) == found | {cancelled}


def test_every_place_is_searched_whatever_the_options_name(world):
    """An order may have gone astray."""
    found = world.order(location=MARKET)
    world.pos = world.connect(location_ids="LMAIN00000001")
    assert ids(world) == {found}


def test_an_order_of_weeks_ago_is_found(world):
    """As far back as the options say."""
    found = world.order()
    world.time.now += 29 * DAY
    assert ids(world) == {found}


def test_nothing_is_found_where_nothing_is(world):
    """Absence is an answer once everything was gone through."""
    world.order()
    assert ids(world, "4711") == set()


def test_what_was_just_sent_is_found_before_the_search_shows_it(world):
    """It is asked for by its id."""
    world.fault("search_lag", seconds=90)
    assert ids(world) == set()
    outcome = world.submit()
    assert ids(world) == {outcome.pos_id}


def test_the_weeks_are_gone_through_once_and_then_only_what_changed(world):
    """A queue of a hundred orders does not read the month a hundred times."""
    for number in range(1200):
        world.order(str(2000 + number))
    world.time.now += HOUR
    ids(world)
    before = len(world.sandbox.log)
    found = world.order()
    world.time.now += MINUTE
    assert ids(world) == {found}
    searches = [call for call in world.sandbox.log[before:] if call[1].endswith("search")]
    assert len(searches) == 1


def test_what_the_search_showed_late_is_found_at_the_next_look(world):
    """The last minutes are gone through again."""
    world.fault("search_lag", seconds=90)
    ids(world)
    found = world.order()
    world.time.now += 30 * SECOND
    assert ids(world) == set()
    world.time.now += 2 * MINUTE
    assert ids(world) == {found}


def test_a_look_shows_records_as_they_are_now(world):
    """Found once, it was cancelled since, without the time of its change being noted."""
    found = world.order()
    assert ids(world) == {found}
    world.sandbox.store.orders[found]["state"] = "CANCELED"
    (record,) = world.pos.find("1001", world.time.now).records
    assert record.order.status == "voided"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("missing_page", UnreachableError),
        ("revoked_token", AuthError),
        ("html", MalformedError),
        ("unavailable", UnreachableError),
    ],
)
def test_a_look_that_failed_is_an_error_and_not_an_absence(world, fault, error):
    """It never says that nothing is there; a token that lets us in no more pauses the connection."""
    world.order()
    world.fault(fault)
    with pytest.raises(error):
        world.pos.find("4711", world.time.now)


def test_a_look_that_failed_half_way_starts_over(world):
    """What it had not seen is looked at the next time."""
    world.fault("missing_page")
    found = world.order()
    with pytest.raises(UnreachableError):
        world.pos.find("1001", NOW)
    world.mend()
    assert ids(world) == {found}


def test_adapters_of_one_process_share_what_they_went_through(world):
    """Each turn of the queue has an adapter of its own; another process starts afresh."""
    shared = tools(world.sandbox.app, world.time)
    connect(shared).find("4711", world.time.now)
    world.sandbox.log.clear()
    world.time.now += DAY
    found = world.order()
    (record,) = connect(shared).find("1001", world.time.now).records
    assert record.order.pos_id == found
    assert world.sandbox.log.count(("POST", "/v2/orders/search")) == 1


def test_an_order_that_cannot_be_understood_leaves_doubt(world):
    """It bears the number, so it is not absent."""
    found = world.order()
    world.sandbox.store.orders[found]["total_money"] = {}
    look = world.pos.find("1001", world.time.now)
    assert (look.conclusive, list(look.records)) == (False, [])
    assert "total_money is missing" in look.reason


def test_an_order_that_is_shown_and_then_not_leaves_doubt(world):
    """Square leaves unknown ids out without a word."""
    found = world.order()
    ids(world)
    del world.sandbox.store.orders[found]
    look = world.pos.find("1001", world.time.now)
    assert (look.conclusive, "not shown any more" in look.reason) == (False, True)


def test_an_order_of_ours_without_its_payment_leaves_doubt(world):
    """It is neither there for staff nor absent: nothing may be sent under a new key."""
    order = world.order(metadata={"reconciler": "key"})
    look = world.pos.find("1001", world.time.now)
    assert (look.conclusive, list(look.records)) == (False, [])
    assert f"order {order} is there without its payment" in look.reason


def test_a_clock_of_ours_that_is_ahead_hides_no_order(world):
    """The store stamps an order by its own clock: from there the next look goes on, or it is sent twice."""
    ahead = world.time.now + HOUR
    world.pos = connect(replace(tools(world.sandbox.app, world.time), clock=lambda: ahead))
    assert world.pos.find("1001", ahead).records == []
    world.time.now += MINUTE
    found, ahead = world.order(), ahead + 2 * MINUTE
    assert [snapshot.order.pos_id for snapshot in world.pos.find("1001", ahead).records] == [found]
