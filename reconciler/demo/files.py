"""A generated world as files: both sides of every shop, its catalog, and the channel file for all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from io import StringIO
from pathlib import Path
from typing import Any, Final

from reconciler.demo.rows import CART_COLUMNS, cart_row, csv_cells, json_line, pos_row
from reconciler.demo.shop import Shop
from reconciler.demo.trades import Trade
from reconciler.domain.orders import CartOrder, PosOrder

POS_FILE: Final = "pos.jsonl"
OUTBOX_FILE: Final = "outbox.jsonl"
CATALOG_FILE: Final = "catalog.json"
TILL_FAULTS_FILE: Final = "till-faults.json"
#: How many rounds a slow till takes, at one a second.
SLOW_ROUNDS: Final = 5
#: What another integration brings to the POS while the demo runs.
ARRIVALS_FILE: Final = "arrivals.jsonl"


def write_shop(folder: Path, shop: Shop) -> None:
    """Write a shop's cart, POS records with their count, catalog and how its till misbehaves."""
    folder.mkdir(parents=True, exist_ok=True)
    write_cart(folder / shop.trade.cart_file, shop, shop.cart)
    write_records(folder / POS_FILE, shop, shop.pos)
    _write_json(folder / CATALOG_FILE, catalog(shop.trade))
    _write_json(folder / TILL_FAULTS_FILE, {**shop.till_faults, "delay_rounds": SLOW_ROUNDS})
    outbox = (outbox_row(shop, order, at) for order, at in shop.outbox)
    (folder / OUTBOX_FILE).write_text("".join(map(json_line, outbox)), encoding="utf-8")


def write_cart(path: Path, shop: Shop, orders: Iterable[CartOrder]) -> None:
    """Write cart orders in the order in which they were placed, as JSON Lines or as CSV."""
    rows = [cart_line(shop, order) for order in sorted(orders, key=lambda order: order.placed_at)]
    if path.suffix == ".csv":
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(CART_COLUMNS)
        writer.writerows(map(csv_cells, rows))
        put(path, text.getvalue())
    else:
        put(path, "".join(map(json_line, rows)))


def write_records(path: Path, shop: Shop, records: Iterable[PosOrder]) -> None:
    """Write POS records in the order in which they were made, and how many there are beside them."""
    rows = [record_line(shop, record) for record in sorted(records, key=lambda record: record.created_at)]
    put(path, "".join(map(json_line, rows)))
    put(path.with_name(f"{path.name}.count"), f"{len(rows)}\n")


def cart_line(shop: Shop, order: CartOrder) -> dict[str, Any]:
    """Return a cart order as this shop's file writes it."""
    return cart_row(order, shop.trade.cart_style, _zone(shop))


def record_line(shop: Shop, record: PosOrder) -> dict[str, Any]:
    """Return a POS record as this shop's file writes it."""
    return pos_row(record, shop.trade.pos_style, UTC)


def outbox_row(shop: Shop, order: CartOrder, at: datetime) -> dict[str, Any]:
    """Return an order as it is handed to the till."""
    row = record_line(shop, shop.record(order, created_at=at)) | {"_submitted_at": at.isoformat()}
    return {name: value for name, value in row.items() if name != "pos_id"}


def catalog(trade: Trade) -> dict[str, list[str]]:
    """Return what a POS can take, in its own words."""
    skus = sorted(trade.sku_map.get(article.sku, article.sku) for article in trade.articles)
    methods = sorted(trade.shipping_map.get(method, method) for method in trade.shipping)
    return {"skus": skus, "shipping_methods": methods}


def put(path: Path, text: str) -> None:
    """Replace a file so that a reader sees the old one or the new one, whole."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def write_channel_file(path: Path, shops: Iterable[Shop], *, as_of: datetime | None = None) -> Path:
    """Write the channel file for all shops; return its path."""
    path.write_text("\n".join(_merchant(shop, as_of) for shop in shops), encoding="utf-8")
    return path


def _merchant(shop: Shop, as_of: datetime | None) -> str:
    trade, policy = shop.trade, shop.policy
    held = {} if as_of is None else {"as_of": as_of}
    cart_options = _inline(held)
    pos_options = _inline({"catalog": f"{trade.code}/{CATALOG_FILE}", **held})
    return f"""\
[[merchant]]
code = "{trade.code}"
name = "{trade.name}"
timezone = "{trade.timezone}"

  [[merchant.connection]]
  name = "{trade.connection("cart")}"
  kind = "cart"
  vendor = "file"
  base_url = "{trade.code}/{trade.cart_file}"
  options = {cart_options}

  [[merchant.connection]]
  name = "{trade.connection("pos")}"
  kind = "pos"
  vendor = "file"
  base_url = "{trade.code}/{POS_FILE}"
  options = {pos_options}

  [[merchant.channel]]
  name = "{trade.channel}"
  cart = "{trade.connection("cart")}"
  pos = "{trade.connection("pos")}"
  location = "{trade.location}"
  poll_interval = "{_seconds(policy.poll_interval)}"
  grace = "{_seconds(policy.grace)}"
  download = {{ payment = ["paid"], fulfillment = ["unfulfilled"] }}
  live_from = {_toml(policy.live_from)}
  mapping.skus = {_inline(trade.sku_map)}
  mapping.shipping = {_inline(trade.shipping_map)}
"""


def _seconds(duration: timedelta) -> str:
    return f"{int(duration.total_seconds())}s"


def _inline(values: Mapping[str, object]) -> str:
    """Write an inline table of TOML."""
    pairs = ", ".join(f'"{key}" = {_toml(value)}' for key, value in values.items())
    return f"{{ {pairs} }}" if pairs else "{}"


def _toml(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(str(value), ensure_ascii=False)


def _zone(shop: Shop) -> tzinfo:
    """CSV exports tell local time, the others UTC."""
    return shop.local if shop.trade.cart_file.endswith(".csv") else UTC


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
