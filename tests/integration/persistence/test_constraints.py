"""What the database itself refuses, whatever a statement of ours may try."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.models import Base
from reconciler.ports import ConfigurationSpec, Side
from tests.builders import NOW, POLICY, pos_order
from tests.integration.persistence.world import apply, claim_one, connection, intend, judge, queued, read_pos

#: Constraint, and an update that breaks it on a shop with one of everything.
BROKEN = {
    "ck_connections_side": "UPDATE connections SET side = 'till'",
    "ck_connections_state": "UPDATE connections SET state = 'tired'",
    "ck_connections_credentials_have_digest": "UPDATE connections SET credentials = 'x'",
    "uq_connections_name": "UPDATE connections SET name = 'rosebud-pos'",
    "fk_connections_merchant_id": "UPDATE connections SET merchant_id = 99 WHERE name = 'spare'",
    "uq_merchants_code": "INSERT INTO merchants (code, name, timezone, day_cutoff)"
    " VALUES ('rosebud', 'Again', 'UTC', '00:00')",
    "uq_channels_name": "INSERT INTO channels (merchant_id, name, cart_connection_id, pos_connection_id,"
    " policy, live_from, next_run_at, created_at) SELECT merchant_id, name, cart_connection_id,"
    " pos_connection_id, policy, live_from, next_run_at, created_at FROM channels",
    "ck_channels_two_sides": "UPDATE channels SET cart_connection_id = pos_connection_id",
    "ck_runs_outcome": "UPDATE runs SET outcome = 'fine', finished_at = now()",
    "ck_runs_finished_with_outcome": "UPDATE runs SET outcome = 'complete'",
    "fk_runs_channel_id": "UPDATE runs SET channel_id = 99",
    "ck_coverage_side": "INSERT INTO coverage (channel_id, run_id, side, covers_from, covers_to, complete,"
    " absence_trusted, reason) SELECT id, 1, 'both', now(), now(), true, true, '' FROM channels",
    "ck_coverage_forward": "INSERT INTO coverage (channel_id, run_id, side, covers_from, covers_to,"
    " complete,"
    " absence_trusted, reason) SELECT id, 1, 'pos', now(), '2000-01-01Z', true, true, '' FROM channels",
    "ck_covered_side": "INSERT INTO covered SELECT id, 'both', now(), now() FROM channels",
    "ck_covered_forward": "INSERT INTO covered SELECT id, 'pos', now(), '2000-01-01Z' FROM channels",
    "pk_cart_orders": "UPDATE cart_orders SET reference = '1001'",
    "ck_cart_orders_reference_not_empty": "UPDATE cart_orders SET reference = ''",
    "ck_cart_orders_payment_status": "UPDATE cart_orders SET payment_status = 'Paid'",
    "ck_cart_orders_fulfillment_status": "UPDATE cart_orders SET fulfillment_status = 'done'",
    "ck_cart_orders_verdict": "UPDATE cart_orders SET verdict = 'odd', verdict_rule = 'D.odd'",
    "ck_cart_orders_verdict_with_rule": "UPDATE cart_orders SET verdict = 'missing', verdict_rule = NULL",
    "pk_pos_orders": "UPDATE pos_orders SET pos_id = 'P2'",
    "ck_pos_orders_pos_id_not_empty": "UPDATE pos_orders SET pos_id = ''",
    "ck_pos_orders_source": "UPDATE pos_orders SET source = 'phone'",
    "ck_pos_orders_status": "UPDATE pos_orders SET status = 'cooking'",
    "ck_pos_orders_live": "UPDATE pos_orders SET live = false",
    "ck_pos_orders_family_of_reference": "UPDATE pos_orders SET family_key = NULL",
    "ck_quarantine_side": "INSERT INTO quarantine (channel_id, side, source, position, reason, raw, digest,"
    " first_seen_at, last_seen_at) SELECT id, 'both', '', 1, '', '', '', now(), now() FROM channels",
    "pk_queue_entries": "INSERT INTO queue_entries SELECT * FROM queue_entries",
    "ck_queue_entries_status": "UPDATE queue_entries SET status = 'sent', lease_until = NULL,"
    " claimed_from = NULL",
    "ck_queue_entries_claimed_from": "UPDATE queue_entries SET claimed_from = 'nowhere'",
    "ck_queue_entries_trigger": "UPDATE queue_entries SET trigger = 'beat'",
    "ck_queue_entries_failure": "UPDATE queue_entries SET failure = 'mood'",
    "ck_queue_entries_lease_while_processing": "UPDATE queue_entries SET lease_until = NULL",
    "ck_queue_entries_success_names_object": "UPDATE queue_entries SET status = 'success', lease_until"
    " = NULL,"
    " claimed_from = NULL",
    "ck_queue_entries_doubt_is_looked_up": "UPDATE queue_entries SET next_lookup_at = now()",
    "ck_queue_entries_doubt_follows_attempt": "UPDATE queue_entries SET status = 'in_doubt',"
    " lease_until = NULL,"
    " claimed_from = NULL, next_lookup_at = now(), attempts = 0, spent = 0",
    "ck_queue_entries_only_failures_flagged": "UPDATE queue_entries SET flagged = true",
    "ck_queue_entries_counts": "UPDATE queue_entries SET spent = attempts + 1",
    "ck_queue_entries_admin_gives_reason": "UPDATE queue_entries SET trigger = 'admin', reason = ''",
    "fk_queue_entries_channel_id": "UPDATE queue_entries SET channel_id = 99 WHERE reference = '1003'",
    "pk_attempts": "INSERT INTO attempts SELECT * FROM attempts",
    "fk_attempts_channel_id_reference": "INSERT INTO attempts (channel_id, reference, number, trigger,"
    " actor,"
    " reason, origin, idempotency_key, body) VALUES (1, 'nobody', 1, 'auto', '', '', '', '', '')",
    "ck_attempts_trigger": "INSERT INTO attempts (channel_id, reference, number, trigger, actor,"
    " reason, origin,"
    " idempotency_key, body) SELECT channel_id, reference, 2, 'beat', '', '', '', '', '' FROM attempts",
    "ck_attempts_admin_is_named": "INSERT INTO attempts (channel_id, reference, number, trigger, actor,"
    " reason,"
    " origin, idempotency_key, body) SELECT channel_id, reference, 2, 'admin', '', '', '', '', '' FROM"
    " attempts",
    "ck_attempts_outcome": "UPDATE attempts SET outcome = 'perhaps', finished_at = now()",
    "ck_attempts_error_cause": "UPDATE attempts SET outcome = 'refused', finished_at = now(),"
    " error_cause = 'mood'",
    "ck_attempts_finished_with_outcome": "UPDATE attempts SET outcome = 'refused'",
    "uq_mismatches_channel_id_subject_classification": "INSERT INTO mismatches SELECT m.*"
    " FROM jsonb_populate_record(NULL::mismatches, (SELECT to_jsonb(o) || jsonb_build_object('id',"
    " 9999) FROM mismatches o)) m",
    "ck_mismatches_classification": "UPDATE mismatches SET classification = 'odd'",
    "ck_mismatches_severity": "UPDATE mismatches SET severity = 'meh'",
    "ck_mismatches_who": "UPDATE mismatches SET who = 'somebody'",
    "ck_mismatches_state": "UPDATE mismatches SET state = 'forgotten', closed_by = 'person', closed_at"
    " = now(), actor = 'a', reason = 'b'",
    "ck_mismatches_closed_by": "UPDATE mismatches SET state = 'resolved', closed_by = 'cat', closed_at"
    " = now()",
    "ck_mismatches_closed_by_someone": "UPDATE mismatches SET state = 'resolved'",
    "ck_mismatches_system_only_resolves": "UPDATE mismatches SET state = 'ignored', closed_by = 'system',"
    " closed_at = now()",
    "ck_mismatches_person_is_named": "UPDATE mismatches SET state = 'ignored', closed_by = 'person',"
    " closed_at = now(), actor = 'ann'",
    "fk_mismatches_channel_id": "INSERT INTO mismatches SELECT m.* FROM"
    " jsonb_populate_record(NULL::mismatches,"
    " (SELECT to_jsonb(o) || jsonb_build_object('id', 9999, 'channel_id', 99) FROM mismatches o)) m",
}
#: Keys like those above, on tables that others fill.
ALIKE = (
    "pk_merchants", "pk_connections", "pk_channels", "pk_jobs", "pk_runs", "pk_coverage", "pk_covered",
    "pk_quarantine", "pk_mismatches", "pk_mismatch_events", "uq_quarantine_channel_id_side_digest",
    "uq_connections_merchant_id_id", "fk_coverage_channel_id", "fk_covered_channel_id",
    "fk_quarantine_channel_id", "fk_mismatch_events_channel_id_mismatch_id", "ck_mismatch_events_kind",
    "ck_mismatch_events_state",
)  # fmt: skip
#: Broken in tests of their own.
ELSEWHERE = ("fk_channels_merchant_id_cart_connection_id", "fk_channels_merchant_id_pos_connection_id")


@pytest.fixture
def shop(unit: SqlUnitOfWork) -> SqlUnitOfWork:
    """A shop with one of everything: an order that is being sent, and one that has a mismatch."""
    where = queued(unit, "1001", "1003")
    unit.configuration.apply(ConfigurationSpec((), (connection("spare", Side.CART),), ()), NOW)
    read_pos(unit, where, *(pos_order(pos_id=name, reference="1002") for name in ("P2", "P3")))
    intend(unit, claim_one(unit, where))
    judge(unit, where, unit.orders.evidence(where, ["1001"]))
    return unit


def refused(unit: SqlUnitOfWork, statement: str) -> DBAPIError:
    """Return the database's refusal of a statement."""
    with pytest.raises(DBAPIError) as caught, unit.connection.begin_nested():
        unit.connection.exec_driver_sql(statement)
    return caught.value


@pytest.mark.parametrize("constraint", BROKEN)
def test_each_constraint_refuses_what_it_is_there_for(shop: SqlUnitOfWork, constraint: str):
    """A statement that would break a rule fails, and by that very rule."""
    error = refused(shop, BROKEN[constraint])
    assert isinstance(error.orig, psycopg.Error)
    assert error.orig.diag.constraint_name == constraint


def test_no_constraint_is_without_a_test():
    """Every constraint of the models is broken above, or is a key like one that is."""
    names = {
        str(constraint.name) for table in Base.metadata.tables.values() for constraint in table.constraints
    }
    assert names == {*BROKEN, *ALIKE, *ELSEWHERE}


def test_a_channel_cannot_join_two_merchants(unit: SqlUnitOfWork):
    """Nothing crosses merchants: a channel's connections are its merchant's own."""
    apply(unit, POLICY)
    apply(unit, POLICY, merchant="fern")
    for side in ("cart", "pos"):
        statement = f"""
            UPDATE channels SET {side}_connection_id = (SELECT id FROM connections WHERE name ~ 'fern-{side}')
            WHERE name = 'rosebud-0'
        """
        assert f"{side}_connection_id" in str(refused(unit, statement).orig)


@pytest.mark.parametrize("table", ["attempts", "mismatch_events", "coverage", "mismatches", "queue_entries"])
@pytest.mark.parametrize("deed", ["DELETE FROM", "TRUNCATE"])
def test_what_happened_cannot_be_erased(shop: SqlUnitOfWork, table: str, deed: str):
    """Attempts, history, the coverage ledger, findings and queue entries are never removed."""
    shop.connection.exec_driver_sql(
        "INSERT INTO coverage (channel_id, run_id, side, covers_from, covers_to, complete, absence_trusted,"
        " reason) SELECT id, 1, 'pos', now(), now(), true, true, '' FROM channels"
    )
    assert "kept for ever" in str(refused(shop, f"{deed} {table}{' CASCADE' * (deed == 'TRUNCATE')}").orig)


@pytest.mark.parametrize("change", ["rule = 'x'", "at = now()", "facts = '{}'", "actor = 'x'"])
def test_the_history_of_a_mismatch_cannot_be_rewritten(shop: SqlUnitOfWork, change: str):
    """An event stays as it was written."""
    assert "kept for ever" in str(refused(shop, f"UPDATE mismatch_events SET {change}").orig)


@pytest.mark.parametrize("change", ["body = 'x'", "idempotency_key = 'x'", "actor = 'x'", "number = 7"])
def test_what_was_sent_cannot_be_rewritten(shop: SqlUnitOfWork, change: str):
    """Writing an attempt's outcome changes nothing else of it."""
    statement = f"UPDATE attempts SET outcome = 'refused', finished_at = now(), {change}"
    assert "changed once" in str(refused(shop, statement).orig)


def test_an_outcome_is_written_once(shop: SqlUnitOfWork):
    """The first word about an attempt is the last."""
    write = "UPDATE attempts SET outcome = 'unknown', finished_at = now()"
    shop.connection.exec_driver_sql(write)
    assert "changed once" in str(refused(shop, write).orig)
