"""The store as an HTTP server sees it: every address that a client may reasonably use, and the faults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from adapters.sandbox import (
    App,
    Faults,
    Request,
    Response,
    SandboxClock,
    dated,
    html_response,
    json_response,
    with_control,
)
from adapters.square.sandbox import tills
from adapters.square.sandbox.gate import Gate, retry_after
from adapters.square.sandbox.ledger import Ledger
from adapters.square.sandbox.refusal import RefusedCall, not_found
from adapters.square.sandbox.routes import Asked, route
from adapters.square.sandbox.store import Row, Store

TOKEN: Final = "EAAA-sandbox"  # noqa: S105 - opens nothing but this sandbox
FAULTS: Final = {
    "throttle": "turns calls away as too many, without saying when to come back",
    "retry_after": "tells `seconds` (2) in Retry-After when a call is turned away",
    "unavailable": "answers reads with status 503",
    "fail_before": "answers creates with status 500 and does nothing; `of` (orders or payments) narrows it, "
    "and `reference` to one order",
    "fail_after": "does what a create asks, then answers with status 500; `of` likewise",
    "drop_before": "hangs up on a create and does nothing; `of` likewise",
    "drop_after": "does what a create asks, then hangs up; `of` likewise",
    "hang_before": "never answers a create and does nothing; `of` likewise",
    "hang_after": "does what a create asks, then never answers; `of` likewise",
    "missing_page": "answers searches for orders with status 500",
    "moving_row": "changes an order of a page after showing it, so that the rest moves up",
    "search_lag": "shows orders in the search only after `seconds` (90)",
    "offline_register": "hands sales of the till in after `hours` (72); with `keeps=times` as unchanged",
    "revoked_token": "knows the token no more",
    "expired_token": "knows the token as expired",
    "lost_scope": "takes `scope` (ORDERS_WRITE) away from the token",
    "bare_401": "answers with status 401 and not a word",
    "tax_error": "refuses orders with taxes for how taxes are set up",
    "unknown_item": "refuses orders for the article of line `line` (0); `reference` narrows it to one order",
    "html": "answers with a login page and status 200",
    "gone_version": "does not serve the version any more",
    "forgotten_keys": "knows no idempotency key from before",
    "ignored_filter": "forgets the times that a search asks for",
}
_KINDS: Final = {"/v2/orders": "orders", "/v2/payments": "payments"}


@dataclass
class SquareSandbox:
    """A seller's account that answers on its own: ``app`` is what a server or a test transport runs."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    ledger: Ledger = field(default_factory=Ledger)
    token: str = TOKEN
    faults: Faults = field(default_factory=lambda: Faults(FAULTS))
    store: Store = field(init=False)
    gate: Gate = field(init=False)
    #: Every call that was let in: method and path.
    log: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store(self.clock, self.ledger)
        self.gate = Gate(self.faults, self.token)

    @property
    def app(self) -> App:
        """The sandbox as a function of requests, its control address included."""
        answered = dated(self._answer, self.clock)

        def answer(request: Request) -> Response:
            if request.path == "/_sandbox/sales" and request.method == "POST":
                return self._sale(request)
            return controlled(request)

        controlled = with_control(answered, self.faults, self.clock)
        return answer

    def _answer(self, request: Request) -> Response:
        if self.faults.strike("html"):
            return html_response("Log in")
        if self.faults.strike("bare_401"):
            return Response(status=401)
        creating = _KINDS.get(request.path) if request.method == "POST" else None
        broken = self._strike(request, creating, "before")
        if broken is not None:
            return broken
        try:
            with self.store.lock:
                payload = self._handle(request, creating)
        except RefusedCall as refused:
            return refused.response(retry_after(self.faults) if refused.status == 429 else None)
        return self._strike(request, creating, "after") or json_response(payload)

    def _handle(self, request: Request, creating: str | None) -> Row:
        found = route(request)
        if found is None:
            raise not_found(f"Resource not found: {request.method} {request.path}")
        address, subject = found
        self.gate.check(request, address.scope, self.clock())
        if creating is None and self.faults.strike("unavailable"):
            raise RefusedCall("SERVICE_UNAVAILABLE", status=503)
        if self.faults.strike("forgotten_keys"):
            self.store.forget_keys()
        self.log.append((request.method, request.path))
        call = Asked(self.store, self.faults, self.gate, _body(request), request.query, subject)
        payload: Row = json.loads(json.dumps(address.answer(call)))
        return payload

    def _strike(self, request: Request, creating: str | None, when: str) -> Response | None:
        """Return what comes instead of an answer to a create, where such a fault is on for it."""
        for name in ("fail", "drop", "hang"):
            fault = self.faults.peek(f"{name}_{when}")
            if not creating or not fault or fault.settings.get("of", creating) != creating:
                continue
            if not _aimed(fault.settings.get("reference"), request):
                continue
            if self.faults.strike(fault.name):
                return {
                    "fail": RefusedCall("INTERNAL_SERVER_ERROR", status=500).response(),
                    "drop": Response(drop=True),
                    "hang": Response(hang=True),
                }[name]
        return None

    def _sale(self, request: Request) -> Response:
        """Ring up a sale at the store's till, for rehearsals: an order, and ``at`` in the query."""
        try:
            at = datetime.fromisoformat(request.query["at"]) if "at" in request.query else None
            with self.store.lock:
                return json_response(tills.ring_up(self.store, _body(request), self.faults, at))
        except RefusedCall as refused:
            return refused.response()
        except ValueError:
            return json_response({"error": "`at` is not a time"}, 400)


def _aimed(reference: str | None, request: Request) -> bool:
    """Say whether a create is about the order that a fault is meant for; without one it is for all."""
    if reference is None:
        return True
    try:
        body = request.json()
        return reference in {body.get("reference_id"), (body.get("order") or {}).get("reference_id")}
    except (ValueError, AttributeError):
        return False


def _body(request: Request) -> Mapping[str, Any]:
    if not request.body:
        return {}
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, Mapping):
        raise RefusedCall("EXPECTED_JSON_BODY", "Expected a JSON body.")
    return body
