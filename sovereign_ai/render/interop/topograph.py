"""Topograph's model file: switches as a tree above nodes, and capacity blocks of nodes.

Topograph reads `switches` by name (each with `switches` or `nodes` below it, and `metadata`), `nodes` by name with their
`capacity_block_id` and the NVLink domain under `attributes`, and `capacity_blocks` (its `pkg/models/model.go`, read 2026-11-24). A
rail-optimised fabric is no tree: a machine hangs at one leaf a rail. All leaves of one number serve the same machines, so the leaf of
rail 0 stands for its number; spines above one leaf are one level, told by the first of them; cores likewise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.block import block


def tree(plan: Plan, plane: FabricPlan) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Give (switch to switches below, leaf to machines below) of a plane, as Topograph sees it."""
    machines = {node.name for node in plan.nodes}
    first = {one.name for one in plane.switches if one.tier == "leaf" and one.rail == 0}
    below: dict[str, list[str]] = {}
    for host, _, leaf, _ in plane.cables[: plane.node_leaf]:
        if leaf in first and host in machines:
            below.setdefault(leaf, []).append(host)
    above: dict[str, str] = {}
    for lower, _, upper, _ in plane.cables[plane.node_leaf :]:
        above.setdefault(lower, upper)
    switches: dict[str, list[str]] = {}
    for leaf in below:
        lower = leaf
        while lower in above:
            found = switches.setdefault(above[lower], [])
            if lower not in found:
                found.append(lower)
            lower = above[lower]
    return switches, below


def topograph(plan: Plan, plane: FabricPlan) -> str:
    """Give the model file of one compute plane."""
    switches, leaves = tree(plan, plane)
    nodes = {node.name: node for node in plan.nodes}
    here = [nodes[name] for names in leaves.values() for name in names]
    capacity = {node.name: node.nvlink_domain or node.scalable_unit for node in here}
    members: dict[str, list[str]] = {}
    for name, one in capacity.items():
        members.setdefault(one, []).append(name)
    entries: dict[str, Mapping[str, Any]] = {
        node.name: {
            "capacity_block_id": capacity[node.name],
            **({"attributes": {"nvlink": node.nvlink_domain}} if node.nvlink_domain else {}),
        }
        for node in here
    }
    region = {"metadata": {"region": next((node.region for node in here), plane.site)}}
    roots = switches.keys() - {name for below in switches.values() for name in below} or leaves.keys()
    tops: dict[str, dict[str, Any]] = {name: {"switches": below} for name, below in switches.items()}
    tops |= {name: {"nodes": below} for name, below in leaves.items()}
    data = {
        "switches": {name: one | (region if name in roots else {}) for name, one in tops.items()},
        "nodes": entries,
        "capacity_blocks": {name: {"nodes": names} for name, names in members.items()},
    }
    return block(data)
