"""Order files: the vendor that works for every system that can export."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

from adapters.file.cart import FileCart
from adapters.file.options import OPTIONS, check_options
from adapters.file.pos import FilePos
from reconciler.ports import Side
from reconciler.ports.vendor_info import VendorInfo

__all__ = ["OPTIONS", "VENDOR", "FileCart", "FilePos", "check_options"]

#: What the registry lists.
VENDOR: Final = SimpleNamespace(
    info=VendorInfo(
        sides=frozenset(Side),
        base_url_is_path=True,
        options={key: kind for options in OPTIONS.values() for key, kind in options.items()},
        credentials=frozenset(),
    ),
    cart=FileCart,
    pos=FilePos,
)
