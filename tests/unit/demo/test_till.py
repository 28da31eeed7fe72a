"""The store that runs by itself: faults as they are written, and what another integration brings."""

from __future__ import annotations

import json
import os
import time

import pytest

from reconciler.demo.till import bring, read_faults, renew
from reconciler.domain.errors import InputError

RECORD = {
    "pos_id": "P1",
    "reference": "1001",
    "created_at": "2026-11-20T10:00:00Z",
    "currency": "USD",
    "total": "1.00",
}


def test_chances_and_listed_orders_go_together(tmp_path) -> None:
    """Some orders by name, the rest by chance."""
    listed = tmp_path / "faults.json"
    listed.write_text('{"refuse": ["1001"], "delay_rounds": 3}')
    faults = read_faults([str(listed), "wrong_total=0.25"])
    assert faults.refuse == ["1001"]
    assert (faults.delay_rounds, faults.wrong_total) == (3, 0.25)


@pytest.mark.parametrize("word", ["lose=0.5", "refuse=2", "refuse=-1", "refuse=often", "no-such-file.json"])
def test_what_is_no_fault_is_refused_in_one_line(word) -> None:
    """A typo must not leave the till without its fault."""
    with pytest.raises(InputError) as caught:
        read_faults([word])
    assert "\n" not in str(caught.value)


def test_a_file_that_holds_no_object_is_refused(tmp_path) -> None:
    """A list of orders does not say which fault is meant."""
    listed = tmp_path / "faults.json"
    listed.write_text('["1001"]')
    with pytest.raises(InputError, match="no object"):
        read_faults([str(listed)])


def test_an_export_is_as_of_now_and_shows_the_same(tmp_path) -> None:
    """A shop exports again and again; one that is not there yet is nobody's mistake."""
    export = tmp_path / "cart.jsonl"
    renew(export)
    assert not export.exists()
    export.write_text("{}")
    os.utime(export, (1, 1))
    renew(export)
    assert time.time() - export.stat().st_mtime < 60
    assert export.read_text() == "{}"


def test_records_are_brought_once_and_counted(tmp_path) -> None:
    """The POS file and its count agree, however often we look; a line without its end is not there yet."""
    arrivals, pos = tmp_path / "arrivals.jsonl", tmp_path / "pos.jsonl"
    assert bring(arrivals, pos) == 0
    arrivals.write_text(json.dumps(RECORD) + "\n" + json.dumps({**RECORD, "pos_id": "P2"}))
    assert [bring(arrivals, pos), bring(arrivals, pos)] == [1, 0]
    assert [json.loads(line)["pos_id"] for line in pos.read_text().splitlines()] == ["P1"]
    assert (tmp_path / "pos.jsonl.count").read_text().strip() == "1"
