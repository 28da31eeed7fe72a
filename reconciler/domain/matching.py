"""Matching without a reference: tickets that staff keyed in by hand.

A match only ever blocks a re-send and asks a person; it never links by itself.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.domain.differences import line_counts
from reconciler.domain.orders import PAID, CartOrder, PosOrder, PosStatus
from reconciler.domain.policy import KEYED_AFTER, KEYED_BEFORE, PHONE_DIGITS, WEIGHTS


@dataclass(frozen=True, slots=True)
class TicketMatch:
    """A hand-keyed ticket that may well be this order."""

    pos_id: str
    created_at: datetime
    score: int
    agrees: tuple[str, ...]
    differs: tuple[str, ...]


def name_key(name: str | None) -> tuple[str, ...]:
    """Reduce a name to its words: no case, accents, punctuation or order.

    >>> name_key("O'Hara, José") == name_key("JOSE OHARA")
    True
    """
    plain = unicodedata.normalize("NFKD", (name or "").casefold())
    return tuple(sorted("".join(map(_name_character, plain)).split()))


def _name_character(character: str) -> str:
    if character.isalnum():
        return character
    return "" if unicodedata.combining(character) or character in "'\u2019.`" else " "


def same_phone(left: str | None, right: str | None) -> bool | None:
    """Compare phones by digits, a missing country code forgiven; None when one is not known.

    >>> same_phone("+1 (928) 746-9282", "9287469282"), same_phone("555", "9287469282")
    (True, None)
    """
    a, b = ("".join(filter(str.isdigit, text or "")).lstrip("0") for text in (left, right))
    if min(len(a), len(b)) < PHONE_DIGITS:
        return None
    return a.endswith(b) or b.endswith(a)


def match_ticket(order: CartOrder, ticket: PosOrder, sku_map: Mapping[str, str]) -> TicketMatch | None:
    """Compare an order with a ticket of the same total; return the match when it deserves a question.

    Two of name, phone, time and lines must agree, name or phone among them. An order that nobody waits for
    (unpaid, cancelled, a test) asks nothing, so that it cannot take the ticket from one that is waited for.
    """
    if order.dead or order.test or order.draft or order.payment_status not in PAID:
        return None
    if ticket.reference or ticket.status is PosStatus.VOIDED:
        return None
    if (ticket.total, ticket.currency) != (order.total, order.currency):
        return None
    names = name_key(order.customer.name), name_key(ticket.customer.name)
    verdicts = {
        "name": names[0] == names[1] if all(names) else None,
        "phone": same_phone(order.customer.phone, ticket.customer.phone),
        "time": -KEYED_BEFORE <= ticket.created_at - order.placed_at <= KEYED_AFTER,
        "lines": _same_lines(order, ticket, sku_map),
    }
    agrees = tuple(name for name in WEIGHTS if verdicts[name])
    if len(agrees) < 2 or not {"name", "phone"} & set(agrees):
        return None
    differs = tuple(name for name in WEIGHTS if verdicts[name] is False)
    return TicketMatch(ticket.pos_id, ticket.created_at, sum(WEIGHTS[n] for n in agrees), agrees, differs)


def assign_tickets(matches: Iterable[tuple[CartOrder, TicketMatch]]) -> dict[str, TicketMatch]:
    """Give each ticket to one order, the best score first; return the match by order reference."""
    taken: set[str] = set()
    given: dict[str, TicketMatch] = {}
    for order, match in sorted(matches, key=_preference):
        if order.reference not in given and match.pos_id not in taken:
            given[order.reference] = match
            taken.add(match.pos_id)
    return given


def _preference(pair: tuple[CartOrder, TicketMatch]) -> tuple[int, timedelta, str, str]:
    order, match = pair
    return -match.score, abs(match.created_at - order.placed_at), order.reference, match.pos_id


def _same_lines(order: CartOrder, ticket: PosOrder, sku_map: Mapping[str, str]) -> bool | None:
    if ticket.lines is None or not order.lines:
        return None
    return line_counts(order.lines, sku_map) == line_counts(ticket.lines)
