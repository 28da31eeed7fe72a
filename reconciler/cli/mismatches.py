"""``reconciler mismatches``: what disagrees, and what people decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

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
    open_app,
    print_fields,
    print_json,
    print_table,
    reading,
    say,
)
from reconciler.domain.errors import NotFoundError
from reconciler.domain.verdict import Classification, Severity

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from reconciler.persistence.queries.mismatches import Event, Mismatch
    from reconciler.ports import MismatchState

app = typer.Typer(help="See what disagrees; acknowledge, resolve or ignore it.", no_args_is_help=True)

#: As in ``reconciler.ports.MismatchState``, which would be slow to import for help.
STATES = ["open", "acknowledged", "resolved", "ignored"]
UNDECIDED = ["open", "acknowledged"]
CLASSES = [each.value for each in Classification]
SEVERITIES = [each.value for each in Severity]

Named = Annotated[
    list[str],
    typer.Argument(
        metavar="MISMATCH",
        help="Order numbers, POS ids, connection:NAME, or the numbers that `list` shows (m17).",
        show_default=False,
    ),
]
Class = Annotated[
    list[str], typer.Option("--class", metavar="CLASS", help="Only of this class, for example missing.")
]


@app.command("list")
def list_(
    *,
    state: Annotated[
        list[str], typer.Option("--state", metavar="STATE", help=f"{', '.join(STATES)}, or all.")
    ] = UNDECIDED,
    classes: Class = [],  # noqa: B006 - typer copies it
    severity: Annotated[
        list[str], typer.Option("--severity", metavar="SEVERITY", help=", ".join(SEVERITIES))
    ] = [],  # noqa: B006
    merchant: Merchant = None,
    channel: Channel = None,
    start: From = None,
    end: To = None,
    search: Search = None,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List mismatches, the most urgent first.

    By default those that are not closed; of equal urgency the oldest comes first.

    The dates filter by since when it disagrees.

    Example: reconciler mismatches list --class missing --merchant rosebud
    """
    from reconciler.persistence.queries.mismatches import Wanted, list_mismatches

    wanted = Wanted(
        states=() if state == ["all"] else one_of("--state", state, STATES),
        classes=one_of("--class", classes, CLASSES),
        severities=one_of("--severity", severity, SEVERITIES),
    )
    within = scope(merchant, channel, start, end, search, limit)
    with open_app() as wired, reading(wired) as connection:
        found = list_mismatches(connection, within, wanted)
    if as_json:
        print_json({"total": found.total, "mismatches": found.rows})
        return
    columns = ("number", "severity", "class", "channel", "order", "since", "who", "state", "what")
    print_table(columns, [_row(mismatch) for mismatch in found.rows])
    say(f"{len(found.rows)} of {found.total}")


def _row(mismatch: Mismatch) -> Sequence[object]:
    return (
        f"m{mismatch.id}",
        mismatch.severity,
        _class(mismatch),
        mismatch.channel,
        mismatch.subject,
        mismatch.since,
        mismatch.who,
        mismatch.state,
        mismatch.sentence,
    )


def _class(mismatch: Mismatch) -> str:
    return ": ".join(filter(None, (mismatch.classification, mismatch.cause)))


@app.command()
def show(named: Named, channel: Channel = None, as_json: AsJson = False) -> None:
    """Show evidence and whole history.

    Closed mismatches of the order are shown too.

    Example: reconciler mismatches show 1001
    """
    from reconciler.persistence.queries.mismatches import list_events

    with open_app() as wired, reading(wired) as connection:
        every = [each for name in named for each in _find(connection, name, channel, STATES)]
        found = list({each.id: each for each in every}.values())
        histories = [list_events(connection, each) for each in found]
    if as_json:
        pairs = zip(found, histories, strict=True)
        print_json([{"mismatch": each, "history": history} for each, history in pairs])
        return
    for each, history in zip(found, histories, strict=True):
        _show_one(each, history)


def _find(
    connection: Connection,
    named: str,
    channel: str | None,
    states: Sequence[str],
    classes: Sequence[str] = (),
) -> Sequence[Mismatch]:
    from reconciler.persistence.queries.mismatches import find_mismatches

    found = find_mismatches(connection, named, channel, states)
    found = [each for each in found if not classes or each.classification in classes]
    if not found:
        which = "" if len(states) == len(STATES) else "open "
        raise NotFoundError(
            f"there is no {which}mismatch {named!r}", next_step="see: reconciler mismatches list"
        )
    return found


def _show_one(mismatch: Mismatch, history: Sequence[Event]) -> None:
    print_fields(
        [
            ("number", f"m{mismatch.id}, {mismatch.state}"),
            ("about", f"{mismatch.subject} ({mismatch.channel}, merchant {mismatch.merchant})"),
            ("class", _class(mismatch)),
            ("what", mismatch.sentence),
            ("next step", f"{mismatch.who}: {mismatch.next_step}"),
            ("severity", mismatch.severity),
            ("since", mismatch.since),
            ("escalates", mismatch.escalates_at),
            ("re-send", mismatch.resend),
            ("rule", mismatch.rule),
            ("also", mismatch.also),
            ("decided", f"{mismatch.actor}: {mismatch.reason}" if mismatch.actor else None),
            *((f"  {name}", value) for name, value in mismatch.facts.items()),
        ]
    )
    say()
    columns = ("at", "what", "state", "by", "reason")
    print_table(columns, [(e.at, e.kind, e.state, e.actor, e.reason) for e in history])
    say()


@app.command()
def acknowledge(
    named: Named,
    reason: Reason,
    actor: Actor = None,
    channel: Channel = None,
    classes: Class = [],  # noqa: B006 - typer copies it
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say that somebody has seen it and works on it. New evidence opens it again.

    Example: reconciler mismatches acknowledge 1001 --reason "called the shop"
    """
    _decide("acknowledged", named, reason, actor, channel, classes, dry_run=dry_run, as_json=as_json)


@app.command()
def resolve(
    named: Named,
    reason: Reason,
    actor: Actor = None,
    channel: Channel = None,
    classes: Class = [],  # noqa: B006
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say that it is over: put right by hand. New evidence opens it again.

    Example: reconciler mismatches resolve m17 --reason "keyed in by Kim"
    """
    _decide("resolved", named, reason, actor, channel, classes, dry_run=dry_run, as_json=as_json)


@app.command()
def ignore(
    named: Named,
    reason: Reason,
    actor: Actor = None,
    channel: Channel = None,
    classes: Class = [],  # noqa: B006
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say that it does not matter. New evidence opens it again.

    Example: reconciler mismatches ignore pos:T-17 --reason "training order"
    """
    _decide("ignored", named, reason, actor, channel, classes, dry_run=dry_run, as_json=as_json)


def _decide(
    state: str,
    named: Sequence[str],
    reason: str,
    actor: str | None,
    channel: str | None,
    classes: list[str],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from reconciler.ports import MismatchState
    from reconciler.services.review import decide

    who, chosen = actor_of(actor), one_of("--class", classes, CLASSES)
    target = MismatchState(state)
    with open_app() as wired:
        with reading(wired) as connection:
            found = [
                each for name in named for each in _find(connection, name, channel, _from(target), chosen)
            ]
        with wired.context(rehearsal=dry_run) as context:
            decided = decide(context, _by_channel(found), target, actor=who, reason=reason)
    changed = {int(each.subject): each.changed for each in decided}
    _tell(target, {each.id: each for each in found}, changed, dry_run=dry_run, as_json=as_json)


def _from(target: MismatchState) -> Sequence[str]:
    """A second click finds what the first one closed, and says so."""
    return list(dict.fromkeys([*UNDECIDED, target.value]))


def _by_channel(found: Sequence[Mismatch]) -> Mapping[str, list[int]]:
    wanted: dict[str, list[int]] = {}
    for each in found:
        wanted.setdefault(each.channel, []).append(each.id)
    return wanted


def _tell(
    target: MismatchState,
    found: Mapping[int, Mismatch],
    changed: Mapping[int, bool],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    if as_json:
        rows = [
            {
                "id": each.id,
                "subject": each.subject,
                "classification": each.classification,
                "changed": changed[id_],
            }
            for id_, each in found.items()
        ]
        print_json({"dry_run": dry_run, "state": target, "mismatches": rows})
        return
    done = f"would be {target.value}" if dry_run else target.value
    for id_, each in found.items():
        said = done if changed[id_] else f"was {target.value} already"
        say(f"m{id_} {each.subject} ({each.channel}, {_class(each)}): {said}")
    say(f"{sum(changed.values())} {done}")
