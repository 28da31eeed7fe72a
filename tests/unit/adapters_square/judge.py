"""Square's published OpenAPI file as a judge of what goes out and what comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

from adapters.sandbox import App, Request, Response
from tests.vendor_data import vendor_data

SPEC = "openapi/square-api-subset.json"
#: Kinds of fulfilment that Square's own examples use and its list of kinds leaves out.
_UNLISTED = ("'DIGITAL' is not one of",)


@cache
def specification(path: Path) -> Mapping[str, Any]:
    """Return the published file."""
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@dataclass
class Judge:
    """Judges exchanges. ``known`` are the operations that were seen; ``faults`` what was wrong with them."""

    spec: Mapping[str, Any] = field(default_factory=lambda: specification(vendor_data("square") / SPEC))
    known: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def watch(self, app: App) -> App:
        """Return a sandbox every exchange of which is judged."""

        def answer(request: Request) -> Response:
            response = app(request)
            self.exchange(request, response)
            return response

        return answer

    def exchange(self, request: Request, response: Response) -> None:
        """Judge a request and its answer."""
        found = self._operation(request)
        if found is None or response.drop or response.hang:
            return
        name, operation = found
        self.known.add(name)
        if request.body and "requestBody" in operation:
            self._check(f"{name} request", _schema(operation["requestBody"]), request.json(), writing=True)
        unknown = set(request.query) - {one["name"] for one in operation.get("parameters", ())}
        self.faults += [f"{name}: unknown parameter {one}" for one in unknown]
        if "json" in response.headers.get("content-type", ""):
            schema = _schema(operation["responses"]["200"])
            self._check(f"{name} answer {response.status}", schema, json.loads(response.body), writing=False)

    def object(self, schema: str, value: Any) -> list[str]:
        """Return what is wrong with one object of the file."""
        before = len(self.faults)
        self._check(schema, {"$ref": f"#/components/schemas/{schema}"}, value, writing=False)
        return self.faults[before:]

    def _operation(self, request: Request) -> tuple[str, Mapping[str, Any]] | None:
        path = request.path.replace("/merchants/me", "/merchants/id")
        exact = sorted(self.spec["paths"], key=lambda pattern: pattern.count("{"))
        for pattern in exact:
            expression = re.sub(r"\{[^}]+\}", "[^/]+", pattern)
            operation = self.spec["paths"][pattern].get(request.method.lower())
            if operation and re.fullmatch(expression, path):
                return str(operation["operationId"]), operation
        return None

    def _check(self, what: str, schema: Mapping[str, Any], value: Any, *, writing: bool) -> None:
        kind = OAS30WriteValidator if writing else OAS30ReadValidator
        validator = kind({**schema, "components": self.spec["components"]})
        for error in validator.iter_errors(value):
            if not any(words in error.message for words in _UNLISTED):
                place = "/".join(map(str, error.absolute_path))
                self.faults.append(f"{what}: {place}: {error.message[:200]}")
        self.faults += [f"{what}: unknown field {name}" for name in self._unknown(schema, value)]

    def _unknown(self, schema: Mapping[str, Any], value: Any) -> Iterable[str]:
        """Yield fields that the file does not know: a schema alone lets them pass."""
        if "$ref" in schema:
            schema = self.spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if isinstance(value, list):
            for item in value:
                yield from self._unknown(schema.get("items", {}), item)
        elif isinstance(value, dict) and "properties" in schema:
            for name, inner in value.items():
                if name not in schema["properties"]:
                    yield name
                else:
                    yield from self._unknown(schema["properties"][name], inner)


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = body["content"]["application/json"]["schema"]
    return found
