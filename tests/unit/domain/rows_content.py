"""Examples for the second half of block C: what a live record says, and what nearly says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.domain.orders import FulfillmentStatus, PaymentStatus, PosStatus
from tests.builders import (
    LINES,
    NOW,
    G,
    ago,
    line,
    policy,
    pos_order,
    shipment,
)
from tests.unit.domain.rows import (
    AGAIN,
    AGREED,
    CARD,
    EDITED,
    JUST,
    MADE,
    PARTLY_BACK,
    ROSES,
    Known,
    about,
    no,
    yes,
)

P, F, S = PaymentStatus, FulfillmentStatus, PosStatus
SHIPPED = pos_order(status=S.SHIPPED, shipments=(shipment(),))
FULFILLED: Known = {"fulfillment_status": F.FULFILLED, "shipments": (shipment(),)}


OTHERWISE = pos_order(total=40_00, lines=(line("LILY"),), updated_at=ago(hours=4))

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
    yes("updated, and a refund does not explain other articles", OTHERWISE, **PARTLY_BACK, **EDITED),
    no("updated, its lines not told", AGREED, pos_order(lines=None, updated_at=ago(hours=4)), **EDITED),
    no("one part of a split updated since", AGREED, replace(ROSES, updated_at=ago(hours=4)), CARD, **EDITED),
    no("within a cent a line", AGREED, pos_order(total=50_02, updated_at=ago(hours=4)), **EDITED),
)

INCOMPLETE: Final = about(
    "C.incomplete_in_pos",
    yes("a line is lacking", pos_order(lines=LINES[:1], total=44_00)),
    yes("a unit is lacking", pos_order(lines=(line("ROSE-12"), LINES[1]))),
    yes("all lines are lacking, the total is there", pos_order(lines=())),
    yes(
        "an edit that adds up with what it replaces, and lacks that now",
        ROSES,
        replace(CARD, reference="1001-E001", created_at=ago(hours=20)),
    ),
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

ROWS: Final = (*STALE, *INCOMPLETE, *AMOUNT, *REGISTER, *LAG)
