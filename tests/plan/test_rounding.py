"""Exact rounding up of whole numbers and fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sovereign_ai.plan.rounding import ceil_div


@pytest.mark.parametrize(("number", "by", "expected"), [(0, 3, 0), (1, 3, 1), (3, 3, 1), (4, 3, 2)])
def test_a_rest_counts_as_one_more(number: int, by: int, expected: int) -> None:
    assert ceil_div(number, by) == expected


def test_numbers_beyond_the_precision_of_a_float_are_exact() -> None:
    assert ceil_div(10**18 + 1, 10**9) == 10**9 + 1


def test_a_fraction_is_rounded_up() -> None:
    assert ceil_div(Fraction(7, 2), 1) == 4
