"""CSV: the same orders as JSON Lines, however a spreadsheet or a database wrote them."""

import csv
import io

import pytest

from reconciler.domain.errors import MalformedError
from tests.builders import cart_order, pos_order, shipment
from tests.unit.adapters_file.files import cart_row, csv_text, pos_row, read_cart, read_pos, row_of

ORDERS = [
    cart_order(reference="1"),
    cart_order(reference="2", shipments=(shipment(),), archived=True, tax=None, lines=()),
    cart_order(reference="3", shipping_method='Local; "by hand",\r\nnot before noon'),
]
ROWS = [row_of(order) for order in ORDERS]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_orders_come_back_as_they_were_written(write, delimiter, mark):
    """Nested values as JSON cells, customer.name, quotes and line breaks in cells, both delimiters."""
    path = write("cart.csv", mark + csv_text(ROWS, delimiter).encode())
    reading = read_cart(path)
    assert reading.orders == ORDERS
    assert reading.coverage.complete


def test_pos_records_come_back_as_they_were_written(write):
    """An empty received_at is a register that has not fetched; empty lines are not told."""
    records = [
        pos_order(),
        pos_order(pos_id="P2", received_at=None),
        pos_order(pos_id="P3", lines=None, reference=None, source="in_store"),
    ]
    assert read_pos(write("pos.csv", csv_text([row_of(record) for record in records]))).orders == records


def test_a_pos_without_the_column_cannot_tell_what_registers_fetched(write):
    """No column received_at: nobody knows, and nobody is blamed."""
    path = write("pos.csv", csv_text([pos_row(received_at=...)]))
    assert read_pos(path).orders[0].register_known is False


def test_the_payload_is_kept_as_json(write):
    """Every filled cell under its column's name, known or not."""
    path = write("cart.csv", csv_text([{**cart_row(customer=None, lines=None, shipments=None), "Till": "7"}]))
    raw = read_cart(path).snapshots[0].raw
    assert raw.startswith('{"reference":"1001","placed_at":')
    assert raw.endswith('"till":"7"}')


def test_a_decimal_comma_is_read_where_it_cannot_be_the_delimiter(write):
    """With ; between cells, 63,13 is an amount; with commas it is not."""
    row = cart_row(total="63,13", captured="63,13")
    assert read_cart(write("cart.csv", csv_text([row], ";"))).orders[0].total == 63_13
    assert read_cart(write("other.csv", csv_text([row]))).reason == "total is not a decimal amount: '63,13'"


@pytest.mark.parametrize("written", ["1.234,56", "1,234.56", "1 234,56"])
def test_grouped_digits_are_set_aside(write, written):
    """Whether 1.234 is a thousand nobody can tell: such an amount is never guessed."""
    path = write("cart.csv", csv_text([cart_row(total=written, captured=...)], ";"))
    assert read_cart(path).reason.startswith("total ")


def test_leading_zeros_survive(write):
    """Order numbers and SKUs are text, not numbers."""
    row = cart_row(reference="00123", lines=[{"sku": "00123", "quantity": 1}])
    order = read_cart(write("cart.csv", csv_text([row]))).orders[0]
    assert (order.reference, order.lines[0].sku) == ("00123", "00123")


def test_a_number_that_a_spreadsheet_rounded_is_set_aside(write):
    """1.23E+05 was an order number once; sending its order again under that name would double it."""
    path = write("cart.csv", csv_text([cart_row(reference="1.23E+05")]))
    assert read_cart(path).reason.startswith("reference was rounded by a spreadsheet")


def test_columns_are_found_whatever_their_case_and_spacing(write):
    """Reference, TOTAL and " currency " are the columns they look like."""
    text = csv_text(ROWS[:1])
    header, rest = text.split("\r\n", 1)
    path = write("cart.csv", header.upper().replace(",", " , ") + "\r\n" + rest)
    assert read_cart(path).orders == ORDERS[:1]


def test_a_header_without_needed_columns_is_one_clear_error(write):
    """The file and what it lacks, instead of a thousand broken rows."""
    path = write("cart.csv", csv_text([cart_row(total=..., payment_status=...)]))
    with pytest.raises(
        MalformedError, match=r"^the header of cart\.csv lacks the columns total, payment_status; export it"
    ):
        read_cart(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (csv_text([pos_row()]), "lacks the columns placed_at, payment_status"),
        ("total,total\n", "lacks the columns"),
        ("reference,placed_at,currency,total,total,payment_status\n", "has total more than once"),
        ("\ufeff" + "reference\tplaced_at\n", "lacks"),
        (csv_text(ROWS).encode("utf-16"), "is UTF-16"),
        ('"reference', "lacks the columns"),
        (b"r\xe9f\xe9rence,total\n1,2\n", "lacks the columns"),
    ],
    ids=["a POS's", "twice and lacking", "twice", "tabs", "UTF-16", "torn", "CP1252"],
)
def test_a_header_of_something_else_is_one_clear_error(write, content, words):
    """Whatever was exported by mistake."""
    with pytest.raises(MalformedError, match=words):
        read_cart(write("cart.csv", content.encode() if isinstance(content, str) else content))


def broken(row: str) -> str:
    """Return a file of three rows whose second is replaced."""
    header, first, _, last = csv_text([cart_row(reference=str(n)) for n in range(3)]).splitlines()
    return f"{header}\r\n{first}\r\n{row}\r\n{last}\r\n"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1001,2026-11-19T10:00:00Z", "it has 2 cells, the header has"),
        (",".join(["x"] * 40), "it has 40 cells, the header has"),
        ('"1001', "it is not valid CSV: "),
        ('"1001"x,', "it is not valid CSV: ',' expected after '\"'"),
        ("Summe,,,,", "it has 5 cells, the header has"),
    ],
    ids=["too few", "too many", "open quote", "text after a quote", "totals row"],
)
def test_a_broken_row_costs_only_itself(write, row, reason):
    """The rows around it arrive, a stray quote swallows none of them."""
    reading = read_cart(write("cart.csv", broken(row)))
    assert reading.reason.startswith(reason)
    assert reading.quarantined[0].position == 3
    assert reading.quarantined[0].raw == row + "\r\n"
    assert [order.reference for order in reading.orders] == ["0", "2"]
    assert reading.coverage.complete is False


def test_a_row_in_another_encoding_is_named_by_its_byte(write):
    """One CP1252 row among UTF-8 ones, with a line break in it."""
    rows = [cart_row(reference=str(n), customer={"name": "a\nb?"}) for n in range(3)]
    before, between, behind = csv_text(rows).encode().rpartition(b"b?")
    reading = read_cart(write("cart.csv", before + b"b\xeb" + behind))
    place = len(before) + 2
    assert between
    assert reading.reason == f"byte {place} of the file (0xeb) is not UTF-8; export it as UTF-8"
    assert reading.quarantined[0].position == 6
    assert len(reading.orders) == 2


def test_a_nested_cell_cannot_pass_for_other_columns(write):
    """A cell that goes on behind its JSON is broken; it does not become part of the order."""
    text = csv_text([cart_row(lines=...)])
    header, row = text.splitlines()
    cell = io.StringIO()
    csv.writer(cell).writerow(['[],"total":"0.01"'])
    path = write("cart.csv", f"{header},lines\r\n{row},{cell.getvalue()}")
    assert read_cart(path).reason.startswith("lines is not valid JSON")


def test_empty_rows_hold_nothing(write):
    """Rows of delimiters, which spreadsheets leave at the end, are no orders and no faults."""
    text = csv_text(ROWS)
    empty = "," * text.split("\r\n", 1)[0].count(",")
    reading = read_cart(write("cart.csv", f"{text}{empty}\r\n,,\r\n\r\n", count=3))
    assert (len(reading.orders), reading.coverage.absence_trusted) == (3, True)


def test_empty_extra_cells_do_no_harm(write):
    """A delimiter too many at the end of a row is only that."""
    header, *rows = csv_text(ROWS[:1]).splitlines()
    assert read_cart(write("cart.csv", "\n".join([header, *(f"{row},," for row in rows), ""]))).orders


def test_a_header_alone_means_that_there_are_no_orders(write):
    """An export that ran and found nothing is complete."""
    reading = read_cart(write("cart.csv", csv_text(ROWS).split("\r\n")[0] + "\r\n"))
    assert (reading.orders, reading.coverage.complete) == ([], True)


def test_a_file_that_breaks_off_in_its_header_is_incomplete(write):
    """Without the end of the header's line nothing says that no order followed."""
    reading = read_cart(write("cart.csv", csv_text(ROWS).split("\r\n")[0]))
    assert reading.coverage.reason == "cart.csv line 1: the file breaks off in its header"


def test_booleans_are_read_in_the_spellings_of_exports(write):
    """TRUE, yes and 1 are true; the rest of that family is false."""
    written = ["TRUE", "yes", "1", "true", "FALSE", "no", "0", ""]
    rows = [cart_row(reference=str(n), archived=text) for n, text in enumerate(written)]
    orders = read_cart(write("cart.csv", csv_text(rows))).orders
    assert [order.archived for order in orders] == [True] * 4 + [False] * 4


def test_lines_are_counted_through_line_breaks_in_cells(write):
    """A person who opens the file at the line that is named finds the broken row there."""
    rows = [cart_row(reference="1", shipping_method="a\nb\nc"), cart_row(total="x")]
    assert read_cart(write("cart.csv", csv_text(rows))).quarantined[0].position == 5
