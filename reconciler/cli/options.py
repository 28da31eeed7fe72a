"""Options that several commands share, and what people may write in them."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.domain.errors import InputError

if TYPE_CHECKING:
    from reconciler.persistence.queries.reading import Scope

Merchant = Annotated[str | None, typer.Option("--merchant", help="Only this merchant's (its code).")]
Channel = Annotated[str | None, typer.Option("--channel", help="Only this channel's.")]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Since this day or time, for example 2026-11-20 (UTC)."),
]
To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this day or time.")]
Search = Annotated[
    str | None, typer.Option("--search", help="Order numbers or object ids that contain this text.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Show at most so many.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.", show_default=False)]
Actor = Annotated[
    str | None,
    typer.Option("--actor", help="Who decides; kept in the history.", show_default="the user who runs this"),
]


def scope(
    merchant: str | None,
    channel: str | None,
    start: str | None,
    end: str | None,
    search: str | None,
    limit: int,
) -> Scope:
    """Return the filters that every list has."""
    from reconciler.domain.orders import normalise_reference
    from reconciler.persistence.queries.reading import Scope

    since, until = moment("--from", start), moment("--to", end)
    if since is not None and until is not None and since >= until:
        raise InputError(
            "--from is not before --to, so nothing can lie between them", next_step="exchange them"
        )
    return Scope(
        merchant=merchant,
        channel=channel,
        start=since,
        end=until,
        search=normalise_reference(search) if search else None,
        limit=limit,
    )


def moment(option: str, text: str | None) -> datetime | None:
    """Read a day or a time; without an offset it is UTC."""
    if text is None:
        return None
    try:
        told = datetime.fromisoformat(text)
        return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"{option} {text!r} is no time", next_step="write 2026-11-20 or 2026-11-20T15:00:00Z"
        ) from None


def actor_of(named: str | None) -> str:
    """Return who decides: as named, or the user who runs the program."""
    if named is not None:
        return named
    try:
        return os.environ.get("SUDO_USER") or os.environ.get("USER") or getpass.getuser()
    except (OSError, KeyError):
        raise InputError("nobody knows who you are", next_step="say it with --actor NAME") from None


def one_of(option: str, values: list[str], allowed: list[str]) -> list[str]:
    """Return values that are allowed; repeated or separated by commas."""
    found = [part.strip() for value in values for part in value.split(",") if part.strip()]
    for value in found:
        if value not in allowed:
            raise InputError(f"{option} cannot be {value!r}", next_step=f"allowed are: {', '.join(allowed)}")
    return found
