"""The quiet half of a merchant's section: repairs, waiting, coverage, money, quarantine, the books."""

from __future__ import annotations

from typing import Final

from reconciler.ports.reports import Books, ChannelCoverage, Repair, SideCoverage, TieOut
from reconciler.reporting.html.context import Context
from reconciler.reporting.html.elements import Child, Column, Html, icon, join, table, tag
from reconciler.reporting.values import ago_text, coverage_text, day_text, orders_text
from reconciler.reporting.words import MENDINGS, SIDES, contribution_text, count_of, money_text

#: Repairs and quarantined lines that are listed.
LISTED: Final = 100
NUMBER: Final = "number"


def repairs(context: Context) -> Html:
    """Draw what came right without a person."""
    section = context.section
    since = f"Since {context.local.time(section.since)}"
    title = join((icon("repaired"), f"Repaired by itself: {orders_text(section.repaired)}"))
    if not section.repairs:
        return context.part("repaired", title, tag("p", f"{since} no order was missing and then found."))
    columns = (
        Column("Order"),
        Column("How"),
        Column("Repaired", "nowrap"),
        Column("Missing for", "nowrap"),
        Column("Total", NUMBER),
    )
    listed = section.repairs[:LISTED]
    rows = [_repair(context, repair) for repair in listed]
    more = section.repaired - len(listed)
    return context.part(
        "repaired",
        title,
        table(f"{since}: orders that were missing and are not any more", columns, rows),
        tag("p", f"and {more:,} more", class_="more") if more > 0 else None,
    )


def _repair(context: Context, repair: Repair) -> tuple[Child, ...]:
    lasted = ago_text(repair.repaired_at - repair.missing_since) if repair.missing_since else ""
    return (
        tag("bdi", repair.reference, class_="ref"),
        MENDINGS[repair.how],
        context.local.time(repair.repaired_at),
        lasted,
        str(repair.total or ""),
    )


def waiting(context: Context) -> Html:
    """Say how many orders need nobody yet."""
    state = context.section.waiting
    ends = f"; the last is due {context.local.time(state.grace_ends)}" if state.grace_ends else ""
    lines = [
        (state.in_grace, f"on their way, inside the grace{ends}"),
        (state.sending, "being sent by us, inside the grace"),
        (state.unpaid, "waiting for the customer’s payment"),
        (state.undecided, "not judged before a complete read"),
    ]
    items = [
        tag("li", tag("b", f"{count:,}"), f" {words}")
        for count, words in lines
        if count or words.startswith("on their")
    ]
    return context.part("waiting", join((icon("waiting"), "Waiting")), tag("ul", *items, class_="plain"))


def coverage(context: Context) -> Html:
    """Draw how far each side was read."""
    columns = (Column("Channel"), Column("Cart checked until"), Column("POS checked until"))
    rows = [_coverage(context, channel) for channel in context.section.coverage]
    if not rows:
        return context.part("coverage", "Coverage", tag("p", "No channel is set up."))
    return context.part("coverage", "Coverage", table("How far the reads reach", columns, rows))


def _coverage(context: Context, channel: ChannelCoverage) -> tuple[Child, ...]:
    return channel.channel, _side(context, channel.cart), _side(context, channel.pos)


def _side(context: Context, side: SideCoverage) -> Html:
    mark = icon("agreed" if side.good else "open")
    words = coverage_text(side, context.local)
    return tag("span", mark, words, class_="good" if side.good else "bad", title=f"the {SIDES[side.side]}")


def money(context: Context) -> Html:
    """Draw the tie-out: every cent that differs has its reason."""
    columns = (
        Column("Business day", "nowrap"),
        Column("Orders", NUMBER),
        Column("Cart", NUMBER),
        Column("POS", NUMBER),
        Column("Difference", NUMBER),
        Column("Explained by"),
        Column("Rounding", NUMBER),
        Column("Unexplained", NUMBER),
    )
    rows = [_tie_out(context, tie_out) for tie_out in context.section.tie_outs]
    if not rows:
        return context.part("money", "Money", tag("p", "No paid order fell into the period."))
    cutoff = context.section.merchant.day_cutoff
    ends = "" if not (cutoff.hour or cutoff.minute) else f"; a day ends at {cutoff:%H:%M}"
    return context.part(
        "money", "Money", table(f"Cart less POS by channel and business day{ends}", columns, rows)
    )


def _tie_out(context: Context, tie: TieOut) -> tuple[Child, ...]:
    def amount(minor: int) -> str:
        return money_text(minor, tie.currency)

    channel = tag("span", tie.channel, class_="sub") if context.several_channels else None
    reasons = [tag("li", contribution_text(part, tie.currency)) for part in tie.explained]
    left = amount(tie.unexplained)
    return (
        join((day_text(tie.day), channel, tag("span", tie.currency, class_="sub")), " "),
        f"{tie.orders:,}",
        amount(tie.cart),
        amount(tie.pos),
        amount(tie.difference),
        tag("ul", *reasons, class_="plain") if reasons else None,
        amount(tie.rounding),
        tag("strong", icon("open"), left, class_="bad") if tie.unexplained else left,
    )


def quarantine(context: Context) -> Html:
    """Draw what could not be read as an order."""
    held = context.section.quarantine
    title = f"Quarantine: {count_of(held.count, 'entry', 'entries')}"
    if not held.count:
        return context.part("quarantine", title, tag("p", "Everything that was read could be understood."))
    columns = (Column("Where"), Column("Reason", "what"), Column("Side"), Column("Seen", "nowrap"))
    rows = [
        (
            tag("code", f"{item.source}:{item.position}"),
            item.reason,
            SIDES[item.side],
            context.local.time(item.seen_at),
        )
        for item in held.items[:LISTED]
    ]
    more = held.count - len(rows)
    return context.part(
        "quarantine",
        title,
        table("Set aside, and kept whole until it can be read", columns, rows),
        tag("p", f"and {more:,} more", class_="more") if more > 0 else None,
    )


def books(context: Context) -> Html:
    """Draw where every paid order stands."""
    held = context.section.books
    columns = (Column("Every paid order is in exactly one place"), Column("Orders", NUMBER))
    rows: list[tuple[Child, Child]] = [
        ("Agreed", f"{held.agreed:,}"),
        ("In grace", f"{held.in_grace:,}"),
        ("Queued", f"{held.queued:,}"),
        (_with_note("Open mismatch", _undecided(held)), f"{held.open_mismatch:,}"),
        (_with_note("Closed with a reason", _reasons(held)), f"{held.closed:,}"),
    ]
    if held.nowhere:
        rows.append((_bad("In none of these"), f"{held.nowhere:,}"))
    rows.append((tag("b", "All paid orders"), tag("b", f"{held.total:,}")))
    return context.part(
        "books", "The books", table("Every order that we have read", columns, rows), _astray(held)
    )


def _with_note(words: str, note: str) -> Html:
    return join((words, tag("span", note, class_="sub") if note else None), " ")


def _undecided(held: Books) -> str:
    return f"{held.undecided:,} of them undecided until a complete read" if held.undecided else ""


def _reasons(held: Books) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in held.closed_reasons)


def _bad(words: str) -> Html:
    return tag("strong", icon("open"), words, class_="bad")


def _astray(held: Books) -> Html:
    if held.balanced:
        return tag(
            "p", icon("agreed"), "The books balance: no order is in none, and none in two.", class_="good"
        )
    named = f": {', '.join(held.astray)}" if held.astray else ""
    words = (
        f"The books do not balance: {held.nowhere:,} in none of these places, {held.twice:,} in two{named}."
    )
    return tag("p", icon("open"), f"{words} This is a fault of the program; please report it.", class_="bad")
