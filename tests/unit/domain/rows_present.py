"""Examples for blocks B and C: each rule at work, and evidence that nearly is its and is not."""

from __future__ import annotations

from typing import Final

from reconciler.domain.evidence import Absence
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus, Source
from tests.builders import (
    LINES,
    NOW,
    SECOND,
    G,
    ago,
    line,
    policy,
    pos_order,
    shipment,
)
from tests.unit.domain.rows import AGREED, MISSING, UNDECIDED, Known, about, no, yes

P, F, S = PaymentStatus, FulfillmentStatus, PosStatus
VOID = pos_order(status=S.VOIDED, updated_at=ago(hours=20))
AGAIN = pos_order(pos_id="P2", created_at=ago(hours=22))
ROSES = pos_order(lines=LINES[:1], total=44_00, tax=4_00)
CARD = pos_order(pos_id="P2", lines=LINES[1:], total=6_00, tax=1_00)
SHIPPED = pos_order(status=S.SHIPPED, shipments=(shipment(),))
FULFILLED: Known = {"fulfillment_status": F.FULFILLED, "shipments": (shipment(),)}
EDITED: Known = {"edited_at": ago(hours=5)}
JUST = NOW - G + SECOND
MADE = pos_order().created_at


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
    no("one of the two voided", AGREED, pos_order(), pos_order(pos_id="P2", status=S.VOIDED)),
    no("an edit family", AGREED, pos_order(), pos_order(pos_id="P2", reference="1001-E001")),
    no("a split by lines", AGREED, ROSES, CARD),
    no("a split told by totals only", AGREED, *(pos_order(pos_id=i, lines=None, total=25_00) for i in "ab")),
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

PARTLY_BACK: Known = {"payment_status": P.PARTIALLY_REFUNDED, "refunded": 10_00, "updated_at": ago(hours=5)}
REFUND: Final = about(
    "C.refund_not_propagated",
    yes("cancelled", pos_order(), cancelled_at=ago(hours=3)),
    yes("refunded in full", pos_order(), payment_status=P.REFUNDED, updated_at=ago(hours=3)),
    yes("refunded in part", pos_order(), **PARTLY_BACK),
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

NEWER = pos_order(pos_id="P2", reference="1001-E001", created_at=ago(hours=4))
STALE: Final = about(
    "C.stale_after_edit",
    yes("the old total", pos_order(total=30_00, updated_at=ago(hours=4)), **EDITED),
    yes("the old lines", pos_order(lines=LINES[:1], updated_at=ago(hours=4)), **EDITED),
    yes("the same, but not touched since", pos_order(), **EDITED),
    yes("edited G ago exactly", pos_order(), edited_at=NOW - G),
    no("edited one second less ago", AGREED, pos_order(), edited_at=JUST),
    yes(
        "only the old one of the family is live",
        pos_order(),
        pos_order(pos_id="P2", reference="1001-E001", created_at=ago(hours=4), status=S.VOIDED),
        **EDITED,
    ),
    yes("the family's latest is older than the last edit", pos_order(), NEWER, edited_at=ago(hours=3)),
    no("updated, with the new content", AGREED, pos_order(updated_at=ago(hours=4)), **EDITED),
    no("updated at the moment of the edit", AGREED, pos_order(updated_at=ago(hours=5)), **EDITED),
    no("a new record of the family shows it", AGREED, pos_order(total=30_00), NEWER, **EDITED),
    no(
        "a newer one of two edits shows it",
        AGREED,
        NEWER,
        pos_order(pos_id="P3", reference="1001-E002", created_at=ago(hours=3)),
        **EDITED,
    ),
    no("edited before the record was made", AGREED, pos_order(), edited_at=ago(hours=23, minutes=40)),
    no(
        "edited the moment it was made, totals differ",
        "C.amount_mismatch",
        pos_order(total=60_00),
        edited_at=MADE,
    ),
    no("edited the moment it was made", AGREED, pos_order(), edited_at=ago(hours=23, minutes=30)),
    no(
        "edited before, and amounts differ",
        "C.amount_mismatch",
        pos_order(total=60_00),
        edited_at=ago(hours=24),
    ),
    no(
        "updated, and a refund explains total and lines",
        AGREED,
        pos_order(total=40_00, lines=LINES[:1], updated_at=ago(hours=4)),
        **PARTLY_BACK,
        **EDITED,
    ),
    no("within a cent a line", AGREED, pos_order(total=50_02, updated_at=ago(hours=4)), **EDITED),
)

INCOMPLETE: Final = about(
    "C.incomplete_in_pos",
    yes("a line is lacking", pos_order(lines=LINES[:1], total=44_00)),
    yes("a unit is lacking", pos_order(lines=(line("ROSE-12"), LINES[1]))),
    yes("all lines are lacking, the total is there", pos_order(lines=())),
    yes(
        "lacking after mapping",
        pos_order(lines=(line("RED"),)),
        lines=(line("ROSE-12"), line("CARD")),
        under=policy(sku_map={"ROSE-12": "RED"}),
    ),
    yes("made G ago exactly", pos_order(lines=LINES[:1], created_at=NOW - G)),
    no("made one second less ago", AGREED, pos_order(lines=LINES[:1], created_at=JUST)),
    no("other articles instead", AGREED, pos_order(lines=(line("LILY"),))),
    no("lines not told", AGREED, pos_order(lines=None)),
    no("more than ordered", AGREED, pos_order(lines=(*LINES, line("LILY")))),
    no(
        "the same, in other lines",
        AGREED,
        pos_order(lines=(LINES[0], line("CARD", "0.5"), line("CARD", "0.5"))),
    ),
    no("a refund took the line away", AGREED, pos_order(lines=LINES[:1], total=40_00), **PARTLY_BACK),
    no(
        "lines without SKU go by name",
        AGREED,
        pos_order(lines=(line(None, name="GIFT NOTE"),)),
        lines=(line(None, name="Gift note "),),
    ),
)

AMOUNT: Final = about(
    "C.amount_mismatch",
    yes("seven dollars less", pos_order(total=43_00)),
    yes("three cents on two lines", pos_order(total=50_03)),
    no("two cents on two lines", AGREED, pos_order(total=50_02)),
    no("two cents less on two lines", AGREED, pos_order(total=49_98)),
    no("a cent without lines", AGREED, pos_order(total=50_01), lines=()),
    yes("two cents without lines", pos_order(total=50_02), lines=()),
    yes("reported without grace", pos_order(total=43_00, created_at=ago(seconds=1))),
    no(
        "francs rounded to five centimes",
        AGREED,
        pos_order(total=10_10, currency="CHF"),
        total=10_12,
        currency="CHF",
        lines=LINES[:1],
    ),
    yes(
        "francs rounded the wrong way",
        pos_order(total=10_15, currency="CHF"),
        total=10_12,
        currency="CHF",
        lines=LINES[:1],
    ),
    yes("dollars are not rounded to five cents", pos_order(total=10_10), total=10_12, lines=LINES[:1]),
    no("one yen on one line", AGREED, pos_order(total=501, currency="JPY"), total=500, currency="JPY"),
    yes("three yen on two lines", pos_order(total=503, currency="JPY"), total=500, currency="JPY"),
    yes("three fils on two lines", pos_order(total=12_348, currency="KWD"), total=12_345, currency="KWD"),
    yes("the same number in another currency", pos_order(currency="CAD")),
    yes("a tolerance of nothing", pos_order(total=50_01), under=policy(tolerance_per_line=0)),
    no("a record that is voided does not count", AGREED, pos_order(total=43_00, status=S.VOIDED), AGAIN),
)

REGISTER: Final = about(
    "C.not_on_register",
    yes("not fetched", pos_order(received_at=None)),
    yes("not fetched for two minutes exactly", pos_order(received_at=None, created_at=ago(minutes=2))),
    no("one second less", AGREED, pos_order(received_at=None, created_at=ago(seconds=119))),
    yes(
        "one part of a split not fetched",
        ROSES,
        pos_order(pos_id="P2", lines=LINES[1:], total=6_00, received_at=None),
    ),
    no("the POS cannot tell", AGREED, pos_order(received_at=None, register_known=False)),
    no("an outdated edit was not fetched", AGREED, pos_order(received_at=None), NEWER),
    no("a voided record was not fetched", AGREED, pos_order(received_at=None, status=S.VOIDED), AGAIN),
)

LAG: Final = about(
    "C.fulfilment_lag",
    yes("shipped, the cart says unfulfilled", SHIPPED),
    yes("shipped, the cart says partly", SHIPPED, fulfillment_status=F.PARTIALLY_FULFILLED),
    yes(
        "shipped without courier",
        pos_order(status=S.SHIPPED, shipments=(shipment(courier=None),)),
        **FULFILLED,
    ),
    yes(
        "shipped without tracking id",
        pos_order(status=S.SHIPPED, shipments=(shipment(), shipment(id="s2", tracking_id=None))),
        **FULFILLED,
    ),
    yes(
        "shipped without any parcel",
        pos_order(status=S.SHIPPED, shipments=(), updated_at=ago(hours=8)),
        **FULFILLED,
    ),
    yes(
        "the cart's parcel lacks the tracking",
        SHIPPED,
        fulfillment_status=F.FULFILLED,
        shipments=(shipment(tracking_id=None),),
    ),
    yes("shipped G ago exactly", pos_order(status=S.SHIPPED, shipments=(shipment(shipped_at=NOW - G),))),
    no(
        "shipped one second less ago",
        AGREED,
        pos_order(status=S.SHIPPED, shipments=(shipment(shipped_at=JUST),)),
    ),
    no("shipped on both sides", AGREED, SHIPPED, **FULFILLED),
    no("completed is not shipped", AGREED, pos_order(status=S.COMPLETED)),
    no(
        "only one part of a split has left",
        AGREED,
        pos_order(status=S.SHIPPED, lines=LINES[:1], total=44_00, shipments=(shipment(),)),
        CARD,
    ),
    no("fulfilled in the cart first", AGREED, pos_order(), **FULFILLED),
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
    *EXCLUDED, *VOIDED, *DUPLICATE, *PLACEHOLDER, *REFUND, *UNPAID_IN_POS, *HIDDEN, *STALE, *INCOMPLETE,
    *AMOUNT, *REGISTER, *LAG, *FIRST_WINS,
)  # fmt: skip
