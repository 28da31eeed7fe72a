"""The whole page: head, overview, and a section for each merchant."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final

from reconciler.ports.reports import Report
from reconciler.reporting.commands import how_to_act
from reconciler.reporting.html import accounts, findings
from reconciler.reporting.html.context import Context
from reconciler.reporting.html.elements import Column, Html, heading, icon, join, table, tag
from reconciler.reporting.html.picture import picture
from reconciler.reporting.html.shapes import asset, shapes
from reconciler.reporting.limits import trimmed
from reconciler.reporting.values import Local, long_day_text
from reconciler.reporting.words import count_of, headline, worst

#: Findings in one page; more would help nobody and slow the browser down.
PAGE_ROWS: Final = 2000

_PARTS: Final = (
    findings.connections,
    findings.findings,
    picture,
    accounts.repairs,
    accounts.waiting,
    accounts.coverage,
    accounts.money,
    accounts.quarantine,
    accounts.books,
)


def render_html(report: Report) -> str:
    """Return the report as one file that needs nothing else."""
    shown = trimmed(report, PAGE_ROWS)
    sections = _contexts(shown)
    several = len(sections) > 1
    body = join(
        (
            tag("a", "Skip to the report", href="#main", class_="skip"),
            shapes(),
            _top(report, sections),
            tag(
                "main",
                _overview(sections) if several else None,
                *(_merchant(context, several=several) for context in sections),
                None if sections else tag("p", "There is no merchant yet.", class_="verdict"),
                id="main",
            ),
            _foot(report),
        )
    )
    return f"<!doctype html>\n{tag('html', _head(report), tag('body', body), lang='en')}\n"


def _contexts(report: Report) -> list[Context]:
    level = 3 if len(report.merchants) > 1 else 2
    return [
        Context(section, Local(section.merchant, report.generated_at), f"m{number}", level)
        for number, section in enumerate(report.merchants, 1)
    ]


def _head(report: Report) -> Html:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="robots", content="noindex"),
        tag("title", f"{headline(report.merchants)} – {_title(report)}"),
        tag("style", Html(style)),
    )


@cache
def _style() -> str:
    return asset("report.css")


def _title(report: Report) -> str:
    if len(report.merchants) == 1:
        return f"Failure report, {report.merchants[0].merchant.name}"
    return "Failure report"


def _top(report: Report, sections: Sequence[Context]) -> Html:
    kind = worst(report.merchants)
    return tag(
        "header",
        tag("p", "Reconciler", class_="brand"),
        heading(1, _title(report)),
        tag("p", icon(kind), headline(report.merchants), class_=f"verdict {kind}"),
        _made(report, sections),
        class_="top",
    )


def _made(report: Report, sections: Sequence[Context]) -> Html:
    if len(sections) == 1:
        return tag("p", _when(sections[0]), class_="sub")
    stamp = f"{long_day_text(report.generated_at.date())} {report.generated_at:%H:%M} UTC"
    return tag("p", f"Made {stamp}. Each merchant’s times are in its own zone.", class_="sub")


def _when(context: Context) -> str:
    local = context.local
    return (
        f"Made {local.stamp(local.now)}. Business day {long_day_text(context.section.business_day)}; "
        f"all times are {local.zone_text}. "
        f"Repairs, money and picture since {local.time(context.section.since)}."
    )


def _overview(sections: Sequence[Context]) -> Html:
    columns = (
        Column("Merchant"),
        Column("Urgent", "number"),
        Column("Needs somebody", "number"),
        Column("Connections", "number"),
        Column("Repaired", "number"),
        Column("In grace", "number"),
        Column("Paid orders", "number"),
        Column("Reads"),
    )
    rows = [_overview_row(context) for context in sections]
    return tag(
        "nav",
        heading(2, "Merchants", "overview-title"),
        table("All merchants at a glance", columns, rows, "overview"),
        aria_labelledby="overview-title",
    )


def _overview_row(context: Context) -> tuple[Html | str, ...]:
    section = context.section
    good = all(side.good for channel in section.coverage for side in (channel.cart, channel.pos))
    reads = tag("span", icon("agreed" if good else "open"), "complete" if good else "not complete")
    urgent = tag("strong", icon("urgent"), f"{section.urgent:,}", class_="hot") if section.urgent else "0"
    return (
        tag("a", section.merchant.name, href=f"#{context.prefix}"),
        urgent,
        f"{section.needing:,}",
        f"{section.blocked:,}",
        f"{section.repaired:,}",
        f"{section.waiting.in_grace:,}",
        f"{section.books.total:,}",
        reads,
    )


def _merchant(context: Context, *, several: bool) -> Html:
    parts = (part(context) for part in _PARTS)
    if not several:
        return join((_tiles(context), *parts))
    title_id = f"{context.prefix}-title"
    return tag(
        "section",
        heading(2, tag("bdi", context.section.merchant.name), title_id),
        tag("p", _when(context), class_="sub"),
        _tiles(context),
        *parts,
        class_="merchant",
        id=context.prefix,
        aria_labelledby=title_id,
    )


def _tiles(context: Context) -> Html:
    section = context.section
    tiles = (
        ("urgent", "urgent", "urgent", section.urgent),
        ("normal", "open", "need somebody", section.needing),
        ("repaired", "repaired", "repaired by itself", section.repaired),
        ("waiting", "waiting", "in grace", section.waiting.in_grace),
        ("waiting", "waiting", "unpaid", section.waiting.unpaid),
        ("books", "agreed", "agree", section.books.agreed),
    )
    there = {"urgent": section.urgent, "normal": section.needing}
    items = (
        _tile(context, part if there.get(part, 1) else None, mark, words, count)
        for part, mark, words, count in tiles
    )
    return tag("ul", *items, class_="tiles")


def _tile(context: Context, part: str | None, mark: str, words: str, count: int) -> Html:
    inside = join((icon(mark), tag("b", f"{count:,}"), " ", tag("span", words)))
    kind = f"tile {mark}" + ("" if count else " none")
    link = tag("a", inside, href=f"#{context.prefix}-{part}") if part else tag("span", inside)
    return tag("li", link, class_=kind)


def _foot(report: Report) -> Html:
    orders = sum(section.books.total for section in report.merchants)
    said = (
        f"{count_of(orders, 'paid order')} in the books. Times are stored in UTC and shown in the merchant’s "
        "zone. No customer’s name, e-mail or phone is in here."
    )
    acting = (tag("p", line) for line in how_to_act(report.merchants))
    return tag("footer", *acting, tag("p", said), tag("p", f"Reconciler {report.version}"))
