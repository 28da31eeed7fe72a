"""The outbox: an order is handed over whole, once, on the disk; or not at all, and that is said."""

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from adapters.file import FilePos, outbox
from adapters.file.outbox import Outbox
from reconciler.domain.errors import MalformedError, UnreachableError
from reconciler.ports import Outcome, OutcomeKind, Submission
from tests.builders import NOW, POLICY, ago, cart_order, policy
from tests.unit.adapters_file.files import file_pos, pos_row


@pytest.fixture
def pos(write) -> FilePos:
    """A POS that has a file and no outbox yet."""
    return file_pos(write("pos.jsonl", [pos_row()]))


def send(pos: FilePos, reference: str = "1001", key: str = "k1") -> Outcome:
    """Send an order of a given number."""
    return pos.submit(pos.prepare(cart_order(reference=reference), POLICY, key), NOW)


def lines(folder: Path) -> list[dict[str, object]]:
    """Return what stands in the outbox."""
    return [json.loads(line) for line in (folder / "outbox.jsonl").read_text().splitlines()]


def test_an_order_that_was_handed_over_is_not_yet_confirmed(pos, tmp_path):
    """Accepted, without a POS id: only a later read that shows it confirms it."""
    outcome = send(pos)
    assert (outcome.kind, outcome.pos_id) == (OutcomeKind.ACCEPTED, None)
    assert pos.capabilities.confirms_by_read
    assert not pos.capabilities.idempotency_keys
    assert [line["reference"] for line in lines(tmp_path)] == ["1001"]


def test_the_line_is_the_very_submission_and_when_it_was_handed_over(pos, tmp_path):
    """What was committed before the send is what went out, byte for byte."""
    submission = pos.prepare(cart_order(), POLICY, "k1")
    pos.submit(submission, NOW)
    content = (tmp_path / "outbox.jsonl").read_bytes()
    assert content.startswith(submission.body[:-1])
    assert content.endswith(b',"_submitted_at":"2026-11-20T15:00:00+00:00"}\n')
    assert pos.handed_over() == {"1001": NOW}


def test_an_order_is_handed_over_once(pos, tmp_path):
    """Whatever key, whichever process: a reference that is in the outbox is not written again."""
    send(pos)
    again = send(pos, key="k2")
    assert again.kind is OutcomeKind.ACCEPTED
    assert again.words == "it was already handed over at 2026-11-20T15:00:00+00:00"
    assert len(lines(tmp_path)) == 1


def test_the_outbox_is_private(pos, tmp_path):
    """It holds names and phones: nobody but its owner reads it."""
    send(pos)
    assert stat.S_IMODE((tmp_path / "outbox.jsonl").stat().st_mode) == 0o600


def test_a_pos_without_an_outbox_has_nothing_handed_over(pos):
    """None was needed yet."""
    assert pos.handed_over() == {}


def test_a_line_without_a_time_was_handed_over_when_the_file_was_written(pos, write):
    """Lines that others wrote count as well."""
    write("outbox.jsonl", '{"reference": "#7"}\n')
    assert pos.handed_over() == {"7": NOW}
    assert send(pos, "7").words.startswith("it was already handed over")


def test_of_two_lines_for_one_order_the_first_says_when(pos, write):
    """That is how long the store has had it."""
    stamps = [ago(hours=2).isoformat(), ago(hours=1).isoformat()]
    write("outbox.jsonl", "".join(f'{{"reference": "7", "_submitted_at": "{stamp}"}}\n' for stamp in stamps))
    assert pos.handed_over() == {"7": ago(hours=2)}


def test_the_option_says_where_the_outbox_is(write, tmp_path):
    """Relative to the folder of the order files."""
    pos = file_pos(write("data/pos.jsonl", [pos_row()]), outbox="../out/box.jsonl")
    (tmp_path / "out").mkdir()
    send(pos)
    assert (tmp_path / "out" / "box.jsonl").exists()


def test_a_folder_of_order_files_holds_its_outbox(write, tmp_path):
    """Beside the orders, and never read as one of them."""
    pos = file_pos(write("pos/1.jsonl", [pos_row()]).parent)
    send(pos)
    assert (tmp_path / "pos" / "outbox.jsonl").exists()
    assert pos.find("1001", NOW).conclusive


# What a crash leaves


def test_a_half_line_was_never_handed_over_and_is_cleared_away(pos, write, tmp_path):
    """A power failure in the middle of a write: the next line must not grow onto its stump."""
    write("outbox.jsonl", '{"reference": "1"}\n{"reference": "2", "tot')
    assert list(pos.handed_over()) == ["1"]
    send(pos, "2")
    assert [line["reference"] for line in lines(tmp_path)] == ["1", "2"]


def test_a_whole_line_without_its_end_was_handed_over(pos, write, tmp_path):
    """It lacks a newline only, so sending it again would double it."""
    write("outbox.jsonl", '{"reference": "1"}')
    assert list(pos.handed_over()) == ["1"]
    assert send(pos, "1").words.startswith("it was already")
    send(pos, "2")
    assert [line["reference"] for line in lines(tmp_path)] == ["1", "2"]


# What goes wrong


def test_an_outbox_that_cannot_be_read_stops_everything(pos, write):
    """Nobody knows which order the broken line was, so none is sent and none is called unsent."""
    path = write("outbox.jsonl", '{"reference": "1"}\n{oops}\n')
    with pytest.raises(MalformedError, match=r"line 2 of the outbox .*outbox\.jsonl cannot be read"):
        pos.handed_over()
    outcome = send(pos)
    assert outcome.kind is OutcomeKind.DEFERRED
    assert "correct or remove that line" in outcome.words
    assert path.read_text().count("\n") == 2


def test_an_outbox_whose_folder_is_absent_defers(write):
    """Nothing was handed over, and the remedy is named."""
    outcome = send(file_pos(write("pos.jsonl", [pos_row()]), outbox="nowhere/outbox.jsonl"))
    assert outcome.kind is OutcomeKind.DEFERRED
    assert "create its folder" in outcome.words


def test_an_outbox_that_may_not_be_opened_is_an_error_to_read_and_defers_a_send(pos, tmp_path):
    """A folder in its place, or a missing right: one line, no traceback."""
    (tmp_path / "outbox.jsonl").mkdir()
    with pytest.raises(UnreachableError):
        pos.handed_over()
    assert send(pos).kind is OutcomeKind.DEFERRED


@pytest.mark.parametrize("written", [0, 1, 40])
def test_a_full_disk_leaves_no_half_line(pos, tmp_path, monkeypatch, written):
    """What was written of the line is taken back: nothing was handed over, and that is what is said."""
    send(pos)
    before = (tmp_path / "outbox.jsonl").read_bytes()
    real = os.write
    monkeypatch.setattr("adapters.file.outbox.os.write", lambda fd, data: real(fd, data[:written]))
    outcome = send(pos, "1002")
    assert outcome.kind is OutcomeKind.DEFERRED
    assert "free some space on its disk" in outcome.words
    assert (tmp_path / "outbox.jsonl").read_bytes() == before
    monkeypatch.undo()
    assert send(pos, "1002").words == "handed over"


def test_a_disk_that_does_not_confirm_leaves_it_open(pos, monkeypatch):
    """The line may be there or not: that is unknown, and looked up later."""

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("adapters.file.outbox.os.fsync", fail)
    assert send(pos).kind is OutcomeKind.UNKNOWN


def test_a_held_outbox_defers(pos, tmp_path, monkeypatch):
    """Somebody else writes for longer than we wait: later."""
    send(pos)
    monkeypatch.setattr(outbox, "PATIENCE", 0.05)
    with Outbox(tmp_path / "outbox.jsonl")._locked():
        outcome = send(pos, "2")
    assert (outcome.kind, len(lines(tmp_path))) == (OutcomeKind.DEFERRED, 1)


def _send_some(path: str, start: int) -> None:
    pos = file_pos(Path(path))
    for number in range(start, start + 30):
        send(pos, str(number % 40))


@pytest.mark.slow
def test_several_processes_write_whole_lines_and_no_order_twice(write, tmp_path):
    """Two workers that believe they are alone: the lock and the look under it decide."""
    path = str(write("pos.jsonl", [pos_row()]))
    workers = [
        multiprocessing.get_context("spawn").Process(target=_send_some, args=(path, start))
        for start in (0, 10, 20)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    references = [line["reference"] for line in lines(tmp_path)]
    assert sorted(references, key=str) == sorted((str(number) for number in range(40)), key=str)


# What is handed over


def test_a_submission_is_the_same_bytes_every_time(pos):
    """No clock, no random number, no order of keys that changes."""
    assert len({pos.prepare(cart_order(), POLICY, "k").body for _ in range(5)}) == 1


def test_a_submission_speaks_the_pos_language(pos):
    """Its own articles, delivery methods and references; amounts as decimal text; the key beside them."""
    mapped = policy(
        reference_prefix="RB-", sku_map={"ROSE-12": "R12"}, shipping_map={"Local delivery": "DEL"}
    )
    submission = pos.prepare(cart_order(), mapped, "the-key")
    body = json.loads(submission.body)
    assert (submission.reference, submission.key) == ("RB-1001", "the-key")
    assert body | {"customer": None} == {
        "reference": "RB-1001",
        "key": "the-key",
        "source": "online",
        "placed_at": "2026-11-19T15:00:00+00:00",
        "location": "main",
        "created_by": "reconciler",
        "currency": "USD",
        "total": "50.00",
        "tax": "5.00",
        "shipping": "0.00",
        "discount": "0.00",
        "tip": "0.00",
        "captured": "50.00",
        "refunded": "0.00",
        "customer": None,
        "shipping_method": "DEL",
        "lines": [
            {"sku": "R12", "name": "ROSE-12", "quantity": 2, "unit_price": "20.00"},
            {"sku": "CARD", "name": "CARD", "quantity": 1, "unit_price": "5.00"},
        ],
    }


def test_a_submission_without_an_order_is_refused_by_nobody_but_reads_back(pos, tmp_path):
    """Bytes that were stored are sent as they are, under the reference they came with."""
    pos.submit(Submission("7", "k", b'{"reference":"7"}'), NOW)
    assert lines(tmp_path)[0]["reference"] == "7"
