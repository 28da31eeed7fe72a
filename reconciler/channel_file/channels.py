"""Channels in the channel file: which connections, and by what policy they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from reconciler.channel_file.locate import line_of
from reconciler.channel_file.table import Table, suggestion
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, normalise_reference
from reconciler.domain.policy import LOOKUPS, Delivery, DownloadRule, Policy, Send
from reconciler.ports.configuration import ChannelSpec, ConnectionSpec, Side

#: What a channel may say, and what it means; with the default, where there is one.
KEYS: Final[Mapping[str, str]] = {
    "name": "what the channel is called everywhere; no two have one name",
    "cart": "the name of the cart connection that feeds it",
    "pos": "the name of the POS connection that it feeds",
    "enabled": "`false` retires it: the schedule neither reads nor sends, and its past is kept; `true`",
    "location": "the POS location of its orders, by the POS's own id; any",
    "poll_interval": "how often it is read, from `1s`; `1h`",
    "push": "`true` when the cart's integration delivers at once, not by polling; `false`",
    "grace": "G: how long a paid order may be on its way; twice `poll_interval`, with `push` two minutes",
    "download": "the cart states whose orders are taken, `{ payment = [...], fulfillment = [...] }`; any",
    "live_from": "older orders are reported and never sent; the first apply",
    "delivery": "`ours`: we bring orders into the POS; `theirs`: another integration does, and we send once "
    "what is still missing after G; `theirs`",
    "send": "`ask`: a person says so for each order; `off`: never; `auto`",
    "retry_horizon": "how long the other integration tries by itself, before which we do not; G",
    "lookups": "when an order is looked for whose submission had no answer; `30s, 2m, 5m, 15m`",
    "reference_prefix": "what the POS has before the order's number, where channels share a POS; none",
    "tolerance": "minor units by which a line's total may differ; `1`",
    "mapping": "names in the cart and in the POS, `{ skus = {...}, shipping = {...} }`; the same ones",
}


def channel_spec(
    table: Table, merchant: str, timezone: str, connections: Mapping[str, ConnectionSpec]
) -> ChannelSpec:
    """Return what one ``[[merchant.channel]]`` says."""
    table = table.named("channel", "name")
    table.allow(KEYS)
    return ChannelSpec(
        merchant=merchant,
        name=table.text("name"),
        cart=_connection(table, Side.CART, connections),
        pos=_connection(table, Side.POS, connections),
        policy=_policy(table, timezone),
        live_from=table.moment("live_from"),
        enabled=table.flag("enabled", default=True),
    )


def _connection(table: Table, side: Side, connections: Mapping[str, ConnectionSpec]) -> str:
    name = table.text(side)
    known = [connection.name for connection in connections.values() if connection.side is side]
    if name not in connections:
        hint = suggestion(name, known, are=f"this merchant's {side} connections are")
        table.fail(side, f"there is no connection {name!r}", hint)
    if connections[name].side is not side:
        table.fail(side, f"{name!r} is a {connections[name].side} connection", f"name a {side} connection")
    return name


def _policy(table: Table, timezone: str) -> Policy:
    mapping = table.table("mapping")
    mapping.allow(("skus", "shipping"))
    download = table.table("download")
    download.allow(("payment", "fulfillment"))
    return Policy(
        poll_interval=table.duration("poll_interval") or timedelta(hours=1),
        push=table.flag("push", default=False),
        grace_override=table.duration("grace"),
        retry_horizon=table.duration("retry_horizon"),
        lookups=table.durations("lookups") or LOOKUPS,
        download=DownloadRule(
            download.choices("payment", PaymentStatus), download.choices("fulfillment", FulfillmentStatus)
        ),
        tolerance_per_line=table.number("tolerance", Policy().tolerance_per_line, most=1_000_000),
        location=table.optional_text("location"),
        delivery=table.choice("delivery", Delivery, Delivery.THEIRS),
        send=table.choice("send", Send, Send.AUTO),
        reference_prefix=_prefix(table),
        sku_map=mapping.texts("skus"),
        shipping_map=mapping.texts("shipping"),
        timezone=timezone,
    )


def _prefix(table: Table) -> str:
    """Return what stands before the order's number; not what is trimmed off a number when it is read."""
    prefix = table.optional_text("reference_prefix") or ""
    if normalise_reference(f"{prefix}1") != f"{prefix}1":
        table.fail(
            "reference_prefix",
            f"reference_prefix {prefix!r} begins with a #, which numbers are read without",
            f'leave that out: reference_prefix = "{normalise_reference(prefix)}"',
        )
    return prefix


def refuse_ambiguous_prefixes(tables: Sequence[Table], channels: Sequence[ChannelSpec]) -> None:
    """Refuse channels that share a POS and could take each other's orders for their own."""
    seen: dict[tuple[str, str], Table] = {}
    for table, channel in zip(tables, channels, strict=True):
        identity = (channel.pos, channel.policy.reference_prefix)
        if not channel.enabled:
            continue
        if identity in seen:
            first = line_of(table.source.lines, (*seen[identity].path, "name"))
            table.source.fail(
                (*table.path, "reference_prefix" if table.has("reference_prefix") else "pos"),
                f"channel {channel.name!r}: another channel (line {first}) has the same POS {channel.pos!r} "
                "and the same reference_prefix",
                'give each its own: reference_prefix = "RB-"',
            )
        seen[identity] = table
