"""The domain is pure: no clock, no chance, no input or output, nothing but the standard library."""

import ast
import sys
from pathlib import Path

import pytest

from reconciler import domain

MODULES = sorted(Path(str(domain.__file__)).parent.glob("*.py"))
TREES = {path.stem: ast.parse(path.read_text("utf-8")) for path in MODULES}
#: Standard modules that tell the time, roll dice, remember, wait or reach outside.
IMPURE = {
    "asyncio", "glob", "io", "json", "logging", "os", "pathlib", "random", "secrets", "shutil", "socket",
    "sqlite3", "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "fromtimestamp", "localtime", "monotonic", "perf_counter", "time_ns"}
DOORS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}


def imported(tree: ast.Module) -> set[str]:
    """Return the modules that a module imports, by full name."""
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


@pytest.mark.parametrize("name", TREES)
def test_a_module_imports_the_standard_library_and_the_domain_only(name):
    """What decides must not depend on a framework, a driver or a layer above."""
    outside = {m for m in imported(TREES[name]) if m.split(".")[0] not in sys.stdlib_module_names}
    assert {m for m in outside if not m.startswith("reconciler.domain")} == set()
    assert imported(TREES[name]) & IMPURE == set()


@pytest.mark.parametrize("name", TREES)
def test_no_rule_reads_the_clock(name):
    """The time is an argument: the same evidence at the same `now` gives the same verdict for ever."""
    calls = [node.func for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    attributes = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    assert attributes & CLOCKS == set()
    assert names & (CLOCKS | DOORS) == set()


@pytest.mark.parametrize("name", TREES)
def test_no_module_remembers_anything(name):
    """Nothing carries over from one judgement to the next: no function writes to its module."""
    assert not [node.lineno for node in ast.walk(TREES[name]) if isinstance(node, ast.Global | ast.Nonlocal)]
