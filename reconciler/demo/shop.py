"""One merchant's day while it is being made: its orders, what the POS has of them, and the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from reconciler.demo.trades import Article, Trade
from reconciler.demo.truth import End, Label
from reconciler.domain.money import format_minor
from reconciler.domain.orders import CartOrder, Customer, Line, PaymentStatus, PosOrder, Source
from reconciler.domain.policy import DownloadRule, Policy
from reconciler.domain.verdict import Classification

#: How far back the orders of a world reach.
SPAN: Final = timedelta(hours=20)
#: The youngest order that is there from the start.
YOUNGEST: Final = timedelta(minutes=2)
#: How long the integration takes at most; ``Shop.quiet`` leaves room for what happens after that.
SLOWEST: Final = timedelta(minutes=7)
#: How a till may mistreat an order of this world; see ``TillFaults``.
TILL_FAULTS: Final = ("refuse", "drop_lines", "wrong_total", "delayed")
#: Hours that a trade does not name get this weight.
QUIET: Final = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """An order number and the moment at which it was given out."""

    reference: str
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """An order that is placed while the demo runs, seconds after its start."""

    at: float
    order: CartOrder
    #: What the other integration brings to the POS, late but inside the grace; None: nothing.
    record: PosOrder | None = None


class Shop:
    """A merchant's orders and records. Faults and traps add to it; ``fill`` makes the rest agree."""

    def __init__(self, trade: Trade, rng: Random, policy: Policy, now: datetime, orders: int) -> None:
        self.trade = trade
        self.rng = rng
        self.now = now
        self.policy = policy
        self.cart: list[CartOrder] = []
        self.pos: list[PosOrder] = []
        #: What somebody handed to the till before the demo began.
        self.outbox: list[tuple[CartOrder, datetime]] = []
        self.arrivals: list[Arrival] = []
        self.labels: list[Label] = []
        #: Which orders the till mistreats, by fault.
        self.till_faults: dict[str, list[str]] = {fault: [] for fault in TILL_FAULTS}
        #: The POS file breaks off in the middle for a while.
        self.torn = False
        self._turns: Counter[str] = Counter()
        self._pos_ids: set[str] = set()
        self._slots = self._number(orders)
        self._customers = self._strangers()

    @property
    def local(self) -> ZoneInfo:
        """The merchant's time zone."""
        return ZoneInfo(self.trade.timezone)

    @property
    def settled(self) -> datetime:
        """What happened before this moment is out of every grace."""
        return self.now - max(self.policy.grace * 1.25, timedelta(minutes=1))

    @property
    def quiet(self) -> datetime:
        """What was placed before this moment has had time for all that its fault needs, and G."""
        return self.now - max(self.policy.grace * 1.5, timedelta(minutes=12))

    def turn(self, name: str) -> int:
        """Count the calls under a name, so that a fault comes in several variants."""
        self._turns[name] += 1
        return self._turns[name] - 1

    # Orders

    def slot(self) -> Slot:
        """Take a random number that was given out well before the end of every grace."""
        old = [index for index, slot in enumerate(self._slots) if slot.placed_at < self.quiet]
        return self._slots.pop(self.rng.choice(old))

    def rest(self) -> list[Slot]:
        """Return the numbers that nothing was made of yet."""
        return self._slots

    def next_number(self) -> str:
        """Take the newest number, for an order that is placed last."""
        return self._slots.pop().reference

    def moment(self) -> datetime:
        """Return a random moment of the day, out of every grace."""
        return self.between(self.now - SPAN * 0.9, self.quiet)

    def customer(self) -> Customer:
        """Return somebody who ordered nothing yet."""
        return self._customers.pop()

    def somebody(self) -> Customer:
        """Return anybody."""
        people = self.trade.people
        return self._customer(f"{self.rng.choice(people.given)} {self.rng.choice(people.family)}")

    def order(self, slot: Slot | None = None, *, lines: int = 0, **changes: Any) -> CartOrder:
        """Add a paid, unfulfilled order by somebody who ordered nothing else."""
        order = self.draw(slot or self.slot(), lines=lines, customer=self.customer(), **changes)
        self.cart.append(order)
        return order

    def draw(self, slot: Slot, *, lines: int = 0, customer: Customer, **changes: Any) -> CartOrder:
        """Return a paid, unfulfilled order without adding it."""
        trade, rng = self.trade, self.rng
        basket = self._basket(lines or rng.choices((1, 2, 3, 4), (5, 4, 2, 1))[0])
        method = rng.choice(list(trade.shipping))
        goods = sum(article.price * units for article, units in basket)
        discount = goods // 10 if rng.random() < 0.06 else 0
        tip = self._tip(goods)
        tax = (goods - discount) * trade.tax_per_mille // 1000
        total = goods - discount + tax + trade.shipping[method] + tip
        paid_at = slot.placed_at + timedelta(seconds=rng.randint(2, 50))
        money = {"total": total, "tax": tax, "shipping": trade.shipping[method], "discount": discount}
        fields: dict[str, Any] = {
            "paid_at": paid_at,
            "updated_at": paid_at,
            "captured": total,
            "payment_status": PaymentStatus.PAID,
            "shipping_method": method,
            "customer": customer,
            "lines": tuple(self.line(article, units) for article, units in basket),
            "tip": tip,
            "deliver_on": self._deliver_on(slot.placed_at),
        }
        named: dict[str, Any] = {"placed_at": slot.placed_at, "currency": trade.currency}
        return CartOrder(reference=slot.reference, **named | money | fields | changes)

    def replace(self, order: CartOrder, **changes: Any) -> CartOrder:
        """Change an order that was added."""
        changed = replace(order, **changes)
        self.cart[self.cart.index(order)] = changed
        return changed

    def line(self, article: Article, units: int) -> Line:
        """Return a position of an order."""
        price = Decimal(format_minor(article.price, self.trade.currency))
        return Line(article.sku, article.name, Decimal(units), price)

    # Records

    def sell(self, order: CartOrder, **changes: Any) -> PosOrder:
        """Add the POS record that answers an order, as its integration would have made it."""
        record = self.record(order, **changes)
        self.pos.append(record)
        return record

    def record(self, order: CartOrder, **changes: Any) -> PosOrder:
        """Return the POS record that answers an order, without adding it."""
        created_at = changes.pop("created_at", None) or self.created(order)
        fields: dict[str, Any] = {
            "reference": order.reference,
            "updated_at": created_at,
            "location": self.trade.location,
            "register_known": self.trade.tells_register,
            "received_at": created_at + timedelta(seconds=20) if self.trade.tells_register else None,
            "created_by": "integration",
            "total": order.total,
            "tax": order.tax,
            "shipping": order.shipping,
            "discount": order.discount,
            "tip": order.tip,
            "customer": order.customer,
            "lines": self.mapped(order.lines),
        }
        return PosOrder(
            pos_id=self.pos_id(), created_at=created_at, **{"currency": order.currency} | fields | changes
        )

    def mapped(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Spell articles as the POS does."""
        return tuple(replace(line, sku=self.trade.sku_map.get(line.sku or "", line.sku)) for line in lines)

    def created(self, order: CartOrder) -> datetime:
        """Return when the integration brought an order."""
        paid_at = order.paid_at or order.placed_at
        latest = min(paid_at + SLOWEST, self.now - timedelta(seconds=45))
        return self.between(paid_at + timedelta(seconds=10), latest)

    def pos_id(self) -> str:
        """Return an id that no other record has."""
        while (found := f"P{self.rng.randrange(10**8, 10**9)}") in self._pos_ids:
            pass
        self._pos_ids.add(found)
        return found

    def walk_in(self, at: datetime) -> None:
        """Add a sale over the counter: nobody's mismatch."""
        sale = self.draw(Slot("", at), customer=Customer())
        self.pos.append(
            self.record(sale, created_at=at, reference=None, source=Source.IN_STORE, created_by="cashier")
        )

    # Truth

    def label(self, subject: str, *classes: Classification, end: End, **more: Any) -> None:
        """Say what is really the matter with an order, a record or a connection."""
        trade = self.trade
        found = Label(
            merchant=trade.code, channel=trade.channel, subject=subject, classes=classes, end=end, **more
        )
        self.labels.append(found)

    def flag(self, order: CartOrder, *classes: Classification, note: str = "", sends: int = 0) -> None:
        """Say that a person has to be told of an order."""
        self.label(order.reference, *classes, end=End.FLAGGED, note=note, sends=sends)

    # Time

    def between(self, start: datetime, end: datetime) -> datetime:
        """Return a random moment, whole seconds; ``start`` where there is no room."""
        room = (end - start).total_seconds()
        return start + timedelta(seconds=self.rng.randrange(int(room))) if room >= 1 else start

    def later(self, moment: datetime) -> datetime:
        """Return a moment well after ``moment`` and out of every grace."""
        room = self.settled - moment
        return self.between(moment + room * 0.4, self.settled)

    # Making

    def _number(self, orders: int) -> list[Slot]:
        first = self.now - SPAN
        hours = [first + timedelta(hours=hour) for hour in range(int(SPAN / timedelta(hours=1)))]
        weights = [self.trade.busy.get(hour.astimezone(self.local).hour, QUIET) for hour in hours]
        starts = self.rng.choices(hours, weights, k=orders)
        times = sorted(min(self.between(s, s + timedelta(hours=1)), self.now - YOUNGEST) for s in starts)
        numbers = map(str, count(self.trade.first_number))
        return [Slot(number, at.replace(microsecond=0)) for number, at in zip(numbers, times, strict=False)]

    def _strangers(self) -> list[Customer]:
        people = self.trade.people
        names = [f"{given} {family}" for given in people.given for family in people.family]
        self.rng.shuffle(names)
        return [self._customer(name) for name in names]

    def _customer(self, name: str) -> Customer:
        people = self.trade.people
        number = str(self.rng.randrange(10 ** (people.digits - 1), 10**people.digits))
        mail = "".join(filter(str.isascii, name.replace(" ", ".").casefold()))
        return Customer(name, f"{people.dialling} {number[:2]} {number[2:]}", f"{mail}@example.test")

    def _basket(self, lines: int) -> list[tuple[Article, int]]:
        articles = self.rng.sample(self.trade.articles, lines)
        return [(article, self.rng.choices((1, 2, 3), (6, 3, 1))[0]) for article in articles]

    def _deliver_on(self, placed_at: datetime) -> date | None:
        """Return the day a customer asks for: of every four, one cares."""
        days = self.rng.choice((None,) * 6 + (0, 1))
        return None if days is None else (placed_at.astimezone(self.local) + timedelta(days=days)).date()

    def _tip(self, goods: int) -> int:
        tips = self.rng.random() * 1000 < self.trade.tips_per_mille
        return goods // 20 if tips else 0


def policy_of(
    trade: Trade, now: datetime, poll_interval: timedelta, grace: timedelta | None = None
) -> Policy:
    """Return how a merchant's channel is judged."""
    return Policy(
        poll_interval=poll_interval,
        grace_override=grace,
        download=DownloadRule(frozenset({"paid"}), frozenset({"unfulfilled"})),
        location=trade.location,
        live_from=(now - SPAN - timedelta(days=1)).replace(microsecond=0),
        sku_map=trade.sku_map,
        shipping_map=trade.shipping_map,
        timezone=trade.timezone,
    )
