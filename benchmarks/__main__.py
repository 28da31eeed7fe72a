"""Run the benchmarks on a PostgreSQL of their own and print, for each, ours, the anchor, and the ratio.

make bench                      all of them, 100,000 orders a side
make bench ARGS="--orders 1000000 compare"
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.cases import CASES, Result
from benchmarks.ground import Ground, prepared


def main() -> None:
    """Parse the arguments, run the cases named, print a line for each."""
    parser = argparse.ArgumentParser(description="Timings beside their anchors.")
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="which; all if left out")
    parser.add_argument("--orders", type=int, default=100_000, help="orders a side (100000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the fastest of each counts (3)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder, prepared(Path(folder)) as ground:
        print(f"{'case':<28}{'ours':>14}{'anchor':>14}{'ratio':>8}  what is compared")
        for name in chosen.cases or CASES:
            _print(CASES[name], ground, chosen.orders, chosen.rounds)


def _print(case: Callable[[Ground, int, int], Result], ground: Ground, orders: int, rounds: int) -> None:
    result = case(ground, orders, rounds)
    anchor = f"{result.anchor:,.3f} {result.unit}" if result.anchor is not None else "-"
    ratio = f"{result.ours / result.anchor:.2f}" if result.anchor else "-"
    print(f"{result.name:<28}{f'{result.ours:,.3f} {result.unit}':>14}{anchor:>14}{ratio:>8}  {result.words}")


if __name__ == "__main__":
    main()
