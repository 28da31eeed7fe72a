"""Examples for block D, the POS has no record: each rule at work, and evidence that nearly is its."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from reconciler.domain.evidence import Absence, Catalog, FailureCause
from reconciler.domain.orders import FulfillmentStatus, PaymentStatus
from reconciler.domain.policy import DownloadRule
from reconciler.domain.queue import QueueStatus
from tests.builders import CATALOG, LINES, NOW, SECOND, G, ago, line, policy, queue_facts, ticket_match
from tests.unit.domain.rows import JUST, MISSING, ON_ITS_WAY, UNDECIDED, Known, Row, about, no, yes

P, F, Q = PaymentStatus, FulfillmentStatus, QueueStatus
INCOMPLETE, NOT_COVERED = Absence.INCOMPLETE, Absence.NOT_COVERED
FRESH: Known = {"placed_at": ago(minutes=31), "paid_at": ago(minutes=30)}
ANY = policy(download=DownloadRule())

CONFLICT: Final = about(
    "D.payment_conflict",
    *(yes(f"payment {s}, all captured", payment_status=s, captured=50_00) for s in (P.PENDING, P.FAILED)),
    *(yes(f"payment {s}, all captured", payment_status=s, captured=50_00) for s in (P.VOIDED, P.EXPIRED)),
    yes("pending, some captured", payment_status=P.PENDING, captured=1),
    yes("authorized, yet captured in full", payment_status=P.AUTHORIZED, captured=50_00),
    yes("paid in part, yet captured in full", payment_status=P.PARTIALLY_PAID, captured=50_00),
    yes("although the POS read broke off", payment_status=P.PENDING, captured=50_00, absence=INCOMPLETE),
    yes("cancelled as well", payment_status=P.PENDING, captured=50_00, cancelled_at=ago(hours=9)),
    no("nothing captured", "D.unpaid", payment_status=P.PENDING, captured=0),
    no("authorized, some captured", "D.partly_paid", payment_status=P.AUTHORIZED, captured=20_00),
    no(
        "captured, and all given back",
        "D.cancelled_before_push",
        payment_status=P.VOIDED,
        captured=50_00,
        refunded=50_00,
    ),
    no("paid", MISSING),
)

UNPAID: Final = about(
    "D.unpaid",
    *(
        yes(f"payment {status}", payment_status=status, paid_at=None)
        for status in (P.PENDING, P.AUTHORIZED, P.FAILED, P.EXPIRED, P.VOIDED)
    ),
    yes("although the POS read broke off", payment_status=P.PENDING, absence=INCOMPLETE),
    yes("placed outside the POS read", payment_status=P.PENDING, absence=NOT_COVERED),
    yes("cancelled as well", payment_status=P.PENDING, cancelled_at=ago(hours=9)),
    yes("archived as well", payment_status=P.EXPIRED, archived=True),
    no(
        "nothing is owed, so its state is what keeps it",
        "D.status_mismatch",
        payment_status=P.PENDING,
        total=0,
    ),
    no(
        "nothing is owed, and the channel takes any state",
        MISSING,
        payment_status=P.PENDING,
        total=0,
        under=ANY,
    ),
    no("some captured", "D.payment_conflict", payment_status=P.PENDING, captured=20_00),
    no("paid a minute ago", ON_ITS_WAY, placed_at=ago(hours=30), paid_at=ago(minutes=1)),
)

PARTLY: Final = about(
    "D.partly_paid",
    yes("half captured", payment_status=P.PARTIALLY_PAID, captured=25_00),
    yes("paid in part, captured not told", payment_status=P.PARTIALLY_PAID),
    yes("paid, yet a cent short", captured=49_99),
    yes("paid, yet nothing captured", captured=0),
    yes("although the POS read broke off", payment_status=P.PARTIALLY_PAID, captured=1, absence=INCOMPLETE),
    yes(
        "a deposit of which a part was given back",
        payment_status=P.PARTIALLY_REFUNDED,
        captured=25_00,
        refunded=1,
    ),
    no("captured to the cent", MISSING, captured=50_00),
    no("captured more than the total, after an edit", MISSING, captured=60_00),
    no(
        "a deposit that was given back in full",
        "D.cancelled_before_push",
        payment_status=P.REFUNDED,
        captured=25_00,
        refunded=25_00,
    ),
    no(
        "refunded in part, captured not told",
        MISSING,
        payment_status=P.PARTIALLY_REFUNDED,
        captured=0,
        refunded=5_00,
        under=ANY,
    ),
)

CANCELLED: Final = about(
    "D.cancelled_before_push",
    yes("cancelled", cancelled_at=ago(hours=9)),
    yes("refunded in full", payment_status=P.REFUNDED),
    yes("refunded in full, whatever the status says", refunded=50_00),
    yes("cancelled while in grace", cancelled_at=ago(minutes=5), **FRESH),
    yes("cancelled and archived", cancelled_at=ago(hours=9), archived=True),
    yes("cancelled, and a ticket looks like it", cancelled_at=ago(hours=9), ticket=ticket_match()),
    no(
        "refunded in part is not dead",
        "D.status_mismatch",
        payment_status=P.PARTIALLY_REFUNDED,
        refunded=10_00,
    ),
    no("the POS read broke off", UNDECIDED, cancelled_at=ago(hours=9), absence=INCOMPLETE),
    no(
        "in grace, outside the POS read", UNDECIDED, cancelled_at=ago(minutes=5), absence=NOT_COVERED, **FRESH
    ),
)

STATUS: Final = about(
    "D.status_mismatch",
    yes("fulfilled", fulfillment_status=F.FULFILLED),
    yes("on hold", fulfillment_status=F.ON_HOLD),
    yes("archived", archived=True),
    yes("archived, although the channel takes any state", archived=True, under=ANY),
    yes("refunded in part", payment_status=P.PARTIALLY_REFUNDED, refunded=10_00),
    yes("paid G ago exactly", archived=True, paid_at=NOW - G),
    yes("a ticket looks like it as well", archived=True, ticket=ticket_match()),
    no("paid one second less ago", ON_ITS_WAY, archived=True, paid_at=JUST),
    no("we read it while it was inside", MISSING, fulfillment_status=F.FULFILLED, seen_inside_rule=True),
    no("the channel takes any fulfilment", MISSING, fulfillment_status=F.FULFILLED, under=ANY),
    no("inside", MISSING),
    no("the POS read broke off", UNDECIDED, archived=True, absence=INCOMPLETE),
    no("placed outside the POS read", UNDECIDED, archived=True, absence=NOT_COVERED),
)

REKEY: Final = about(
    "D.probable_rekey",
    yes("a ticket looks like it", ticket=ticket_match()),
    yes("while still in grace", ticket=ticket_match(), **FRESH),
    yes("and an article is unknown", ticket=ticket_match(), lines=(line("NEW"),), catalog=CATALOG),
    no("no ticket", MISSING),
    no("the POS read broke off", UNDECIDED, ticket=ticket_match(), absence=INCOMPLETE),
)

SENT = queue_facts(status=Q.IN_DOUBT, attempts=1)
IN_DOUBT: Final = about(
    "D.in_doubt",
    yes("our entry is in doubt", queue=SENT),
    yes("it stands in the outbox", handed_over_at=ago(hours=20)),
    yes("it stands in the outbox, and is in grace", handed_over_at=ago(minutes=5), **FRESH),
    yes("in the outbox, and our entry works on it", handed_over_at=ago(hours=1), queue=queue_facts()),
    no(
        "in the outbox, looked for to the end, flagged",
        MISSING,
        handed_over_at=ago(hours=20),
        queue=queue_facts(status=Q.FAILED, attempts=1),
    ),
    no("a ticket looks like it", "D.probable_rekey", queue=SENT, ticket=ticket_match()),
    no("created", MISSING, queue=queue_facts()),
    no("the POS read broke off", UNDECIDED, queue=SENT, absence=INCOMPLETE),
)

DRONE: Known = {"shipping_method": "Drone", "catalog": CATALOG}
UNMAPPED: Final = (
    *about(
        "D.unmapped_sku",
        yes("an article that the catalog lacks", lines=(*LINES, line("NEW")), catalog=CATALOG),
        yes("a line without SKU", lines=(line(None, name="Gift"),), catalog=CATALOG),
        yes("an unknown article while still in grace", lines=(line("NEW"),), catalog=CATALOG, **FRESH),
        yes(
            "mapped to what the catalog lacks",
            lines=(line("NEW"),),
            catalog=CATALOG,
            under=policy(sku_map={"NEW": "NEWER"}),
        ),
        yes("and an unknown delivery method", lines=(line("NEW"),), **DRONE),
        yes(
            "the POS named it",
            queue=queue_facts(
                status=Q.FAILED, failure=FailureCause.UNMAPPED_SKU, codes=("ROSE-12",), attempts=1
            ),
        ),
        no("all in the catalog", MISSING, catalog=CATALOG),
        no(
            "mapped to what is there",
            MISSING,
            lines=(line("NEW"),),
            catalog=CATALOG,
            under=policy(sku_map={"NEW": "CARD"}),
        ),
        no("the POS does not tell its catalog", MISSING, lines=(line("NEW"),), catalog=Catalog()),
    ),
    *about(
        "D.unmapped_shipping",
        yes("a method that the catalog lacks", **DRONE),
        no("mapped to a code of the till's", MISSING, **DRONE, under=policy(shipping_map={"Drone": "DRN"})),
        no(
            "mapped to what is there",
            MISSING,
            **DRONE,
            under=policy(shipping_map={"Drone": "Local delivery"}),
        ),
        no(
            "known, and mapped to the POS's code",
            MISSING,
            catalog=CATALOG,
            under=policy(shipping_map={"Local delivery": "DEL"}),
        ),
        no("no method told", MISSING, shipping_method=None, catalog=CATALOG),
        no(
            "the POS does not tell its methods",
            MISSING,
            shipping_method="Drone",
            catalog=Catalog(CATALOG.skus),
        ),
    ),
)


def refused(rule: str, cause: FailureCause) -> tuple[Row, ...]:
    """Return the examples of a rule that rests on how the last attempt ended."""
    fact = queue_facts(
        status=Q.FAILED, failure=cause, codes=("X-1",), attempts=1, vendor_words="No X-1 here."
    )
    ready = queue_facts(status=Q.READY, failure=cause, attempts=1)
    done = queue_facts(status=Q.SUCCESS, failure=cause, attempts=2)
    return about(
        rule,
        yes("the last attempt ended so", queue=fact),
        yes("while still in grace", queue=fact, **FRESH),
        yes("it waits to be tried again", queue=ready),
        no("a later attempt went through", MISSING, queue=done),
        no("cancelled meanwhile", "D.cancelled_before_push", queue=fact, cancelled_at=ago(minutes=1)),
        no("the POS read broke off", UNDECIDED, queue=fact, absence=INCOMPLETE),
    )


REFUSED: Final = (
    *refused("D.unmapped_sku", FailureCause.UNMAPPED_SKU),
    *refused("D.unmapped_shipping", FailureCause.UNMAPPED_SHIPPING),
    *refused("D.unmapped_payment", FailureCause.UNMAPPED_PAYMENT),
    *refused("D.unmapped_tax", FailureCause.UNMAPPED_TAX),
    *refused("D.pos_error.menu_setup", FailureCause.MENU_SETUP),
    *refused("D.pos_error.outage", FailureCause.OUTAGE),
    *refused("D.pos_error.permissions", FailureCause.PERMISSIONS),
    *refused("D.pos_error.tax_setup", FailureCause.TAX_SETUP),
    *refused("D.pos_error.rejected", FailureCause.REJECTED),
)

STUCK: Final = about(
    "D.stuck",
    yes("created, and nobody claims it", queue=queue_facts(overdue=True)),
    yes("ready, and nobody claims it", queue=queue_facts(status=Q.READY, overdue=True)),
    yes("processing past its lease", queue=queue_facts(status=Q.PROCESSING, overdue=True)),
    yes("while still in grace", queue=queue_facts(overdue=True), **FRESH),
    no("within its patience", MISSING, queue=queue_facts()),
    no("its connection is paused", MISSING, queue=queue_facts(overdue=True, held=True)),
    no("failed entries wait for a person", MISSING, queue=queue_facts(status=Q.FAILED, overdue=True)),
    no("in doubt", "D.in_doubt", queue=queue_facts(status=Q.IN_DOUBT, overdue=True)),
    no(
        "the POS was out of reach",
        "D.pos_error.outage",
        queue=queue_facts(status=Q.READY, overdue=True, failure=FailureCause.OUTAGE),
    ),
)

AHEAD: Known = {"cart_clock_offset": timedelta(hours=1)}
DELAY: Final = about(
    ON_ITS_WAY,
    yes("paid half an hour ago", **FRESH),
    yes("paid one second less than G ago", paid_at=JUST),
    yes("paid just now, newer than the POS read", absence=NOT_COVERED, **FRESH),
    yes("pending for days, then paid", placed_at=ago(days=3), paid_at=ago(minutes=1)),
    yes("paid in the future", placed_at=NOW, paid_at=NOW + SECOND),
    yes("paid before it was placed, as a deposit may be", placed_at=JUST, paid_at=ago(days=3)),
    yes("outside the download rule, in grace", fulfillment_status=F.FULFILLED, **FRESH),
    yes("when it was paid is not told, but it changed just now", paid_at=None, updated_at=ago(minutes=1)),
    yes("the cart's clock is behind ours", paid_at=NOW - G, cart_clock_offset=timedelta(minutes=-1)),
    yes("a push channel, one second before two minutes", paid_at=ago(seconds=119), under=policy(push=True)),
    yes(
        "a channel polled every two hours",
        paid_at=ago(hours=3),
        under=policy(poll_interval=timedelta(hours=2)),
    ),
    yes(
        "a channel with a grace of its own",
        paid_at=ago(hours=3),
        under=policy(grace_override=timedelta(hours=4)),
    ),
    no("paid G ago exactly", MISSING, paid_at=NOW - G),
    no("two minutes exactly, on a push channel", MISSING, paid_at=ago(minutes=2), under=policy(push=True)),
    no("paid before G by our clock", MISSING, paid_at=ago(hours=1), **AHEAD),
    no("the POS read broke off", UNDECIDED, absence=INCOMPLETE, **FRESH),
)

GONE: Final = about(
    MISSING,
    yes("paid a day ago, proven absent"),
    yes("paid G ago exactly", paid_at=NOW - G),
    yes("a free order", total=0),
    yes(
        "refunded in part, where the channel takes that",
        payment_status=P.PARTIALLY_REFUNDED,
        refunded=10_00,
        under=ANY,
    ),
    yes("when it was paid is not told", paid_at=None),
    no("one second less", ON_ITS_WAY, paid_at=JUST),
    no("the POS read broke off", UNDECIDED, absence=INCOMPLETE),
    no("placed outside the POS read", UNDECIDED, absence=NOT_COVERED),
    no("not covered, at G exactly", UNDECIDED, paid_at=NOW - G, absence=NOT_COVERED),
)

ROWS: Final = (
    *CONFLICT,
    *UNPAID,
    *PARTLY,
    *CANCELLED,
    *STATUS,
    *REKEY,
    *IN_DOUBT,
    *UNMAPPED,
    *REFUSED,
    *STUCK,
    *DELAY,
    *GONE,
)
