"""Print how long the files and functions of each package are, and fail when one is over the budget.

There is no list of exceptions: what is too long is split.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reconciler", "adapters", "workers")
FILE_LINES = 400
FUNCTION_LINES = 50


class Piece(NamedTuple):
    """A file or a function, and its length in lines."""

    where: str
    lines: int


def main() -> int:
    """Print one row per package and every piece over the budget."""
    print(f"{'median / p90 / max lines':<24}{'files':>24}{'functions':>24}")
    too_long: list[str] = []
    for package in PACKAGES:
        files, functions = measure(ROOT / package)
        print(f"{package:<24}{spread(files):>24}{spread(functions):>24}")
        too_long += over(files, FILE_LINES) + over(functions, FUNCTION_LINES)
    for line in too_long:
        print(line, file=sys.stderr)
    return 1 if too_long else 0


def measure(package: Path) -> tuple[list[Piece], list[Piece]]:
    """Return the files of a package, and the functions in them."""
    files: list[Piece] = []
    functions: list[Piece] = []
    for path in sorted(package.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        files.append(Piece(name, len(source.splitlines())))
        functions += [
            Piece(f"{name}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
    return files, functions


def spread(pieces: list[Piece]) -> str:
    """Say the median, the 90th percentile and the maximum.

    >>> spread([Piece("a", 10), Piece("b", 20), Piece("c", 90)])
    '20 / 90 / 90'
    """
    if not pieces:
        return "none"
    lengths = sorted(piece.lines for piece in pieces)
    return f"{median(lengths):.0f} / {lengths[len(lengths) * 9 // 10]} / {lengths[-1]}"


def over(pieces: list[Piece], limit: int) -> list[str]:
    """Describe the pieces that are longer than the limit."""
    return [f"{p.where}: {p.lines} lines, {limit} are allowed" for p in pieces if p.lines > limit]


if __name__ == "__main__":
    sys.exit(main())
