"""The failure report over a real database: what is wrong, what was repaired, what is waiting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from reconciler.domain.errors import AuthError, NotFoundError, UnavailableError, UnreachableError
from reconciler.domain.orders import PaymentStatus, PosStatus
from reconciler.domain.policy import Delivery
from reconciler.domain.verdict import Classification, Severity
from reconciler.persistence import SqlUnitOfWork, make_engine
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.ports import (
    MismatchState,
    Quarantined,
)
from reconciler.ports.reports import Fate, Mending, Scope
from reconciler.services.report import build_report
from tests.builders import NOW, SECOND, ago, cart_order
from tests.integration.report_shop import Shop, findings, placed, record_of, total

pytestmark = pytest.mark.integration


@pytest.fixture
def shop(engine: Engine) -> Shop:
    """A florist without an order."""
    return Shop(engine)


def test_an_installation_without_orders_has_a_report(shop):
    """Nothing is wrong, nothing was read, and the page says both."""
    section = shop.report()
    assert section.groups == section.tie_outs == ()
    assert section.books.total == 0
    assert [channel.cart.good for channel in section.coverage] == [False]


def test_what_is_wrong_is_listed_with_its_evidence(shop):
    """Urgency, sentence, facts, money and delivery date; orders that agree stay in the database."""
    shop.tills.trusted = False
    shop.agreeing("1001")
    shop.sells(cart_order(reference="1002", deliver_on=NOW.date(), **placed(20)))
    shop.reconcile()
    (group,) = shop.report().groups
    (finding,) = group.findings
    assert (group.severity, group.classification, group.count) == (Severity.URGENT, Classification.MISSING, 1)
    assert (finding.reference, finding.channel) == ("1002", "rosebud-web")
    assert str(finding.total) == "50.00 USD"
    assert finding.deliver_on == NOW.date()
    assert finding.sentence == "The order is paid (50.00 USD) and the POS does not have it."
    assert finding.facts["total"] == "50.00 USD"
    assert finding.since == ago(hours=20) + SECOND


def test_an_alarm_that_fell_due_after_the_run_is_urgent(shop):
    """Nobody has to wait for the next run to see that an hour was missed."""
    order = cart_order(reference="1001", **placed(3))
    shop.sells(order)
    shop.rings(record_of(order, status=PosStatus.ATTENTION_REQUIRED, created_at=ago(minutes=10)))
    shop.reconcile()
    assert [group.severity for group in shop.report().groups] == [Severity.NORMAL]
    shop.now += timedelta(minutes=25)
    assert [group.severity for group in shop.report().groups] == [Severity.URGENT]


def test_what_the_queue_is_busy_with_needs_nobody(shop):
    """An order that is about to be sent again is shown apart, until the queue had its chance."""
    shop.sells(cart_order(reference="1001", **placed(2.6)))
    shop.reconcile()
    section = shop.report()
    (group,) = section.groups
    assert group.severity is Severity.INFO
    assert (section.needing, section.under_way) == (0, 1)
    assert group.findings[0].queue is not None
    assert group.findings[0].queue.status == "created"
    assert section.books.queued == 1
    shop.execute("UPDATE queue_entries SET since = since - interval '20 minutes'")
    assert shop.report().urgent == 1


def test_a_fresh_order_that_we_send_is_waiting_and_not_repaired(engine):
    """Queued, then sent and not confirmed: inside its grace nothing has failed; after it, it is listed."""
    shop = Shop(engine, delivery=Delivery.OURS)
    shop.sells(cart_order(reference="1001", **placed(1.9)))
    shop.reconcile()
    section = shop.report()
    assert (section.groups, section.waiting.sending, section.books.queued) == ((), 1, 1)
    shop.execute(
        "UPDATE queue_entries SET status = 'in_doubt', attempts = 1, body = '{}', key = 'k', "
        "since = clock_timestamp(), next_lookup_at = clock_timestamp()"
    )
    shop.reconcile()
    section = shop.report()
    assert (section.groups, section.under_way, section.waiting.sending) == ((), 0, 1)
    assert sum(hour.counts.get(Fate.WAITING, 0) for hour in section.hours) == 1
    shop.reconcile(hours=0.2)
    section = shop.report()
    assert (section.under_way, section.waiting.sending) == (1, 0)
    assert findings(section) == {"1001": Classification.IN_DOUBT}


def test_what_no_worker_takes_is_not_repaired_by_itself(shop):
    """Stuck means that the queue does nothing: somebody has to see to the workers."""
    shop.sells(cart_order(reference="1001", **placed(2.6)))
    shop.reconcile()
    shop.execute("UPDATE queue_entries SET since = since - interval '3 minutes'")
    shop.reconcile()
    section = shop.report()
    assert findings(section) == {"1001": Classification.STUCK}
    assert (section.needing, section.under_way) == (1, 0)
    assert sum(hour.counts.get(Fate.OPEN, 0) for hour in section.hours) == 1


def test_waiting_orders_are_counted_and_not_listed(shop):
    """In grace, and unpaid."""
    shop.sells(cart_order(reference="1001", **placed(1)), cart_order(reference="1002", **placed(0.5)))
    shop.sells(cart_order(reference="1003", payment_status=PaymentStatus.PENDING, paid_at=None))
    shop.reconcile()
    section = shop.report()
    assert section.groups == ()
    assert (section.waiting.in_grace, section.waiting.unpaid) == (2, 1)
    assert section.waiting.grace_ends == ago(hours=0.5) + SECOND + timedelta(hours=2)


def test_an_order_that_turns_up_late_was_repaired_by_itself(shop):
    """It says since when it was missing and when it was found."""
    shop.tills.trusted = False
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.rings(record_of(order, created_at=NOW))
    shop.reconcile(hours=1)
    section = shop.report()
    (repair,) = section.repairs
    assert (repair.reference, repair.how, section.repaired) == ("1001", Mending.ARRIVED, 1)
    assert repair.missing_since == order.paid_at
    assert repair.repaired_at == NOW + timedelta(hours=1)
    assert section.groups == ()
    assert sum(hour.counts.get(Fate.REPAIRED, 0) for hour in section.hours) == 1


@pytest.mark.parametrize(("adopted", "how"), [(False, Mending.RESENT), (True, Mending.ADOPTED)])
def test_a_repair_says_how_it_came(shop, adopted, how):
    """Sent again by us, or found just before."""
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.execute(f"UPDATE queue_entries SET status = 'success', object_id = 'P1001', adopted = {adopted}")
    shop.rings(record_of(order, created_at=NOW))
    shop.reconcile(hours=1)
    assert [repair.how for repair in shop.report().repairs] == [how]


@pytest.mark.parametrize(
    ("outcome", "how"),
    [("unknown", Mending.RESENT), ("refused", Mending.ADOPTED), ("deferred", Mending.ADOPTED)],
)
def test_what_was_sent_and_then_found_was_sent_by_us(shop, outcome, how):
    """A till that confirms nothing is looked up; only what never reached it was found before it was sent."""
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.attempted("auto", outcome)
    shop.execute("UPDATE queue_entries SET status = 'success', object_id = 'P1001', adopted = true")
    shop.rings(record_of(order, created_at=NOW))
    shop.reconcile(hours=1)
    assert [repair.how for repair in shop.report().repairs] == [how]


def test_what_a_person_sent_was_not_repaired_though_the_queue_saw_it_through(shop):
    """A till that confirms nothing: the queue looks the order up, and that look-up is not the repair."""
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.attempted("admin", "unknown")
    shop.execute("UPDATE queue_entries SET status = 'success', object_id = 'P1001', adopted = true")
    shop.rings(record_of(order, created_at=NOW))
    shop.reconcile(hours=1)
    section = shop.report()
    assert (section.repaired, section.books.agreed) == (0, 1)
    assert sum(hour.counts.get(Fate.REPAIRED, 0) for hour in section.hours) == 0


def test_what_arrived_incomplete_was_not_repaired(shop):
    """The list and the picture agree: an order that somebody has to mend is no repair."""
    shop.tills.trusted = False
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.rings(record_of(order, created_at=NOW, total=20_00, lines=order.lines[:1]))
    shop.reconcile(hours=3)
    section = shop.report()
    assert findings(section) == {"1001": Classification.INCOMPLETE_IN_POS}
    assert (section.repaired, section.repairs) == (0, ())
    assert sum(hour.counts.get(Fate.REPAIRED, 0) for hour in section.hours) == 0


def test_what_a_person_sent_was_not_repaired_by_itself(shop):
    """Set Ready is somebody's work."""
    order = cart_order(reference="1001", **placed(5))
    shop.sells(order)
    shop.reconcile()
    shop.execute(
        "UPDATE queue_entries SET status = 'success', object_id = 'P1001', trigger = 'admin', actor = 'ann', "
        "reason = 'called the store'"
    )
    shop.rings(record_of(order, created_at=NOW))
    shop.reconcile(hours=1)
    section = shop.report()
    assert (section.repaired, section.books.agreed) == (0, 1)


def test_a_broken_read_is_one_finding_and_its_orders_are_undecided(shop):
    """It stands above all else, and no order is called missing."""
    shop.agreeing("1001")
    shop.sells(*(cart_order(reference=str(number), **placed(5)) for number in range(1002, 1005)))
    bad = Quarantined("till.jsonl", 17, "not valid JSON", "{")
    shop.tills.quarantined.append(bad)
    shop.reconcile()
    section = shop.report()
    (about,) = section.connections
    assert (about.classification, about.count) == (Classification.CANNOT_TELL, 1)
    assert (about.findings[0].reference, about.findings[0].facts["orders"]) == ("rosebud-pos", 3)
    assert section.groups == ()
    assert (section.books.undecided, section.waiting.undecided, section.books.balanced) == (3, 3, True)
    assert section.quarantine.count == 1
    item = section.quarantine.items[0]
    assert (item.source, item.position, item.reason) == ("till.jsonl", 17, "not valid JSON")
    (channel,) = section.coverage
    assert (channel.pos.complete, channel.pos.covers_to, channel.pos.reason) == (
        False,
        None,
        "unreadable lines",
    )
    assert total(section.tie_outs)["unexplained"] == 0


def test_quarantine_empties_when_a_complete_read_follows(shop):
    """What was put right does not frighten anybody any more."""
    shop.tills.quarantined.append(Quarantined("till.jsonl", 17, "not valid JSON", "{"))
    shop.reconcile()
    shop.tills.quarantined.clear()
    shop.reconcile(hours=1)
    section = shop.report()
    assert section.quarantine.count == 0
    assert section.connections == ()


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (AuthError("the key was refused"), Classification.AUTH_FAILURE),
        (UnreachableError("no answer"), Classification.CANNOT_TELL),
    ],
)
def test_a_connection_that_fails_is_on_top(shop, error, found):
    """Refused and unreachable are told apart."""
    shop.tills.error = error
    shop.sells(cart_order(reference="1001", **placed(5)))
    shop.reconcile()
    section = shop.report()
    assert [group.classification for group in section.connections] == [found]
    assert section.books.balanced


def test_the_brake_is_a_finding_about_the_channel(shop):
    """Thirty orders missing at once are one finding on top, and thirty below."""
    shop.sells(*(cart_order(reference=str(number), **placed(5)) for number in range(30)))
    shop.reconcile()
    section = shop.report()
    (brake,) = section.connections
    assert (brake.cause, brake.findings[0].reference) == ("brake", "rosebud-web")
    assert sum(group.count for group in section.groups) == 30


def test_decisions_of_people_show(shop):
    """Acknowledged findings stay and say so; ignored ones are closed with a reason."""
    for reference in ("1001", "1002"):
        order = cart_order(reference=reference, **placed(5))
        shop.sells(order)
        shop.rings(record_of(order, total=40_00))
    shop.reconcile()
    ids = {f.reference: f.id for group in shop.report().groups for f in group.findings}
    with SqlUnitOfWork(shop.engine) as unit:
        channel = unit.channels.get("rosebud-web").id
        for reference, state in (("1001", MismatchState.ACKNOWLEDGED), ("1002", MismatchState.IGNORED)):
            unit.mismatches.decide(channel, ids[reference], state, actor="ann", reason="known", now=NOW)
        unit.commit()
    section = shop.report()
    assert [(f.reference, f.acknowledged) for group in section.groups for f in group.findings] == [
        ("1001", True)
    ]
    assert (section.books.open_mismatch, section.books.closed) == (1, 1)
    assert section.books.closed_reasons == (("ignored by a person", 1),)
    assert total(section.tie_outs)["unexplained"] == 0


def test_a_group_is_cut_and_its_count_is_not(shop):
    """The database sends what can be drawn and counts the rest."""
    shop.sells(*(cart_order(reference=str(number), **placed(5)) for number in range(30)))
    shop.reconcile()
    (group,) = shop.report(rows=10).groups
    assert (group.count, len(group.findings)) == (30, 10)


def test_merchants_do_not_mix(engine):
    """Each sees his own orders, money and findings; both are in the report over all."""
    shops = [Shop(engine, "rosebud"), Shop(engine, "tulip")]
    for number, one in enumerate(shops):
        one.sells(*(cart_order(reference=f"100{n}", **placed(5)) for n in range(number + 1)))
        one.reconcile()
    assert [sum(g.count for g in one.report().groups) for one in shops] == [1, 2]
    with SqlReportUnit(engine) as unit:
        everything = build_report(unit, Scope(), NOW)
    assert [section.merchant.code for section in everything.merchants] == ["rosebud", "tulip"]


@pytest.mark.parametrize(
    ("scope", "said"),
    [
        ({"merchant": "nobody"}, "there is no merchant 'nobody'; known: rosebud"),
        ({"channel": "nothing"}, "there is no channel 'nothing'; known: rosebud-web"),
    ],
)
def test_a_name_that_does_not_exist_is_one_clear_error(shop, scope, said):
    """With those that do."""
    with pytest.raises(NotFoundError, match=said), SqlReportUnit(shop.engine) as unit:
        build_report(unit, Scope(**scope), NOW)


def test_one_report_sees_one_moment(shop):
    """A run that commits while the report is being put together does not tear it."""
    shop.agreeing("1001", **placed(5))
    shop.reconcile()
    with SqlReportUnit(shop.engine) as unit:
        before = unit.reports.books([1])
        shop.execute("DELETE FROM cart_orders")
        assert unit.reports.books([1]) == before


def test_a_report_cannot_change_anything(shop):
    """Its connection only reads."""
    with pytest.raises(Exception, match="read-only"), SqlReportUnit(shop.engine) as unit:
        unit.reports._connection.exec_driver_sql("DELETE FROM cart_orders")


def test_a_database_without_tables_says_what_to_do(make_database):
    """One line, and the command."""
    engine = make_engine(make_database())
    with pytest.raises(UnavailableError, match="reconciler db upgrade"), SqlReportUnit(engine) as unit:
        build_report(unit, Scope(), NOW)
    engine.dispose()
