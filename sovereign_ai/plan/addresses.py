"""Addresses, autonomous systems, VLANs, VNIs and partitions: given out once, in a fixed order.

* Each range of the description is handed out from its start, in aligned blocks of a power of two,
  in the order of the description; growth within a block moves nobody.
* In a block of machines address 1 is the gateway and the machine at position p has address p + 2.
* Links between switches are unnumbered (RFC 5549): switches have a loopback and an AS number only.
* AS numbers follow RFC 7938: one a leaf, one for the spines of a pod, one for the cores of a plane.
* A machine's pod range has twice as many addresses as pods, rounded up to a power of two.

    >>> host("10.64.0.0/26", 0), host("10.64.0.0/26", 40)
    ('10.64.0.2', '10.64.0.42')
    >>> pod_bits(30), pod_bits(110)
    (26, 24)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import label
from sovereign_ai.plan.fabric import FabricPlan, Switch
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.size import FabricSize
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory

FIRST_HOST = 2
"""Position 0 has this address of its block; 0 is the network, 1 the gateway."""
MOST_VLAN = 4094
MOST_P_KEY = 0x7FFE
"""0x7FFF is InfiniBand's default partition."""
FIRST_VRF = 1001
"""First routing table of a VRF; low numbers are the kernel's own."""
LAST_SHORT_ASN, FIRST_LONG_ASN, LAST_LONG_ASN = 65_534, 4_200_000_000, 4_294_967_294
"""Private AS numbers end at 65534 in 16 bits, and lie between these two in 32 (RFC 6996)."""
MOST_PRIVATE = 2**24
"""Addresses of the largest private range, 10.0.0.0/8 (RFC 1918)."""
MOST_SERVICES = 2**16
"""Service addresses that a cluster takes at most."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A range with one use.

    Attributes:
        cidr: the range.
        use: `nodes`, `bmc`, `rail`, `loopback`, `link`, `pods` or `services`.
        site: its site.
        owner: fabric, cluster or pool that it belongs to.
        rail: rail number; -1 where that has no meaning.
    """

    cidr: str
    use: str
    site: str
    owner: str
    rail: int


@dataclass(frozen=True, slots=True)
class Partition:
    """A zone's own part of one fabric, since no NetworkPolicy sees that traffic.

    Attributes:
        fabric: the fabric's name.
        zone: the security zone.
        kind: `p_key`, `vrf`, `vni` or `none`.
        number: P_Key (15 bits, 1 upwards), VRF table or VNI; 0 with `none`.
        vlan: VLAN on Ethernet fabrics; 0 on InfiniBand.
    """

    fabric: str
    zone: str
    kind: str
    number: int
    vlan: int


@dataclass(frozen=True, slots=True)
class Demand:
    """A block that somebody needs.

    Attributes:
        source: field of `network` that it comes from.
        use: as in `Prefix`.
        site: as in `Prefix`.
        owner: as in `Prefix`.
        rail: as in `Prefix`.
        size: addresses; rounded up to a power of two.
    """

    source: str
    use: str
    site: str
    owner: str
    rail: int
    size: int


def text(address: int) -> str:
    """Write an IPv4 address."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def host(cidr: str, position: int) -> str:
    """Give the address of the machine at a position of a block."""
    return text(int(IPv4Network(cidr).network_address) + FIRST_HOST + position)


def pod_bits(pods: int) -> int:
    """Give the prefix length of one machine's pod range."""
    return 32 - (2 * pods - 1).bit_length()


def plane_name(size: FabricSize) -> str:
    """Give the name of a plane."""
    return label(size.fabric, size.site, f"p{size.plane}", most=47)


def joins(fabric: Fabric, shape: Shape) -> bool:
    """Tell whether a fabric joins a pool."""
    return (not fabric.sites or shape.site.name in fabric.sites) and (not fabric.pools or shape.pool.name in fabric.pools)


def joins_role(factory: AIFactory, shape: Shape, role: str) -> bool:
    """Tell whether any fabric of a role joins a pool."""
    return any(fabric.role == role and joins(fabric, shape) for fabric in factory.fabrics)


def demands(
    factory: AIFactory, shapes: Sequence[Shape], sizes: Sequence[FabricSize], clusters: Sequence[tuple[str, str, int]]
) -> Iterator[Demand]:
    """Give every block that is needed, in order.

    Args:
        factory: the description.
        shapes: its pools.
        sizes: its planes.
        clusters: name, site and machines of each cluster.
    """
    for shape in shapes:
        for source, use, role in (("nodes", "nodes", "in-band"), ("management", "bmc", "out-of-band")):
            if joins_role(factory, shape, role):
                yield Demand(source, use, shape.site.name, shape.pool.name, -1, shape.total + FIRST_HOST + 1)
    for size in sizes:
        if size.kind == "infiniband":
            continue
        name = plane_name(size)
        source = "management" if size.role == "out-of-band" else "nodes"
        yield Demand(source, "loopback", size.site, name, -1, size.leaf + size.spine + size.core)
        if size.role in ("compute", "storage"):
            hosts = sum(block.hosts for block in size.blocks)
            for rail in range(size.rails):
                yield Demand(source, "rail", size.site, name, rail, hosts + FIRST_HOST + 1)
    share = max(len(clusters) - 1, 0).bit_length()
    services = min(IPv4Network(factory.network.services).num_addresses >> share, MOST_SERVICES)
    for name, site, machines in clusters:
        yield Demand("pods", "pods", site, name, -1, machines << (32 - pod_bits(factory.clusters.pods_per_node)))
        yield Demand("services", "services", site, name, -1, services)


def prefixes(factory: AIFactory, wanted: Iterable[Demand]) -> tuple[tuple[Prefix, ...], list[Problem]]:
    """Hand out blocks; a range that is too small is a problem that says how large it would have to be."""
    ranges = {name: IPv4Network(getattr(factory.network, name)) for name in ("nodes", "management", "pods", "services")}
    at: dict[str, int] = dict.fromkeys(ranges, 0)
    found: list[Prefix] = []
    wanted = list(wanted)
    for demand in wanted:
        start, at[demand.source] = _block(at[demand.source], demand.size)
        base, bits = int(ranges[demand.source].network_address) + start, (at[demand.source] - start).bit_length() - 1
        found.append(Prefix(f"{text(base)}/{32 - bits}" if base < 2**32 else "", demand.use, demand.site, demand.owner, demand.rail))
    problems = []
    for name, network in ranges.items():
        if at[name] > network.num_addresses:
            message = f"{at[name]:,} addresses are needed, and {network} holds {network.num_addresses:,}"
            hint = f"write a /{32 - (at[name] - 1).bit_length()} or larger"
            if at[name] > MOST_PRIVATE:
                hint = _beyond([one.size for one in wanted if one.source == name], factory.clusters.pods_per_node if name == "pods" else 0)
            problems.append(Problem("addresses-exhausted", message, Where(field=f"network.{name}"), hint))
    return tuple(found), problems


def _block(at: int, size: int) -> tuple[int, int]:
    """Give start and end of the next aligned block that holds so many addresses."""
    block = 1 << max(size - 1, 0).bit_length()
    start = -(-at // block) * block
    return start, start + block


def _beyond(sizes: Sequence[int], pods: int) -> str:
    """Say what to do where no private range is large enough.

    Args:
        sizes: addresses of each block.
        pods: pods a machine, where the blocks are pod ranges; else 0.
    """
    share = 1 << (32 - pod_bits(pods)) if pods else 1
    for fewer in (share >> step for step in range(1, share.bit_length() - 1)):
        end = 0
        for size in sizes:
            _, end = _block(end, size // share * fewer)
        if end <= MOST_PRIVATE:
            do = f"write clusters.pods_per_node: {fewer // 2} or less and a /{32 - (end - 1).bit_length()}, or describe"
            break
    else:
        do = "describe"
    return f"no private range holds more than {MOST_PRIVATE:,}; {do} several factories"


def giver(found: Sequence[Prefix], use: str, owner: str, first: int = FIRST_HOST) -> Callable[[int], str]:
    """Give a function from position to address in an owner's block; without a block, to the empty string."""
    block = next((prefix for prefix in found if prefix.use == use and prefix.owner == owner), None)
    if block is None:
        return lambda _: ""
    base = int(IPv4Network(block.cidr).network_address) + first
    return lambda position: text(base + position)


def partitions(factory: AIFactory) -> tuple[tuple[Partition, ...], list[Problem]]:
    """Give each zone its part of each fabric; what is not InfiniBand and says `partition` gets a VNI."""
    found: list[Partition] = []
    vlan, vni, vrf = factory.network.vlan, factory.network.vni, FIRST_VRF
    for fabric in factory.fabrics:
        for index, zone in enumerate(factory.zones):
            kind = _kind(fabric, zone.isolation.fabric)
            if kind == "none":
                found.append(Partition(fabric.name, zone.name, "none", 0, 0))
            elif kind == "p_key":
                found.append(Partition(fabric.name, zone.name, kind, index + 1, 0))
            else:
                number = vrf if kind == "vrf" else vni
                found.append(Partition(fabric.name, zone.name, kind, number, vlan))
                vlan, vrf, vni = vlan + 1, vrf + (kind == "vrf"), vni + (kind == "vni")
    problems = []
    if vlan - 1 > MOST_VLAN:
        count = vlan - factory.network.vlan
        message = f"{count} VLANs from {factory.network.vlan} end at {vlan - 1}, and the last is {MOST_VLAN}"
        hint = f"write at most {MOST_VLAN - count + 1}" if count < MOST_VLAN else "declare fewer zones or Ethernet fabrics"
        problems.append(Problem("vlans-exhausted", message, Where(field="network.vlan"), hint))
    if len(factory.zones) > MOST_P_KEY and any(part.kind == "p_key" for part in found):
        message = f"{len(factory.zones):,} zones need a P_Key each, and an InfiniBand fabric has {MOST_P_KEY:,}"
        problems.append(Problem("p-keys-exhausted", message, Where(field="zones"), f"declare at most {MOST_P_KEY:,} zones"))
    return tuple(found), problems


def _kind(fabric: Fabric, zone: str) -> str:
    """Give how a zone is kept apart on a fabric."""
    if "none" in (fabric.isolation, zone):
        return "none"
    if fabric.kind == "infiniband":
        return "p_key"
    return "vrf" if fabric.isolation == "vrf" else "vni"


def asn_problems(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[Problem]:
    """Give AS numbers that run out of the private range that they start in, or start in none."""
    needed = sum(size.leaf + size.shape.pods + (size.core > 0) for size in sizes if size.kind != "infiniband")
    first = factory.network.asn
    last = LAST_SHORT_ASN if first <= LAST_SHORT_ASN else LAST_LONG_ASN
    if LAST_SHORT_ASN < first < FIRST_LONG_ASN:
        yield Problem("public-asn", f"AS {first} is not a private number", Where(field="network.asn"), f"write {FIRST_LONG_ASN}")
    elif first + needed - 1 > last:
        message = f"{needed:,} AS numbers from {first} go beyond {last}, the last private one"
        yield Problem("asn-exhausted", message, Where(field="network.asn"), f"write {FIRST_LONG_ASN}, or at most {last - needed + 1}")


def switches(
    plan: FabricPlan, size: FabricSize, racks: Mapping[str, str], loopback: Callable[[int], str], asn: int
) -> tuple[FabricPlan, int]:
    """Give a plane whose switches have rack, loopback and AS number, and the next free number.

    Args:
        plan: the plane as cabled.
        size: its size.
        racks: switch name to rack name.
        loopback: position to loopback.
        asn: the first free AS number.
    """
    if plan.kind == "infiniband":
        return replace(plan, switches=tuple(_switch(one, racks, 0, "") for one in plan.switches)), asn
    first_spine, first_core = asn + size.leaf, asn + size.leaf + size.shape.pods
    tier: defaultdict[str, int] = defaultdict(int)
    found = []
    for position, one in enumerate(plan.switches):
        number = tier[one.tier]
        tier[one.tier] += 1
        own = {"leaf": asn + number, "spine": first_spine + number // max(size.shape.pod_spines, 1), "core": first_core}[one.tier]
        found.append(_switch(one, racks, own, loopback(position)))
    return replace(plan, switches=tuple(found)), first_core + (size.core > 0)


def _switch(one: Switch, racks: Mapping[str, str], asn: int, loopback: str) -> Switch:
    """Give a switch with its place and numbers."""
    return Switch(one.name, one.tier, one.rail, racks[one.name], asn, loopback)
