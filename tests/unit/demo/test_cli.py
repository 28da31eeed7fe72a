"""The demo's and the sandbox's commands: what they refuse, and where they leave what they write."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli import demo
from reconciler.cli.main import run
from reconciler.domain.errors import InputError


def test_the_report_goes_where_one_can_write(tmp_path, monkeypatch) -> None:
    """Beside the user's work, or else where everybody can write."""
    monkeypatch.chdir(tmp_path)
    assert demo._place_for(None) == tmp_path / "var" / "reconciler-demo.html"
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    (tmp_path / "other" / "var").write_text("a file where a folder should be")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert demo._place_for(None) == tmp_path / "reconciler-demo.html"


def test_a_place_that_cannot_be_written_is_refused_before_the_work_begins(tmp_path) -> None:
    """A folder of that name is in the way."""
    with pytest.raises(InputError, match="cannot be written"):
        demo._place_for(tmp_path)


def test_too_few_orders_are_refused_in_one_line(tmp_path, capsys) -> None:
    """Before any server is started."""
    assert run(["demo", "--orders", "5", "--report", str(tmp_path / "report.html")]) == 2
    assert capsys.readouterr().err == "error: 5 orders leave no room for the faults; ask for 240\n"


def test_a_rehearsal_is_not_written_over_other_files(tmp_path, capsys) -> None:
    """A folder with something in it may be somebody's shop."""
    (tmp_path / "cart.jsonl").write_text("mine")
    assert run(["sandbox", "rehearsal", str(tmp_path)]) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["cart.jsonl"]


@pytest.mark.parametrize("now", ["yesterday", "2026-11-20T15:00:00", "2026-13-01T00:00:00Z"])
def test_a_moment_without_an_offset_is_refused(tmp_path, capsys, now) -> None:
    """A rehearsal is judged at one moment, and everybody must agree which."""
    assert run(["sandbox", "rehearsal", str(tmp_path / "shops"), "--now", now]) == 2
    assert "not a time with an offset" in capsys.readouterr().err


def test_a_rehearsal_prints_the_commands_that_use_it(tmp_path, capsys) -> None:
    """They can be copied as they are."""
    folder: Path = tmp_path / "shops"
    assert run(["sandbox", "rehearsal", str(folder), "--now", "2026-11-20T15:00:00Z", "--orders", "600"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == f"reconciler apply {folder / 'channels.toml'}"
    assert printed[2] == "reconciler run --channel alward-web --dry-run --now 2026-11-20T15:00:00Z --json"
    assert (folder / "alward" / "expected.jsonl").is_file()


def test_a_till_with_a_fault_that_nobody_knows_does_not_open(tmp_path, capsys) -> None:
    """A typo would otherwise be a till without the fault."""
    files = ["--pos", str(tmp_path / "pos.jsonl"), "--outbox", str(tmp_path / "outbox.jsonl")]
    assert run(["sandbox", "till", *files, "--faults", "lose=0.5"]) == 2
    assert "no fault of a till" in capsys.readouterr().err
