"""The workers' tasks: a message follows what it speaks of into the database, never the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
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


def test_a_sweep_of_a_large_shop_is_not_cut_off(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    """Cut before its end it proves nothing, and the next run would begin at the beginning, for ever."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    from workers import app, tasks

    pages = 200_000 / PAGE
    takes = pages * CHANGED.cost(PAGE) / SMALLEST.rate
    limit = tasks.run.time_limit or app.app.conf.task_time_limit
    assert takes <= limit
