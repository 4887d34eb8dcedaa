"""Cable lists and rail maps: what a technician lays, and which GPU speaks through which port.

Lengths are estimates of ours, since halls have no floor plan yet: within a rack 2 m; along a row 3 m
and 0.6 m a rack between; between rows 2.4 m a row more, and 4 m of rise and fall in all cases
outside a rack. A cable's kind follows from length and rate: copper to 2 m, active optics to 30 m, transceivers beyond.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.racks import Rack
from sovereign_ai.render.interop.table import table
from sovereign_ai.render.switches.ports import host_interface, rail_addresses
from sovereign_ai.units import BitsPerSecond

_IN_RACK, _BETWEEN, _RISE, _RACK_WIDTH, _ROW_PITCH = 200, 300, 400, 60, 240
"""Centimetres."""
MOST_COPPER, MOST_ACTIVE = 200, 3_000


def racks_of(plan: Plan) -> dict[str, Rack]:
    """Give device to rack."""
    return {device: rack for rack in plan.racks for device in rack.devices}


def places(plan: Plan) -> dict[str, tuple[int, int]]:
    """Give rack name to (row, place in the row)."""
    found: dict[str, tuple[int, int]] = {}
    taken: dict[tuple[str, int], int] = {}
    for rack in plan.racks:
        key = (rack.hall, rack.row)
        found[rack.name] = (rack.row, taken.get(key, 0))
        taken[key] = taken.get(key, 0) + 1
    return found


def length(one: tuple[int, int], other: tuple[int, int], *, same: bool) -> int:
    """Estimate a cable's length in centimetres, from (row, place) of both racks.

    >>> length((0, 0), (0, 0), same=True), length((0, 0), (1, 5), same=False)
    (200, 1240)
    """
    if same:
        return _IN_RACK
    return _BETWEEN + _RISE + abs(one[1] - other[1]) * _RACK_WIDTH + abs(one[0] - other[0]) * _ROW_PITCH


def medium(centimetres: int) -> str:
    """Give what a cable of that length is made of."""
    return "copper" if centimetres <= MOST_COPPER else "active optical" if centimetres <= MOST_ACTIVE else "transceivers and fibre"


def cables_csv(plan: Plan, plane: FabricPlan) -> str:
    """Give one plane's cables, each with a label, both ends with their racks, length and medium."""
    racks, where = racks_of(plan), places(plan)
    rate = str(BitsPerSecond(plane.link))
    rows = []
    for number, (lower, lower_port, upper, upper_port) in enumerate(plane.cables, 1):
        here, there = racks.get(lower), racks.get(upper)
        if here is None or there is None:
            size, kind = "", ""
        else:
            centimetres = length(where[here.name], where[there.name], same=here is there)
            size, kind = f"{centimetres / 100:.1f}", medium(centimetres)
        ends = (lower, lower_port, here.name if here else "", upper, upper_port, there.name if there else "")
        rows.append((f"{plane.name}-{number:06d}", *ends, rate, size, kind))
    head = ["label", "a", "a port", "a rack", "b", "b port", "b rack", "rate", "length m", "medium"]
    return table(head, rows)


def rail_map(plan: Plan, plane: FabricPlan) -> dict[str, list[dict[str, Any]]]:
    """Give for each machine which GPUs speak through which port on a compute plane, with leaf and address.

    A machine's GPUs are shared evenly among its rails in order; with as many rails as GPUs each has its own.
    """
    nodes = {node.name: node for node in plan.nodes}
    rails = {one.name: one.rail for one in plane.switches}
    addresses: Mapping[tuple[str, str], str] = rail_addresses(plan, plane)
    found: dict[str, list[dict[str, Any]]] = {}
    for host, port, leaf, leaf_port in islice(plane.cables, plane.node_leaf):
        node = nodes.get(host)
        if node is None:
            continue
        rail = rails[leaf]
        gpus = [gpu for gpu in range(system(node.system).gpus) if gpu * plane.rails // node.gpus == rail]
        row = {"rail": rail, "gpus": gpus, "interface": host_interface(port), "leaf": leaf, "leaf_port": leaf_port}
        found.setdefault(host, []).append({**row, "address": addresses.get((host, port), "")})
    return found
