"""Every fault that the demo's Shopify and Square know: when it strikes, and what must be said because of it.

A vendor's trouble is either told of its connection, or weathered: the call is made again, and nobody is told.
What befalls one order alone is in that order's own label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.domain.verdict import Classification

C = Classification
CART, POS = "cart", "pos"
VENDORS: Final = {CART: "shopify", POS: "square"}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one side's sandbox, with its settings."""

    side: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    #: What the connection is called because of it, and words that the finding must hold.
    told: Classification | None = None
    words: str = ""

    @property
    def key(self) -> str:
        """How labels and the final report name it."""
        return f"{VENDORS[self.side]} {self.name}"


#: Faults of one side that are on together, until all of them were met.
Spell = Sequence[Fault]


def _told(side: str, name: str, told: Classification, words: str, **settings: str) -> Spell:
    return (Fault(side, name, settings, told, words),)


def _cart(name: str, **settings: str) -> Fault:
    return Fault(CART, name, settings)


def _pos(name: str, **settings: str) -> Fault:
    return Fault(POS, name, settings)


#: One spell after the other. At first no read comes to its end, so that nothing is sent before all of that
#: was told. The spell that is weathered lets the first whole read through, and what is sent from then on
#: meets its own faults. `after` keeps those that befall any call from befalling the same one.
CART_SPELLS: Final[Sequence[Spell]] = (
    # Names are denied only here, where no read is whole: an order that comes to differ from what was judged,
    # without having changed, would wait for a run that reads it again.
    (Fault(CART, "failing_page", {}, C.CANNOT_TELL, "status 500"), _cart("no_people")),
    _told(CART, "html", C.CANNOT_TELL, "web page"),
    _told(CART, "frozen", C.CANNOT_TELL, "is frozen"),
    _told(CART, "gone_version", C.CANNOT_TELL, "is gone"),
    _told(CART, "refused_once", C.CANNOT_TELL, "though the access token is good", times="1", after="1"),
    _told(CART, "revoked_token", C.AUTH_FAILURE, "it was revoked"),
    _told(CART, "lost_scope", C.AUTH_FAILURE, "lacks the scope read_orders"),
    (
        _cart("time_out", times="1"),
        _cart("drop", times="1", after="1"),
        _cart("server_error", times="1", after="2"),
        _cart("bad_gateway", times="1", after="3"),
        _cart("internal_error", times="1"),
        _cart("throttle", times="1", after="1"),
        _cart("moving_row", times="1"),
        _cart("omitted"),
    ),
    _told(CART, "ignored_filter", C.CANNOT_TELL, "ignored the search"),
)
POS_SPELLS: Final[Sequence[Spell]] = (
    _told(POS, "missing_page", C.CANNOT_TELL, "status 500"),
    _told(POS, "html", C.CANNOT_TELL, "web page"),
    _told(POS, "bare_401", C.CANNOT_TELL, "without saying why"),
    _told(POS, "gone_version", C.CANNOT_TELL, "does not know the version"),
    _told(POS, "revoked_token", C.AUTH_FAILURE, "was revoked"),
    _told(POS, "expired_token", C.AUTH_FAILURE, "has expired"),
    _told(POS, "lost_scope", C.AUTH_FAILURE, "lacks the scope ORDERS_READ", scope="ORDERS_READ"),
    (
        _pos("throttle", times="1"),
        _pos("retry_after", seconds="1"),
        _pos("unavailable", times="1"),
        _pos("moving_row", times="1"),
        _pos("search_lag", seconds="3"),
    ),
    _told(POS, "ignored_filter", C.CANNOT_TELL, "did not answer what was asked"),
)
#: Strikes once everything was sent: no order may go out again because a key is not known any more.
FORGOTTEN: Final = _pos("forgotten_keys", times="1")
#: A sale over the counter that is handed in 15 seconds late.
OFFLINE: Final = _pos("offline_register", hours="0.004")
#: The shop's search shows a new order only after these seconds.
LAGGING: Final = _cart("search_lag", seconds="3")
#: What befalls orders while they are sent, by the fate that is named so; each is meant for one order.
ON_THE_WAY: Final[Mapping[str, Mapping[str, str]]] = {
    "fail_before": {"of": "orders"},
    "fail_after": {"of": "payments"},
    "drop_before": {"of": "orders"},
    "drop_after": {"of": "orders"},
    "hang_before": {"of": "orders"},
    "hang_after": {"of": "orders"},
    "tax_error": {},
    "unknown_item": {},
}
#: Those that Square refuses for good, with what the order is called then.
REFUSED: Final = {"tax_error": C.POS_ERROR, "unknown_item": C.UNMAPPED_SKU}


def aimed(name: str, reference: str) -> Fault:
    """Return a fault of ``ON_THE_WAY`` that is meant for one order."""
    return _pos(name, **ON_THE_WAY[name], times="1", reference=reference)


def of_connections() -> list[Fault]:
    """Return every fault that is no single order's."""
    spells = [fault for spell in (*CART_SPELLS, *POS_SPELLS) for fault in spell]
    return [*spells, FORGOTTEN, OFFLINE]
