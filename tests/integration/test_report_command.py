"""The failure report on schedule and at the command line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from reconciler.cli.main import run as run_command
from reconciler.persistence import SqlUnitOfWork
from reconciler.persistence.queries.report import SqlReportUnit
from reconciler.reporting import RENDERERS
from reconciler.services.context import Context
from reconciler.services.report import write_due_reports
from tests.builders import NOW, cart_order
from tests.integration.report_shop import Shop, placed

pytestmark = pytest.mark.integration


@pytest.fixture
def shop(engine: Engine) -> Shop:
    """A florist without an order."""
    return Shop(engine)


def test_of_two_who_ask_one_writes_the_scheduled_report(shop, tmp_path):
    """Two workers and a late hint write one set of files."""
    shop.reconcile()
    written: list[int] = []
    for _ in range(2):
        with SqlUnitOfWork(shop.engine) as unit, SqlReportUnit(shop.engine) as reading:
            context = Context(unit, shop, lambda: NOW)
            files = write_due_reports(context, reading, tmp_path, timedelta(hours=1), RENDERERS)
            written.append(len(files))
    assert written == [4, 0]


def test_the_command_prints_the_report(shop, monkeypatch, capsys):
    """As text, as JSON, as CSV and as a page; a file is named as it is written."""
    shop.sells(cart_order(reference="1001", deliver_on=NOW.date(), **placed(5)))
    shop.reconcile()
    monkeypatch.setenv("DATABASE_URL", shop.engine.url.render_as_string(hide_password=False))
    capsys.readouterr()
    for option, begins in ((), "===="), (("--json",), "{"), (("--format", "csv"), '"merchant"'):
        assert run_command(["report", *option]) == 0
        out = capsys.readouterr().out
        assert out.startswith(begins)
        assert "1001" in out


def test_the_command_writes_what_the_file_is_called(shop, monkeypatch, capsys, tmp_path):
    """The suffix chooses the format."""
    shop.reconcile()
    monkeypatch.setenv("DATABASE_URL", shop.engine.url.render_as_string(hide_password=False))
    for suffix, begins in (("html", "<!doctype html>"), ("json", "{"), ("txt", "====")):
        path = tmp_path / f"report.{suffix}"
        assert run_command(["report", "--merchant", "rosebud", "--output", str(path)]) == 0
        assert path.read_text("utf-8").startswith(begins)
    assert json.loads((tmp_path / "report.json").read_text())["merchants"][0]["code"] == "rosebud"
    assert capsys.readouterr().out.count("wrote ") == 3


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--merchant", "nobody"], 4, "known: rosebud"),
        (["--format", "xml"], 2, "allowed are: terminal, json, csv, html"),
        (["--json", "--format", "csv"], 2, "--json is not --format csv"),
        (["--output", "report.pdf"], 2, "no report can be a .pdf; give --format: terminal, json, csv, html"),
        (["--since", "soon"], 2, "--since 'soon' is no time"),
        (["--since", "2999-01-01"], 2, "lies in the future"),
        (["--output", "/nowhere/report.html"], 6, "cannot be written to /nowhere/report.html"),
    ],
)
def test_a_mistake_is_one_line(shop, monkeypatch, capsys, options, code, said):
    """With what to do instead, and the exit code that goes with it."""
    monkeypatch.setenv("DATABASE_URL", shop.engine.url.render_as_string(hide_password=False))
    assert run_command(["report", *options]) == code
    (said_line,) = capsys.readouterr().err.splitlines()
    assert said in said_line
