"""The world outside while the demo runs: customers, late deliveries, and an export that tears."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.demo.director import Scene, torn
from reconciler.demo.shop import Shop
from reconciler.demo.watch import Look
from reconciler.demo.world import World
from reconciler.domain.orders import edit_family, normalise_reference
from reconciler.domain.verdict import Classification

NOTHING = Look(read={}, agreed={}, verdicts={}, open={}, ever={}, queue={}, told={})
READ = replace(NOTHING, read={"alward-web": 100, "menya-web": 100, "firnberg-web": 100})


def scene_of(tmp_path: Path, *, is_torn: bool) -> Scene:
    """Return a scene with arrivals whose POS file is, or is not, to be torn."""
    world = World.generate(8, datetime.now(UTC), 300)
    world.write(tmp_path)
    shop = next(shop for shop in world.shops if shop.torn == is_torn and shop.arrivals)
    return Scene(shop, tmp_path / shop.trade.code, lambda _: None, lambda _: None)


def references(text: str) -> list[str]:
    """Return the orders of the whole lines of a POS file."""
    rows = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [edit_family(normalise_reference(row["reference"] or "")) for row in rows]


@pytest.mark.parametrize("seed", range(5))
def test_a_torn_file_ends_inside_a_line_and_halves_no_family(tmp_path, seed) -> None:
    """What is lost is lost whole: a voided record never loses the live one beside it."""
    World.generate(seed, datetime.now(UTC), 300).write(tmp_path)
    for path in tmp_path.glob("*/pos.jsonl"):
        whole = path.read_text(encoding="utf-8")
        broken = torn(whole)
        assert whole.startswith(broken)
        assert not broken.endswith("\n")
        kept, every = references(broken), references(whole)
        assert 0 < len(kept) < len(every)
        assert not {key for key in kept if key} & set(every[len(kept) :])


def test_a_torn_file_is_whole_again_only_after_somebody_noticed(tmp_path) -> None:
    """The demo shows what a broken export does, so it stays broken until it was reported."""
    scene = scene_of(tmp_path, is_torn=True)
    path = scene.folder / "pos.jsonl"
    whole = path.read_bytes()
    opened: list[Shop] = []
    scene.open_till = opened.append
    scene.begin()
    scene.play(100, NOTHING)
    assert len(path.read_bytes()) < len(whole)
    assert opened == []
    trade = scene.shop.trade
    noticed = {
        (trade.channel, f"connection:{trade.connection('pos')}"): frozenset({Classification.CANNOT_TELL})
    }
    scene.play(101, replace(NOTHING, ever=noticed))
    assert path.read_bytes() == whole
    assert opened == [scene.shop]


def test_a_customer_orders_now_and_the_other_integration_delivers_a_little_later(tmp_path) -> None:
    """Paid at the moment at which it is placed, and never delivered before that."""
    scene = scene_of(tmp_path, is_torn=False)
    scene.begin()
    first = next(arrival for arrival in scene.shop.arrivals if arrival.record)
    scene.play(0, NOTHING)
    scene.play(first.at + 50, NOTHING)
    assert not scene.placed, "nobody has read the shop yet"
    scene.play(100, READ)
    before = datetime.now(UTC)
    scene.play(100 + first.at, READ)
    order = scene.placed[first.order.reference].order
    assert order.paid_at is not None
    assert before <= order.paid_at <= datetime.now(UTC)
    cart = next(path for path in scene.folder.glob("cart.*")).read_text(encoding="utf-8")
    assert first.order.reference in cart
    assert not (scene.folder / "arrivals.jsonl").exists()
    scene.play(101 + first.at, READ)
    assert not (scene.folder / "arrivals.jsonl").exists()
    on_its_way = {(scene.shop.trade.channel, first.order.reference): Classification.SYNC_DELAY}
    scene.play(102.5 + first.at, replace(READ, verdicts=on_its_way))
    brought = references((scene.folder / "arrivals.jsonl").read_text(encoding="utf-8"))
    assert brought == [first.order.reference]


def test_the_play_is_over_when_everything_happened(tmp_path) -> None:
    """Each order is placed once and each record is brought once, however often we look."""
    scene = scene_of(tmp_path, is_torn=False)
    scene.begin()
    for second in (0, 50, 51, 100, 101):
        scene.play(second, READ)
    assert scene.over
    brought = references((scene.folder / "arrivals.jsonl").read_text(encoding="utf-8"))
    assert len(brought) == len(set(brought))
