"""The tornado of the cost of a GPU-hour."""

from __future__ import annotations

from sovereign_ai.assess.cost.report import assess_cost
from tests.assess.stacks import stack


def test_the_tornado_is_sorted_and_its_bars_hold_the_cost():
    found = assess_cost(*stack("gigafactory"))
    middle = found.measure("gpu-hour.known").value or 0
    widths = [abs(bar.high - bar.low) for bar in found.tornado]
    assert widths == sorted(widths, reverse=True)
    assert len(found.tornado) == 12
    for bar in found.tornado:
        assert min(bar.low, bar.high) <= middle * (1 + 1e-9)
        assert max(bar.low, bar.high) >= middle * (1 - 1e-9)
