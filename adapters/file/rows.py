"""One JSON object of an order file, decoded and checked for shape, before it means anything.

Numbers stay the text that they were: the strict decoder takes the spelling that the contract asks for;
what it refuses is decoded once more with every number as its own literal, so that ``1001`` is an order
number, ``00123`` stays an error of JSON, and no amount ever passes through a float.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec

from adapters.file.values import BadRow


class CustomerRow(msgspec.Struct, gc=False):
    """Who ordered."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class LineRow(msgspec.Struct, gc=False):
    """One position of an order."""

    sku: str | None = None
    name: str | None = None
    quantity: int | Decimal | None = None
    unit_price: str | None = None


class ShipmentRow(msgspec.Struct, gc=False):
    """One parcel."""

    id: str | None = None
    shipped_at: str | None = None
    courier: str | None = None
    tracking_id: str | None = None


class CartRow(msgspec.Struct, gc=False):
    """A cart order as its file writes it. Needed keys are optional here: their absence gets our own words."""

    reference: str | None = None
    placed_at: str | None = None
    updated_at: str | None = None
    paid_at: str | None = None
    currency: str | None = None
    total: str | None = None
    tax: str | None = None
    shipping: str | None = None
    discount: str | None = None
    tip: str | None = None
    captured: str | None = None
    refunded: str | None = None
    payment_status: str | None = None
    fulfillment_status: str | None = None
    cancelled_at: str | None = None
    edited_at: str | None = None
    archived: bool | str | None = None
    test: bool | str | None = None
    draft: bool | str | None = None
    customer: CustomerRow | None = None
    shipping_method: str | None = None
    deliver_on: str | None = None
    lines: list[LineRow] | None = None
    shipments: list[ShipmentRow] | None = None


class PosRow(msgspec.Struct, gc=False):
    """A POS record as its file writes it. An absent ``received_at`` is not a null one."""

    pos_id: str | None = None
    reference: str | None = None
    source: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    status: str | None = None
    location: str | None = None
    received_at: str | msgspec.UnsetType | None = msgspec.UNSET
    created_by: str | None = None
    currency: str | None = None
    total: str | None = None
    tax: str | None = None
    shipping: str | None = None
    discount: str | None = None
    tip: str | None = None
    customer: CustomerRow | None = None
    lines: list[LineRow] | None = None
    shipments: list[ShipmentRow] | None = None


RowT = TypeVar("RowT", bound=msgspec.Struct)

_WHERE: Final = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?\Z", re.DOTALL)
#: What may stand as it is (an escaped backslash, a whole pair), or half of a pair.
_PAIR: Final = re.compile(
    r"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_WANTED: Final = {
    "object": "an object",
    "array": "a list",
    "str": "a text",
    "int": "a number",
    "decimal": "a number",
    "bool": "true or false",
}


class RowDecoder(Generic[RowT]):
    """Decodes the rows of one kind."""

    def __init__(self, kind: type[RowT]) -> None:
        self._kind = kind
        self._strict = msgspec.json.Decoder(kind).decode

    def decode(self, raw: str) -> RowT:
        """Return what a line says; raise BadRow saying which key is wrong, or where JSON ends."""
        try:
            return self._strict(raw)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._lenient(raw)

    def _lenient(self, raw: str) -> RowT:
        try:
            value = json.loads(_whole(raw), parse_int=str, parse_float=str, parse_constant=_refuse)
            return msgspec.convert(_priced(value), self._kind)
        except msgspec.ValidationError as error:
            raise BadRow(_in_plain_words(str(error))) from None
        except json.JSONDecodeError as error:
            raise BadRow(
                f"it is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
            ) from None
        except RecursionError:
            raise BadRow("it is nested too deeply") from None
        except ValueError as error:
            raise BadRow(f"it is not valid JSON: {error}"[:200]) from None


def _refuse(constant: str) -> NoReturn:
    raise BadRow(f"{constant} is not JSON")


def _whole(raw: str) -> str:
    """Replace what programs leave that cut texts in the middle of a character: half of a surrogate pair."""
    return _PAIR.sub(lambda match: match[1] or "\\ufffd", raw)


def _priced(value: Any) -> Any:
    """Drop unit prices that are none."""
    lines = value.get("lines") if isinstance(value, dict) else None
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict) and not isinstance(line.get("unit_price"), str):
            line.pop("unit_price", None)
    return value


def _in_plain_words(message: str) -> str:
    """Say what msgspec says so that who keeps a shop understands it: ``customer.name is not a text``."""
    match = _WHERE.match(message)
    what, where = (match[1], match[2]) if match else (message, None)
    wanted = re.match(r"Expected `([a-z]+)", what)
    words = f"is not {_WANTED.get(wanted[1], wanted[1])}" if wanted else "is not a number"
    return f"{where or 'the line'} {words}"
