"""What a channel's runs say of a connection that cannot be read, run after run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from reconciler.domain.errors import AuthError, UnreachableError, VendorError
from reconciler.domain.evidence import Catalog
from reconciler.persistence import SqlUnitOfWork
from reconciler.ports import Coverage, MismatchState
from reconciler.services.context import Context
from reconciler.services.run import run_channel
from tests.builders import NOW, POLICY, G
from tests.integration.persistence.world import channel


class Vendors:
    """A cart that can be read, and a POS that cannot."""

    def __init__(self, error: VendorError | None) -> None:
        self.error = error

    def cart(self, _connection: object) -> Any:
        """It is its own cart."""
        return self

    def pos(self, _connection: object) -> Any:
        """Nobody answers, unless nothing is wrong."""
        if self.error is not None:
            raise self.error
        return self

    def probe(self) -> str:
        """We are let in."""
        return "cart"

    def catalog(self) -> Catalog:
        """Take everything."""
        return Catalog()

    def handed_over(self) -> dict[str, datetime]:
        """Keep no such list."""
        return {}

    def read(self, since: datetime | None, now: datetime) -> Iterator[Coverage]:
        """Read nothing, whole."""
        yield Coverage(covers_from=since or now, covers_to=now, complete=True)


def finding(unit: SqlUnitOfWork) -> tuple[str, str, datetime]:
    """Return class, severity and beginning of the only finding that is open."""
    statement = "SELECT classification, severity, since FROM mismatches WHERE state = 'open'"
    row = unit.connection.exec_driver_sql(statement).one()
    return row.classification, row.severity, row.since


@pytest.mark.parametrize(
    ("error", "severities"),
    [(UnreachableError("down"), ["normal", "normal", "urgent"]), (AuthError("revoked"), ["urgent"] * 3)],
    ids=["unreachable", "refused"],
)
def test_a_connection_that_was_never_read_is_not_new_at_every_run(
    unit: SqlUnitOfWork, error: VendorError, severities: list[str]
):
    """Its trouble began when it was first met: somebody is told when it has lasted for 2G."""
    where, now = channel(unit, POLICY), NOW
    context, said = Context(unit, cast("Any", Vendors(error)), lambda: now), []
    for graces in range(3):
        now = NOW + graces * G
        run_channel(context, where, full=False, trigger="test")
        said.append(finding(unit))
    assert [severity for _, severity, _ in said] == severities
    assert {since for _, _, since in said} == {NOW}


def test_a_trouble_that_is_over_is_not_held_against_the_next_one(unit: SqlUnitOfWork):
    """It begins anew; a connection that was read whole in between counts from that read."""
    where, now = channel(unit, POLICY), NOW
    broken = Vendors(UnreachableError("down"))
    context = Context(unit, cast("Any", broken), lambda: now)
    run_channel(context, where, full=False, trigger="test")
    unit.mismatches.close_absent(where.id, "connection:", [], NOW)
    now = NOW + timedelta(days=1)
    run_channel(context, where, full=False, trigger="test")
    assert finding(unit)[1:] == ("normal", now)


@pytest.mark.parametrize("state", [MismatchState.RESOLVED, MismatchState.IGNORED])
def test_what_a_person_closed_opens_when_the_trouble_comes_back(unit: SqlUnitOfWork, state: MismatchState):
    """The token is revoked again later, in the same words: a decision lasts as long as its trouble."""
    where, now = channel(unit, POLICY), NOW
    vendors = Vendors(AuthError("revoked"))
    context = Context(unit, cast("Any", vendors), lambda: now)
    states = []
    for error in (AuthError("revoked"), AuthError("revoked"), None, AuthError("revoked")):
        vendors.error = error
        run_channel(context, where, full=False, trigger="test")
        number, said = unit.connection.exec_driver_sql("SELECT id, state FROM mismatches").one()
        states.append(said)
        if said == "open":
            unit.mismatches.decide(where.id, number, state, actor="ann", reason="done", now=now)
        now += timedelta(days=10)
    assert states == ["open", state, "resolved", "open"]
