"""Labels that state the place of a node: used by the simulator and by the labeller of real clusters alike.

Keys of fabric and accelerator are Topograph's, and so is their meaning since its version 1.0: tier 0 is the
leaf switch, tier 1 the spine above it, tier 2 the core. A rail-optimised node has a leaf a rail; that of rail
0 represents its number, as in the model file. Scalable unit and hall have labels of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.names import KEYS, MANAGEMENT_ROLE, label_value
from sovereign_ai.plan import Node
from sovereign_ai.spec import AIFactory


def place_labels(node: Node, tiers: Sequence[str] = ()) -> dict[str, str]:
    """Return the labels of a node's place.

    Args:
        node: the node.
        tiers: the switches above it, the leaf first; empty where it joins no compute fabric.
    """
    labels = {
        KEYS.rack: node.rack,
        KEYS.scalable_unit: node.scalable_unit,
        KEYS.hall: node.hall,
    }
    for number, switch in enumerate(tiers):
        labels[KEYS.tier(number)] = switch
    if node.nvlink_domain:
        labels[KEYS.nvlink_domain] = node.nvlink_domain
    # A name may be longer than the 63 characters of a label's value.
    return {key: label_value(value) for key, value in labels.items()}


def role_labels(factory: AIFactory, node: Node) -> dict[str, str]:
    """Return the label of a management node's role, which `kubectl get nodes` shows; none for other nodes."""
    return {MANAGEMENT_ROLE: ""} if factory.pool(node.pool).is_management else {}


def node_taints(factory: AIFactory, node: Node) -> list[dict[str, str]]:
    """Return a node's taints: its zone's where the zone has nodes of its own, a spare's, and its role's.

    The taint of a management node is that of its role, like kubeadm's of a control plane: pods run there only
    where they tolerate it, which admission refuses to tenants.
    """
    taints: list[dict[str, str]] = []
    if factory.zone(node.zone).isolation.nodes == "dedicated":
        taints.append({"key": KEYS.namespace_zone, "value": node.zone, "effect": "NoSchedule"})
    if node.spare:
        taints.append({"key": f"{KEYS.domain}/spare", "value": "true", "effect": "NoSchedule"})
    if factory.pool(node.pool).is_management:
        taints.append({"key": MANAGEMENT_ROLE, "effect": "NoSchedule"})
    return taints
