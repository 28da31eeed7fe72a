"""Examples for block B and the first half of C: each rule at work, and evidence that nearly is its."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.domain.evidence import Absence
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus, Source
from tests.builders import (
    LINES,
    NOW,
    G,
    ago,
    line,
    policy,
    pos_order,
)
from tests.unit.domain import rows_content
from tests.unit.domain.rows import (
    AGAIN,
    AGREED,
    CARD,
    JUST,
    MISSING,
    PARTLY_BACK,
    ROSES,
    UNDECIDED,
    VOID,
    about,
    no,
    yes,
)

P, F, S = PaymentStatus, FulfillmentStatus, PosStatus
HALVES = tuple(pos_order(pos_id=i, lines=LINES[:1], total=25_00) for i in "ab")
THIRDS = tuple(pos_order(pos_id=i, lines=None, total=t) for i, t in (("a", 25_00), ("b", 25_00), ("c", 0)))


EXCLUDED: Final = about(
    "B.excluded",
    yes("a paid test order", test=True),
    yes("an unpaid test order", test=True, payment_status=P.PENDING),
    yes("a test order that reached the POS", pos_order(), test=True),
    yes("a draft", draft=True),
    yes("no lines and no total", lines=(), total=0),
    yes("a test order although the POS read broke off", test=True, absence=Absence.INCOMPLETE),
    no("no lines but a total is an order", MISSING, lines=()),
    no("no total but lines is an order", MISSING, total=0),
    no("archived is not excluded", AGREED, pos_order(), archived=True),
)

VOIDED: Final = about(
    "C.voided_in_pos",
    yes("paid, and the one record was voided", VOID),
    yes("paid, and both records were voided", VOID, pos_order(pos_id="P2", status=S.VOIDED)),
    yes("refunded in part, and voided", VOID, payment_status=P.PARTIALLY_REFUNDED, refunded=10_00),
    yes("edited after it was voided", VOID, edited_at=ago(hours=9)),
    yes("paid by its payment record, and voided", VOID, payment_status=P.PENDING, captured=50_00),
    no("one voided, one live", AGREED, VOID, AGAIN),
    no("the POS read broke off", UNDECIDED, VOID, absence=Absence.INCOMPLETE),
    no("cancelled in the cart as well", AGREED, VOID, cancelled_at=ago(hours=21)),
    no("refunded in the cart as well", AGREED, VOID, payment_status=P.REFUNDED),
    no("refunded in full, whatever the status says", AGREED, VOID, refunded=50_00),
    no(
        "cancelled in the cart, and edited", AGREED, VOID, cancelled_at=ago(hours=21), edited_at=ago(hours=21)
    ),
    no("never paid", AGREED, VOID, payment_status=P.PENDING),
    no("the payment was voided too", AGREED, VOID, payment_status=P.VOIDED),
)

DUPLICATE: Final = about(
    "C.duplicate_in_pos",
    yes("two live records of one reference", pos_order(), AGAIN),
    yes("at two locations", pos_order(), pos_order(pos_id="P2", location="north")),
    yes("the second with other content", pos_order(), CARD),
    yes("references that differ in dress only", pos_order(reference=" #1001"), AGAIN),
    yes("a full record and an empty one", pos_order(), pos_order(pos_id="P2", lines=(), total=0)),
    yes("twice the same edit", *(pos_order(pos_id=i, reference="1001-E1") for i in ("a", "b"))),
    yes("a free order twice", *(pos_order(pos_id=i, total=0) for i in ("a", "b")), total=0),
    yes("two without lines, each in full", pos_order(lines=None), pos_order(pos_id="b", lines=None)),
    yes("parts in two currencies", ROSES, replace(CARD, currency="CAD")),
    yes(
        "two halves and an empty third",
        *(replace(p, lines=None) for p in HALVES),
        pos_order(pos_id="c", total=0),
    ),
    yes("in full, and a cent more", pos_order(lines=None), pos_order(pos_id="b", lines=None, total=1)),
    yes("a ticket linked by a person, and the order itself", pos_order(reference=None), AGAIN),
    no("one of the two voided", AGREED, pos_order(), pos_order(pos_id="P2", status=S.VOIDED)),
    no("an edit family", AGREED, pos_order(), pos_order(pos_id="P2", reference="1001-E001")),
    no("a split by lines", AGREED, ROSES, CARD),
    no("a split told by totals only", AGREED, *(replace(half, lines=None) for half in HALVES)),
    no("a split of which one part tells its lines", AGREED, HALVES[0], replace(HALVES[1], lines=None)),
    no("a split of an order without lines", AGREED, *(replace(half, lines=()) for half in HALVES), lines=()),
    no("a ticket linked by a person", AGREED, pos_order(reference=None)),
    no(
        "a split by quantity",
        AGREED,
        *(pos_order(pos_id=i, total=20_00, lines=(line("CARD", "2"),)) for i in "ab"),
        total=40_00,
        lines=(line("CARD", "4"),),
    ),
    no(
        "a split of which a part was refunded",
        AGREED,
        pos_order(lines=LINES[:1], total=35_00),
        pos_order(pos_id="b", lines=LINES[1:], total=5_00),
        payment_status=P.PARTIALLY_REFUNDED,
        refunded=10_00,
    ),
    yes(
        "a split in which one part is doubled",
        ROSES,
        CARD,
        pos_order(pos_id="c", lines=LINES[1:], total=6_00),
    ),
)

PLACEHOLDER: Final = about(
    "C.placeholder_in_pos",
    yes("attention required", pos_order(status=S.ATTENTION_REQUIRED)),
    yes("zero total, no lines", pos_order(total=0, lines=())),
    yes("zero total, lines not told", pos_order(total=0, lines=None)),
    yes("a free order without its lines", pos_order(total=0, lines=()), total=0),
    yes("attention required, and a total", pos_order(status=S.ATTENTION_REQUIRED, total=1)),
    yes("an empty shell somewhere else", pos_order(total=0, lines=(), location="north")),
    no("a free order with its lines", AGREED, pos_order(total=0), total=0),
    no("a free order, lines not told", AGREED, pos_order(total=0, lines=None), total=0),
    no("no lines were expected", "C.amount_mismatch", pos_order(total=0, lines=()), lines=()),
    no("emptied after a refund in full", AGREED, pos_order(total=0, lines=()), payment_status=P.REFUNDED),
    no("zeroed after a refund, its lines kept", AGREED, pos_order(total=0), payment_status=P.REFUNDED),
    no("emptied after a cancellation", AGREED, pos_order(total=0, lines=()), cancelled_at=ago(hours=9)),
    no(
        "emptied after a cancellation that was an edit",
        AGREED,
        pos_order(total=0, lines=()),
        cancelled_at=ago(hours=9),
        edited_at=ago(hours=9),
    ),
)

REFUND: Final = about(
    "C.refund_not_propagated",
    yes("cancelled", pos_order(), cancelled_at=ago(hours=3)),
    yes("refunded in full", pos_order(), payment_status=P.REFUNDED, updated_at=ago(hours=3)),
    yes("refunded in part", pos_order(), **PARTLY_BACK),
    yes("refunded in part, and the parts of a split are still whole", ROSES, CARD, **PARTLY_BACK),
    yes("cancelled before it was paid", pos_order(), cancelled_at=ago(hours=3), payment_status=P.PENDING),
    yes("cancelled, at G exactly", pos_order(), cancelled_at=NOW - G),
    yes(
        "refunded in full, the record down to the net of a part",
        pos_order(total=40_00),
        payment_status=P.REFUNDED,
        updated_at=ago(hours=3),
    ),
    yes("cancelled, zeroed, but its lines still live", pos_order(total=0), cancelled_at=ago(hours=9)),
    no("cancelled, one second before G", AGREED, pos_order(), cancelled_at=JUST),
    no("refunded in part, one second before G", AGREED, pos_order(), **PARTLY_BACK | {"updated_at": JUST}),
    no("refunded in part, and the record shows it", AGREED, pos_order(total=40_00), **PARTLY_BACK),
    no(
        "refunded in part, shown in lines too", AGREED, pos_order(total=40_00, lines=LINES[:1]), **PARTLY_BACK
    ),
    no(
        "refunded in part, in another currency", "C.amount_mismatch", pos_order(currency="CAD"), **PARTLY_BACK
    ),
    no("paid and whole", AGREED, pos_order()),
)

UNPAID_IN_POS: Final = about(
    "C.unpaid_in_pos",
    *(
        yes(f"payment {status}", pos_order(), payment_status=status, paid_at=None)
        for status in (P.PENDING, P.FAILED, P.VOIDED, P.EXPIRED)
    ),
    yes("pending though captured: the POS has it", pos_order(), payment_status=P.PENDING, captured=50_00),
    yes("made G ago exactly", pos_order(created_at=NOW - G), payment_status=P.PENDING, paid_at=None),
    no(
        "made one second less ago", AGREED, pos_order(created_at=JUST), payment_status=P.PENDING, paid_at=None
    ),
    yes("paid first, lost G ago", pos_order(), payment_status=P.VOIDED, updated_at=NOW - G),
    no("paid first, lost one second later", AGREED, pos_order(), payment_status=P.VOIDED, updated_at=JUST),
    no("authorized", AGREED, pos_order(), payment_status=P.AUTHORIZED),
    no("paid in part", AGREED, pos_order(), payment_status=P.PARTIALLY_PAID, captured=20_00),
    no("a free order is never paid", AGREED, pos_order(total=0), total=0, payment_status=P.PENDING),
    no(
        "cancelled as well",
        "C.refund_not_propagated",
        pos_order(),
        payment_status=P.VOIDED,
        cancelled_at=ago(hours=9),
    ),
)

HIDDEN: Final = about(
    "C.hidden_in_pos",
    yes("at another location", pos_order(location="warehouse-2")),
    yes(
        "both parts at another location",
        pos_order(location="north", lines=LINES[:1], total=44_00),
        pos_order(pos_id="P2", location="south", lines=LINES[1:], total=6_00),
    ),
    no(
        "one part of a split in view",
        AGREED,
        ROSES,
        pos_order(pos_id="P2", location="south", lines=LINES[1:], total=6_00),
    ),
    no("no location told", AGREED, pos_order(location=None)),
    no("the channel looks everywhere", AGREED, pos_order(location="north"), under=policy(location=None)),
    no("voided there, live in view", AGREED, pos_order(location="north", status=S.VOIDED), AGAIN),
    yes("live there, voided in view", pos_order(location="north"), pos_order(pos_id="P2", status=S.VOIDED)),
    no("unpaid as well", "C.unpaid_in_pos", pos_order(location="north"), payment_status=P.PENDING),
)

FIRST_WINS: Final = about(
    "the order of block C",
    no(
        "a duplicate of a cancelled order",
        "C.duplicate_in_pos",
        pos_order(),
        AGAIN,
        cancelled_at=ago(hours=9),
    ),
    no("a shell elsewhere", "C.placeholder_in_pos", pos_order(status=S.ATTENTION_REQUIRED, location="north")),
    no("an edit in grace hides the amount until it ends", AGREED, pos_order(total=1_00), edited_at=JUST),
    no(
        "a POS read that broke off still showed this record",
        "C.amount_mismatch",
        pos_order(total=43_00),
        absence=Absence.INCOMPLETE,
    ),
    no("a reference typed into an in-store sale", AGREED, pos_order(source=Source.IN_STORE)),
)

ROWS: Final = (
    *EXCLUDED, *VOIDED, *DUPLICATE, *PLACEHOLDER, *REFUND, *UNPAID_IN_POS, *HIDDEN,
    *rows_content.ROWS, *FIRST_WINS,
)  # fmt: skip
