"""A machine of a cluster, with its row in the plan and its rows in the catalogue."""

from __future__ import annotations

from sovereign_ai.catalog.accelerator import Accelerator, accelerator_of
from sovereign_ai.catalog.system import System, system
from sovereign_ai.catalog.vendors import Vendor
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan, PoolSlice
from sovereign_ai.render.interop import switch_tiers


@frozen_dataclass
class Machine:
    """One machine of a cluster.

    Attributes:
        factory: the factory's name.
        node: its place in the plan.
        part: its pool's part of the cluster.
        system: its row in the catalogue.
        chip: its accelerators' row in the catalogue; None for a machine without accelerators.
        tiers: the switches above it on its compute fabric, the leaf first.
    """

    factory: str
    node: Node
    part: PoolSlice
    system: System
    chip: Accelerator | None
    tiers: tuple[str, ...] = ()

    @property
    def accelerator(self) -> Accelerator:
        """Its accelerators' row in the catalogue, for what is asked of a GPU.

        Raises:
            ValueError: the machine has none.
        """
        if self.chip is None:
            raise ValueError(f"{self.node.name} has no accelerators")
        return self.chip

    @property
    def gpu_vendor(self) -> Vendor | None:
        """The vendor of its accelerators; None where it has none."""
        return self.chip.gpu_vendor if self.chip else None

    @property
    def dra_driver(self) -> str | None:
        """The driver of its ResourceSlices; None where it has none."""
        return self.chip.dra_driver if self.chip else None

    @property
    def instances(self) -> int:
        """The MIG instances of one GPU; 1 where GPUs are whole."""
        return self.part.instances

    @property
    def devices(self) -> int:
        """The number of schedulable devices: GPUs, or MIG instances."""
        return self.node.gpus * self.instances


def machines(plan: Plan, cluster: str) -> list[Machine]:
    """Return the machines of one cluster, in the plan's order.

    Raises:
        KeyError: the plan has no such cluster.
    """
    parts = {part.pool: part for part in plan.cluster(cluster).pools}
    above = switch_tiers(plan)
    listed = []
    for node in plan.nodes_of(cluster):
        row = system(node.system)
        # Without a compute fabric there is no switch above a machine.
        switches = above.get(node.name, ())
        listed.append(Machine(plan.factory, node, parts[node.pool], row, accelerator_of(row), switches))
    return listed
