"""How property tests look for counter-examples: the same ones in CI, new ones every time elsewhere."""

import os
import random

import hypothesis

CI = bool(os.environ.get("CI"))
SEED = int(os.environ.get("RECONCILER_SEED") or (0 if CI else random.randrange(2**32)))
# For tests that draw by themselves, too.
os.environ["RECONCILER_SEED"] = str(SEED)

hypothesis.settings.register_profile("dev", deadline=None, print_blob=True, max_examples=200)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, max_examples=500)
hypothesis.settings.load_profile("ci" if CI else "dev")


def pytest_itemcollected(item):
    """Give each property the run's seed, unless CI tries the same examples every time."""
    if not CI and hypothesis.is_hypothesis_test(getattr(item, "obj", None)):
        hypothesis.seed(SEED)(item.obj)


def pytest_terminal_summary(terminalreporter):
    """Say how to try the same examples again."""
    how = "the same examples every time" if CI else f"repeat with RECONCILER_SEED={SEED}"
    terminalreporter.write_line(f"properties: {how}")
