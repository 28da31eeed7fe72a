"""What people decide: one more attempt for an order, or what becomes of a mismatch.

Each decision carries a name and a reason. Several at once are made together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from reconciler.domain.errors import InputError, RefusedError
from reconciler.domain.orders import normalise_reference
from reconciler.ports import Judgement, MismatchState
from reconciler.services.compare import judge_these, open_bench
from reconciler.services.context import Context
from reconciler.services.findings import ORPHAN, WELL

log = structlog.get_logger()

MAX_WORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of one decision; not ``changed`` when it had been made already."""

    channel: str
    subject: str
    changed: bool


def set_ready(
    context: Context, channel: str, references: Sequence[str], *, actor: str, reason: str, origin: str
) -> Sequence[Decided]:
    """Give orders of one channel one more attempt each; a second click changes nothing."""
    return set_many_ready(context, {channel: references}, actor=actor, reason=reason, origin=origin)


def set_many_ready(
    context: Context, wanted: Mapping[str, Sequence[str]], *, actor: str, reason: str, origin: str
) -> Sequence[Decided]:
    """Give orders, listed by channel, one more attempt each."""
    actor, reason = words("actor", actor), words("reason", reason)
    queue, decided = context.unit.queue, []
    for name, references in wanted.items():
        channel = context.unit.channels.get(name)
        for reference in dict.fromkeys(map(normalise_reference, references)):
            with _about(f"order {reference}"):
                changed = queue.set_ready(channel.id, reference, actor=actor, reason=reason, origin=origin)
            decided.append(Decided(name, reference, changed))
    context.unit.commit()
    _note(context, "set_ready", origin=origin, asked=len(decided), changed=sum(d.changed for d in decided))
    return decided


def adopt(
    context: Context, channel: str, reference: str, pos_id: str, *, actor: str, reason: str, origin: str
) -> Decided:
    """Take a named person's word that a POS record is this order; nothing will be sent for it."""
    actor, reason = words("actor", actor), words("reason", reason)
    unit, found = context.unit, context.unit.channels.get(channel)
    reference = normalise_reference(reference)
    # Asks the POS what it takes: before anything is written, so that no row is locked meanwhile.
    bench = open_bench(context, found, found.compared_run)
    with _about(f"order {reference}"):
        changed = unit.queue.adopt(found.id, reference, pos_id, actor=actor, reason=reason, origin=origin)
    judge_these(bench, [reference])
    # Nobody could explain the record; now somebody has.
    unit.mismatches.record(found.id, bench.run_id, [Judgement(f"{ORPHAN}{pos_id}", WELL)], context.clock())
    unit.commit()
    _note(context, "adopted", origin=origin, changed=changed)
    return Decided(channel, reference, changed)


def give_up(
    context: Context, wanted: Mapping[str, Sequence[str]], *, actor: str, reason: str, origin: str
) -> Sequence[Decided]:
    """Close orders, listed by channel, on a named person's word: keyed in by hand, refunded, not wanted."""
    actor, reason = words("actor", actor), words("reason", reason)
    unit, decided = context.unit, []
    channels = [unit.channels.get(name) for name in wanted]
    # Asks each POS what it takes: before anything is written, so that no row is locked meanwhile.
    for bench in [open_bench(context, channel, channel.compared_run) for channel in channels]:
        channel = bench.channel
        for reference in dict.fromkeys(map(normalise_reference, wanted[channel.name])):
            with _about(f"order {reference}"):
                changed = unit.queue.give_up(channel.id, reference, actor=actor, reason=reason, origin=origin)
            # Judged first, so that the decision binds to the evidence as it stands after it.
            judge_these(bench, [reference])
            unit.mismatches.resolve_subject(
                channel.id,
                reference,
                actor=actor,
                reason=reason,
                now=context.clock(),
                unseen=not bench.pos_proof.complete,
            )
            decided.append(Decided(channel.name, reference, changed))
    unit.commit()
    _note(context, "given_up", origin=origin, asked=len(decided), changed=sum(d.changed for d in decided))
    return decided


def decide(
    context: Context, wanted: Mapping[str, Sequence[int]], state: MismatchState, *, actor: str, reason: str
) -> Sequence[Decided]:
    """Acknowledge, resolve or ignore mismatches, listed by channel; holds until their evidence changes."""
    actor, reason = words("actor", actor), words("reason", reason)
    mismatches, decided = context.unit.mismatches, []
    for name, ids in wanted.items():
        channel = context.unit.channels.get(name)
        for mismatch in dict.fromkeys(ids):
            changed = mismatches.decide(
                channel.id, mismatch, state, actor=actor, reason=reason, now=context.clock()
            )
            decided.append(Decided(name, str(mismatch), changed))
    context.unit.commit()
    _note(context, "decided", state=state, asked=len(decided), changed=sum(d.changed for d in decided))
    return decided


def _note(context: Context, event: str, **facts: object) -> None:
    """Log a decision; one that is only rehearsed was not made."""
    if not context.rehearsal:
        log.info(event, **facts)


@contextmanager
def _about(subject: str) -> Iterator[None]:
    """Say of which of several it is that something is refused."""
    try:
        yield
    except RefusedError as error:
        if subject in error.message:
            raise
        raise RefusedError(f"{subject}: {error.message}", next_step=error.next_step) from error


def words(what: str, text: str) -> str:
    """Return what a person wrote, if it is one line that can stand in a history."""
    text = " ".join(text.split())
    if not any(map(str.isalnum, text)) or not text.isprintable() or len(text) > MAX_WORDS:
        raise InputError(
            f"the {what} must be one line of words, of at most {MAX_WORDS} characters",
            next_step=f"give --{what} TEXT",
        )
    return text
