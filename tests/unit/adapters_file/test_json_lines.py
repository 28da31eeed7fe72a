"""JSON Lines: each line an order, in the spelling of the contract and in those that people really write."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from reconciler.domain.orders import (
    Customer,
    FulfillmentStatus,
    Line,
    PaymentStatus,
    PosStatus,
    Source,
)
from tests.builders import cart_order, pos_order, shipment
from tests.unit.adapters_file.files import cart_row, json_lines, pos_row, read_cart, read_pos, row_of


@pytest.mark.parametrize(
    "order",
    [
        cart_order(),
        cart_order(shipments=(shipment(),), deliver_on=date(2026, 11, 21), archived=True, test=True),
        cart_order(currency="JPY", total=4585, tax=None, lines=(), customer=Customer()),
        cart_order(payment_status=PaymentStatus.REFUNDED, fulfillment_status=FulfillmentStatus.ON_HOLD),
    ],
    ids=["plain", "shipped", "yen", "refunded"],
)
def test_a_cart_order_comes_back_as_it_was_written(write, order):
    """What a file tells of a cart order is what the domain knows of it."""
    assert read_cart(write("cart.jsonl", [row_of(order)])).orders == [order]


@pytest.mark.parametrize(
    "record",
    [
        pos_order(),
        pos_order(reference=None, source=Source.IN_STORE, lines=None, status=PosStatus.VOIDED),
        pos_order(register_known=False, received_at=None, shipments=(shipment(),)),
        pos_order(reference="RB-1001-E001", currency="KWD", total=1234),
    ],
    ids=["plain", "in store", "no register", "edit"],
)
def test_a_pos_record_comes_back_as_it_was_written(write, record):
    """What a file tells of a POS record is what the domain knows of it."""
    assert read_pos(write("pos.jsonl", [row_of(record)])).orders == [record]


def test_the_payload_is_kept_as_it_stands(write):
    """Spacing, unknown keys and all: what a person is shown as evidence is what the file said."""
    line = (
        '{"reference" :"7","placed_at":"2026-11-19T10:00:00Z","currency":"USD","total":"1.00",'
        ' "payment_status":"paid","?":[1.10]}'
    )
    assert [snapshot.raw for snapshot in read_cart(write("cart.jsonl", line + "\r\n")).snapshots] == [line]


@pytest.mark.parametrize("written", ["#1001", " 1001 ", "# 1001", "1001"])
def test_references_lose_their_decoration(write, written):
    """White space and the leading # with which shops print order numbers are no part of them."""
    assert read_cart(write("cart.jsonl", [cart_row(reference=written)])).orders[0].reference == "1001"
    assert read_pos(write("pos.jsonl", [pos_row(reference=written)])).orders[0].reference == "1001"


def test_a_pos_reference_keeps_prefix_and_edit_suffix(write):
    """Which channel and which order it means is not for the reader to say."""
    path = write("pos.jsonl", [pos_row(reference="#RB-1001-E002")])
    assert read_pos(path).orders[0].reference == "RB-1001-E002"


@pytest.mark.parametrize("absent", [None, "", "  "])
def test_a_ticket_without_a_reference_has_none(write, absent):
    """An empty reference is no reference."""
    assert read_pos(write("pos.jsonl", [pos_row(reference=absent)])).orders[0].reference is None


def test_a_register_that_has_not_fetched_differs_from_a_pos_that_cannot_tell(write):
    """``received_at`` null says that no register has the record; absent, that nobody knows."""
    nobody, unknown = read_pos(
        write("pos.jsonl", [pos_row(received_at=None), pos_row(pos_id="P2", received_at=...)])
    ).orders
    assert (nobody.received_at, nobody.register_known) == (None, True)
    assert (unknown.received_at, unknown.register_known) == (None, False)


@pytest.mark.parametrize(("lines", "known"), [(None, None), (..., None), ([], ())])
def test_a_pos_that_does_not_tell_lines_differs_from_one_that_has_none(write, lines, known):
    """Absent lines are unknown, an empty list is none."""
    assert read_pos(write("pos.jsonl", [pos_row(lines=lines)])).orders[0].lines == known


@pytest.mark.parametrize(
    ("status", "told", "captured", "refunded"),
    [
        ("paid", {}, 50_00, 0),
        ("partially_refunded", {"refunded": "10.00"}, 50_00, 10_00),
        ("refunded", {}, 50_00, 50_00),
        ("refunded", {"captured": "40.00"}, 40_00, 40_00),
        ("paid", {"captured": "0.00"}, 0, 0),
        ("pending", {}, 0, 0),
        ("partially_paid", {}, 0, 0),
        ("authorized", {}, 0, 0),
    ],
)
def test_money_that_is_not_told_follows_from_the_payment_status(write, status, told, captured, refunded):
    """Captured means the total once it was paid, else nothing; refunded means what was captured."""
    row = cart_row(payment_status=status, captured=..., refunded=...) | told
    order = read_cart(write("cart.jsonl", [row])).orders[0]
    assert (order.captured, order.refunded) == (captured, refunded)


def test_a_pos_record_that_does_not_say_where_it_came_from_is_online_when_it_has_a_reference(write):
    """Most tickets without a reference were made at the counter; they are nobody's mismatch."""
    rows = [pos_row(source=...), pos_row(pos_id="P2", source=None, reference=None)]
    assert [r.source for r in read_pos(write("pos.jsonl", rows)).orders] == [Source.ONLINE, Source.IN_STORE]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-19T23:30:00-07:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30:00Z", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30Z", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20 06:30:00+0000", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20 06:30:00 +0000", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30:00.123456789Z", datetime(2026, 11, 20, 6, 30, 0, 123456, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_any_iso_spelling_and_kept_in_utc(write, written, meant):
    """Whatever the offset, what is kept is the moment, aware and in UTC."""
    order = read_cart(write("cart.jsonl", [cart_row(placed_at=written)])).orders[0]
    assert order.placed_at == meant
    assert order.placed_at.tzinfo is UTC


@pytest.mark.parametrize(
    "written", ["2026-11-21", "2026-11-21T23:30:00-07:00", "2026-11-21T00:30:00+09:00", "2026-11-21T08:00:00"]
)
def test_the_day_of_delivery_is_the_day_as_written(write, written):
    """A delivery on the 21st stays on the 21st in every zone."""
    order = read_cart(write("cart.jsonl", [cart_row(deliver_on=written)])).orders[0]
    assert order.deliver_on == date(2026, 11, 21)


def test_numbers_keep_the_text_that_they_were(write):
    """A number where text is expected is read digit by digit: no leading place lost, no float in between."""
    line = (
        '{"reference": 101020, "placed_at": "2026-11-19T10:00:00Z", "currency": "USD",'
        ' "total": 123456789012.10, "tax": 5, "payment_status": "paid",'
        ' "lines": [{"sku": 900719925474099312345, "quantity": 0.1,'
        ' "unit_price": 37.0350000000000001}], "customer": {"phone": 17205550134}}'
    )
    order = read_cart(write("cart.jsonl", line)).orders[0]
    assert (order.reference, order.total, order.tax) == ("101020", 12345678901210, 500)
    assert order.lines == (
        Line("900719925474099312345", None, Decimal("0.1"), Decimal("37.0350000000000001")),
    )
    assert order.customer.phone == "17205550134"


def test_a_unit_price_never_costs_an_order_its_line(write):
    """Prices come in every precision and spelling; what cannot be read is unknown."""
    prices = ["1.123456789", "free", "1e999999", "NaN", "", None, True, {"amount": "1"}]
    lines = [{"sku": "A", "quantity": 1, "unit_price": price} for price in prices]
    order = read_cart(write("cart.jsonl", [cart_row(lines=lines)])).orders[0]
    assert [line.unit_price for line in order.lines] == [Decimal("1.123456789"), *[None] * 7]


def test_a_line_without_a_quantity_is_one_unit(write):
    """The contract does not need it, so its absence must not cost the order."""
    order = read_cart(write("cart.jsonl", [cart_row(lines=[{"sku": "A"}])])).orders[0]
    assert order.lines == (Line("A", None, Decimal(1), None),)


def test_states_are_read_whatever_their_case(write):
    """A shop that exports "Paid" means paid."""
    row = cart_row(payment_status="Paid", fulfillment_status=" FULFILLED ", currency="usd")
    order = read_cart(write("cart.jsonl", [row])).orders[0]
    assert (order.payment_status, order.fulfillment_status) == (
        PaymentStatus.PAID,
        FulfillmentStatus.FULFILLED,
    )
    assert order.currency == "USD"


def test_a_byte_order_mark_is_no_part_of_the_first_line(write):
    """What Windows programs put before the text is not the text."""
    path = write("cart.jsonl", b"\xef\xbb\xbf" + json_lines([cart_row()]).encode())
    assert read_cart(path).orders == [cart_order()]


def test_blank_lines_hold_nothing(write):
    """They are neither orders nor faults, and no sidecar counts them."""
    path = write("cart.jsonl", "\n" + json_lines([cart_row()]) + "  \r\n\n", count=1)
    reading = read_cart(path)
    assert (len(reading.orders), reading.quarantined, reading.coverage.absence_trusted) == (1, [], True)


def test_a_last_line_may_lack_its_end(write):
    """Joined by newlines instead of ended by them, it is still whole."""
    reading = read_cart(write("cart.jsonl", json_lines([cart_row()]).rstrip()))
    assert (len(reading.orders), reading.coverage.complete) == (1, True)


def test_large_files_come_in_pages(write):
    """About a thousand orders at a time, none twice, none lost, in the order of the file."""
    rows = [cart_row(reference=str(number)) for number in range(2500)]
    reading = read_cart(write("cart.jsonl", rows))
    assert [order.reference for order in reading.orders] == [str(number) for number in range(2500)]
    assert reading.pages == 3


def test_a_file_of_another_name_is_told_by_how_it_begins(write):
    """An export called orders.txt that holds JSON is read as JSON."""
    assert read_cart(write("orders.txt", [cart_row()])).orders == [cart_order()]


def test_half_a_character_costs_no_order(write):
    """A program that cut a name in the middle of an emoji left half of it; the whole ones stay."""
    text = json.dumps({**cart_row(), "customer": {"name": "Zo\ud83d \U0001f339 \\ud83d"}})
    order = read_cart(write("cart.jsonl", text)).orders[0]
    assert order.customer.name == "Zo\ufffd \U0001f339 \\ud83d"


def test_nul_and_hostile_names_are_only_text(write):
    """What a customer typed is carried, never run and never a reason to lose his order."""
    name = '=HYPERLINK("http://example.test")<script>\0'
    order = read_cart(write("cart.jsonl", [cart_row(customer={"name": name})])).orders[0]
    assert order.customer.name == name


def test_white_space_around_a_word_that_is_compared_is_no_difference(write):
    """Not in an article, a delivery method, a place or a parcel's number; a blank one is none."""
    lines = [{"sku": " ROSE-12 ", "name": " Roses ", "quantity": 1}]
    [order] = read_cart(write("cart.jsonl", [cart_row(shipping_method=" Courier ", lines=lines)])).orders
    assert (order.shipping_method, order.lines[0].sku) == ("Courier", "ROSE-12")
    parcels = [{"id": "s1", "courier": "UPS ", "tracking_id": "  "}]
    [record] = read_pos(write("pos.jsonl", [pos_row(location=" main ", shipments=parcels)])).orders
    assert (record.location, record.shipments[0].courier) == ("main", "UPS")
    assert not record.shipments[0].traceable
