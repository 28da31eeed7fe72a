"""When to ask again: the server's word in all its forms, or a growing pause of our own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random

from adapters.http.exchange import Answer


def retry_after(answer: Answer) -> float | None:
    """Return how many seconds the server wants to be left alone, or None when it does not say.

    Seconds, fractions of seconds and dates occur. A date counts from the server's own ``Date``, so that a
    clock that is wrong, ours or theirs, does no harm.
    """
    text = answer.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        until = _date(text)
        if until is None:
            return None
        seconds = (until - (server_date(answer) or answer.received_at)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def server_date(answer: Answer) -> datetime | None:
    """Return when the server says it answered."""
    return _date(answer.headers.get("date", ""))


def _date(text: str) -> datetime | None:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = parse(text)
        except ValueError:
            continue
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return None


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from ``first`` to ``longest`` seconds, each shortened at random by up to a half."""

    first: float = 0.5
    longest: float = 20.0

    def pause(self, attempt: int, random: Random) -> float:
        """Return the pause after failed attempt number ``attempt`` (0, 1, ...)."""
        whole = min(self.longest, self.first * 2.0 ** min(attempt, 30))
        return whole * random.uniform(0.5, 1.0)
