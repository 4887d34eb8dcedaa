"""The dependency graph: a box for every part, and a mark on each single point of failure."""

from __future__ import annotations

from sovereign_ai.attest.report.dependencies import chokepoints, leaves, picture
from tests.attest.report.reports import report


def test_every_part_and_service_has_a_box() -> None:
    assessed = report("lab").sovereignty
    text = picture(assessed)
    holders = {(part.holder, part.law) for part in assessed.graph.parts}
    assert text.count("<rect") == len(assessed.graph.parts) + len(assessed.graph.trees) + len(holders)


def test_a_part_that_stops_a_service_alone_is_drawn_strong() -> None:
    assessed = report("lab").sovereignty
    narrow = chokepoints(assessed)
    assert narrow
    assert picture(assessed).count('class="node choke"') == len(narrow)
    for part, services in narrow.items():
        for service in services:
            assert part in leaves(assessed.graph.trees[service])
