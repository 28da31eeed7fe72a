"""Requests and answers of a sandbox as plain values: it runs behind a socket and inside a test alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters.sandbox.clock import SandboxClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client sent; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The address without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query; of a name given twice the last one."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    def json(self) -> Any:
        """Return the body as JSON; raise ValueError when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What the sandbox answers. ``drop`` closes the connection instead, ``hang`` never answers at all."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False
    hang: bool = False


#: A sandbox: a function. What it changes is its own store.
App = Callable[[Request], Response]


def json_response(payload: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with a JSON body."""
    body = json.dumps(payload, separators=(",", ":")).encode()
    return Response(
        status=status,
        headers={"content-type": "application/json; charset=utf-8", **(headers or {})},
        body=body,
    )


def html_response(title: str, status: int = 200) -> Response:
    """Return a web page, as proxies and login walls do."""
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{title}</body></html>"
    return Response(status=status, headers={"content-type": "text/html; charset=utf-8"}, body=page.encode())


def dated(app: App, clock: SandboxClock) -> App:
    """Let every answer tell the sandbox's time, as servers do."""

    def answer(request: Request) -> Response:
        response = app(request)
        date = {"date": format_datetime(clock(), usegmt=True)}
        return Response(
            status=response.status,
            headers={**date, **response.headers},
            body=response.body,
            drop=response.drop,
            hang=response.hang,
        )

    return answer
