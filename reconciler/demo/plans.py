"""Which faults a world gets, and how many of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from reconciler.demo import faults_absent as absent
from reconciler.demo import faults_present as present
from reconciler.demo.shop import Shop
from reconciler.demo.traps import GRACE_TRAPS, TRAPS

Fault: TypeAlias = Callable[[Shop], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults with how often each occurs in the whole world, and traps that every shop gets."""

    faults: Mapping[Fault, int]
    traps: Sequence[Fault] = TRAPS

    def dealt(self, shops: Sequence[Shop]) -> Iterator[tuple[Fault, Shop]]:
        """Deal the faults out, each class going on where the one before it ended."""
        seat = 0
        for fault, count in self.faults.items():
            for _ in range(count):
                yield fault, shops[seat % len(shops)]
                seat += 1


#: Every class that files can show, more of the common ones.
DEMO: Final = Plan(
    {
        present.voided_in_pos: 2,
        present.duplicate_in_pos: 3,
        present.placeholder_in_pos: 2,
        present.refund_not_propagated: 4,
        present.unpaid_in_pos: 2,
        present.hidden_in_pos: 2,
        present.stale_after_edit: 2,
        present.incomplete_in_pos: 2,
        present.amount_mismatch: 4,
        present.not_on_register: 2,
        present.fulfilment_lag: 2,
        present.orphan_in_pos: 2,
        absent.excluded: 2,
        absent.payment_conflict: 2,
        absent.unpaid: 5,
        absent.partly_paid: 2,
        absent.cancelled_before_push: 2,
        absent.status_mismatch: 4,
        absent.probable_rekey: 2,
        absent.in_doubt: 1,
        absent.unmapped_sku: 2,
        absent.unmapped_shipping: 1,
        absent.missing: 16,
        absent.missing_and_dropped: 1,
        absent.missing_and_cut: 1,
        absent.missing_and_mispriced: 1,
        absent.missing_and_slow: 2,
        absent.missing_later: 3,
        absent.late_arrival: 5,
        absent.torn: 1,
    }
)

#: Faults that need time to pass.
_LIVE: Final = frozenset({absent.torn, absent.late_arrival, absent.missing_later})
#: Every class several times, judged at one held moment: nothing arrives and nothing is sent.
REHEARSAL: Final = Plan(
    dict.fromkeys((fault for fault in DEMO.faults if fault not in _LIVE), 9)
    | {absent.sync_delay: 9, absent.status_mismatch: 12, absent.unpaid: 15, absent.missing: 15},
    traps=(*TRAPS, *GRACE_TRAPS),
)
