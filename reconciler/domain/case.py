"""An order's evidence as the rules see it: the same facts, with what follows from them worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import groupby

from reconciler.domain.differences import line_counts
from reconciler.domain.evidence import Evidence
from reconciler.domain.money import format_minor, within_tolerance
from reconciler.domain.orders import CartOrder, PaymentStatus, PosOrder, PosStatus, normalise_reference
from reconciler.domain.policy import Policy

PAID = frozenset({PaymentStatus.PAID, PaymentStatus.PARTIALLY_REFUNDED})


@dataclass(frozen=True)
class Found:
    """A rule holds: since when, and on which facts."""

    since: datetime
    facts: Mapping[str, object]


@dataclass(frozen=True)
class Case:
    """Evidence under a policy. ``orders`` below are live: not voided."""

    evidence: Evidence
    policy: Policy

    @property
    def cart(self) -> CartOrder:
        """The cart's side."""
        return self.evidence.cart

    @cached_property
    def live(self) -> tuple[PosOrder, ...]:
        """Every POS record that was not voided."""
        return tuple(record for record in self.evidence.records if record.status is not PosStatus.VOIDED)

    @cached_property
    def current(self) -> tuple[PosOrder, ...]:
        """The live records that stand for the order now: a split's parts, or an edit family's latest."""
        if self.is_split:
            return self.live
        return tuple(sorted(self.live, key=lambda r: (r.created_at, r.reference or "", r.pos_id)))[-1:]

    @cached_property
    def is_split(self) -> bool:
        """Say whether several live records of one reference add up to exactly one order."""
        if len(self.live) < 2 or len({r.reference for r in self.live}) > 1:
            return False
        if any(record.lines is None for record in self.live) or not self.cart.lines:
            return False
        lines = [line for record in self.live for line in record.lines or ()]
        return line_counts(lines) == self.cart_lines and self.totals_agree(sum(r.total for r in self.live))

    def repeated(self) -> tuple[PosOrder, ...]:
        """Return the live records that carry one and the same reference more than once."""
        if self.is_split:
            return ()
        return tuple(record for group in self._by_reference() if len(group) > 1 for record in group)

    def _by_reference(self) -> Iterator[list[PosOrder]]:
        def key(record: PosOrder) -> str:
            return normalise_reference(record.reference or "")

        for _, group in groupby(sorted(self.live, key=key), key=key):
            yield list(group)

    @cached_property
    def cart_lines(self) -> dict[str, Decimal]:
        """Units per POS article that the cart expects."""
        return line_counts(self.cart.lines, self.policy.sku_map)

    @cached_property
    def pos_lines(self) -> dict[str, Decimal] | None:
        """Units per article that the current records hold; None where the POS does not tell."""
        if any(record.lines is None for record in self.current):
            return None
        return line_counts(line for record in self.current for line in record.lines or ())

    @property
    def pos_total(self) -> int:
        """Total of the current records, minor units."""
        return sum(record.total for record in self.current)

    @property
    def pos_created_at(self) -> datetime:
        """When the current records were made, the earliest of them."""
        return min(record.created_at for record in self.current)

    @property
    def pos_updated_at(self) -> datetime:
        """When the POS last touched the current records."""
        return max(record.updated_at or record.created_at for record in self.current)

    def totals_agree(self, found: int, expected: int | None = None) -> bool:
        """Compare a POS total with the cart's (or with ``expected``) within the channel's tolerance."""
        return within_tolerance(
            self.cart.total if expected is None else expected,
            found,
            self.cart.currency,
            lines=len(self.cart.lines),
            per_line=self.policy.tolerance_per_line,
        )

    @property
    def same_currency(self) -> bool:
        """Say whether both sides count in one currency."""
        return all(record.currency == self.cart.currency for record in self.current)

    @property
    def owed(self) -> int:
        """What the customer still owes, minor units."""
        return max(0, self.cart.total - self.cart.captured)

    @property
    def fully_refunded(self) -> bool:
        """Say whether nothing of the money is left with the merchant."""
        if self.cart.payment_status is PaymentStatus.REFUNDED:
            return True
        return self.cart.refunded >= max(self.cart.captured, 1) and self.cart.refunded >= self.cart.total

    @property
    def cancelled(self) -> bool:
        """Say whether the cart order is dead: cancelled, or refunded in full."""
        return self.cart.cancelled_at is not None or self.fully_refunded

    @property
    def inside_download_rule(self) -> bool:
        """Say whether the channel's integration would take the order as it is now."""
        rule = self.policy.download
        return (
            not self.cart.archived
            and (not rule.payment or self.cart.payment_status in rule.payment)
            and (not rule.fulfillment or self.cart.fulfillment_status in rule.fulfillment)
        )

    @property
    def paid_at(self) -> datetime:
        """When the order was paid by our clock; the last change stands in where the cart does not tell."""
        told = self.cart.paid_at or self.cart.updated_at or self.cart.placed_at
        return told - self.evidence.cart_clock_offset

    def in_view(self, record: PosOrder) -> bool:
        """Say whether the channel's location sees the record."""
        return not self.policy.location or not record.location or record.location == self.policy.location

    def money(self, minor: int) -> str:
        """Write an amount with its currency, for a person."""
        return f"{format_minor(minor, self.cart.currency)} {self.cart.currency}"
