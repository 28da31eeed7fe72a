"""What goes wrong between us and the merchant over HTTP: faults of its sandboxes, one scene after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from adapters.square.sandbox import TOKEN
from reconciler.demo.street import CART, CHANNEL, NAME, POS, Street, sale_of
from reconciler.demo.watch import Look
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.verdict import Classification

_PATIENCE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one side's sandbox, with its settings."""

    side: str
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spell:
    """Faults that last until the program has noticed, or only so often."""

    story: str
    faults: Sequence[Fault]
    #: The connection and what must be said of it before the spell is over.
    noticed: tuple[str, Classification]


#: A call that fails is repeated; what is still wrong then, or cannot pass, is told of the connection.
SPELLS: Final = (
    Spell(
        "Shopify fails, and then a login page stands before it",
        (Fault("cart", "server_error", {"times": "1"}), Fault("cart", "html")),
        (CART, Classification.CANNOT_TELL),
    ),
    Spell(
        "Square's search fails, and then a login page stands before it",
        (Fault("pos", "missing_page", {"times": "1"}), Fault("pos", "html")),
        (POS, Classification.CANNOT_TELL),
    ),
    Spell(
        "Square knows our token no more",
        (Fault("pos", "revoked_token"),),
        (POS, Classification.AUTH_FAILURE),
    ),
)
#: What is wrong while the missing orders are sent; it passes by being used up.
FINALE: Final = (
    Fault("cart", "throttle", {"times": "1"}),
    Fault("cart", "server_error", {"times": "1"}),
    Fault("pos", "missing_page", {"times": "1"}),
    Fault("pos", "unavailable", {"times": "1"}),
    Fault("pos", "throttle", {"times": "1"}),
    Fault("pos", "search_lag", {"seconds": "3"}),
    Fault("pos", "drop_after", {"times": "1", "of": "orders"}),
    Fault("pos", "fail_after", {"times": "1", "of": "payments"}),
)


@dataclass
class Weather:
    """The merchant over HTTP while the demo runs. ``play`` does what is due and tells of it."""

    street: Street
    #: The addresses of both sandboxes, by side.
    urls: Mapping[str, str]
    tell: Callable[[str], None]
    spell: int = 0

    def begin(self) -> None:
        """Let the other integration deliver what it delivers, and the first spell begin."""
        variations = self._variations()
        with httpx.Client(base_url=self.urls["pos"], timeout=_PATIENCE) as client:
            for at, row in self.street.sales:
                sale = sale_of(row, variations)
                _checked(client.post("/_sandbox/sales", params={"at": at.isoformat()}, json=sale))
        self._switch_on(SPELLS[0].faults)

    def play(self, _elapsed: float, look: Look) -> None:
        """Go on to the next spell once the program has said what is wrong."""
        if self.over:
            return
        now = SPELLS[self.spell]
        name, said = now.noticed
        if said not in look.ever.get((CHANNEL, f"connection:{name}"), frozenset()):
            return
        self.tell(f"{NAME}: {now.story}; that was noticed, and passes")
        self.spell += 1
        following = [*(spell.faults for spell in SPELLS), FINALE]
        self._switch_on(following[self.spell])
        for fault in now.faults:
            self._call("DELETE", fault)

    @property
    def over(self) -> bool:
        """Say whether every spell was noticed."""
        return self.spell == len(SPELLS)

    def _switch_on(self, faults: Sequence[Fault]) -> None:
        for fault in faults:
            self._call("POST", fault)

    def _call(self, method: str, fault: Fault) -> None:
        url = f"{self.urls[fault.side]}/_sandbox/faults/{fault.name}"
        params = dict(fault.settings) if method == "POST" else {}
        _checked(httpx.request(method, url, params=params, timeout=_PATIENCE))

    def _variations(self) -> dict[str, str]:
        """Return the till's articles by SKU."""
        answer = _checked(
            httpx.get(
                f"{self.urls['pos']}/v2/catalog/list",
                params={"types": "ITEM"},
                headers={"authorization": f"Bearer {TOKEN}", "square-version": "2025-08-20"},
                timeout=_PATIENCE,
            )
        )
        found = [row for item in answer.json()["objects"] for row in item["item_data"]["variations"]]
        return {row["item_variation_data"]["sku"]: row["id"] for row in found}


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        path = answer.request.url.path
        raise ReconcilerError(f"a sandbox answered {answer.status_code} to {path}: {answer.text[:200]}")
    return answer
