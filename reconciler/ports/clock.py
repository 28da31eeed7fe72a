"""The clock, so that a rehearsal can hold it still."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Return the present moment, aware and in UTC."""
        ...
