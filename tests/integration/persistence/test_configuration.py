"""What a channel file becomes in the database, and what else changes when it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest

from reconciler.domain.errors import ConfigError, NotFoundError
from reconciler.domain.policy import Delivery, DownloadRule, Policy, Send
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.policies import policy_from_json, policy_to_json
from reconciler.ports import (
    Change,
    ConfigurationSpec,
    ConnectionState,
    Coverage,
    MerchantSpec,
    RunOutcome,
    RunSummary,
    Side,
)
from tests.builders import NOW, ago, cart_order, policy, pos_order
from tests.integration.persistence.world import (
    apply,
    channel,
    connection,
    read_cart,
    read_pos,
    specification,
    start,
    suspected,
    value,
)

FULL = Policy(
    poll_interval=timedelta(minutes=5),
    push=True,
    grace_override=timedelta(minutes=7),
    retry_horizon=timedelta(hours=3),
    download=DownloadRule(frozenset({"paid", "authorized"}), frozenset({"unfulfilled"})),
    tolerance_per_line=3,
    location="main",
    delivery=Delivery.OURS,
    send=Send.ASK,
    live_from=NOW,
    reference_prefix="RB-",
    sku_map={"A": "B"},
    shipping_map={"Van": "DEL"},
    timezone="America/Denver",
    lookups=(timedelta(seconds=1), timedelta(seconds=2)),
)


@pytest.mark.parametrize("whole", [FULL, Policy(live_from=NOW)])
def test_a_policy_comes_back_as_it_was(whole: Policy):
    """Every field of it, durations to the second."""
    assert policy_from_json(policy_to_json(whole), NOW) == whole


def test_what_an_older_release_did_not_write_has_its_default():
    """A new field of the policy needs no migration."""
    assert policy_from_json({"push": True}, NOW) == Policy(push=True, live_from=NOW)


def actions(changes: object) -> list[tuple[str, str, tuple[str, ...]]]:
    """Reduce changes to what was done to what."""
    assert isinstance(changes, list)
    return [(change.action, change.name, change.fields) for change in changes if isinstance(change, Change)]


def test_applying_the_same_file_twice_changes_nothing(unit: SqlUnitOfWork):
    """And says so, line by line."""
    names = ["rosebud", "rosebud-cart-0", "rosebud-pos", "rosebud-0"]
    assert actions(apply(unit, FULL)) == [("created", name, ()) for name in names]
    before = value(unit, "SELECT array_agg((xmin, c.*)::text) FROM channels c")
    assert actions(apply(unit, FULL)) == [("unchanged", name, ()) for name in names]
    assert value(unit, "SELECT array_agg((xmin, c.*)::text) FROM channels c") == before


def test_a_change_is_named_as_the_file_names_it(unit: SqlUnitOfWork):
    """A policy by its parts, a connection by its keys, credentials without a word of them."""
    apply(unit, FULL)
    spec = specification(replace(FULL, location="other", send=Send.AUTO))
    pos = replace(spec.connections[-1], base_url="b.jsonl", credentials=b"secret", credentials_digest=b"d")
    merchant = MerchantSpec(code="rosebud", name="Rosebud", day_cutoff=time(4))
    changed = ConfigurationSpec((merchant,), (*spec.connections[:-1], pos), spec.channels)
    changes = unit.configuration.apply(changed, NOW)
    assert actions(changes) == [
        ("changed", "rosebud", ("day_cutoff",)),
        ("unchanged", "rosebud-cart-0", ()),
        ("changed", "rosebud-pos", ("base_url", "credentials")),
        ("changed", "rosebud-0", ("location", "send")),
    ]
    assert "secret" not in repr(changes) + repr(unit.channels.list_connections())


def test_what_a_file_does_not_name_is_left_alone(unit: SqlUnitOfWork):
    """Each merchant may have a file of his own."""
    apply(unit, FULL)
    apply(unit, FULL, merchant="fern")
    assert [spec.code for spec in unit.channels.list_merchants()] == ["fern", "rosebud"]
    assert [each.name for each in unit.channels.list()] == ["fern-0", "rosebud-0"]
    assert [each.name for each in unit.channels.list("fern")] == ["fern-0"]
    assert [each.name for each in unit.channels.list_connections("fern")] == ["fern-cart-0", "fern-pos"]


def test_orders_count_from_the_first_apply_on(unit: SqlUnitOfWork):
    """Unless the file says from when; later applies do not move it."""
    spec = specification(policy())
    unit.configuration.apply(spec, ago(days=3))
    unit.configuration.apply(spec, NOW)
    assert unit.channels.get("rosebud-0").policy.live_from == ago(days=3)
    (told,) = spec.channels
    dated = replace(spec, channels=(replace(told, live_from=ago(days=9)),))
    assert actions(unit.configuration.apply(dated, NOW))[-1] == ("changed", "rosebud-0", ("live_from",))
    assert unit.channels.get("rosebud-0").policy.live_from == ago(days=9)


@pytest.mark.parametrize("wrong", ["cart", "pos", "merchant"])
def test_a_channel_that_names_what_is_not_there_is_one_clear_error(unit: SqlUnitOfWork, wrong: str):
    """A connection that nobody described, or one of the other kind."""
    spec = specification(policy())
    (told,) = spec.channels
    for name in ("nowhere", "rosebud-pos" if wrong == "cart" else "rosebud-cart-0"):
        changed: dict[str, Any] = {wrong: name}
        broken = replace(spec, channels=(replace(told, **changed),))
        with pytest.raises(ConfigError) as caught:
            unit.configuration.apply(broken, NOW)
        assert name in str(caught.value)
        assert caught.value.next_step


def test_nothing_is_handed_from_one_merchant_to_another(unit: SqlUnitOfWork):
    """A name that another merchant uses is refused."""
    apply(unit, FULL)
    apply(unit, FULL, merchant="fern")
    stolen = connection("rosebud-pos", Side.POS, merchant="fern")
    with pytest.raises(ConfigError, match="belongs to another merchant"):
        unit.configuration.apply(ConfigurationSpec((), (stolen,), ()), NOW)
    (told,) = specification(FULL, merchant="fern").channels
    with pytest.raises(ConfigError, match="belongs to another merchant"):
        unit.configuration.apply(ConfigurationSpec((), (), (replace(told, pos="rosebud-pos"),)), NOW)


def test_an_unknown_channel_is_answered_with_those_that_exist(unit: SqlUnitOfWork):
    """And with a guess where it is close."""
    with pytest.raises(NotFoundError, match="reconciler apply"):
        unit.channels.get("rosebud-0")
    apply(unit, FULL)
    with pytest.raises(NotFoundError, match="did you mean rosebud-0"):
        unit.channels.get("rosebud-O")
    with pytest.raises(NotFoundError, match="known: rosebud-0"):
        unit.channels.get("zzz")
    with pytest.raises(NotFoundError):
        unit.channels.by_id(10**6)


def test_channels_on_one_pos_know_of_one_another(unit: SqlUnitOfWork):
    """Each has all their prefixes."""
    apply(unit, policy(), policy(reference_prefix="RB-"))
    assert [each.sibling_prefixes for each in unit.channels.list()] == [("", "RB-")] * 2


def test_a_changed_mapping_is_a_new_version_of_it(unit: SqlUnitOfWork):
    """What waits for a mapping can tell that it changed."""
    versions = []
    for mapping in ({}, {"A": "B"}, {"A": "B"}, {"A": "C"}):
        apply(unit, policy(sku_map=mapping))
        versions.append(value(unit, "SELECT mapping_version FROM channels"))
    assert versions == [1, 2, 2, 3]


def test_new_prefixes_tell_stored_records_apart_again(unit: SqlUnitOfWork):
    """A second shop comes to the till: what carries its prefix is no longer the first one's."""
    apply(unit, policy())
    first = unit.channels.get("rosebud-0")
    read_cart(unit, first, cart_order(reference="RB-7"), cart_order(reference="8"))
    read_pos(unit, first, pos_order(pos_id="a", reference="RB-7"), pos_order(pos_id="b", reference="8"))
    assert suspected(unit, first) == {}
    apply(unit, policy(), policy(reference_prefix="RB-"))
    rows = unit.connection.exec_driver_sql(
        "SELECT ref_key, foreign_prefix FROM pos_orders ORDER BY pos_id"
    ).all()
    assert [tuple(row) for row in rows] == [(None, True), ("8", False)]
    assert suspected(unit, unit.channels.get("rosebud-0"), full=False).keys() == {"RB-7"}


def test_a_new_download_rule_has_seen_what_is_inside_it(unit: SqlUnitOfWork):
    """An order that only the new rule takes has been seen inside by the time it leaves."""
    where = channel(unit, policy(download=DownloadRule(frozenset({"authorized"}))))
    read_cart(unit, where, cart_order(), cart_order(reference="2", archived=True))
    assert not any(suspect.seen_inside_rule for suspect in suspected(unit, where).values())
    where = channel(unit, policy(download=DownloadRule(frozenset({"paid"}))))
    assert {name: s.seen_inside_rule for name, s in suspected(unit, where).items()} == {
        "1001": True,
        "2": False,
    }


def test_two_channels_that_take_each_others_orders_are_refused_across_files(unit: SqlUnitOfWork):
    """One that was renamed, or stands in a second file, would send the same order once more."""
    apply(unit, policy(), policy(reference_prefix="RB-"))
    told = specification(policy())
    renamed = replace(told.channels[0], name="rosebud-web")
    with pytest.raises(ConfigError, match="'rosebud-web': channel 'rosebud-0' has the same POS"):
        unit.configuration.apply(replace(told, channels=(renamed,)), NOW)


def test_a_channel_that_is_retired_leaves_its_place_to_another_one(unit: SqlUnitOfWork):
    """Nothing is due of it any more, and one of another name takes over, beside which it cannot come back."""
    apply(unit, policy())
    old = unit.channels.get("rosebud-0")
    told = specification(policy())
    retired = replace(told.channels[0], enabled=False)
    renamed = replace(told.channels[0], name="rosebud-web")
    unit.configuration.apply(replace(told, channels=(retired, renamed)), NOW)
    new = unit.channels.get("rosebud-web")
    assert unit.channels.due() == [new.id]
    read_pos(unit, new, pos_order(pos_id="P7", reference="7007"))
    assert [record.pos_id for chunk in unit.orders.orphans(new) for record in chunk] == ["P7"]
    read_cart(unit, old, cart_order(reference="7007"))
    assert [*unit.orders.orphans(new)] == []
    with pytest.raises(ConfigError, match="has the same POS"):
        unit.configuration.apply(replace(told, channels=(told.channels[0],)), NOW)


def test_two_channels_may_exchange_their_prefixes(unit: SqlUnitOfWork):
    """What counts is how they stand in the end."""
    apply(unit, policy(), policy(reference_prefix="RB-"))
    apply(unit, policy(reference_prefix="RB-"), policy())
    assert [c.policy.reference_prefix for c in unit.channels.list()] == ["RB-", ""]


def window(start: float, end: float, *, complete: bool = True, reason: str = "") -> Coverage:
    """Return what a read between so many hours ago covers."""
    return Coverage(covers_from=ago(hours=start), covers_to=ago(hours=end), complete=complete, reason=reason)


def test_proof_is_the_union_of_complete_reads_and_the_latest_word(unit: SqlUnitOfWork):
    """Windows that meet are one; a gap stays a gap; a broken read proves nothing and says why."""
    where = channel(unit)
    assert not unit.orders.proof(where.id, Side.POS).complete
    assert unit.orders.high_water(where.id, Side.POS) is None
    for read in (
        window(9, 8),
        window(5, 4),
        window(8, 7),
        window(4.5, 3),
        window(2, 1, complete=False, reason="404"),
    ):
        unit.orders.add_coverage(where.id, 1, Side.POS, read)
    proof = unit.orders.proof(where.id, Side.POS)
    assert (proof.complete, proof.reason) == (False, "404")
    assert proof.intervals == ((ago(hours=9), ago(hours=7)), (ago(hours=5), ago(hours=3)))
    assert proof.covers(ago(hours=9), ago(hours=7))
    assert not proof.covers(ago(hours=7), ago(hours=5))
    assert unit.orders.high_water(where.id, Side.POS) == ago(hours=3)
    unit.orders.add_coverage(where.id, 2, Side.POS, window(20, 0))
    assert unit.orders.proof(where.id, Side.POS).intervals == ((ago(hours=20), NOW),)
    assert value(unit, "SELECT count(*) FROM coverage") == 6


def test_an_end_in_the_future_goes_with_the_next_complete_read(unit: SqlUnitOfWork):
    """A wrong clock noted it. What it began with was read; up to when, the next read says."""
    where, now, hour = channel(unit), unit.now(), timedelta(hours=1)
    for begin, end in ((-5, 2), (-3, -1)):
        read = Coverage(covers_from=now + begin * hour, covers_to=now + end * hour, complete=True)
        unit.orders.add_coverage(where.id, 1, Side.POS, read)
    assert unit.orders.proof(where.id, Side.POS).intervals == ((now - 5 * hour, now - hour),)


def test_what_was_proven_of_one_source_is_not_believed_of_another(unit: SqlUnitOfWork):
    """A connection that leads elsewhere is read from its beginning."""
    where = channel(unit)
    for side in Side:
        unit.orders.add_coverage(where.id, 1, side, window(2, 1))
    moved = connection("rosebud-pos", Side.POS, base_url="other.jsonl")
    unit.configuration.apply(ConfigurationSpec((), (moved,), ()), NOW)
    assert unit.orders.high_water(where.id, Side.POS) is None
    assert unit.orders.proof(where.id, Side.POS).intervals == ()
    assert unit.orders.high_water(where.id, Side.CART) == ago(hours=1)


def test_a_channel_is_due_at_once_and_then_after_its_interval(unit: SqlUnitOfWork):
    """Begun, it is not due again; an admin may force it; after an outage there is no burst."""
    where = channel(unit, policy(poll_interval=timedelta(minutes=30)))
    assert unit.channels.due() == [where.id]
    unit.connection.exec_driver_sql("UPDATE channels SET next_run_at = '2020-01-01Z'")
    assert unit.channels.begin(where.id)
    assert unit.channels.due() == []
    left = value(unit, "SELECT next_run_at - clock_timestamp() FROM channels")
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)  # type: ignore[operator]
    assert not unit.channels.begin(where.id)
    assert unit.channels.begin(where.id, force=True)
    unit.connection.exec_driver_sql("UPDATE channels SET next_run_at = '2020-01-01Z', enabled = false")
    assert (unit.channels.due(), unit.channels.begin(where.id)) == ([], False)


def test_a_connection_keeps_since_when_it_is_as_it_is(unit: SqlUnitOfWork):
    """The same state again, for another reason, did not begin just now; new credentials are a new try."""
    where = channel(unit)
    down = ConnectionState.AUTH_FAILED
    unit.channels.set_state(where.pos.id, down, "401", ago(hours=2))
    unit.channels.set_state(where.pos.id, down, "403", ago(hours=1))
    row = unit.connection.exec_driver_sql(
        "SELECT state, state_reason, state_since FROM connections WHERE side = 'pos'"
    )
    assert tuple(row.one()) == ("auth_failed", "403", ago(hours=2))
    fresh = replace(connection("rosebud-pos", Side.POS), credentials=b"x", credentials_digest=b"y")
    unit.configuration.apply(ConfigurationSpec((), (fresh,), ()), NOW)
    pos = unit.channels.get(where.name).pos
    assert (pos.state, pos.credentials) == (ConnectionState.OK, b"x")


def test_a_run_says_how_it_ended(unit: SqlUnitOfWork):
    """Counts, durations and notes as they were."""
    where = channel(unit)
    run = start(unit, where)
    summary = RunSummary(
        run_id=run,
        channel=where.name,
        full=False,
        outcome=RunOutcome.INCOMPLETE,
        counts={"missing": 2},
        durations={"pull": 0.25},
        notes=["rosebud-pos: 404"],
    )
    unit.runs.finish(where.id, summary, NOW)
    row = unit.connection.exec_driver_sql(
        "SELECT outcome, counts, durations, notes, finished_at FROM runs"
    ).one()
    assert tuple(row) == ("incomplete", {"missing": 2}, {"pull": 0.25}, ["rosebud-pos: 404"], NOW)


def test_compared_runs_only_move_forwards(unit: SqlUnitOfWork):
    """A run that ends late does not undo what a later one compared."""
    where = channel(unit)
    unit.channels.set_compared(where.id, 9)
    unit.channels.set_compared(where.id, 8)
    assert unit.channels.get(where.name).compared_run == 9


def test_a_job_is_due_every_so_often(unit: SqlUnitOfWork):
    """The first to ask is told that it is due, and nobody else before it is again."""
    asked = [unit.runs.take_due_job("report", timedelta(hours=1)) for _ in range(2)]
    unit.connection.exec_driver_sql("UPDATE jobs SET due_at = clock_timestamp()")
    asked += [unit.runs.take_due_job("report", timedelta(hours=1)) for _ in range(2)]
    assert asked == [True, False, True, False]
