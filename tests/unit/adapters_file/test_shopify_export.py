"""The orders export of Shopify's admin: several rows an order, and nothing to convert first."""

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from reconciler.domain.errors import MalformedError
from reconciler.domain.orders import Customer, FulfillmentStatus, Line, PaymentStatus
from tests.unit.adapters_file.files import csv_text, file_cart, read_cart, read_pos

ROOT = Path(__file__).resolve().parents[3]
VENDOR_DATA = Path(os.environ.get("RECONCILER_VENDOR_DATA") or ROOT.parent / "shared" / "vendor")
EXPORT = VENDOR_DATA / "shopify" / "fixtures" / "orders_export.synthetic.csv"


def head(name: str = "#1", **changes: str) -> dict[str, str]:
    """Return the first row of a paid order of 30.00 USD."""
    return {
        "Name": name,
        "Email": "bea@example.test",
        "Financial Status": "paid",
        "Paid at": "2026-11-19 09:13:02 -0700",
        "Fulfillment Status": "unfulfilled",
        "Fulfilled at": "",
        "Currency": "USD",
        "Shipping": "0.00",
        "Taxes": "0.00",
        "Total": "30.00",
        "Discount Amount": "0.00",
        "Created at": "2026-11-19 09:12:44 -0700",
        "Lineitem quantity": "1",
        "Lineitem name": "Roses",
        "Lineitem price": "30.00",
        "Lineitem sku": "ROSE-12",
        "Shipping Name": "Bea Sample",
        "Shipping Phone": "'+1 720 555 0134",
        "Note Attributes": "",
        "Cancelled at": "",
        "Payment Method": "",
        "Refunded Amount": "0.00",
        "Outstanding Balance": "0.00",
    } | {key.replace("_", " "): value for key, value in changes.items()}


def more(name: str = "#1", sku: str = "CARD") -> dict[str, str]:
    """Return a further row of an order."""
    blank = dict.fromkeys(head(), "")
    return blank | {
        "Name": name,
        "Lineitem quantity": "2",
        "Lineitem name": "Card",
        "Lineitem sku": sku,
        "Lineitem price": "1.00",
    }


def test_the_published_export_is_read_whole():
    """Every order of the sample, with lines, line breaks in notes, offsets and names as they are."""
    if not EXPORT.exists():
        pytest.skip(f"no vendor data: set RECONCILER_VENDOR_DATA to the folder that holds {EXPORT.name}")
    reading = read_cart(EXPORT, datetime.now(UTC))
    orders = {order.reference: order for order in reading.orders}
    assert (list(orders), reading.quarantined) == ([str(number) for number in range(1001, 1008)], [])
    assert [line.sku for line in orders["1002"].lines] == ["ROSE-12", "TULIP-20", "VASE-S", None]
    assert orders["1002"].deliver_on == date(2026, 11, 21)
    assert orders["1001"].paid_at == datetime(2026, 11, 19, 16, 13, 2, tzinfo=UTC)
    assert orders["1001"].customer == Customer("Bea Sample", "+1 720 555 0134", "bea@example.test")
    assert [(order.payment_status.value, order.captured, order.refunded) for order in reading.orders] == [
        ("paid", 63_13, 0),
        ("paid", 116_10, 0),
        ("pending", 0, 0),
        ("refunded", 63_13, 63_13),
        ("partially_refunded", 80_00, 12_50),
        ("voided", 0, 0),
        ("paid", 4585, 0),
    ]
    assert orders["1005"].lines == (Line("ETE-HALF", "Bouquet “Été” – ½", Decimal(2), Decimal("37.035")),)


def test_an_order_is_all_of_its_rows(write):
    """Rows that repeat the number and leave the rest blank are further lines."""
    path = write("export.csv", csv_text([head(), more(), more(sku="VASE"), head("#2")]))
    first, second = read_cart(path).orders
    assert [line.sku for line in first.lines] == ["ROSE-12", "CARD", "VASE"]
    assert [line.quantity for line in first.lines] == [1, 2, 2]
    assert [line.sku for line in second.lines] == ["ROSE-12"]


def test_an_order_whose_rows_span_a_page_is_whole(write):
    """Pages end between orders, never in the middle of one."""
    rows = [row for n in range(1500) for row in (head(f"#{n}"), more(f"#{n}"))]
    reading = read_cart(write("export.csv", csv_text(rows)))
    assert reading.pages == 2
    assert {len(order.lines) for order in reading.orders} == {2}


@pytest.mark.parametrize(
    ("changes", "captured"),
    [
        ({}, 30_00),
        ({"Outstanding_Balance": "10.00"}, 20_00),
        ({"Outstanding_Balance": "45.00"}, 0),
        ({"Outstanding_Balance": "?"}, 30_00),
        ({"Financial_Status": "pending", "Outstanding_Balance": "0.00"}, 0),
        ({"Financial_Status": "authorized"}, 0),
        ({"Financial_Status": "partially_paid", "Outstanding_Balance": "5.00"}, 25_00),
    ],
)
def test_what_was_captured_is_the_total_less_what_is_outstanding(write, changes, captured):
    """An edited order that is paid in part shows what is still owed."""
    assert read_cart(write("export.csv", csv_text([head(**changes)]))).orders[0].captured == captured


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("", FulfillmentStatus.UNFULFILLED),
        ("unfulfilled", FulfillmentStatus.UNFULFILLED),
        ("partial", FulfillmentStatus.PARTIALLY_FULFILLED),
        ("fulfilled", FulfillmentStatus.FULFILLED),
        ("restocked", FulfillmentStatus.UNFULFILLED),
    ],
)
def test_fulfilment_words_are_understood(write, word, status):
    """Blank means that nothing was handed over."""
    path = write("export.csv", csv_text([head(Fulfillment_Status=word)]))
    assert read_cart(path).orders[0].fulfillment_status is status


def test_a_word_that_is_not_known_is_set_aside(write):
    """A new state is a question for a person, not a guess."""
    reading = read_cart(write("export.csv", csv_text([head(Financial_Status="deferred"), head("#2")])))
    assert reading.reason.startswith("payment_status is none of")
    assert [order.reference for order in reading.orders] == ["2"]


def test_orders_paid_through_the_test_gateway_are_tests(write):
    """The export has no column for it, but the gateway tells."""
    path = write("export.csv", csv_text([head(Payment_Method="Bogus Gateway"), head("#2")]))
    assert [order.test for order in read_cart(path).orders] == [True, False]


def test_the_last_thing_that_happened_is_when_it_was_updated(write):
    """Of two exports the later one counts, so an order needs a time of its last known change."""
    path = write("export.csv", csv_text([head(Cancelled_at="2026-11-20 07:00:00 +0100")]))
    order = read_cart(path).orders[0]
    assert order.cancelled_at == order.updated_at == datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("note", "day"),
    [
        ("Delivery date: 2026-11-21\nGift: yes", date(2026, 11, 21)),
        ("Gift: yes\npickup-date: 2026/11/21", date(2026, 11, 21)),
        ("Delivery date: 21/11/2026", None),
        ("Card: delivery date: 2026-11-21", None),
    ],
)
def test_the_day_it_is_wanted_is_taken_from_the_notes_where_it_is_plain(write, note, day):
    """Only year first is unambiguous."""
    path = write("export.csv", csv_text([head(Note_Attributes=note)]))
    assert read_cart(path).orders[0].deliver_on == day


def test_a_broken_row_costs_its_order_and_no_other(write):
    """An order that lacks one of its rows must not pass for a smaller one."""
    header, *rows = csv_text([head(), more(), head("#2"), more("#2"), head("#3")]).splitlines()
    rows[1] = rows[1].rpartition(",")[0]
    reading = read_cart(write("export.csv", "\r\n".join([header, *rows, ""])))
    assert reading.reason.startswith("its row in line 3: it has 22 cells")
    assert [order.reference for order in reading.orders] == ["2", "3"]
    assert reading.quarantined[0].position == 2


def test_rows_without_the_first_of_their_order_are_set_aside(write):
    """Half an order at the beginning of a file is none."""
    reading = read_cart(write("export.csv", csv_text([more("#0"), head("#1")])))
    assert reading.reason == "the first row of its order is not before it"
    assert [order.reference for order in reading.orders] == ["1"]


def test_a_torn_export_is_incomplete(write):
    """A download that broke off in the middle of a row."""
    text = csv_text([head(), more(), head("#2")])
    reading = read_cart(write("export.csv", text[:-40]))
    assert (len(reading.orders), reading.coverage.complete) == (1, False)


def test_one_order_can_be_looked_up_in_it(write):
    """With all its rows, from the middle of the file."""
    rows = [row for n in range(50) for row in (head(f"#{n}"), more(f"#{n}"))]
    found = file_cart(write("export.csv", csv_text(rows))).fetch(["#25", "x"])
    assert list(found) == ["25"]
    assert len(found["25"].lines) == 2
    assert found["25"].payment_status is PaymentStatus.PAID


def test_the_export_is_no_pos(write):
    """Named as a POS by mistake, it is refused in one clear line."""
    with pytest.raises(MalformedError, match="is the orders export of a Shopify shop, which is no POS"):
        read_pos(write("export.csv", csv_text([head()])))
