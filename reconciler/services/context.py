"""What every service works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.ports import Clock, UnitOfWork, Vendors


@dataclass(frozen=True, slots=True)
class Context:
    """A transaction, the vendors and the time. In a rehearsal nothing is kept and nothing is sent."""

    unit: UnitOfWork
    vendors: Vendors
    clock: Clock
    rehearsal: bool = False
