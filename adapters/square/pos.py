"""Square as a POS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from adapters.http import Tools
from adapters.square.api import SquareApi
from adapters.square.lookup import Finder, index_of
from adapters.square.options import SquareOptions
from adapters.square.prepare import Counter, prepare
from adapters.square.reading import read
from adapters.square.records import Bench
from adapters.square.submission import Sender
from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import Policy
from reconciler.ports import Capabilities, Coverage, Lookup, Outcome, Page, Submission

#: Square does not say for how long it knows a key; a day is what all accounts of it agree on.
KEY_LIFE: Final = timedelta(hours=24)


class SquarePos:
    """A seller's account at Square."""

    capabilities = Capabilities(idempotency_keys=True, key_life=KEY_LIFE)

    def __init__(self, api: SquareApi, tools: Tools, options: SquareOptions) -> None:
        self._options = options
        self._bench = Bench(api)
        self._index = index_of(tools.session, api.http.site.key, options.lookup)
        self._finder = Finder(self._bench, self._index)
        self._sender = Sender(api, tools)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[PosOrder] | Coverage]:
        """Yield orders changed since ``since``, then what that covers: up to now, less the search's lag."""
        return read(self._bench, self._options, since, now)

    def probe(self) -> str:
        """Return the seller's name; raise AuthError or UnreachableError with the remedy."""
        return self._bench.account.probe()

    def find(self, reference: str, now: datetime) -> Lookup:
        """Look through the last weeks for a reference, with every state and at every location.

        Raises VendorError when Square could not be searched to the end.
        """
        return self._finder.find(reference, now)

    def handed_over(self) -> dict[str, datetime]:
        """Return nothing: Square shows what it took."""
        return {}

    def catalog(self) -> Catalog:
        """Return the SKUs that can be sold at one of the connection's locations at least, and fingerprints.

        Square knows no delivery methods. Whether a SKU is at the channel's own location, `prepare` checks.
        """
        places = self._options.location_ids or tuple(self._bench.account.locations())
        variations = self._bench.catalog.variations()
        skus = frozenset(v.sku for v in variations if any(v.is_at(place) for place in places))
        menu, taxes = self._bench.catalog.fingerprints()
        return Catalog(skus, menu=menu, taxes=taxes)

    def prepare(self, order: CartOrder, policy: Policy, key: str) -> Submission:
        """Translate an order to the bytes of a create and its payment; no I/O: `find` came before.

        What Square could not take as it is becomes a body that `submit` refuses without sending it.
        """
        counter = Counter(self._bench.catalog, self._bench.account, self._options)
        return prepare(order, policy, key, counter)

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Create the order and record its payment, each once under its key. Never raises."""
        outcome = self._sender.submit(submission, now)
        if outcome.pos_id:
            self._index.note(submission.reference, outcome.pos_id)
        return outcome
