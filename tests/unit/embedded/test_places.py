"""Where root's data lies, and what makes the way there safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.embedded import EmbeddedError, places
from reconciler.embedded.places import POINTER, claim_data_dir, every_place, forsaken_places, resolve_data_dir


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system root of the test's own, and a process that takes itself for root."""
    monkeypatch.setattr(places, "SYSTEM_ROOT", tmp_path / "system")
    monkeypatch.setattr(places, "is_root", lambda: True)
    return tmp_path / "system"


def test_a_directory_elsewhere_is_mapped_and_points_to_its_data(system: Path, tmp_path: Path) -> None:
    """Looking makes nothing; claiming makes the folder and the pointer, and both agree ever after."""
    given = tmp_path / "shop"
    assert not resolve_data_dir(given).exists()
    assert not given.exists()
    place = claim_data_dir(given)
    assert place.parent == system
    assert (given / POINTER).read_text() == f"{place}\n"
    assert resolve_data_dir(given) == claim_data_dir(given) == place


def test_two_directories_have_two_places(system: Path, tmp_path: Path) -> None:
    """However alike their names."""
    assert claim_data_dir(tmp_path / "a/shop") != claim_data_dir(tmp_path / "b/shop")


def test_what_lies_in_the_system_root_is_used_as_it_is(system: Path) -> None:
    """At any depth, and the root itself."""
    for given in (system, system / "shop", system / "north/shop"):
        assert resolve_data_dir(given) == claim_data_dir(given) == given
        assert given.stat().st_mode & 0o777 == 0o711
        assert not (given / POINTER).exists()


def test_a_link_to_a_directory_is_that_directory(system: Path, tmp_path: Path) -> None:
    """Its data is found by either name."""
    place = claim_data_dir(tmp_path / "shop")
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    assert resolve_data_dir(tmp_path / "link") == place


def test_data_that_lost_its_pointer_is_kept_and_not_used_again(system: Path, tmp_path: Path) -> None:
    """The next directory at the same path gets a place of its own."""
    given = tmp_path / "shop"
    first = claim_data_dir(given)
    (given / POINTER).unlink()
    assert forsaken_places(given) == [first]
    second = claim_data_dir(given)
    assert second != first
    assert first.is_dir()
    assert forsaken_places(given) == []
    assert set(every_place(given)) == {first, second}


def test_a_moved_directory_keeps_its_data(system: Path, tmp_path: Path) -> None:
    """The pointer moves with it."""
    place = claim_data_dir(tmp_path / "shop")
    (tmp_path / "shop").rename(tmp_path / "new name")
    assert resolve_data_dir(tmp_path / "new name") == place


def test_a_pointer_that_is_a_link_is_not_followed(system: Path, tmp_path: Path) -> None:
    """It could lead root anywhere."""
    given = tmp_path / "shop"
    given.mkdir()
    (tmp_path / "bait").write_text(f"{tmp_path}\n")
    (given / POINTER).symlink_to(tmp_path / "bait")
    with pytest.raises(EmbeddedError, match="was not written by root"):
        resolve_data_dir(given)


def test_an_open_system_root_is_closed(system: Path) -> None:
    """Nobody else may put things where root looks."""
    system.mkdir()
    system.chmod(0o777)
    claim_data_dir(system / "shop")
    assert system.stat().st_mode & 0o777 == 0o711


def test_a_directory_that_everybody_can_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others could exchange what we store in it."""
    monkeypatch.setattr(places, "is_root", lambda: False)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop").chmod(0o777)
    with pytest.raises(EmbeddedError, match="Every user can write to"):
        claim_data_dir(tmp_path / "shop")


def test_a_directory_that_we_make_is_private_and_stays_out_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database is nothing to commit."""
    monkeypatch.setattr(places, "is_root", lambda: False)
    given = claim_data_dir(tmp_path / "a/b")
    assert given.stat().st_mode & 0o777 == 0o700
    assert (given / ".gitignore").read_text() == "*\n"
