"""Topograph's model file, by Topograph's own rules; the tiers above a node."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sovereign_ai.render.interop.topograph import switch_tiers
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

SWITCH = {"name", "labels", "annotations", "switches"}
BLOCK = {"switch", "nodes", "labels", "annotations"}
"""Fields that Topograph's structures have after version 1.0."""


def refused(model: dict[str, Any]) -> str:
    """Say why Topograph would refuse a model or not see a part of it; empty if it would take all."""
    if model.keys() - {"switches", "blocks"}:
        return f"unknown section {model.keys() - {'switches', 'blocks'}}"
    children = {child for one in model["switches"].values() for child in (one or {}).get("switches", ())}
    known = model["switches"].keys() | children
    odd = [name for name, one in model["switches"].items() if one is None or set(one) - SWITCH]
    odd += [str(block) for block in model["blocks"] if set(block) - BLOCK or not block.get("nodes")]
    odd += [f"unknown switch {block['switch']}" for block in model["blocks"] if block["switch"] not in known]
    return "; ".join([*odd, *_hung_twice(model), *_circles(model)])


def _hung_twice(model: dict[str, Any]) -> list[str]:
    """Give switches below two switches, and nodes of two blocks."""
    below = [child for one in model["switches"].values() for child in (one or {}).get("switches", ())]
    under = [node for block in model["blocks"] for node in block.get("nodes", ())]
    return [one for names in (below, under) for one in set(names) if names.count(one) > 1]


def _circles(model: dict[str, Any]) -> list[str]:
    """Give switches that are below themselves."""
    above = {
        child: parent
        for parent, one in model["switches"].items()
        for child in (one or {}).get("switches", ())
    }
    found = []
    for start in above:
        at, steps = start, 0
        while at in above and steps <= len(above):
            at, steps = above[at], steps + 1
        found += [start] if steps > len(above) else []
    return found


def models(name: str) -> list[dict[str, Any]]:
    planes = [plane.name for plane in stack(name)[1].fabrics if plane.role == "compute"]
    return [yaml.safe_load(written(name)[f"{plane}/topograph.yaml"]) for plane in planes]


@pytest.mark.parametrize("name", SMALL)
def test_topograph_refuses_none_of_our_models(name: str) -> None:
    for model in models(name):
        assert refused(model) == ""
        roots = [one for one in model["switches"].values() if "labels" in one]
        assert [sorted(one["labels"]) for one in roots] == [["topology.kubernetes.io/region"]]


def test_topographs_rules_as_written_here_do_refuse() -> None:
    (model,) = models("lab")
    spine = next(name for name, one in model["switches"].items() if "switches" in one)
    leaf = model["switches"][spine]["switches"][0]
    block = {"switch": leaf, "nodes": ["extra-001"]}
    broken = [
        {**model, "switches": model["switches"] | {"another": {"switches": [leaf]}}},
        {**model, "switches": model["switches"] | {"another": None}},
        {**model, "switches": model["switches"] | {leaf: {"switches": [spine]}}},
        {**model, "blocks": [*model["blocks"], {**block, "nodes": ["train-001"]}]},
        {**model, "blocks": [*model["blocks"], {**block, "nodes": []}]},
        {**model, "blocks": [*model["blocks"], {**block, "switch": "nowhere"}]},
        {**model, "blocks": [*model["blocks"], {**block, "capacity": "x"}]},
        {**model, "nodes": {}},
    ]
    assert refused({**model, "blocks": [*model["blocks"], block]}) == ""
    assert all(refused(one) for one in broken)


def test_a_machine_of_an_nvlink_domain_is_in_a_block_of_its_domain() -> None:
    plan = stack("plural")[1]
    domains = {node.name: node.nvlink_domain for node in plan.nodes if node.nvlink_domain}
    told = {
        node: block["annotations"]["accelerator.topology.test/domain"]
        for model in models("plural")
        for block in model["blocks"]
        if "annotations" in block
        for node in block["nodes"]
    }
    assert told == domains


@pytest.mark.parametrize("name", SMALL)
def test_tiers_are_the_switches_above_a_machine_the_leaf_first(name: str) -> None:
    plan = stack(name)[1]
    known = {one.name: one.tier for plane in plan.fabrics for one in plane.switches}
    above = switch_tiers(plan)
    assert above.keys() == {node.name for node in plan.nodes}
    for path in above.values():
        assert [known[switch] for switch in path] == ["leaf", "spine", "core"][: len(path)]
