"""The POS catalog: what it names is known, what it does not speak of is not held against an order."""

import pytest

from reconciler.domain.errors import MalformedError, UnreachableError
from reconciler.domain.evidence import Catalog
from tests.unit.adapters_file.files import file_pos


def test_without_a_catalog_nothing_is_known(tmp_path):
    """No option, no check of articles or delivery methods."""
    assert file_pos(tmp_path / "pos.jsonl").catalog() == Catalog()


@pytest.mark.parametrize(
    ("content", "catalog"),
    [
        ('{"skus": ["0"], "shipping_methods": ["DEL"]}', Catalog(frozenset({"0"}), frozenset({"DEL"}))),
        ('\ufeff{"skus": ["A"], "more": 1}', Catalog(frozenset({"A"}), None)),
        ('{"skus": []}', Catalog(frozenset(), None)),
        ('{"skus": null}', Catalog()),
    ],
)
def test_what_the_file_names_is_known(write, tmp_path, content, catalog):
    """An absent list says nothing, an empty one that there is nothing."""
    write("catalog.json", content)
    assert file_pos(tmp_path / "pos.jsonl", catalog="catalog.json").catalog() == catalog


@pytest.mark.parametrize("content", ["", "{", "[]", '{"skus": "A"}', '{"skus": [1]}', b"\xff", "[" * 99999])
def test_a_broken_catalog_is_one_clear_error(write, tmp_path, content):
    """Which file, where in it, and what it should look like."""
    path = write("catalog.json", content)
    with pytest.raises(MalformedError, match=rf"the catalog {path} cannot be read: .*; write it as "):
        file_pos(tmp_path / "pos.jsonl", catalog="catalog.json").catalog()


def test_an_absent_catalog_is_an_error(tmp_path):
    """It was asked for, so orders must not pass unchecked."""
    with pytest.raises(UnreachableError, match="does not exist"):
        file_pos(tmp_path / "pos.jsonl", catalog="catalog.json").catalog()
