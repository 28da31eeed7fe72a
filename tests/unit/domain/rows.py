"""Rows of the tables of examples: evidence, and the verdict that the decision table gives it.

>>> row = about("C.voided_in_pos", no("nothing is voided", AGREED))[0]
>>> str(row), row.holds
('C.voided_in_pos: nothing is voided', False)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from reconciler.domain.evidence import Evidence
from reconciler.domain.orders import PaymentStatus, PosOrder, PosStatus
from reconciler.domain.policy import Policy
from tests.builders import LINES, NOW, POLICY, SECOND, G, ago, evidence, pos_order

#: Keywords that several examples share.
Known: TypeAlias = dict[str, Any]

AGREED = "agreed"
UNDECIDED = "A.cannot_tell"
ON_ITS_WAY = "D.sync_delay"
MISSING = "D.missing"

#: What several tables need: records, changes to the cart's order, and moments.
VOID = pos_order(status=PosStatus.VOIDED, updated_at=ago(hours=20))
AGAIN = pos_order(pos_id="P2", created_at=ago(hours=22))
ROSES = pos_order(lines=LINES[:1], total=44_00, tax=4_00)
CARD = pos_order(pos_id="P2", lines=LINES[1:], total=6_00, tax=1_00)
EDITED: Known = {"edited_at": ago(hours=5)}
PARTLY_BACK: Known = {
    "payment_status": PaymentStatus.PARTIALLY_REFUNDED,
    "refunded": 10_00,
    "updated_at": ago(hours=5),
}
MADE = pos_order().created_at
JUST = NOW - G + SECOND


@dataclass(frozen=True)
class Row:
    """One example. ``about`` is the rule it was written for, ``expected`` the rule that decides it."""

    about: str
    label: str
    evidence: Evidence
    expected: str
    policy: Policy

    @property
    def holds(self) -> bool:
        """Say whether the example shows its own rule at work, not a neighbour's."""
        return self.about == self.expected

    def __str__(self) -> str:
        return f"{self.about}: {self.label}"


def yes(label: str, *records: PosOrder, under: Policy = POLICY, **known: Any) -> Row:
    """Return evidence under which the rule that the table is about decides."""
    return Row("", label, evidence(*records, **known), "", under)


def no(label: str, expected: str, *records: PosOrder, under: Policy = POLICY, **known: Any) -> Row:
    """Return evidence that is nearly the rule's, and that ``expected`` decides."""
    return Row("", label, evidence(*records, **known), expected, under)


def about(rule: str, *rows: Row) -> tuple[Row, ...]:
    """Return the table of examples of one rule."""
    return tuple(replace(row, about=rule, expected=row.expected or rule) for row in rows)
