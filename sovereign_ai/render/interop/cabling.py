"""Cable lists, the parts to order for them, and rail maps: which GPU communicates through which port.

Lengths are those of `plan.cabling.routes`: estimates, since halls have no floor plan yet.

The part follows from length and rate: copper to 2 m, active optics to 30 m, and beyond that a transceiver at
each end with fibre between: multimode to 50 m at 400 Gbps and more (100 m below), parallel single mode to 500
m, and single mode beyond. Names of transceivers are those of IEEE 802.3 for Ethernet; InfiniBand's makers use
the same optics under the rate's name (NDR, XDR). Cables are ordered in the next stock length. All of it is a
proposal: the switch maker's own list decides.

    >>> part(400 * 10**9, 150, "roce"), part(400 * 10**9, 1240, "infiniband"), part(400 * 10**9, 4600, "roce")
    ('400G copper, 2 m', 'NDR active optical, 15 m', '2 x 400GBASE-SR4, multimode 50 m')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import cable_length, rack_positions, racks_of
from sovereign_ai.plan.fabric import FabricPlan, host_rails, rails_beside
from sovereign_ai.render.interop.table import csv_table
from sovereign_ai.render.switches.ports import host_interface, rail_addresses
from sovereign_ai.render.switches.subnet import GENERATIONS
from sovereign_ai.units import BitsPerSecond

MOST_COPPER, MOST_ACTIVE = 200, 3_000
"""Reach of passive copper and of active optical cables, in centimetres."""
MOST_TWISTED = 10_000_000_000
"""Bits a second that twisted pairs carry over a hall."""


def medium(centimetres: int, rate: int) -> str:
    """Return the medium of a cable of that length and rate (bits a second)."""
    if rate <= MOST_TWISTED:
        return "twisted pair"
    if centimetres <= MOST_COPPER:
        return "copper"
    if centimetres <= MOST_ACTIVE:
        return "active optical"
    return "transceivers and fibre"


_STOCK = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
"""Metres in which cables and fibres are ordered."""
_OPTICS: Mapping[int, tuple[tuple[str, str, int], ...]] = {
    100: (
        ("100GBASE-SR4", "multimode", 100),
        ("100GBASE-DR", "single mode", 500),
        ("100GBASE-FR1", "single mode", 2000),
    ),
    200: (
        ("200GBASE-SR4", "multimode", 100),
        ("200GBASE-DR4", "single mode", 500),
        ("200GBASE-FR4", "single mode", 2000),
    ),
    400: (
        ("400GBASE-SR4", "multimode", 50),
        ("400GBASE-DR4", "single mode", 500),
        ("400GBASE-FR4", "single mode", 2000),
    ),
    800: (
        ("800GBASE-SR8", "multimode", 50),
        ("800GBASE-DR8", "single mode", 500),
        ("800GBASE-FR8", "single mode", 2000),
    ),
}
"""Gbps to (transceiver, fibre, reach in metres), the shortest reach first."""


@cache
def part(rate: int, centimetres: int, kind: str) -> str:
    """Return what is ordered for a cable.

    Args:
        rate: bits a second.
        centimetres: its estimated length.
        kind: the fabric's kind, `infiniband`, `roce` or `ethernet`.
    """
    gbps = rate // 10**9
    metres = next((stock for stock in _STOCK if stock * 100 >= centimetres), _STOCK[-1])
    if rate <= MOST_TWISTED:
        # IEEE names gigabit by megabits (1000BASE-T), and what is faster by gigabits (10GBASE-T).
        speed = "1000" if gbps == 1 else f"{gbps}G"
        return f"{speed}BASE-T twisted pair, {metres} m"
    name = f"{gbps}G"
    if kind == "infiniband" and gbps in GENERATIONS:
        name = GENERATIONS[gbps].upper()
    if centimetres <= MOST_COPPER:
        return f"{name} copper, {metres} m"
    if centimetres <= MOST_ACTIVE:
        return f"{name} active optical, {metres} m"
    for optic, fibre, most in _OPTICS.get(gbps, ()):
        if centimetres > most * 100:
            continue
        label = optic
        if kind == "infiniband":
            # The optics of 400GBASE-SR4 are called NDR SR4 there.
            label = f"{name} {optic.partition('-')[2]}"
        return f"2 x {label}, {fibre} {metres} m"
    return f"{name} over {centimetres / 100:.0f} m: no optics here reach so far"


def outside_part(rate: int, optic: str) -> str:
    """Return what is ordered for our end of a link to the outside; its far end is its owner's.

    Args:
        rate: bits a second.
        optic: the catalogue's name of the optic; empty where none is described.

    >>> outside_part(100 * 10**9, "lr4-100g"), outside_part(400 * 10**9, ""), outside_part(10**9, "")
    ('lr4-100g, our end', '400G single mode, our end', '1000BASE-T twisted pair, our end')
    """
    gbps = rate // 10**9
    if optic:
        return f"{optic}, our end"
    if rate <= MOST_TWISTED:
        speed = "1000" if gbps == 1 else f"{gbps}G"
        return f"{speed}BASE-T twisted pair, our end"
    return f"{gbps}G single mode, our end"


class _Estimator:
    """Estimates the length of cables between devices of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._racks = racks_of(plan.racks)
        self._positions = rack_positions(plan.racks)

    def rack_name(self, device: str) -> str:
        """Return the rack of a device; empty where it has none."""
        rack = self._racks.get(device)
        return "" if rack is None else rack.name

    def centimetres(self, lower: str, upper: str) -> int | None:
        """Return the length of a cable between two devices; None where one of them has no rack."""
        rack, other = self._racks.get(lower), self._racks.get(upper)
        if rack is None or other is None:
            return None
        return cable_length(self._positions[rack.name], self._positions[other.name], same=rack is other)


def cables_csv(plan: Plan, plane: FabricPlan) -> str:
    """Return one plane's cables as CSV.

    A row has a label, both ends with their racks, the rate, length and medium, and what is ordered for it.
    """
    estimator = _Estimator(plan)
    first_outside = len(plane.cables) - plane.outside
    rows: list[tuple[str, ...]] = []
    for number, cable in enumerate(plane.cables, 1):
        ends = (
            cable.lower,
            cable.lower_port,
            estimator.rack_name(cable.lower),
            cable.upper,
            cable.upper_port,
            estimator.rack_name(cable.upper),
        )
        size, made_of, order = "", "", ""
        link = plane.rate_of(number - 1)
        rate = str(BitsPerSecond(link))
        centimetres = estimator.centimetres(cable.lower, cable.upper)
        if centimetres is not None:
            size = f"{centimetres / 100:.1f}"
            made_of = medium(centimetres, link)
            order = part(link, centimetres, plane.kind)
        elif number > first_outside:
            size = f"{plane.outside_cord / 100:.1f}" if plane.outside_cord else ""
            is_pair = link <= MOST_TWISTED and not plane.outside_optic
            made_of = "twisted pair" if is_pair else "transceivers and fibre"
            order = outside_part(link, plane.outside_optic)
        rows.append((f"{plane.name}-{number:06d}", *ends, rate, size, made_of, order))
    head = ["label", "a", "a port", "a rack", "b", "b port", "b rack", "rate", "length m", "medium", "part"]
    return csv_table(head, rows)


def parts_csv(plan: Plan, plane: FabricPlan) -> str:
    """Return how many of each part a plane's cables need, as CSV, the most first.

    Cables with an end that has no rack are counted as open; of those to the outside our end is counted.
    """
    estimator = _Estimator(plan)
    first_outside = len(plane.cables) - plane.outside
    counts: Counter[str] = Counter()
    for number, (lower, upper) in enumerate(plane.cables.pairs(), 1):
        centimetres = estimator.centimetres(lower, upper)
        link = plane.rate_of(number - 1)
        if number > first_outside:
            counts[outside_part(link, plane.outside_optic)] += 1
        elif centimetres is None:
            counts["open: an end has no rack"] += 1
        else:
            counts[part(link, centimetres, plane.kind)] += 1
    rows = sorted(counts.items(), key=_most_first)
    return csv_table(["part", "cables"], rows)


def _most_first(row: tuple[str, int]) -> tuple[int, str]:
    """Return the key that sorts parts by their number, falling, and then by name."""
    name, count = row
    return (-count, name)


def rail_map(plan: Plan, plane: FabricPlan) -> dict[str, list[dict[str, Any]]]:
    """Return for each node the ports of a compute plane, each with its GPUs, leaf and address.

    A node's GPUs are shared evenly among its rails in order; with as many rails as GPUs each has its own.
    """
    nodes = {node.name: node for node in plan.nodes}
    addresses = rail_addresses(plan, plane)
    rails: dict[str, list[dict[str, Any]]] = {}
    count = rails_beside(plane, plan.fabrics)
    for link, plane_rail in zip(plane.host_links, host_rails(plane), strict=True):
        host, port = link.lower, link.lower_port
        node = nodes.get(host)
        # Fabric managers have cables too, and no GPU.
        if node is None:
            continue
        rail = plane.first_rail + plane_rail
        row = {
            "rail": rail,
            "gpus": gpus_of_rail(system(node.system).gpus, rail, count),
            "interface": host_interface(port),
            "leaf": link.upper,
            "leaf_port": link.upper_port,
            "address": addresses.get((host, port), ""),
        }
        rails.setdefault(host, []).append(row)
    return rails


def gpus_of_rail(gpus: int, rail: int, rails: int) -> list[int]:
    """Return the numbers of a machine's GPUs that use a rail: they are shared evenly, in order.

    Where rails are more than GPUs each GPU uses several, and none is without one.

    Args:
        gpus: GPUs of the machine.
        rail: the rail's number.
        rails: rails of the fabric, all planes together.
    """
    if rails > gpus:
        return [rail * gpus // rails]
    return [gpu for gpu in range(gpus) if gpu * rails // gpus == rail]
