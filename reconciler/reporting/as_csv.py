"""The findings for a spreadsheet: RFC 4180, one row a finding, and no cell that runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from reconciler.domain.money import format_minor
from reconciler.ports.reports import Finding, Group, MerchantReport, Report
from reconciler.reporting.clean import cell
from reconciler.reporting.commands import commands
from reconciler.reporting.values import Local
from reconciler.reporting.words import PARTIES, URGENCY

#: The header. New columns are added at the end only.
COLUMNS: Final = (
    "merchant", "channel", "urgency", "who", "classification", "cause", "reference", "total", "currency",
    "due", "sentence", "evidence", "next_step", "since", "escalates_at", "queue_status", "flagged",
    "attempts", "resend", "acknowledged", "rule", "mismatch_id", "commands",
)  # fmt: skip


def render_csv(report: Report) -> str:
    """Return every finding as a row; times are ISO 8601 with the offset of the merchant's zone."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for section in report.merchants:
        local = Local(section.merchant, report.generated_at)
        writer.writerows([cell(value) for value in row] for row in _rows(section, local))
    return text.getvalue()


def _rows(section: MerchantReport, local: Local) -> Iterator[tuple[str, ...]]:
    for group in (*section.connections, *section.groups):
        for finding in group.findings:
            yield _row(group, finding, local)


def _row(group: Group, finding: Finding, local: Local) -> tuple[str, ...]:
    total, queue = finding.total, finding.queue
    return (
        local.merchant.code,
        finding.channel,
        URGENCY[group.severity],
        PARTIES[group.who],
        group.classification.value,
        group.cause or "",
        finding.reference,
        format_minor(total.minor, total.currency) if total else "",
        total.currency if total else "",
        finding.deliver_on.isoformat() if finding.deliver_on else "",
        finding.sentence,
        "; ".join(f"{name}: {value}" for name, value in local.facts(finding)),
        finding.next_step,
        local.at(finding.since).isoformat(timespec="seconds"),
        local.at(finding.escalates_at).isoformat(timespec="seconds") if finding.escalates_at else "",
        queue.status.value if queue else "",
        ("yes" if queue.flagged else "no") if queue else "",
        str(queue.attempts) if queue else "",
        finding.resend,
        "yes" if finding.acknowledged else "no",
        finding.rule,
        str(finding.id),
        "; ".join(map(str, commands(group, finding))),
    )
