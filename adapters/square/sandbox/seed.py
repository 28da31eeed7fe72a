"""A small store: two locations and a flower shop's articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from adapters.square.sandbox.articles import keep
from adapters.square.sandbox.store import Row, Store

MERCHANT: Final = "MLSANDBOX0001"
MAIN: Final = "LMAIN00000001"
MARKET: Final = "LMARKET000001"
#: SKU -> name and price in cents.
ARTICLES: Final[Mapping[str, tuple[str, int]]] = {
    "ROSE-12": ("A dozen roses", 2000),
    "TULIP-10": ("Ten tulips", 1500),
    "CARD": ("Greeting card", 500),
    "VASE": ("Glass vase", 1850),
}


def furnish(store: Store, currency: str = "USD", skus: Sequence[str] = ()) -> None:
    """Fill an empty store; ``skus`` are sold at 10.00 beside its own articles."""
    country = {"USD": "US", "JPY": "JP", "GBP": "GB", "EUR": "IE"}.get(currency, "US")
    store.merchant = {
        "id": MERCHANT,
        "business_name": "Sandbox Flowers",
        "country": country,
        "currency": currency,
        "status": "ACTIVE",
        "main_location_id": MAIN,
    }
    for place, name in ((MAIN, "Main street"), (MARKET, "Market hall")):
        add_location(store, place, name, currency, country)
    named = {**ARTICLES, **{sku: (sku, 1000) for sku in skus}}
    for sku, (name, price) in named.items():
        add_article(store, sku, name, price, currency)


def add_location(store: Store, place: str, name: str, currency: str = "USD", country: str = "US") -> None:
    """Open another location."""
    store.locations[place] = {
        "id": place,
        "name": name,
        "merchant_id": MERCHANT,
        "country": country,
        "currency": currency,
        "status": "ACTIVE",
        "timezone": "America/Denver",
        "capabilities": ["CREDIT_CARD_PROCESSING"],
    }


def add_article(
    store: Store, sku: str, name: str, price: int, currency: str = "USD", **fields: object
) -> str:
    """Put an item with one variation into the catalog; return the variation's id."""
    variation: Row = {
        "type": "ITEM_VARIATION",
        "id": f"#{sku}-v",
        "present_at_all_locations": True,
        "item_variation_data": {
            "name": "Regular",
            "sku": sku,
            "pricing_type": "FIXED_PRICING",
            "price_money": {"amount": price, "currency": currency},
        },
    }
    item: Row = {
        "type": "ITEM",
        "id": f"#{sku}",
        "present_at_all_locations": True,
        "item_data": {"name": name, "variations": [variation]},
    }
    _, mappings = keep(store, [item | fields])
    return str(next(new["object_id"] for new in mappings if new["client_object_id"].endswith("-v")))
