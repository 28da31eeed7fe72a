"""Orders as JSON rows for one statement a page, and rows of the database as domain values again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

import msgspec
from psycopg.types.json import Json

from reconciler.domain.differences import line_counts
from reconciler.domain.matching import name_key
from reconciler.domain.orders import CartOrder, Line, PosOrder, PosStatus, cart_reference, edit_family
from reconciler.domain.policy import PHONE_DIGITS, Policy
from reconciler.ports import Channel, Snapshot

ValueT = TypeVar("ValueT")
OrderT = TypeVar("OrderT", CartOrder, PosOrder)

#: The domain's fields, which are the columns of the same names.
CART_FIELDS: Final = tuple(field.name for field in fields(CartOrder))
POS_FIELDS: Final = tuple(field.name for field in fields(PosOrder))

encode: Final = msgspec.json.Encoder().encode
_DIGEST_BYTES: Final = 16
#: An escaped NUL, which PostgreSQL cannot store, and not the text of one behind an escaped backslash.
_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


def digest_of(*parts: bytes) -> bytes:
    """Return a stable digest. Each part's length counts, so that no two lists of parts are confused."""
    state = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        state.update(b"%d:" % len(part))
        state.update(part)
    return state.digest()


def lines_digest(lines: Iterable[Line], mapping: Mapping[str, str] | None = None) -> bytes:
    """Return the digest of the units per article: equal for two orders that hold the same.

    >>> from decimal import Decimal
    >>> one, half = Decimal("1.0"), Decimal("0.5")
    >>> lines_digest([Line("A", None, one)]) == lines_digest([Line("A", None, half), Line("A", "x", half)])
    True
    """
    counts = line_counts(lines, mapping)
    return digest_of(*(f"{key}\0{counts[key].normalize()}".encode() for key in sorted(counts)))


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
    snapshot: Snapshot[OrderT]
    body: bytes
    lines: bytes | None
    family: str | None = None


class CartRows:
    """Encodes the cart orders of one channel."""

    def __init__(self, channel: Channel) -> None:
        self._mapping = channel.policy.sku_map
        self._takes = download_rule(channel.policy)

    def key(self, order: CartOrder) -> str:
        """Return what identifies an order within its channel."""
        return order.reference

    def prepare(self, snapshot: Snapshot[CartOrder]) -> Prepared[CartOrder]:
        """Encode an order and digest it.

        The digest covers the mapped lines, so that an order counts as changed when its mapping did.
        """
        order = snapshot.order
        body = plain(encode(order))
        lines = lines_digest(order.lines, self._mapping) if order.lines else None
        return Prepared(order.reference, digest_of(body, lines or b""), snapshot, body, lines)

    def row(self, prepared: Prepared[CartOrder]) -> bytes:
        """Return an order as a JSON object whose keys are columns."""
        order = prepared.snapshot.order
        extra = {
            "digest": _hex(prepared.digest),
            "lines_digest": _hex(prepared.lines),
            "line_count": len(order.lines),
            "traceable": all(parcel.traceable for parcel in order.shipments),
            "inside": self._takes(order),
            "raw": prepared.snapshot.raw,
        }
        return _joined(prepared.body, extra)


class PosRows:
    """Encodes the POS records that one channel reads."""

    def __init__(self, channel: Channel) -> None:
        self._prefix = channel.policy.reference_prefix
        self._siblings = channel.sibling_prefixes

    def key(self, order: PosOrder) -> str:
        """Return what identifies a record within its channel."""
        return order.pos_id

    def prepare(self, snapshot: Snapshot[PosOrder]) -> Prepared[PosOrder]:
        """Encode a record and digest it."""
        order = snapshot.order
        body = plain(encode(order))
        lines = None if order.lines is None else lines_digest(order.lines)
        _, family, _ = self.reference_keys(order.reference)
        return Prepared(order.pos_id, digest_of(body), snapshot, body, lines, family)

    def row(self, prepared: Prepared[PosOrder]) -> bytes:
        """Return a record as a JSON object whose keys are columns."""
        order = prepared.snapshot.order
        own, family, foreign = self.reference_keys(order.reference)
        name, phone = _ticket_keys(order)
        extra = {
            "digest": _hex(prepared.digest),
            "ref_key": own,
            "family_key": family,
            "foreign_prefix": foreign,
            "live": order.status is not PosStatus.VOIDED,
            "traceable": bool(order.shipments) and all(parcel.traceable for parcel in order.shipments),
            "lines_digest": _hex(prepared.lines),
            "line_count": None if order.lines is None else len(order.lines),
            "name_key": name,
            "phone_key": phone,
            "raw": prepared.snapshot.raw,
        }
        return _joined(prepared.body, extra)

    def reference_keys(self, reference: str | None) -> tuple[str | None, str | None, bool]:
        """Return the cart reference a record names, its edit family, and whether it is another channel's."""
        own = cart_reference(reference, self._prefix, self._siblings)
        if own is not None:
            return own, edit_family(own), False
        return None, None, reference is not None and self._foreign(reference)

    def _foreign(self, reference: str) -> bool:
        others = (prefix for prefix in self._siblings if prefix and prefix != self._prefix)
        return any(cart_reference(reference, prefix) is not None for prefix in others)


def download_rule(policy: Policy) -> Callable[[CartOrder], bool]:
    """Return ``Case.inside_download_rule`` for one policy, cheap enough to ask of every order read."""
    payment, fulfillment = policy.download.payment, policy.download.fulfillment

    def takes(order: CartOrder) -> bool:
        return (
            not order.archived
            and (not payment or order.payment_status in payment)
            and (not fulfillment or order.fulfillment_status in fulfillment)
        )

    return takes


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
    """Keep one snapshot an order: the newest, or of equally new ones the last."""
    kept: dict[str, Snapshot[OrderT]] = {}
    for snapshot in snapshots:
        name = key(snapshot.order)
        known = kept.get(name)
        if known is None or _stamp(known) <= _stamp(snapshot):
            kept[name] = snapshot
    return list(kept.values())


_NEVER: Final = datetime(1, 1, 1, tzinfo=UTC)


def _stamp(snapshot: Snapshot[OrderT]) -> datetime:
    return snapshot.order.updated_at or _NEVER


Row: TypeAlias = Mapping[Any, Any]


def to_domain(row: Row, kind: type[ValueT]) -> ValueT:
    """Make a domain value of the columns that carry its fields' names."""
    return msgspec.convert(row, kind)


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else "\\x" + digest.hex()


def _joined(body: bytes, extra: Mapping[str, object]) -> bytes:
    """Add keys to an encoded object without decoding it."""
    return b"%b,%b" % (body[:-1], plain(encode(extra))[1:])
