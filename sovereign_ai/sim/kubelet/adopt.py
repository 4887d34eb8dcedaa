"""Makes real nodes stand where the plan's machines stand: labels, taints, and resources that no plugin counts.

A node plays the machine whose name it bears. What its own kubelet says of it (name, system, architecture,
CPU, memory) is left as it is: that is real.

    adopt(api, factory, plan, "lab", ["train-001", "serve-001"])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.difference import THEIRS
from sovereign_ai.sim.factory import MANAGER, is_simulated
from sovereign_ai.sim.nodes import fabric_resources, node_objects
from sovereign_ai.spec.factory import AIFactory

_KUBELETS_OWN = ("kubernetes.io/", "beta.kubernetes.io/", "type")
"""Labels that a kubelet sets itself, and the one that says KWOK."""


def adopt(api: Api, factory: AIFactory, plan: Plan, cluster: str, names: Iterable[str]) -> int:
    """Bring nodes to their machines' place; how many had to be changed.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters this is.
        names: the nodes, and the machines that they play.

    Raises:
        UsageError: the plan has no such machine, or KWOK plays it.
        EnvironmentLacksError: there is no such node.
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    planned = {str(node["metadata"]["name"]): node for node in node_objects(factory, plan, cluster)}
    pools = {node.name: node.pool for node in plan.nodes}
    changed = 0
    for name in names:
        if name not in planned:
            hint = nearest(name, sorted(planned))
            raise UsageError(Problem("machine-unknown", f"cluster {cluster} has no machine {name!r}", hint=hint))
        changed += _bring(api, planned[name], _live(api, name), fabric_resources(factory).get(pools[name], {}))
    return changed


def _live(api: Api, name: str) -> dict[str, Any]:
    """Read a node that a kubelet plays."""
    live = api.get("v1", "Node", name)
    if live is None:
        raise EnvironmentLacksError(Problem("node-absent", f"no node {name} has joined the cluster", hint="see its kubelet's log"))
    if is_simulated(live):
        hint = "remove the node, and let its kubelet register it"
        raise UsageError(Problem("node-simulated", f"{name} is played by KWOK, not by a kubelet", hint=hint))
    return live


def _bring(api: Api, wanted: Mapping[str, Any], live: Mapping[str, Any], fabric: Mapping[str, int]) -> bool:
    """Apply what differs on one node; whether something did."""
    labels = {key: value for key, value in wanted["metadata"]["labels"].items() if not key.startswith(_KUBELETS_OWN)}
    there = live["spec"].get("taints") or []
    taints = [*wanted["spec"].get("taints", []), *(one for one in there if str(one["key"]).startswith(THEIRS))]
    name = wanted["metadata"]["name"]
    head: dict[str, Any] = {"apiVersion": "v1", "kind": "Node"}
    placed = labels.items() <= (live["metadata"].get("labels") or {}).items() and _keys(taints) == _keys(there)
    if not placed:
        api.apply({**head, "metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}}, field_manager=MANAGER, force=True)
    resources = {name: str(number) for name, number in fabric.items()}
    equipped = resources.items() <= (live.get("status", {}).get("capacity") or {}).items()
    if not equipped:
        api.update_status({**head, "metadata": {"name": name}, "status": {"capacity": resources, "allocatable": resources}})
    return not (placed and equipped)


def _keys(taints: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Taints as a set."""
    return {(str(one["key"]), str(one.get("value", "")), str(one["effect"])) for one in taints}
