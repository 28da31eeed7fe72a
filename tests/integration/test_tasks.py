"""The workers' tasks: a message follows what it speaks of into the database, never the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine

from adapters.shopify.api import SMALLEST
from adapters.shopify.documents import CHANGED
from adapters.shopify.orders import PAGE
from reconciler import bootstrap
from reconciler.ports import Coverage, Page, Snapshot
from reconciler.settings import load_settings
from tests.builders import cart_order
from tests.integration.persistence.world import channel
from tests.integration.test_submission import OURS, Counter, Shop

pytestmark = pytest.mark.integration
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


class Listed(Shop):
    """A shop whose cart and POS can be read as well."""

    def read(self, since: datetime | None, now: datetime) -> Iterator[Any]:
        """Show the order, and the whole of it."""
        yield Page([Snapshot(self.order, "{}")])
        yield Coverage(covers_from=BEGINNING, covers_to=now, complete=True)

    def pos(self, _connection: object) -> Any:
        """Its POS shows nothing, and takes everything."""
        empty = [Coverage(covers_from=BEGINNING, covers_to=datetime.now(UTC), complete=True)]
        told = {"read": lambda since, now: iter(empty), "catalog": self.catalog}
        return SimpleNamespace(**told, handed_over=self.handed_over, capabilities=self.capabilities)


class Unread(Counter):
    """A channel of which nothing was read yet."""

    def __post_init__(self) -> None:
        with self.unit() as unit:
            self.channel = channel(unit, self.policy)
            unit.commit()


def test_the_hint_to_send_comes_after_the_commit_of_what_it_hints_at(
    engine: Engine, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    """A worker that is quicker than the commit would find nothing to send, and nobody would tell it again."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    from workers import tasks

    shop = Listed(cart_order())
    desk = Unread(engine, shop, OURS)
    placed = datetime.now(UTC)
    shop.order = replace(shop.order, placed_at=placed, paid_at=placed)
    app = replace(bootstrap.build(load_settings()), vendors=shop)
    monkeypatch.setattr(tasks, "wired", lambda: app)
    seen: list[Any] = []

    def look(*_: Any, **__: Any) -> None:
        seen.append(desk.value("SELECT count(*) FROM queue_entries WHERE status = 'created'"))

    monkeypatch.setattr(tasks.submit, "apply_async", look)
    try:
        tasks.run(desk.channel.id, force=True)
    finally:
        app.close()
    assert seen == [1]


@pytest.fixture
def connected(database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the Celery application needs to know when it is first imported."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)


def test_ticks_that_piled_up_are_one(connected: None, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """Nobody was there to take them for a while: the first looks, and the others do not hint again."""
    from workers import tasks

    Unread(engine, Listed(cart_order()), OURS)
    app = bootstrap.build(load_settings())
    monkeypatch.setattr(tasks, "wired", lambda: app)
    hints: list[str] = []
    for task in (tasks.run, tasks.submit, tasks.report):
        monkeypatch.setattr(task, "apply_async", lambda *_, name=task.name, **__: hints.append(name))
    try:
        for _ in range(5):
            tasks.tick()
    finally:
        app.close()
    assert hints.count("reconciler.run") == 1


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set_neither_stops_nor_hurries_beat(
    connected: None, monkeypatch: pytest.MonkeyPatch, hours: int
):
    """The next tick comes when so many seconds have passed, not when a clock says so."""
    from workers import app as module

    passed = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: passed[0])
    app = module.configure(load_settings())
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    monkeypatch.setattr(app, "now", lambda: wrong)
    entry = app.conf.beat_schedule["tick"]["schedule"]
    entry.app = app
    last = entry.now()
    assert not entry.is_due(last).is_due
    passed[0] = load_settings().tick_seconds
    assert entry.is_due(last).is_due


def test_no_clock_of_another_machine_throws_a_message_away(connected: None):
    """The sender reckons when a message expires, and the worker looks: hours may lie between their clocks."""
    from workers import app as module

    assert module.app.conf.beat_schedule["tick"]["options"]["expires"] >= 12 * 60 * 60
    assert module.HINT_EXPIRES_SECONDS >= 12 * 60 * 60


def test_a_sweep_of_a_large_shop_is_not_cut_off(connected: None):
    """Cut before its end it proves nothing, and the next run would begin at the beginning, for ever."""
    from workers import app, tasks

    pages = 200_000 / PAGE
    takes = pages * CHANGED.cost(PAGE) / SMALLEST.rate
    limit = tasks.run.time_limit or app.app.conf.task_time_limit
    assert takes <= limit
