"""What every POS must do, whatever vendor it is from: subclass ``PosContract`` and give it a ``stage``.

A stage is a store that the test can put records into and make take what was handed over: a file with its
till, or a vendor's sandbox.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import Protocol

import pytest

from reconciler.domain.errors import VendorError
from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import PosOrder, PosStatus
from reconciler.ports import (
    Capabilities,
    Coverage,
    Lookup,
    Outcome,
    OutcomeKind,
    Page,
    Pos,
    Quarantined,
    Snapshot,
    Submission,
)
from tests.builders import NOW, ago, cart_order, policy, pos_order

POLICY = policy(
    reference_prefix="RB-",
    sku_map={"ROSE-12": "R12"},
    shipping_map={"Local delivery": "DEL"},
    location="main",
)


class PosStage(Protocol):
    """A store under the test's control. The time is NOW."""

    pos: Pos

    def put(self, *records: PosOrder) -> None:
        """Make the store hold these records; one of a known id replaces it."""
        ...

    def put_garbage(self) -> None:
        """Make the store answer with something among its records that is none."""
        ...

    def break_off(self) -> None:
        """Make the store fail in the middle of the next read, after it has shown something or not."""
        ...

    def vanish(self) -> None:
        """Make the store unreachable, for reading and for sending."""
        ...

    def work(self) -> None:
        """Let the store take what was handed over, where it does not do so at once."""
        ...


def read(pos: Pos) -> tuple[list[Snapshot[PosOrder]], list[Quarantined], Coverage]:
    """Read everything; the coverage comes last and once."""
    *pages, coverage = pos.read(None, NOW)
    assert isinstance(coverage, Coverage)
    snapshots: list[Snapshot[PosOrder]] = []
    quarantined: list[Quarantined] = []
    for page in pages:
        assert isinstance(page, Page)
        snapshots.extend(page.snapshots)
        quarantined.extend(page.quarantined)
    return snapshots, quarantined, coverage


def some(count: int) -> Sequence[PosOrder]:
    """Return so many different records, all made in the same second."""
    return [
        pos_order(pos_id=f"P{n}", reference=str(1001 + n), total=(n + 1) * 100, updated_at=ago(hours=20))
        for n in range(count)
    ]


def references(look: Lookup) -> list[str | None]:
    """Return whose orders a search found."""
    return sorted((snapshot.order.reference for snapshot in look.records), key=str)


def submission(pos: Pos, reference: str = "1001", key: str = "key-1") -> Submission:
    """Return an order ready to be sent."""
    return pos.prepare(cart_order(reference=reference), POLICY, key)


class PosContract:
    """The suite."""

    @pytest.fixture
    @abstractmethod
    def stage(self, tmp_path) -> PosStage:
        """A store without records, just opened."""

    def test_it_declares_what_it_can_do(self, stage):
        """Services ask capabilities, never vendors; a key without a life would never expire."""
        capabilities = stage.pos.capabilities
        assert isinstance(capabilities, Capabilities)
        assert capabilities.idempotency_keys == (capabilities.key_life is not None)

    def test_every_record_arrives_as_it_is(self, stage):
        """Id, number, money, state, place and lines."""
        records = [
            pos_order(pos_id="P1"),
            pos_order(pos_id="P2", reference="1002", status=PosStatus.VOIDED, location="elsewhere"),
            pos_order(pos_id="P3", reference="1003", currency="JPY", total=4585),
        ]
        stage.put(*records)
        seen = {snapshot.order.pos_id: snapshot.order for snapshot in read(stage.pos)[0]}
        for record in records:
            got = seen[record.pos_id]
            assert (got.reference, got.status, got.location) == (
                record.reference,
                record.status,
                record.location,
            )
            assert (got.currency, got.total) == (record.currency, record.total)
            assert got.created_at == record.created_at
            assert got.created_at.tzinfo is UTC

    def test_records_of_one_second_all_arrive(self, stage):
        """More of them than fit a page, with one and the same stamp."""
        stage.put(*some(1203))
        assert {snapshot.order.pos_id for snapshot in read(stage.pos)[0]} == {f"P{n}" for n in range(1203)}

    def test_the_payload_is_kept(self, stage):
        """Each record comes with the JSON that it was read from."""
        stage.put(*some(2))
        assert all(isinstance(json.loads(snapshot.raw), dict) for snapshot in read(stage.pos)[0])

    def test_a_good_read_is_complete_and_does_not_reach_beyond_now(self, stage):
        """Its window begins before it ends."""
        stage.put(*some(5))
        coverage = read(stage.pos)[2]
        assert coverage.complete, coverage.reason
        assert coverage.covers_from <= coverage.covers_to <= NOW

    def test_what_is_no_record_is_set_aside_and_the_rest_arrives(self, stage):
        """And the read does not count as complete: the order that is sought may be in it."""
        stage.put(*some(3))
        stage.put_garbage()
        snapshots, quarantined, coverage = read(stage.pos)
        assert len(snapshots) == 3
        assert [bool(item.source and item.reason and item.raw) for item in quarantined] == [True]
        assert (coverage.complete, coverage.absence_trusted) == (False, False)

    def test_a_read_that_breaks_off_is_never_complete(self, stage):
        """It raises a clear error, or says that it is incomplete and why."""
        stage.put(*some(300))
        stage.break_off()
        with suppress(VendorError):
            coverage = read(stage.pos)[2]
            assert (coverage.complete, bool(coverage.reason)) == (False, True)

    # Look-ups

    def test_a_search_finds_the_order_and_its_edits(self, stage):
        """And no other whose number begins alike."""
        names = ["1001", "1001-E001", "10011", "RB-1001", None]
        stage.put(*(pos_order(pos_id=f"P{n}", reference=name) for n, name in enumerate(names)))
        assert references(stage.pos.find("1001", NOW)) == ["1001", "1001-E001"]
        assert references(stage.pos.find("RB-1001", NOW)) == ["RB-1001"]

    def test_a_search_sees_every_status_and_place(self, stage):
        """A look that misses the voided or the misfiled would send an order twice."""
        stage.put(
            *(pos_order(pos_id=f"P{n}", status=status) for n, status in enumerate(PosStatus)),
            pos_order(pos_id="far", location="elsewhere"),
            pos_order(pos_id="old", created_at=ago(days=300)),
        )
        assert len(stage.pos.find("1001", NOW).records) == len(PosStatus) + 2

    def test_a_search_for_what_is_not_there_is_conclusive(self, stage):
        """In a POS that answers, absence is an answer."""
        stage.put(*some(3))
        look = stage.pos.find("4711", NOW)
        assert (list(look.records), look.conclusive) == ([], True)

    def test_what_is_found_is_what_is_read(self, stage):
        """Two ways to one record."""
        stage.put(*some(3))
        (found,) = stage.pos.find("1002", NOW).records
        assert found.order in [snapshot.order for snapshot in read(stage.pos)[0]]

    def test_a_search_that_failed_is_not_conclusive(self, stage):
        """It says so with a reason, or raises a clear error; it never says that nothing is there."""
        stage.put(*some(3))
        stage.vanish()
        with suppress(VendorError):
            look = stage.pos.find("4711", NOW)
            assert (look.conclusive, bool(look.reason)) == (False, True)

    # Sending

    def test_preparing_makes_the_same_bytes_every_time(self, stage):
        """They are stored before the first of them leaves, and may go again."""
        first, second = submission(stage.pos), submission(stage.pos)
        assert first == second
        assert (first.reference, first.key) == ("RB-1001", "key-1")

    def test_what_was_sent_is_shown(self, stage):
        """Under the POS's own articles, with our reference and the order's total; and found by a look."""
        assert stage.pos.submit(submission(stage.pos), NOW).kind is OutcomeKind.ACCEPTED
        stage.work()
        (found,) = stage.pos.find("RB-1001", NOW).records
        assert (found.order.total, found.order.currency) == (50_00, "USD")
        assert {line.sku for line in found.order.lines or ()} == {"R12", "CARD"}

    def test_what_was_accepted_has_an_id_or_waits_for_a_read(self, stage):
        """A POS that cannot name the record at once declares that only a read confirms it."""
        outcome = stage.pos.submit(submission(stage.pos), NOW)
        assert (outcome.pos_id is None) == stage.pos.capabilities.confirms_by_read

    def test_the_same_submission_sent_twice_makes_one_record(self, stage):
        """Where the POS dedupes by key, or keeps a list of what was handed over."""
        capabilities = stage.pos.capabilities
        if not (capabilities.idempotency_keys or capabilities.confirms_by_read):
            pytest.skip("this POS cannot dedupe: the queue never sends to it twice by itself")
        for _ in range(2):
            assert stage.pos.submit(submission(stage.pos), NOW).kind is OutcomeKind.ACCEPTED
            stage.work()
        assert len(stage.pos.find("RB-1001", NOW).records) == 1

    def test_what_was_handed_over_is_known_until_it_shows(self, stage):
        """Where the POS keeps such a list, the order is on it, under its POS-side reference."""
        assert stage.pos.handed_over() == {}
        stage.pos.submit(submission(stage.pos), NOW)
        if stage.pos.capabilities.confirms_by_read:
            assert stage.pos.handed_over() == {"RB-1001": NOW}

    def test_a_send_that_never_left_is_deferred(self, stage):
        """The POS is down: no exception, nothing spent, and words for whoever has to mend it."""
        prepared = submission(stage.pos)
        stage.vanish()
        outcome = stage.pos.submit(prepared, NOW)
        assert isinstance(outcome, Outcome)
        assert outcome.kind is OutcomeKind.DEFERRED
        assert outcome.words
        assert "Okafor" not in outcome.words

    def test_the_catalog_is_told_or_unknown(self, stage):
        """Never an exception for a POS that has none."""
        assert isinstance(stage.pos.catalog(), Catalog)

    @pytest.mark.parametrize("call", ["probe", "read"])
    def test_an_unreachable_store_is_one_clear_error(self, stage, call):
        """What happened and what to do next: never an empty store, never a traceback of the transport."""
        stage.put(*some(1))
        assert stage.pos.probe()
        stage.vanish()
        calls = {"probe": stage.pos.probe, "read": lambda: list(stage.pos.read(None, NOW))}
        with pytest.raises(VendorError) as caught:
            calls[call]()
        assert caught.value.next_step
        assert "\n" not in str(caught.value)
