"""Asks Shopify's Admin GraphQL: within its cost limit, at one version, never content with half an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from adapters.http import Answer, Bucket, Call, HttpClient
from adapters.shopify.documents import IDENTITY, VERSION, Document
from adapters.shopify.errors import (
    PASSING,
    THROTTLED,
    codes,
    gone_version,
    graphql_error,
    payload_of_refusal,
    refused,
    revoked,
)
from reconciler.domain.errors import MalformedError, UnreachableError, VendorError

PATH: Final = f"/admin/api/{VERSION}/graphql.json"
#: What every plan has at least; the first answer tells the shop's own.
SMALLEST: Final = Bucket(capacity=1000, rate=50)
#: The part of the bucket that is left alone: the shop counts a call when it arrives, we when it leaves.
MARGIN: Final = 0.1
#: Seconds before the next try when Shopify itself is in trouble.
PAUSE: Final = 2.0


class ShopifyApi:
    """One shop's Admin API."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http
        self._maximum = SMALLEST.capacity
        self._costs: dict[tuple[str, int], float] = {}
        self._bucket(SMALLEST.capacity, SMALLEST.rate)

    @property
    def site(self) -> str:
        """The shop's address, as errors name it."""
        return self.http.site.name

    def ask(self, document: Document, **variables: Any) -> Mapping[str, Any]:
        """Return the data that a query asks for, whole; raise what keeps it from us."""
        key = (document.name, int(variables.get("first", 0)))
        cost = self._costs.get(key) or document.cost(key[1])
        exchange = _Exchange(self, cost)
        answer = self.http.read(self._call(document, variables, cost), exchange.again)
        if not answer.ok:
            raise self._refused(answer, document)
        if exchange.requested:
            self._costs[key] = exchange.requested
        payload = exchange.payload
        error = graphql_error(self.site, payload)
        if error is not None:
            raise error
        data: Mapping[str, Any] = payload["data"]
        return data

    def payload(self, answer: Answer) -> Mapping[str, Any]:
        """Return the payload of a good answer; raise when it is none of ours."""
        payload = self.http.json(answer)
        version = answer.headers.get("x-shopify-api-version", VERSION)
        if version != VERSION:
            raise gone_version(self.site, version)
        if not isinstance(payload, Mapping) or not ({"data", "errors"} & payload.keys()):
            raise MalformedError(
                f"{self.site} answers, but not as Shopify's Admin API",
                next_step="check base_url: https://SHOP.myshopify.com, not the shop's own domain",
            )
        return payload

    def heed(self, cost: float, status: Mapping[str, Any]) -> float:
        """Pass on what a call really cost and what is left; return what Shopify wanted for it at most."""
        throttle = status.get("throttleStatus")
        if not isinstance(throttle, Mapping):
            return 0.0
        maximum, left = _number(throttle.get("maximumAvailable")), _number(throttle.get("currentlyAvailable"))
        if maximum > 0 and (rate := _number(throttle.get("restoreRate"))) > 0:
            self._bucket(maximum, rate)
        requested, actual = _number(status.get("requestedQueryCost")), status.get("actualQueryCost")
        # A call that was throttled cost nothing, but the next try must be able to pay what it really costs.
        dearer = max(0.0, requested - cost) if actual is None else 0.0
        self.http.refund(cost - _number(actual), left - self._maximum * MARGIN - dearer)
        return requested

    def _bucket(self, maximum: float, rate: float) -> None:
        self._maximum = maximum
        self.http.bucket = Bucket(capacity=maximum * (1 - MARGIN), rate=rate)

    def _call(self, document: Document, variables: Mapping[str, Any], cost: float) -> Call:
        body = {"query": document.text, "operationName": document.name, "variables": variables}
        return Call(
            method="POST",
            path=PATH,
            headers={"content-type": "application/json"},
            body=msgspec.json.encode(body),
            cost=cost,
        )

    def _refused(self, answer: Answer, document: Document) -> VendorError:
        if answer.status == 401:
            return self._judge_401(document)
        try:
            payload = self.http.json(answer) if payload_of_refusal(answer) else None
        except MalformedError:
            payload = None
        return refused(answer, self.site, payload)

    def _judge_401(self, document: Document) -> VendorError:
        """Ask who we are before calling a token revoked: one refusal alone is no proof."""
        if document is not IDENTITY:
            try:
                self.ask(IDENTITY)
            except VendorError as error:
                return error
            return UnreachableError(
                f"{self.site} refused one call (status 401) though the access token is good",
                next_step="it is tried again by itself",
            )
        return revoked(self.site)


class _Exchange:
    """Judges the answers to one query, of which the last one counts."""

    def __init__(self, api: ShopifyApi, cost: float) -> None:
        self._api = api
        self._cost = cost
        self.payload: Mapping[str, Any] = {}
        self.requested = 0.0

    def again(self, answer: Answer) -> float | None:
        """Return after how many seconds to ask again, or None when the answer stands."""
        if not answer.ok:
            return None
        self.payload = self._api.payload(answer)
        extensions = self.payload.get("extensions")
        status = extensions.get("cost") if isinstance(extensions, Mapping) else None
        if isinstance(status, Mapping):
            self.requested = self._api.heed(self._cost, status)
        found = codes(self.payload.get("errors"))
        if THROTTLED in found:
            # The limiter knows by now how much is left: the next try waits for its turn there.
            return 0.0
        return PAUSE if any(code in PASSING for code in found) else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) or hasattr(value, "__float__") else 0.0
