"""What a cart and a POS must be able to do for us.

Vendors declare what they can do in ``Capabilities``; services ask for capabilities, never for names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from reconciler.domain.evidence import Catalog, FailureCause
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.domain.policy import Policy
from reconciler.ports.configuration import ConnectionInfo

#: Either side's order.
O_co = TypeVar("O_co", bound=CartOrder | PosOrder, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vendor can do, declared once by its adapter."""

    #: A create repeated under the same key, within ``key_life``, makes no second order.
    idempotency_keys: bool = False
    key_life: timedelta | None = None
    #: The POS tells when a register fetched an order.
    register_acknowledgement: bool = False
    #: A menu import can be triggered, by ``import_menu``.
    menu_import: bool = False
    tracking_write_back: bool = False
    #: Nothing confirms a submission but a later read that shows the order.
    confirms_by_read: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[O_co]):
    """An order and the very payload it was read from (UTF-8 JSON)."""

    order: O_co
    raw: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that cannot be understood as an order, kept whole until it can."""

    source: str
    position: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Page(Generic[O_co]):
    """Some orders of a read, and what could not be translated among them."""

    snapshots: Sequence[Snapshot[O_co]]
    quarantined: Sequence[Quarantined] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a read really read. ``complete`` is False when anything in the window may be unseen."""

    covers_from: datetime
    covers_to: datetime
    complete: bool
    #: The source vouches for its completeness, so that a re-send may rest on an order's absence.
    absence_trusted: bool = True
    reason: str = ""
    #: How far the vendor's clock is ahead of ours, where its answers tell.
    clock_offset: timedelta = timedelta()


class Reader(Protocol[O_co]):
    """One side's order feed."""

    capabilities: Capabilities

    def read(self, since: datetime | None, now: datetime) -> Iterator[Page[O_co] | Coverage]:
        """Yield pages of orders changed since ``since`` (None: all), then exactly one Coverage.

        Raises VendorError when the source cannot be read at all or breaks off; pages yielded before count.
        """
        ...

    def probe(self) -> str:
        """Return who we are to the vendor; raise AuthError or UnreachableError with the remedy."""
        ...


class Cart(Reader[CartOrder], Protocol):
    """A cart connection."""

    def fetch(
        self, references: Sequence[str], ids: Mapping[str, str] | None = None
    ) -> Mapping[str, CartOrder]:
        """Re-read orders right now, by the vendor's own id where ``ids`` knows it, otherwise by reference.

        What is absent from the answer is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a search for one reference found. ``conclusive`` is False when absence proves nothing."""

    records: Sequence[Snapshot[PosOrder]]
    conclusive: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """The exact bytes that go to the POS, and the key under which they go."""

    reference: str
    key: str
    body: bytes


class OutcomeKind(StrEnum):
    """How a call that creates ended."""

    #: The POS took it; a read-back still has to show it.
    ACCEPTED = "accepted"
    #: The POS certainly did not take it.
    REFUSED = "refused"
    #: Bytes left and nothing definite came back.
    UNKNOWN = "unknown"
    #: No byte was acted on: the POS asked to come later, or the connection never opened.
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one submission, as the adapter understands it."""

    kind: OutcomeKind
    pos_id: str | None = None
    cause: FailureCause | None = None
    codes: tuple[str, ...] = ()
    #: The vendor's words, without personal data or secrets.
    words: str = ""
    retry_at: datetime | None = None
    #: Refused by our own check, before a byte left: it costs no try.
    untried: bool = False


class Pos(Reader[PosOrder], Protocol):
    """A POS connection."""

    def find(self, reference: str, now: datetime) -> Lookup:
        """Search by the POS-side reference with every status, a wide date range and every location."""
        ...

    def handed_over(self) -> Mapping[str, datetime]:
        """Return POS-side references that were handed to the POS and when, where it keeps such a list."""
        ...

    def catalog(self) -> Catalog:
        """Return what the POS can take."""
        ...

    def prepare(self, order: CartOrder, policy: Policy, key: str) -> Submission:
        """Translate an order to the exact bytes of a create; no I/O."""
        ...

    def submit(self, submission: Submission, now: datetime) -> Outcome:
        """Send the bytes once. Never raises for what the POS or the network does."""
        ...


class MenuImporter(Protocol):
    """What a POS offers beside, which declares ``menu_import``."""

    def import_menu(self) -> None:
        """Have the POS take over the menu again; return when it has. Raises VendorError."""
        ...


class Vendors(Protocol):
    """Makes adapters for connections."""

    def cart(self, connection: ConnectionInfo) -> Cart:
        """Return the cart adapter of a connection."""
        ...

    def pos(self, connection: ConnectionInfo) -> Pos:
        """Return the POS adapter of a connection."""
        ...
