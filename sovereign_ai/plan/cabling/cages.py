"""Cages: which plug a port's link shares with others, and what fits it.

A cage takes one plug. A plug of 800 Gbps serves two links of 400 Gbps, from one port split in two (`breakout:
2`) or from two ports that share a cage, as in an InfiniBand switch of 64 ports in 32 cages. On a server the
planes of a rail share a cage, and so do the rails of systems with `compute_cages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from sovereign_ai.catalog.switch import SwitchModel, switch
from sovereign_ai.catalog.system import system
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric

GIGABIT = 10**9
_TWISTED = 10
"""Gbps up to which ports are of twisted pairs."""
_MOST_LANES = ((800, 8), (100, 4), (0, 1))
"""Gbps of a cage from which on it has so many lanes."""
_QSFP = {25: "QSFP28", 50: "QSFP56", 100: "QSFP112", 200: "QSFP224"}
_SFP = {25: "SFP28", 50: "SFP56", 100: "SFP112"}
"""Gbps of a lane to the form of a cage."""
OUTSIDE = "outside"
"""The form of a port at the far end of a link to the outside, into which nothing of ours is plugged."""
_INTEGRATED_LANE = 200
"""Gbps of a lane of co-packaged optics."""


class CageKind(NamedTuple):
    """What fits a cage.

    Attributes:
        form: form of the plug, such as `OSFP`; `RJ45` of twisted pairs, `fibre` where the optics are in
            the switch, and `outside` where it is a port of others.
        side: `switch` or `host`.
        gbps: rate of all its lanes.
        lanes: its electrical lanes.
    """

    form: str
    side: str
    gbps: int
    lanes: int

    @property
    def lane(self) -> int:
        """Gbps of a lane."""
        return self.gbps // self.lanes


class CagePort(NamedTuple):
    """A port's place in a cage.

    Attributes:
        number: number of the cage on its device.
        position: place of the link among those of the cage, from 0.
        kind: the cage.
    """

    number: int
    position: int
    kind: CageKind


def far_end(gbps: int) -> CageKind:
    """Return what stands for the far end of a link to the outside: a port of others, of no known form."""
    return CageKind(OUTSIDE, "", gbps, 1)


def switch_cage(gbps: int, kind: str) -> CageKind:
    """Return the cage of a switch by its rate and the kind of its fabric."""
    if gbps <= _TWISTED:
        return CageKind("RJ45", "switch", gbps, 1)
    lanes = most_lanes(gbps)
    if lanes == 8:
        return CageKind("OSFP", "switch", gbps, lanes)
    if gbps == 400 and kind != "infiniband":
        return CageKind("QSFP-DD", "switch", gbps, 8)
    return CageKind(_quad_form(gbps, lanes), "switch", gbps, lanes)


@cache
def host_cage(gbps: int, lane: int, kind: str) -> CageKind:
    """Return the cage of a server: its lanes follow those of the switch where it has as many.

    Args:
        gbps: rate of all links in the cage.
        lane: Gbps of a lane at the switch.
        kind: the fabric's kind.
    """
    if gbps <= _TWISTED:
        return CageKind("RJ45", "host", gbps, 1)
    lanes = most_lanes(gbps)
    wanted, rest = divmod(gbps, lane)
    if not rest and wanted in (1, 2, 4, 8) and wanted <= lanes:
        lanes = wanted
    if gbps >= 800 or (gbps == 400 and kind == "infiniband"):
        return CageKind("OSFP", "host", gbps, lanes)
    return CageKind(_quad_form(gbps, lanes), "host", gbps, lanes)


def most_lanes(gbps: int) -> int:
    """Return the lanes of a cage of so many Gbps."""
    for least, lanes in _MOST_LANES:
        if gbps >= least:
            return lanes
    return 1


def _quad_form(gbps: int, lanes: int) -> str:
    """Return the form of a cage of at most four lanes."""
    forms = _SFP if most_lanes(gbps) == 1 else _QSFP
    return forms.get(gbps // lanes, "QSFP" if forms is _QSFP else "SFP")


class ModelCages:
    """The cages of one model of switch in one fabric, by the names of its ports."""

    def __init__(self, fabric: Fabric, tier: str, plane: FabricPlan) -> None:
        """Take the model of a tier, if the description names one."""
        name = fabric.switch_of(tier)
        self._model: SwitchModel | None = switch(name) if name else None
        self._fabric = fabric
        self._kind = plane.kind
        self._known: dict[tuple[str, int], CagePort] = {}

    def port(self, name: str, gbps: int, parts: int | None = None) -> CagePort:
        """Return the cage of a port.

        Args:
            name: `7`, or `7/2` of a port that is split.
            gbps: rate of its link.
            parts: into how many links it is split, where that differs from the fabric's `breakout`.
        """
        known = self._known.get((name, gbps))
        if known is None:
            known = self._known[name, gbps] = self._port(name, gbps, parts or self._fabric.breakout)
        return known

    def _port(self, name: str, gbps: int, split: int) -> CagePort:
        """Return the cage of a port that was not asked for before."""
        port_text, _, part_text = name.partition("/")
        port, part = int(port_text) - 1, int(part_text or 1) - 1
        model = self._model
        if model is None:
            rate = gbps * (split if part_text else 1)
            return CagePort(port, part, switch_cage(rate, self._kind))
        if port >= model.ports:
            rate = (model.uplink_rate or model.rate).count // GIGABIT
            return CagePort(port, part, switch_cage(rate, self._kind))
        rate = model.rate.count // GIGABIT
        if model.cages == 0:
            lanes = ceil_div(rate, _INTEGRATED_LANE)
            return CagePort(port, part, CageKind("fibre", "switch", rate, lanes))
        shared = model.ports // (model.cages or model.ports)
        parts = max(rate // gbps, 1)
        cage, position = divmod(port, shared)
        return CagePort(cage, position * parts + part, switch_cage(rate * shared, self._kind))


class HostPorts:
    """The cages of servers and other hosts of one fabric."""

    def __init__(self, fabric: Fabric, role: str, systems: Mapping[str, str]) -> None:
        """Take the systems of servers by name; other hosts have a cage for each port."""
        self._systems = systems
        self._prefix = len(role)
        self._is_compute = role == "compute"
        self._planes = fabric.planes
        self._rails = fabric.rails
        self._shared: dict[str, int] = {}

    def port(self, host: str, name: str, gbps: int, lane: int, kind: str) -> CagePort:
        """Return the cage of a host's port.

        Args:
            host: its name.
            name: `compute3`, or `compute3/2` of the second plane.
            gbps: rate of its link.
            lane: Gbps of a lane at the switch.
            kind: the fabric's kind.
        """
        rail_text, _, plane_text = name[self._prefix :].partition("/")
        shared = self._rails_of(host)
        number, place = divmod(int(rail_text), shared)
        position = place * self._planes + int(plane_text or 1) - 1
        return CagePort(number, position, host_cage(gbps * shared * self._planes, lane, kind))

    def _rails_of(self, host: str) -> int:
        """Return how many rails share a cage of a host."""
        name = self._systems.get(host)
        if name is None or not self._is_compute:
            return 1
        shared = self._shared.get(name)
        if shared is None:
            model = system(name)
            shared = max(model.compute_nics // (model.compute_cages or model.compute_nics), 1)
            shared *= max(self._rails // model.compute_nics, 1)
            self._shared[name] = shared
        return shared
