"""The list of safeguards that ``scripts/mutants.py`` removes, one at a time."""

import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = tomllib.loads((ROOT / "tests" / "data" / "mutants.toml").read_text(encoding="utf-8"))["mutant"]


def test_every_safeguard_is_where_the_list_says():
    """A change of the code must not leave one behind that nobody could remove any more."""
    assert len({mutant["name"] for mutant in MUTANTS}) == len(MUTANTS) > 30
    found = {m["name"]: (ROOT / m["file"]).read_text(encoding="utf-8").count(m["old"]) for m in MUTANTS}
    assert Counter(found.values()) == {1: len(MUTANTS)}, found
    assert all((ROOT / test.partition("::")[0]).exists() for m in MUTANTS for test in m["tests"])
