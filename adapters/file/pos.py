"""A POS whose records are in files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from adapters.file.catalog import read_catalog
from adapters.file.kinds import POS
from adapters.file.options import read_options
from adapters.file.reading import read
from adapters.file.source import order_files, printable
from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import PosOrder
from reconciler.ports import Capabilities, ConnectionInfo, Coverage, Page


class FilePos:
    """Reads POS records from a file or folder, and hands orders over through an outbox."""

    capabilities = Capabilities(register_acknowledgement=True, confirms_by_read=True)

    def __init__(self, connection: ConnectionInfo) -> None:
        self._options = read_options(connection)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[PosOrder] | Coverage]:  # noqa: ARG002
        """Yield all records: a file does not tell what changed, so it is read whole. See ``reading.read``."""
        return read(POS, self._options, now)

    def probe(self) -> str:
        """Return which files are read; raise UnreachableError when there is none."""
        return ", ".join(printable(str(path)) for path in order_files(self._options))

    def catalog(self) -> Catalog:
        """Return what the POS can take, as ``options.catalog`` says."""
        return read_catalog(self._options.catalog)
