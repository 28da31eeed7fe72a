"""Runs a sandbox behind a real socket, on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Final

from adapters.sandbox.wire import App, Request, Response
from reconciler.domain.errors import InputError

HOST: Final = "127.0.0.1"
#: A client that is kept waiting for longer has surely gone.
HANG_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that runs."""

    url: str
    port: int


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    #: Threads of clients that keep their connection are not waited for.
    block_on_close = False

    def __init__(self, port: int, app: App) -> None:
        super().__init__((HOST, port), _Handler)
        self.app = app
        self.stopping = Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when a client went away in the middle: some tests do just that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    # Without it, an answer's second packet waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def handle_any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        self._answer(self.server.app(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the library's names

    def _answer(self, response: Response) -> None:
        if response.hang:
            self.server.stopping.wait(HANG_SECONDS)
        if response.hang or response.drop:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in {204, 304}:
            self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: addresses and names of orders stand in requests."""


@contextmanager
def running(app: App, port: int = 0, *, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    """Serve ``app`` on loopback while the block runs; port 0 takes a free one.

    Raises InputError when another program has the port, or we may not have it.
    """
    try:
        server = _Server(port, app)
    except OSError as error:
        raise InputError(
            f"port {port} cannot be used: {error.strerror}", next_step="name another one, or 0 for a free one"
        ) from None
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found = int(server.server_address[1])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Running(f"http{'s' if tls else ''}://{HOST}:{found}", found)
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
