"""From where a side is read, and by whose clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler import bootstrap
from reconciler.bootstrap import App, SharedClock
from reconciler.ports import ConnectionInfo, Coverage, Side
from reconciler.services.context import Context
from reconciler.services.pull import OVERLAP, pull
from reconciler.settings import load_settings
from tests.builders import NOW

NOTHING = cast("Any", None)


class Vendor:
    """Both sides; remembers from where it was asked to read."""

    def __init__(self) -> None:
        self.asked: list[datetime | None] = []

    def cart(self, _connection: object) -> Vendor:
        """It is its own cart."""
        return self

    pos = cart

    def read(self, since: datetime | None, now: datetime) -> Iterator[Coverage]:
        """Read nothing, whole."""
        self.asked.append(since)
        yield Coverage(covers_from=since or NOW, covers_to=now, complete=True)


def unit(mark: datetime | None) -> Any:
    """Return a database that knows only how far was read."""
    orders = SimpleNamespace(high_water=lambda *_: mark, add_coverage=lambda *_: None)
    channels = SimpleNamespace(set_state=lambda *_: None, was_changed=lambda _: False)
    return SimpleNamespace(orders=orders, channels=channels, commit=lambda: None, now=lambda: NOW)


@pytest.mark.parametrize(
    ("mark", "full", "since"),
    [
        (NOW - timedelta(hours=5), False, NOW - timedelta(hours=5) - OVERLAP),
        (NOW - timedelta(hours=5), True, None),
        (None, False, None),
        (NOW + timedelta(hours=2), False, None),
    ],
    ids=["where the last read ended", "a sweep", "never read", "a mark in the future"],
)
def test_a_read_starts_where_the_last_one_ended(mark: datetime | None, full: bool, since: datetime | None):
    """However long ago; but a mark that a wrong clock left in the future is none, and all is read again."""
    vendor = Vendor()
    connection = ConnectionInfo(
        id=1, name="c", merchant="m", side=Side.CART, vendor="v", base_url="", options={}
    )
    channel = cast("Any", SimpleNamespace(id=1, cart=connection, pos=connection))
    pull(Context(unit(mark), cast("Any", vendor), lambda: NOW), channel, 1, full=full)
    assert vendor.asked == [since, since]


def test_our_own_clock_moves_no_window():
    """It may be hours wrong, and be set right in the middle of a run: the database's counts."""
    clock = SharedClock()
    assert abs(clock() - datetime.now(UTC)) < timedelta(minutes=1)
    clock.set(NOW)
    assert all(timedelta() <= clock() - NOW < timedelta(minutes=1) for _ in range(3))


def test_a_rehearsals_clock_stands_still():
    """It judges as of the moment that it was given."""
    app = App(NOTHING, NOTHING, NOTHING, NOTHING).at(NOW)
    app.shared_clock.set(NOW + timedelta(hours=1))
    assert app.clock() == NOW


def test_every_clock_of_the_program_is_the_databases(monkeypatch: pytest.MonkeyPatch):
    """A vendor's clock that is compared with another one than the windows are would move them."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.test/x")
    app = bootstrap.build(load_settings())
    monkeypatch.setattr(App, "open_unit", lambda *_, **__: nullcontext(unit(None)))
    with app.context() as context:
        clocks = (context.clock, app.clock, app.access.tools().clock)
        assert all(timedelta() <= clock() - NOW < timedelta(minutes=1) for clock in clocks)
    app.close()
