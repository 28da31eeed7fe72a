"""Hand-keyed tickets: when one deserves a question, how it is scored, and who gets it."""

from datetime import timedelta

import pytest

from reconciler.domain.matching import assign_tickets, match_ticket, name_key, same_phone
from reconciler.domain.orders import Customer, PaymentStatus, PosStatus
from reconciler.domain.policy import WEIGHTS
from tests.builders import CUSTOMER, SECOND, cart_order, line, ticket, ticket_match

PLACED = cart_order().placed_at
NAME, PHONE, NOBODY = Customer(name="rosa OKAFOR"), Customer(phone="(928) 746-9282"), Customer()
STRANGER = Customer(name="Walk In", phone="555 000 1111")
SOON, LATE = PLACED + timedelta(minutes=4), PLACED + timedelta(hours=9)
OTHER = (line("LILY-6"),)


@pytest.mark.parametrize(
    ("label", "keyed", "agrees"),
    [
        ("all four", ticket(created_at=SOON), ("phone", "name", "lines", "time")),
        ("name and time", ticket(customer=NAME, lines=OTHER, created_at=SOON), ("name", "time")),
        ("phone and time", ticket(customer=PHONE, lines=OTHER, created_at=SOON), ("phone", "time")),
        ("name and lines", ticket(customer=NAME, created_at=LATE), ("name", "lines")),
        ("phone and lines", ticket(customer=PHONE, created_at=LATE), ("phone", "lines")),
        ("name and phone", ticket(lines=OTHER, created_at=LATE), ("phone", "name")),
        (
            "the name, though the phone differs",
            ticket(customer=Customer(name="Rosa Okafor", phone="555 000 1111"), created_at=SOON),
            ("name", "lines", "time"),
        ),
        (
            "the phone, though the name differs",
            ticket(customer=Customer(name="Okafor's mother", phone="9287469282"), created_at=SOON),
            ("phone", "lines", "time"),
        ),
        (
            "at another location",
            ticket(location="north", created_at=SOON),
            ("phone", "name", "lines", "time"),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_ticket_that_agrees_in_two_things_deserves_a_question(label, keyed, agrees):
    """Two of name, phone, lines and time agree, name or phone among them; the score adds up what agrees."""
    match = match_ticket(cart_order(), keyed, {})
    assert match is not None
    assert match.agrees == agrees
    assert match.score == sum(WEIGHTS[name] for name in agrees)


@pytest.mark.parametrize(
    ("label", "keyed"),
    [
        ("time and lines alone", ticket(customer=NOBODY, created_at=SOON)),
        ("time and lines, name and phone differ", ticket(customer=STRANGER, created_at=SOON)),
        ("the name alone", ticket(customer=NAME, lines=OTHER, created_at=LATE)),
        ("the phone alone", ticket(customer=PHONE, lines=OTHER, created_at=LATE)),
        ("another total", ticket(total=50_01)),
        ("another currency", ticket(currency="CAD")),
        ("voided", ticket(status=PosStatus.VOIDED)),
        ("it has a reference", ticket(reference="1002")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_ticket_that_agrees_in_less_is_somebody_elses(label, keyed):
    """The same total, or one coincidence beside it, is no reason to ask a person."""
    assert match_ticket(cart_order(), keyed, {}) is None


@pytest.mark.parametrize(
    "order",
    [
        cart_order(payment_status=PaymentStatus.PENDING),
        cart_order(cancelled_at=PLACED),
        cart_order(payment_status=PaymentStatus.REFUNDED),
        cart_order(test=True),
        cart_order(draft=True),
    ],
    ids=["unpaid", "cancelled", "refunded", "test", "draft"],
)
def test_an_order_that_nobody_waits_for_asks_for_no_ticket(order):
    """It would only take the ticket from a paid order of the same customer and total."""
    assert match_ticket(order, ticket(), {}) is None


@pytest.mark.parametrize(
    ("after", "timely"),
    [
        (timedelta(minutes=-10), True),
        (timedelta(minutes=-10) - SECOND, False),
        (timedelta(hours=2), True),
        (timedelta(hours=2) + SECOND, False),
    ],
)
def test_keyed_in_time_means_from_ten_minutes_before_to_two_hours_after(after, timely):
    """Both ends count: staff key from a phone call before, or from a print-out after."""
    match = match_ticket(cart_order(), ticket(created_at=PLACED + after), {})
    assert match is not None
    assert ("time" in match.agrees, "time" in match.differs) == (timely, not timely)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Rosa Okafor", "OKAFOR, Rosa"),
        ("José O'Hara", "JOSE OHARA"),
        ("Anne-Marie Weiß", "weiss anne marie"),
        ("J. R. Smith", "Smith J R"),
        ("Zoë  Jönsson ", "zoe jonsson"),
    ],
)
def test_names_are_compared_as_words(left, right):
    """Case, accents, punctuation, spaces and the order of the words do not tell people apart."""
    assert name_key(left) == name_key(right)


@pytest.mark.parametrize(
    ("left", "right"), [("Rosa Okafor", "Rosa Oka"), ("Rosa", "Rosa Rosa"), ("Ann", "Anne")]
)
def test_other_words_are_another_name(left, right):
    """A name that lacks a word or a letter is not the same name."""
    assert name_key(left) != name_key(right)


@pytest.mark.parametrize("name", [None, "", "  ", "...", "-"])
def test_a_name_without_letters_is_not_known(name):
    """What has no letters agrees with nothing, not even with another such name."""
    assert name_key(name) == ()
    match = match_ticket(cart_order(customer=Customer(name=name, phone=CUSTOMER.phone)), ticket(), {})
    assert match is not None
    assert "name" not in (*match.agrees, *match.differs)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("928 746 9282", "(928) 746-9282", True),
        ("+1 928 746 9282", "9287469282", True),
        ("+44 20 7946 0958", "020 7946 0958", True),
        ("9287469282", "9287469283", False),
        ("9287469282", "7469282", True),  # as told within the town
        ("9287469282", "469282", None),
        ("9287469282", None, None),
        ("n/a", "n/a", None),
    ],
)
def test_phones_are_compared_by_digits(left, right, same):
    """Dress and country code are forgiven; too few digits say nothing at all."""
    assert same_phone(left, right) is same
    assert same_phone(right, left) is same


def test_mapped_lines_agree_with_the_poss_articles():
    """Staff key the POS's articles, so the order's lines are compared after mapping."""
    order = cart_order(lines=(line("ROSE-DOZEN"),))
    match = match_ticket(order, ticket(lines=(line("ROSE-12"),)), {"ROSE-DOZEN": "ROSE-12"})
    assert match is not None
    assert "lines" in match.agrees


@pytest.mark.parametrize(
    ("order", "keyed"),
    [
        (cart_order(), ticket(lines=None)),
        (cart_order(lines=()), ticket()),
        (cart_order(lines=()), ticket(lines=())),
    ],
    ids=["the till does not tell", "the order has none", "neither has any"],
)
def test_lines_that_are_not_known_neither_agree_nor_differ(order, keyed):
    """Nothing on both sides is no agreement about anything."""
    match = match_ticket(order, keyed, {})
    assert match is not None
    assert "lines" not in (*match.agrees, *match.differs)


def test_of_two_tickets_an_order_is_asked_about_the_better():
    """The second may be the customer's other purchase."""
    matches = [
        (cart_order(), ticket_match(pos_id=i, score=n)) for i, n in (("T1", 50), ("T2", 90), ("T3", 70))
    ]
    assert assign_tickets(matches)["1001"].pos_id == "T2"


def test_a_ticket_goes_to_the_order_that_it_fits_best():
    """One ticket answers one order: the better match takes it, the other stays missing."""
    better, worse = cart_order(reference="1001"), cart_order(reference="1002")
    matches = [(worse, ticket_match(score=40)), (better, ticket_match(score=100))]
    assert assign_tickets(matches).keys() == {"1001"}


def test_of_equal_matches_the_one_nearer_in_time_takes_the_ticket():
    """Two like orders of one customer: the ticket belongs to the one placed just before it was keyed."""
    early = cart_order(reference="1001", placed_at=PLACED - timedelta(hours=1))
    late = cart_order(reference="1002")
    assert assign_tickets([(early, ticket_match()), (late, ticket_match())]).keys() == {"1002"}


def test_an_order_whose_ticket_was_taken_may_have_its_second_best():
    """Two orders and two tickets: each gets one, even where both prefer the same."""
    first, second = cart_order(reference="1001"), cart_order(reference="1002")
    matches = [
        (first, ticket_match(pos_id="T1", score=100)),
        (second, ticket_match(pos_id="T1", score=90)),
        (second, ticket_match(pos_id="T2", score=70)),
    ]
    given = {reference: match.pos_id for reference, match in assign_tickets(matches).items()}
    assert given == {"1001": "T1", "1002": "T2"}
    assert assign_tickets(reversed(matches)) == assign_tickets(matches)


def test_a_match_says_nothing_about_the_customer():
    """What is kept of a match names what agrees, never who the customer is."""
    said = repr(match_ticket(cart_order(), ticket(), {})).casefold()
    private = (CUSTOMER.name, CUSTOMER.phone, CUSTOMER.email)
    assert [word for word in private if str(word).casefold() in said] == []
