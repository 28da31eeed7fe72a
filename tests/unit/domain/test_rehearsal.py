"""The rules on whole folders of order files, whose every order's class is known to who wrote them.

Two folders come with the tests. RECONCILER_SCENARIOS names more, separated like PATH; folders called
``scenarios`` beside the repository's folder are taken as well.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from reconciler.domain.classification import classify
from reconciler.domain.verdict import Classification
from tests.builders import NOW
from tests.unit.domain.scenario import Scenario

ROOT = Path(__file__).resolve().parents[3]
OURS = [ROOT / "tests" / "data" / name for name in ("rehearsal", "traps")]
NAMED = [Path(name) for name in os.environ.get("RECONCILER_SCENARIOS", "").split(os.pathsep) if name]
BESIDE = [path.parent for path in sorted(ROOT.parent.glob("*/scenarios/expected.jsonl"))]
FOLDERS = {f"{path.parent.name}-{path.name}": path for path in [*OURS, *NAMED, *BESIDE]}


@pytest.fixture(params=list(FOLDERS.values()), ids=list(FOLDERS))
def scenario(request):
    """Each folder of order files in turn."""
    return Scenario(request.param)


def judged(scenario: Scenario) -> dict[str, str]:
    """Classify every cart order, and find the orphans, from the files alone."""
    verdicts = {e.cart.reference: classify(e, scenario.policy, NOW) for e in scenario.evidence()}
    taken = {str(v.facts["pos_id"]) for v in verdicts.values() if v.classification == "probable_rekey"}
    found = {reference: verdict.classification.value for reference, verdict in verdicts.items()}
    return found | dict.fromkeys(scenario.orphans(taken), "orphan_in_pos")


def test_every_order_gets_the_class_that_its_author_gave_it(scenario):
    """Judged by the rules alone, the files say what they were written to say, and nothing else."""
    found = judged(scenario)
    wrong = {
        name: f"{found.get(name, 'agreed')}, not {wanted}"
        for name, wanted in scenario.expected.items()
        if found.get(name, "agreed") != wanted
    }
    assert wrong == {}
    assert {name for name, word in found.items() if word != "agreed"} <= scenario.expected.keys()


def test_the_two_folders_show_every_class_that_files_can_show():
    """Between them, no class of the table that needs no API and no queue is left unrehearsed."""
    shown = Counter(word for folder in OURS for word in Scenario(folder).expected.values())
    needs_more = {"auth_failure", "unmapped_payment", "unmapped_tax", "pos_error", "stuck"}
    assert set(shown) == {c.value for c in Classification} - needs_more
