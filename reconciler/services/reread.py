"""Read again, one by one, orders that may have been paid without anybody saying so.

Several carts do not move an order's stamp when it is paid, so that no read of what changed would bring it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

import structlog

from reconciler.domain.errors import VendorError
from reconciler.domain.orders import CartOrder
from reconciler.ports import Channel, Page, Snapshot
from reconciler.services.context import Context
from reconciler.services.encoding import plain

#: The most that one run asks for; the others are due at the next one.
LIMIT: Final = 200

log = structlog.get_logger()


def reread_unpaid(context: Context, channel: Channel, run_id: int) -> None:
    """Store unpaid orders whose second look is due as they are now; at widening intervals (``check_at``).

    A cart that cannot be asked leaves them as they were: they are due again later.
    """
    unit, now = context.unit, context.clock()
    due = unit.orders.unpaid_due(channel.id, now, limit=LIMIT)
    if not due:
        return
    known = {reference: vendor_id for reference, vendor_id in due.items() if vendor_id}
    try:
        found = context.vendors.cart(channel.cart).fetch(list(due), known)
    except VendorError:
        log.warning("reread_failed", orders=len(due))
        return
    done = unit.orders.ingest_cart(channel, run_id, Page([as_read(order) for order in found.values()]), now)
    unit.commit()
    log.info("reread", orders=len(due), changed=done.changed)


def as_read(order: CartOrder) -> Snapshot[CartOrder]:
    """Return an order that was read by its id as something to store: what it came in is not at hand."""
    return Snapshot(order, json.dumps(plain(asdict(order))))
