"""What can go wrong on the wire, each as one line with the next step, and whether the request had left."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

from adapters.http.exchange import Failure
from reconciler.domain.errors import MalformedError

CHECK_URL: Final = "check base_url"
_LATER: Final = "it is tried again by itself; if it lasts, check the network and the vendor's status page"
#: Raised before any byte of the request was written.
_UNSENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


def failure(error: httpx.HTTPError, site: str) -> Failure:
    """Put an exception of the HTTP library into words of ours: its own may quote the request."""
    sent = not isinstance(error, _UNSENT)
    if isinstance(error, httpx.DecodingError):
        return _undecodable(site)
    for cause in _causes(error):
        match cause:
            case ssl.SSLCertVerificationError():
                return _certificate(site, cause)
            case ssl.SSLError():
                return Failure(
                    f"{site} does not speak TLS as we do ({cause.reason or 'handshake failed'})",
                    f"{CHECK_URL}: https or http, and the port",
                    sent=sent,
                )
            case socket.gaierror():
                return Failure(f"{site} is an unknown host", f"{CHECK_URL} for a typing error", sent=False)
            case ConnectionRefusedError():
                return Failure(
                    f"{site} refuses connections", f"{CHECK_URL} and its port, and that it runs", sent=False
                )
    return Failure(_words(error, site, sent=sent), _LATER, sent=sent)


def _words(error: httpx.HTTPError, site: str, *, sent: bool) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"{site} {'did not answer' if sent else 'could not be reached'} in time"
    if isinstance(error, httpx.UnsupportedProtocol):
        return f"{site} is no http or https address"
    return f"the connection to {site} {'broke off' if sent else 'could not be opened'}"


def _undecodable(site: str) -> Failure:
    return Failure(
        f"{site} sent a compressed answer that cannot be unpacked",
        "if it lasts, tell the vendor; a proxy in between may garble it",
        sent=True,
        means=MalformedError,
    )


def _certificate(site: str, error: ssl.SSLCertVerificationError) -> Failure:
    reason = str(error.verify_message or "it cannot be verified").rstrip(".")
    return Failure(
        f"the certificate of {site} is not valid: {reason}",
        f"{CHECK_URL}; if it is right, the certificate has to be renewed there",
        sent=False,
        passing=False,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(10):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
