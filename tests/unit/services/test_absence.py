"""What the reads of the POS allow us to conclude from an order's absence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.domain.evidence import Absence, Catalog
from reconciler.ports import Proof, Suspect
from reconciler.services.compare import Bench
from reconciler.services.findings import judge_orphans
from tests.builders import NOW, POLICY, ago, cart_order, pos_order

DAYS = ((ago(days=9), ago(days=3)), (ago(days=2), NOW))


def bench(*, complete: bool, intervals: tuple[Any, ...]) -> Bench:
    """Return what orders are judged by, after such reads."""
    proof = Proof(complete=complete, absence_trusted=True, reason="", intervals=intervals)
    nothing = cast("Any", None)
    return Bench(
        nothing, nothing, 1, NOW, pos_proof=proof, cart_proof=proof, catalog=Catalog(), handed_over={}
    )


@pytest.mark.parametrize(
    ("complete", "intervals", "placed", "paid_after", "absence"),
    [
        (True, DAYS, timedelta(days=1), timedelta(hours=1), Absence.PROVEN),
        (False, DAYS, timedelta(days=1), timedelta(hours=1), Absence.INCOMPLETE),
        (True, (), timedelta(days=1), timedelta(hours=1), Absence.NOT_COVERED),
        (True, DAYS, timedelta(days=10), timedelta(hours=1), Absence.NOT_COVERED),
        (True, DAYS, timedelta(days=2, hours=12), timedelta(hours=1), Absence.NOT_COVERED),
        (True, DAYS, timedelta(days=4), timedelta(days=3), Absence.NOT_COVERED),
    ],
    ids=["covered", "broken off", "never read", "before the first read", "in a hole", "paid across a hole"],
)
def test_only_a_whole_read_of_its_time_proves_that_an_order_is_absent(
    complete: bool, intervals: Any, placed: timedelta, paid_after: timedelta, absence: Absence
):
    """From placing to payment, in one piece; and the last read must have reached its end."""
    order = cart_order(placed_at=NOW - placed, paid_at=NOW - placed + paid_after)
    suspect = Suspect(cart=order, records=(), seen_inside_rule=True, digest=b"", queue=None)
    assert bench(complete=complete, intervals=intervals).evidence(suspect).absence is absence


@pytest.mark.parametrize(
    ("complete", "made", "said"),
    [
        (True, ago(hours=5), "orphan"),
        (True, ago(days=9), "orphan"),
        (True, ago(days=10), "undecided"),
        (True, ago(days=2, hours=12), "undecided"),
        (True, NOW + timedelta(minutes=1), "silent"),
        (False, ago(hours=5), "undecided"),
    ],
    ids=["covered", "at its edge", "before the first read", "in a hole", "since the last", "broken off"],
)
def test_only_a_whole_read_of_the_cart_makes_a_pos_order_an_orphan(complete: bool, made: Any, said: str):
    """What no read of the cart reaches may well have its order there."""
    kept: list[Any] = []
    record = pos_order(reference="9999", created_at=made)
    orders = SimpleNamespace(orphans=lambda _: [[record]])
    mismatches = SimpleNamespace(record=lambda *given: kept.extend(given[2]), close_absent=lambda *_: None)
    unit = cast("Any", SimpleNamespace(orders=orders, mismatches=mismatches))
    channel = cast("Any", SimpleNamespace(id=1, policy=POLICY))
    asked = replace(bench(complete=complete, intervals=DAYS), unit=unit, channel=channel)
    undecided = judge_orphans(asked, ())
    assert {"orphan": bool(kept), "undecided": undecided == ["P1"]} == {
        "orphan": said == "orphan",
        "undecided": said == "undecided",
    }
