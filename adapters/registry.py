"""Which vendors there are. A new vendor is one new folder and one line here.

A vendor's module offers ``INFO``, and ``make_cart`` or ``make_pos`` or both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from reconciler.domain.errors import ConfigError
from reconciler.ports import Cart, ConnectionInfo, Pos
from reconciler.ports.vendor_info import VendorInfo

if TYPE_CHECKING:
    from adapters.http import Tools

MODULES: Final[Mapping[str, str]] = {
    "file": "adapters.file",
    "shopify": "adapters.shopify",
    "square": "adapters.square",
}

#: Opens the credentials of a connection.
Credentials: TypeAlias = Callable[[ConnectionInfo], Mapping[str, str]]


class Registry:
    """Makes adapters; imports a vendor's code when it is first needed.

    ``tools`` are asked for by vendors on the network only: files need no HTTP client.
    """

    def __init__(
        self,
        credentials: Credentials = lambda _connection: {},
        tools: Callable[[], Tools] | None = None,
        modules: Mapping[str, str] = MODULES,
    ) -> None:
        self._credentials = credentials
        self._tools = tools
        self._modules = modules

    def info(self) -> dict[str, VendorInfo]:
        """Return what a channel file may say about each vendor."""
        return {name: self._info(name) for name in self._modules}

    def cart(self, connection: ConnectionInfo) -> Cart:
        """Return the cart adapter of a connection; raise ConfigError when its vendor offers none."""
        return cast("Cart", self._make(connection, "make_cart"))

    def pos(self, connection: ConnectionInfo) -> Pos:
        """Return the POS adapter of a connection; likewise."""
        return cast("Pos", self._make(connection, "make_pos"))

    def _make(self, connection: ConnectionInfo, maker: str) -> object:
        make = getattr(self._module(connection.vendor), maker, None)
        if make is None:
            side = maker.removeprefix("make_")
            raise ConfigError(f"vendor {connection.vendor} is no {side}", next_step=f"see {connection.name}")
        networked = not self._info(connection.vendor).base_url_is_path
        tools = self._tools() if networked and self._tools else None
        return cast("object", make(connection, self._credentials(connection), tools))

    def _info(self, name: str) -> VendorInfo:
        return cast("VendorInfo", self._module(name).INFO)

    def _module(self, name: str) -> ModuleType:
        if name not in self._modules:
            known = ", ".join(sorted(self._modules))
            raise ConfigError(f"vendor {name!r} is not known", next_step=f"known vendors: {known}")
        return import_module(self._modules[name])
