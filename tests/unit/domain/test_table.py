"""The decision table as data: its order, and for each class what was agreed with those who use it."""

import re
from datetime import timedelta

import pytest

from reconciler.domain.table import (
    ALL_RULES,
    AUTH_FAILURE,
    BLOCK_B,
    BLOCK_C,
    CANNOT_TELL,
    CONNECTION_RULES,
    ORDER_RULES,
    ORPHAN,
    UNDECIDED,
    AtOnce,
    Grace,
    Rule,
)
from reconciler.domain.verdict import Classification, Resend, Who

#: The rows of blocks B to D in their order: class, grace, re-send, who acts, and when it escalates.
AGREED_TABLE = """
excluded                    none      FORBIDDEN           nobody          never
voided_in_pos               none      FORBIDDEN           ops             due today
duplicate_in_pos            none      FORBIDDEN           ops             0 min
placeholder_in_pos          none      FORBIDDEN           staff           30 min
refund_not_propagated       G         FORBIDDEN           merchant        goods can still be stopped
unpaid_in_pos               G         FORBIDDEN           ops             goods have left
hidden_in_pos               none      FORBIDDEN           merchant        30 min
stale_after_edit            G         FORBIDDEN           ops             goods have left
incomplete_in_pos           G         FORBIDDEN           ops             0 min
amount_mismatch             none      FORBIDDEN           ops             more than 1% of the total
not_on_register             2 min     FORBIDDEN           store           10 min
fulfilment_lag              G         FORBIDDEN           merchant        1440 min
payment_conflict            none      NO                  ops             15 min
unpaid                      none      NO                  customer        never
partly_paid                 none      NO                  merchant        due within a day
cancelled_before_push       none      FORBIDDEN           nobody          never
status_mismatch             G         WHEN_CONFIRMED      merchant        1440 min
probable_rekey              none      WHEN_ANSWERED       ops             30 min
in_doubt                    none      AFTER_LOOKUPS       ops             15 min
unmapped_sku                none      WHEN_MAPPED         merchant        1440 min, due within a day
unmapped_shipping           none      WHEN_MAPPED         merchant        1440 min, due within a day
unmapped_payment            none      WHEN_MAPPED         merchant        1440 min, due within a day
unmapped_tax                none      WHEN_MAPPED         merchant        1440 min, due within a day
pos_error.menu_setup        none      AFTER_MENU_IMPORT   merchant        the one re-send was spent
pos_error.outage            none      WHEN_CANARY_PASSES  ops, then the POS vendor  15 min
pos_error.permissions       none      WHEN_REAUTHORISED   merchant admin  0 min
pos_error.tax_setup         none      WHEN_FACT_CHANGES   merchant        1440 min, due today
pos_error.rejected          none      WHEN_FACT_CHANGES   ops             1440 min, due today
stuck                       none      AFTER_LOOKUPS       ops             2 min
sync_delay                  G         WAIT                nobody          due today, and paid 10 minutes ago
missing  G  ONCE  ops  30 min, due today, and paid 10 minutes ago, the one re-send was spent
"""


def row(rule: Rule) -> list[str]:
    """Write a rule as a row of the table above."""
    grace = "2 min" if rule.grace is Grace.REGISTER else rule.grace.value
    escalation = rule.escalation
    after = [] if escalation.after is None else [f"{escalation.after // timedelta(minutes=1)} min"]
    when = ", ".join(after + sorted(circumstance.value for circumstance in escalation.at_once)) or "never"
    name = rule.id.partition(".")[2]
    return [name, str(grace), rule.resend.name, rule.who.value, when]


def test_the_table_is_the_one_that_was_agreed():
    """Order, grace, re-send, actor and escalation of every class are as agreed: a change is a decision."""
    written = [re.split(r"\s{2,}", line) for line in AGREED_TABLE.strip().splitlines()]
    assert [row(rule) for rule in ORDER_RULES] == written


def test_every_class_has_its_place():
    """Each class but `agreed` is given by at least one rule, and the classes are declared in table order."""
    given = {rule.classification for rule in ALL_RULES}
    assert given == set(Classification) - {Classification.AGREED}
    order = list(dict.fromkeys(rule.classification for rule in ORDER_RULES))
    assert order == [c for c in Classification if c in order]


def test_no_two_rules_share_a_name():
    """A finding's rule id leads to one row."""
    assert len({rule.id for rule in ALL_RULES}) == len(ALL_RULES)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.id)
def test_every_rule_can_be_read(rule):
    """A rule says when it holds, what staff are told and what to do next, in whole sentences."""
    for text in (rule.holds.__doc__, rule.sentence, rule.next_step):
        assert text
        assert text.strip().endswith(".")


def test_the_pos_record_forbids_a_resend():
    """Whatever is wrong with a record that is there, sending the order again cannot mend it."""
    assert {rule.resend for rule in (*BLOCK_B, *BLOCK_C)} == {Resend.FORBIDDEN}


def test_only_a_missing_order_is_sent_again_by_itself():
    """Every other re-send waits for a person, a fact that changes, or a look."""
    assert [rule.id for rule in ALL_RULES if rule.resend is Resend.ONCE] == ["D.missing"]


def test_connection_findings_are_made_by_the_services():
    """Block A and orphans are not about one cart order, so no evidence of one can make them."""
    assert {rule.block for rule in CONNECTION_RULES} == {"A"}
    assert not set(CONNECTION_RULES) & set(ORDER_RULES)
    assert (AUTH_FAILURE.who, AUTH_FAILURE.escalation.after) == (Who.MERCHANT_ADMIN, timedelta())
    assert (CANNOT_TELL.who, CANNOT_TELL.escalation.graces) == (Who.OPS, 2)
    assert ORPHAN.escalation.after is None


def test_every_circumstance_is_used():
    """A reason to hurry that no rule names would be dead weight."""
    assert set(AtOnce) == {reason for rule in ALL_RULES for reason in rule.escalation.at_once}


def test_only_what_is_not_proven_leaves_an_order_undecided():
    """Two kinds of absence have words of their own; a proven one never needs any."""
    assert {absence.value for absence, words in UNDECIDED.items() if words} == {"incomplete", "not_covered"}
