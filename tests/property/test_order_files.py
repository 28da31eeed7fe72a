"""Order files of any bytes: each line is an order or set aside, and nothing torn passes for whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from adapters.file.values import BadRow, currency_of, minor
from reconciler.domain.errors import MalformedError, VendorError
from reconciler.domain.money import EXPONENTS, format_minor, parse_minor
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosOrder, edit_family
from reconciler.ports import Snapshot
from tests.builders import NOW
from tests.unit.adapters_file.files import (
    Row,
    cart_row,
    collect,
    csv_text,
    file_cart,
    file_pos,
    json_lines,
    pos_row,
    read_cart,
    read_pos,
)

LATER = NOW + timedelta(days=9999)


@contextmanager
def stored(name: str, content: bytes | str, count: int | None = None) -> Iterator[Path]:
    """Yield a file with this content, in a folder of its own."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        if count is not None:
            path.with_name(f"{name}.count").write_text(str(count))
        yield path


# Any bytes

GOOD = json_lines([cart_row(reference=str(n)) for n in range(3)]).encode()
GOOD_CSV = csv_text([cart_row(reference=str(n), customer={"name": 'a\n"b"'}) for n in range(3)]).encode()


@st.composite
def spoiled(draw, good: bytes) -> bytes:
    """Return a good file with a stretch of it replaced by any bytes."""
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 300)))
    middle: bytes = draw(st.binary(max_size=60))
    return good[:start] + middle + good[end:]


@given(st.binary(max_size=400) | spoiled(GOOD))
@example(b"\xef\xbb\xbf\n{}\n")
@example(b'{"reference":{"\\ud800":[1e999999]}}\r\x00')
def test_every_line_of_json_is_an_order_or_set_aside(content):
    """None is lost, none stops the others, and a read with anything set aside is incomplete."""
    with stored("cart.jsonl", content) as path:
        reading = read_cart(path, LATER)
    lines = [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]
    assert len(reading.orders) + len(reading.quarantined) == len(lines)
    assert reading.coverage.complete == (bool(lines) and not reading.quarantined)
    assert_storable(reading)


@given(st.binary(max_size=400) | spoiled(GOOD_CSV) | st.binary(max_size=200).map(lambda b: GOOD_CSV + b))
@example(b"\xff\xfe")
@example(GOOD_CSV + b'"')
@example(GOOD_CSV + b'"\n' * 20)
def test_any_bytes_as_csv_are_rows_or_one_clear_error(content):
    """A header that is none is one error; under a good header nothing stops the reading."""
    with stored("cart.csv", content) as path, suppress(MalformedError):
        reading = read_cart(path, LATER)
        assert not (reading.quarantined and reading.coverage.complete)
        assert_storable(reading)


@given(st.binary(max_size=300), st.sampled_from(["pos", "pos.csv", "pos.jsonl", "pos.json"]))
def test_looking_into_any_bytes_is_never_conclusive_by_accident(content, name):
    """A search answers, and what it could not read it does not call absent."""
    with stored(name, content) as path:
        look = file_pos(path).find("1001", LATER)
        with suppress(MalformedError):
            assert look.conclusive == read_pos(path, LATER).coverage.complete
        with suppress(VendorError):
            assert file_cart(path).fetch(["1001"]) == {}


def assert_storable(reading) -> None:
    """Everything that goes to the database is text that it can hold."""
    for item in reading.quarantined:
        for text in (item.source, item.reason, item.raw):
            assert "\0" not in text
            text.encode()
    reading.coverage.reason.encode()
    for snapshot in reading.snapshots:
        json.loads(snapshot.raw)
        snapshot.raw.encode()


# One meaning in every format

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
references = st.text("0123456789ABC-_./# ", min_size=1, max_size=8).filter(lambda t: t.strip(" #"))
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made aware right here
    lambda time: time.replace(tzinfo=UTC).isoformat()
)
currencies = st.sampled_from(["USD", "JPY", "KWD", "CHF"])
counts = st.integers(-9, 999) | st.decimals(-9, 999, places=3).map(str)
prices = st.none() | st.decimals(0, 999, places=4).map(str)
lines = st.none() | st.lists(
    st.fixed_dictionaries({"sku": texts, "name": texts, "quantity": counts, "unit_price": prices}), max_size=3
)
shipments = st.none() | st.lists(
    st.fixed_dictionaries(
        {"id": texts, "shipped_at": st.none() | times, "courier": texts, "tracking_id": texts}
    ),
    max_size=2,
)
customers = st.fixed_dictionaries({"name": texts, "phone": texts, "email": texts})


@st.composite
def rows(draw) -> Row:
    """Return a cart order's row with anything that the contract allows in it."""
    currency = draw(currencies)
    amounts = st.integers(0, 10**9).map(lambda minor: format_minor(minor, currency))
    optional: dict[str, st.SearchStrategy[Any]] = {
        **dict.fromkeys(("tax", "shipping", "discount", "tip", "captured", "refunded"), st.none() | amounts),
        **dict.fromkeys(("updated_at", "paid_at", "cancelled_at", "edited_at"), st.none() | times),
        **dict.fromkeys(("archived", "test"), st.none() | st.booleans()),
        "fulfillment_status": st.none() | st.sampled_from([status.value for status in FulfillmentStatus]),
        "customer": customers,
        "shipping_method": texts,
        "deliver_on": st.none() | st.dates().map(str),
        "lines": lines,
        "shipments": shipments,
    }
    row: Row = draw(
        st.fixed_dictionaries(
            {
                "reference": references,
                "placed_at": times,
                "currency": st.just(currency),
                "total": amounts,
                "payment_status": st.sampled_from([status.value for status in PaymentStatus]),
            },
            optional=optional,
        )
    )
    return row


@given(st.lists(rows(), min_size=1, max_size=4), st.sampled_from([",", ";"]))
def test_csv_and_json_lines_of_the_same_orders_mean_the_same(table, delimiter):
    """The format is not part of what an order is."""
    with stored("cart.jsonl", json_lines(table)) as path:
        from_json = read_cart(path, LATER)
    with stored("cart.csv", csv_text(table, delimiter)) as path:
        from_csv = read_cart(path, LATER)
    assert from_json.quarantined == from_csv.quarantined == []
    assert from_json.orders == from_csv.orders


@given(st.lists(rows(), max_size=5))
def test_numbers_mean_what_the_same_text_means(table):
    """An amount that arrives as a JSON number is the decimal that its digits spell."""
    text = json_lines(table)
    for amount in {row["total"] for row in table}:
        text = text.replace(f'"total": "{amount}"', f'"total": {amount}')
    with stored("cart.jsonl", json_lines(table)) as plain, stored("cart.jsonl", text) as numbers:
        assert read_cart(plain, LATER).orders == read_cart(numbers, LATER).orders


@given(st.text("0123456789.+- e,", max_size=9) | st.text(max_size=9), st.sampled_from(["USD", *EXPONENTS]))
def test_amounts_are_read_as_the_domain_reads_them(text, currency):
    """The short way to minor units and the domain's own agree on every text."""
    try:
        expected = parse_minor(text.strip(), currency)
    except ValueError:
        with pytest.raises(BadRow):
            minor(text, currency_of(currency), "total")
    else:
        assert minor(text, currency_of(currency), "total") == expected


# Torn files

THREE = [cart_row(reference=str(n), customer={"name": 'a\n"b"'}) for n in range(3)]
#: Each format's file of three rows, and how each row begins.
FILES = {
    "cart.jsonl": (json_lines(THREE).encode(), b'{"reference": "%d"'),
    "cart.csv": (csv_text(THREE).encode(), b"\n%d,2026"),
    "semicolons.csv": (csv_text(THREE, ";").encode(), b"\n%d;2026"),
}
cuts = st.tuples(st.sampled_from(sorted(FILES)), st.floats(0, 1, exclude_max=True))


def cut_file(cut: tuple[str, float]) -> tuple[str, bytes, int]:
    """Return a file's name, what is left of it, and how many rows have begun in that."""
    name, share = cut
    content, beginning = FILES[name]
    left = content[: int(share * len(content))]
    starts = [content.index(beginning % n) + beginning.startswith(b"\n") for n in range(3)]
    return name, left, sum(start < len(left) for start in starts)


@given(cuts)
def test_a_torn_file_never_claims_fewer_orders_than_it_begins(cut):
    """Cut inside a row, the read is incomplete or shows that row; only a cut between rows goes unseen."""
    name, left, begun = cut_file(cut)
    with stored(name, left) as path, suppress(MalformedError):
        reading = read_cart(path, LATER)
        assert len(reading.orders) == begun or not reading.coverage.complete


@given(cuts)
def test_a_torn_file_is_never_whole_against_its_count(cut):
    """With a sidecar a cut between rows is seen as well."""
    name, left, begun = cut_file(cut)
    assume(begun < 3)
    with stored(name, left, count=3) as path, suppress(MalformedError):
        assert not read_cart(path, LATER).coverage.complete


# Looking up and reading agree

versions = st.tuples(
    st.sampled_from("ABC"), st.sampled_from(["1", "1-E1", "2", "#1", None]), st.integers(0, 3)
)


@given(st.lists(versions), st.integers(0, 6))
def test_a_search_finds_what_a_read_shows(table, split):
    """Of each record its newest row, and of those the ones that carry the reference, over all files."""
    records = [
        pos_row(pos_id=pos_id, reference=reference, updated_at=(NOW + timedelta(hours=hour)).isoformat())
        for pos_id, reference, hour in table
    ]
    with TemporaryDirectory() as folder:
        for name, part in (("1.jsonl", records[:split]), ("2.jsonl", records[split:])):
            (Path(folder) / name).write_text(json_lines(part))
        found = file_pos(Path(folder)).find("1", LATER).records
        shown = collect(file_pos(Path(folder)).read(None, LATER)).snapshots
    newest: dict[str, Snapshot[PosOrder]] = {}
    for snapshot in shown:
        known = newest.get(snapshot.order.pos_id)
        if known is None or stamp(snapshot) >= stamp(known):
            newest[snapshot.order.pos_id] = snapshot
    expected = [s for s in newest.values() if s.order.reference and edit_family(s.order.reference) == "1"]
    assert sorted(found, key=lambda s: s.order.pos_id) == sorted(expected, key=lambda s: s.order.pos_id)


def stamp(snapshot: Snapshot[PosOrder]) -> datetime:
    """Return when a record was changed."""
    assert snapshot.order.updated_at
    return snapshot.order.updated_at
