"""What goes wrong between us and the merchant over HTTP: faults of its sandboxes, one spell after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from adapters.square.sandbox import TOKEN
from reconciler.demo import sandbox_faults as faults
from reconciler.demo.sandbox_faults import Fault, Spell
from reconciler.demo.street import CART, CHANNEL, LATEST, NAME, POS, Street, latest_order, sale_of
from reconciler.demo.watch import Look
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.queue import QueueStatus

_PATIENCE: Final = 10.0
_CONNECTIONS: Final = {faults.CART: CART, faults.POS: POS}
_SPELLS: Final = {faults.CART: faults.CART_SPELLS, faults.POS: faults.POS_SPELLS}
#: Where an order's way ends, one way or the other.
_SETTLED: Final = frozenset({QueueStatus.SUCCESS, QueueStatus.FAILED})


@dataclass
class Weather:
    """The merchant over HTTP while the demo runs. ``play`` does what is due and tells of it."""

    street: Street
    #: The addresses of both sandboxes, by side.
    urls: Mapping[str, str]
    tell: Callable[[str], None]
    #: Faults that struck, and were told of where they have to be.
    met: set[str] = field(default_factory=set)
    #: The place of each side in its row of spells.
    place: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SPELLS, 0))
    ordered: bool = False
    forgetting: bool = False
    over: bool = False
    #: One for all calls, since making one takes longer than most of them; it keeps no connection open.
    _client: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Open the way to both sandboxes."""
        self._client = httpx.Client(timeout=_PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))

    def begin(self) -> None:
        """Let the other integration deliver what it delivers, and the first spells begin."""
        variations = self._variations()
        walk_in = sale_of(self.street.sales[0][1], variations) | {"reference_id": None}
        for at, row in self.street.sales:
            self._sell(sale_of(row, variations), at=at.isoformat())
        self._switch_on(faults.OFFLINE)
        self._sell(walk_in)
        self._switch_off(faults.OFFLINE)
        for fault in (*self.street.aimed, *self._spell(faults.CART), *self._spell(faults.POS)):
            self._switch_on(fault)

    def play(self, _elapsed: float, look: Look) -> None:
        """Go on to the next spell of each side once the program has met all of this one."""
        if self.over:
            return
        self._note(look)
        for side in _SPELLS:
            self._move_on(side)
        if self.place[faults.CART] == len(faults.CART_SPELLS):
            self._order()
        if self.place[faults.POS] == len(faults.POS_SPELLS) and self._all_sent(look):
            self._forget()
        if self.met >= {label.fault for label in self.street.labels if label.fault}:
            self._clear_up()

    def _note(self, look: Look) -> None:
        """Add the faults that were met meanwhile."""
        struck = {side: self._struck(side) for side in _SPELLS}
        on = [fault for side in _SPELLS for fault in self._spell(side)]
        for fault in (*on, *self.street.aimed, faults.OFFLINE, faults.FORGOTTEN):
            if struck[fault.side][fault.name] and _noticed(fault, look):
                self.met.add(fault.key)
        if (CHANNEL, str(LATEST)) in look.verdicts:
            self.met.add(faults.LAGGING.key)

    def _spell(self, side: str) -> Spell:
        place = self.place[side]
        return _SPELLS[side][place] if place < len(_SPELLS[side]) else ()

    def _move_on(self, side: str) -> None:
        now = self._spell(side)
        if not now or not self.met >= {fault.key for fault in now}:
            return
        names, told = ", ".join(fault.name for fault in now), now[0].told
        end = f"noticed ({told})" if told else "weathered"
        self.tell(f"{NAME}: {faults.VENDORS[side].title()} {names}: {end}")
        self.place[side] += 1
        for fault in now:
            self._switch_off(fault)
        for fault in self._spell(side):
            self._switch_on(fault)

    def _order(self) -> None:
        """Let a customer order at the shop, whose search does not show it yet."""
        if self.ordered:
            return
        self.ordered = True
        self._switch_on(faults.LAGGING)
        self._ask("POST", faults.CART, "orders", json=latest_order(datetime.now(UTC)))
        self.tell(f"{NAME}: a customer places order {LATEST}, which Shopify's search does not show yet")

    def _all_sent(self, look: Look) -> bool:
        states = [status for (channel, _), status in look.queue.items() if channel == CHANNEL]
        return len(states) >= self.street.to_send and _SETTLED.issuperset(states)

    def _forget(self) -> None:
        if not self.forgetting:
            self.forgetting = True
            self._switch_on(faults.FORGOTTEN)

    def _clear_up(self) -> None:
        """End every fault: whoever looks around afterwards finds both vendors well."""
        for side in _SPELLS:
            self._ask("DELETE", side, "faults")
        self.over = True
        self.tell(f"{NAME}: both vendors are well again")

    def _struck(self, side: str) -> dict[str, int]:
        listed = self._ask("GET", side, "faults")
        return {name: fault["struck"] for name, fault in listed["faults"].items()}

    def _sell(self, sale: Mapping[str, Any], **params: str) -> None:
        self._ask("POST", faults.POS, "sales", params=params, json=sale)

    def _switch_on(self, fault: Fault) -> None:
        self._ask("POST", fault.side, f"faults/{fault.name}", params=dict(fault.settings))

    def _switch_off(self, fault: Fault) -> None:
        self._ask("DELETE", fault.side, f"faults/{fault.name}")

    def _ask(self, method: str, side: str, what: str, **more: Any) -> Any:
        """Call a sandbox's own address."""
        return _answer(self._client.request(method, f"{self.urls[side]}/_sandbox/{what}", **more))

    def _variations(self) -> dict[str, str]:
        """Return the till's articles by SKU."""
        listed = _answer(
            self._client.get(
                f"{self.urls[faults.POS]}/v2/catalog/list",
                params={"types": "ITEM"},
                headers={"authorization": f"Bearer {TOKEN}", "square-version": "2025-08-20"},
            )
        )
        found = [row for item in listed["objects"] for row in item["item_data"]["variations"]]
        return {row["item_variation_data"]["sku"]: row["id"] for row in found}


def _noticed(fault: Fault, look: Look) -> bool:
    """Say whether a fault that struck was told of, in words that fit, where that has to be."""
    if fault.told is None:
        return True
    said = look.told.get((CHANNEL, f"connection:{_CONNECTIONS[fault.side]}"), frozenset())
    return any(name is fault.told and fault.words in (reason or "") for name, reason in said)


def _answer(answer: httpx.Response) -> Any:
    if answer.is_error:
        path = answer.request.url.path
        raise ReconcilerError(f"a sandbox answered {answer.status_code} to {path}: {answer.text[:200]}")
    return answer.json()
