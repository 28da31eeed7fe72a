"""Shopify keeps the contract of a cart, over its sandbox."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import httpx
import pytest

from adapters.sandbox import AppTransport, Request, Response, SandboxClock, json_response
from adapters.shopify.sandbox import ShopifySandbox
from adapters.shopify.sandbox.rows import bag, line, order, payment
from adapters.shopify.sandbox.throttle import Throttle
from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, PaymentStatus
from tests.builders import NOW
from tests.contract.cart_contract import CartContract
from tests.simulated import Time, tools
from tests.unit.adapters_shopify.shop import connect


class ShopifyStage:
    """A shop at Shopify."""

    def __init__(self) -> None:
        time = Time(NOW)
        self.sandbox = ShopifySandbox(clock=SandboxClock(time.clock))
        self.sandbox.throttle = Throttle(maximum=1e6, restore_rate=1e6, offences_allowed=None)
        self._garbage = self._gone = False
        self.cart = connect(tools(AppTransport(self._answer), time))

    def _answer(self, request: Request) -> Response:
        if self._gone:
            raise httpx.ConnectError("gone")
        response = self.sandbox.app(request)
        if self._garbage and b"Changed" in request.body:
            body = json.loads(response.body)
            body["data"]["orders"]["nodes"].append("oops")
            return json_response(body)
        return response

    def put(self, *orders: CartOrder) -> None:
        """Make the shop hold these orders."""
        for cart_order in orders:
            changed = cart_order.updated_at or cart_order.placed_at
            self.sandbox.store.put(self._row(cart_order, changed), at=changed)

    def _row(self, told: CartOrder, changed: datetime) -> dict[str, Any]:
        def money(minor: int | None) -> dict[str, Any]:
            return bag(format_minor(minor or 0, told.currency), told.currency)

        paid = {**payment("SALE", "0", told.paid_at or changed), "amountSet": money(told.captured)}
        address = {
            "id": "gid://shopify/MailingAddress/1",
            "name": told.customer.name,
            "phone": told.customer.phone,
        }
        items = [
            {
                **line(number, item.sku, item.name or "", "0", int(item.quantity)),
                "originalUnitPriceSet": money(0),
            }
            for number, item in enumerate(told.lines, start=1)
        ]
        row = order(int(told.reference), told.placed_at, items)
        return row | {
            **{name: money(0) for name in row if name.endswith("Set")},
            **{name: money(told.total) for name in ("totalPriceSet", "currentTotalPriceSet")},
            "updatedAt": changed.isoformat().replace("+00:00", "Z"),
            "displayFinancialStatus": told.payment_status.value.upper(),
            "transactions": [paid] if told.payment_status is PaymentStatus.PAID else [],
            "email": told.customer.email,
            "shippingAddress": address,
            "billingAddress": None,
        }

    def put_garbage(self) -> None:
        """Make the search answer with something among its orders that is none."""
        self._garbage = True

    def break_off(self) -> None:
        """Make every page after the first fail."""
        self.sandbox.faults.switch_on("failing_page")

    def vanish(self) -> None:
        """Make the shop unreachable."""
        self._gone = True


class TestShopifyCart(CartContract):
    """A cart whose orders are at Shopify."""

    @pytest.fixture
    def stage(self, tmp_path) -> ShopifyStage:
        """An empty shop."""
        return ShopifyStage()
