"""Shopify: the cart, over the Admin GraphQL API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from adapters.http import LIMIT_OPTIONS, HttpClient, Limits, Site, Tools, limits_of, number_of
from adapters.shopify.api import SMALLEST, ShopifyApi
from adapters.shopify.cart import ShopifyCart
from adapters.shopify.orders import LARGEST_PAGE, PAGE
from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo, Side
from reconciler.ports.vendor_info import OptionKind, VendorInfo

__all__ = ["INFO", "LIMITS", "ShopifyApi", "ShopifyCart", "make_cart"]

#: What a channel file may say about a shop.
INFO: Final = VendorInfo(
    sides=frozenset({Side.CART}),
    options={
        **LIMIT_OPTIONS,
        "delivery_date_attribute": OptionKind.TEXT,
        "page_size": OptionKind.NUMBER,
    },
    credentials=frozenset({"access_token"}),
)
#: Shopify throttles by cost, so that a read may have to come back more often than elsewhere.
LIMITS: Final = Limits(tries=8)
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def make_cart(connection: ConnectionInfo, credentials: Mapping[str, str], tools: Tools) -> ShopifyCart:
    """Return the cart adapter of a connection; raise ConfigError when it cannot be used as it is."""
    address = urlsplit(connection.base_url)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigError(
            f"base_url of {connection.name} must begin with https://: a token travels to it",
            next_step="write https://SHOP.myshopify.com",
        )
    site = Site(
        base_url=f"{address.scheme}://{address.netloc}", key=f"shopify:{address.netloc}", bucket=SMALLEST
    )
    limits = limits_of(connection, LIMITS)
    http = HttpClient(site, tools, {"x-shopify-access-token": credentials["access_token"]}, limits)
    return ShopifyCart(
        ShopifyApi(http),
        str(connection.options.get("delivery_date_attribute") or ""),
        number_of(connection, "page_size", PAGE, most=LARGEST_PAGE),
    )
