"""Square's catalog: which variation has which SKU, and where it can be sold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from adapters.square.api import SquareApi, rows
from reconciler.domain.errors import UnreachableError

#: Items asked for at once; Square may return more or fewer.
ITEMS: Final = 200
#: The most ids that one call takes.
IDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Presence:
    """At which locations an object is: all but some, or some only."""

    everywhere: bool = True
    at: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()

    def includes(self, location: str) -> bool:
        """Say whether the object is at a location."""
        return location not in self.absent and (self.everywhere or location in self.at)


@dataclass(frozen=True, slots=True)
class Variation:
    """What can be sold: the variation of an item."""

    id: str
    sku: str
    #: Minor units, where it has one price everywhere.
    price: int | None
    item: Presence
    own: Presence

    def is_at(self, location: str) -> bool:
        """Say whether it can be sold at a location: its item has to be there as well."""
        return self.item.includes(location) and self.own.includes(location)


@dataclass(slots=True)
class SquareCatalog:
    """The catalog as far as it was needed; loaded once and kept with its adapter."""

    api: SquareApi
    _skus: dict[str, str | None] = field(default_factory=dict)
    _variations: tuple[Variation, ...] | None = None
    _taxes: list[Mapping[str, Any]] = field(default_factory=list)

    def skus(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Return SKUs by variation id. Orders name articles that were deleted since, too."""
        missing = sorted(set(ids) - self._skus.keys())
        for start in range(0, len(missing), IDS):
            some = missing[start : start + IDS]
            body = {"object_ids": some, "include_deleted_objects": True}
            answer = self.api.ask("/v2/catalog/batch-retrieve", body)
            self._skus |= dict.fromkeys(some)
            for found in rows(answer, "objects", self.api.site):
                if isinstance(found, Mapping):
                    self._skus[str(found.get("id"))] = _sku(found)
        return {variation: sku for variation, sku in self._skus.items() if sku}

    def variations(self) -> tuple[Variation, ...]:
        """Return every variation that has a SKU and was not deleted; loads the catalog where it must."""
        if self._variations is None:
            # A load that broke off left some.
            self._taxes.clear()
            self._variations = tuple(self._load())
            self._skus |= {variation.id: variation.sku for variation in self._variations}
        return self._variations

    def fingerprints(self) -> tuple[str, str]:
        """Return fingerprints of what can be sold and of the taxes; each changes when its subject does."""
        goods = sorted(repr((v.id, v.sku, v.price, *map(_told, (v.item, v.own)))) for v in self.variations())
        taxes = sorted(json.dumps(tax, sort_keys=True) for tax in self._taxes)
        return _digest(goods), _digest(taxes)

    def at(self, location: str, sku: str) -> list[Variation]:
        """Return the variations with a SKU at a location; the catalog must have been loaded before."""
        if self._variations is None:
            raise UnreachableError("the catalog was not read yet", next_step="it is tried again by itself")
        return [found for found in self._variations if found.sku == sku and found.is_at(location)]

    def _load(self) -> Iterable[Variation]:
        body: dict[str, Any] = {"object_types": ["ITEM", "TAX"], "limit": ITEMS}
        while True:
            answer = self.api.ask("/v2/catalog/search", body)
            for item in rows(answer, "objects", self.api.site):
                if not isinstance(item, Mapping) or item.get("is_deleted"):
                    continue
                if item.get("type") == "TAX":
                    self._taxes.append(item)
                else:
                    yield from _of_item(item)
            cursor = answer.get("cursor")
            if not cursor:
                return
            body = body | {"cursor": cursor}


def _told(presence: Presence) -> tuple[object, ...]:
    return presence.everywhere, sorted(presence.at), sorted(presence.absent)


def _digest(parts: Iterable[str]) -> str:
    return blake2b("\n".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def _of_item(item: Mapping[str, Any]) -> Iterable[Variation]:
    data = item.get("item_data")
    for found in (data.get("variations") if isinstance(data, Mapping) else None) or ():
        sku = _sku(found)
        if sku and not found.get("is_deleted"):
            yield Variation(str(found.get("id")), sku, _price(found), _presence(item), _presence(found))


def _sku(found: Mapping[str, Any]) -> str | None:
    data = found.get("item_variation_data")
    sku = data.get("sku") if isinstance(data, Mapping) else None
    return str(sku).strip() or None if sku else None


def _price(found: Mapping[str, Any]) -> int | None:
    money = found["item_variation_data"].get("price_money")
    amount = money.get("amount") if isinstance(money, Mapping) else None
    return amount if isinstance(amount, int) else None


def _presence(found: Mapping[str, Any]) -> Presence:
    everywhere = found.get("present_at_all_locations")
    return Presence(
        everywhere=everywhere is None or bool(everywhere),
        at=frozenset(found.get("present_at_location_ids") or ()),
        absent=frozenset(found.get("absent_at_location_ids") or ()),
    )
