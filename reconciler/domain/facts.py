"""What a refusal waits for. While those facts stay as they were, the same order would be refused again.

They are taken as an attempt is made and kept with it, so that only what matters to this very order counts: a
mapping of another article changes nothing for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, TypeAlias

from reconciler.domain.evidence import Catalog, FailureCause
from reconciler.domain.orders import CartOrder
from reconciler.domain.policy import Policy


class Fact(StrEnum):
    """Something that an attempt's outcome may hang on."""

    #: What the order's articles are called at the POS, and whether it lists them.
    ARTICLES = "articles"
    #: Likewise its delivery method.
    SHIPPING = "shipping"
    #: The POS's whole menu, where the POS tells.
    MENU = "menu"
    #: The POS's tax set-up, where the POS tells.
    TAXES = "taxes"
    #: The credentials that we were given.
    AUTHORISATION = "authorisation"
    #: Where and how the channel's orders go in.
    SETTINGS = "settings"
    #: The order itself, as the cart has it.
    ORDER = "order"


#: Fingerprints of facts.
Facts: TypeAlias = Mapping[Fact, str]

#: Why an order goes again after a menu import; attempts keep it, so that it happens once.
AFTER_MENU_IMPORT: Final = "after a menu import"

F, C = Fact, FailureCause
#: An outage waits for nothing but time.
WAITS_FOR: Final[Mapping[FailureCause, frozenset[Fact]]] = MappingProxyType(
    {
        C.UNMAPPED_SKU: frozenset({F.ARTICLES, F.MENU}),
        C.UNMAPPED_SHIPPING: frozenset({F.SHIPPING}),
        C.UNMAPPED_PAYMENT: frozenset({F.SETTINGS, F.ORDER}),
        C.UNMAPPED_TAX: frozenset({F.TAXES}),
        C.MENU_SETUP: frozenset({F.ARTICLES, F.MENU}),
        C.PERMISSIONS: frozenset({F.AUTHORISATION}),
        C.TAX_SETUP: frozenset({F.TAXES, F.ORDER}),
        C.REJECTED: frozenset({F.SETTINGS, F.ORDER}),
    }
)


def facts_of(
    order: CartOrder, policy: Policy, catalog: Catalog, *, credentials: bytes, settings: str
) -> dict[Fact, str]:
    """Return the facts as they are now. ``settings`` says how the POS connection is set up."""
    skus = sorted({policy.sku_map.get(line.sku, line.sku) for line in order.lines if line.sku})
    method = policy.shipping_map.get(order.shipping_method or "", order.shipping_method)
    return {
        Fact.ARTICLES: _fingerprint(
            [(sku, _listed(sku, catalog.skus)) for sku in skus], [line.sku for line in order.lines]
        ),
        Fact.SHIPPING: _fingerprint(method, _listed(method, catalog.shipping_methods)),
        Fact.MENU: _fingerprint(catalog.menu),
        Fact.TAXES: _fingerprint(catalog.taxes),
        Fact.AUTHORISATION: _fingerprint(credentials),
        Fact.SETTINGS: _fingerprint(policy.location, settings),
        Fact.ORDER: _fingerprint(order),
    }


def changed(cause: FailureCause | None, before: Mapping[str, str], now: Facts) -> tuple[Fact, ...]:
    """Return the facts behind a refusal that are not as they were; none where they were not kept."""
    waits = WAITS_FOR.get(cause, frozenset()) if cause else frozenset()
    return tuple(sorted(fact for fact in waits if fact in before and before[fact] != now[fact]))


def _listed(code: str | None, known: frozenset[str] | None) -> bool | None:
    return None if known is None else code in known


def _fingerprint(*parts: object) -> str:
    return blake2b(repr(parts).encode(errors="replace"), digest_size=8).hexdigest()
