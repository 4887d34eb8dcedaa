"""One node of each kind with its devices, for a dry run on an API server before any node is made.

Nodes of a pool differ in names and addresses alone, so what an API server answers for one of them holds for
all.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan
from sovereign_ai.sim.nodes import SPARE, node_objects
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.spec import AIFactory


def dry_run_samples(factory: AIFactory, plan: Plan, cluster: str) -> list[dict[str, Any]]:
    """Return a node of each pool, and one of its spares, each with the ResourceSlices of its devices.

    Raises:
        KeyError: the plan has no such cluster.
    """
    chosen: dict[tuple[str, bool], dict[str, Any]] = {}
    for node in node_objects(factory, plan, cluster):
        # A spare has one taint more, so the server validates another object.
        is_spare = any(taint["key"] == SPARE for taint in node["spec"].get("taints", ()))
        chosen.setdefault((node["metadata"]["labels"][KEYS.pool], is_spare), node)
    nodes = list(chosen.values())
    names = {node["metadata"]["name"] for node in nodes}
    slices = []
    for obj in slice_objects(plan, cluster):
        is_chosen = obj["spec"]["nodeName"] in names
        if is_chosen:
            slices.append(obj)
    return [*nodes, *slices]
