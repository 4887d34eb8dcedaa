"""Labels of a node's place: its rack, unit and hall, and the switches above it."""

from __future__ import annotations

import re

from sovereign_ai.names import KEYS
from sovereign_ai.render.interop.labels import place_labels
from sovereign_ai.render.interop.topograph import switch_tiers
from tests.render.lab import stack


def test_a_node_is_labelled_with_its_rack_and_the_switches_above_it() -> None:
    _, plan = stack("lab")
    above = switch_tiers(plan)
    for node in plan.nodes:
        labels = place_labels(node, above[node.name])
        assert labels[KEYS.rack] == node.rack
        assert [labels[KEYS.tier(number)] for number in range(len(above[node.name]))] == list(
            above[node.name]
        )


def test_a_node_without_a_fabric_has_no_tier_and_every_value_is_one_of_kubernetes() -> None:
    _, plan = stack("superpod")
    for node in plan.nodes:
        labels = place_labels(node)
        assert KEYS.tier(0) not in labels
        assert all(
            re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?", value) for value in labels.values()
        )
