"""What is wrong now: by urgency, then by who must act, then by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from reconciler.domain.verdict import Severity
from reconciler.ports.reports import Finding, Group
from reconciler.reporting.commands import Command, commands, common_commands, number
from reconciler.reporting.html.context import Context
from reconciler.reporting.html.elements import Column, Html, heading, icon, join, table, tag
from reconciler.reporting.values import due_text, orders_text
from reconciler.reporting.words import (
    PARTIES,
    URGENCY,
    common_step,
    count_of,
    group_title,
    more_text,
    queue_text,
    rule_title,
)

#: Rows of one group that are open to the eye; the rest unfolds.
OPEN_ROWS: Final = 25
#: With more findings than this, those that are not urgent are folded.
UNFOLDED: Final = 100

_COLUMNS: Final = (
    Column("Order"),
    Column("What is wrong", "what"),
    Column("Evidence", "evidence"),
    Column("Since"),
    Column("Queue"),
)
_ICONS: Final = {Severity.URGENT: "urgent", Severity.NORMAL: "open", Severity.INFO: "repaired"}


def connections(context: Context) -> Html:
    """Draw the findings about connections: while they last, other findings may be late."""
    groups = context.section.connections
    if not groups:
        return Html()
    alerts = join(_alert(context, group, found) for group in groups for found in group.findings)
    title = join((icon("link"), count_of(context.section.blocked, "finding"), " about connections"))
    return context.part("connections", title, alerts, _more(context, *groups), kind="alerts")


def _alert(context: Context, group: Group, finding: Finding) -> Html:
    since = f"since {_since(context, finding)}"
    line = join((finding.reference, number(finding), since, PARTIES[group.who]), " · ")
    return tag(
        "div",
        tag("p", tag("strong", group_title(group)), " ", tag("span", line, class_="sub")),
        tag("p", finding.sentence),
        tag("p", tag("b", "Next step: "), finding.next_step, class_="next"),
        _copied(commands(group, finding)),
        _evidence(context, finding),
        class_=f"alert {group.severity.value}",
    )


def _copied(shown: Sequence[Command]) -> Html:
    """Draw commands so that one click selects all of one."""
    lines = (tag("p", f"{each.purpose}: ", tag("code", str(each)), class_="command") for each in shown)
    return join(lines)


def findings(context: Context) -> Html:
    """Draw all that needs somebody, the urgent first."""
    return join(
        _urgency(context, severity, tuple(groups))
        for severity, groups in groupby(context.section.groups, key=lambda group: group.severity)
    )


def _urgency(context: Context, severity: Severity, groups: Sequence[Group]) -> Html:
    total = sum(group.count for group in groups)
    title = join((icon(_ICONS[severity]), f"{URGENCY[severity]}: {orders_text(total)}"))
    parties = join(
        _party(context, tuple(own)) for _, own in groupby(groups, key=lambda group: PARTIES[group.who])
    )
    return context.part(severity.value, title, parties, kind=f"findings {severity.value}")


def _party(context: Context, groups: Sequence[Group]) -> Html:
    total = tag("span", orders_text(sum(group.count for group in groups)), class_="count")
    title = join((tag("span", PARTIES[groups[0].who], class_="who"), " ", total))
    return join((heading(context.level + 1, title), *(_group(context, group) for group in groups)))


def _group(context: Context, group: Group) -> Html:
    title = group_title(group)
    common = common_step(group)
    shared = common_commands(group) if common else None
    summary = tag(
        "summary",
        heading(context.level + 2, title),
        tag("span", f"{group.count:,}", class_="count"),
        tag("code", group.classification.value),
    )
    return tag(
        "details",
        summary,
        tag("p", tag("b", "Next step: "), common, class_="next") if common else None,
        _copied(shared or ()),
        *_tables(context, title, _told(group, own_step=not common, own_commands=shared is None)),
        _more(context, group),
        class_="group",
        open=group.severity is Severity.URGENT or _few(context),
    )


def _few(context: Context) -> bool:
    return sum(group.count for group in context.section.groups) <= UNFOLDED


def _told(group: Group, *, own_step: bool, own_commands: bool) -> list[tuple[Finding, Html]]:
    """Return each finding with what is said of it alone."""
    return [
        (
            finding,
            join(
                (
                    tag("p", finding.sentence),
                    tag("p", tag("b", "Next step: "), finding.next_step, class_="next") if own_step else None,
                    _copied(commands(group, finding)) if own_commands else None,
                )
            ),
        )
        for finding in group.findings
    ]


def _tables(context: Context, title: str, told: Sequence[tuple[Finding, Html]]) -> Iterator[Html]:
    rows = [_row(context, finding, what) for finding, what in told]
    if rows:
        yield table(title, _COLUMNS, rows[:OPEN_ROWS], "findings")
    if rest := rows[OPEN_ROWS:]:
        folded = table(f"{title}, continued", _COLUMNS, rest, "findings")
        yield tag("details", tag("summary", f"Show {len(rest):,} more"), folded, class_="rest")


def _row(context: Context, finding: Finding, what: Html) -> tuple[Html, Html, Html, Html, Html]:
    return (
        _order(context, finding),
        what,
        _evidence(context, finding),
        _age(context, finding),
        _queue(finding),
    )


def _order(context: Context, finding: Finding) -> Html:
    due = due_text(finding.deliver_on, context.section.business_day)
    pressing = due.startswith(("was due", "due today"))
    return join(
        (
            tag("bdi", finding.reference, class_="ref"),
            tag("span", number(finding), class_="sub"),
            tag("span", str(finding.total), class_="sub") if finding.total else None,
            tag("span", due, class_="due" if pressing else "sub") if due else None,
            tag("span", finding.channel, class_="sub") if context.several_channels else None,
        ),
        " ",
    )


def _evidence(context: Context, finding: Finding) -> Html:
    pairs = list(context.local.facts(finding))
    if finding.also:
        pairs.append(("also", ", ".join(map(rule_title, finding.also))))
    if not pairs:
        return Html()
    return tag("dl", *(tag("div", tag("dt", name), " ", tag("dd", value)) for name, value in pairs))


def _since(context: Context, finding: Finding) -> str:
    return context.local.time(finding.since)


def _age(context: Context, finding: Finding) -> Html:
    stamp = tag(
        "time",
        _since(context, finding),
        datetime=context.local.at(finding.since).isoformat(timespec="seconds"),
    )
    return join((stamp, tag("span", context.local.age(finding.since), class_="sub")), " ")


def _queue(finding: Finding) -> Html:
    seen = tag("span", "acknowledged", class_="sub") if finding.acknowledged else None
    return join((tag("span", queue_text(finding.queue)), seen), " ")


def _more(context: Context, *groups: Group) -> Html:
    merchant = context.section.merchant.code
    lines = (more_text(group, merchant) for group in groups)
    return join(tag("p", line, class_="more") for line in lines if line)
