"""Servers: one Kubernetes node each, with a name and a rack position that never change.

Numbers count from 1 through the pool, counted servers first and its spares after them, and are padded to
three digits. A server keeps its name when its pool grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape, scalable_unit

__all__ = ["Node", "machine_name", "plan_nodes", "scalable_unit"]


@frozen_dataclass
class Node:
    """One server of a pool.

    Attributes:
        name: DNS label, `<pool>-<number>` with the number padded, such as `train-003`.
        pool: its pool's name.
        system: catalogue name of the server.
        site: its site.
        region: Kubernetes region (`topology.kubernetes.io/region`).
        hall: its hall, used as Kubernetes zone (`topology.kubernetes.io/zone`).
        zone: its security zone.
        jurisdiction: ISO country code of its site.
        rack: its rack's name.
        place: position in the rack, from 0 at the bottom.
        scalable_unit: name of its scalable unit, `<site>-<pool>-su0`.
        nvlink_domain: name of its rack-scale NVLink domain; empty where NVLink ends at the server.
        cluster: the Kubernetes cluster that it joins.
        spare: whether it is kept ready and not counted.
        gpus: GPUs in it.
        address: in-band IPv4 address; empty where no in-band network is described.
        bmc: out-of-band IPv4 address; empty where no out-of-band network is described.
    """

    name: str
    pool: str
    system: str
    site: str
    region: str
    hall: str
    zone: str
    jurisdiction: str
    rack: str
    place: int
    scalable_unit: str
    nvlink_domain: str
    cluster: str
    spare: bool
    gpus: int
    address: str
    bmc: str


Address = Callable[[int], str]
"""Position in the pool to IPv4 address; returns the empty string where there is no such network."""


def machine_name(pool: str, position: int) -> str:
    """Return the name of a pool's server by its position from 0.

    >>> machine_name("train", 2), machine_name("train", 12_499)
    ('train-003', 'train-12500')
    """
    return f"{pool}-{position + 1:03d}"


def plan_nodes(
    shapes: Sequence[Shape],
    racks: Mapping[str, Sequence[str]],
    clusters: Mapping[str, Sequence[str]],
    in_band: Mapping[str, Address],
    bmc: Mapping[str, Address],
) -> tuple[Node, ...]:
    """Return every server, pool by pool.

    Args:
        shapes: the pools.
        racks: pool to the names of its racks, in order.
        clusters: pool to the cluster of each position.
        in_band: pool to its in-band addresses.
        bmc: pool to its out-of-band addresses.
    """
    planned: list[Node] = []
    for shape in shapes:
        name = shape.pool.name
        planned.extend(_pool_nodes(shape, racks[name], clusters[name], in_band[name], bmc[name]))
    return tuple(planned)


def _pool_nodes(
    shape: Shape, racks: Sequence[str], clusters: Sequence[str], in_band: Address, bmc: Address
) -> Iterator[Node]:
    """Yield the servers of one pool."""
    pool, site = shape.pool, shape.site
    region = site.region or site.name
    # Names of units and domains are made once, not for each of their servers.
    units = [label(site.name, pool.name, f"su{unit}") for unit in range(ceil_div(shape.total, shape.unit))]
    domain = shape.system.nvlink_domain_nodes
    domains: list[str] = []
    if domain:
        count = ceil_div(shape.total, domain)
        domains = [label(pool.name, f"nvl{number:03d}") for number in range(1, count + 1)]
    for position in range(shape.total):
        rack, place = divmod(position, shape.per_rack)
        yield Node(
            name=machine_name(pool.name, position),
            pool=pool.name,
            system=pool.system,
            site=site.name,
            region=region,
            hall=shape.hall.name,
            zone=pool.zone,
            jurisdiction=site.country,
            rack=racks[rack],
            place=place,
            scalable_unit=units[position // shape.unit],
            nvlink_domain=domains[position // domain] if domain else "",
            cluster=clusters[position],
            spare=position >= shape.nodes,
            gpus=shape.system.gpus,
            address=in_band(position),
            bmc=bmc(position),
        )
