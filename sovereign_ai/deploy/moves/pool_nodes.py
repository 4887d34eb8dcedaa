"""Report the nodes that leave a pool, or the whole cluster, with the pods that run on them.

A node leaves its pool where the plan has no node of its name in that pool on this cluster: the pool shrinks,
goes, has another name, or stands on another cluster now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.deploy.moves.component_move import Move, Usage
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan
from sovereign_ai.text import counted

Object = Mapping[str, Any]
_NODES = "nodes"
_SIMULATED = "kwok.x-k8s.io/node"
"""Annotation of a node that KWOK simulates."""


def shrunk_pools(
    live: Iterable[Object], plan: Plan, cluster: str, covered: Collection[str], usage: Usage
) -> Iterator[Move]:
    """Yield each pool that keeps its name and loses nodes on this cluster, if only to another cluster.

    Args:
        live: the factory's own live objects and nodes.
        plan: the plan of the new description.
        cluster: the plan's name for the cluster.
        covered: component labels of pools that are already reported to go or leave the cluster.
        usage: the objects of tenants and controllers.
    """
    planned: dict[str, set[str]] = {}
    for node in plan.nodes_of(cluster):
        planned.setdefault(node.pool, set()).add(node.name)
    elsewhere = {node.name for node in plan.nodes if node.cluster != cluster}
    for pool, there in sorted(nodes_by_pool(live).items()):
        leaving = there - planned.get(pool, set())
        if not leaving or f"pool.{pool}" in covered:
            continue
        cost = departure_of(leaving, usage)
        if moved := leaving & elsewhere:
            cost += f"; {counted(len(moved), 'is', 'are')} on another cluster then"
        # Nodes that come are no loss: only what stays of those that are there is told.
        left = len(there) - len(leaving)
        yield Move("pool", pool, pool, (cost,), _NODES, str(len(there)), str(left))


def is_simulated(node: Object) -> bool:
    """Return whether a node is simulated, as far as its annotations state it."""
    return _SIMULATED in (node["metadata"].get("annotations") or {})


def nodes_by_pool(live: Iterable[Object]) -> dict[str, set[str]]:
    """Return the names of the live nodes of each pool."""
    nodes: dict[str, set[str]] = {}
    for obj in live:
        if obj["kind"] == "Node":
            pool = (obj["metadata"].get("labels") or {}).get(KEYS.pool, "")
            nodes.setdefault(pool, set()).add(obj["metadata"]["name"])
    return nodes


def departure_of(nodes: Collection[str], usage: Usage) -> str:
    """Return that some nodes leave, with the pods that run on them, for a person."""
    return _with_pods(counted(len(nodes), "node leaves", "nodes leave"), nodes, usage)


def change_of(nodes: Collection[str], usage: Usage) -> str:
    """Return that some nodes change where they are, with the pods that run on them, for a person."""
    return _with_pods(counted(len(nodes), "node changes", "nodes change"), nodes, usage)


def _with_pods(change: str, nodes: Collection[str], usage: Usage) -> str:
    pods = [pod for pod in usage.pods if pod["spec"].get("nodeName") in nodes]
    if not pods:
        return change
    return f"{change}, with {counted(len(pods), 'running pod', 'running pods')} on them"
