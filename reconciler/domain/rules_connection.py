"""Rules that no single cart order can break: they are judged by the services that read both sides.

The functions hold for no order. Their docstrings say when the services make the finding.
"""

from __future__ import annotations

from reconciler.domain.case import Case, Found


def auth_failure(_case: Case) -> Found | None:
    """The identity probe with the same credentials fails, a scope was lost, or the connecting admin left."""
    return None


def cannot_tell(_case: Case) -> Found | None:
    """A read that verdicts need failed, broke off, or does not reach the orders' times or locations.

    The orders that it leaves undecided are counted here; what the cart alone decides is still decided.
    """
    return None


def brake(_case: Case) -> Found | None:
    """So many orders look missing in one run that the read is doubted, not the orders."""
    return None


def orphan_in_pos(_case: Case) -> Found | None:
    """A live online POS order that no cart order of any channel sharing this POS explains."""
    return None
