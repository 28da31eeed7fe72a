"""The two kinds of orders, as the machinery that reads files needs to know them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, Final, Generic, TypeVar

from adapters.file.rows import CartRow, PosRow, RowDecoder
from adapters.file.translate import cart_order, pos_order
from reconciler.domain.orders import CartOrder, PosOrder, edit_family, normalise_reference
from reconciler.ports import Side

OrderT = TypeVar("OrderT", CartOrder, PosOrder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[OrderT]):
    """How one side's rows become orders."""

    side: Side
    #: What every row must have.
    needed: tuple[str, ...]
    #: All keys that a row may have.
    keys: tuple[str, ...]
    #: Decode a row; raises BadRow.
    decode: Callable[[str], Any]
    #: Translate a decoded row; raises BadRow.
    order: Callable[[Any], OrderT]
    #: What makes an order one and the same.
    key: Callable[[OrderT], str]
    created: Callable[[OrderT], datetime]
    #: Under which words an index lists it.
    words: Callable[[OrderT], tuple[str, ...]]


def id_word(pos_id: str) -> str:
    """Return the word under which a POS record is listed by its own id."""
    return f"id {pos_id}"


def family_words(reference: str | None) -> tuple[str, ...]:
    """Return the word under which a POS record is listed by the order that it is, or is an edit of."""
    return (f"ref {edit_family(bare(reference))}",) if reference else ()


def bare(reference: str) -> str:
    """Return a POS-side reference without the ``#`` that may follow a prefix: ``RB-#1001``."""
    return "".join(normalise_reference(reference).replace("#", "").split())


CART: Final[Kind[CartOrder]] = Kind(
    side=Side.CART,
    needed=("reference", "placed_at", "currency", "total", "payment_status"),
    keys=CartRow.__struct_fields__,
    decode=RowDecoder(CartRow).decode,
    order=cart_order,
    key=lambda order: order.reference,
    created=lambda order: order.placed_at,
    words=lambda order: (order.reference,),
)
POS: Final[Kind[PosOrder]] = Kind(
    side=Side.POS,
    needed=("pos_id", "created_at", "currency", "total"),
    keys=PosRow.__struct_fields__,
    decode=RowDecoder(PosRow).decode,
    order=pos_order,
    key=lambda order: order.pos_id,
    created=lambda order: order.created_at,
    words=lambda order: (id_word(order.pos_id), *family_words(order.reference)),
)


def newest(rows: Iterable[OrderT]) -> OrderT:
    """Return which of several rows for one order counts: the last, unless it says that it is older."""
    return reduce(_newer, rows)


def _newer(kept: OrderT, row: OrderT) -> OrderT:
    older = kept.updated_at and row.updated_at and row.updated_at < kept.updated_at
    return kept if older else row
