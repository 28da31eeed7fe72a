"""A line that is no order is set aside with place and reason; the rest goes on, the read is incomplete."""

import pytest

from tests.unit.adapters_file.files import cart_row, json_lines, pos_row, read_cart, read_pos

GOOD = [cart_row(reference="1"), cart_row(reference="2")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reference": ...}, "reference is missing"),
        ({"reference": " # "}, "reference is missing"),
        ({"reference": "9" * 201}, "reference is longer than 200 characters"),
        ({"reference": "10\u200b01"}, "reference holds a character that cannot be seen: '10\\u200b01'"),
        ({"reference": "10\ud83d"}, "reference holds a character that cannot be seen: '10\ufffd'"),
        ({"reference": "1.23E+05"}, "reference was rounded by a spreadsheet"),
        ({"placed_at": None}, "placed_at is missing"),
        ({"placed_at": "2026-11-19T10:00:00"}, "placed_at has no offset, such as Z or +01:00"),
        ({"placed_at": "19/11/2026"}, "placed_at is not an ISO 8601 time: '19/11/2026'"),
        ({"placed_at": "0001-01-01T00:00:00+23:00"}, "placed_at is not a time"),
        ({"paid_at": 1763561532}, "paid_at is not an ISO 8601 time"),
        ({"currency": None}, "currency is missing"),
        ({"currency": "$"}, "currency is not a code of three letters: '$'"),
        ({"total": ...}, "total is missing"),
        ({"total": "63,13"}, "total is not a decimal amount: '63,13'"),
        ({"total": "1.005"}, "total has too many decimals: '1.005'"),
        ({"total": "1e3"}, "total is not a decimal amount"),
        ({"total": "\u0663\u0660.00"}, "total is not a decimal amount"),
        ({"total": True}, "total is not a text"),
        ({"total": "99999999999999999.00"}, "total is"),
        ({"captured": "-1.00"}, "captured is negative"),
        ({"payment_status": ...}, "payment_status is missing"),
        ({"payment_status": "settled"}, "payment_status is none of pending, authorized"),
        ({"fulfillment_status": "lost"}, "fulfillment_status is none of unfulfilled"),
        ({"archived": "maybe"}, "archived is neither true nor false"),
        ({"customer": "Bea"}, "customer is not an object"),
        ({"customer": {"name": ["Bea"]}}, "customer.name is not a text"),
        ({"lines": {"sku": "A"}}, "lines is not a list"),
        ({"lines": [{"sku": "A", "quantity": "two"}]}, "lines[0].quantity is not a number"),
        ({"lines": [{"sku": "A", "quantity": "NaN"}]}, "a line's quantity is not a number of units"),
        ({"lines": [{"sku": "A", "quantity": 10**4000}]}, "a line's quantity is not a number of units"),
        ({"lines": [{"sku": "A", "quantity": "1e99999"}]}, "a line's quantity is not a number of units"),
        ({"shipments": [{"shipped_at": "soon"}]}, "a shipment's shipped_at is not an ISO 8601 time"),
        ({"deliver_on": "21/11/2026"}, "deliver_on is not a day such as 2026-11-20"),
    ],
    ids=str,
)
def test_a_reason_names_the_key_in_plain_words(write, changes, reason):
    """Who has to correct the export reads which key it is and what is wrong with it."""
    reading = read_cart(write("cart.jsonl", [GOOD[0], cart_row(**changes), GOOD[1]]))
    assert reading.reason.startswith(reason)
    assert [order.reference for order in reading.orders] == ["1", "2"]
    assert reading.coverage.complete is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pos_id": ...}, "pos_id is missing"),
        ({"created_at": None}, "created_at is missing"),
        ({"status": "gone"}, "status is none of open"),
        ({"source": "fax"}, "source is none of online, in_store"),
        ({"received_at": "now"}, "received_at is not an ISO 8601 time"),
    ],
    ids=str,
)
def test_pos_records_are_judged_alike(write, changes, reason):
    """The POS's keys have their reasons too."""
    assert read_pos(write("pos.jsonl", [pos_row(**changes)])).reason.startswith(reason)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"reference": "1", ', "it is not valid JSON"),
        (b"[]", "the line is not an object"),
        (b"null", "the line is not an object"),
        (b"reference,total", "it is not valid JSON"),
        (b'{"reference": NaN}', "it is not valid JSON"),
        (b'{"reference": "10', "it is not valid JSON: Unterminated string starting at character 15"),
        (b'{"reference": 00123}', "it is not valid JSON"),
        (b'{"customer": ' + b"[" * 100_000, "it is nested too deeply"),
        (b'{"total": ' + b"9" * 10_000 + b"}", "currency is missing"),
        (b"\0" * 100, "it is not valid JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_json_object_is_set_aside(write, line, reason):
    """Whatever stands in a line, it is one line's fault."""
    content = json_lines(GOOD[:1]).encode() + line + b"\n" + json_lines(GOOD[1:]).encode()
    reading = read_cart(write("cart.jsonl", content))
    assert reading.reason.startswith(reason)
    assert len(reading.orders) == 2


def test_text_in_another_encoding_is_named_by_its_byte(write):
    """CP1252 out of an old program: the one line is set aside, with the place of the byte in the file."""
    first = json_lines(GOOD[:1]).encode()
    second = json_lines([cart_row(customer={"name": "Zo?"})]).replace("?", "ë")
    path = write("cart.jsonl", first + second.encode("cp1252"))
    place = len(first) + second.index("ë") + 1
    reading = read_cart(path)
    assert reading.reason == f"byte {place} of the file (0xeb) is not UTF-8; export it as UTF-8"
    assert "Zo\\xeb" in reading.quarantined[0].raw


def test_a_torn_last_line_is_set_aside(write):
    """A copy that broke off is not taken for all there is."""
    text = json_lines(GOOD)
    reading = read_cart(write("cart.jsonl", text[: len(text) - 20]))
    assert (len(reading.orders), reading.coverage.complete) == (1, False)
    assert reading.coverage.reason.startswith("cart.jsonl line 2: it is not valid JSON")


def test_what_is_set_aside_keeps_file_line_and_text(write):
    """File name, line number from 1 (blank ones count), and the line as it stands."""
    item = read_cart(write("cart.jsonl", "\n" + json_lines(GOOD) + "{oops\n")).quarantined[0]
    assert (item.source, item.position, item.raw) == ("cart.jsonl", 4, "{oops")


def test_little_is_kept_of_a_huge_line(write):
    """A line without end fills neither the memory nor the database, and what follows it is read."""
    path = write("cart.jsonl", b"{" + b"x" * (9 << 20) + b"\n" + json_lines(GOOD).encode())
    reading = read_cart(path)
    assert reading.reason == "it is longer than 4194304 bytes"
    assert len(reading.quarantined[0].raw) == 64 * 1024
    assert len(reading.orders) == 2


def test_what_is_kept_can_be_stored_and_printed(write):
    """No NUL, no lone surrogate, no undecoded byte is left in what goes to the database."""
    reading = read_cart(write("cart.jsonl", b"\0\xff\xed\xa0\x80\n"))
    assert reading.quarantined[0].raw == "\\x00\\xff\\xed\\xa0\\x80"


def test_the_coverage_says_what_was_wrong_without_repeating_it(write):
    """Its reason goes to logs and reports: place and key, never what a customer or shop wrote."""
    reading = read_cart(write("cart.jsonl", [cart_row(total="bea@example.test"), cart_row(currency="$")]))
    assert reading.coverage.reason == "cart.jsonl line 1: total is not a decimal amount (and 1 more)"
    assert "bea@example.test" in reading.quarantined[0].reason
