"""Every cable of one plane with both its ports: (a, a_port, b, b_port), a below b.

* A machine's port is `<role><rail>` from 0; with several planes `<role><rail>/<plane>`, the plane
  counted from 1, since the planes share the machine's one cage.
* A switch's ports count from 1; split by breakout they are `<port>/<part>`, both from 1.
* On a leaf the places come first and the uplinks after them, so a machine's port follows from its
  place alone. On a spine the leaves of its pod come first, in order, and the cores after them. On a
  core the pods come in order.
* Rows are made by zipping ready lists of text: 300,000 of them take a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

from sovereign_ai.names import label
from sovereign_ai.plan.seats import MANAGED, SERVERS, seats
from sovereign_ai.plan.size import FabricSize

Cable = tuple[str, str, str, str]

_LONGEST_PREFIX = 47
"""Characters of a plane's name: `-leaf-r15-00001` and the like must fit behind it in a DNS label."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of one plane's switches.

    Attributes:
        plane: the plane's own name.
        leaves: leaves in order: number by number, and the rails of a number one after another.
        rails: the rail of each leaf.
        spines: spines, pod by pod.
        cores: cores, group by group.
    """

    plane: str
    leaves: tuple[str, ...]
    rails: tuple[int, ...]
    spines: tuple[str, ...]
    cores: tuple[str, ...]


def switch_names(size: FabricSize) -> Names:
    """Name every switch of a plane."""
    plane = label(size.fabric, size.site, f"p{size.plane}", most=_LONGEST_PREFIX)
    rails = tuple(range(size.rails)) * (size.leaf // size.rails)
    return Names(
        plane=plane,
        leaves=tuple(f"{plane}-leaf-r{rail}-{index // size.rails + 1:03d}" for index, rail in enumerate(rails)),
        rails=rails,
        spines=tuple(f"{plane}-spine-{number:03d}" for number in range(1, size.spine + 1)),
        cores=tuple(f"{plane}-core-{number:03d}" for number in range(1, size.core + 1)),
    )


def port_names(radix: int, breakout: int) -> list[str]:
    """Name a switch's ports: `1`, `2`, … or, split, `1/1`, `1/2`, `2/1`, …."""
    if breakout == 1:
        return [str(port) for port in range(1, radix + 1)]
    return [f"{port // breakout + 1}/{port % breakout + 1}" for port in range(radix)]


def node_leaf(
    size: FabricSize,
    names: Names,
    ports: list[str],
    hosts: Mapping[str, Sequence[str]],
    *,
    managers: int,
    planes: int,
    server_port: int,
) -> list[Cable]:
    """Join machines, storage servers and managers to their leaves.

    Args:
        size: the plane's size.
        names: its switches.
        ports: port names of a switch.
        hosts: block name to the hosts in it, in order of their places.
        managers: manager ports; they take the places behind the last pool's machines.
        planes: planes of the fabric.
        server_port: number of a storage server's first port, where earlier fabrics of the role took some.
    """
    placed: list[tuple[str, int, int]] = []
    free: list[int] = []
    for block, places in zip(size.blocks, seats(size.blocks, size.down), strict=True):
        first = server_port if block.name == SERVERS else 0
        placed.extend(zip(hosts.get(block.name, ()), places, repeat(first), strict=False))
        if block.name not in (SERVERS, MANAGED):
            free = places[block.hosts :]
    cables: list[Cable] = []
    who = [host for host, _, _ in placed]
    where = [ports[place % size.down] for _, place, _ in placed]
    suffix = f"/{size.plane + 1}" if planes > 1 else ""
    for rail in range(size.rails):
        leaves = names.leaves[rail :: size.rails]
        mine = {first: f"{size.role}{first + rail}{suffix}" for first in {0, server_port}}
        cables.extend(
            zip(who, [mine[first] for _, _, first in placed], [leaves[place // size.down] for _, place, _ in placed], where, strict=True)
        )
    for manager in range(managers):
        turn, rail = divmod(manager, size.rails)
        leaf, port = divmod(free[turn], size.down)
        name = f"{names.plane}-manager-{manager + 1}"
        cables.append((name, f"{size.role}{rail}{suffix}", names.leaves[leaf * size.rails + rail], ports[port]))
    return cables


def leaf_spine(size: FabricSize, names: Names, ports: list[str]) -> list[Cable]:
    """Join every leaf to every spine of its pod with equally many links."""
    shape = size.shape
    if shape.tiers == 1:
        return []
    up = ports[size.down : size.down + size.up]
    cables: list[Cable] = []
    for pod in range(shape.pods):
        count = shape.last_spines if pod == shape.pods - 1 else shape.pod_spines
        links = size.up // count
        spines = names.spines[pod * shape.pod_spines : pod * shape.pod_spines + count]
        above = [spine for spine in spines for _ in range(links)]
        for place, leaf in enumerate(names.leaves[pod * shape.pod : (pod + 1) * shape.pod]):
            there = ports[place * links : (place + 1) * links] * count
            cables.extend(zip(repeat(leaf), up, above, there, strict=False))
    return cables


def spine_core(size: FabricSize, names: Names, ports: list[str]) -> list[Cable]:
    """Join spine j of every pod to the cores of group j; a smaller last pod's spines serve several groups each."""
    shape = size.shape
    if shape.tiers < 3:
        return []
    below = size.radix - shape.spine_up
    up = ports[below:]
    full_links = shape.spine_up // shape.group
    cables: list[Cable] = []
    for pod in range(shape.pods):
        count = shape.last_spines if pod == shape.pods - 1 else shape.pod_spines
        cores = len(names.cores) // count
        links = shape.spine_up // cores
        there = ports[pod * full_links : pod * full_links + links] * cores
        for place, spine in enumerate(names.spines[pod * shape.pod_spines : pod * shape.pod_spines + count]):
            group = names.cores[place * cores : (place + 1) * cores]
            above = chain.from_iterable(repeat(core, links) for core in group)
            cables.extend(zip(repeat(spine), up, above, there, strict=False))
    return cables
