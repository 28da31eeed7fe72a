"""An order's evidence as the rules see it: the same facts, with what follows from them worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from itertools import chain, groupby

from reconciler.domain.differences import is_strict_subset, line_counts
from reconciler.domain.evidence import Evidence
from reconciler.domain.money import format_minor, within_tolerance
from reconciler.domain.orders import PAID, CartOrder, PosOrder, PosStatus, edit_family, normalise_reference
from reconciler.domain.policy import Policy


@dataclass(frozen=True)
class Found:
    """A rule holds: since when, and on which facts."""

    since: datetime
    facts: Mapping[str, object]


def inside_rule(cart: CartOrder, policy: Policy) -> bool:
    """Say whether the channel's integration would take an order as it is."""
    rule = policy.download
    return (
        not cart.archived
        and (not rule.payment or cart.payment_status in rule.payment)
        and (not rule.fulfillment or cart.fulfillment_status in rule.fulfillment)
    )


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
    def records(self) -> tuple[PosOrder, ...]:
        """Every POS record, oldest first, in whatever order the POS told them."""
        return tuple(sorted(self.evidence.records, key=_age))

    @cached_property
    def live(self) -> tuple[PosOrder, ...]:
        """Every POS record that was not voided."""
        return tuple(record for record in self.records if record.status is not PosStatus.VOIDED)

    @cached_property
    def current(self) -> tuple[PosOrder, ...]:
        """The live records that stand for the order now: a split's parts, or an edit family's latest."""
        if self.is_split:
            return self.live
        return self.live[-1:]

    @cached_property
    def is_split(self) -> bool:
        """Say whether several live records of one reference add up to exactly one order.

        Each has its share of the lines; where lines are not told, each has its share of the total.
        """
        parts = self.live
        if len(parts) < 2 or len({_edit(record) for record in parts}) > 1:
            return False
        if any(part.currency != self.cart.currency for part in parts):
            return False
        if not self._total_explained(sum(part.total for part in parts)):
            return False
        shares = [part.lines for part in parts if part.lines is not None]
        if self.cart.lines and len(shares) == len(parts):
            return all(shares) and self._lines_explained(line_counts(chain.from_iterable(shares)))
        return all(0 < part.total < self.cart.total for part in parts)

    def _total_explained(self, found: int) -> bool:
        return self.totals_agree(found) or self._is_net(found)

    def _is_net(self, found: int) -> bool:
        return self.totals_agree(found, self.cart.total - self.cart.refunded)

    def _lines_explained(self, found: dict[str, Decimal]) -> bool:
        return found == self.cart_lines or (
            bool(self.cart.refunded) and is_strict_subset(found, self.cart_lines)
        )

    def repeated(self) -> tuple[PosOrder, ...]:
        """Return the live records that carry one and the same reference more than once."""
        if self.is_split:
            return ()
        return tuple(record for group in self._by_edit() if len(group) > 1 for record in group)

    def _by_edit(self) -> Iterator[list[PosOrder]]:
        for _, group in groupby(sorted(self.live, key=_edit), key=_edit):
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
    def paid(self) -> bool:
        """Say whether the merchant has the money, by the order's payment status or by its payment record."""
        held = self.cart.captured - self.cart.refunded
        return self.cart.payment_status in PAID or held >= max(self.cart.total, 1)

    @property
    def refund_reflected(self) -> bool:
        """Say whether the POS total is what is left of the order after a refund in part."""
        return self._is_net(self.pos_total)

    @property
    def total_reflected(self) -> bool:
        """Say whether the POS total is the order's, before or after a refund in part."""
        return self.same_currency and self._total_explained(self.pos_total)

    @property
    def lines_reflected(self) -> bool:
        """Say whether the POS lines, where told, are the order's; a refund may have removed some."""
        return self.pos_lines is None or self._lines_explained(self.pos_lines)

    @property
    def inside_download_rule(self) -> bool:
        """Say whether the channel's integration would take the order as it is now."""
        return inside_rule(self.cart, self.policy)

    @property
    def paid_at(self) -> datetime:
        """When the order was paid by our clock.

        Where the cart does not tell, the earliest change stands in under which it was read as paid: one that
        is touched again and again must not stay new for ever. Nobody can deliver an order before it is
        placed, however early it was paid.
        """
        cart = self.cart
        told = cart.paid_at or self.evidence.known_paid_at or cart.updated_at or cart.placed_at
        return max(told, self.cart.placed_at) - self.evidence.cart_clock_offset

    def in_view(self, record: PosOrder) -> bool:
        """Say whether the channel's location sees the record."""
        return not self.policy.location or not record.location or record.location == self.policy.location

    def money(self, minor: int, currency: str | None = None) -> str:
        """Write an amount with its currency (the cart's, if none is named), for a person."""
        currency = currency or self.cart.currency
        return f"{format_minor(minor, currency)} {currency}"

    @property
    def pos_money(self) -> str:
        """The total of the current records, for a person."""
        return self.money(self.pos_total, self.current[0].currency)


def _age(record: PosOrder) -> tuple[datetime, str, str]:
    return record.created_at, _edit(record), record.pos_id


def _edit(record: PosOrder) -> str:
    """Return which edit of its order a record shows; a ticket that a person linked shows the order itself."""
    reference = normalise_reference(record.reference or "")
    return reference.removeprefix(edit_family(reference))
