"""Sales that staff ring up at a till of the store, online or not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.sandbox import Faults
from adapters.square.sandbox.ordering import build
from adapters.square.sandbox.reckoning import amount, money
from adapters.square.sandbox.store import Row, Store, stamp

#: How long a till may stay offline before its sales are handed in.
LATE: Final = timedelta(hours=72)


def ring_up(store: Store, sale: Mapping[str, Any], faults: Faults, at: datetime | None = None) -> Row:
    """Keep a sale made at a till at ``at``; one that is offline hands it in late, under its own times.

    An order of the till names no source and has no version. ``sale`` is an order as CreateOrder takes it.
    """
    now = at or store.clock()
    offline = faults.on("offline_register")
    hours = float(offline.settings.get("hours", "72")) if offline else 0.0
    arrives = now + timedelta(hours=hours)
    order = build(store, json.loads(json.dumps(sale)), faults)
    changed = now if offline and offline.settings.get("keeps") == "times" else arrives
    del order["version"], order["source"]
    currency = order["total_money"]["currency"]
    order |= {
        "state": "COMPLETED",
        "created_at": stamp(now),
        "updated_at": stamp(changed),
        "closed_at": stamp(now),
        "net_amount_due_money": money(0, currency),
    }
    payment_id = store.new_id("payment")
    order["tenders"] = [
        {
            "id": payment_id,
            "payment_id": payment_id,
            "location_id": order["location_id"],
            "created_at": stamp(now),
            "type": "CASH",
            "amount_money": order["total_money"],
        }
    ]
    store.payments[payment_id] = {
        "id": payment_id,
        "created_at": stamp(now),
        "updated_at": stamp(now),
        "status": "COMPLETED",
        "source_type": "CASH",
        "location_id": order["location_id"],
        "order_id": order["id"],
        "amount_money": order["total_money"],
        "total_money": order["total_money"],
    }
    store.put_order(order, arrives)
    total = amount(order["total_money"])
    store.ledger.write("sale", order_id=order["id"], total=total, at=stamp(now), arrives=stamp(arrives))
    return order
