"""The merchant over HTTP: the same seed makes the same day, its labels fit it, and its weather moves on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.sandbox import running
from adapters.shopify.sandbox import FAULTS as SHOPIFY
from adapters.shopify.sandbox import ShopifySandbox
from adapters.square.sandbox import FAULTS as SQUARE
from adapters.square.sandbox import SandboxOptions, SquareSandbox, serving
from reconciler.demo.judge import Evidence, judge
from reconciler.demo.sandbox_faults import (
    CART_SPELLS,
    FORGOTTEN,
    ON_THE_WAY,
    POS_SPELLS,
    REFUSED,
    Fault,
)
from reconciler.demo.store import Store, read_ledger
from reconciler.demo.street import CART, CHANNEL, FATES, GOODS, LATEST, ORDERS, POS, Street
from reconciler.demo.truth import End
from reconciler.demo.watch import Look
from reconciler.demo.weather import Weather
from reconciler.domain.verdict import Classification

C = Classification
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
NOTHING = Look(read={}, agreed={}, verdicts={}, open={}, ever={}, queue={}, told={})


def test_the_same_seed_makes_the_same_street() -> None:
    """Byte for byte; another one makes another."""
    assert Street.generate(7, NOW) == Street.generate(7, NOW)
    assert Street.generate(7, NOW).rows != Street.generate(8, NOW).rows


def test_every_order_has_a_label_and_the_till_has_those_that_agree() -> None:
    """What the other integration brought, and nothing else."""
    street = Street.generate(1, NOW)
    orders = [label for label in street.labels if label.kind == "order"]
    assert len(orders) - 1 == len(street.rows) == ORDERS
    agreeing = {label.subject for label in orders if label.end is End.AGREED}
    assert agreeing == {row["name"][1:] for _, row in street.sales}
    repaired = FATES["missing"] + len(ON_THE_WAY) - len(REFUSED)
    assert Counter(label.end for label in orders)[End.REPAIRED] == repaired


def test_the_ledger_counts_what_the_till_accepted(tmp_path) -> None:
    """An order that was given up is no live record, and was handed over all the same."""
    events = [
        {"event": "order_created", "order_id": "A", "reference": "1001"},
        {"event": "order_created", "order_id": "B", "reference": "1001"},
        {"event": "order_created", "order_id": "C", "reference": "1002"},
        {"event": "payment_recorded", "order_id": "A"},
        {"event": "order_canceled", "order_id": "B"},
    ]
    path = tmp_path / "ledger.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    one, two = (CHANNEL, "1001"), (CHANNEL, "1002")
    store = read_ledger(path, CHANNEL)
    assert (store.records, store.handed_over) == ({one: 1, two: 1}, {one: 2, two: 1})
    assert store.duplicates({}) == [one]


def test_every_fault_that_the_sandboxes_know_has_a_label() -> None:
    """None is forgotten, and none is counted that does not exist."""
    labelled = {label.fault for label in Street.generate(1, NOW).labels if label.fault}
    known = {f"shopify {name}" for name in SHOPIFY} | {f"square {name}" for name in SQUARE}
    assert labelled == known


def test_a_fault_that_did_not_strike_was_not_met() -> None:
    """What the connection was called before counts for nothing."""
    labels = [label for label in Street.generate(1, NOW).labels if label.kind == "connection"]
    subjects = {(label.channel, f"connection:{label.subject}") for label in labels}
    said = dict.fromkeys(subjects, frozenset({C.CANNOT_TELL, C.AUTH_FAILURE}))
    every = frozenset(label.fault for label in labels)
    met = judge(labels, Evidence(replace(NOTHING, ever=said), {}, Store({}, {}), {}, every))
    assert met.perfect
    assert met.by_end[End.WEATHERED] == sum(label.end is End.WEATHERED for label in labels) > 10
    one_less = Evidence(replace(NOTHING, ever=said), {}, Store({}, {}), {}, every - {"square html"})
    assert [trouble for _, trouble in judge(labels, one_less).unmet] == ["square html was not met"]


@pytest.fixture
def sandboxes():
    """A shop and a till on loopback."""
    shop = ShopifySandbox()
    skus = tuple(sku for sku, _, _ in GOODS)
    with running(shop.app) as cart, serving(SandboxOptions(skus=skus)) as (till, pos):
        yield shop, till, {"cart": cart.url, "pos": pos.url}


def _says(look: Look, fault: Fault) -> Look:
    """Return what is known once a fault was told of its connection."""
    subject = (CHANNEL, f"connection:{CART if fault.side == 'cart' else POS}")
    told = look.told.get(subject, frozenset())
    return replace(look, told={**look.told, subject: told | {(fault.told or C.AGREED, f"it {fault.words}")}})


def test_the_weather_moves_on_when_its_faults_struck_and_were_noticed(sandboxes) -> None:
    """Each spell lasts until the program said so, in words that fit; in the end all is well."""
    shop, till, urls = sandboxes
    weather = Weather(Street.generate(1, NOW), urls, lambda _: None)
    weather.begin()
    assert len(till.store.orders) == len(weather.street.sales) + 1
    look = NOTHING
    for turn in range(len(CART_SPELLS)):
        for side, box, spells in (("cart", shop, CART_SPELLS), ("pos", till, POS_SPELLS)):
            assert {name for name in box.faults.known if box.faults.peek(name)} >= {
                fault.name for fault in spells[turn]
            }
            weather.play(0.0, look)
            assert weather.place[side] == turn, "it struck nobody yet"
            for fault in spells[turn]:
                _strike(box, fault)
                look = _says(look, fault)
        weather.play(0.0, look)
    for fault in weather.street.aimed:
        _strike(till, fault)
    references = [fault.settings["reference"] for fault in weather.street.aimed]
    sent = {(CHANNEL, reference): "success" for reference in [*references, *"1234"]}
    weather.play(0.0, replace(look, queue=sent))
    _strike(till, FORGOTTEN)
    assert not weather.over
    weather.play(0.0, replace(look, queue=sent, verdicts={(CHANNEL, str(LATEST)): C.SYNC_DELAY}))
    assert weather.over
    assert not [name for box in (shop, till) for name in box.faults.known if box.faults.peek(name)]
    assert f"#{LATEST}" in {row["name"] for row in shop.store.rows()}


def _strike(box: ShopifySandbox | SquareSandbox, fault: Fault) -> None:
    for _ in range(int(fault.settings.get("after", "0")) + 1):
        box.faults.strike(fault.name)
