"""The Admin API as an HTTP server sees it: versions, tokens, throttling, faults, and GraphQL behind them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from threading import RLock
from typing import Any, Final

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    execute,
    get_operation_ast,
    parse,
    validate,
)

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
from adapters.shopify.sandbox.cost import Meter
from adapters.shopify.sandbox.resolve import Resolver
from adapters.shopify.sandbox.schema import shipped_schema
from adapters.shopify.sandbox.store import OrderStore, stamp
from adapters.shopify.sandbox.throttle import DEAREST, Throttle

VERSION: Final = "2026-07"
FAULTS: Final = {
    "throttle": "turns queries away as too many, whatever is left",
    "search_lag": "shows changes in the search only after `seconds` (90)",
    "failing_page": "answers every page after the first with status 500",
    "server_error": "answers with status 500",
    "bad_gateway": "answers with status 502 and a web page",
    "internal_error": "answers with status 200 and an error of Shopify's own",
    "time_out": "never answers",
    "drop": "hangs up without an answer",
    "html": "answers with a login page and status 200",
    "revoked_token": "knows no token any more",
    "refused_once": "answers with status 401 although the token is good",
    "lost_scope": "takes `scope` (read_orders) away from every token",
    "no_people": "denies names, phones and addresses",
    "moving_row": "changes an order of the next page after each page",
    "omitted": "leaves every `every`th (7) order out of searches by UPDATED_AT, with `everywhere` out of all",
    "gone_version": "answers as the API version `version` (2027-01)",
    "frozen": "answers as a shop whose plan is not paid",
    "ignored_filter": "forgets what was searched for",
}
_PATH: Final = re.compile(r"/admin/api/([^/]+)/graphql\.json\Z")
_VERSION: Final = re.compile(r"20\d\d-(?:01|04|07|10)\Z")
_SCOPES: Final = ("read_orders", "read_all_orders")


@dataclass
class ShopifySandbox:
    """A shop whose Admin API answers on its own: ``app`` is what a server or a test transport runs."""

    clock: SandboxClock = field(default_factory=SandboxClock)
    #: Access tokens and what each may do.
    tokens: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"shpat_sandbox": _SCOPES})
    schema: GraphQLSchema = field(default_factory=shipped_schema)
    store: OrderStore = field(init=False)
    faults: Faults = field(default_factory=lambda: Faults(FAULTS))
    throttle: Throttle = field(default_factory=Throttle)
    #: Every query that was answered: operation name and variables.
    log: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = OrderStore(self.clock)
        self._lock = RLock()

    @property
    def app(self) -> App:
        """The sandbox as a function of requests, its control address included."""
        controlled = with_control(dated(self._answer, self.clock), self.faults, self.clock)

        def answer(request: Request) -> Response:
            if request.path == "/_sandbox/orders" and request.method == "POST":
                return self._order(request)
            return controlled(request)

        return answer

    def _order(self, request: Request) -> Response:
        """Let a customer order, or change an order, for rehearsals: it comes in the shape of the API."""
        try:
            row = request.json()
            stamps = [datetime.fromisoformat(row[name]) for name in ("createdAt", "updatedAt")]
            fits = row["id"].startswith("gid://shopify/Order/") and all(at.tzinfo for at in stamps)
        except (ValueError, KeyError, TypeError, AttributeError):
            fits = False
        if not fits:
            return json_response({"error": "an order needs its id, createdAt and updatedAt"}, 400)
        self.store.put(row)
        return json_response({"id": row["id"]})

    def _answer(self, request: Request) -> Response:
        found = _PATH.match(request.path)
        if found is None or not _VERSION.match(found[1]) or request.method != "POST":
            return json_response({"errors": "Not Found"}, 404)
        fault = self._broken()
        if fault is not None:
            return fault
        with self._lock:
            refusal = self._refused(request)
            if refusal is not None:
                return refusal
            gone = self.faults.on("gone_version")
            # A version that is gone is answered by the oldest one there is.
            version = gone.settings.get("version", "2027-01") if gone else max(found[1], VERSION)
            return self._graphql(request, {"x-shopify-api-version": version})

    def _broken(self) -> Response | None:
        """Return what comes instead of an answer when the network or Shopify itself is down."""
        strike = self.faults.strike
        if strike("time_out"):
            return Response(hang=True)
        if strike("drop"):
            return Response(drop=True)
        if strike("html"):
            return html_response("Log in")
        if strike("server_error"):
            return json_response({"errors": "Internal Server Error"}, 500)
        if strike("bad_gateway"):
            return html_response("Bad Gateway", 502)
        if strike("frozen"):
            return json_response({"errors": "Unavailable Shop"}, 402)
        return None

    def _refused(self, request: Request) -> Response | None:
        token = request.headers.get("x-shopify-access-token", "")
        known = token in self.tokens and not self.faults.on("revoked_token")
        if not known or self.faults.strike("refused_once"):
            words = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return json_response({"errors": words}, 401)
        if self.throttle.banned:
            return json_response({"errors": "Shopify Security Rejection"}, 430)
        return None

    def _graphql(self, request: Request, headers: Mapping[str, str]) -> Response:
        try:
            body = request.json()
            text, name, variables = str(body["query"]), body.get("operationName"), body.get("variables") or {}
        except (ValueError, KeyError, TypeError, AttributeError):
            return json_response({"errors": {"query": "Required parameter missing or invalid"}}, 400)
        document = _checked(self.schema, text)
        if isinstance(document, list):
            return json_response({"errors": [_error(error) for error in document]}, headers=headers)
        operation = get_operation_ast(document, name)
        if operation is None:
            return json_response({"errors": [{"message": "No operation to run"}]}, headers=headers)
        if self.faults.on("failing_page") and variables.get("after"):
            return json_response({"errors": "Internal Server Error"}, 500)
        return json_response(self._metered(document, operation, variables), headers=headers)

    def _metered(
        self, document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Charge an operation and run it, or turn it away."""
        now, meter = self.clock(), Meter(self.schema, document, _with_defaults(operation, variables))
        requested = meter.requested(operation)
        if requested > DEAREST:
            words = f"Query cost is {requested}, which exceeds the single query max cost limit ({DEAREST})."
            return {"errors": [_coded(words, "MAX_COST_EXCEEDED")]}
        if self.faults.strike("throttle") or not self.throttle.pay(requested, now):
            return {
                "errors": [_coded("Throttled", "THROTTLED")],
                "extensions": {"cost": self._cost(requested, None, now)},
            }
        if self.faults.strike("internal_error"):
            self.throttle.give_back(requested)
            words = "Internal error. Looks like something went wrong on our end."
            return {"errors": [_coded(words, "INTERNAL_SERVER_ERROR")]}
        return self._run(document, operation, variables, meter, requested)

    def _run(
        self,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
        meter: Meter,
        requested: int,
    ) -> dict[str, Any]:
        now = self.clock()
        asked = dict(variables)
        if self.faults.on("ignored_filter") and "query" in asked:
            asked["query"] = ""
        resolver = Resolver(self.store, self.faults, self._scopes())
        result = execute(
            self.schema,
            document,
            variable_values=asked,
            operation_name=operation.name.value if operation.name else None,
            field_resolver=resolver.field,
            type_resolver=resolver.kind,
        )
        if not isinstance(result, ExecutionResult):  # pragma: no cover - no resolver is asynchronous
            raise TypeError
        actual = meter.actual(operation, result.data)
        self.throttle.give_back(requested - actual)
        self.log.append((operation.name.value if operation.name else "", variables))
        self._move(resolver)
        extensions: dict[str, Any] = {"cost": self._cost(requested, actual, now)}
        if resolver.searches:
            extensions["search"] = resolver.searches
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = [_error(error) for error in result.errors]
        return {**payload, "extensions": extensions}

    def _move(self, resolver: Resolver) -> None:
        """Change the order that the next page would begin with, so that it is no longer there."""
        if resolver.next_rows and self.faults.strike("moving_row"):
            self.store.touch(
                resolver.next_rows[0]["id"], updatedAt=stamp(self.clock() + timedelta(seconds=1))
            )

    def _scopes(self) -> tuple[str, ...]:
        lost = self.faults.on("lost_scope")
        gone = lost.settings.get("scope", "read_orders") if lost else None
        return tuple(sorted({scope for scopes in self.tokens.values() for scope in scopes} - {gone}))

    def _cost(self, requested: int, actual: int | None, now: datetime) -> dict[str, Any]:
        return {
            "requestedQueryCost": requested,
            "actualQueryCost": actual,
            "throttleStatus": self.throttle.status(now),
        }


@lru_cache(maxsize=256)
def _checked(schema: GraphQLSchema, text: str) -> DocumentNode | list[GraphQLError]:
    """Return a document that fits the schema, or what is wrong with it."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return [error]
    return list(validate(schema, document)) or document


def _with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {
        definition.variable.name.value: getattr(definition.default_value, "value", None)
        for definition in operation.variable_definitions or ()
    }
    return {**defaults, **variables}


def _coded(message: str, code: str) -> dict[str, Any]:
    return {
        "message": message,
        "extensions": {"code": code, "documentation": "https://shopify.dev/api/usage/rate-limits"},
    }


def _error(error: GraphQLError) -> dict[str, Any]:
    return dict(error.formatted)
