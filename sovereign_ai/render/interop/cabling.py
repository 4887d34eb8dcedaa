"""Cable lists and rail maps: what a technician lays, and which GPU speaks through which port.

Lengths are estimates of ours, since halls have no floor plan yet: within a rack 2 m; along a row 3 m
and 0.6 m a rack between; between rows 2.4 m a row more, and 4 m of rise and fall in all cases
outside a rack. What is ordered follows from length and rate: copper to 2 m, active optics to 30 m, and beyond it a transceiver at each
end with fibre between: multimode to 50 m at 400 Gbps and more (100 m below), parallel single mode to 500 m, and single mode beyond.
Names of transceivers are those of IEEE 802.3 for Ethernet; InfiniBand's makers use the same optics under the rate's name (NDR, XDR).
Cables are ordered in the next stock length. All of it is a proposal of ours: the switch maker's own list decides.

    >>> part(400 * 10**9, 150, "roce"), part(400 * 10**9, 1240, "infiniband"), part(400 * 10**9, 4600, "roce")
    ('400G copper, 2 m', 'NDR active optical, 15 m', '2 x 400GBASE-SR4, multimode 50 m')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
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
MOST_TWISTED = 10_000_000_000
"""Bits a second that twisted pairs carry over a hall."""


def racks_of(plan: Plan) -> dict[str, Rack]:
    """Give device to rack, rack PDUs too."""
    return {device: rack for rack in plan.racks for device in (*rack.devices, *rack.pdu_names)}


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


def medium(centimetres: int, rate: int) -> str:
    """Give what a cable of that length and rate is made of."""
    if rate <= MOST_TWISTED:
        return "twisted pair"
    return "copper" if centimetres <= MOST_COPPER else "active optical" if centimetres <= MOST_ACTIVE else "transceivers and fibre"


_STOCK = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
"""Metres in which cables and fibres are ordered."""
_INFINIBAND = {100: "EDR", 200: "HDR", 400: "NDR", 800: "XDR"}
_OPTICS: Mapping[int, tuple[tuple[str, str, int], ...]] = {
    100: (("100GBASE-SR4", "multimode", 100), ("100GBASE-DR", "single mode", 500), ("100GBASE-FR1", "single mode", 2000)),
    200: (("200GBASE-SR4", "multimode", 100), ("200GBASE-DR4", "single mode", 500), ("200GBASE-FR4", "single mode", 2000)),
    400: (("400GBASE-SR4", "multimode", 50), ("400GBASE-DR4", "single mode", 500), ("400GBASE-FR4", "single mode", 2000)),
    800: (("800GBASE-SR8", "multimode", 50), ("800GBASE-DR8", "single mode", 500), ("800GBASE-FR8", "single mode", 2000)),
}
"""Gbps to (transceiver, fibre, metres that it is used for)."""


@cache
def part(rate: int, centimetres: int, kind: str) -> str:
    """Give what is ordered for a cable.

    Args:
        rate: bits a second.
        centimetres: its estimated length.
        kind: the fabric's kind, `infiniband`, `roce` or `ethernet`.
    """
    gbps = rate // 10**9
    metres = next((one for one in _STOCK if one * 100 >= centimetres), _STOCK[-1])
    if rate <= MOST_TWISTED:
        return f"{'1000' if gbps == 1 else f'{gbps}G'}BASE-T twisted pair, {metres} m"
    name = _INFINIBAND.get(gbps, f"{gbps}G") if kind == "infiniband" else f"{gbps}G"
    if centimetres <= MOST_COPPER:
        return f"{name} copper, {metres} m"
    if centimetres <= MOST_ACTIVE:
        return f"{name} active optical, {metres} m"
    for optic, fibre, most in _OPTICS.get(gbps, ()):
        if centimetres <= most * 100:
            label = f"{name} {optic.partition('-')[2]}" if kind == "infiniband" else optic
            return f"2 x {label}, {fibre} {metres} m"
    return f"{name} over {centimetres / 100:.0f} m: no optics here reach so far"


def cables_csv(plan: Plan, plane: FabricPlan) -> str:
    """Give one plane's cables, each with a label, both ends with their racks, length, medium and what is ordered for it."""
    racks, where = racks_of(plan), places(plan)
    rate = str(BitsPerSecond(plane.link))
    rows = []
    for number, (lower, lower_port, upper, upper_port) in enumerate(plane.cables, 1):
        here, there = racks.get(lower), racks.get(upper)
        if here is None or there is None:
            size, kind, order = "", "", ""
        else:
            centimetres = length(where[here.name], where[there.name], same=here is there)
            size, kind, order = f"{centimetres / 100:.1f}", medium(centimetres, plane.link), part(plane.link, centimetres, plane.kind)
        ends = (lower, lower_port, here.name if here else "", upper, upper_port, there.name if there else "")
        rows.append((f"{plane.name}-{number:06d}", *ends, rate, size, kind, order))
    head = ["label", "a", "a port", "a rack", "b", "b port", "b rack", "rate", "length m", "medium", "part"]
    return table(head, rows)


def parts_csv(plan: Plan, plane: FabricPlan) -> str:
    """Give how many of each part a plane's cables need, the most first; cables whose ends have no place are counted as open."""
    racks, where = racks_of(plan), places(plan)
    found: Counter[str] = Counter()
    for lower, _, upper, _ in plane.cables:
        here, there = racks.get(lower), racks.get(upper)
        if here is None or there is None:
            found["open: an end has no rack"] += 1
        else:
            found[part(plane.link, length(where[here.name], where[there.name], same=here is there), plane.kind)] += 1
    return table(["part", "cables"], [(name, -count) for count, name in sorted((-count, name) for name, count in found.items())])


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
