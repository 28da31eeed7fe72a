"""The merchant over HTTP: the same seed makes the same day, its labels fit it, and its weather moves on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.sandbox import running
from adapters.shopify.sandbox import ShopifySandbox
from adapters.square.sandbox import SandboxOptions, SquareSandbox, serving
from reconciler.demo.judge import Evidence, judge
from reconciler.demo.store import Store, read_ledger
from reconciler.demo.street import CART, CHANNEL, FATES, GOODS, ORDERS, POS, Street
from reconciler.demo.truth import End
from reconciler.demo.watch import Look
from reconciler.demo.weather import FINALE, SPELLS, Weather
from reconciler.domain.verdict import Classification

C = Classification
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
NOTHING = Look(read={}, agreed={}, verdicts={}, open={}, ever={}, queue={})


def test_the_same_seed_makes_the_same_street() -> None:
    """Byte for byte; another one makes another."""
    assert Street.generate(7, NOW) == Street.generate(7, NOW)
    assert Street.generate(7, NOW).rows != Street.generate(8, NOW).rows


def test_every_order_has_a_label_and_the_till_has_those_that_agree() -> None:
    """What the other integration brought, and nothing else."""
    street = Street.generate(1, NOW)
    orders = [label for label in street.labels if label.kind == "order"]
    assert len(orders) == len(street.rows) == ORDERS
    agreeing = {label.subject for label in orders if label.end is End.AGREED}
    assert agreeing == {row["name"][1:] for _, row in street.sales}
    assert Counter(label.end for label in orders)[End.REPAIRED] == FATES["missing"]


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


def test_two_things_may_be_true_of_one_connection() -> None:
    """A page that failed and a token that was revoked, each with its label."""
    labels = [label for label in Street.generate(1, NOW).labels if label.kind == "connection"]
    said = {
        (CHANNEL, f"connection:{POS}"): frozenset({C.CANNOT_TELL, C.AUTH_FAILURE}),
        (CHANNEL, f"connection:{CART}"): frozenset({C.CANNOT_TELL}),
    }
    assert judge(labels, Evidence(replace(NOTHING, ever=said), {}, Store({}, {}), {})).perfect


@pytest.fixture
def sandboxes():
    """A shop and a till on loopback."""
    shop = ShopifySandbox()
    skus = tuple(sku for sku, _, _ in GOODS)
    with running(shop.app) as cart, serving(SandboxOptions(skus=skus)) as (till, pos):
        yield shop, till, {"cart": cart.url, "pos": pos.url}


def test_the_weather_moves_on_when_its_faults_were_noticed(sandboxes) -> None:
    """Each spell lasts until the program said so; then the next one is there."""
    shop, till, urls = sandboxes
    told: list[str] = []
    weather = Weather(Street.generate(1, NOW), urls, told.append)
    weather.begin()
    assert len(till.store.orders) == len(weather.street.sales)
    for spell in SPELLS:
        weather.play(0.0, NOTHING)
        assert _on(shop, till) >= {(fault.side, fault.name) for fault in spell.faults}
        name, said = spell.noticed
        seen = {(CHANNEL, f"connection:{name}"): frozenset({said})}
        weather.play(1.0, replace(NOTHING, ever=seen))
    assert weather.over
    assert _on(shop, till) == {(fault.side, fault.name) for fault in FINALE}
    assert len(told) == len(SPELLS)


def _on(shop: ShopifySandbox, till: SquareSandbox) -> set[tuple[str, str]]:
    sides = {"cart": shop.faults, "pos": till.faults}
    return {(side, name) for side, faults in sides.items() for name in faults.known if faults.on(name)}
