"""The CSV: one row a finding, safe to open, easy to read back."""

import csv
import io

from reconciler.ports.reports import Amount
from reconciler.reporting import render_csv
from reconciler.reporting.as_csv import COLUMNS
from tests.unit.reporting import sample


def rows(report) -> list[dict[str, str]]:
    """Read the CSV back as a strict program would."""
    return list(csv.DictReader(io.StringIO(render_csv(report), newline=""), strict=True))


def test_there_is_one_row_for_each_finding():
    """Connection findings come first, then the urgent ones."""
    found = rows(sample.rich_report())
    assert [row["reference"] for row in found[:4]] == ["rosebud-pos", "101020", "101060", "101023"]
    assert len(found) == 1 + 5 + 10 + 1
    assert set(found[0]) == set(COLUMNS)


def test_lines_end_as_the_standard_says():
    """RFC 4180: CRLF, every cell quoted, quotes doubled, and no line break inside a cell."""
    text = render_csv(sample.rich_report())
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert all(line.startswith('"') and line.endswith('"') for line in lines[:-1])
    assert "\n" not in text.replace("\r\n", "")


def test_no_cell_runs():
    """Whatever a customer, a SKU or a vendor says, no cell begins with the sign of a formula."""
    hostile = dict.fromkeys(("reference", "sentence", "next_step", "channel", "rule"), sample.HOSTILE)
    evil = sample.finding(1, **hostile, facts={sample.HOSTILE: sample.HOSTILE})
    (row,) = rows(sample.report(sample.section(groups=(sample.group(evil),))))
    assert [value for value in row.values() if value[:1] in {*"=+-@\t\r"}] == []
    assert "HYPERLINK" in row["reference"]


def test_times_carry_the_offset_of_the_merchants_zone():
    """A spreadsheet shows the same time as the page, and a program can still tell the moment."""
    (row,) = rows(sample.report(sample.section(groups=(sample.group(sample.finding()),))))
    assert row["since"] == "2026-11-20T08:47:00-07:00"
    assert (row["total"], row["currency"]) == ("63.13", "USD")


def test_money_without_decimals_has_none():
    """A yen is a yen."""
    finding = sample.finding(total=Amount(6300, "JPY"))
    (row,) = rows(sample.report(sample.section(groups=(sample.group(finding),))))
    assert row["total"] == "6300"


def test_a_quiet_report_is_a_header():
    """Nothing found is still a file that opens."""
    assert render_csv(sample.report()).count("\r\n") == 1
