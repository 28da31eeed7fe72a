"""A cart whose orders are in files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from adapters.file.kinds import CART
from adapters.file.lookup import fetch
from adapters.file.options import read_options
from adapters.file.reading import read
from adapters.file.source import probe
from reconciler.domain.orders import CartOrder
from reconciler.ports import Capabilities, ConnectionInfo, Coverage, Page


class FileCart:
    """Reads cart orders from a file or folder, as an export left them."""

    capabilities = Capabilities()

    def __init__(self, connection: ConnectionInfo) -> None:
        self._options = read_options(connection)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[CartOrder] | Coverage]:  # noqa: ARG002
        """Yield all orders: a file does not tell what changed, so it is read whole. See ``reading.read``."""
        return read(CART, self._options, now)

    def fetch(self, references: Sequence[str], ids: Mapping[str, str] | None = None) -> dict[str, CartOrder]:  # noqa: ARG002 - files have no other ids
        """Return the orders of these references as the files have them now.

        Raises UnreachableError when a file cannot be read, MalformedError when one that is asked for is not
        found and the files were not whole.
        """
        return fetch(self._options, references)

    def probe(self) -> str:
        """Return which files are read; raise UnreachableError when one cannot be."""
        return probe(self._options)
