"""``reconciler queue``: orders on their way into the POS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli.options import (
    Actor,
    Channel,
    From,
    Limit,
    Merchant,
    Reason,
    Search,
    To,
    actor_of,
    one_of,
    scope,
)
from reconciler.cli.output import (
    AsJson,
    DryRun,
    amount,
    open_app,
    print_fields,
    print_json,
    print_table,
    reading,
    say,
)
from reconciler.cli.whereabouts import unknown_order, why_not_queued
from reconciler.domain.errors import InputError
from reconciler.domain.queue import QueueStatus

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reconciler.bootstrap import App
    from reconciler.persistence.queries.queue import Attempt, Entry, Place
    from reconciler.persistence.queries.whereabouts import Standing
    from reconciler.services.review import Decided

app = typer.Typer(help="See orders on their way into the POS; set failed ones ready.", no_args_is_help=True)

STATUSES = [status.value for status in QueueStatus]
SENT_BY = "; a worker sends it at its next tick, or now: reconciler run"
References = Annotated[
    list[str],
    typer.Argument(metavar="ORDER", help="Order numbers, or object ids.", show_default=False),
]

Statuses = Annotated[
    list[str], typer.Option("--status", help="Instead of naming them: all in this state. Repeatable.")
]


@app.command("list")
def list_(
    *,
    status: Annotated[
        list[str], typer.Option("--status", help=f"Only in this state: {', '.join(STATUSES)}. Repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    flagged: Annotated[
        bool | None,
        typer.Option("--flagged/--not-flagged", help="Only those that wait for a person, or not."),
    ] = None,
    merchant: Merchant = None,
    channel: Channel = None,
    start: From = None,
    end: To = None,
    search: Search = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List entries, those that wait for a person first.

    The dates filter by when an entry came into its present state.

    Example: reconciler queue list --status failed --from 2026-11-20
    """
    from reconciler.persistence.queries.queue import list_entries

    wanted = scope(merchant, channel, start, end, search, limit)
    statuses = one_of("--status", status, STATUSES)
    with open_app() as wired, reading(wired) as connection:
        found = list_entries(connection, wanted, statuses=statuses, flagged=flagged)
    if as_json:
        print_json({"total": found.total, "entries": found.rows})
        return
    columns = ("channel", "order", "status", "flagged", "attempts", "since", "total", "object id", "what")
    print_table(columns, [_row(entry) for entry in found.rows])
    say(f"{len(found.rows)} of {found.total}")


def _row(entry: Entry) -> Sequence[object]:
    return (
        entry.channel,
        entry.reference,
        entry.status,
        entry.flagged,
        entry.attempts,
        entry.since,
        amount(entry.total, entry.currency),
        entry.object_id,
        entry.note or entry.vendor_words,
    )


@app.command()
def show(references: References, channel: Channel = None, as_json: AsJson = False) -> None:
    """Show entries with every attempt that was made; of an order that has none, why not.

    Example: reconciler queue show 1001
    """
    with open_app() as wired, reading(wired) as connection:
        places = [place for named in references for place in _places(connection, named, channel)]
        shown = [_details(connection, place) for place in dict.fromkeys(places)]
    if as_json:
        names = ("entry", "attempts", "standing")
        print_json([dict(zip(names, each, strict=True)) for each in shown])
        return
    for entry, attempts, standing in shown:
        if entry is not None:
            _show_one(entry, attempts)
        elif standing is not None:
            print_fields(why_not_queued(standing))
        say()


def _places(connection: Connection, named: str, channel: str | None) -> Sequence[Place]:
    from reconciler.persistence.queries.queue import find_orders

    places = find_orders(connection, named, channel)
    if not places:
        raise unknown_order(connection, named, channel)
    return places


def _details(connection: Connection, place: Place) -> tuple[Entry | None, Sequence[Attempt], Standing | None]:
    """Return an order's entry and attempts; where it has none, why."""
    from reconciler.persistence.queries.queue import get_entry, list_attempts
    from reconciler.persistence.queries.whereabouts import get_standing

    entry = get_entry(connection, place)
    standing = get_standing(connection, place) if entry is None else None
    return entry, list_attempts(connection, place), standing


def _show_one(entry: Entry, attempts: Sequence[Attempt]) -> None:
    print_fields(
        [
            ("order", f"{entry.reference} ({entry.channel}, merchant {entry.merchant})"),
            ("status", entry.status + (", waits for a person" if entry.flagged else "")),
            ("since", entry.since),
            ("total", amount(entry.total, entry.currency)),
            ("object id", entry.object_id),
            ("delivery", entry.deliver_on),
            ("what", entry.note),
            ("failure", " ".join(filter(None, (entry.failure, *entry.codes)))),
            ("POS's words", entry.vendor_words),
            ("next attempt", f"{entry.trigger} by {entry.actor}: {entry.reason}" if entry.reason else None),
            ("not before", entry.not_before),
            ("next look-up", entry.next_lookup_at),
        ]
    )
    columns = ("attempt", "why", "by", "started", "outcome", "object id", "detail")
    if attempts:
        say()
        print_table(columns, [_attempt(attempt) for attempt in attempts])


def _attempt(attempt: Attempt) -> Sequence[object]:
    why = f"{attempt.trigger}: {attempt.reason}" if attempt.reason else attempt.trigger
    who = f"{attempt.actor} ({attempt.origin})" if attempt.origin else attempt.actor
    detail = " ".join(filter(None, (attempt.error_cause, *(attempt.codes or ()), attempt.vendor_words)))
    outcome = attempt.outcome or "under way"
    return (attempt.number, why, who, attempt.started_at, outcome, attempt.pos_id, detail)


@app.command("set-ready")
def set_ready(
    reason: Reason,
    references: References = [],  # noqa: B006 - typer copies it
    status: Statuses = [],  # noqa: B006
    actor: Actor = None,
    channel: Channel = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give orders one more attempt each.

    Name orders, or let --status choose them: all of them are set ready, or none. Doing it twice makes one
    attempt. Before an order is sent it is read again, and looked for in the POS: found means adopted.

    Example: reconciler queue set-ready 1001 1002 --reason "SKU was mapped"
    """
    from reconciler.services.review import set_many_ready

    who = actor_of(actor)
    with open_app() as wired:
        wanted = _wanted(wired, references, status, channel)
        with wired.context(rehearsal=dry_run) as context:
            decided = set_many_ready(context, wanted, actor=who, reason=reason, origin="cli")
    said = "ready for one more attempt", "was waiting or under way already"
    _tell(decided, *said, dry_run=dry_run, as_json=as_json, then=SENT_BY)


@app.command()
def adopt(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="Order number.", show_default=False)],
    as_: Annotated[
        str,
        typer.Option("--as", metavar="POS-ID", help="The POS record that is this order.", show_default=False),
    ],
    reason: Reason,
    actor: Actor = None,
    channel: Channel = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say that an order is in the POS already, as that record; nothing is sent for it any more.

    Example: reconciler queue adopt 1001 --as T-778 --reason "keyed in by Bea"
    """
    from reconciler.services import review

    who = actor_of(actor)
    with open_app() as wired:
        with reading(wired) as connection:
            (place,) = _by_channel(connection, [order], channel).items()
        with wired.context(rehearsal=dry_run) as context:
            name, (reference,) = place
            decided = [review.adopt(context, name, reference, as_, actor=who, reason=reason, origin="cli")]
    _tell(decided, f"linked to {as_}", "was linked to it already", dry_run=dry_run, as_json=as_json)


@app.command("give-up")
def give_up(
    reason: Reason,
    references: References = [],  # noqa: B006 - typer copies it
    status: Statuses = [],  # noqa: B006
    actor: Actor = None,
    channel: Channel = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Close orders unsent: keyed in by hand, refunded, not wanted.

    Their mismatches are resolved with the reason. Name orders, or let --status choose them; --dry-run
    counts first.

    Example: reconciler queue give-up 1001 --reason "refunded by phone"
    """
    from reconciler.services import review

    who = actor_of(actor)
    with open_app() as wired:
        wanted = _wanted(wired, references, status, channel)
        with wired.context(rehearsal=dry_run) as context:
            decided = review.give_up(context, wanted, actor=who, reason=reason, origin="cli")
    _tell(decided, "given up", "was given up already", dry_run=dry_run, as_json=as_json)


def _wanted(
    wired: App, references: Sequence[str], status: Sequence[str], channel: str | None
) -> Mapping[str, list[str]]:
    """Return the orders that are named, or those that the filter chooses, by channel."""
    from reconciler.persistence.queries.queue import list_entries

    if bool(references) == bool(status):
        raise InputError(
            "it is not clear which orders", next_step="name them, or choose with --status, not both"
        )
    with reading(wired) as connection:
        if references:
            return _by_channel(connection, references, channel)
        everything = scope(None, channel, None, None, None, 100_000)
        statuses = one_of("--status", list(status), STATUSES)
        found = list_entries(connection, everything, statuses=statuses, flagged=None)
    wanted: dict[str, list[str]] = {}
    for entry in found.rows:
        wanted.setdefault(entry.channel, []).append(entry.reference)
    return wanted


def _by_channel(
    connection: Connection, references: Sequence[str], channel: str | None
) -> Mapping[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for named in references:
        places = _places(connection, named, channel)
        if len(places) > 1:
            names = ", ".join(place.channel for place in places)
            raise InputError(
                f"order {named!r} is in several channels: {names}", next_step="say --channel NAME"
            )
        wanted.setdefault(places[0].channel, []).append(places[0].reference)
    return wanted


def _tell(
    decided: Sequence[Decided], done: str, undone: str, *, dry_run: bool, as_json: bool, then: str = ""
) -> None:
    if as_json:
        orders: list[dict[str, Any]] = [
            {"channel": each.channel, "reference": each.subject, "changed": each.changed} for each in decided
        ]
        print_json({"dry_run": dry_run, "orders": orders})
        return
    for each in decided:
        changed = f"would be {done}" if dry_run else done
        say(f"{each.subject} ({each.channel}): {changed if each.changed else undone}")
    count = sum(each.changed for each in decided)
    would = "would change" if dry_run else "changed"
    say(f"{would} {count} of {len(decided)}{'' if dry_run else then}")
