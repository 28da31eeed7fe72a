"""A POS whose records are in files."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import datetime

from adapters.file.catalog import read_catalog
from adapters.file.kinds import POS
from adapters.file.lookup import find
from adapters.file.options import read_options
from adapters.file.outbox import DoubtfulWriteError, Outbox
from adapters.file.reading import read
from adapters.file.source import printable, probe
from adapters.file.submission import prepare
from reconciler.domain.errors import VendorError
from reconciler.domain.evidence import Catalog
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import Policy
from reconciler.ports import (
    Capabilities,
    ConnectionInfo,
    Coverage,
    Lookup,
    Outcome,
    OutcomeKind,
    Page,
    Submission,
)


class FilePos:
    """Reads POS records from a file or folder, and hands orders over through an outbox."""

    capabilities = Capabilities(register_acknowledgement=True, confirms_by_read=True)

    def __init__(self, connection: ConnectionInfo) -> None:
        self._options = read_options(connection)
        self._outbox = Outbox(self._options.outbox)

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[PosOrder] | Coverage]:  # noqa: ARG002
        """Yield all records: a file does not tell what changed, so it is read whole. See ``reading.read``."""
        return read(POS, self._options, now)

    def probe(self) -> str:
        """Return which files are read; raise UnreachableError when one cannot be."""
        return probe(self._options)

    def find(self, reference: str, now: datetime) -> Lookup:  # noqa: ARG002 - a file is as new as it is
        """Search all files for a POS-side reference and its edits. Inconclusive when one was not whole."""
        return find(self._options, reference)

    def handed_over(self) -> dict[str, datetime]:
        """Return the references in the outbox and when they were written.

        Raises UnreachableError or MalformedError when the outbox cannot be read: then nobody knows.
        """
        return self._outbox.handed_over()

    def catalog(self) -> Catalog:
        """Return what the POS can take, as ``options.catalog`` says."""
        return read_catalog(self._options.catalog)

    def prepare(self, order: CartOrder, policy: Policy, key: str) -> Submission:
        """Translate an order to the line that goes into the outbox."""
        return prepare(order, policy, key)

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Append the order to the outbox, once. Only a later read that shows it confirms it."""
        try:
            before = self._outbox.hand_over(submission.reference, submission.body, now)
        except DoubtfulWriteError as error:
            return Outcome(kind=OutcomeKind.UNKNOWN, words=f"the disk did not confirm it: {error.strerror}")
        except VendorError as error:
            return Outcome(kind=OutcomeKind.DEFERRED, words=str(error))
        except OSError as error:
            return Outcome(kind=OutcomeKind.DEFERRED, words=self._unwritable(error))
        words = f"it was already handed over at {before.isoformat()}" if before else "handed over"
        return Outcome(kind=OutcomeKind.ACCEPTED, words=words)

    def _unwritable(self, error: OSError) -> str:
        remedies = {
            errno.ENOENT: "create its folder, or correct options.outbox",
            errno.EACCES: "let this program's user write it",
            errno.ENOSPC: "free some space on its disk",
        }
        remedy = remedies.get(error.errno or 0, "check the file and its disk; it is tried again by itself")
        path = printable(str(self._options.outbox))
        return f"the outbox {path} cannot be written: {error.strerror}; {remedy}"
