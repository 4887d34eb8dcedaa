"""The picture of a plan counts what the plan's text counts."""

from __future__ import annotations

import re

import pytest

from sovereign_ai.cli.plan_text import summary_lines
from sovereign_ai.plan.plan_summary import summary
from sovereign_ai.render.picture import draw_plan
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["lab", "plural", "gigafactory"])
def test_the_picture_and_the_text_count_the_same_nodes_spares_and_gpus(name: str) -> None:
    _, derived = stack(name)
    said = next(iter(summary_lines(summary(derived), why=False)))
    counts = re.search(r"[0-9,]+ nodes and [0-9,]+ spares, [0-9,]+ GPUs, [0-9,]+ racks", said)
    assert counts
    assert counts[0] in draw_plan(derived)


def test_a_pools_spares_are_told_from_its_machines() -> None:
    _, derived = stack("gigafactory")
    drawn = draw_plan(derived)
    for pool in {node.pool for node in derived.nodes}:
        spare = sum(node.spare for node in derived.nodes if node.pool == pool)
        counted = sum(not node.spare for node in derived.nodes if node.pool == pool)
        assert f"{pool}: {counted:,} x dgx-b200 and {spare:,} spares, zone" in drawn
