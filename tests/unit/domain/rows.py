"""Rows of the tables of examples: evidence, and the verdict that the decision table gives it.

>>> row = about("C.voided_in_pos", no("nothing is voided", AGREED))[0]
>>> str(row), row.holds
('C.voided_in_pos: nothing is voided', False)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from reconciler.domain.evidence import Evidence
from reconciler.domain.orders import PosOrder
from reconciler.domain.policy import Policy
from tests.builders import POLICY, evidence

#: Keywords that several examples share.
Known: TypeAlias = dict[str, Any]

AGREED = "agreed"
UNDECIDED = "A.cannot_tell"
ON_ITS_WAY = "D.sync_delay"
MISSING = "D.missing"


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
