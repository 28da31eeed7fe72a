"""A shop, a clock that only sleep moves, and a Shopify cart in front of it; no socket in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.http import Tools
from adapters.sandbox import SandboxClock
from adapters.shopify import ShopifyCart, make_cart
from adapters.shopify.sandbox import ShopifySandbox
from adapters.shopify.sandbox.rows import order
from reconciler.domain.errors import VendorError
from reconciler.domain.orders import CartOrder
from reconciler.ports import ConnectionInfo, Coverage, Page, Quarantined, Side
from tests.builders import NOW
from tests.simulated import Time, tools

TOKEN = "shpat_sandbox"
URL = "https://rosebud.myshopify.com"
MINUTE = timedelta(minutes=1)


@dataclass
class Read:
    """What one read came to."""

    orders: list[CartOrder] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    coverage: Coverage | None = None
    error: VendorError | None = None

    @property
    def references(self) -> list[str]:
        return [order.reference for order in self.orders]


def connect(
    tools: Tools, *, token: str = TOKEN, url: str = URL, options: Mapping[str, Any] | None = None
) -> ShopifyCart:
    """Return the cart adapter, made as the program makes it."""
    info = ConnectionInfo(
        id=1,
        name="rosebud/shop",
        merchant="rosebud",
        side=Side.CART,
        vendor="shopify",
        base_url=url,
        options=options or {},
    )
    return make_cart(info, {"access_token": token}, tools)


@dataclass
class World:
    """A shop and a cart that reads it."""

    time: Time = field(default_factory=Time)
    sandbox: ShopifySandbox = field(init=False)
    cart: ShopifyCart = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = ShopifySandbox(clock=SandboxClock(self.time.clock))
        self.cart = connect(tools(self.sandbox.app, self.time))

    def fill(self, *rows: Mapping[str, Any]) -> None:
        """Put orders in that the search has known for long."""
        self.sandbox.store.load(rows)

    def read(self, since: datetime | None = None) -> Read:
        """Read to the end, or to the first error, as the pull service does."""
        return read(self.cart, since, self.time.now)


def read(cart: ShopifyCart, since: datetime | None, now: datetime) -> Read:
    """Read a cart and sort what came."""
    found = Read()
    try:
        for item in cart.read(since, now):
            if isinstance(item, Page):
                found.orders += [snapshot.order for snapshot in item.snapshots]
                found.quarantined += item.quarantined
            else:
                found.coverage = item
    except VendorError as error:
        found.error = error
    return found


def orders(
    count: int, at: datetime = NOW - timedelta(hours=2), step: timedelta = MINUTE
) -> list[dict[str, Any]]:
    """Return paid orders 1001, 1002, ..., one each ``step``."""
    return [order(1001 + n, at + n * step) for n in range(count)]


def small_pages(cart: ShopifyCart, size: int) -> None:
    """Let a cart ask for few orders at once, so that a few orders make several pages."""
    cart._source._size = size
