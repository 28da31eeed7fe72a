"""The queue's table of states: which edges there are, who may take them, and that there are no others."""

from itertools import product

import pytest

from reconciler.domain.errors import RefusedError
from reconciler.domain.queue import CLAIMABLE, OPEN, TRANSITIONS, Actor, QueueEvent, QueueStatus, transition

#: Every edge, once more and independently: from, event, to, and the initials of who may take it.
EDGES = """
created     claim      processing  w
created     adopt      success     w a
created     give_up    failed      w a
ready       claim      processing  w
ready       adopt      success     w a
ready       give_up    failed      w a
processing  confirm    success     w
processing  refuse     failed      w
processing  lose       in_doubt    w r
processing  hold       ready       w r
in_doubt    adopt      success     w a
in_doubt    claim      processing  w
in_doubt    give_up    failed      w a
failed      resend     ready       w
failed      set_ready  ready       a
failed      adopt      success     w a
success     set_ready  ready       a
success     adopt      success     a
success     give_up    failed      a
"""
ACTORS = {"w": Actor.WORKER, "r": Actor.RESCUE, "a": Actor.ADMIN}
ALLOWED = {
    (QueueStatus(source), QueueEvent(event), ACTORS[initial]): QueueStatus(target)
    for source, event, target, *initials in map(str.split, EDGES.strip().splitlines())
    for initial in initials
}
ELSEWHERE = [step for step in product(QueueStatus, QueueEvent, Actor) if step not in ALLOWED]


@pytest.mark.parametrize(("step", "target"), ALLOWED.items(), ids=lambda value: "-".join(map(str, value)))
def test_an_edge_leads_where_the_table_says(step, target):
    """Each edge moves an entry to one state, for the actors that may take it."""
    assert transition(*step) is target


@pytest.mark.parametrize("step", ELSEWHERE, ids="-".join)
def test_everything_else_is_refused_in_plain_words(step):
    """What is no edge, or not this actor's, leaves the entry alone and says what was tried."""
    with pytest.raises(RefusedError, match=f"{step[0]} cannot take {step[1]} from {step[2]}"):
        transition(*step)


def test_two_clicks_make_one_attempt():
    """Set Ready makes a failed entry ready; a second click finds nothing that it could make ready."""
    once = transition(QueueStatus.FAILED, QueueEvent.SET_READY, Actor.ADMIN)
    with pytest.raises(RefusedError):
        transition(once, QueueEvent.SET_READY, Actor.ADMIN)


def test_only_a_person_sends_again_what_the_pos_took():
    """Voided there and wanted again, or linked to the wrong record: nobody else changes a success."""
    ways = {
        event: actors for (source, event), (_, actors) in TRANSITIONS.items() if source is QueueStatus.SUCCESS
    }
    assert ways.keys() == {QueueEvent.SET_READY, QueueEvent.ADOPT, QueueEvent.GIVE_UP}
    assert set(ways.values()) == {frozenset({Actor.ADMIN})}


def test_only_a_person_reopens_what_was_given_up():
    """Out of failed lead one automatic re-send, a person's Set Ready, and adoption."""
    ways = {event for source, event in TRANSITIONS if source is QueueStatus.FAILED}
    assert ways == {QueueEvent.RESEND, QueueEvent.SET_READY, QueueEvent.ADOPT}
    assert TRANSITIONS[QueueStatus.FAILED, QueueEvent.SET_READY][1] == {Actor.ADMIN}


def test_every_state_can_be_reached_and_every_open_one_can_be_left():
    """No entry hangs in a state that nothing leads to or out of."""
    reached = {QueueStatus.CREATED} | {target for target, _ in TRANSITIONS.values()}
    left = {source for source, _ in TRANSITIONS}
    assert reached == set(QueueStatus)
    assert left >= OPEN
    assert {source for source, event in TRANSITIONS if event is QueueEvent.CLAIM} >= CLAIMABLE


def test_the_table_cannot_be_changed_at_run_time():
    """The table and the actors in it are frozen."""
    with pytest.raises(TypeError):
        TRANSITIONS[QueueStatus.SUCCESS, QueueEvent.CLAIM] = (QueueStatus.READY, frozenset())  # type: ignore[index]
    assert all(isinstance(actors, frozenset) for _, actors in TRANSITIONS.values())


def test_the_states_carry_the_trades_own_words():
    """What is stored and shown are the words that the trade uses."""
    assert [s.value for s in QueueStatus] == [
        "created",
        "processing",
        "success",
        "failed",
        "ready",
        "in_doubt",
    ]
