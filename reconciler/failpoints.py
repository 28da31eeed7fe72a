"""Places at which the proving ground ends or freezes a process: every commit and every call to others.

For the proving ground only. Without ``RECONCILER_FAILPOINTS`` in the environment ``hit`` does nothing at all.
With it, the variable names a folder, and a file in it that is called after a failpoint arms that one, once:
it holds the number of the signal that the process which gets there first sends itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

VARIABLE: Final = "RECONCILER_FAILPOINTS"
#: Every failpoint there is, in the order in which an order meets them.
FAILPOINTS: Final = (
    "tick.before_rescue",
    "tick.before_rescue_commit",
    "tick.after_rescue_commit",
    "tick.before_hints",
    "tick.after_hints",
    "run.after_begin",
    "run.before_start_commit",
    "run.after_start_commit",
    "pull.before_page_commit",
    "pull.after_page_commit",
    "pull.before_coverage_commit",
    "pull.after_coverage_commit",
    "compare.before_record",
    "compare.after_record",
    "run.before_enqueue",
    "run.before_finish_commit",
    "run.after_finish_commit",
    "run.before_hint",
    "run.after_hint",
    "submit.before_claim_commit",
    "submit.after_claim_commit",
    "submit.after_fetch",
    "submit.after_look",
    "submit.before_intent_commit",
    "submit.after_intent_commit",
    "submit.after_send",
    "submit.before_outcome_commit",
    "submit.after_outcome_commit",
    "verify.after_look",
    "lookup.after_look",
    "submit.before_settle_commit",
    "submit.after_settle_commit",
    "submit.before_judge_commit",
    "submit.after_judge_commit",
)


def _off(_name: str) -> None:
    """Do nothing: no failpoint is armed in production."""


def _on(folder: Path) -> Callable[[str], None]:
    def hit(name: str) -> None:
        armed, taken = folder / name, folder / f"{name}.{os.getpid()}"
        try:
            # Of two processes one gets it, and the process that is started in its place finds nothing.
            armed.rename(taken)
        except FileNotFoundError:
            return
        os.kill(os.getpid(), int(taken.read_text(encoding="ascii")))

    return hit


#: Passes a failpoint, alive or not.
hit: Final[Callable[[str], None]] = _on(Path(os.environ[VARIABLE])) if VARIABLE in os.environ else _off
