"""What may go wrong at a till. Seed and order alone decide, so that a restarted till does the same."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from reconciler.domain.orders import normalise_reference

#: How likely a fault is (0 to 1), or the POS-side references that it befalls.
Chance: TypeAlias = float | Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillFaults:
    """The faults of one till. Several may befall one order; ``refuse`` rules out all others."""

    #: The order never shows.
    refuse: Chance = 0.0
    #: The order shows only after ``delay_rounds`` more rounds.
    delayed: Chance = 1.0
    delay_rounds: int = 0
    #: The last line is lost.
    drop_lines: Chance = 0.0
    wrong_total: Chance = 0.0
    #: An empty shell that wants attention.
    placeholder: Chance = 0.0
    #: Two records of one order.
    duplicate: Chance = 0.0
    #: No register ever fetches it.
    no_register: Chance = 0.0
    #: It is filed under another location.
    wrong_location: Chance = 0.0
    #: Somebody voids it in the next round.
    void: Chance = 0.0

    def hits(self, name: str, reference: str, seed: int) -> bool:
        """Say whether the fault of this name befalls an order."""
        chance = getattr(self, name)
        reference = normalise_reference(reference)
        if not isinstance(chance, (int, float)):
            return reference in {normalise_reference(listed) for listed in chance}
        digest = sha256(f"{seed}/{name}/{reference}".encode()).digest()
        return int.from_bytes(digest[:8]) < chance * 2**64

    def rounds(self, reference: str, seed: int) -> int:
        """Return how many rounds an order waits."""
        return self.delay_rounds if self.hits("delayed", reference, seed) else 0
