"""A shop that speaks Shopify's Admin GraphQL, for rehearsals, the demo and tests."""

from adapters.shopify.sandbox.app import FAULTS, ShopifySandbox
from adapters.shopify.sandbox.serve import ShopifyOptions, make_sandbox, serve, serving

__all__ = ["FAULTS", "ShopifyOptions", "ShopifySandbox", "make_sandbox", "serve", "serving"]
