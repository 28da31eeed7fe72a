"""Every order in Square's own material, recorded or published, is translated or quarantined with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from adapters.square.payload import UntranslatableError, order_of
from adapters.square.translate import amount_due, reference_of, translate
from reconciler.domain.orders import PosStatus, Source
from tests.unit.adapters_square.judge import Judge
from tests.vendor_data import recorded, vendor_data


def orders() -> Iterator[tuple[str, Any]]:
    """Yield every order of the material, with where it stands."""
    for path, content in recorded(vendor_data("square") / "fixtures"):
        yield from _orders(content, path.name)


def _orders(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _orders(item, f"{place}[{number}]")
    elif isinstance(value, dict):
        if "id" in value and "location_id" in value and ("line_items" in value or "returns" in value):
            yield place, value
        for name, inner in value.items():
            yield from _orders(inner, f"{place}/{name}")


def test_every_order_is_translated_or_quarantined_for_a_stated_reason(capsys):
    """Counted in the output; only published examples that lack half of an order are set aside."""
    outcome: Counter[str] = Counter()
    set_aside: list[str] = []
    for place, payload in orders():
        try:
            order = order_of(payload)
            if order.is_draft:
                outcome["a basket, ignored"] += 1
                continue
            translate(order, {})
            outcome["translated"] += 1
        except UntranslatableError as error:
            outcome[f"quarantined: {error.message}"] += 1
            set_aside.append(place)
    with capsys.disabled():
        told = "; ".join(f"{count} {what}" for what, count in sorted(outcome.items()))
        print(f"\nSquare's own orders: {told}")  # noqa: T201 - the figures belong to the result
    assert outcome["translated"] == 11
    assert not [place for place in set_aside if "recorded" in place]
    assert set(outcome) == {
        "translated",
        "a basket, ignored",
        "quarantined: its state is none that Square describes",
    }


def test_the_recorded_orders_say_what_they_are():
    """Paid though open, unpaid and open, paid with the delivery charge as a line."""
    found = {place.split(".")[0].split("/")[0]: payload for place, payload in orders()}
    shop = translate(order_of(found["recorded_order_square_online_paid_but_OPEN"]), {})
    assert (shop.status, shop.total, shop.reference, shop.source) == (
        PosStatus.OPEN,
        3000,
        "298597638",
        Source.ONLINE,
    )
    unpaid = order_of(found["recorded_sandbox_order_open_unpaid_custom_item"])
    assert (amount_due(unpaid), reference_of(unpaid)) == (200, "PLATE_XXXX123456")
    assert translate(unpaid, {}).status is PosStatus.ATTENTION_REQUIRED
    pickup = translate(order_of(found["sandbox_shape_order_pickup_paid_but_OPEN_gbp"]), {})
    assert (pickup.total, pickup.shipping, pickup.currency) == (1850, 350, "GBP")
    assert len(pickup.lines or ()) == 1


def test_the_recorded_orders_are_orders_by_the_published_schema():
    """The judge is sound: what Square itself sent, it lets pass; what is broken, it does not."""
    judge = Judge()
    whole = dict(orders())
    paid = next(value for place, value in whole.items() if "square_online_paid" in place)
    assert judge.object("Order", paid) == []
    assert judge.object("Order", paid | {"state": "LOST"}) != []
    assert judge.object("Order", paid | {"line_items": [{"quantity": 1}]}) != []
    assert judge.object("Order", paid | {"reference": "1001"}) == ["Order: unknown field reference"]
