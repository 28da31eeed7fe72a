"""A store at Square, a clock that only sleep moves, and our adapter in front of it; no socket in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from adapters.http import Tools
from adapters.sandbox import SandboxClock
from adapters.square import SquarePos, make_pos
from adapters.square.sandbox import MAIN, TOKEN, SquareSandbox, Throttle, furnish, ring_up
from adapters.square.sandbox.orders import create
from reconciler.domain.errors import VendorError
from reconciler.domain.orders import CartOrder, PosOrder
from reconciler.ports import ConnectionInfo, Coverage, Outcome, Page, Quarantined, Side, Submission
from tests.builders import cart_order, policy
from tests.simulated import Time, tools

URL = "https://square.test"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{n: 1}) for n in ("seconds", "minutes", "hours", "days"))
#: Goods at 45.00, 5.00 tax: the order that `tests.builders` makes.
POLICY = policy(location=MAIN)


@dataclass
class Read:
    """What one read came to."""

    orders: list[PosOrder] = field(default_factory=list)
    quarantined: list[Quarantined] = field(default_factory=list)
    coverage: Coverage | None = None
    error: VendorError | None = None

    @property
    def ids(self) -> set[str]:
        return {order.pos_id for order in self.orders}

    @property
    def complete(self) -> bool:
        return self.error is None and self.coverage is not None and self.coverage.complete

    def one(self, pos_id: str) -> PosOrder:
        """Return the newest version that was read of an order."""
        return [order for order in self.orders if order.pos_id == pos_id][-1]


def connect(
    tools: Tools, *, token: str = TOKEN, url: str = URL, options: Mapping[str, Any] | None = None
) -> SquarePos:
    """Return the POS adapter, made as the program makes it."""
    info = ConnectionInfo(
        id=1,
        name="rosebud/square",
        merchant="rosebud",
        side=Side.POS,
        vendor="square",
        base_url=url,
        options={"calls_per_second": 1000, **(options or {})},
    )
    return make_pos(info, {"access_token": token}, tools)


def read(pos: SquarePos, since: datetime | None, now: datetime) -> Read:
    """Read a POS and sort what came."""
    found = Read()
    try:
        for item in pos.read(since, now):
            if isinstance(item, Page):
                found.orders += [snapshot.order for snapshot in item.snapshots]
                found.quarantined += item.quarantined
            else:
                found.coverage = item
    except VendorError as error:
        found.error = error
    return found


@dataclass
class World:
    """A store and a POS adapter that works with it."""

    time: Time = field(default_factory=Time)
    sandbox: SquareSandbox = field(init=False)
    pos: SquarePos = field(init=False)

    def __post_init__(self) -> None:
        self.sandbox = SquareSandbox(clock=SandboxClock(self.time.clock))
        self.sandbox.gate.throttle = Throttle(rate=1e6, burst=1e6, offences_allowed=None)
        furnish(self.sandbox.store)
        self.pos = self.connect()

    def connect(self, **options: Any) -> SquarePos:
        """Return another adapter, as another process or another run has it."""
        return connect(tools(self.sandbox.app, self.time), options=options)

    def fault(self, name: str, **settings: Any) -> None:
        """Switch a fault on."""
        times = settings.pop("times", None)
        after = settings.pop("after", 0)
        words = {key: str(value) for key, value in settings.items()}
        self.sandbox.faults.switch_on(name, times=times, after=after, settings=words)

    def mend(self) -> None:
        """Switch all faults off."""
        self.sandbox.faults.switch_off()

    def read(self, since: datetime | None = None) -> Read:
        """Read to the end, or to the first error, as the pull service does."""
        return read(self.pos, since, self.time.now)

    def order(self, reference: str | None = "1001", location: str = MAIN, **fields: Any) -> str:
        """Let somebody else's integration make an order of 20.00; return its id."""
        line = {"name": "Roses", "quantity": "1", "base_price_money": usd(20_00)}
        wanted = {"location_id": location, "line_items": [line], "source": {"name": "Web shop"}}
        body = {"order": wanted | ({"reference_id": reference} if reference else {}) | fields}
        store = self.sandbox.store
        return str(create(store, body, self.sandbox.faults)["order"]["id"])

    def sale(self, at: datetime | None = None) -> str:
        """Let staff ring up a sale of 20.00; return its id."""
        line = {"name": "Roses", "quantity": "1", "base_price_money": usd(20_00)}
        wanted = {"location_id": MAIN, "line_items": [line]}
        return str(ring_up(self.sandbox.store, wanted, self.sandbox.faults, at)["id"])

    def prepared(self, order: CartOrder | None = None, key: str = "key-1", **changes: Any) -> Submission:
        """Return an order ready to be sent; the adapter has read the catalog, as a look before it does."""
        self.pos.catalog()
        return self.pos.prepare(order or cart_order(**changes), POLICY, key)

    def submit(self, submission: Submission | None = None) -> Outcome:
        """Send an order."""
        return self.pos.submit(submission or self.prepared(), self.time.now)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what the store's ledger says of one kind of event."""
        return [line for line in self.sandbox.ledger.lines() if line["event"] == name]


def usd(cents: int) -> dict[str, Any]:
    """Return an amount as Square writes it."""
    return {"amount": cents, "currency": "USD"}
