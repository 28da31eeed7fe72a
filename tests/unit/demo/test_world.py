"""The generated world is what its truth says, judged by the domain alone and without any of its files."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.demo.files import catalog
from reconciler.demo.plans import DEMO, REHEARSAL
from reconciler.demo.shop import Shop
from reconciler.demo.truth import End, Label
from reconciler.demo.world import World
from reconciler.domain.classification import classify, classify_orphan
from reconciler.domain.errors import InputError
from reconciler.domain.evidence import Catalog, Evidence
from reconciler.domain.matching import assign_tickets, match_ticket
from reconciler.domain.money import exponent
from reconciler.domain.orders import PosOrder, Source, edit_family
from reconciler.domain.verdict import Classification

C = Classification
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEEDS = [0, 1, 2, 7, 114, 2026]
NEEDS_A_TALKING_POS = {C.AUTH_FAILURE, C.UNMAPPED_PAYMENT, C.UNMAPPED_TAX, C.POS_ERROR, C.STUCK}


def judged(shop: Shop) -> dict[str, Classification]:
    """Return the class of each order that does not agree and of each orphan, by reference or POS id."""
    families: dict[str, list[PosOrder]] = {}
    for record in shop.pos:
        families.setdefault(edit_family(record.reference or ""), []).append(record)
    tickets = [record for record in families.pop("", []) if record.source is Source.IN_STORE]
    known = {order.reference for order in shop.cart}
    given = assign_tickets(
        (order, match)
        for order in shop.cart
        if order.reference not in families
        for ticket in tickets
        if (match := match_ticket(order, ticket, shop.policy.sku_map))
    )
    words = catalog(shop.trade)
    can_take = Catalog(frozenset(words["skus"]), frozenset(words["shipping_methods"]))
    handed_over = {order.reference: at for order, at in shop.outbox}
    found = {
        order.reference: classify(
            Evidence(
                cart=order,
                records=tuple(families.get(order.reference, ())),
                ticket=given.get(order.reference),
                catalog=can_take,
                handed_over_at=handed_over.get(order.reference),
            ),
            shop.policy,
            shop.now,
        ).classification
        for order in shop.cart
    }
    for record in shop.pos:
        if record.source is Source.ONLINE and edit_family(record.reference or "") not in known:
            found[record.pos_id] = classify_orphan(record, "0", shop.now).classification
    return {subject: name for subject, name in found.items() if name is not C.AGREED}


def expected(shop: Shop) -> dict[str, Classification | None]:
    """Return what the truth says is there from the start."""
    later = {arrival.order.reference for arrival in shop.arrivals}
    return {
        label.subject: label.first
        for label in shop.labels
        if label.injected and label.kind != "connection" and label.subject not in later
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_every_demo_label_is_what_the_rules_say_and_nothing_else_is_reported(seed: int) -> None:
    """The demo's truth and the decision table agree on every order of every shop."""
    for shop in World.generate(seed, NOW).shops:
        assert judged(shop) == expected(shop), f"seed {seed}, {shop.trade.code}"


@pytest.mark.parametrize("seed", SEEDS)
def test_every_rehearsal_label_is_what_the_rules_say(seed: int) -> None:
    """With a grace of two hours, orders inside it count as agreed or as on their way."""
    for shop in World.generate(seed, NOW, 900, plan=REHEARSAL, poll_interval=HOUR, grace=None).shops:
        assert judged(shop) == expected(shop), f"seed {seed}, {shop.trade.code}"


def test_a_world_shows_every_class_that_files_can_show() -> None:
    """No class is left out of the demo; what needs a talking POS cannot come out of files."""
    shown = {name for label in World.generate(1, NOW).labels for name in label.classes}
    assert shown == set(C) - NEEDS_A_TALKING_POS


def test_a_rehearsal_shows_every_class_in_every_channel() -> None:
    """Each of the three shops can serve as a test set on its own."""
    for shop in World.generate(3, NOW, 900, plan=REHEARSAL, poll_interval=HOUR, grace=None).shops:
        shown = {label.first for label in shop.labels}
        assert shown == set(C) - NEEDS_A_TALKING_POS - {C.CANNOT_TELL}, shop.trade.code


def test_the_same_seed_writes_the_same_bytes(tmp_path) -> None:
    """A seed that is printed is enough to see the same world again."""
    for name in ("one", "two"):
        World.generate(11, NOW, 300).write(tmp_path / name)
    ours = {
        path.relative_to(tmp_path / "one"): path for path in (tmp_path / "one").rglob("*") if path.is_file()
    }
    assert len(ours) > 15
    for relative, path in ours.items():
        assert path.read_bytes() == (tmp_path / "two" / relative).read_bytes(), relative


def test_another_seed_makes_another_world() -> None:
    """The seed matters."""
    assert World.generate(1, NOW, 300).shops[0].cart != World.generate(2, NOW, 300).shops[0].cart


def test_a_world_has_as_many_orders_as_asked_for() -> None:
    """Those that are placed while the demo runs are among them."""
    assert World.generate(5, NOW).orders == 2000
    assert World.generate(5, NOW, 241).orders == 241


def test_too_small_a_world_is_refused_in_one_line() -> None:
    """Faults need room."""
    with pytest.raises(InputError, match="no room"):
        World.generate(5, NOW, 50)


def test_exponents_zero_two_and_three_all_occur() -> None:
    """Money without decimals, with two and with three."""
    assert {exponent(shop.trade.currency) for shop in World.generate(1, NOW).shops} == {0, 2, 3}


def test_numbers_and_pos_ids_are_unique_and_times_lie_in_the_past() -> None:
    """Nothing in a world is from the future, and every key is one."""
    for shop in World.generate(9, NOW).shops:
        references = Counter(order.reference for order in shop.cart)
        pos_ids = Counter(record.pos_id for record in shop.pos)
        assert max(references.values()) == max(pos_ids.values()) == 1
        times = [order.updated_at or order.placed_at for order in shop.cart]
        times += [record.updated_at or record.created_at for record in shop.pos]
        assert max(times) < NOW


def test_the_pos_file_reaches_further_back_than_the_cart() -> None:
    """A file proves nothing about the time before its first record."""
    for shop in World.generate(9, NOW).shops:
        assert min(r.created_at for r in shop.pos) < min(o.placed_at for o in shop.cart)


def test_the_count_beside_a_pos_file_is_the_number_of_its_rows(tmp_path) -> None:
    """The count is what lets a re-send rest on an absence."""
    World.generate(4, NOW, 300).write(tmp_path)
    for path in tmp_path.glob("*/pos.jsonl"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert int(path.with_name("pos.jsonl.count").read_text()) == len(rows)


def test_truth_is_kept_beside_as_one_label_a_line(tmp_path) -> None:
    """A person can look up what was really the matter."""
    world = World.generate(4, NOW, 300)
    world.write(tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text().splitlines()]
    assert len(rows) == len(world.labels)
    assert {row["end"] for row in rows} == {str(end) for end in End if end is not End.WEATHERED}


def test_few_orders_of_a_run_look_missing_so_the_brake_stays_open() -> None:
    """The brake would hold everything back above twenty."""
    for shop in World.generate(6, NOW).shops:
        missing = [label for label in shop.labels if C.MISSING in label.classes]
        assert 0 < len(missing) < 15


def test_every_plan_deals_its_faults_round_the_shops() -> None:
    """No shop is spared, and none gets all."""
    for plan in (DEMO, REHEARSAL):
        labels: list[Label] = World.generate(6, NOW, 900, plan=plan).labels
        shares = Counter(label.merchant for label in labels if label.injected)
        assert max(shares.values()) - min(shares.values()) <= 2
