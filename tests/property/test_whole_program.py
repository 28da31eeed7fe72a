"""The database says which orders disagree, the rules say why: on drawn orders the two must not part."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

from reconciler.domain.classification import classify
from reconciler.domain.evidence import Evidence
from tests.acceptance.command_line import environment, reconciler
from tests.builders import CATALOG, NOW, POLICY
from tests.property.order_files import writable, write
from tests.property.strategies import evidences

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def draw(count: int) -> list[Evidence]:
    """Draw evidence that order files can tell, without what only our own queue knows."""
    drawn: list[Evidence] = []

    @seed(int(os.environ["RECONCILER_SEED"]))
    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
    @given(evidences())
    def collect(known):
        drawn.append(Evidence(cart=known.cart, records=known.records, catalog=CATALOG))

    collect()
    return [known for known in drawn if writable(known)]


def test_the_program_says_of_drawn_orders_what_the_rules_say(database_url, redis_url, tmp_path: Path):
    """No order that the rules call wrong is taken for agreeing by the set-based compare, nor the reverse."""
    drawn = draw(600)
    write(tmp_path, drawn)
    environ = environment(database_url, redis_url)
    reconciler(environ, "apply", str(tmp_path / "channels.toml"))
    rehearsal = ("run", "--channel", "drawn-web", "--dry-run", "--now", NOW.isoformat(), "--json")
    told = json.loads(reconciler(environ, *rehearsal))["mismatches"]
    found = {row["reference"] or row["pos_id"]: row["classification"] for row in told}
    verdicts = {str(5000 + index): classify(known, POLICY, NOW) for index, known in enumerate(drawn)}
    wanted = {
        number: verdict.classification.value for number, verdict in verdicts.items() if not verdict.agreed
    }
    parted = {
        number: (
            found.get(number),
            wanted.get(number),
            drawn[int(number.lstrip("P").partition("-")[0]) - 5000],
        )
        for number in found.keys() | wanted.keys()
        if found.get(number) != wanted.get(number)
    }
    assert parted == {}
