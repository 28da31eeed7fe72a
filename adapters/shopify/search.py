"""Shopify's search language, as far as we speak it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime


def updated(since: datetime | None, before: datetime | None = None) -> str:
    """Return the search for orders changed from ``since`` on, and before ``before``.

    Times stand in quotes: without them everything from the first colon on is taken for another field, and
    what is left counts in the shop's own time zone.

    >>> updated(datetime(2026, 1, 1, tzinfo=UTC))
    "updated_at:>='2026-01-01T00:00:00Z'"
    """
    terms = [f"updated_at:>='{_stamp(since)}'"] if since else []
    terms += [f"updated_at:<'{_stamp(before)}'"] if before else []
    return " ".join(terms)


def named(references: Iterable[str]) -> str:
    r"""Return the search for orders of these names; what it finds may be more, and has to be compared.

    >>> named(["1001", 'EN"2'])
    'name:"1001" OR name:"EN\\"2"'
    """
    return " OR ".join(f'name:"{_escaped(reference)}"' for reference in references)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
