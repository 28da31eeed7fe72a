"""Who the account belongs to, what its token may do, and which locations it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adapters.http import clip
from adapters.square.api import SquareApi, rows
from adapters.square.errors import lost_scope
from reconciler.domain.errors import MalformedError

#: What reading needs.
READING: Final = ("ORDERS_READ", "PAYMENTS_READ", "ITEMS_READ", "MERCHANT_PROFILE_READ")
#: What sending needs besides.
SENDING: Final = ("ORDERS_WRITE", "PAYMENTS_WRITE")


@dataclass(slots=True)
class Account:
    """A seller's account; its locations are asked for once."""

    api: SquareApi
    _locations: Mapping[str, str] | None = None

    def probe(self) -> str:
        """Return who we are to Square; raise AuthError naming what is refused, or which scope is missing."""
        granted = self._granted()
        missing = [scope for scope in READING if granted and scope not in granted]
        if missing:
            raise lost_scope(self.api.site, missing)
        merchant = self.api.get("/v2/merchants/me").get("merchant")
        if not isinstance(merchant, Mapping):
            raise MalformedError(f"{self.api.site} does not say who we are", next_step="check base_url")
        who = clip(f"{merchant.get('business_name') or 'nameless'} ({merchant.get('id')})", 200)
        unable = [scope for scope in SENDING if granted and scope not in granted]
        return f"{who}, for reading only: {', '.join(unable)} not granted" if unable else who

    def locations(self) -> Mapping[str, str]:
        """Return the currency of each location, closed ones included: their orders are still there."""
        if self._locations is None:
            found = rows(self.api.get("/v2/locations"), "locations", self.api.site)
            self._locations = {
                str(place["id"]): str(place.get("currency") or "")
                for place in found
                if isinstance(place, Mapping) and place.get("id")
            }
        return self._locations

    def currency(self, location: str) -> str | None:
        """Return a location's currency as far as it is known without asking; "" is a location not ours."""
        return None if self._locations is None else self._locations.get(location, "")

    def _granted(self) -> frozenset[str]:
        """Return the token's scopes; empty where Square does not tell them."""
        scopes = self.api.ask("/oauth2/token/status", {}).get("scopes")
        return frozenset(map(str, scopes)) if isinstance(scopes, list) else frozenset()
