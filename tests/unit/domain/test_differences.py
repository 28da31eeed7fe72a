"""What differs between two snapshots of an order, in units and in money."""

from decimal import Decimal

import pytest

from reconciler.domain.differences import amount_differences, is_strict_subset, lacking, line_counts
from tests.builders import cart_order, line, pos_order


def counts(**units: str) -> dict[str, Decimal]:
    """Write units per article."""
    return {sku: Decimal(count) for sku, count in units.items()}


@pytest.mark.parametrize(
    ("part", "whole", "subset"),
    [
        (counts(A="1"), counts(A="2"), True),
        (counts(A="2"), counts(A="2", B="1"), True),
        (counts(), counts(A="1"), True),
        (counts(A="2"), counts(A="2"), False),
        (counts(A="2.0"), counts(A="2"), False),
        (counts(A="3"), counts(A="2", B="1"), False),
        (counts(C="1"), counts(A="2", B="1"), False),
        (counts(), counts(), False),
    ],
)
def test_a_strict_part_lacks_something_and_has_nothing_else(part, whole, subset):
    """More of one article, or an article of its own, is another difference than a lack."""
    assert is_strict_subset(part, whole) is subset


def test_what_is_lacking_is_told_in_units():
    """Staff read how many of which article to add."""
    assert lacking(counts(A="1.5"), counts(A="2", B="10")) == {"A": "0.5", "B": "10"}
    assert lacking(counts(A="2", C="3"), counts(A="2", B="1", C="1")) == {"B": "1"}


def test_lines_of_one_article_are_counted_together():
    """Where a line ends does not matter, only how many units there are; none counts as absent."""
    lines = [
        line("A", "1"),
        line("A", "2"),
        line("B", "1"),
        line("B", "-1"),
        line(None, name=" Ribbon"),
        line(None),
    ]
    assert line_counts(lines) == {"A": Decimal(3), "name:ribbon": Decimal(1), "name:": Decimal(1)}


def test_cart_articles_are_counted_under_their_pos_names():
    """Two cart articles that map to one POS article are one."""
    lines = [line("ROSE-RED"), line("ROSE-PINK", "2"), line("CARD")]
    mapping = {"ROSE-RED": "ROSE", "ROSE-PINK": "ROSE"}
    assert line_counts(lines, mapping) == {"ROSE": Decimal(3), "CARD": Decimal(1)}


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"total": 49_00, "tax": 4_00}, {"tax": "-1.00"}),
        ({"total": 48_00, "discount": 2_00}, {"discount": "2.00"}),
        ({"total": 55_00, "tip": 3_00, "shipping": 2_00}, {"shipping": "2.00", "tip": "3.00"}),
        ({"total": 40_00}, {"goods": "-10.00"}),
        ({"total": 40_00, "tax": 4_00}, {"tax": "-1.00", "goods": "-9.00"}),
        ({"total": 50_00, "tax": 4_00}, {"tax": "-1.00", "goods": "1.00"}),
        ({"total": 40_00, "tax": None}, {"goods": "-10.00"}),  # what the POS does not tell explains nothing
        ({}, {}),
    ],
)
def test_a_difference_of_totals_is_split_to_the_last_cent(changes, parts):
    """Tax, shipping, discount and tip explain what they can; the rest is goods, so nothing is unexplained."""
    assert amount_differences(cart_order(), [pos_order(**changes)]) == parts


def test_what_the_cart_does_not_tell_explains_nothing():
    """A cart without tax cannot say that the POS's tax is wrong."""
    assert amount_differences(cart_order(tax=None), [pos_order(total=49_00)]) == {"goods": "-1.00"}


def test_the_parts_of_a_split_are_added_up():
    """Two records that share an order are compared with it together."""
    halves = [pos_order(pos_id=i, total=20_00, tax=2_50, tip=0) for i in "ab"]
    assert amount_differences(cart_order(), halves) == {"goods": "-10.00"}
