"""What a server's answer means."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.embedded import asking
from reconciler.embedded.asking import Answer, State, ask_postgres, ask_valkey


def postgres_error(code: str, text: str) -> bytes:
    """Return PostgreSQL's message that refuses a log-in."""
    body = b"".join(part.encode() + b"\0" for part in ("SFATAL", f"C{code}", f"M{text}")) + b"\0"
    return b"E" + (len(body) + 4).to_bytes(4, "big") + body


WELCOME = b"R\0\0\0\x08\0\0\0\0"
READY = b"Z\0\0\0\x05I"
WANTS_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"


def answer_of(folder: Path, reply: bytes, ask: Callable[[Path], Answer]) -> Answer:
    """Ask a server that takes one call, says ``reply`` and hangs up."""
    path = folder / "s"
    with socket.socket(socket.AF_UNIX) as server, ThreadPoolExecutor(1) as pool:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                # Byte by byte: an answer may come in any number of pieces.
                for byte in reply:
                    line.send(bytes([byte]))

        serving = pool.submit(serve)
        answer = ask(path)
        serving.result()
    return answer


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (WELCOME + READY, State.READY),
        (postgres_error("57P03", "the database system is starting up"), State.STARTING),
        (postgres_error("53300", "sorry, too many clients already"), State.READY),
        (postgres_error("28000", "Peer authentication failed"), State.REFUSED),
        (WELCOME + postgres_error("3D000", "database does not exist"), State.REFUSED),
        (WANTS_PASSWORD, State.REFUSED),
        (b"", State.MUTE),
        (WELCOME, State.MUTE),
    ],
)
def test_what_postgresql_says_decides_its_state(tmp_path: Path, reply: bytes, state: State) -> None:
    """Starting, refusing and hanging up are told apart; a full house is a house that is open."""
    answer = answer_of(
        tmp_path,
        reply,
        lambda path: ask_postgres(path, os.geteuid(), user="reconciler", database="reconciler"),
    )
    assert answer.state is state
    assert answer.pid == os.getpid()


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (b"+PONG\r\n", State.READY),
        (b"-LOADING Valkey is loading the dataset in memory\r\n", State.STARTING),
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", State.REFUSED),
        (b"", State.MUTE),
    ],
)
def test_what_valkey_says_decides_its_state(tmp_path: Path, reply: bytes, state: State) -> None:
    """Loading is not refusing, and a disk that is full is."""
    assert answer_of(tmp_path, reply, lambda path: ask_valkey(path, os.geteuid())).state is state


def test_a_process_of_another_account_is_nobody_of_ours(tmp_path: Path) -> None:
    """Its answer is not even read."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        answer = ask_valkey(path, os.geteuid() + 1)
    assert answer.state is State.ABSENT
    assert answer.pid is None


def test_nobody_at_the_socket_is_absent(tmp_path: Path) -> None:
    """No socket, and a socket that a dead server left."""
    path = tmp_path / "s"
    assert ask_valkey(path, os.geteuid()).state is State.ABSENT
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert ask_valkey(path, os.geteuid()).state is State.ABSENT


def test_a_server_that_says_nothing_is_mute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is taken, and the answer does not come in time."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.05)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert ask_valkey(path, os.geteuid()).state is State.MUTE
