"""The table of proposals, and what stands below it."""

from __future__ import annotations

from datetime import date

import pytest

from sovereign_ai.catalog.system import system
from sovereign_ai.design.proposal import Design, design
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.design.text import lines, missing_figures, notes


@pytest.fixture(scope="module")
def proposed() -> Design:
    request = DesignRequest("x", 64, system("dgx-h100"), "DE", kinds=("infiniband",), storage="500 TB")
    return design(request, {}, date(2026, 11, 27), lambda _: None)


def test_each_missing_price_is_named_with_its_number(proposed: Design) -> None:
    first = proposed.proposals[0]
    missing = missing_figures(first)
    assert missing["price.sn2201"] == first.score.cost.unknown["price.sn2201"]
    assert "price.storage.data" in missing
    said = " ".join(notes(proposed))
    assert f"price.sn2201 ({missing['price.sn2201']:,})" in said
    assert "exact:" in said


def test_the_table_has_80_columns_and_marks_lower_bounds(proposed: Design) -> None:
    text = list(lines(proposed))
    assert max(map(len, text)) <= 80
    [row] = [line for line in text if line.startswith("to build")]
    after = text[text.index(row) + 1]
    assert "+" in row + after
