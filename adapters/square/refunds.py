"""Money that went back. Square leaves a sale as it was and tells of refunds elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from adapters.square.api import SquareApi, rows
from adapters.square.payload import Order
from adapters.square.translate import REFUNDED

PATH: Final = "/v2/refunds"


@dataclass(slots=True)
class Refunds:
    """Refunds by payment, as far back as they were needed; all locations."""

    api: SquareApi
    _by_payment: dict[str, dict[str, int]] = field(default_factory=dict)
    #: What payments themselves say they gave back in all. The feed may show a part of it, and the same again.
    _in_all: dict[str, int] = field(default_factory=dict)
    _from: datetime | None = None

    def since(self, moment: datetime) -> None:
        """Know every refund made from ``moment`` on: those of a sale are younger than the sale."""
        if self._from is not None and moment >= self._from:
            return
        end = {"end_time": self._from.isoformat()} if self._from else {}
        self._load(begin_time=moment.astimezone(UTC).isoformat(), **end)
        self._from = moment

    def changed(self, since: datetime) -> set[str]:
        """Return the payments of which a refund was made or changed since."""
        return self._load(updated_at_begin_time=since.astimezone(UTC).isoformat(), sort_field="UPDATED_AT")

    def ask(self, payment_id: str) -> None:
        """Know what one payment gave back: cheaper than years of refunds for a single old sale."""
        if payment_id not in self._in_all:
            payment = self.api.get(f"/v2/payments/{payment_id}").get("payment")
            money = payment.get("refunded_money") if isinstance(payment, Mapping) else None
            amount = money.get("amount") if isinstance(money, Mapping) else None
            self._in_all[payment_id] = amount if isinstance(amount, int) else 0

    def of(self, order: Order) -> int:
        """Return what an order's payments gave back, minor units."""
        return sum(
            max(self._in_all.get(payment, 0), sum(self._by_payment.get(payment, {}).values()))
            for payment in order.payment_ids
        )

    def _load(self, **span: str) -> set[str]:
        payments: set[str] = set()
        for page in self.api.listing(PATH, sort_order="ASC", limit="100", **span):
            for refund in rows(page, "refunds", self.api.site):
                if isinstance(refund, Mapping) and refund.get("payment_id"):
                    payments.add(str(refund["payment_id"]))
                    self._keep(refund)
        return payments

    def _keep(self, refund: Mapping[str, Any]) -> None:
        money = refund.get("amount_money")
        amount = money.get("amount") if isinstance(money, Mapping) else None
        counts = refund.get("status") in REFUNDED and isinstance(amount, int)
        self._by_payment.setdefault(str(refund["payment_id"]), {})[str(refund.get("id"))] = (
            amount if counts and isinstance(amount, int) else 0
        )
