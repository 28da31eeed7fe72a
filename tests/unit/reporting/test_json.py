"""The JSON: stable keys, each of them documented."""

import json
from collections.abc import Iterator

import pytest

from reconciler.reporting import render_json
from reconciler.reporting.as_json import KEYS
from tests.unit.reporting import sample


def keys(value: object, path: str = "") -> Iterator[str]:
    """Yield the path of every key, lists written ``name[]``."""
    match value:
        case dict():
            for key, item in value.items():
                yield from keys(item, f"{path}.{key}" if path else key)
        case list():
            for item in value:
                yield from keys(item, f"{path}[]")
        case _:
            yield path


def documented(path: str) -> bool:
    """Say whether a key, or the object it belongs to, is in the documentation."""
    steps = path.removesuffix("[]").split(".")
    return any(".".join(steps[:n]) in KEYS for n in range(1, len(steps) + 1))


def test_every_key_is_documented():
    """Who writes a program against the report finds each key explained."""
    found = set(keys(json.loads(render_json(sample.rich_report()))))
    assert sorted(path for path in found if not documented(path)) == []


@pytest.mark.parametrize("path", [path for path in KEYS if ".findings[]." in path])
def test_every_documented_key_of_a_finding_is_there(path):
    """The documentation promises nothing that is missing."""
    finding = json.loads(render_json(sample.rich_report()))["merchants"][0]["findings"][0]
    assert path.rsplit(".", 1)[1] in finding


def test_it_is_plain_ascii():
    """Printed on a terminal it can steer nothing, and what it says is what was stored."""
    text = render_json(sample.rich_report())
    assert text.isascii()
    assert not set(text) & {chr(code) for code in range(32) if chr(code) != "\n"}
    vendor_words = json.loads(text)["merchants"][0]["findings"][1]["facts"]["vendor_words"]
    assert vendor_words == sample.HOSTILE


def test_counts_are_exact_where_rows_are_fewer():
    """A group that was cut short still says how many there are."""
    merchant = json.loads(render_json(sample.rich_report()))["merchants"][0]
    assert merchant["counts"]["urgent"] == 5
    assert merchant["counts"]["needing"] == 14
    unmapped = [group for group in merchant["groups"] if group["classification"] == "unmapped_sku"]
    assert [group["count"] for group in unmapped] == [12]


def test_times_are_utc_and_money_is_whole():
    """A program never has to guess a zone or a rounding."""
    merchant = json.loads(render_json(sample.rich_report()))["merchants"][0]
    assert merchant["findings"][0]["since"] == "2026-11-20T18:55:00Z"
    assert merchant["findings"][0]["total"] == {"minor": 21181, "currency": "USD", "text": "211.81 USD"}
    assert [day["unexplained"] for day in merchant["tie_outs"]] == [0, 0]
