"""Which vendors there are. A new vendor is one new folder and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from reconciler.domain.errors import ConfigError
from reconciler.ports import Cart, ConnectionInfo, Pos
from reconciler.ports.vendor_info import VendorInfo

#: Vendor name -> the module whose ``VENDOR`` describes it.
MODULES: Final[Mapping[str, str]] = {"file": "adapters.file"}


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor: what a channel file may say about it, and its adapters; a side it lacks is None."""

    info: VendorInfo
    cart: Callable[[ConnectionInfo], Cart] | None = None
    pos: Callable[[ConnectionInfo], Pos] | None = None


class Registry:
    """Makes adapters; imports a vendor's code when it is first needed."""

    def __init__(self, modules: Mapping[str, str] = MODULES) -> None:
        self._modules = modules

    def info(self) -> dict[str, VendorInfo]:
        """Return what a channel file may say about each vendor."""
        return {name: self._vendor(name).info for name in self._modules}

    def cart(self, connection: ConnectionInfo) -> Cart:
        """Return the cart adapter of a connection; raise ConfigError when its vendor offers none."""
        make = self._vendor(connection.vendor).cart
        if make is None:
            raise ConfigError(f"vendor {connection.vendor} is no cart", next_step=f"see {connection.name}")
        return make(connection)

    def pos(self, connection: ConnectionInfo) -> Pos:
        """Return the POS adapter of a connection; likewise."""
        make = self._vendor(connection.vendor).pos
        if make is None:
            raise ConfigError(f"vendor {connection.vendor} is no POS", next_step=f"see {connection.name}")
        return make(connection)

    def _vendor(self, name: str) -> Vendor:
        if name not in self._modules:
            known = ", ".join(sorted(self._modules))
            raise ConfigError(f"vendor {name!r} is not known", next_step=f"known vendors: {known}")
        return cast("Vendor", import_module(self._modules[name]).VENDOR)
