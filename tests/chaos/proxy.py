"""A proxy in front of Valkey that can swallow everything: the black hole of a broken network."""

from __future__ import annotations

import contextlib
import select
import socket
from pathlib import Path
from threading import Event, Lock, Thread


class Proxy:
    """Listens on a socket of its own and passes on to another."""

    def __init__(self, listen: Path, target: str) -> None:
        self.listen, self.target = listen, target
        self._hole, self._stop, self._lock = Event(), Event(), Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(listen))
        self._server.listen(64)
        Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """Pass nothing on any more, and tell nobody."""
        self._hole.set()

    def mend(self) -> None:
        """Pass on again. What was in the hole is lost with its connections."""
        self._hole.clear()
        self._cut()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._server.close()
        self._cut()
        self.listen.unlink(missing_ok=True)

    def _cut(self) -> None:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        with client, server:
            try:
                server.connect(self.target)
            except OSError:
                return
            with self._lock:
                self._pairs.append((client, server))
            with contextlib.suppress(OSError):
                self._pump(client, server)

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._stop.is_set():
            readable, _, _ = select.select([client, server], [], [], 0.2)
            if self._hole.is_set():
                self._stop.wait(0.05)
                continue
            for end in readable:
                data = end.recv(65536)
                if not data:
                    return
                other[end].sendall(data)
