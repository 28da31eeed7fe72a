"""What a read proves: from when to when, whether it saw all there is, and whether it vouches for that."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from adapters.file import source
from reconciler.domain.errors import UnreachableError, VendorError
from reconciler.domain.orders import PosOrder
from reconciler.ports import Coverage, Page
from tests.builders import NOW, ago
from tests.unit.adapters_file.files import (
    cart_row,
    collect,
    csv_text,
    file_cart,
    file_pos,
    json_lines,
    pos_row,
    read_cart,
    read_pos,
)

ROWS = [
    pos_row(pos_id="P1", created_at=ago(hours=3).isoformat()),
    pos_row(pos_id="P2", created_at=ago(hours=30).isoformat()),
]


def set_time(path, moment):
    """Say when a file was exported."""
    os.utime(path, (moment.timestamp(), moment.timestamp()))


def test_a_file_covers_from_its_earliest_order_to_its_export(write):
    """Nothing is known about the time before its first order and after it was written."""
    path = write("pos.jsonl", ROWS)
    set_time(path, ago(minutes=20))
    coverage = read_pos(path).coverage
    assert (coverage.covers_from, coverage.covers_to) == (ago(hours=30), ago(minutes=20))
    assert (coverage.complete, coverage.absence_trusted, coverage.reason) == (True, False, "")


def test_a_cart_covers_from_its_earliest_placing(write):
    """A cart's orders are placed where a POS's are created."""
    path = write("cart.jsonl", [cart_row(placed_at=ago(hours=5).isoformat()), cart_row()])
    assert read_cart(path).coverage.covers_from == ago(hours=24)


@pytest.mark.parametrize("spell", [str, lambda moment: moment, datetime.isoformat])
def test_options_say_what_the_file_cannot(write, spell):
    """An export whose owner knows its window states it; stored options are text, a file's are times."""
    path = write("pos.jsonl", ROWS)
    coverage = read_pos(path, covers_from=spell(ago(days=90)), as_of=spell(ago(hours=1))).coverage
    assert (coverage.covers_from, coverage.covers_to) == (ago(days=90), ago(hours=1))


@pytest.mark.parametrize("options", [{}, {"as_of": NOW + timedelta(days=1)}])
def test_nothing_covers_the_future(write, options):
    """A file stamped ahead of our clock covers up to now."""
    path = write("pos.jsonl", ROWS)
    set_time(path, NOW + timedelta(hours=1))
    assert read_pos(path, **options).coverage.covers_to == NOW


def test_a_window_never_ends_before_it_begins(write):
    """A file older than its orders covers nothing rather than a negative time."""
    path = write("pos.jsonl", ROWS)
    set_time(path, ago(days=300))
    coverage = read_pos(path).coverage
    assert coverage.covers_from == coverage.covers_to == ago(days=300)


def test_a_file_without_orders_covers_no_time(write):
    """A header alone says that there are none, and not since when."""
    coverage = read_pos(write("pos.csv", csv_text(ROWS[:1]).split("\r\n")[0] + "\r\n")).coverage
    assert coverage.complete
    assert coverage.covers_from == coverage.covers_to == NOW


def test_a_matching_count_vouches_for_the_file(write):
    """NAME.count with the number of rows lets a re-send rest on an order's absence."""
    assert read_pos(write("pos.jsonl", ROWS, count=2)).coverage.absence_trusted


def test_so_does_the_owner(write):
    """trust_absence = true: the export is always whole."""
    assert read_pos(write("pos.jsonl", ROWS), trust_absence=True).coverage.absence_trusted


@pytest.mark.parametrize("trust", [False, True])
def test_a_count_that_does_not_match_makes_the_read_incomplete(write, trust):
    """Cut at the end of a line nothing else shows; trust in general does not outweigh it."""
    coverage = read_pos(write("pos.jsonl", ROWS, count=100), trust_absence=trust).coverage
    assert (coverage.complete, coverage.absence_trusted) == (False, False)
    assert coverage.reason == "pos.jsonl has 2 rows, its count says 100"


@pytest.mark.parametrize("text", ["", "two", "-2", "2.0", "2 rows"])
def test_a_count_that_is_no_number_makes_the_read_incomplete(write, text):
    """Somebody meant to vouch for the file, and it cannot be told for what."""
    coverage = read_pos(write("pos.jsonl", ROWS, count=text)).coverage
    assert (coverage.complete, coverage.reason) == (False, "pos.jsonl.count holds no number")


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"], ids=["0 bytes", "blank", "byte order mark"])
@pytest.mark.parametrize("name", ["pos.jsonl", "pos.csv", "pos"])
def test_an_empty_file_is_an_unfinished_export(write, name, content):
    """No orders is a statement that an empty file does not make."""
    coverage = read_pos(write(name, content), trust_absence=True).coverage
    assert (coverage.complete, coverage.absence_trusted) == (False, False)
    assert coverage.reason == f"{name} is empty, as an export that was not finished"


def test_an_empty_file_whose_count_is_zero_says_that_there_are_no_orders(write):
    """A new shop's till has nothing yet, and its sidecar says so."""
    coverage = read_pos(write("pos.jsonl", "", count=0)).coverage
    assert (coverage.complete, coverage.absence_trusted) == (True, True)


def test_a_broken_line_counts_as_a_row_and_spoils_trust(write):
    """It is all there, and yet not all understood."""
    coverage = read_pos(write("pos.jsonl", json_lines(ROWS) + "{\n", count=3)).coverage
    assert (coverage.complete, coverage.absence_trusted) == (False, False)
    assert coverage.reason.startswith("pos.jsonl line 3: it is not valid JSON")


def test_an_absent_file_is_unreachable(tmp_path):
    """An export that did not come is an error with a next step, not an empty shop."""
    with pytest.raises(UnreachableError, match=r"pos\.jsonl does not exist; check the export, and base_url"):
        read_pos(tmp_path / "pos.jsonl")


def test_what_is_no_file_is_unreachable(tmp_path):
    """A pipe or a device would keep a worker waiting for ever."""
    os.mkfifo(tmp_path / "pos.jsonl")
    with pytest.raises(UnreachableError, match="it is not a regular file"):
        read_pos(tmp_path / "pos.jsonl")


def test_a_file_that_may_not_be_read_is_unreachable(write, monkeypatch):
    """The remedy is named: whose right is missing."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("adapters.file.source.os.open", refuse)
    with pytest.raises(UnreachableError, match="may not be read; let this program's user read it"):
        read_pos(write("pos.jsonl", ROWS))


def test_probing_names_the_files(write):
    """Who tests a connection reads what it would read."""
    path = write("pos/a.jsonl", ROWS)
    write("pos/b.csv", "")
    assert file_pos(path.parent).probe() == f"{path}, {path.with_name('b.csv')}"
    assert file_cart(path).probe() == str(path)
    with pytest.raises(VendorError):
        file_cart(path.with_name("c.csv")).probe()


# Folders


def test_a_folder_is_read_in_name_order(write):
    """Daily exports: all of them, the later names later."""
    write("pos/2026-11-20.csv", csv_text([pos_row(pos_id="P3")]))
    write("pos/2026-11-19.jsonl", ROWS)
    write("pos/.hidden.jsonl", "{")
    write("pos/readme.txt", "{")
    path = write("pos/outbox.jsonl", "{")
    assert [record.pos_id for record in read_pos(path.parent).orders] == ["P1", "P2", "P3"]


def test_the_catalog_and_the_outbox_of_a_folder_are_no_order_files(write):
    """Wherever the options put them."""
    write("pos/a.jsonl", ROWS)
    write("pos/catalog.json", "{}")
    path = write("pos/sent.jsonl", "{")
    assert read_pos(path.parent, catalog="catalog.json", outbox="sent.jsonl").coverage.complete


def test_a_folder_without_order_files_is_unreachable(tmp_path):
    """An empty folder is an export that did not come."""
    with pytest.raises(UnreachableError, match="holds no order file; export orders into it"):
        read_pos(tmp_path)


def test_a_folder_reaches_from_its_earliest_order_to_its_newest_file(write):
    """Each export adds to the ones before."""
    set_time(write("pos/a.jsonl", ROWS[1:]), ago(hours=20))
    path = write("pos/b.jsonl", ROWS[:1])
    set_time(path, ago(hours=1))
    coverage = read_pos(path.parent).coverage
    assert (coverage.covers_from, coverage.covers_to) == (ago(hours=30), ago(hours=1))


def test_every_file_of_a_folder_must_vouch_for_itself(write):
    """One without a sidecar, and absence in the folder is not trusted."""
    write("pos/a.jsonl", ROWS[1:], count=1)
    path = write("pos/b.jsonl", ROWS[:1])
    assert not read_pos(path.parent).coverage.absence_trusted
    write("pos/b.jsonl", ROWS[:1], count=1)
    assert read_pos(path.parent).coverage.absence_trusted


def test_one_bad_file_makes_the_folder_incomplete(write):
    """And the others are read all the same."""
    write("pos/a.jsonl", "")
    path = write("pos/b.jsonl", [*ROWS, {}])
    reading = read_pos(path.parent)
    assert len(reading.orders) == 2
    assert reading.coverage.reason == (
        "a.jsonl is empty, as an export that was not finished; b.jsonl line 3: currency is missing"
    )


def test_many_doubts_are_told_in_one_line(write):
    """A folder of a year's broken exports fits a report."""
    for number in range(9):
        path = write(f"pos/{number}.jsonl", "")
    reason = read_pos(path.parent).coverage.reason
    assert reason.startswith("0.jsonl is empty, as an export that was not finished; 1.jsonl is empty")
    assert reason.endswith("; and 6 more")


# Files that change under our hands


@pytest.fixture
def streamed(monkeypatch):
    """Take every file for a large one, which is read piece by piece."""
    monkeypatch.setattr(source, "AT_ONE_GO", 0)


def begin(path) -> tuple[list[Page[PosOrder]], Iterator[Page[PosOrder] | Coverage]]:
    """Read the first page, and no more."""
    items = file_pos(path).read(None, datetime.now(UTC) + timedelta(days=1))
    first = next(items)
    assert isinstance(first, Page)
    return [first], items


MANY = [pos_row(pos_id=f"P{number}") for number in range(3000)]


@pytest.mark.usefixtures("streamed")
@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_text(json_lines(MANY) + "\n"),
        lambda path: path.write_text(""),
        lambda path: path.unlink(),
        lambda path: path.with_name("other.jsonl").replace(path),
        lambda path: set_time(path, ago(hours=1)),
    ],
    ids=["grew", "cut", "removed", "replaced", "touched"],
)
def test_a_large_file_that_changes_while_it_is_read_is_incomplete(write, meddle):
    """What was read may be half old and half new."""
    write("other.jsonl", MANY)
    path = write("pos.jsonl", MANY)
    pages, rest = begin(path)
    meddle(path)
    assert "changed while it was read" in collect([*pages, *rest]).coverage.reason


@pytest.mark.usefixtures("streamed")
def test_a_large_file_that_holds_still_is_complete(write):
    """Read piece by piece, from the first to the last."""
    pages, rest = begin(write("pos.jsonl", MANY, count=3000))
    assert collect([*pages, *rest]).coverage.absence_trusted


def test_a_small_file_that_is_replaced_while_its_orders_are_stored_was_read_whole(write):
    """A till that exports every second must not make every read incomplete: small files are read at once."""
    path = write("pos.jsonl", MANY)
    pages, rest = begin(path)
    path.write_text("")
    reading = collect([*pages, *rest])
    assert (len(reading.orders), reading.coverage.complete) == (3000, True)


def test_a_small_file_that_changes_as_it_is_read_is_read_again(write, monkeypatch):
    """Caught in the act of being written, the second look finds it whole."""
    path = write("pos.jsonl", ROWS[:1])
    real, changes = source.read_count, iter([ROWS, None])

    def read_count(file):
        if (rows := next(changes, None)) is not None:
            path.write_text(json_lines(rows))
            path.with_name("pos.jsonl.count").write_text("2")
            return None
        return real(file)

    monkeypatch.setattr(source, "read_count", read_count)
    assert read_pos(path).coverage.absence_trusted


def test_reading_holds_one_page_at_a_time(write):
    """A file larger than what is read at once is never in memory as a whole."""
    filler = "x" * 2000
    path = write("pos.jsonl", (row | {"?": filler} for row in MANY * 2))
    assert path.stat().st_size > source.AT_ONE_GO
    items = file_pos(path).read(None, NOW)
    sizes = [len(item.snapshots) for item in items if isinstance(item, Page)]
    assert sum(sizes) == 6000
    assert max(sizes) <= 1000
