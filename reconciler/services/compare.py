"""Judge what disagrees: the database says which orders, the rules say why, the ledger records it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from reconciler.domain.classification import classify
from reconciler.domain.errors import VendorError
from reconciler.domain.evidence import Absence, Catalog, Evidence
from reconciler.domain.matching import TicketMatch, assign_tickets, match_ticket
from reconciler.domain.orders import cart_reference
from reconciler.domain.sending import Absences, Decision, may_send
from reconciler.domain.verdict import Classification, Severity, Verdict
from reconciler.failpoints import hit
from reconciler.ports import Channel, Judgement, Pos, Proof, Side, Suspect, UnitOfWork
from reconciler.services.context import Context


@dataclass(slots=True)
class Comparison:
    """What one comparison found."""

    examined: int = 0
    #: Cart orders by class; agreeing ones that never left the database are not among them.
    orders: Counter[str] = field(default_factory=Counter)
    sendable: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    #: POS tickets that probably are a cart order keyed in by hand.
    tickets: set[str] = field(default_factory=set)
    #: False when the channel was changed meanwhile, so that the next run judges everything anew.
    counted: bool = True

    @property
    def counts(self) -> dict[str, int]:
        """Orders by class, agreeing ones included."""
        named = {name: count for name, count in self.orders.items() if name != Classification.AGREED}
        return {Classification.AGREED.value: self.examined - sum(named.values()), **named}


@dataclass(frozen=True, slots=True)
class Bench:
    """What every order of one comparison is judged by."""

    unit: UnitOfWork
    channel: Channel
    run_id: int
    now: datetime
    pos_proof: Proof
    cart_proof: Proof
    catalog: Catalog
    handed_over: Mapping[str, datetime]
    #: Why the POS could not say what it takes and what it was handed; empty when it did.
    hindered: str = ""
    rehearsal: bool = False
    #: None when the POS cannot be asked.
    pos: Pos | None = None
    #: Told every judgement; a rehearsal prints them.
    tell: Callable[[Judgement], None] | None = None

    def evidence(self, suspect: Suspect, ticket: TicketMatch | None = None) -> Evidence:
        """Put together what the rules may know of an order."""
        cart = suspect.cart
        return Evidence(
            cart=cart,
            records=suspect.records,
            absence=self._absence(suspect),
            seen_inside_rule=suspect.seen_inside_rule and not self.rehearsal,
            known_paid_at=suspect.known_paid_at,
            ticket=ticket,
            catalog=self.catalog,
            queue=suspect.queue,
            handed_over_at=self.handed_over.get(cart.reference),
            cart_clock_offset=self.cart_ahead,
        )

    @property
    def covers_to(self) -> datetime | None:
        """How far the reads of the POS reach."""
        return max((end for _, end in self.pos_proof.intervals), default=None)

    @property
    def cart_ahead(self) -> timedelta:
        """How far the cart's clock is ahead of ours, in whole minutes: the seconds are the network's."""
        return timedelta(minutes=round(self.cart_proof.clock_offset / timedelta(minutes=1)))

    def _absence(self, suspect: Suspect) -> Absence:
        if not self.pos_proof.complete:
            return Absence.INCOMPLETE
        cart = suspect.cart
        placed_at, paid_at = cart.placed_at, max(cart.paid_at or cart.placed_at, cart.placed_at)
        covered = self.pos_proof.covers(placed_at - self.cart_ahead, paid_at - self.cart_ahead)
        return Absence.PROVEN if covered else Absence.NOT_COVERED


def open_bench(
    context: Context,
    channel: Channel,
    run_id: int,
    *,
    pos: Pos | None = None,
    tell: Callable[[Judgement], None] | None = None,
) -> Bench:
    """Collect what the ledger proves and what the POS can take; ``pos`` may know that already."""
    unit = context.unit
    pos_proof = unit.orders.proof(channel.id, Side.POS)
    catalog, handed_over, hindered = Catalog(), dict[str, datetime](), ""
    try:
        pos = pos or context.vendors.pos(channel.pos)
        catalog = pos.catalog()
        handed_over = _ours(channel, pos.handed_over())
    except VendorError as error:
        # Without the list of what was handed over, absence proves nothing.
        hindered = str(error)
        pos_proof = replace(pos_proof, complete=False, reason=error.message)
        pos = None
    return Bench(
        unit=unit,
        channel=channel,
        run_id=run_id,
        now=context.clock(),
        pos_proof=pos_proof,
        cart_proof=unit.orders.proof(channel.id, Side.CART),
        catalog=catalog,
        handed_over=handed_over,
        hindered=hindered,
        rehearsal=context.rehearsal,
        pos=pos,
        tell=tell,
    )


def _ours(channel: Channel, handed_over: Mapping[str, datetime]) -> dict[str, datetime]:
    prefix, siblings = channel.policy.reference_prefix, channel.sibling_prefixes
    pairs = ((cart_reference(text, prefix, siblings), at) for text, at in handed_over.items())
    return {reference: at for reference, at in pairs if reference is not None}


def compare(bench: Bench, *, full: bool) -> Comparison:
    """Judge every order that disagrees, is absent or is due, record the verdicts, say what may be sent."""
    unit, channel = bench.unit, bench.channel
    unit.queue.adopt_seen(channel.id)
    result = Comparison(examined=unit.orders.examined(channel, full=full, now=bench.now))
    ticketed: list[Suspect] = []
    for chunk in unit.orders.suspects(channel, full=full, now=bench.now):
        ticketed += [suspect for suspect in chunk if suspect.tickets and not suspect.records]
        judge(bench, [s for s in chunk if s.records or not s.tickets], {}, result)
    # Last and together, so that each ticket goes to the order that it fits best.
    judge(bench, ticketed, _assign(channel, ticketed), result)
    result.counted = unit.channels.set_compared(channel.id, bench.run_id, known=channel.compared_run)
    return result


def judge(
    bench: Bench,
    suspects: Sequence[Suspect],
    tickets: Mapping[str, TicketMatch],
    result: Comparison,
    *,
    between_runs: bool = False,
) -> None:
    """Classify a handful of orders, record what was found and collect what may be sent.

    What cannot be told between two runs stays as it was: only a run makes the finding that covers it.
    """
    judgements = [_judge(bench, suspect, tickets.get(suspect.cart.reference), result) for suspect in suspects]
    if between_runs:
        judgements = [j for j in judgements if j.verdict.classification is not Classification.CANNOT_TELL]
    hit("compare.before_record")
    bench.unit.orders.set_verdicts(bench.channel.id, judgements)
    bench.unit.mismatches.record(bench.channel.id, bench.run_id, judgements, bench.now)
    hit("compare.after_record")


def _judge(bench: Bench, suspect: Suspect, ticket: TicketMatch | None, result: Comparison) -> Judgement:
    evidence = bench.evidence(suspect, ticket)
    verdict = classify(evidence, bench.channel.policy, bench.now)
    absences = Absences(bench.pos_proof.absence_trusted, bench.covers_to)
    decision = may_send(evidence, verdict, bench.channel.policy, absences, bench.now)
    if decision.send:
        result.sendable.append(suspect.cart.reference)
    if ticket is not None and verdict.classification is Classification.PROBABLE_REKEY:
        result.tickets.add(ticket.pos_id)
    if verdict.classification is Classification.CANNOT_TELL:
        result.undecided.append(suspect.cart.reference)
    result.orders[verdict.classification] += 1
    judgement = Judgement(suspect.cart.reference, _with(verdict, decision))
    # What a read leaves undecided is one finding a connection, never one an order.
    if bench.tell and verdict.classification not in {Classification.AGREED, Classification.CANNOT_TELL}:
        bench.tell(judgement)
    return judgement


def _with(verdict: Verdict, decision: Decision) -> Verdict:
    """Add to a verdict why the order is not sent: nobody helps it but a person, so that is urgent."""
    if decision.send or not decision.reason:
        return verdict
    severity = verdict.severity if decision.look_at else Severity.URGENT
    check_at = min(filter(None, (verdict.check_at, decision.look_at)), default=None)
    facts = {**verdict.facts, "not_sent_because": decision.reason}
    return replace(verdict, facts=facts, severity=severity, check_at=check_at)


def _assign(channel: Channel, suspects: Sequence[Suspect]) -> dict[str, TicketMatch]:
    matches = (
        (suspect.cart, match)
        for suspect in suspects
        for ticket in suspect.tickets
        if (match := match_ticket(suspect.cart, ticket, channel.policy.sku_map)) is not None
    )
    return assign_tickets(matches)


def judge_again(
    context: Context, channel: Channel, references: Sequence[str], pos: Pos | None = None
) -> Bench:
    """Say at once what became of orders just worked on, instead of at the next run."""
    bench = open_bench(context, channel, channel.compared_run, pos=pos)
    judge_these(bench, references)
    return bench


def judge_these(bench: Bench, references: Sequence[str]) -> None:
    """Judge these orders, whether they agree or not, and record what was found.

    A run gives each ticket to the order that it fits best. Here those keep theirs to which it gave one.
    """
    suspects = bench.unit.orders.evidence(bench.channel, references)
    rekeyed = [suspect for suspect in suspects if suspect.verdict is Classification.PROBABLE_REKEY]
    judge(bench, suspects, _assign(bench.channel, rekeyed), Comparison(), between_runs=True)
