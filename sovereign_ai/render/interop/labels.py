"""Labels that state the place of a node: used by the simulator and by the labeller of real clusters alike.

Keys of fabric and accelerator are Topograph's, and so is their meaning since its version 1.0: tier 0 is the
leaf switch, tier 1 the spine above it, tier 2 the core. A rail-optimised node has a leaf a rail; that of rail
0 represents its number, as in the model file. Scalable unit and hall have labels of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan import Node


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
