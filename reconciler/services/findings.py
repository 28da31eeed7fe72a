"""Findings that are not about one cart order: connections, the brake, POS orders that nobody explains."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.domain.classification import classify_orphan, connection_verdict
from reconciler.domain.errors import AuthError
from reconciler.domain.money import format_minor
from reconciler.domain.orders import PosOrder
from reconciler.domain.sending import brake_limit, brakes
from reconciler.domain.table import AUTH_FAILURE, BRAKE, CANNOT_TELL
from reconciler.domain.verdict import Classification, Severity, Verdict
from reconciler.ports import ConnectionInfo, Judgement, Side
from reconciler.services.compare import Bench, Comparison
from reconciler.services.pull import Pulled

#: How many undecided references a finding names.
NAMED: Final = 1000
CONNECTION, BRAKED, ORPHAN = "connection:", "channel:brake", "pos:"
#: Nothing is wrong, or not any more.
WELL: Final = Verdict(classification=Classification.AGREED, rule="agreed")


def judge_connections(
    bench: Bench, pulled: Sequence[Pulled], undecided: Mapping[Side, Sequence[str]]
) -> None:
    """Make one finding a connection whose reads do not carry the verdicts that need them.

    ``undecided`` are the orders that a side leaves undecided: cart references for the POS side, POS ids
    for the cart side.
    """
    judgements = []
    for side in pulled:
        verdict = _connection_verdict(bench, side, undecided[side.side]) or WELL
        judgements.append(Judgement(f"{CONNECTION}{side.connection.name}", verdict))
    _record(bench, judgements, CONNECTION)


def _connection_verdict(bench: Bench, side: Pulled, undecided: Sequence[str]) -> Verdict | None:
    if isinstance(side.error, AuthError):
        facts = _facts(side.connection, str(side.error), undecided)
        since = _begun(bench, side.connection, Classification.AUTH_FAILURE)
        return connection_verdict(AUTH_FAILURE, facts, since=since, now=bench.now)
    proof = bench.pos_proof if side.side is Side.POS else bench.cart_proof
    if proof.complete and not undecided:
        return None
    facts = _facts(side.connection, proof.reason or "it does not reach as far as they need", undecided)
    facts |= {"read_from": side.coverage.covers_from, "read_to": side.coverage.covers_to}
    read_to = max((end for _, end in proof.intervals), default=None)
    since = read_to or _begun(bench, side.connection, Classification.CANNOT_TELL)
    verdict = connection_verdict(CANNOT_TELL, facts, since=since, now=bench.now)
    # Nobody reads this side well for 2G: then somebody has to look.
    escalates_at = since + 2 * bench.channel.policy.grace
    severity = Severity.URGENT if escalates_at <= bench.now else verdict.severity
    return replace(verdict, severity=severity, escalates_at=escalates_at)


def _begun(bench: Bench, connection: ConnectionInfo, classification: Classification) -> datetime:
    """Return when a connection's trouble was first met: each run would take it for a new one."""
    subject = f"{CONNECTION}{connection.name}"
    return bench.unit.mismatches.open_since(bench.channel.id, subject, classification) or bench.now


def _facts(connection: ConnectionInfo, reason: str, undecided: Sequence[str]) -> dict[str, object]:
    return {
        "connection": connection.name,
        "side": connection.side,
        "reason": reason,
        "orders": len(undecided),
        "references": list(undecided[:NAMED]),
    }


def judge_orphans(bench: Bench, tickets: Collection[str]) -> list[str]:
    """Record online POS orders that nobody explains; return those that the cart's reads leave open.

    ``tickets`` are taken for hand-keyed cart orders and so explained.
    """
    complete, covers = bench.cart_proof.complete, bench.cart_proof.covers
    undecided: list[str] = []
    kept: list[Judgement] = []
    for chunk in bench.unit.orders.orphans(bench.channel):
        for record in chunk:
            if record.pos_id in tickets:
                continue
            if complete and covers(record.created_at, record.created_at):
                kept.append(_orphan(bench, record))
            elif not (complete and _may_still_be_read(bench, record)):
                undecided.append(record.pos_id)
    if complete:
        _record(bench, kept, ORPHAN)
    return undecided


def _may_still_be_read(bench: Bench, record: PosOrder) -> bool:
    """Say whether a record is so new that the next read of the cart may bring its order."""
    return record.created_at > bench.now - bench.channel.policy.grace


def _orphan(bench: Bench, record: PosOrder) -> Judgement:
    total = f"{format_minor(record.total, record.currency)} {record.currency}"
    return Judgement(f"{ORPHAN}{record.pos_id}", classify_orphan(record, total, bench.now))


def apply_brake(bench: Bench, result: Comparison) -> bool:
    """Say whether so many orders look missing that nothing may be sent, and record that once."""
    limit = brake_limit(result.examined)
    braked = brakes(len(result.sendable), result.examined, bench.channel.policy.delivery)
    facts = {"orders": len(result.sendable), "limit": limit}
    verdict = connection_verdict(BRAKE, facts, since=bench.now, now=bench.now)
    _record(bench, [Judgement(BRAKED, verdict if braked else WELL)], BRAKED)
    return braked


def _record(bench: Bench, judgements: list[Judgement], prefix: str) -> None:
    unit, channel = bench.unit, bench.channel
    unit.mismatches.record(channel.id, bench.run_id, judgements, bench.now)
    unit.mismatches.close_absent(
        channel.id, prefix, [judgement.subject for judgement in judgements], bench.now
    )
    if bench.tell:
        for judgement in judgements:
            if not judgement.verdict.agreed:
                bench.tell(judgement)
