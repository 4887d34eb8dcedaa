"""Readings of suppliers."""

from __future__ import annotations

from tests.sovereignty.described import Data
from tests.sovereignty.readings.answered import answer
from tests.sovereignty.test_drill import stack


def test_undeclared_foreign_vendors_of_most_critical_parts_are_worse_than_declared_ones(rich: Data) -> None:
    single = {
        name: next(one for one in stack(name).answers if one.criterion == "SOV-5.6")
        for name in ("lab", "gigafactory")
    }
    assert single["lab"].number == 2
    assert "NVIDIA" in single["lab"].why
    assert single["gigafactory"].number == 3
    assert answer("SOV-5.6", rich).number == 3
