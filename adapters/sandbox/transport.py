"""Reaches a sandbox without a socket, for tests that hold the clock."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from adapters.sandbox.wire import App, Request


class AppTransport(httpx.BaseTransport):
    """Hands requests of an ``httpx.Client`` to a sandbox. ``delay`` is called on the way there and back."""

    def __init__(self, app: App, delay: Callable[[], None] | None = None) -> None:
        self._app = app
        self._delay = delay or (lambda: None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, or fail as the network would."""
        self._delay()
        asked = Request(
            method=request.method,
            target=request.url.raw_path.decode("ascii"),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        response = self._app(asked)
        self._delay()
        if response.hang:
            raise httpx.ReadTimeout("timed out", request=request)
        if response.drop:
            raise httpx.RemoteProtocolError(
                "Server disconnected without sending a response.", request=request
            )
        # As a stream: content given whole would be unpacked right here, before the client can guard itself.
        body = httpx.ByteStream(response.body)
        return httpx.Response(response.status, headers=dict(response.headers), stream=body)
