"""Asking a server over its Unix socket how it is, in its own protocol and without its client library.

Client libraries take a tenth of a second to load, and every command asks.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

#: Seconds to wait for one answer; a local server that is well answers within milliseconds.
ANSWER_SECONDS = 3

_PROTOCOL_3 = 196608
_CANNOT_CONNECT_NOW = "57P03"
_TOO_MANY_CONNECTIONS = "53300"


class State(StrEnum):
    """What a server says of itself."""

    #: It does its work.
    READY = "ready"
    #: It answers and asks to wait: it recovers after a crash, loads its data, or shuts down.
    STARTING = "starting"
    #: It answers and will not serve us.
    REFUSED = "refused"
    #: It takes the call and says nothing: overloaded or halted.
    MUTE = "mute"
    #: Nobody of ours listens.
    ABSENT = "absent"


@dataclass(frozen=True)
class Answer:
    """A server's answer."""

    state: State
    #: The process that listens, as the kernel knows it.
    pid: int | None = None
    #: The server's own words, where it said any.
    text: str = ""


def ask_postgres(path: Path, uid: int, *, user: str, database: str) -> Answer:
    """Log in as ``user`` and see whether the server of account ``uid`` is ready for queries."""
    pairs = {"user": user, "database": database, "application_name": "reconciler services"}
    body = b"".join(word.encode() + b"\0" for pair in pairs.items() for word in pair) + b"\0"
    hello = struct.pack("!II", len(body) + 8, _PROTOCOL_3) + body
    return _ask(path, uid, lambda line: _log_in(line, hello))


def ask_valkey(path: Path, uid: int) -> Answer:
    """Ping the server of account ``uid``."""
    return _ask(path, uid, _ping)


def _ask(path: Path, uid: int, talk: Callable[[socket.socket], tuple[State, str]]) -> Answer:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_SECONDS)
        try:
            line.connect(str(path))
        except BlockingIOError:
            return Answer(State.MUTE, text="too many callers are waiting")
        except OSError as error:
            return Answer(State.ABSENT, text=error.strerror or "")
        pid, owner, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if owner != uid:
            return Answer(State.ABSENT, text=f"a process of user id {owner} listens at {path}")
        try:
            state, text = talk(line)
        except OSError as error:
            return Answer(State.MUTE, pid, str(error))
        return Answer(state, pid, text)


def _ping(line: socket.socket) -> tuple[State, str]:
    line.sendall(b"PING\r\n")
    reply = b""
    while not reply.endswith(b"\n"):
        reply += _receive(line, 1024)
    text = reply.decode(errors="replace").strip()
    if text == "+PONG":
        return State.READY, ""
    return (State.STARTING if text.startswith("-LOADING") else State.REFUSED), text.lstrip("-")


def _log_in(line: socket.socket, hello: bytes) -> tuple[State, str]:
    line.sendall(hello)
    while True:
        kind, body = _message(line)
        if kind == b"E":
            return _refusal(body)
        if kind == b"R" and body[:4] != bytes(4):
            return State.REFUSED, "it asks for a password"
        if kind == b"Z":
            # A farewell, so that the server has nothing to log; whether it still listens matters no more.
            with contextlib.suppress(OSError):
                line.sendall(b"X\0\0\0\4")
            return State.READY, ""


def _message(line: socket.socket) -> tuple[bytes, bytes]:
    head = _receive_exactly(line, 5)
    return head[:1], _receive_exactly(line, int.from_bytes(head[1:], "big") - 4)


def _refusal(body: bytes) -> tuple[State, str]:
    fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
    code, text = fields.get(b"C", ""), fields.get(b"M", "")
    if code == _TOO_MANY_CONNECTIONS:
        return State.READY, text
    return (State.STARTING if code == _CANNOT_CONNECT_NOW else State.REFUSED), text


def _receive_exactly(line: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += _receive(line, size - len(received))
    return received


def _receive(line: socket.socket, size: int) -> bytes:
    received = line.recv(size)
    if not received:
        raise ConnectionResetError("it hung up")
    return received
