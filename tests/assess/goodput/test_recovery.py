"""Recovery of storage tiers."""

from __future__ import annotations

from sovereign_ai.assess.goodput.report import assess_goodput
from tests.assess.stacks import stack


def test_a_tier_at_two_sites_has_one_line_for_what_is_the_same_at_both():
    lines = assess_goodput(*stack("gigafactory"), runs=0).lines()
    assert len([line for line in lines if line.startswith("tier.")]) == len(
        {line for line in lines if line.startswith("tier.")}
    )
