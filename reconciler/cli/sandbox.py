"""``reconciler sandbox``: play a store behind a POS, and make shops to rehearse with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="sandbox",
    help="Play a store behind a POS, for rehearsals and tests.",
    no_args_is_help=True,
)


@app.command()
def till(
    pos: Annotated[
        Path, typer.Option(help="The POS file, which this till alone writes.", show_default=False)
    ],
    outbox: Annotated[Path, typer.Option(help="Where orders are handed to it.", show_default=False)],
    seed: Annotated[int, typer.Option(help="The same seed makes the same mistakes.")] = 1,
    faults: Annotated[
        list[str] | None, typer.Option(help="name=chance, or a JSON file of orders by fault; repeatable.")
    ] = None,
    arrivals: Annotated[
        Path | None, typer.Option(help="POS records that another integration brings, one a line.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="The shop's cart export, which is made anew every few rounds.")
    ] = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between two rounds.")] = 1.0,
) -> None:
    """Play the store behind a POS file until Ctrl-C: take orders from the outbox, well or badly.

    Faults: refuse, delayed, delay_rounds, drop_lines, wrong_total, placeholder, duplicate, no_register,
    wrong_location, void.

    Example: reconciler sandbox till --pos pos.jsonl --outbox outbox.jsonl --faults refuse=0.1
    """
    from reconciler.demo.till import Store, read_faults

    store = Store(
        pos=pos,
        outbox=outbox,
        arrivals=arrivals,
        export=export,
        seed=seed,
        faults=read_faults(faults or []),
        interval=interval,
    )
    typer.echo(f"the till serves {pos} from {outbox}, seed {seed}; Ctrl-C ends it", err=True)
    store.run()


@app.command()
def rehearsal(
    directory: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="An empty or new folder.", show_default=False)
    ],
    seed: Annotated[int, typer.Option(help="The same seed makes the same shops.")] = 1,
    orders: Annotated[int, typer.Option(help="Cart orders of the three shops together.")] = 900,
    now: Annotated[
        str | None, typer.Option(help="The moment at which they are judged; now if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Write three shops with known faults as order files, and beside each what must be found in it.

    Example: reconciler sandbox rehearsal /tmp/shops --seed 7 --now 2026-11-20T15:00:00Z
    """
    from reconciler.cli.output import print_json, say
    from reconciler.demo.rehearsal import write_rehearsal
    from reconciler.demo.world import CHANNEL_FILE

    _refuse_filled(directory)
    world = write_rehearsal(directory, seed, _moment(now), orders)
    moment = world.now.isoformat().replace("+00:00", "Z")
    channel_file = directory / CHANNEL_FILE
    if as_json:
        channels = [shop.trade.channel for shop in world.shops]
        print_json({"channel_file": channel_file, "seed": seed, "now": moment, "channels": channels})
        return
    say(f"{world.orders} orders of {len(world.shops)} shops, seed {seed}, judged at {moment}")
    say(f"reconciler apply {channel_file}")
    for shop in world.shops:
        say(f"reconciler run --channel {shop.trade.channel} --dry-run --now {moment} --json")


@app.command()
def shopify(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    token: Annotated[str | None, typer.Option(help="The access token that it knows.")] = None,
    orders: Annotated[int, typer.Option(min=0, help="Orders that it begins with.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed makes the same orders.")] = 1,
    recordings: Annotated[
        Path | None, typer.Option(help="A folder of recorded answers, whose orders it has as well.")
    ] = None,
    schema: Annotated[
        Path | None, typer.Option(help="Shopify's published schema, to answer more than orders.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=1, help="Points restored a second; 1000 where the shop has a Plus plan.")
    ] = 100.0,
) -> None:
    """Play a shop at Shopify until Ctrl-C: its API on this machine, with faults to switch on over HTTP.

    Example: reconciler sandbox shopify --port 8080 --orders 200
    """
    from reconciler.cli.output import say
    from reconciler.domain.errors import InputError

    try:
        from adapters.shopify.sandbox import ShopifyOptions, serve
    except ModuleNotFoundError as missing:
        raise InputError(
            f"this sandbox needs {missing.name}",
            next_step="install it with: pip install 'reconciler[sandbox]'",
        ) from None
    options = ShopifyOptions(
        port=port, orders=orders, seed=seed, recordings=recordings, schema=schema, rate=rate
    )
    serve(replace(options, token=token) if token else options, say)


@app.command()
def square(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    token: Annotated[str | None, typer.Option(help="The access token that it knows.")] = None,
    currency: Annotated[str, typer.Option(help="What its locations sell in.")] = "USD",
    sku: Annotated[
        list[str] | None, typer.Option(help="An article that it sells beside its own; repeatable.")
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(help="A file to which it appends whatever it accepts, as JSON Lines.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, help="Calls a second before it answers 429.")] = 25.0,
) -> None:
    """Play a store at Square until Ctrl-C: its API on this machine, with faults to switch on over HTTP.

    Example: reconciler sandbox square --port 8081 --sku ROSE-24 --ledger accepted.jsonl
    """
    from adapters.square.sandbox import TOKEN, SandboxOptions, serve
    from reconciler.cli.output import say

    options = SandboxOptions(
        port=port,
        token=token or TOKEN,
        currency=currency,
        skus=tuple(sku or ()),
        ledger=ledger,
        rate=rate,
    )
    serve(options, say)


def _refuse_filled(directory: Path) -> None:
    from reconciler.domain.errors import InputError

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory} is not an empty folder", next_step="name a new one")


def _moment(text: str | None) -> datetime:
    from reconciler.domain.errors import InputError

    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"--now {text!r} is not a time with an offset", next_step="write 2026-11-20T15:00:00Z"
        )
    return moment
