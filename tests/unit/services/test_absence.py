"""What the reads of the POS allow us to conclude from an order's absence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest

from reconciler.domain.evidence import Absence, Catalog
from reconciler.ports import Proof, Suspect
from reconciler.services.compare import Bench
from tests.builders import NOW, ago, cart_order

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
