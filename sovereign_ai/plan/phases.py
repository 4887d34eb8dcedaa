"""What stands in each phase of construction: the part of the whole plan that is built by then.

The plan is laid out once, for the last phase: names, racks, places in them, ports, cables and addresses. The
plan of a phase is what stands of it, so that a later phase only adds. Storage servers stand from the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.growth import first_phases
from sovereign_ai.plan.fabric.planes import FabricPlan, standing_plane
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.power.loads import planned_watts
from sovereign_ai.plan.racks import Rack
from sovereign_ai.plan.shapes import Shape, limited_shapes, phase_totals, pool_shapes
from sovereign_ai.spec import AIFactory

COUNTED = ("nodes", "spares", "gpus", "racks", "switches", "cables", "storage_servers", "it_load_watts")
"""What a phase counts, in the order in which it is shown."""


@frozen_dataclass
class PhasePlan:
    """One phase in numbers.

    Attributes:
        name: its name.
        ends: when it ends, in the description's words; empty where it does not say.
        stands: whether it is built now.
        pools: pool to its servers that count.
        switches: plane to its switches.
        cables: plane to its cables.
        totals: what stands at its end, by the names of `COUNTED`.
        added: what it adds to the phase before.
    """

    name: str
    ends: str
    stands: bool
    pools: Mapping[str, int]
    switches: Mapping[str, int]
    cables: Mapping[str, int]
    totals: Mapping[str, int]
    added: Mapping[str, int]


@frozen_dataclass
class Standing:
    """What stands at the end of a phase.

    Attributes:
        nodes: servers, spares included.
        racks: racks with anything in them.
        planes: fabric planes.
    """

    nodes: tuple[Node, ...]
    racks: tuple[Rack, ...]
    planes: tuple[FabricPlan, ...]


@frozen_dataclass
class Device:
    """A switch or storage server as a part of its rack.

    Attributes:
        units: its height.
        watts: its power.
    """

    units: int
    watts: int


class Layout:
    """The whole factory, and from which phase on each of its devices stands."""

    def __init__(
        self,
        factory: AIFactory,
        whole: Standing,
        sizes: Sequence[FabricSize],
        devices: Mapping[str, Device],
        limits: Mapping[str, int],
    ) -> None:
        """Order the devices by phase.

        Args:
            factory: the description.
            whole: everything in the last phase.
            sizes: the planes' sizes, in their order.
            devices: switches and storage servers by name.
            limits: pool to the watts to which caps limit each of its servers in the end and before.
        """
        self._factory = factory
        self._whole = whole
        self._sizes = sizes
        self._devices = devices
        self._limits = limits
        self._first: dict[str, int] = {}
        fabrics = fabrics_by_name(factory)
        for size in sizes:
            self._first.update(first_phases(factory, size, fabrics[size.fabric].managers))
        self._add_nodes()
        self._add_pdus()

    def _add_nodes(self) -> None:
        """Add the servers, each from the phase whose number of servers reaches its position."""
        totals = phase_totals(self._factory)
        position: dict[str, int] = {}
        for node in self._whole.nodes:
            number = position.get(node.pool, 0)
            position[node.pool] = number + 1
            phase = 0
            while totals[phase][node.pool] <= number:
                phase += 1
            self._first[node.name] = phase

    def _add_pdus(self) -> None:
        """Add the PDUs, which come with the first device of their rack."""
        for rack in self._whole.racks:
            first = min(self._first.get(name, 0) for name in rack.devices)
            for name in rack.pdu_names:
                self._first[name] = first

    @property
    def first(self) -> Mapping[str, int]:
        """Device to the phase from which on it stands, from 0; what is not in it stands from the start."""
        return self._first

    def standing(self, index: int) -> Standing:
        """Return what stands at the end of a phase."""
        shapes: dict[str, Shape] = {}
        standing = pool_shapes(self._factory.in_phase(self._factory.phases[index].name))
        for shape in limited_shapes(standing, self._limits):
            shapes[shape.pool.name] = shape
        nodes: list[Node] = []
        position: dict[str, int] = {}
        for node in self._whole.nodes:
            number = position.get(node.pool, 0)
            position[node.pool] = number + 1
            if number < shapes[node.pool].total:
                is_spare = number >= shapes[node.pool].nodes
                nodes.append(node if node.spare == is_spare else replace(node, spare=is_spare))
        planes: list[FabricPlan] = []
        for plane, size in zip(self._whole.planes, self._sizes, strict=True):
            planes.append(standing_plane(plane, size, self._first, index, self._factory.phases[index].name))
        pool_of = {node.name: node.pool for node in nodes}
        racks: list[Rack] = []
        for rack in self._whole.racks:
            kept = tuple(name for name in rack.devices if self._first.get(name, 0) <= index)
            if kept:
                pool = pool_of.get(kept[0], "")
                racks.append(self._rack(rack, kept, shapes.get(pool)))
        return Standing(tuple(nodes), tuple(racks), tuple(planes))

    def _rack(self, rack: Rack, kept: tuple[str, ...], shape: Shape | None) -> Rack:
        """Return a rack with some of its devices; `shape` is the pool of a compute rack."""
        if shape is not None:
            units = (shape.system.rack_units or 0) * len(kept)
            return replace(rack, devices=kept, rack_units=units, power=planned_watts(shape, len(kept)))
        units = watts = 0
        for name in kept:
            units += self._devices[name].units
            watts += self._devices[name].watts
        return replace(rack, devices=kept, rack_units=units, power=watts)

    def phases(self, storage_servers: int) -> tuple[PhasePlan, ...]:
        """Return every phase in numbers.

        Args:
            storage_servers: storage servers of all tiers, which stand from the start.
        """
        now = current_index(self._factory)
        plans: list[PhasePlan] = []
        before = dict.fromkeys(COUNTED, 0)
        for index, phase in enumerate(self._factory.phases):
            built = self.standing(index)
            totals = _count(built, storage_servers)
            added = {name: totals[name] - before[name] for name in COUNTED}
            pools: dict[str, int] = {}
            for pool in self._factory.pools:
                pools[pool.name] = self._factory.in_phase(phase.name).standing(pool)
            plans.append(
                PhasePlan(
                    name=phase.name,
                    ends=phase.ends or "",
                    stands=index <= now,
                    pools=pools,
                    switches={plane.name: len(plane.switches) for plane in built.planes},
                    cables={plane.name: len(plane.cables) for plane in built.planes},
                    totals=totals,
                    added=added,
                )
            )
            before = totals
        return tuple(plans)


def current_index(factory: AIFactory) -> int:
    """Return the number of the phase of now, from 0."""
    names = [phase.name for phase in factory.phases]
    return names.index(factory.phase) if factory.phase else len(names) - 1


def _count(built: Standing, storage_servers: int) -> dict[str, int]:
    """Count what stands, by the names of `COUNTED`."""
    totals = dict.fromkeys(COUNTED, 0)
    for node in built.nodes:
        if node.spare:
            totals["spares"] += 1
        else:
            totals["nodes"] += 1
            totals["gpus"] += node.gpus
    for plane in built.planes:
        totals["switches"] += len(plane.switches)
        totals["cables"] += len(plane.cables)
    totals["racks"] = len(built.racks)
    totals["storage_servers"] = storage_servers
    totals["it_load_watts"] = sum(rack.power for rack in built.racks)
    return totals
