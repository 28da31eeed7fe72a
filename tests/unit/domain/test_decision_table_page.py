"""The page that shows the decision table to those who do not read code."""

import importlib.util
import re
from pathlib import Path

import pytest

from reconciler.domain.table import ALL_RULES

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "generate_decision_table.py"


@pytest.fixture
def script():
    """The script, as a module."""
    spec = importlib.util.spec_from_file_location("generate_decision_table", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_table_says(script, capsys):
    """The page in the repository is the one that the rules make now."""
    assert script.main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_has_drifted_is_named_and_can_be_written_again(script, monkeypatch, tmp_path, capsys):
    """--check fails with one line and changes nothing; without it the page is written, once."""
    page = tmp_path / "reference" / "decision-table.md"
    monkeypatch.setattr(script, "PAGE", page)
    assert script.main(["--check"]) == 1
    assert "decision-table.md has drifted" in capsys.readouterr().err
    assert not page.exists()
    assert script.main([]) == 0
    assert "wrote" in capsys.readouterr().out
    assert script.main(["--check"]) == 0
    page.write_text("old", "utf-8")
    assert script.main(["--check"]) == 1


def test_every_rule_is_on_the_page_with_all_that_is_said_of_it(script):
    """Each class has a heading that its row leads to, and nothing is left to be filled in."""
    page = script.page()
    for rule in ALL_RULES:
        assert f"\n### {script.name(rule)}\n" in page
        assert f"](#{script.anchor(rule)})" in page
    assert not re.search(r"[{}]|None|Found|Case", page)


def test_the_numbers_are_on_the_page(script):
    """A person finds the thresholds without the code."""
    numbers = " ".join(script.numbers())
    for said in ("**10 minutes**", "**20, 20%**", "**1%**", "phone 40, name 30", "G is **2 hours**"):
        assert said in numbers
