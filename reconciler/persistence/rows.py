"""Orders as rows of the database, and rows as domain values again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec
from psycopg.types.json import Json

from reconciler.domain.case import inside_rule
from reconciler.domain.differences import line_counts
from reconciler.domain.matching import name_key
from reconciler.domain.orders import (
    CartOrder,
    Line,
    PosOrder,
    PosStatus,
    Shipment,
    cart_reference,
    edit_family,
)
from reconciler.domain.policy import PHONE_DIGITS
from reconciler.ports import Channel, Snapshot

ValueT = TypeVar("ValueT")
OrderT = TypeVar("OrderT", CartOrder, PosOrder)

#: The domain's fields, which are the columns of the same names.
CART_FIELDS: Final = tuple(field.name for field in fields(CartOrder))
POS_FIELDS: Final = tuple(field.name for field in fields(PosOrder))

_NESTED: Final = ("customer", "lines", "shipments")
_CART_PLAIN: Final = tuple(name for name in CART_FIELDS if name not in _NESTED)
_POS_PLAIN: Final = tuple(name for name in POS_FIELDS if name not in _NESTED)
_CART_SCALARS: Final = attrgetter(*_CART_PLAIN)
_POS_SCALARS: Final = attrgetter(*_POS_PLAIN)
_DERIVED: Final = ("raw", "digest", "lines_digest", "line_count", "traceable")
#: What ``CartRows`` and ``PosRows`` make of an order.
CART_COLUMNS: Final = (*_CART_PLAIN, *_NESTED, *_DERIVED, "inside")
POS_COLUMNS: Final = (
    *_POS_PLAIN, *_NESTED, *_DERIVED,
    "ref_key", "family_key", "foreign_prefix", "live", "name_key", "phone_key",
)  # fmt: skip

encode: Final = msgspec.json.Encoder().encode
_CART_TIMES: Final = attrgetter("placed_at", "paid_at", "updated_at", "cancelled_at", "edited_at")
_POS_TIMES: Final = attrgetter("created_at", "updated_at", "received_at")
#: Years that can be reckoned with: a day more or less, and it is still a time.
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_DIGEST_BYTES: Final = 16
#: An escaped NUL, which PostgreSQL cannot store, and not the text of one behind an escaped backslash.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class UnstorableError(ValueError):
    """An order that cannot be kept beside the others; its words hold no personal data."""


def digest_of(*parts: bytes) -> bytes:
    """Return a stable digest of parts, none of which holds a NUL."""
    return blake2b(b"\0".join(parts), digest_size=_DIGEST_BYTES).digest()


def lines_digest(lines: Iterable[Line], mapping: Mapping[str, str] | None = None) -> bytes:
    """Return the digest of the units per article: equal for two orders that hold the same.

    >>> from decimal import Decimal
    >>> one, half = Decimal("1.0"), Decimal("0.5")
    >>> lines_digest([Line("A", None, one)]) == lines_digest([Line("A", None, half), Line("A", "x", half)])
    True
    """
    counts = line_counts(lines, mapping)
    told = "\0".join(f"{key}\0{counts[key].normalize()}" for key in sorted(counts))
    return digest_of(told.encode())


def plain(text: bytes) -> bytes:
    """Return JSON that PostgreSQL can store: a NUL, which it cannot, becomes U+FFFD."""
    return _NUL.sub(rb"\1\\ufffd", text) if b"\\u0000" in text else text


def as_json(value: object) -> Json:
    """Return a JSON parameter, encoded as fast as it gets and free of what PostgreSQL cannot store."""
    return Json(value, dumps=_dumps)


def _dumps(value: object) -> bytes:
    return plain(encode(value))


class Prepared(NamedTuple, Generic[OrderT]):
    """An order on its way into the database, as far as it takes to tell whether it is news."""

    key: str
    digest: bytes
    order: OrderT
    raw: str
    lines: bytes | None
    family: str | None = None


class CartRows:
    """Turns the cart orders of one channel into rows of ``CART_COLUMNS``."""

    def __init__(self, channel: Channel) -> None:
        self._policy = channel.policy

    def key(self, order: CartOrder) -> str:
        """Return what identifies an order within its channel."""
        return order.reference

    def prepare(self, snapshot: Snapshot[CartOrder]) -> Prepared[CartOrder]:
        """Digest an order.

        The digest covers the mapped lines, so that an order counts as changed when its mapping did.
        """
        _check_times(_CART_TIMES(snapshot.order), snapshot.order.shipments)
        order, body = storable(snapshot.order, CartOrder)
        lines = lines_digest(order.lines, self._policy.sku_map) if order.lines else None
        return Prepared(order.reference, digest_of(body, lines or b""), order, _text(snapshot.raw), lines)

    def row(self, prepared: Prepared[CartOrder]) -> tuple[object, ...]:
        """Return an order as its columns."""
        order = prepared.order
        return (
            *_CART_SCALARS(order),
            encode(order.customer).decode(),
            encode(order.lines).decode(),
            encode(order.shipments).decode(),
            prepared.raw,
            prepared.digest,
            prepared.lines,
            len(order.lines),
            all(parcel.traceable for parcel in order.shipments),
            inside_rule(order, self._policy),
        )


class PosRows:
    """Turns the POS records that one channel reads into rows of ``POS_COLUMNS``."""

    def __init__(self, channel: Channel) -> None:
        self._prefix = channel.policy.reference_prefix
        self._siblings = channel.sibling_prefixes

    def key(self, order: PosOrder) -> str:
        """Return what identifies a record within its channel."""
        return order.pos_id

    def prepare(self, snapshot: Snapshot[PosOrder]) -> Prepared[PosOrder]:
        """Digest a record."""
        _check_times(_POS_TIMES(snapshot.order), snapshot.order.shipments)
        order, body = storable(snapshot.order, PosOrder)
        lines = None if order.lines is None else lines_digest(order.lines)
        _, family, _ = self.reference_keys(order.reference)
        return Prepared(order.pos_id, digest_of(body), order, _text(snapshot.raw), lines, family)

    def row(self, prepared: Prepared[PosOrder]) -> tuple[object, ...]:
        """Return a record as its columns."""
        order = prepared.order
        return (
            *_POS_SCALARS(order),
            encode(order.customer).decode(),
            None if order.lines is None else encode(order.lines).decode(),
            encode(order.shipments).decode(),
            prepared.raw,
            prepared.digest,
            prepared.lines,
            None if order.lines is None else len(order.lines),
            bool(order.shipments) and all(parcel.traceable for parcel in order.shipments),
            *self.reference_keys(order.reference),
            order.status is not PosStatus.VOIDED,
            *_ticket_keys(order),
        )

    def reference_keys(self, reference: str | None) -> tuple[str | None, str | None, bool]:
        """Return the cart reference a record names, its edit family, and whether it is another channel's."""
        own = cart_reference(reference, self._prefix, self._siblings)
        if own is not None:
            return own, edit_family(own), False
        return None, None, reference is not None and self._foreign(reference)

    def _foreign(self, reference: str) -> bool:
        others = (prefix for prefix in self._siblings if prefix and prefix != self._prefix)
        return any(cart_reference(reference, prefix) is not None for prefix in others)


def _check_times(moments: tuple[datetime | None, ...], shipments: tuple[Shipment, ...]) -> None:
    """Raise UnstorableError for a time out of bounds: reckoning with it would end the whole run."""
    for moment in (*moments, *(parcel.shipped_at for parcel in shipments)):
        if moment is not None and not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise UnstorableError(f"one of its times lies in the year {moment.year}")


def storable(order: OrderT, kind: type[OrderT]) -> tuple[OrderT, bytes]:
    """Return an order without what PostgreSQL cannot store, and its encoding."""
    body = encode(order)
    if b"\\u0000" not in body:
        return order, body
    body = plain(body)
    return msgspec.json.decode(body, type=kind), body


def _text(raw: str) -> str:
    """Return a payload as it came; a NUL, which PostgreSQL cannot store, becomes U+FFFD."""
    return raw.replace("\0", "\ufffd") if "\0" in raw else raw


def ticket_keys(name: str | None, phone: str | None) -> tuple[str | None, str | None]:
    """Return what two customers who agree by name or phone have in common, for the database to look for.

    >>> ticket_keys("O'Hara, José", "+1 (928) 746-9282") == ticket_keys("jose ohara", "9287469282")
    True
    """
    digits = "".join(filter(str.isdigit, phone or "")).lstrip("0")
    words = " ".join(name_key(name))
    return words or None, digits[-PHONE_DIGITS:] if len(digits) >= PHONE_DIGITS else None


def _ticket_keys(order: PosOrder) -> tuple[str | None, str | None]:
    if order.reference or order.status is PosStatus.VOIDED:
        return None, None
    return ticket_keys(order.customer.name, order.customer.phone)


def latest(snapshots: Iterable[Snapshot[OrderT]], key: Callable[[OrderT], str]) -> list[Snapshot[OrderT]]:
    """Keep one snapshot an order, by the database's rule: an older one never wins, else the last does."""
    kept: dict[str, Snapshot[OrderT]] = {}
    for snapshot in snapshots:
        name = key(snapshot.order)
        known = kept.get(name)
        if known is None or not _older(snapshot.order.updated_at, known.order.updated_at):
            kept[name] = snapshot
    return list(kept.values())


def _older(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


Row: TypeAlias = Mapping[Any, Any]


def to_domain(row: Row, kind: type[ValueT]) -> ValueT:
    """Make a domain value of the columns that carry its fields' names."""
    return msgspec.convert(row, kind)
