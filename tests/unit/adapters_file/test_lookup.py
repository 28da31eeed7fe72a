"""Looking single orders up: the newest row, every edit, and honest about what is not known."""

import pytest

from adapters.file import index as index_module
from adapters.file.index import INDEXES
from reconciler.domain.errors import MalformedError, UnreachableError
from reconciler.domain.orders import PosStatus
from reconciler.ports import Side
from tests.builders import NOW, ago
from tests.unit.adapters_file.files import (
    cart_row,
    csv_text,
    file_cart,
    file_pos,
    json_lines,
    pos_row,
    read_pos,
)


def references(pos, reference: str) -> list[str | None]:
    """Return the references of what is found for one."""
    return [snapshot.order.reference for snapshot in pos.find(reference, NOW).records]


@pytest.mark.parametrize("write_rows", [json_lines, csv_text, lambda rows: csv_text(rows, ";")])
def test_one_order_of_many_is_found(write, write_rows):
    """In every format, by its number however it is decorated."""
    path = write("orders", write_rows([cart_row(reference=f"#{n}") for n in range(500)]))
    found = file_cart(path).fetch(["#17", " 499 ", "500"])
    assert {name: order.reference for name, order in found.items()} == {"17": "17", "499": "499"}


def test_an_order_that_is_not_there_is_left_out(write):
    """Not an error: it may have been deleted."""
    assert file_cart(write("cart.jsonl", [cart_row()])).fetch(["9"]) == {}


def test_nothing_asked_is_nothing_found(write):
    """An empty question costs no error."""
    assert file_cart(write("cart.jsonl", [{}])).fetch([]) == {}


def test_of_several_rows_the_newest_counts(write):
    """By updated_at; of equally new ones, and of those that do not say, the last."""
    early, late = ago(hours=2).isoformat(), ago(hours=1).isoformat()
    rows = [
        cart_row(reference="1", updated_at=late, total="2.00"),
        cart_row(reference="1", updated_at=early, total="1.00"),
        cart_row(reference="2", updated_at=late, total="1.00"),
        cart_row(reference="2", updated_at=late, total="2.00"),
        cart_row(reference="3", total="1.00"),
        cart_row(reference="3", total="2.00"),
    ]
    found = file_cart(write("cart.jsonl", rows)).fetch(["1", "2", "3"])
    assert [order.total for order in found.values()] == [2_00, 2_00, 2_00]


def test_the_newest_may_stand_in_another_file(write):
    """Today's export corrects yesterday's."""
    write("pos/1.csv", csv_text([pos_row(status="open"), pos_row(pos_id="P2", reference="2")]))
    path = write("pos/2.jsonl", [pos_row(status="voided"), pos_row(pos_id="P2", reference="3")])
    pos = file_pos(path.parent)
    assert [snapshot.order.status for snapshot in pos.find("1001", NOW).records] == [PosStatus.VOIDED]
    assert references(pos, "2") == []
    assert references(pos, "3") == ["3"]


def test_a_search_finds_edits_and_splits_of_an_order(write):
    """1001 and 1001-E001 are one order; 10011 and 1001-B are others."""
    names = ["1001", "#1001-E001", "1001-E001-E002", "10011", "1001-B", "1001-E", None, "X1001"]
    rows = [pos_row(pos_id=f"P{n}", reference=name) for n, name in enumerate(names)]
    pos = file_pos(write("pos.jsonl", [*rows, pos_row(pos_id="Q")]))
    assert references(pos, "1001") == ["1001", "1001-E001", "1001-E001-E002", "1001"]
    assert references(pos, "1001-E001") == ["1001-E001", "1001-E001-E002"]


def test_a_prefix_may_stand_before_the_hash(write):
    """RB-#1001 is RB-1001: some integrations put their prefix before the whole order name."""
    pos = file_pos(write("pos.jsonl", [pos_row(reference="RB-#1001"), pos_row(pos_id="P2")]))
    assert references(pos, "RB-1001") == ["RB-#1001"]


def test_a_search_sees_every_status_and_location(write):
    """Voided ones and those of another shop: the look before a send must not miss them."""
    rows = [pos_row(status="voided"), pos_row(pos_id="P2", location="elsewhere")]
    assert len(file_pos(write("pos.jsonl", rows)).find("1001", NOW).records) == 2


def test_what_is_found_is_what_a_read_shows(write):
    """Order and payload alike."""
    path = write("pos.csv", csv_text([pos_row(reference=f"{n}", pos_id=f"P{n}") for n in range(5)]))
    assert list(file_pos(path).find("3", NOW).records) == [read_pos(path).snapshots[3]]


@pytest.mark.parametrize(
    ("content", "count", "reason"),
    [
        (json_lines([pos_row()]) + "{\n", None, "pos.jsonl line 2: it is not valid JSON"),
        (
            json_lines([pos_row(), pos_row(total="x")]),
            None,
            "pos.jsonl line 2: total is not a decimal",
        ),
        (json_lines([pos_row()]), 7, "pos.jsonl has 1 rows, its count says 7"),
        ("", None, "pos.jsonl is empty"),
    ],
    ids=["torn", "broken", "count", "empty"],
)
def test_a_search_in_files_that_are_not_whole_is_not_conclusive(write, content, count, reason):
    """What is found counts; what is not found proves nothing."""
    look = file_pos(write("pos.jsonl", content, count=count)).find("2", NOW)
    assert (look.records, look.conclusive) == ([], False)
    assert look.reason.startswith(reason)


def test_a_search_in_an_absent_file_is_not_conclusive(tmp_path):
    """It says why, and raises nothing."""
    look = file_pos(tmp_path / "pos.jsonl").find("1", NOW)
    assert not look.conclusive
    assert "does not exist" in look.reason


def test_an_order_that_may_be_among_broken_lines_is_not_taken_for_deleted(write):
    """Its absence would withdraw it from the queue, so the look fails instead."""
    cart = file_cart(write("cart.jsonl", [cart_row(reference="1"), {}]))
    assert list(cart.fetch(["1"])) == ["1"]
    with pytest.raises(MalformedError, match=r"could not be read completely: cart\.jsonl line 2"):
        cart.fetch(["1", "2"])


def test_looking_in_an_absent_cart_is_an_error(tmp_path):
    """Nobody may conclude from it that orders are gone."""
    with pytest.raises(UnreachableError):
        file_cart(tmp_path / "cart.jsonl").fetch(["1"])


def test_a_change_is_seen_at_once(write):
    """Every look checks that the file is the one that was indexed."""
    path = write("pos.jsonl", [pos_row()])
    pos = file_pos(path)
    assert references(pos, "1001") == ["1001"]
    write("pos.jsonl", [pos_row(reference="1002")])
    assert (references(pos, "1001"), references(pos, "1002")) == ([], ["1002"])


@pytest.fixture
def settled(monkeypatch):
    """Take every file for old enough to be sure that it will not change under the same time stamp."""
    monkeypatch.setattr(index_module, "RACY", -(10**18))
    monkeypatch.setattr(index_module, "RACY_COARSE", -(10**18))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("first", ["a read", "a look"])
def test_an_unchanged_file_is_indexed_once(write, monkeypatch, first):
    """A hundred looks at a large file must not be a hundred readings, nor one after a full read."""
    path = write("pos.jsonl", [pos_row(pos_id=f"P{n}", reference=str(n)) for n in range(100)])
    assert read_pos(path).orders if first == "a read" else references(file_pos(path), "1")
    monkeypatch.setattr("adapters.file.lookup.entries", None)
    assert references(file_pos(path), "77") == ["77"]


@pytest.mark.usefixtures("settled")
def test_an_index_is_small_and_few_are_kept(write, monkeypatch):
    """Two numbers an order and word, and only the files looked at last."""
    cart = file_cart(write("cart.jsonl", [cart_row(reference=str(n)) for n in range(1000)]))
    cart.fetch(["1"])
    path = write("cart.jsonl", [cart_row()])
    with INDEXES._lock:
        index = next(kept for (_, known), (_, kept) in INDEXES._kept.items() if known == path)
    assert len(index.hashes) * index.hashes.itemsize == 8000
    monkeypatch.setattr(index_module, "KEPT_BYTES", 10 * index.size)
    for number in range(30):
        rows = [cart_row(reference=str(n)) for n in range(1000)]
        file_cart(write(f"{number}.jsonl", rows)).fetch(["1"])
    assert sum(kept.size for _, kept in INDEXES._kept.values()) <= 10 * index.size


def test_a_file_that_may_still_change_is_not_remembered(write):
    """Changed within its time stamp's resolution, it would look the same."""
    path = write("cart.jsonl", [cart_row()])
    file_cart(path).fetch(["1001"])
    assert (Side.CART, path) not in INDEXES._kept
