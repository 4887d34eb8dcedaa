"""Shares of holders by layer."""

from __future__ import annotations

import pytest

from tests.sovereignty.test_drill import stack
from tests.sovereignty.test_report import NAMES


def test_shares_by_layer_sum_to_the_whole_and_an_index_over_few_says_so() -> None:
    for name in NAMES:
        for one in stack(name).concentration:
            assert sum(share for _, share in one.shares) == pytest.approx(100, abs=0.3)
            assert "little" in one.note or "by definition" in one.note
    assert {one.layer: one.index for one in stack("gigafactory").concentration}["lines"] == 5_000
