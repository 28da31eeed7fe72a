"""A world as a labelled test set: files held at one moment, and the class that each order must get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from reconciler.demo.files import write_channel_file, write_shop
from reconciler.demo.plans import REHEARSAL
from reconciler.demo.shop import Shop
from reconciler.demo.world import CHANNEL_FILE, World
from reconciler.domain.verdict import Classification

EXPECTED_FILE: Final = "expected.jsonl"
#: As the scenario of a shop whose integration runs every hour: G is two hours.
HOURLY: Final = timedelta(hours=1)


def write_rehearsal(directory: Path, seed: int, now: datetime, orders: int = 900) -> World:
    """Write a world in which nothing moves, judged at ``now``, with what must be found beside each shop."""
    world = World.generate(seed, now, orders, plan=REHEARSAL, poll_interval=HOURLY, grace=None)
    directory.mkdir(parents=True, exist_ok=True)
    for shop in world.shops:
        folder = directory / shop.trade.code
        write_shop(folder, shop)
        lines = (json.dumps(row) + "\n" for row in expected(shop))
        (folder / EXPECTED_FILE).write_text("".join(lines), encoding="utf-8")
    write_channel_file(directory / CHANNEL_FILE, world.shops, as_of=world.now)
    return world


def expected(shop: Shop) -> Iterator[dict[str, str]]:
    """Yield the class of every order of a shop, and of every record that no order explains."""
    labels = {label.subject: label for label in shop.labels}
    for order in sorted(shop.cart, key=lambda order: order.reference):
        label = labels.pop(order.reference, None)
        yield {
            "reference": order.reference,
            "classification": str(label.first if label else Classification.AGREED),
        }
    for label in labels.values():
        yield {"pos_id": label.subject, "classification": str(label.first)}
