"""Square keeps the contract of a POS, over its sandbox."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from adapters.http import Limits
from adapters.sandbox import AppTransport, Request, Response, SandboxClock, json_response
from adapters.square.sandbox import SquareSandbox, Throttle, add_article, add_location, furnish
from adapters.square.sandbox.store import stamp
from reconciler.domain.orders import PosOrder, PosStatus, Source
from tests.builders import NOW
from tests.contract.pos_contract import PosContract
from tests.simulated import tools
from tests.unit.adapters_square.store import connect

#: A fulfilment's kind and state, and the order's, by what the POS says of it.
STATES: Final = {
    PosStatus.OPEN: ("PICKUP", "PROPOSED", "OPEN"),
    PosStatus.IN_PROGRESS: ("PICKUP", "RESERVED", "OPEN"),
    PosStatus.READY: ("PICKUP", "PREPARED", "OPEN"),
    PosStatus.COMPLETED: ("PICKUP", "COMPLETED", "COMPLETED"),
    PosStatus.SHIPPED: ("SHIPMENT", "COMPLETED", "COMPLETED"),
    PosStatus.VOIDED: ("PICKUP", "CANCELED", "CANCELED"),
    PosStatus.ATTENTION_REQUIRED: ("PICKUP", "FAILED", "OPEN"),
}


class Clock:
    """A clock that stands at NOW but for what is slept."""

    def __init__(self) -> None:
        self.slept = timedelta()

    def clock(self) -> datetime:
        """Return NOW."""
        return NOW

    def seconds(self) -> float:
        """Return how long was slept."""
        return self.slept.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let a limiter believe that time passed."""
        self.slept += timedelta(seconds=seconds)


class SquareStage:
    """A seller's account."""

    def __init__(self) -> None:
        clock = Clock()
        self.sandbox = SquareSandbox(clock=SandboxClock(clock.clock))
        self.sandbox.gate.throttle = Throttle(rate=1e6, burst=1e6, offences_allowed=None)
        furnish(self.sandbox.store)
        for place in ("main", "elsewhere"):
            add_location(self.sandbox.store, place, place)
        self.variations = {sku: add_article(self.sandbox.store, sku, sku, 500) for sku in ("R12", "FERN")} | {
            "CARD": self._variation("CARD")
        }
        self._garbage = self._gone = False
        shared = tools(AppTransport(self._answer), clock)  # type: ignore[arg-type]
        # All of it in one search, and a look back of a year.
        self.pos = connect(replace(shared), options={"lookup_days": 400, "history_days": 400})
        self.pos._bench.api.http.limits = Limits(body_bytes=8 * 1024 * 1024, tries=2)
        self.pos.catalog()

    def _variation(self, sku: str) -> str:
        rows = self.sandbox.store.catalog.values()
        return next(
            str(row["id"]) for row in rows if (row.get("item_variation_data") or {}).get("sku") == sku
        )

    def _answer(self, request: Request) -> Response:
        if self._gone:
            raise httpx.ConnectError("gone")
        response = self.sandbox.app(request)
        if self._garbage and request.path == "/v2/orders/search":
            body = json.loads(response.body)
            return json_response({**body, "orders": ["oops", *body.get("orders", [])]})
        return response

    def put(self, *records: PosOrder) -> None:
        """Make the store hold these records."""
        for record in records:
            self.sandbox.store.put_order(self._order(record), record.created_at)

    def _order(self, record: PosOrder) -> dict[str, Any]:
        total = {"amount": record.total, "currency": record.currency}
        kind, stage, state = STATES[record.status]
        lines = [
            {
                "uid": f"l{number}",
                "quantity": f"{line.quantity:f}",
                "name": line.name,
                "catalog_object_id": self.variations.get(line.sku or "", f"V-{line.sku}"),
            }
            for number, line in enumerate(record.lines or ())
        ]
        source = {"source": {"name": "Web shop"}} if record.source is Source.ONLINE else {}
        reference = {"reference_id": record.reference} if record.reference else {}
        return {
            "id": record.pos_id,
            "location_id": record.location,
            "state": state,
            "created_at": stamp(record.created_at),
            "updated_at": stamp(record.updated_at or record.created_at),
            "line_items": lines,
            "fulfillments": [{"uid": "f", "type": kind, "state": stage}],
            "total_money": total,
            "net_amount_due_money": {"amount": 0, "currency": record.currency},
            **source,
            **reference,
        }

    def put_garbage(self) -> None:
        """Make the search answer with something among its orders that is none."""
        self._garbage = True

    def break_off(self) -> None:
        """Make the search fail in the middle."""
        self.sandbox.faults.switch_on("missing_page")

    def vanish(self) -> None:
        """Make Square unreachable."""
        self._gone = True

    def work(self) -> None:
        """Do nothing: Square takes an order at once."""


class TestSquarePos(PosContract):
    """A POS at Square."""

    @pytest.fixture
    def stage(self, tmp_path) -> SquareStage:
        """A store without orders."""
        return SquareStage()
