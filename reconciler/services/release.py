"""Send again what was refused for a reason that is no more: a mapping, menu, tax or right has changed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import cast

import structlog

from reconciler.domain.errors import VendorError
from reconciler.domain.evidence import Catalog
from reconciler.domain.facts import AFTER_MENU_IMPORT, WAITS_FOR, Fact, Facts, changed, facts_of
from reconciler.domain.orders import CartOrder
from reconciler.domain.policy import Send
from reconciler.domain.sending import automatic_attempts
from reconciler.ports import Channel, MenuImporter, Pos, Waiting
from reconciler.services.compare import Bench

log = structlog.get_logger()


def channel_facts(channel: Channel, order: CartOrder, catalog: Catalog) -> Facts:
    """Return what the outcome of sending an order through a channel may hang on."""
    connection = channel.pos
    settings = json.dumps([connection.base_url, connection.options], sort_keys=True, default=str)
    credentials = connection.credentials or b""
    return facts_of(order, channel.policy, catalog, credentials=credentials, settings=settings)


def release_waiting(bench: Bench) -> int:
    """Make refused orders ready again whose facts have changed since, within their budget; return how many.

    What waits for the POS's menu has it imported first, where the POS can; once for each order.
    """
    policy, queue = bench.channel.policy, bench.unit.queue
    if bench.pos is None or bench.rehearsal or policy.send is not Send.AUTO:
        return 0
    waiting = queue.waiting(bench.channel.id, budget=automatic_attempts(policy.delivery))
    if not waiting:
        return 0
    ready: dict[str, list[str]] = {}
    for item in waiting:
        if reason := _changed(bench, item):
            ready.setdefault(reason, []).append(item.reference)
    settled = {reference for references in ready.values() for reference in references}
    others = (item for item in waiting if item.reference not in settled)
    if imported := _import_menu(bench, bench.pos, others):
        ready[AFTER_MENU_IMPORT] = imported
    for reason, references in ready.items():
        queue.resend(bench.channel.id, references, reason)
        log.info("refused_orders_released", channel=bench.channel.name, orders=len(references), reason=reason)
    return sum(map(len, ready.values()))


def _changed(bench: Bench, item: Waiting) -> str:
    stored = bench.unit.orders.get_cart(bench.channel.id, item.reference)
    if stored is None:
        return ""
    facts = changed(item.failure, item.facts, channel_facts(bench.channel, stored[0], bench.catalog))
    return f"since it was refused, this has changed: {', '.join(facts)}" if facts else ""


def _import_menu(bench: Bench, pos: Pos, waiting: Iterable[Waiting]) -> list[str]:
    """Have the menu imported if an order waits for it; return those orders."""
    if not pos.capabilities.menu_import:
        return []
    references = [
        item.reference
        for item in waiting
        if Fact.MENU in WAITS_FOR.get(item.failure, ()) and not item.menu_imported
    ]
    if not references:
        return []
    try:
        cast("MenuImporter", pos).import_menu()
    except VendorError as error:
        log.warning("menu_import_failed", channel=bench.channel.name, reason=error.message)
        return []
    return references
