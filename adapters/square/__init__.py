"""Square: the point of sale."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from adapters.http import Bucket, HttpClient, Limits, Site, Tools, limits_of
from adapters.square.api import SquareApi
from adapters.square.options import OPTIONS, SquareOptions, read_options
from adapters.square.pos import SquarePos
from reconciler.domain.errors import ConfigError
from reconciler.ports import ConnectionInfo, Side
from reconciler.ports.vendor_info import VendorInfo

__all__ = ["INFO", "LIMITS", "SquareApi", "SquareOptions", "SquarePos", "make_pos", "read_options"]

#: What a channel file may say about an account.
INFO: Final = VendorInfo(
    sides=frozenset({Side.POS}), options=OPTIONS, credentials=frozenset({"access_token"})
)
#: Orders are long, and a page of them may be larger than other vendors' answers. Others may use the account's
#: limit up, so that a read may have to come back more often than elsewhere.
LIMITS: Final = Limits(body_bytes=8 * 1024 * 1024, tries=8)
#: Seconds' worth of calls that may go out at once: some of them travel longer than others.
BURST: Final = 0.5
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def make_pos(connection: ConnectionInfo, credentials: Mapping[str, str], tools: Tools) -> SquarePos:
    """Return the POS adapter of a connection; raise ConfigError when it cannot be used as it is."""
    address = urlsplit(connection.base_url)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        raise ConfigError(
            f"base_url of {connection.name} must begin with https://: a token travels to it",
            next_step="write https://connect.squareup.com",
        )
    options = read_options(connection)
    token = credentials["access_token"]
    rate = options.calls_per_second
    site = Site(
        base_url=f"{address.scheme}://{address.netloc}",
        # Square counts by account, not by address.
        key=f"square:{address.netloc}:{sha256(token.encode()).hexdigest()[:16]}",
        bucket=Bucket(capacity=rate * BURST, rate=rate),
    )
    http = HttpClient(site, tools, {"authorization": f"Bearer {token}"}, limits_of(connection, LIMITS))
    return SquarePos(SquareApi(http, options.version), tools, options)
