"""Judged by what nobody here wrote: Shopify's published schema, and recorded answers of real shops."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLSchema,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from adapters.sandbox import Request, SandboxClock
from adapters.shopify.documents import ALL, CHANGED, Document
from adapters.shopify.errors import codes, graphql_error
from adapters.shopify.sandbox import ShopifySandbox
from adapters.shopify.sandbox.cost import Meter
from adapters.shopify.sandbox.recordings import Recorded, recorded_orders
from adapters.shopify.sandbox.rows import edit, order, parcel, seeded
from adapters.shopify.sandbox.schema import full_schema, shipped_schema
from adapters.shopify.sandbox.search import parse as parse_search
from adapters.shopify.translate import UntranslatableError, translate
from reconciler.domain.errors import VendorError
from tests.builders import NOW
from tests.simulated import Time, tools
from tests.unit.adapters_shopify.shop import TOKEN, connect, orders, read
from tests.vendor_data import recorded, vendor_data


@cache
def published() -> GraphQLSchema:
    """Return the schema that Shopify publishes for our version."""
    return full_schema((vendor_data("shopify") / "schema" / "admin-2026-07.graphql").read_text("utf-8"))


def recordings() -> Iterator[tuple[str, Any]]:
    """Yield the recorded exchanges of development shops."""
    for path, payload in recorded(vendor_data("shopify") / "fixtures" / "draft-proxy"):
        yield path.name, payload


def inside(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every object within a JSON value."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from inside(inner)


@pytest.mark.parametrize("document", ALL, ids=lambda document: document.name)
def test_every_document_of_ours_validates_against_the_published_schema(document):
    """What we send, Shopify understands."""
    assert validate(published(), parse(document.text)) == []


def test_the_sandboxs_own_schema_is_part_of_the_published_one():
    """Every type, field, argument, default and value it has, Shopify has just so."""
    ours, theirs = shipped_schema(), published()
    differences: list[str] = []
    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        other = theirs.type_map.get(name)
        if other is None or type(other) is not type(kind):
            differences.append(f"{name} is another thing")
        elif isinstance(kind, GraphQLEnumType):
            differences += [f"{name}.{value}" for value in kind.values if value not in other.values]  # type: ignore[attr-defined]
        else:
            differences += compare_fields(name, kind, other)
    assert differences == []
    print(f"{len(ours.type_map)} types compared")  # noqa: T201 - belongs to the result


def compare_fields(name: str, kind: Any, other: Any) -> Iterator[str]:
    """Yield what two types of one name do not have in common."""
    for field, ours in getattr(kind, "fields", {}).items():
        theirs = other.fields.get(field)
        if theirs is None or str(theirs.type) != str(ours.type):
            yield f"{name}.{field}"
        elif not isinstance(kind, GraphQLInputObjectType):
            missing = {
                arg for arg, kept in theirs.args.items() if arg not in ours.args and str(kept.type)[-1] == "!"
            }
            for argument, given in ours.args.items():
                kept = theirs.args.get(argument)
                if kept is None or str(kept.type) != str(given.type) or not same_default(kept, given):
                    missing.add(argument)
            yield from (f"{name}.{field}({argument})" for argument in missing)
    for interface in getattr(kind, "interfaces", ()):
        if interface.name not in {found.name for found in other.interfaces}:
            yield f"{name} implements {interface.name}"


def same_default(one: Any, other: Any) -> bool:
    """Compare two arguments' default values as they are written."""
    written = [getattr(argument.ast_node, "default_value", None) for argument in (one, other)]
    return (written[0] is None) == (written[1] is None) and all(
        getattr(value, "value", None) == getattr(written[0], "value", None) for value in written if value
    )


def test_every_recorded_order_is_translated_or_refused_with_a_reason():
    """Answers to other people's questions: most tell too little of an order, none brings us down."""
    told, reasons = Counter[str](), Counter[str]()
    for _, payload in recordings():
        for node in inside(payload):
            if not str(node.get("id", "")).startswith("gid://shopify/Order/"):
                continue
            try:
                translate(node)
                told["translated"] += 1
            except UntranslatableError as refused:
                told["refused"] += 1
                reasons[str(refused)] += 1
    print(f"as recorded: {dict(told)}")  # noqa: T201 - the counts belong to the result
    for reason, count in reasons.most_common():
        print(f"  {count:4} {reason}")  # noqa: T201
    assert told.total() > 900
    assert all(reasons)


@cache
def recorded_shop() -> Recorded:
    """Return the recorded orders, put together from all that was told of each."""
    return recorded_orders(payload for _, payload in recordings())


def test_a_shop_of_recorded_orders_is_read_without_a_crash():
    """Asked our own questions, the sandbox gives the recorded orders: read, or put aside with a reason."""
    time, found = Time(), recorded_shop()
    sandbox = ShopifySandbox(clock=SandboxClock(time.clock), schema=published())
    sandbox.store.load(found.rows)
    result = read(connect(tools(sandbox.app, time)), None, NOW)
    assert result.error is None
    assert result.coverage is not None
    assert result.coverage.complete
    statuses = Counter(o.payment_status.value for o in result.orders)
    reasons = Counter(q.reason for q in result.quarantined)
    left_out = Counter(found.left_out.values())
    print(f"orders: {len(found.rows)} put together, too little told of {dict(left_out)}")  # noqa: T201
    print(f"translated {len(result.orders)} {dict(statuses)}, quarantined {dict(reasons)}")  # noqa: T201
    assert len(result.orders) + len(result.quarantined) == len(found.rows)
    assert len(result.orders) >= 75
    assert {o.currency for o in result.orders} >= {"CAD"}
    assert any(o.refunded for o in result.orders)
    assert any(o.cancelled_at for o in result.orders)


def test_recorded_states_mean_what_they_meant():
    """Spot checks against what the recordings' own notes say."""
    time = Time()
    sandbox = ShopifySandbox(clock=SandboxClock(time.clock))
    sandbox.store.load(recorded_shop().rows)
    found = {o.reference: o for o in read(connect(tools(sandbox.app, time)), None, NOW).orders}
    # "partial line item and shipping refund": 25.00 paid, 15.00 back.
    assert (found["1495"].total, found["1495"].captured, found["1495"].refunded) == (2500, 2500, 1500)
    # "full line item and shipping refund".
    assert found["1496"].fully_refunded
    # Two of a thing at 100.00 and 13% tax, of which an edit took one.
    edited = found["8913892278578"]
    assert (edited.total, [str(line.quantity) for line in edited.lines]) == (11300, ["1"])
    # 9.00 US dollars paid of 9.00, which that day's rate makes 12.77 of 13.50 Canadian ones.
    assert (found["8888861458738"].total, found["8888861458738"].captured) == (1350, 1350)


def test_the_sandbox_charges_what_shopify_charged():
    """For every recorded query whose cost Shopify told, our reckoning comes to the same."""
    agreed, differ, seen = 0, [], set[str]()
    for name, payload in recordings():
        for exchange in inside(payload):
            requested = charged(exchange)
            text = exchange.get("query")
            if requested is None or not isinstance(text, str) or "__type" in text or "__schema" in text:
                continue
            document = parse(text) if "{" in text else None
            operations = (
                [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
                if document
                else []
            )
            if document is None or len(operations) != 1 or operations[0].operation is not OperationType.QUERY:
                continue
            variables = dict(exchange.get("variables") or {})
            for definition in operations[0].variable_definitions or ():
                if isinstance(definition.default_value, IntValueNode):
                    variables.setdefault(definition.variable.name.value, int(definition.default_value.value))
            if validate(published(), document) or (key := f"{text}{requested}") in seen:
                continue
            seen.add(key)
            ours = Meter(published(), document, variables).requested(operations[0])
            agreed += ours == requested
            if ours != requested:
                differ.append((name, requested, ours))
    print(f"costs agree for {agreed} recorded queries, differ for {differ}")  # noqa: T201
    assert agreed > 150
    assert len(differ) <= agreed // 50


def charged(exchange: Mapping[str, Any]) -> int | None:
    """Return what a recorded answer says the query cost at most."""
    answer: Any = exchange.get("response")
    for _ in range(3):
        if not isinstance(answer, Mapping):
            return None
        cost = (answer.get("extensions") or {}).get("cost")
        if isinstance(cost, Mapping):
            requested = cost.get("requestedQueryCost")
            return requested if isinstance(requested, int) else None
        answer = answer.get("payload") or answer.get("body")
    return None


def test_recorded_searches_are_understood_as_shopify_understood_them():
    """The same warnings for the same searches: misspelt fields, times without quotes."""
    compared = 0
    for _, payload in recordings():
        for told in inside(payload):
            for search in told.get("search") or () if isinstance(told.get("search"), list) else ():
                if (
                    search["path"] not in (["orders"], ["updatedWindow"], ["draftOrders"])
                    or "email" in search["query"]
                ):
                    continue
                theirs = {(w["field"], w["code"]) for w in search.get("warnings", [])}
                ours = {(w["field"], w["code"]) for w in parse_search(search["query"]).warnings}
                known = {"assigned_location_id"}
                assert {w for w in ours if w[0] not in known} == theirs, search
                compared += 1
    assert compared >= 2


def test_every_recorded_error_is_understood():
    """Of all recorded answers with errors, none passes for a whole answer, and each error is one line."""
    kinds = Counter[str]()
    for _, payload in recordings():
        for answer in inside(payload):
            if not isinstance(answer.get("errors"), list) or not codes(answer["errors"]):
                continue
            if not all(isinstance(error, Mapping) and "message" in error for error in answer["errors"]):
                continue
            error = graphql_error("https://shop", answer)
            assert isinstance(error, VendorError)
            assert "\n" not in str(error)
            kinds[type(error).__name__] += 1
    print(f"recorded errors: {dict(kinds)}")  # noqa: T201
    assert kinds["DeniedError"] >= 5
    assert kinds.total() > 50


def ask(sandbox: ShopifySandbox, document: Document | str, **variables: Any) -> Mapping[str, Any]:
    """Return the sandbox's answer to a query."""
    text = document if isinstance(document, str) else document.text
    response = sandbox.app(
        Request(
            method="POST",
            target="/admin/api/2026-07/graphql.json",
            headers={"x-shopify-access-token": TOKEN},
            body=json.dumps({"query": text, "variables": variables}).encode(),
        )
    )
    found: Mapping[str, Any] = json.loads(response.body)
    return found


def test_every_answer_of_the_sandbox_fits_the_published_schema():
    """By the published schema whole orders come without an error: nothing is null that may not be."""
    sandbox = ShopifySandbox(clock=SandboxClock(Time().clock), schema=published())
    sandbox.store.load(seeded(60, NOW))
    sandbox.store.load(recorded_shop().rows)
    sandbox.store.put(order(9001, NOW, agreements=[edit(NOW)], fulfillments=[parcel(1, NOW, "UPS", "1Z")]))
    everything = {"first": 50, "after": None, "sort": "ID", "people": True, "query": ""}
    for document in ALL:
        wanted = {
            "id": "gid://shopify/Order/550000009001",
            "ids": ["gid://shopify/Order/550000009001", "gid://shopify/Order/1"],
        }
        answer = ask(sandbox, document, **everything, **wanted)
        assert "errors" not in answer, document.name
        assert answer["data"] is not None
    again = ShopifySandbox(clock=SandboxClock(Time().clock))
    again.store.load(orders(3))
    assert ask(again, CHANGED, **everything)["data"] == ask_full(orders(3), everything)


def ask_full(rows: list[dict[str, Any]], variables: Mapping[str, Any]) -> Any:
    """Return what the same orders look like by the published schema."""
    sandbox = ShopifySandbox(clock=SandboxClock(Time().clock), schema=published())
    sandbox.store.load(rows)
    return ask(sandbox, CHANGED, **variables)["data"]


def reads_orders(text: str) -> bool:
    """Say whether a document asks for orders and changes nothing."""
    if "order" not in text or "{" not in text or "draftOrder" in text:
        return False
    operations = [d for d in parse(text).definitions if isinstance(d, OperationDefinitionNode)]
    return {operation.operation for operation in operations} == {OperationType.QUERY}


def test_the_sandbox_answers_what_other_clients_ask():
    """Recorded reads of orders, written by others, run against the sandbox without an error of the schema."""
    sandbox = ShopifySandbox(clock=SandboxClock(Time().clock), schema=published())
    sandbox.throttle.maximum = sandbox.throttle.restore_rate = 1e9
    sandbox.store.load(recorded_shop().rows)
    tried = Counter[str]()
    for _, payload in recordings():
        for exchange in inside(payload):
            text = exchange.get("query")
            if not isinstance(text, str) or not reads_orders(text):
                continue
            if validate(published(), parse(text)):
                tried["of another version"] += 1
                continue
            answer = ask(sandbox, text, **(exchange.get("variables") or {}))
            found = set(codes(answer.get("errors")))
            assert found <= {"BAD_REQUEST", "MAX_INPUT_SIZE_EXCEEDED", ""}, answer["errors"]
            tried["answered" if "errors" not in answer else "refused"] += 1
    print(f"other clients' reads: {dict(tried)}")  # noqa: T201
    assert tried["answered"] > 50
