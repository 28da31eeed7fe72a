"""Over real sockets: what only a network does, and that it is told apart."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.http import Call, HttpClient, Limits, make_session
from adapters.sandbox import App, Response, json_response, running
from reconciler.domain.errors import UnreachableError
from reconciler.ports import OutcomeKind
from tests.simulated import Time
from tests.unit.adapters_http.world import client

CALL = Call(path="/orders")
ONCE = Limits(tries=1, connect_seconds=2.0, read_seconds=0.2)


@contextmanager
def shop_at(url: str, session: httpx.Client | None = None) -> Iterator[HttpClient]:
    """A client with a real pool of connections."""
    found = client(lambda _: Response(), Time(), base_url=url, limits=ONCE)
    with session or make_session() as pool:
        object.__setattr__(found._tools, "session", pool)
        yield found


@contextmanager
def shop_of(app: App) -> Iterator[HttpClient]:
    """A client of a sandbox that runs behind a socket."""
    with running(app) as sandbox, shop_at(sandbox.url) as shop:
        yield shop


def test_connections_are_used_again():
    """Two calls share one connection: the sandbox sees one client port."""
    ports: list[str] = []

    def app(request):
        ports.append(request.headers["host"])
        return json_response({"n": len(ports)})

    with shop_of(app) as shop:
        assert [shop.read_json(CALL)["n"] for _ in range(3)] == [1, 2, 3]
        pool = shop._tools.session._transport._pool  # type: ignore[attr-defined]
        assert len(pool.connections) == 1


def test_a_server_that_hangs_is_left_after_the_time_out():
    """A read fails as unreachable, a create is of unknown outcome."""
    with shop_of(lambda _: Response(hang=True)) as shop:
        with pytest.raises(UnreachableError, match="did not answer in time"):
            shop.read_json(CALL)
        assert shop.write(Call(method="POST", path="/orders")).kind is OutcomeKind.UNKNOWN


def test_a_server_that_hangs_up_is_told_apart_from_one_that_is_not_there():
    """Bytes had left in the first case, none in the second."""
    with shop_of(lambda _: Response(drop=True)) as shop:
        written = shop.write(Call(method="POST", path="/orders"))
        assert (written.kind, "broke off" in written.words) == (OutcomeKind.UNKNOWN, True)
    with shop_at(f"http://127.0.0.1:{free_port()}") as shop:
        written = shop.write(Call(method="POST", path="/orders"))
        assert (written.kind, "refuses connections" in written.words) == (OutcomeKind.DEFERRED, True)


def test_a_body_that_ends_too_soon_is_no_answer():
    """Half a page is not taken for a page."""
    app = lambda _: Response(headers={"content-length": "50"}, body=b'{"orders": []}', drop=False)  # noqa: E731
    with shop_of(app) as shop, pytest.raises(UnreachableError, match=r"broke off|in time"):
        shop.read_json(CALL)


def test_an_unknown_host_is_one_line():
    """A typing error in the address is named as such."""
    with shop_at("https://no-such-shop.invalid") as shop:
        with pytest.raises(
            UnreachableError, match=r"https://no-such-shop\.invalid is an unknown host; check base_url"
        ):
            shop.read_json(CALL)
        assert shop.write(CALL).kind is OutcomeKind.DEFERRED


@pytest.mark.parametrize(
    "url", ["https://", "http://[::1", "http://shop:port/", "ftp://shop.test/", "http://\x00/"]
)
def test_an_address_that_is_none_is_one_line(url):
    """Nonsense is an error with a next step, never a traceback."""
    with shop_at(url) as shop, pytest.raises(UnreachableError, match=r"check"):
        shop.read_json(CALL)


@pytest.mark.parametrize(
    ("ends_in", "host", "words"),
    [
        (timedelta(days=-1), "127.0.0.1", "certificate has expired"),
        (timedelta(days=1), "10.0.0.1", "IP address mismatch"),
    ],
    ids=["expired", "of another host"],
)
def test_a_bad_certificate_is_one_line(tmp_path, ends_in, host, words):
    """The reason stands in it, nothing is sent, and it is not tried again and again."""
    server, trusted = certificate(tmp_path, ends_in, host)
    with running(lambda _: json_response({}), tls=server) as sandbox:
        session = httpx.Client(verify=trusted, trust_env=False)
        with shop_at(sandbox.url, session) as shop:
            with pytest.raises(
                UnreachableError, match=f"certificate of .* is not valid: .*{words}.*; check base_url"
            ):
                shop.read_json(CALL)
            assert shop.write(CALL).kind is OutcomeKind.DEFERRED


def test_http_spoken_to_an_https_port_and_the_reverse_are_one_line(tmp_path):
    """The wrong scheme is a common typing error."""
    server, _ = certificate(tmp_path, timedelta(days=1), "127.0.0.1")
    with (
        running(lambda _: json_response({})) as plain,
        shop_at(f"https://127.0.0.1:{plain.port}") as shop,
        pytest.raises(UnreachableError, match="does not speak TLS as we do"),
    ):
        shop.read_json(CALL)
    with (
        running(lambda _: json_response({}), tls=server) as sealed,
        shop_at(f"http://127.0.0.1:{sealed.port}") as shop,
        pytest.raises(UnreachableError, match=r"https?://127\.0\.0\.1"),
    ):
        shop.read_json(CALL)


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path, ends_in: timedelta, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's and a client's context for a certificate made on the spot and trusted."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + ends_in)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
