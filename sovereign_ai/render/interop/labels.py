"""Where a machine stands, as labels of its node: one truth for the simulator and for the labeller of real clusters.

Fabric tier 0 is the scalable unit, tier 1 the hall at its site: a rail-optimised machine hangs at one leaf a rail, so no single
leaf stands for its place. Keys of fabric and accelerator are Topograph's.
"""

from __future__ import annotations

from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan.nodes import Node


def place_labels(node: Node) -> dict[str, str]:
    """Give the labels of a machine's place."""
    labels = {
        KEYS.tier(0): node.scalable_unit,
        KEYS.tier(1): f"{node.site}-{node.hall}",
        KEYS.rack: node.rack,
        KEYS.scalable_unit: node.scalable_unit,
        KEYS.hall: node.hall,
    }
    if node.nvlink_domain:
        labels[KEYS.nvlink_domain] = node.nvlink_domain
    return {key: label_value(value) for key, value in labels.items()}
