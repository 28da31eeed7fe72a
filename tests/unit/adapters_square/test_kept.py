"""What an adapter keeps between calls: after a call that broke off, and when it is told twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.square.catalog import SquareCatalog
from adapters.square.payload import order_of
from adapters.square.refunds import Refunds
from reconciler.domain.errors import UnreachableError
from tests.builders import NOW
from tests.unit.adapters_square.store import usd

TAX = {"type": "TAX", "id": "T1"}


def test_a_catalog_that_broke_off_is_read_anew_and_its_taxes_counted_once():
    """Otherwise they look changed, and what was refused for them is sent again for nothing."""
    breaks = iter([False, True, False, False, False, False])

    def ask(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if next(breaks):
            raise UnreachableError("broken off")
        return {} if "cursor" in body else {"objects": [TAX], "cursor": "2"}

    def catalog() -> SquareCatalog:
        return SquareCatalog(cast("Any", SimpleNamespace(ask=ask, site="square.test")))

    broken = catalog()
    with pytest.raises(UnreachableError):
        broken.variations()
    assert broken.fingerprints() == catalog().fingerprints()


@pytest.mark.parametrize("told_first", [True, False], ids=["told, then asked", "asked, then told"])
def test_what_an_old_sale_gave_back_counts_in_full_and_once(told_first: bool):
    """The feed shows its latest refund only; the payment itself knows all of them."""
    latest = {"id": "R2", "payment_id": "PAY", "status": "COMPLETED", "amount_money": usd(3_00)}

    def listing(_path: str, **_: str) -> Iterator[dict[str, Any]]:
        yield {"refunds": [latest]}

    payment = {"payment": {"refunded_money": usd(8_00)}}
    api = SimpleNamespace(get=lambda _: payment, listing=listing, site="square.test")
    refunds = Refunds(cast("Any", api))
    steps = [lambda: refunds.changed(NOW), lambda: refunds.ask("PAY")]
    for step in steps if told_first else reversed(steps):
        step()
    order = order_of({"id": "O1", "location_id": "L", "tenders": [{"id": "PAY", "payment_id": "PAY"}]})
    assert refunds.of(order) == 8_00
