from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from sovereign_ai.verify.equal_values import are_equal, quantity


@pytest.mark.parametrize("text", ["", "1x", "Gi", "1 Gi", "--1", None, True, [], "1Ki2"])
def test_what_is_no_quantity_is_none(text: Any) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1500m", Fraction(3, 2)), ("2e3", 2000), ("1Ki", 1024), (8, 8), ("+.5", Fraction(1, 2))],
)
def test_a_quantity_is_read_exactly(text: str | int, amount: Fraction | int) -> None:
    assert quantity(text) == amount


def test_what_is_left_out_equals_what_is_empty_and_differs_from_false_and_zero() -> None:
    assert all(are_equal(None, value, "spec.x") for value in (None, "", []))
    assert not any(are_equal(None, value, "spec.x") for value in ({}, False, 0))


@pytest.mark.parametrize(("truth", "number"), [(True, 1), (False, 0)])
def test_a_truth_value_is_no_number(*, truth: bool, number: int) -> None:
    assert not are_equal(truth, number, "spec.x")
