"""Topograph's model file: switches as a tree, and blocks of nodes below its leaves.

Topograph reads `switches` by name (each with the `switches` below it and `labels`) and `blocks`: the leaf,
its `nodes`, and the NVLink domain under `annotations` (its `pkg/models/model.go` after version 1.0, read
2026-11-26).

A rail-optimised fabric is no tree: a node has a leaf a rail. All leaves of one number serve the same nodes,
so the leaf of rail 0 represents its number. Spines above one leaf are one level, represented by the first of
them; cores likewise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sovereign_ai.plan import Node, Plan
from sovereign_ai.plan.fabric import FabricPlan, host_rails
from sovereign_ai.render.switches.block import yaml_block

_REGION = "topology.kubernetes.io/region"
_DOMAIN = "accelerator.topology.test/domain"
"""The annotation that Topograph's simulated providers read the NVLink domain from."""


def tree(plan: Plan, plane: FabricPlan) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return (switch to switches below, leaf to nodes below) of a plane, as Topograph sees it."""
    nodes = set()
    for node in plan.nodes:
        nodes.add(node.name)
    leaves: dict[str, list[str]] = {}
    for link, rail in zip(plane.host_links, host_rails(plane), strict=True):
        if rail == 0 and link.lower in nodes:
            leaves.setdefault(link.upper, []).append(link.lower)
    # The first switch above each represents its level.
    parents: dict[str, str] = {}
    for lower, upper in plane.uplinks.pairs():
        parents.setdefault(lower, upper)
    switches: dict[str, list[str]] = {}
    for leaf in leaves:
        lower = leaf
        while lower in parents:
            upper = parents[lower]
            children = switches.setdefault(upper, [])
            if lower not in children:
                children.append(lower)
            lower = upper
    return switches, leaves


def topograph(plan: Plan, plane: FabricPlan) -> str:
    """Return the model file of one compute plane."""
    switches, leaves = tree(plan, plane)
    nodes = {}
    for node in plan.nodes:
        nodes[node.name] = node
    parts = ["blocks:\n"] if leaves else ["blocks: []\n"]
    for leaf, names in leaves.items():
        for domain, members in _nodes_by_domain(names, nodes).items():
            entry: dict[str, Any] = {"switch": leaf, "nodes": members}
            if domain:
                entry["annotations"] = {_DOMAIN: domain}
            parts.append("- " + yaml_block(entry, indent=2).removeprefix("  "))
    declared: dict[str, dict[str, Any]] = {}
    for switch, children in switches.items():
        declared[switch] = {"switches": children}
    # A leaf below a spine need not be declared; one without a spine must be, for a block to name it.
    for root in _roots(switches) or leaves:
        entry = declared.setdefault(root, {})
        entry["labels"] = {_REGION: _region(plane, leaves, nodes)}
    return "".join(parts) + yaml_block({"switches": declared})


def _roots(switches: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the switches that no other switch is above."""
    below: set[str] = set()
    for children in switches.values():
        below.update(children)
    return switches.keys() - below


def _region(plane: FabricPlan, leaves: Mapping[str, Sequence[str]], nodes: Mapping[str, Node]) -> str:
    """Return the region of a plane: that of its first node, else its site."""
    for names in leaves.values():
        for name in names:
            return nodes[name].region
    return plane.site


def _nodes_by_domain(names: Sequence[str], nodes: Mapping[str, Node]) -> dict[str, list[str]]:
    """Return the nodes of a leaf by their NVLink domain; those without one under the empty name."""
    domains: dict[str, list[str]] = {}
    for name in names:
        domains.setdefault(nodes[name].nvlink_domain, []).append(name)
    return domains


def switch_tiers(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return node to the switches above it on its first compute fabric, the leaf first: Topograph's tiers."""
    paths: dict[str, tuple[str, ...]] = {}
    for plane in plan.fabrics:
        # All planes of a fabric have the same tree; the first one represents it.
        if plane.role != "compute" or plane.plane:
            continue
        switches, leaves = tree(plan, plane)
        parents: dict[str, str] = {}
        for parent, children in switches.items():
            parents.update(dict.fromkeys(children, parent))
        for leaf, names in leaves.items():
            path = [leaf]
            while path[-1] in parents:
                path.append(parents[path[-1]])
            for name in names:
                paths.setdefault(name, tuple(path))
    return paths
