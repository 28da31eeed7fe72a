"""The quiet half of the report as lines of text: repairs, waiting, coverage, money, quarantine, the books."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from reconciler.ports.reports import Books, MerchantReport, SideCoverage, TieOut
from reconciler.reporting.clean import plain
from reconciler.reporting.values import Local, coverage_text, day_text, orders_text
from reconciler.reporting.words import MENDINGS, SIDES, contribution_text, count_of, money_text

#: Repairs and quarantined lines that are listed.
LISTED: Final = 10
WRONG: Final = "bold yellow"


def ledgers(section: MerchantReport, local: Local) -> Iterator[RenderableType]:
    """Yield every part with its title."""
    parts = (
        (f"REPAIRED BY ITSELF: {orders_text(section.repaired)}", _repairs(section, local)),
        ("WAITING", _waiting(section, local)),
        ("COVERAGE", _coverage(section, local)),
        ("MONEY, cart less POS", _money(section)),
        (f"QUARANTINE: {count_of(section.quarantine.count, 'entry', 'entries')}", _quarantine(section)),
        (f"THE BOOKS: {count_of(section.books.total, 'paid order')}", _books(section.books)),
    )
    for title, lines in parts:
        yield Padding(Text(title, style="bold"), (1, 0, 0, 0))
        yield from (Padding(line, (0, 0, 0, 2)) for line in lines)


def _repairs(section: MerchantReport, local: Local) -> Iterator[Text]:
    for repair in section.repairs[:LISTED]:
        yield Text(f"{plain(repair.reference)}  {MENDINGS[repair.how]}, {local.time(repair.repaired_at)}")
    if (left := section.repaired - len(section.repairs[:LISTED])) > 0:
        yield Text(f"and {left:,} more", style="dim")
    if not section.repaired:
        yield Text(f"none since {local.time(section.since)}", style="dim")


def _waiting(section: MerchantReport, local: Local) -> Iterator[Text]:
    state = section.waiting
    ends = f"; the last is due {local.time(state.grace_ends)}" if state.grace_ends else ""
    yield Text(f"{state.in_grace:,} on their way, inside the grace{ends}")
    if state.sending:
        yield Text(f"{state.sending:,} being sent by us, inside the grace")
    if state.unpaid:
        yield Text(f"{state.unpaid:,} waiting for the customer's payment")
    if state.undecided:
        yield Text(f"{state.undecided:,} not judged before a complete read", style=WRONG)


def _coverage(section: MerchantReport, local: Local) -> Iterator[Text]:
    for channel in section.coverage:
        line = Text(f"{plain(channel.channel)}: ")
        for number, side in enumerate((channel.cart, channel.pos)):
            line.append("; " if number else "")
            line.append(_side(side, local), style="" if side.good else WRONG)
        yield line


def _side(side: SideCoverage, local: Local) -> str:
    mark = "" if side.good else " (!)"
    until = "checked until " if side.covers_to else ""
    return f"{SIDES[side.side]} {until}{coverage_text(side, local)}{mark}"


def _money(section: MerchantReport) -> Iterator[Text]:
    for tie in section.tie_outs:
        yield from _tie_out(tie)
    if not section.tie_outs:
        yield Text("no paid order fell into the period", style="dim")


def _tie_out(tie: TieOut) -> Iterator[Text]:
    def amount(minor: int) -> str:
        return money_text(minor, tie.currency)

    yield Text(
        f"{day_text(tie.day)}  {plain(tie.channel)}, {orders_text(tie.orders)}: "
        f"{amount(tie.cart)} - {amount(tie.pos)} = {amount(tie.difference)} {tie.currency}"
    )
    for part in tie.explained:
        yield Text(f"  {contribution_text(part, tie.currency)}")
    left = f"  rounding {amount(tie.rounding)}, unexplained {amount(tie.unexplained)}"
    yield Text(left, style=WRONG if tie.unexplained else "dim")


def _quarantine(section: MerchantReport) -> Iterator[Text]:
    held = section.quarantine
    for item in held.items[:LISTED]:
        yield Text(f"{plain(item.source)}:{item.position}  {plain(item.reason)}")
    if (left := held.count - len(held.items[:LISTED])) > 0:
        yield Text(f"and {left:,} more", style="dim")
    if not held.count:
        yield Text("everything that was read could be understood", style="dim")


def _books(books: Books) -> Iterator[Text]:
    undecided = f" ({books.undecided:,} of them undecided)" if books.undecided else ""
    reasons = ", ".join(f"{count:,} {plain(reason)}" for reason, count in books.closed_reasons)
    yield Text(
        f"{books.agreed:,} agreed, {books.in_grace:,} in grace, {books.queued:,} queued, "
        f"{count_of(books.open_mismatch, 'open mismatch', 'open mismatches')}{undecided}, "
        f"{books.closed:,} closed with a reason" + (f" ({reasons})" if reasons else "")
    )
    if books.balanced:
        yield Text("the books balance: no order is in none, and none in two", style="dim")
        return
    named = ", ".join(map(plain, books.astray))
    yield Text(
        f"THE BOOKS DO NOT BALANCE: {books.nowhere:,} in none, {books.twice:,} in two: {named}", style=WRONG
    )
