"""One machine with everything that the plan and the catalogue say about it."""

from __future__ import annotations

from dataclasses import dataclass

from sovereign_ai.catalog.accelerators import Accelerator, accelerator
from sovereign_ai.catalog.systems import System, system
from sovereign_ai.plan.clusters import PoolSlice
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a cluster.

    Attributes:
        factory: the factory's name.
        node: its place in the plan.
        part: its pool's part of the cluster.
        system: its row in the catalogue.
        accelerator: its accelerators' row in the catalogue.
    """

    factory: str
    node: Node
    part: PoolSlice
    system: System
    accelerator: Accelerator

    @property
    def instances(self) -> int:
        """MIG instances of one GPU; 1 where GPUs are whole."""
        return self.part.instances

    @property
    def devices(self) -> int:
        """Schedulable devices: GPUs, or MIG instances."""
        return self.node.gpus * self.instances


def machines(plan: Plan, cluster: str) -> list[Machine]:
    """Give the machines of one cluster, in the plan's order.

    Raises:
        KeyError: the plan has no such cluster.
    """
    parts = {part.pool: part for part in plan.cluster(cluster).pools}
    found = []
    for node in plan.nodes_of(cluster):
        row = system(node.system)
        found.append(Machine(plan.factory, node, parts[node.pool], row, accelerator(row.accelerator)))
    return found
