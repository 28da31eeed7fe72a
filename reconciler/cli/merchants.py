"""``reconciler merchants``: who is guarded, and by which channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import typer

from reconciler.cli.options import Merchant
from reconciler.cli.output import AsJson, open_app, print_json, print_table, reading, say, span

if TYPE_CHECKING:
    from reconciler.persistence.queries.runs import Watched
    from reconciler.ports import MerchantSpec

app = typer.Typer()


@app.command()
def merchants(merchant: Merchant = None, as_json: AsJson = False) -> None:
    """List merchants and their channels, with how the latest run of each ended.

    Example: reconciler merchants
    """
    from reconciler.persistence.queries.reading import require_known
    from reconciler.persistence.queries.runs import list_watched

    with open_app() as wired:
        with wired.open_unit() as unit:
            known = [each for each in unit.channels.list_merchants() if merchant in {None, each.code}]
        with reading(wired) as connection:
            require_known(connection, merchant)
            channels = {
                code: list(group)
                for code, group in groupby(list_watched(connection, merchant), lambda each: each.merchant)
            }
    if as_json:
        print_json([{"merchant": each, "channels": channels.get(each.code, [])} for each in known])
        return
    _show(known, channels)


def _show(known: Sequence[MerchantSpec], channels: Mapping[str, Sequence[Watched]]) -> None:
    columns = (
        "merchant",
        "name",
        "time zone",
        "channel",
        "cart",
        "POS",
        "every",
        "last complete run",
        "latest",
    )
    rows: list[Sequence[object]] = []
    for each in known:
        rows += [(each.code, each.name, each.timezone, *_channel(one)) for one in channels.get(each.code, [])]
        if not channels.get(each.code):
            rows.append((each.code, each.name, each.timezone, None, None, None, None, None, None))
    if not rows:
        say("no merchant yet; describe one: reconciler apply FILE")
        return
    print_table(columns, rows)


def _channel(one: Watched) -> Sequence[object]:
    latest = one.last_outcome or ("under way or lost" if one.last_started_at else "never ran")
    return (
        one.channel if one.enabled else f"{one.channel} (off)",
        f"{one.cart} ({one.cart_state})",
        f"{one.pos} ({one.pos_state})",
        span(one.poll_interval),
        one.last_complete_at,
        latest,
    )
