"""Two snapshots of one order, reduced to what differs between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Line, PosOrder

#: The parts into which a difference of totals is split, where both sides tell them.
AMOUNT_PARTS: Final = ("tax", "shipping", "discount", "tip")


def line_counts(lines: Iterable[Line], mapping: Mapping[str, str] | None = None) -> dict[str, Decimal]:
    """Count units per SKU, or per name where a line has none; cart SKUs go through ``mapping``."""
    counts: dict[str, Decimal] = {}
    for line in lines:
        key = line_key(line, mapping)
        counts[key] = counts.get(key, Decimal(0)) + line.quantity
    return {key: count for key, count in counts.items() if count}


def line_key(line: Line, mapping: Mapping[str, str] | None = None) -> str:
    """Return what identifies a line's article: its SKU at the POS, or its name."""
    if line.sku:
        return (mapping or {}).get(line.sku, line.sku)
    return f"name:{(line.name or '').strip().casefold()}"


def is_strict_subset(part: Mapping[str, Decimal], whole: Mapping[str, Decimal]) -> bool:
    """Say whether ``part`` lacks something of ``whole`` and has nothing else."""
    return part != whole and all(count <= whole.get(key, 0) for key, count in part.items())


def lacking(part: Mapping[str, Decimal], whole: Mapping[str, Decimal]) -> dict[str, str]:
    """Return what ``part`` lacks of ``whole``, in units per article."""
    short = {key: count - part.get(key, Decimal(0)) for key, count in whole.items()}
    return {key: f"{count:f}" for key, count in short.items() if count > 0}


def amount_differences(cart: CartOrder, records: Iterable[PosOrder]) -> dict[str, str]:
    """Split the difference of totals (POS less cart) into the parts that both sides tell, in major units.

    What the parts do not explain is ``goods``: lines, prices, or an exchange rate.
    """
    pos = list(records)
    parts = {}
    for name in AMOUNT_PARTS:
        ours, theirs = getattr(cart, name), [getattr(record, name) for record in pos]
        if ours is not None and None not in theirs and sum(theirs) != ours:
            parts[name] = sum(theirs) - ours
    total = sum(record.total for record in pos) - cart.total
    explained = sum(-amount if name == "discount" else amount for name, amount in parts.items())
    if total != explained:
        parts["goods"] = total - explained
    return {name: format_minor(amount, cart.currency) for name, amount in parts.items()}
