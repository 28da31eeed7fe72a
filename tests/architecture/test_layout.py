"""The layout that all else counts on: folders, processes, locks, the Makefile, the import contracts."""

import re
import tomllib
from pathlib import Path

import alembic
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))

FIXED = {"adapters", "alembic", "reconciler", "tests", "workers"}
ALLOWED = FIXED | {"benchmarks", "docs", "requirements", "scripts"}
LEFT_BEHIND = {"__pycache__", "build", "dist", "var"}


def contract(name: str) -> dict[str, list[str]]:
    """Return one of the import contracts."""
    return next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == name)


def pins(lock: Path) -> set[str]:
    """Return the `name==version` of every locked package."""
    return set(re.findall(r"^[a-z0-9.-]+==[^ \\]+", lock.read_text("utf-8"), re.MULTILINE))


def test_the_top_level_folders_are_the_fixed_ones():
    """The five fixed folders are there, and beside them only what is named here."""
    folders = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith(".")} - LEFT_BEHIND
    assert folders >= FIXED
    assert folders <= ALLOWED


@pytest.mark.parametrize("name", [".env.example", "LICENSE", "Makefile", "Procfile", "pyproject.toml"])
def test_the_top_level_files_are_there(name):
    """Who deploys the program finds the files they look for."""
    assert (ROOT / name).is_file()


def test_the_migrations_folder_does_not_shadow_the_library():
    """`import alembic` is the library: an __init__.py in our folder of that name would take its place."""
    assert not (ROOT / "alembic" / "__init__.py").exists()
    assert ROOT / "alembic" not in Path(alembic.__file__).parents


def test_the_wheel_names_its_packages():
    """`tests` and `alembic` are names that others use too, so the wheel lists what it installs."""
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert set(wheel["only-include"]) == FIXED - {"tests"}
    assert wheel["sources"] == {"alembic": "reconciler/_migrations"}


def test_the_procfile_lists_every_process():
    """A platform starts the migrations, the workers and the beat, and nothing else."""
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    processes = dict(line.split(": ", 1) for line in lines)
    assert list(processes) == ["release", "worker", "beat"]
    assert processes["release"] == "reconciler db upgrade"
    assert all("-A workers.app" in processes[name] for name in ("worker", "beat"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_packages_and_hashes_only(lock):
    """No index, address or path of the machine that wrote the lock is in it, and every package has a hash."""
    text = lock.read_text("utf-8")
    assert not re.search(r"://|file:| @ |index-url|find-links|^[-./]", text, re.MULTILINE)
    requirements = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert [r.split(" ")[0] for r in requirements if "--hash=sha256:" not in r] == []


def test_the_tests_run_with_the_versions_that_are_deployed():
    """The developers' lock holds every pin of the runtime lock."""
    runtime, dev = (pins(ROOT / "requirements" / f"{name}.lock") for name in ("runtime", "dev"))
    elsewhere = {pin for pin in runtime if pin.startswith("colorama==")}  # on Windows only, there
    assert runtime - elsewhere <= dev
    assert any(pin.startswith("celery==") for pin in runtime)


def test_every_make_target_says_what_it_does():
    """`make` alone is the list of what a developer can do, so no target is without its sentence."""
    text = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):(.*)$", text, re.MULTILINE)
    assert {
        "setup",
        "demo",
        "test",
        "bench",
        "lint",
        "types",
        "contracts",
        "docs",
        "ci",
        "lock",
        "clean",
    } <= {name for name, _ in targets}
    assert [name for name, rest in targets if " ## " not in rest] == []


def test_every_module_has_its_layer():
    """A module that the import contract does not know could import anything."""
    layers = {name.strip(" ()") for layer in contract("layers")["layers"] for name in layer.split("|")}
    modules = {
        f"reconciler.{p.stem}"
        for p in (ROOT / "reconciler").iterdir()
        if (p.suffix == ".py" or (p.is_dir() and any(p.rglob("*.py")))) and not p.name.startswith("__")
    }
    assert modules | {"adapters", "workers"} <= layers


def test_the_domain_contract_knows_every_dependency():
    """A new dependency must not slip into the domain because nobody added it to the contract."""
    named = re.findall(r"^[a-z-]+", "\n".join(PROJECT["project"]["dependencies"]), re.MULTILINE)
    modules = {name.replace("-", "_") for name in named} - {"tzdata"}  # data for zoneinfo, not a module
    assert modules <= set(contract("domain")["forbidden_modules"])
