"""Reckons an order's amounts as Square publishes it: by rate on the whole order, halves to even, shared out.

Discounts by rate come before those by amount, the smaller rate first; taxes come last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from adapters.square.sandbox.store import Row


def reckon(order: Row, currency: str) -> None:
    """Fill in every amount of an order, in place."""
    lines = order.get("line_items") or []
    charges = order.get("service_charges") or []
    for line in lines:
        _open_line(line, currency)
    _discount(order, lines, currency)
    for charge in charges:
        _charge(charge, lines, currency)
    _tax(order, lines, charges, currency)
    for line in lines:
        _close_line(line, currency)
    _totals(order, lines, charges, currency)


def money(amount: int, currency: str) -> Row:
    """Return an amount as Square writes it."""
    return {"amount": amount, "currency": currency}


def amount(found: Any) -> int:
    """Return the minor units of an amount; none is nothing."""
    return int(found["amount"]) if found else 0


def _half_even(number: Decimal) -> int:
    return int(number.quantize(Decimal(1), ROUND_HALF_EVEN))


def _open_line(line: Row, currency: str) -> None:
    quantity = Decimal(line["quantity"])
    extra = Decimal(0)
    for modifier in line.get("modifiers") or []:
        each = amount(modifier.get("base_price_money")) * Decimal(modifier.get("quantity") or 1)
        modifier["total_price_money"] = money(_half_even(each * quantity), currency)
        extra += each
    base = amount(line.get("base_price_money"))
    line["variation_total_price_money"] = money(_half_even(base * quantity), currency)
    line["gross_sales_money"] = money(_half_even((base + extra) * quantity), currency)
    line["_left"] = amount(line["gross_sales_money"])
    line["_discount"] = line["_tax"] = line["_included"] = 0
    line.setdefault("item_type", "ITEM")


def _discount(order: Row, lines: Sequence[Row], currency: str) -> None:
    for discount in sorted(order.get("discounts") or [], key=_rank):
        chosen = _chosen(discount, lines, "applied_discounts", "discount_uid")
        base = sum(line["_left"] for line in chosen)
        if discount.get("percentage"):
            discount.setdefault("type", "FIXED_PERCENTAGE")
            whole = _half_even(base * Decimal(discount["percentage"]) / 100)
        else:
            discount.setdefault("type", "FIXED_AMOUNT")
            whole = min(base, amount(discount.get("amount_money")))
        discount["applied_money"] = money(whole, currency)
        for line, part in zip(chosen, _shares(whole, [line["_left"] for line in chosen]), strict=True):
            line["_left"] -= part
            line["_discount"] += part


def _rank(discount: Row) -> tuple[bool, Decimal]:
    return not discount.get("percentage"), Decimal(discount.get("percentage") or 0)


def _chosen(part: Row, lines: Sequence[Row], applied: str, uid: str) -> list[Row]:
    if part.get("scope", "ORDER") == "ORDER":
        return list(lines)
    return [line for line in lines if any(one.get(uid) == part["uid"] for one in line.get(applied) or [])]


def _shares(whole: int, weights: Sequence[int]) -> list[int]:
    """Share an amount out by weight, so that the shares come to exactly it."""
    total = sum(weights)
    shares, given, weighed = [], 0, 0
    for weight in weights:
        weighed += weight
        upto = _half_even(Decimal(whole) * weighed / total) if total else 0
        shares.append(upto - given)
        given = upto
    return shares


def _charge(charge: Row, lines: Sequence[Row], currency: str) -> None:
    if charge.get("percentage"):
        base = sum(line["_left"] for line in lines)
        applied = _half_even(base * Decimal(charge["percentage"]) / 100)
    else:
        applied = amount(charge.get("amount_money"))
    charge["applied_money"] = money(applied, currency)
    charge.setdefault("type", "CUSTOM")
    charge.setdefault("treatment_type", "LINE_ITEM_TREATMENT")
    charge["_left"], charge["_tax"], charge["_included"] = applied, 0, 0


def _tax(order: Row, lines: Sequence[Row], charges: Sequence[Row], currency: str) -> None:
    taxable = [charge for charge in charges if charge.get("taxable")]
    for tax in order.get("taxes") or []:
        tax.setdefault("type", "ADDITIVE")
        whole_order = tax.get("scope", "ORDER") == "ORDER"
        chosen = _chosen(tax, lines, "applied_taxes", "tax_uid") + (taxable if whole_order else [])
        base = sum(part["_left"] for part in chosen)
        rate = Decimal(tax["percentage"])
        inclusive = tax["type"] == "INCLUSIVE"
        whole = _half_even(base * rate / (100 + rate if inclusive else 100))
        tax["applied_money"] = money(whole, currency)
        for part, share in zip(chosen, _shares(whole, [part["_left"] for part in chosen]), strict=True):
            part["_tax"] += share
            part["_included"] += share if inclusive else 0


def _close_line(line: Row, currency: str) -> None:
    left, tax, included = line.pop("_left"), line.pop("_tax"), line.pop("_included")
    line["total_discount_money"] = money(line.pop("_discount"), currency)
    line["total_tax_money"] = money(tax, currency)
    line["total_service_charge_money"] = money(0, currency)
    line["total_money"] = money(left + tax - included, currency)


def _totals(order: Row, lines: Sequence[Row], charges: Sequence[Row], currency: str) -> None:
    for charge in charges:
        tax, included = charge.pop("_tax"), charge.pop("_included")
        charge["total_tax_money"] = money(tax, currency)
        charge["total_money"] = money(charge.pop("_left") + tax - included, currency)

    def summed(rows: Sequence[Row], name: str) -> int:
        return sum(amount(row[name]) for row in rows)

    tip = amount(order.get("total_tip_money"))
    tax = summed(lines, "total_tax_money") + summed(charges, "total_tax_money")
    service = summed(charges, "applied_money")
    parts: dict[str, int] = {
        "total": summed(lines, "total_money") + summed(charges, "total_money") + tip,
        "tax": tax,
        "discount": summed(lines, "total_discount_money"),
        "tip": tip,
        "service_charge": service,
    }
    as_money: Callable[[int], Row] = lambda minor: money(minor, currency)  # noqa: E731 - three uses below
    for name in ("tax", "discount", "tip", "service_charge"):
        order[f"total_{name}_money"] = as_money(parts[name])
    order["total_money"] = as_money(parts["total"])
    order["net_amounts"] = {f"{name}_money": as_money(minor) for name, minor in parts.items()}
    paid = sum(amount(tender.get("amount_money")) for tender in order.get("tenders") or [])
    order["net_amount_due_money"] = as_money(parts["total"] - paid)
