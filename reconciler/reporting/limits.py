"""How many findings are drawn where there are very many; counts are exact all the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from reconciler.domain.verdict import Severity
from reconciler.ports.reports import Group, MerchantReport, Report

#: Findings of each group that are drawn whatever the others need.
FLOOR: Final = 5


def trimmed(report: Report, rows: int) -> Report:
    """Return the report with at most about ``rows`` findings, the urgent ones of all merchants first."""
    groups = _groups(report)
    urgent_first = sorted(range(len(groups)), key=lambda place: groups[place].severity is not Severity.URGENT)
    shares = _allot([len(groups[place].findings) for place in urgent_first], rows)
    by_place = dict(zip(urgent_first, shares, strict=True))
    trimmed_groups = iter([replace(g, findings=g.findings[: by_place[n]]) for n, g in enumerate(groups)])
    return replace(report, merchants=tuple(_section(section, trimmed_groups) for section in report.merchants))


def cut(report: Report, rows: int) -> Report:
    """Return the report with at most ``rows`` findings of each group."""
    cut_groups = iter([replace(group, findings=group.findings[:rows]) for group in _groups(report)])
    return replace(report, merchants=tuple(_section(section, cut_groups) for section in report.merchants))


def _groups(report: Report) -> list[Group]:
    return [group for section in report.merchants for group in (*section.connections, *section.groups)]


def _section(section: MerchantReport, shorter: Iterator[Group]) -> MerchantReport:
    connections = tuple(next(shorter) for _ in section.connections)
    return replace(section, connections=connections, groups=tuple(next(shorter) for _ in section.groups))


def _allot(wanted: Sequence[int], rows: int) -> list[int]:
    """Share ``rows`` out: first a few for everyone, then the rest in order.

    >>> _allot([100, 3, 50], 120)
    [100, 3, 17]
    >>> _allot([100, 3, 50], 0)
    [5, 3, 5]
    """
    shares = [min(want, FLOOR) for want in wanted]
    left = max(0, rows - sum(shares))
    for place, want in enumerate(wanted):
        more = min(want - shares[place], left)
        shares[place] += more
        left -= more
    return shares
