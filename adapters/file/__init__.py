"""Order files: the vendor that works for every system that can export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.file.cart import FileCart
from adapters.file.options import OPTIONS, check_options
from adapters.file.pos import FilePos
from reconciler.ports import ConnectionInfo, Side
from reconciler.ports.vendor_info import VendorInfo

__all__ = ["INFO", "OPTIONS", "FileCart", "FilePos", "check_options", "make_cart", "make_pos"]

#: What a channel file may say about a folder or file of orders.
INFO: Final = VendorInfo(
    sides=frozenset(Side),
    base_url_is_path=True,
    options={key: kind for options in OPTIONS.values() for key, kind in options.items()},
    credentials=frozenset(),
)


def make_cart(connection: ConnectionInfo, _credentials: Mapping[str, str], _tools: object) -> FileCart:
    """Return the cart adapter of a connection."""
    return FileCart(connection)


def make_pos(connection: ConnectionInfo, _credentials: Mapping[str, str], _tools: object) -> FilePos:
    """Return the POS adapter of a connection."""
    return FilePos(connection)
