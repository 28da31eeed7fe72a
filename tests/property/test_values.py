"""What holds for every amount, name, phone, ticket and order number."""

from contextlib import suppress
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from reconciler.domain.differences import amount_differences, is_strict_subset, lacking
from reconciler.domain.matching import assign_tickets, match_ticket, name_key, same_phone
from reconciler.domain.money import exponent, format_minor, parse_minor, parse_quantity, within_tolerance
from reconciler.domain.orders import cart_reference, edit_family, normalise_reference
from tests.builders import cart_order, pos_order, ticket, ticket_match

currencies = st.sampled_from(["USD", "EUR", "CHF", "JPY", "KRW", "KWD", "BHD", "CLF", "XXX"])
PREFIXES = ["", "R", "RB-", "FL-"]
minors = st.integers(-(10**14), 10**14)
references = st.from_regex(r"[A-Z0-9-]{1,8}", fullmatch=True).filter(lambda text: edit_family(text) == text)
counts = st.dictionaries(st.sampled_from("ABCD"), st.decimals("0.01", 9, places=2), max_size=4)
names = st.text("abc ÀÉß'-.,", max_size=12)


@given(minors, currencies)
def test_an_amount_survives_being_written_and_read(minor, currency):
    """What a report shows is what was stored, to the last unit, in every currency."""
    text = format_minor(minor, currency)
    assert parse_minor(text, currency) == minor
    assert Decimal(text) * 10 ** exponent(currency) == minor


@given(st.text(max_size=20), currencies)
def test_no_text_breaks_the_reading_of_amounts(text, currency):
    """Any text is an amount in minor units or one clear error."""
    for read in (lambda: parse_minor(text, currency), lambda: parse_quantity(text)):
        with suppress(ValueError):
            assert isinstance(read(), int | Decimal)


@given(minors, st.integers(-10, 10), currencies, st.integers(0, 5))
def test_rounding_is_small(total, off, currency, lines):
    """Equal totals agree, and none agree that are further apart than a unit a line or half a coin."""
    assert within_tolerance(total, total, currency, lines=lines, per_line=0)
    if within_tolerance(total, total + off, currency, lines=lines, per_line=1):
        assert abs(off) <= max(1, lines, 2 if currency == "CHF" else 0)


@given(minors, minors, st.none() | minors, st.none() | minors, st.none() | minors)
def test_a_difference_is_explained_to_the_last_unit(cart_total, pos_total, tax, shipping, discount):
    """The parts of a split add up to the difference of the totals: unexplained is nothing."""
    cart = cart_order(total=cart_total)
    record = pos_order(total=pos_total, tax=tax, shipping=shipping, discount=discount)
    parts = {name: parse_minor(text, "USD") for name, text in amount_differences(cart, [record]).items()}
    explained = sum(-amount if name == "discount" else amount for name, amount in parts.items())
    assert explained == pos_total - cart_total


@given(counts, counts)
def test_a_strict_part_lacks_something_and_the_whole_lacks_nothing_of_it(part, whole):
    """A part never has its whole as a part, and what it lacks is never nothing."""
    if is_strict_subset(part, whole):
        assert lacking(part, whole)
        assert not lacking(whole, part)
        assert not is_strict_subset(whole, part)


@given(st.lists(names, min_size=1, max_size=4))
def test_a_name_is_its_words_in_any_order_and_case(parts):
    """Turning the words round, or shouting them, does not make another name."""
    assert name_key(" ".join(parts)) == name_key(", ".join(reversed(parts)))
    assert name_key(" ".join(parts)) == name_key(" ".join(parts).upper().lower())


@given(st.text(max_size=15), st.text(max_size=15))
def test_phones_are_compared_the_same_way_round_and_back(left, right):
    """Neither side is the reference."""
    assert same_phone(left, right) is same_phone(right, left)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 100)), max_size=12))
def test_a_ticket_answers_one_order_and_an_order_has_one_ticket(pairs):
    """However many orders look like however many tickets, nothing is given twice, nor kept back."""
    matches = [
        (cart_order(reference=str(order)), ticket_match(pos_id=str(keyed), score=score))
        for order, keyed, score in pairs
    ]
    given_out = {order: match.pos_id for order, match in assign_tickets(matches).items()}
    assert len(set(given_out.values())) == len(given_out)
    for order, match in matches:
        assert order.reference in given_out or match.pos_id in given_out.values()
    assert assign_tickets(reversed(matches)).keys() == given_out.keys()


@given(names, names, st.text("0123456789 -+", max_size=12))
def test_a_match_needs_a_name_or_a_phone(name, keyed_name, phone):
    """Whatever staff typed, total, time and lines alone never make a match."""
    order = cart_order()
    order = cart_order(customer=type(order.customer)(name=name, phone=phone))
    keyed = ticket(customer=type(order.customer)(name=keyed_name, phone="555 000 1111"))
    match = match_ticket(order, keyed, {})
    if match is not None:
        assert {"name", "phone"} & set(match.agrees)
        assert 0 < match.score <= 100


@given(references, st.integers(0, 999), st.sampled_from(["", "#", " #", "# "]))
def test_an_edit_belongs_to_its_order_however_it_is_dressed(reference, number, dress):
    """Dress and edit suffix come off, and nothing else does."""
    edited = normalise_reference(f"{dress}{reference}-E{number:03d} ")
    assert edit_family(edited) == reference
    assert edit_family(edit_family(edited)) == reference


@given(references, st.sampled_from(PREFIXES), st.sampled_from(PREFIXES))
def test_a_record_belongs_to_one_channel_of_those_that_share_a_pos(reference, prefix, other):
    """What one channel's prefix claims, another's does not, so no record answers two shops' orders."""
    mine = cart_reference(prefix + reference, prefix, [other])
    if other != prefix and mine is not None:
        assert cart_reference(prefix + reference, other, [prefix]) is None
