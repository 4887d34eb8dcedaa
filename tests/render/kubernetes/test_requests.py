from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.priority_levels import request_levels
from tests.render.lab import bundle, stack


def _of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [obj for obj in bundle(name).objects if obj["kind"] == kind]


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_each_flow_leads_to_a_level_of_its_own_that_neither_lends_nor_borrows(name: str) -> None:
    flows, levels = _of_kind(name, "FlowSchema"), _of_kind(name, "PriorityLevelConfiguration")
    names = [level["metadata"]["name"] for level in levels]
    assert [flow["spec"]["priorityLevelConfiguration"]["name"] for flow in flows] == names
    assert len(names) == len(request_levels(stack(name)[1].clusters[0])) > 1
    for level in levels:
        limited = level["spec"]["limited"]
        assert limited["lendablePercent"] == limited["borrowingLimitPercent"] == 0
        assert limited["nominalConcurrencyShares"] >= 1


def test_a_level_belongs_to_the_component_of_its_tenant() -> None:
    components = set()
    for level in _of_kind("lab", "PriorityLevelConfiguration"):
        components.add(level["metadata"]["labels"]["sovereign-ai.internal/component"])
    assert components == {"factory.lab", "tenant.research", "tenant.startups"}
