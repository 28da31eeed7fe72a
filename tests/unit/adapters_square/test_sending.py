"""Sending: one order and one payment, whatever breaks in between, and a truthful word on how it ended."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from adapters.sandbox import AppTransport
from adapters.square.plan import decode
from adapters.square.sandbox.payments import create, refund
from reconciler.domain.evidence import FailureCause
from reconciler.ports import OutcomeKind, Submission
from tests.builders import NOW, cart_order
from tests.simulated import tools
from tests.unit.adapters_square.store import SECOND, World, connect, usd

#: After which of these the same bytes go again.
UNKNOWN = OutcomeKind.UNKNOWN


@pytest.fixture
def world() -> World:
    """A store that sells what the cart does."""
    return World()


def live(world: World) -> list[dict[str, Any]]:
    """Return the orders that the store really has, not cancelled."""
    return [order for order in world.sandbox.store.orders.values() if order["state"] != "CANCELED"]


def test_an_order_and_its_payment_are_made(world):
    """Staff see it: it is paid, open, and bears the shop's number."""
    outcome = world.submit()
    assert outcome.kind is OutcomeKind.ACCEPTED
    (order,) = live(world)
    assert outcome.pos_id == order["id"]
    assert (order["reference_id"], order["state"]) == ("1001", "OPEN")
    assert order["net_amount_due_money"] == usd(0)
    assert [len(world.events(name)) for name in ("order_created", "payment_recorded")] == [1, 1]


LOST = [(f"{how}_{when}", of) for how in ("fail", "drop", "hang") for when in ("before", "after")
        for of in ("orders", "payments")]  # fmt: skip


@pytest.mark.parametrize(("fault", "of"), LOST)
def test_an_unknown_outcome_replayed_under_the_same_key_makes_one_order(world, fault, of):
    """Wherever it broke: unknown, then the same bytes complete it; one order, one payment, one key."""
    submission = world.prepared()
    world.fault(fault, of=of, times=2)
    first = world.submit(submission)
    late = fault.endswith("after") and of == "payments"
    assert first.kind is (OutcomeKind.ACCEPTED if late else UNKNOWN)
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED
    assert len(live(world)) == 1
    assert [len(world.events(name)) for name in ("order_created", "payment_recorded")] == [1, 1]


@pytest.mark.parametrize(("fault", "of"), LOST)
def test_a_call_that_breaks_off_at_once_goes_again_at_once(world, fault, of):
    """Under its key, so that no order stays half made for one hiccup."""
    world.fault(fault, of=of, times=1)
    assert world.submit().kind is OutcomeKind.ACCEPTED
    assert [len(world.events(name)) for name in ("order_created", "payment_recorded")] == [1, 1]


@pytest.mark.parametrize("fault", ["bare_401", "throttle"])
def test_what_keeps_the_second_call_out_says_nothing_of_the_first(world, fault):
    """The first made the order, and its answer was lost: that the next was turned away does not undo it."""
    submission = world.prepared()
    world.fault("fail_after", of="orders", times=1)
    world.fault(fault, after=1, times=1)
    assert world.submit(submission).kind is UNKNOWN
    assert len(world.events("order_created")) == 1


def test_a_call_that_was_waited_for_in_vain_does_not_go_again_by_itself(world):
    """Time is short by then: the queue looks first."""
    submission = world.prepared()
    world.pos = connect(tools(Late(world), world.time))
    outcome = world.submit(submission)
    assert outcome.kind is UNKNOWN
    assert world.sandbox.log.count(("POST", "/v2/orders")) == 1


class Late(httpx.BaseTransport):
    """A network on which every create takes half a minute and then brings nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._inner = AppTransport(world.sandbox.app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, and lose the answer to a create."""
        response = self._inner.handle_request(request)
        if request.url.path == "/v2/orders":
            self._world.time.now += 30 * SECOND
            raise httpx.ReadTimeout("timed out", request=request)
        return response


def test_an_order_without_its_payment_is_neither_there_nor_absent(world):
    """Unknown, with its id: no read shows it, no look adopts it, and no look calls it absent."""
    submission = world.prepared()
    world.fault("fail_before", of="payments")
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.pos_id) == (UNKNOWN, live(world)[0]["id"])
    assert "its payment was not recorded" in outcome.words
    assert world.read().orders == []
    look = world.pos.find("1001", world.time.now)
    assert (list(look.records), look.conclusive) == ([], False)
    world.mend()
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED
    assert world.read().ids == {outcome.pos_id}
    look = world.pos.find("1001", world.time.now)
    assert (len(look.records), look.conclusive) == (1, True)


def test_a_payment_that_a_person_made_meanwhile_counts(world):
    """Staff paid the order at the till: nothing is owed, so nothing is missing."""
    submission = world.prepared()
    world.fault("fail_before", of="payments")
    outcome = world.submit(submission)
    (order,) = live(world)
    world.mend()
    payment = {"source_id": "CASH", "idempotency_key": "till", "amount_money": usd(50_00)}
    cash = {"cash_details": {"buyer_supplied_money": usd(50_00)}}
    create(world.sandbox.store, payment | cash | {"order_id": order["id"]})
    again = world.submit(submission)
    assert (again.kind, again.pos_id) == (OutcomeKind.ACCEPTED, outcome.pos_id)
    assert len(world.events("payment_recorded")) == 1


def test_a_payment_waits_while_square_asks_for_patience(world):
    """The order is there: its payment is sent again within the same call."""
    submission = world.prepared()
    world.fault("throttle", after=1, times=2)
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED
    assert world.time.slept


def test_a_payment_that_is_throttled_without_end_is_unknown_and_not_deferred(world):
    """Deferred would mean that nothing was done."""
    submission = world.prepared()
    world.fault("throttle", after=1)
    assert world.submit(submission).kind is UNKNOWN
    assert len(live(world)) == 1


def test_being_asked_to_come_later_defers_and_does_nothing(world):
    """With the time that the answer tells, where it tells one; others keep away as well."""
    submission = world.prepared()
    world.fault("throttle")
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.retry_at) == (OutcomeKind.DEFERRED, None)
    world.fault("retry_after", seconds=7)
    outcome = world.submit(submission)
    assert outcome.retry_at is not None
    assert (outcome.retry_at - world.time.now).total_seconds() <= 7
    assert live(world) == []


@pytest.mark.parametrize("fault", ["revoked_token", "expired_token", "bare_401"])
def test_refused_credentials_defer_the_order(world, fault):
    """Nothing is wrong with the order: it waits until the token is right, and spends nothing."""
    submission = world.prepared()
    world.fault(fault)
    outcome = world.submit(submission)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert outcome.words
    world.mend()
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED


def test_a_lost_scope_is_a_matter_of_permissions(world):
    """The probe passes: it is this one thing that we may not do, and it is named."""
    submission = world.prepared()
    world.fault("lost_scope", scope="ORDERS_WRITE")
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REFUSED, FailureCause.PERMISSIONS)
    assert outcome.codes == ("ORDERS_WRITE",)
    assert world.pos.probe().endswith("for reading only: ORDERS_WRITE not granted")


def test_a_scope_lost_between_the_two_steps_leaves_the_outcome_open(world):
    """The order is there; its payment can follow when the scope is back."""
    submission = world.prepared()
    world.fault("lost_scope", scope="PAYMENTS_WRITE")
    outcome = world.submit(submission)
    assert (outcome.kind, "INSUFFICIENT_SCOPES" in outcome.words) == (UNKNOWN, True)
    world.mend()
    assert world.submit(submission).kind is OutcomeKind.ACCEPTED
    assert len(live(world)) == 1


def test_a_fault_in_the_tax_set_up_is_named(world):
    """More than one tax set up at the location."""
    world.fault("tax_error")
    outcome = world.submit()
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REFUSED, FailureCause.TAX_SETUP)
    assert "more than one tax" in outcome.words
    assert live(world) == []


def test_an_article_that_square_does_not_know_is_named_by_our_sku(world):
    """It was deleted since the catalog was read; Square names the line only."""
    submission = world.prepared()
    world.fault("unknown_item", line=1)
    outcome = world.submit(submission)
    assert (outcome.cause, outcome.codes) == (FailureCause.UNMAPPED_SKU, ("CARD",))


@pytest.mark.parametrize(
    ("name", "settings"), [("unknown_item", {}), ("drop_after", {"of": "orders"}), ("fail_after", {})]
)
def test_a_fault_that_is_meant_for_one_order_spares_the_others(world, name, settings):
    """So that a rehearsal can say beforehand what becomes of which order."""
    world.fault(name, reference="9999", **settings)
    assert world.submit().kind is OutcomeKind.ACCEPTED
    assert world.sandbox.faults.peek(name) is not None


def test_an_article_that_left_the_location_is_a_fault_of_the_menu(world):
    """Known, and not sold here any more."""
    submission = world.prepared()
    for row in world.sandbox.store.catalog.values():
        row["absent_at_location_ids"] = ["LMAIN00000001"]
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REFUSED, FailureCause.MENU_SETUP)
    assert outcome.codes == ("ROSE-12",)


def test_another_order_under_the_same_key_is_looked_for_and_not_refused(world):
    """Something was made under this key: a refusal would let a second one be made under a new key."""
    assert world.submit(world.prepared(reference="1002")).kind is OutcomeKind.ACCEPTED
    outcome = world.submit(world.prepared(reference="1001"))
    assert (outcome.kind, "IDEMPOTENCY_KEY_REUSED" in outcome.words) == (UNKNOWN, True)
    assert len(live(world)) == 1


def test_an_order_that_square_reckons_otherwise_is_cancelled_and_refused(world, monkeypatch):
    """Nobody saw it, since it was not paid; the difference is told."""
    submission = world.prepared()
    monkeypatch.setattr("adapters.square.sandbox.reckoning._half_even", lambda number: int(number) + 1)
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REFUSED, FailureCause.TAX_SETUP)
    assert "instead of 50.00 USD" in outcome.words
    assert live(world) == []
    assert world.events("payment_recorded") == []


def test_an_order_that_can_neither_be_paid_nor_cancelled_is_unknown(world, monkeypatch):
    """A person has to look; the words say at what."""
    submission = world.prepared()
    monkeypatch.setattr("adapters.square.sandbox.reckoning._half_even", lambda number: int(number) + 1)
    monkeypatch.setattr("adapters.square.sandbox.orders._move_state", lambda *_: None)
    outcome = world.submit(submission)
    assert (outcome.kind, outcome.pos_id) == (UNKNOWN, live(world)[0]["id"])
    assert "cancel it in Square" in outcome.words


def test_any_other_refusal_keeps_squares_code_and_words_without_the_customer(world):
    """What a person needs to know, and nobody's name or number."""
    customer = cart_order().customer
    submission = world.prepared(customer=customer)
    plan = json.loads(submission.body)
    details = plan["order"]["order"]["fulfillments"][0]["pickup_details"]
    details["recipient"]["phone_number"] = "99"
    details["recipient"]["display_name"] = "Rosa Okafor"
    outcome = world.submit(Submission("1001", "key-1", json.dumps(plan).encode()))
    assert (outcome.kind, outcome.cause) == (OutcomeKind.REFUSED, FailureCause.REJECTED)
    assert outcome.codes == ("INVALID_PHONE_NUMBER",)
    assert "`[personal]` is not valid" in outcome.words
    assert "`99`" not in outcome.words


def test_an_answer_that_is_no_answer_is_unknown(world):
    """A login page with status 200: the order may be there or not."""
    submission = world.prepared()
    world.fault("html", times=2)
    assert world.submit(submission).kind is UNKNOWN


def test_a_refusal_by_a_proxy_is_not_squares(world):
    """Nothing was acted on: it waits."""
    submission = world.prepared()
    world.fault("bare_401", times=1)
    assert world.submit(submission).kind is OutcomeKind.DEFERRED


def test_bytes_of_another_version_are_never_taken_for_refused(world):
    """They may have been sent by it."""
    for body in (b"", b"oops", b"[]", b'{"order": 5}'):
        assert world.submit(Submission("1001", "key-1", body)).kind is UNKNOWN


def test_forgotten_keys_are_what_the_capability_warns_of(world):
    """After its life a key makes a second order: within it, the queue may replay; beyond it, never."""
    submission = world.prepared()
    world.submit(submission)
    world.fault("forgotten_keys", times=1)
    world.submit(submission)
    assert len(live(world)) == 2
    assert world.pos.capabilities.key_life is not None


def test_no_secret_and_no_person_is_in_the_words_of_any_end(world):
    """Through every fault: neither the token nor the customer."""
    for fault in sorted(world.sandbox.faults.known):
        world.mend()
        submission = world.prepared(key=fault)
        world.fault(fault, times=1)
        outcome = world.submit(submission)
        assert "EAAA" not in outcome.words
        assert "Okafor" not in outcome.words
        assert "9282" not in outcome.words


def test_the_plan_can_be_read_back(world):
    """What was stored is what goes out."""
    plan = decode(world.prepared().body)
    assert (plan.total, plan.skus, plan.refusal) == (50_00, ["ROSE-12", "CARD"], None)


def test_a_refund_of_our_external_payment_is_seen(world):
    """The merchant gives the money back in Square as well."""
    outcome = world.submit()
    payment = world.sandbox.store.orders[str(outcome.pos_id)]["tenders"][0]["payment_id"]
    refund(
        world.sandbox.store,
        {"idempotency_key": "r", "payment_id": payment, "amount_money": usd(50_00)},
    )
    assert world.read().one(str(outcome.pos_id)).total == 0
    assert world.pos.find("1001", NOW).records[0].order.total == 0
