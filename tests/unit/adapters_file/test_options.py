"""What a channel file may say about order files: checked by key, and stated when something is left out."""

from pathlib import Path

import pytest

from adapters.file import INFO, OPTIONS, FilePos, check_options
from adapters.file.options import read_options
from reconciler.domain.errors import ConfigError
from reconciler.ports import Side
from tests.builders import NOW
from tests.unit.adapters_file.files import connection


@pytest.mark.parametrize("side", Side)
def test_every_option_may_be_left_out(side):
    """Order files work with nothing but a path; None stands for an option that was left out."""
    check_options(side, {})
    check_options(side, dict.fromkeys(OPTIONS[side]))


def test_good_options_pass():
    """As a channel file holds them, and as they are stored."""
    check_options(Side.POS, {"catalog": "c.json", "outbox": "/o.jsonl", "as_of": NOW, "trust_absence": True})
    check_options(Side.CART, {"covers_from": "2026-11-01T00:00:00Z", "as_of": NOW.isoformat()})


@pytest.mark.parametrize(
    ("side", "options", "words"),
    [
        (Side.POS, {"catalogue": "c.json"}, "option 'catalogue' is not known; known are as_of, catalog"),
        (Side.CART, {"outbox": "o.jsonl"}, "option 'outbox' is no option of a cart connection"),
        (Side.POS, {"catalog": 7}, "option 'catalog' must be a path"),
        (Side.POS, {"outbox": " "}, "option 'outbox' must be a path"),
        (Side.POS, {"trust_absence": "yes"}, "option 'trust_absence' must be true or false"),
        (Side.POS, {"as_of": "2026-11-20T15:00:00"}, "option 'as_of' must be a time with an offset"),
        (Side.POS, {"as_of": NOW.replace(tzinfo=None)}, "option 'as_of' must be a time with an offset"),
        (Side.POS, {"covers_from": "yesterday"}, "option 'covers_from' must be a time"),
        (Side.POS, {"covers_from": 7}, "option 'covers_from' must be a time"),
    ],
)
def test_a_wrong_option_is_named(side, options, words):
    """The key, what it must be, and what to do."""
    with pytest.raises(ConfigError, match=words):
        check_options(side, options)


def test_a_wrong_option_is_found_before_anything_is_read():
    """An adapter is not even made of it."""
    with pytest.raises(ConfigError, match="catalogue"):
        FilePos(connection(Side.POS, Path("/pos.jsonl"), {"catalogue": "c"}))


def test_the_path_must_be_absolute():
    """A worker has another working folder than who applied the channel file."""
    with pytest.raises(ConfigError, match="base_url of the-pos is not an absolute path"):
        FilePos(connection(Side.POS, Path("pos.jsonl")))


def test_relative_paths_count_from_the_folder_of_the_order_files(tmp_path):
    """The file's folder, or the folder itself; absolute ones stay as they are."""
    (tmp_path / "pos").mkdir()
    given = {"catalog": "c.json", "outbox": "/var/out.jsonl"}
    for path, folder in [(tmp_path / "pos.jsonl", tmp_path), (tmp_path / "pos", tmp_path / "pos")]:
        options = read_options(connection(Side.POS, path, given))
        assert (options.folder, options.catalog) == (folder, folder / "c.json")
        assert options.outbox == Path("/var/out.jsonl")


@pytest.mark.parametrize(("name", "inside"), [("pos.jsonl", False), ("pos.csv", False), ("exports", True)])
def test_an_outbox_does_not_move_when_an_export_is_late(tmp_path, name, inside):
    """Before the first export came its place follows from the name alone; afterwards it is the same."""
    path = tmp_path / name
    before = read_options(connection(Side.POS, path)).outbox
    path.mkdir() if inside else path.touch()
    assert read_options(connection(Side.POS, path)).outbox == before
    assert before == (path if inside else tmp_path) / "outbox.jsonl"


def test_the_registry_learns_all_of_it():
    """Both sides, a path as base_url, every option of either side, no credentials."""
    assert INFO.sides == frozenset(Side)
    assert INFO.base_url_is_path
    assert set(INFO.options) == {"catalog", "outbox", "covers_from", "as_of", "trust_absence"}
    assert INFO.credentials == frozenset()
