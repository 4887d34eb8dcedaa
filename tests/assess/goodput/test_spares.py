"""Spare servers of a pool."""

from __future__ import annotations

from sovereign_ai.assess.goodput.report import assess_goodput
from tests.assess.stacks import stack


def test_spares_are_at_least_what_fails_together():
    factory, planned = stack("plural")
    found = assess_goodput(factory, planned, runs=0)
    assert found.measure("pool.grace.spares.domain.nvlink").value == 18
    assert (
        found.measure("pool.grace.spares.domain.leaf").value
        == found.measure("pool.grace.spares.needed").value
        == 32
    )
    assert found.measure("pool.grace.spares.planned").value == 0
