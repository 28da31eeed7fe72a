"""The amounts of an order as Square will reckon them, so that its total is the cart's to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from reconciler.domain.money import exponent, format_minor
from reconciler.domain.orders import CartOrder, Line

#: Square takes taxes by rate only; more places than these it may not heed.
PLACES: Final = 5


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax on the goods, by the rate that comes to exactly the cart's amount."""

    percentage: str
    inclusive: bool


@dataclass(frozen=True, slots=True)
class Amounts:
    """What an order is made of, minor units."""

    #: The price of one unit, line by line.
    prices: tuple[int, ...]
    shipping: int
    discount: int
    tip: int
    tax: Tax | None


class UnpayableError(ValueError):
    """The order's amounts cannot be told to Square."""

    def __init__(self, reason: str, *, about_tax: bool = False) -> None:
        super().__init__(reason)
        self.about_tax = about_tax


def amounts(order: CartOrder, prices: tuple[int, ...]) -> Amounts:
    """Put an order's amounts together; raise UnpayableError when they do not come to its total."""
    goods = sum(_extended(line, price) for line, price in zip(order.lines, prices, strict=True))
    tax, shipping = order.tax or 0, order.shipping or 0
    discount, tip = order.discount or 0, order.tip or 0
    if min(goods, tax, shipping, discount, tip) < 0:
        raise UnpayableError("one of its amounts is negative")
    plain = goods + shipping + tip - discount
    if order.total not in {plain, plain + tax}:
        raise UnpayableError(_sum(order, goods, tax, plain))
    inclusive = order.total == plain
    base = goods - discount - (tax if inclusive else 0)
    rate = _tax(order, tax, base, inclusive=inclusive) if tax else None
    return Amounts(prices, shipping, discount, tip, rate)


def unit_price(line: Line, currency: str) -> int | None:
    """Return the price of a line's unit in minor units; None where it is not told.

    Raises UnpayableError for a price finer than the currency's smallest unit, which Square cannot take.
    """
    if line.unit_price is None:
        return None
    minor = line.unit_price * 10 ** exponent(currency)
    if minor != int(minor):
        raise UnpayableError(f"the price of {line.sku} is finer than Square's smallest unit of {currency}")
    return int(minor)


def percentage(tax: int, base: int) -> str | None:
    """Return the shortest rate by which Square reckons exactly ``tax`` on ``base``; None when there is none.

    Square reckons on the whole order and rounds halves to even.

    >>> percentage(510, 5666), percentage(229, 2575), percentage(1, 0)
    ('9', '8.9', None)
    """
    if not 0 < tax <= base:
        return None
    exact = Decimal(tax) * 100 / base
    for places in range(PLACES + 1):
        rate = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
        if reckoned(rate, base) == tax:
            return f"{rate:f}"
    return None


def reckoned(rate: Decimal, base: int) -> int:
    """Return the tax on an amount as Square rounds it.

    >>> reckoned(Decimal("10"), 545), reckoned(Decimal("11.75"), 3020)
    (54, 355)
    """
    return int((base * rate / 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def _extended(line: Line, price: int) -> int:
    return int((line.quantity * price).quantize(Decimal(1), ROUND_HALF_EVEN))


def _tax(order: CartOrder, tax: int, base: int, *, inclusive: bool) -> Tax:
    rate = percentage(tax, base)
    if rate is None:
        currency = order.currency
        raise UnpayableError(
            f"Square takes taxes by rate, and no rate makes {format_minor(tax, currency)} {currency} of "
            f"{format_minor(base, currency)} {currency}",
            about_tax=True,
        )
    return Tax(rate, inclusive)


def _sum(order: CartOrder, goods: int, tax: int, plain: int) -> str:
    def money(amount: int) -> str:
        return format_minor(amount, order.currency)

    parts = {"goods": goods, "shipping": order.shipping or 0, "tip": order.tip or 0, "tax": tax}
    told = ", ".join(f"{name} {money(amount)}" for name, amount in parts.items() if amount)
    less = f" less discount {money(order.discount)}" if order.discount else ""
    return (
        f"its parts ({told}{less}) come to {money(plain + tax)} and not to its total of "
        f"{money(order.total)} {order.currency}"
    )
