"""Adoption of real nodes as the plan's machines: labels, taints, and resources that no plugin counts.

A node plays the machine whose name it has. What its own kubelet reports (name, system, architecture, CPU,
memory) is left as it is: that is real.

    adopt(api, factory, plan, "lab", ["train-001", "serve-001"])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api import Api, retry_on_conflict
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, nearest
from sovereign_ai.names import NODE_WRITER
from sovereign_ai.plan import Plan
from sovereign_ai.sim.difference import as_read, taint_set, taints_of_others
from sovereign_ai.sim.factory import MANAGER, is_simulated
from sovereign_ai.sim.nodes import fabric_resources, node_objects
from sovereign_ai.spec import AIFactory

_KUBELETS_OWN = ("kubernetes.io/", "beta.kubernetes.io/", "type")
"""Prefixes of labels that a kubelet sets itself, and the label that names KWOK."""


def adopt(api: Api, factory: AIFactory, plan: Plan, cluster: str, names: Iterable[str]) -> int:
    """Give nodes the labels, taints and resources of the machines that they play.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters this is.
        names: the nodes, and the machines that they play.

    Returns:
        How many had to be changed.

    Raises:
        UsageError: the plan has no such machine, or KWOK plays it.
        EnvironmentLacksError: there is no such node.
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    planned = {str(node["metadata"]["name"]): node for node in node_objects(factory, plan, cluster)}
    pools = {node.name: node.pool for node in plan.nodes}
    resources = fabric_resources(factory)
    changed = 0
    for name in names:
        if name not in planned:
            message = f"cluster {cluster} has no machine {name!r}"
            raise UsageError(Problem("machine-unknown", message, hint=nearest(name, sorted(planned))))
        # Its kubelet and the node controller write it too.
        fabric = resources.get(pools[name], {})
        changed += retry_on_conflict(partial(_write, api, planned[name], fabric))
    return changed


def _live(api: Api, name: str) -> dict[str, Any]:
    """Read a node that a kubelet plays.

    Raises:
        EnvironmentLacksError: there is no such node.
        UsageError: KWOK plays it.
    """
    live = api.get("v1", "Node", name)
    if live is None:
        message = f"no node {name} has joined the cluster"
        raise EnvironmentLacksError(Problem("node-absent", message, hint="see its kubelet's log"))
    if is_simulated(live):
        message = f"{name} is played by KWOK, not by a kubelet"
        hint = "remove the node, and let its kubelet register it"
        raise UsageError(Problem("node-simulated", message, hint=hint))
    return live


def _write(api: Api, wanted: Mapping[str, Any], fabric: Mapping[str, int]) -> bool:
    """Apply what differs on one node, and return whether anything did.

    Args:
        api: the cluster.
        wanted: the planned node.
        fabric: its RDMA resources.

    Raises:
        ApiError: the API server refused; with a conflict where the node changed since it was read.
    """
    name = wanted["metadata"]["name"]
    live = _live(api, name)
    labels = {}
    for key, value in wanted["metadata"]["labels"].items():
        is_kubelets = key.startswith(_KUBELETS_OWN)
        if not is_kubelets:
            labels[key] = value
    current = live["spec"].get("taints") or []
    # The list of taints is applied whole, so those of controllers and faults are stated as well.
    taints = [*wanted["spec"].get("taints", []), *taints_of_others(live)]
    head: dict[str, Any] = {"apiVersion": "v1", "kind": "Node"}
    has_labels = labels.items() <= (live["metadata"].get("labels") or {}).items()
    is_placed = has_labels and taint_set(taints) == taint_set(current)
    if not is_placed:
        placed = {**head, "metadata": {**as_read(live), "labels": labels}, "spec": {"taints": taints}}
        # Admission lets no other user state where machines are.
        api.acting_as(NODE_WRITER).apply(placed, field_manager=MANAGER, force=True)
    # No device plugin runs for RDMA devices, so nothing else counts them.
    resources = {resource: str(number) for resource, number in fabric.items()}
    capacity = live.get("status", {}).get("capacity") or {}
    is_equipped = resources.items() <= capacity.items()
    if not is_equipped:
        status = {"capacity": resources, "allocatable": resources}
        api.update_status({**head, "metadata": {"name": name}, "status": status})
    return not (is_placed and is_equipped)
