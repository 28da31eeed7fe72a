"""The till: every order in the outbox is rung up once, as well or badly as it was told to, kill it or not."""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from adapters.file.sandbox.faults import TillFaults
from adapters.file.sandbox.till import Till
from reconciler.domain.orders import PosOrder, PosStatus
from tests.builders import NOW, POLICY, cart_order
from tests.unit.adapters_file.files import file_pos, pos_row, read_pos


class Store:
    """A folder with a POS file, an outbox, and a till whose clock moves a second a round."""

    def __init__(self, folder: Path, **faults: object) -> None:
        self.path = folder / "pos.jsonl"
        self.outbox = folder / "outbox.jsonl"
        self.pos = file_pos(self.path)
        self.faults = TillFaults(**faults)  # type: ignore[arg-type] # a test says which
        self.times: Iterator[datetime] = (NOW + timedelta(seconds=n) for n in count())
        self.till = self.open()

    def open(self) -> Till:
        """Start a till as after a crash: it knows nothing but what is on the disk."""
        return Till(self.path, self.outbox, 7, self.faults, lambda: next(self.times))

    def send(self, *references: str) -> None:
        """Hand orders over."""
        for reference in references:
            self.pos.submit(self.pos.prepare(cart_order(reference=reference), POLICY, "k"), NOW)

    def records(self) -> list[PosOrder]:
        """Return what the POS shows; it must be whole and vouch for itself."""
        reading = read_pos(self.path, NOW + timedelta(days=1))
        assert reading.coverage.absence_trusted, reading.coverage
        return reading.orders

    def references(self) -> list[str | None]:
        """Return whose orders the POS shows."""
        return [record.reference for record in self.records()]


@pytest.fixture
def store(tmp_path) -> Store:
    """A store where nothing goes wrong."""
    return Store(tmp_path)


def test_a_till_shows_what_was_handed_over(store):
    """Reference, amounts, articles, customer, register and location, as the order said."""
    store.send("1001")
    assert store.till.step() == 1
    (record,) = store.records()
    order = cart_order()
    assert (record.reference, record.total, record.lines) == ("1001", order.total, order.lines)
    assert (record.customer, record.location, record.status) == (order.customer, "main", PosStatus.OPEN)
    assert record.received_at == record.created_at == NOW


def test_a_till_takes_each_line_once(store):
    """Round after round, and after a restart."""
    store.send("1", "2")
    assert [store.till.step(), store.till.step(), store.open().step()] == [2, 0, 0]
    store.send("3")
    assert store.open().step() == 1
    assert store.references() == ["1", "2", "3"]


def test_a_store_without_orders_says_so(store):
    """Its first export is empty and vouched for: the shop is open and sold nothing."""
    assert store.till.step() == 0
    assert store.records() == []


def test_every_round_is_an_export(store):
    """Also one without news: what the file shows was still true then."""
    store.till.step()
    store.till.step()
    assert store.path.stat().st_mtime == (NOW + timedelta(seconds=1)).timestamp()


def test_other_records_stay_as_they_are(store, write):
    """The store's own sales, broken lines and rows of others, byte for byte."""
    theirs = '{"pos_id":"P1", "total": 1.10}\n{"pos_id":"P1"}\n{oops}\n{"pos_id":7}\n'
    write("pos.jsonl", theirs)
    store.send("1")
    store.till.step()
    assert store.path.read_text().startswith(theirs)
    assert store.path.with_name("pos.jsonl.count").read_text() == "5\n"


def test_a_row_that_others_added_is_seen_and_counted(store, write):
    """Another integration delivers into the same POS."""
    store.till.step()
    write("pos.jsonl", [pos_row(pos_id="P9")])
    store.till.step()
    assert store.references() == ["1001"]


def test_lines_that_are_no_orders_are_passed_over(store):
    """A real till does not stop either."""
    store.send("2")
    good = store.outbox.read_bytes()
    bad = b'{oops\n[]\n\xff\n{"reference": 7}\n{"reference":"1","total":"x","currency":"USD"}\n\n'
    store.outbox.write_bytes(bad + good)
    assert store.till.step() == 1
    assert store.references() == ["2"]


def test_a_line_without_its_end_is_not_taken(store):
    """It may still grow."""
    store.send("1")
    whole = store.outbox.read_bytes()
    store.outbox.write_bytes(whole[:-1])
    assert store.till.step() == 0
    store.outbox.write_bytes(whole)
    assert store.till.step() == 1


def test_a_cleared_outbox_is_read_from_its_beginning(store):
    """And what it still holds of the old is not rung up again."""
    store.send("1", "2")
    store.till.step()
    first, second, _ = store.outbox.read_bytes().split(b"\n")
    store.outbox.write_bytes(second + b"\n")
    assert store.till.step() == 0
    store.outbox.unlink()
    store.outbox.write_bytes(second + b"\n" + first.replace(b'"1"', b'"3"') + b"\n")
    assert store.till.step() == 1
    assert store.references() == ["1", "2", "3"]


# Faults


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("refuse", []),
        ("duplicate", [("open", 50_00, 2), ("open", 50_00, 2)]),
        ("drop_lines", [("open", 45_00, 1)]),
        ("wrong_total", [("open", 56_00, 2)]),
        ("placeholder", [("attention_required", 0, 0)]),
        ("void", [("voided", 50_00, 2)]),
    ],
)
def test_a_fault_befalls_the_orders_it_is_told_to(tmp_path, fault, seen):
    """Status, total and number of lines of what the POS shows after two rounds; order 2 is well."""
    store = Store(tmp_path, **{fault: ["1"]})
    store.send("1", "2")
    store.till.step()
    store.till.step()
    records = store.records()
    shown = [(r.status.value, r.total, len(r.lines or ())) for r in records if r.reference == "1"]
    assert shown == seen
    assert [r.status for r in records if r.reference == "2"] == [PosStatus.OPEN]


def test_a_record_can_lack_a_register_or_lie_elsewhere(tmp_path):
    """null in received_at, and another location."""
    store = Store(tmp_path, no_register={"1"}, wrong_location={"#2"})
    store.send("1", "2")
    store.till.step()
    first, second = store.records()
    assert (first.received_at, first.register_known, first.location) == (None, True, "main")
    assert (second.received_at, second.location) == (second.created_at, "back-office")


def test_a_slow_till_shows_orders_rounds_later(tmp_path):
    """Also when it is started again meanwhile."""
    store = Store(tmp_path, delay_rounds=2, delayed=["1"])
    store.send("1", "2")
    assert [store.till.step(), store.till.step(), store.open().step(), store.till.step()] == [1, 0, 1, 0]


def test_a_probability_befalls_about_that_share(tmp_path):
    """Drawn from seed, fault and order: the same orders every time."""
    faults = TillFaults(refuse=0.3)
    hit = [n for n in range(1000) if faults.hits("refuse", str(n), 1)]
    assert 250 < len(hit) < 350
    assert hit == [n for n in range(1000) if faults.hits("refuse", f"#{n}", 1)]
    assert hit != [n for n in range(1000) if faults.hits("refuse", str(n), 2)]


@pytest.mark.parametrize("currency", ["JPY", "KWD", "USD"])
def test_wrong_totals_are_amounts_of_their_currency(tmp_path, currency):
    """Whatever its decimals, what the till writes can be read."""
    store = Store(tmp_path, wrong_total=1.0, drop_lines=["2"])
    for reference in "12":
        order = cart_order(reference=reference, currency=currency, total=12345)
        store.pos.submit(store.pos.prepare(order, POLICY, "k"), NOW)
    store.till.step()
    assert store.records()[0].total == 12345 + 1234 + 100


# Crashes


class KilledError(BaseException):
    """Stands for kill -9: nothing of ours runs after it."""


@pytest.mark.parametrize("moment", range(12))
def test_killed_at_any_moment_it_loses_and_doubles_nothing(tmp_path, monkeypatch, moment):
    """Whichever step on the disk was the last, the next till ends in the same state."""
    store = Store(tmp_path, void=["1"], duplicate=["2"], delayed=["3"], delay_rounds=1)
    store.till.step()
    store.send("1", "2", "3")
    steps = count()

    def dying(real):
        def step(*args, **kwargs):
            if next(steps) == moment:
                raise KilledError
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink"):
            patched.setattr(Path, name, dying(getattr(Path, name)))
        patched.setattr(os, "fsync", dying(os.fsync))
        try:
            store.till.step()
        except KilledError:
            if store.path.with_name("pos.jsonl.count").exists():
                store.records()
    till = store.open()
    for _ in range(4):
        till.step()
    shown = Counter((record.reference, record.status.value) for record in store.records())
    assert shown == {("1", "voided"): 1, ("2", "open"): 2, ("3", "open"): 1}


def test_a_full_disk_changes_nothing(store, monkeypatch):
    """The round fails, the old file stays whole, the next round succeeds."""
    store.send("1")
    store.till.step()
    store.send("2")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
        with pytest.raises(OSError, match="No space left"):
            store.till.step()
    assert store.references() == ["1"]
    store.till.step()
    assert store.references() == ["1", "2"]


def _serve(folder: str) -> None:
    store = Store(Path(folder))
    till = Till(store.path, store.outbox, 7, store.faults, lambda: datetime.now(UTC))
    till.run(lambda: False, 0.02)


@pytest.mark.slow
def test_killed_again_and_again_while_orders_come_it_ends_with_each_once(store):
    """Real processes, really killed, and a reader that never sees half a file or a count of another."""
    context = multiprocessing.get_context("spawn")
    numbers = map(str, count())
    sent: list[str | None] = []
    for _ in range(4):
        process = context.Process(target=_serve, args=(str(store.path.parent),), daemon=True)
        process.start()
        try:
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                number = next(numbers)
                store.send(number)
                sent.append(number)
                _look(store)
        finally:
            process.kill()
            process.join()
    store.open().step()
    assert store.references() == sent


def _look(store: Store) -> None:
    """Read as the program would: whatever it sees is whole rows, and a count is never of another file."""
    if store.path.exists():
        reading = read_pos(store.path, datetime.now(UTC))
        assert not reading.quarantined
        assert reading.coverage.complete, reading.coverage.reason


def test_a_running_till_stops_when_told(store, monkeypatch):
    """Between two rounds, without waiting for the interval to end; a failed round does not end it."""
    rounds = count(1)
    real = Till.step

    def step(self):
        if next(rounds) == 1:
            raise OSError(28, "No space left on device")
        return real(self)

    monkeypatch.setattr(Till, "step", step)
    store.till.run(lambda: next(rounds) > 20, 0.0)
    assert store.path.exists()
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    stops = iter([False, False, True, True])
    store.till.run(lambda: next(stops), 60.0)
    assert len(slept) == 1
    assert slept[0] <= 1, "one nap, not the whole interval"
