"""Addresses, autonomous systems, VLANs, VNIs and InfiniBand partitions, allocated in a fixed order.

* Each range of the description is allocated from its start, in aligned blocks of a power of two, in the order
  of the description. Growth within a block renumbers no other block.
* In a block of servers address 1 is the gateway, and the server at position p has address p + 2.
* Links between switches are unnumbered (RFC 5549): switches have only a loopback and an AS number.
* AS numbers follow RFC 7938: one for each leaf, one for the spines of a pod, one for the cores of a plane.
* A server's pod range has twice as many addresses as pods, rounded up to a power of two.

    >>> host_address("10.64.0.0/26", 0), host_address("10.64.0.0/26", 40)
    ('10.64.0.2', '10.64.0.42')
    >>> pod_bits(30), pod_bits(110)
    (26, 24)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.cables import plane_name
from sovereign_ai.plan.fabric.planes import FabricPlan, Switch
from sovereign_ai.plan.fabric.port_assignment import total_hosts
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, Fabric
from sovereign_ai.text import counted

FIRST_HOST = 2
"""Position 0 has this address of its block; 0 is the network, 1 the gateway."""
MOST_VLAN = 4094
"""The last VLAN; 4095 is reserved (IEEE 802.1Q)."""
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


@frozen_dataclass
class Prefix:
    """An address range with one use.

    Attributes:
        cidr: the range.
        use: `nodes`, `bmc`, `rail`, `loopback`, `link`, `pods` or `services`.
        site: its site.
        owner: fabric, cluster or pool that it belongs to.
        rail: rail number; -1 where the range belongs to no rail.
    """

    cidr: str
    use: str
    site: str
    owner: str
    rail: int


@frozen_dataclass
class Partition:
    """The isolated part of one fabric that belongs to a zone. NetworkPolicies do not see traffic on fabrics.

    Attributes:
        fabric: the fabric's name.
        zone: the security zone.
        kind: `p_key`, `vrf`, `vni` or `none`.
        number: P_Key (15 bits, from 1), VRF table or VNI; 0 with `none`.
        vlan: VLAN on Ethernet fabrics; 0 on InfiniBand.
    """

    fabric: str
    zone: str
    kind: str
    number: int
    vlan: int


@frozen_dataclass
class Demand:
    """A block of addresses that the plan needs.

    Attributes:
        source: field of `network` whose range the block comes from.
        use: as in `Prefix`.
        site: as in `Prefix`.
        owner: as in `Prefix`.
        rail: as in `Prefix`.
        size: addresses needed; the block is rounded up to a power of two.
    """

    source: str
    use: str
    site: str
    owner: str
    rail: int
    size: int


def format_address(address: int) -> str:
    """Format an IPv4 address."""
    # A large factory formats hundreds of thousands of addresses: no object is made for each.
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def host_address(cidr: str, position: int) -> str:
    """Return the address of the server at a position of a block."""
    first = int(IPv4Network(cidr).network_address) + FIRST_HOST
    return format_address(first + position)


def pod_bits(pods: int) -> int:
    """Return the prefix length of one node's pod range, which has twice as many addresses as pods."""
    return 32 - (2 * pods - 1).bit_length()


def joins(fabric: Fabric, shape: Shape) -> bool:
    """Return whether a fabric connects the servers of a pool."""
    return shape.pool.is_on(fabric)


def joins_role(factory: AIFactory, shape: Shape, role: str) -> bool:
    """Return whether any fabric of a role connects the servers of a pool."""
    return any(fabric.role == role and joins(fabric, shape) for fabric in factory.fabrics)


def demands(
    factory: AIFactory,
    shapes: Sequence[Shape],
    sizes: Sequence[FabricSize],
    clusters: Sequence[tuple[str, str, int]],
) -> Iterator[Demand]:
    """Yield every block that the plan needs, in the order of allocation.

    The order is part of the plan: a new kind of block comes last, or addresses of a deployed factory change.

    Args:
        factory: the description.
        shapes: its pools.
        sizes: its fabric planes.
        clusters: name, site and number of nodes of each cluster.
    """
    for shape in shapes:
        yield from _pool_demands(factory, shape)
    for size in sizes:
        yield from _plane_demands(size)
    yield from _cluster_demands(factory, clusters)


def _pool_demands(factory: AIFactory, shape: Shape) -> Iterator[Demand]:
    """Yield the in-band and out-of-band blocks of one pool."""
    # The network address and the gateway come before the first server, the broadcast address after the last.
    addresses = shape.total + FIRST_HOST + 1
    if joins_role(factory, shape, "in-band"):
        yield Demand("nodes", "nodes", shape.site.name, shape.pool.name, -1, addresses)
    if joins_role(factory, shape, "out-of-band"):
        yield Demand("management", "bmc", shape.site.name, shape.pool.name, -1, addresses)


def _plane_demands(size: FabricSize) -> Iterator[Demand]:
    """Yield the loopbacks of a plane's switches, and one block a rail for the servers' ports."""
    # InfiniBand addresses its ports by LID, which the subnet manager assigns.
    if size.kind == "infiniband":
        return
    name = plane_name(size)
    source = "management" if size.role == "out-of-band" else "nodes"
    switch_count = size.leaf + size.spine + size.core + size.border
    yield Demand(source, "loopback", size.site, name, -1, switch_count)
    if size.role in ("compute", "storage"):
        hosts = total_hosts(size.blocks)
        for rail in range(size.rails):
            yield Demand(source, "rail", size.site, name, rail, hosts + FIRST_HOST + 1)


def _cluster_demands(factory: AIFactory, clusters: Sequence[tuple[str, str, int]]) -> Iterator[Demand]:
    """Yield the pod and service blocks of each cluster."""
    # All clusters get service blocks of one size, so the range is divided by the next power of two of their
    # number.
    halvings = max(len(clusters) - 1, 0).bit_length()
    services = IPv4Network(factory.network.services).num_addresses >> halvings
    services = min(services, MOST_SERVICES)
    node_bits = 32 - pod_bits(factory.clusters.pods_per_node)
    for name, site, machines in clusters:
        yield Demand("pods", "pods", site, name, -1, machines << node_bits)
        yield Demand("services", "services", site, name, -1, services)


def prefixes(factory: AIFactory, wanted: Iterable[Demand]) -> tuple[tuple[Prefix, ...], list[Problem]]:
    """Allocate a block for each demand.

    Returns:
        The blocks in the order of the demands, and a problem for each range that is too small, with the size
        it needs.
    """
    ranges: dict[str, IPv4Network] = {}
    for field in ("nodes", "management", "pods", "services"):
        ranges[field] = IPv4Network(getattr(factory.network, field))
    used: dict[str, int] = dict.fromkeys(ranges, 0)
    sizes: dict[str, list[int]] = {field: [] for field in ranges}
    allocated: list[Prefix] = []
    for demand in wanted:
        start, end = _next_block(used[demand.source], demand.size)
        used[demand.source] = end
        sizes[demand.source].append(demand.size)
        base = int(ranges[demand.source].network_address) + start
        bits = (end - start).bit_length() - 1
        # Beyond IPv4's last address there is nothing to format; the range is refused below.
        cidr = f"{format_address(base)}/{32 - bits}" if base < 2**32 else ""
        allocated.append(Prefix(cidr, demand.use, demand.site, demand.owner, demand.rail))
    problems: list[Problem] = []
    for field, network in ranges.items():
        if used[field] > network.num_addresses:
            pods = factory.clusters.pods_per_node if field == "pods" else 0
            problems.append(_exhausted_problem(field, network, used[field], sizes[field], pods))
    return tuple(allocated), problems


def _exhausted_problem(
    field: str, network: IPv4Network, needed: int, sizes: Sequence[int], pods: int
) -> Problem:
    """Return the problem of a range with too few addresses.

    Args:
        field: field of `network`.
        network: the range.
        needed: addresses up to the end of the last block.
        sizes: addresses of each block.
        pods: pods a node, where the blocks are pod ranges; else 0.
    """
    addresses_text = counted(needed, "address is", "addresses are")
    message = f"{addresses_text} needed, and {network} holds {network.num_addresses:,}"
    hint = f"write a /{32 - (needed - 1).bit_length()} or larger"
    if needed > MOST_PRIVATE:
        hint = _no_range_hint(sizes, pods)
    return Problem("addresses-exhausted", message, Where(field=f"network.{field}"), hint)


def _next_block(at: int, size: int) -> tuple[int, int]:
    """Return start and end of the next aligned block that holds `size` addresses."""
    block = 1 << max(size - 1, 0).bit_length()
    start = ceil_div(at, block) * block
    return start, start + block


def _no_range_hint(sizes: Sequence[int], pods: int) -> str:
    """Return the hint where no private range is large enough.

    Args:
        sizes: addresses of each block.
        pods: pods a node, where the blocks are pod ranges; else 0.
    """
    share = 1 << (32 - pod_bits(pods)) if pods else 1
    # Fewer pods a node halve its share each time; a share of two addresses is the least that holds a pod.
    for step in range(1, share.bit_length() - 1):
        fewer = share >> step
        end = 0
        for size in sizes:
            _, end = _next_block(end, size // share * fewer)
        if end <= MOST_PRIVATE:
            change = (
                f"write clusters.pods_per_node: {fewer // 2} or less and a /{32 - (end - 1).bit_length()}"
            )
            return (
                f"no private range holds more than {MOST_PRIVATE:,}; {change}, or describe several factories"
            )
    return f"no private range holds more than {MOST_PRIVATE:,}; describe several factories"


def address_lookup(
    allocated: Sequence[Prefix], use: str, owner: str, first: int = FIRST_HOST
) -> Callable[[int], str]:
    """Return a function from a position to its address in an owner's block.

    Args:
        allocated: the blocks.
        use: use of the block, as in `Prefix`.
        owner: owner of the block.
        first: address of position 0, counted from the block's start.

    Returns:
        The function. It returns the empty string for every position where the owner has no such block.
    """
    for prefix in allocated:
        if prefix.use == use and prefix.owner == owner:
            base = int(IPv4Network(prefix.cidr).network_address) + first
            return lambda position: format_address(base + position)
    return lambda _: ""


def partitions(factory: AIFactory) -> tuple[tuple[Partition, ...], list[Problem]]:
    """Return each zone's partition of each fabric.

    InfiniBand uses P_Keys. Ethernet uses VRFs where the fabric asks for them, else VNIs.

    Returns:
        The partitions by fabric and zone, and a problem for each kind of number that runs out.
    """
    separated: list[Partition] = []
    vlan, vni, vrf = factory.network.vlan, factory.network.vni, FIRST_VRF
    has_p_keys = False
    for fabric in factory.fabrics:
        for index, zone in enumerate(factory.zones):
            kind = _isolation_kind(fabric, zone.isolation.fabric)
            if kind == "none":
                separated.append(Partition(fabric.name, zone.name, "none", 0, 0))
            elif kind == "p_key":
                # P_Keys are counted by zone, so a zone has the same one on every fabric.
                separated.append(Partition(fabric.name, zone.name, kind, index + 1, 0))
                has_p_keys = True
            elif kind == "vrf":
                separated.append(Partition(fabric.name, zone.name, kind, vrf, vlan))
                vlan, vrf = vlan + 1, vrf + 1
            else:
                separated.append(Partition(fabric.name, zone.name, kind, vni, vlan))
                vlan, vni = vlan + 1, vni + 1
    problems: list[Problem] = []
    problems.extend(_vlan_problems(factory.network.vlan, vlan))
    if len(factory.zones) > MOST_P_KEY and has_p_keys:
        zones_text = counted(len(factory.zones), "zone needs", "zones need")
        message = f"{zones_text} a P_Key each, and an InfiniBand fabric has {MOST_P_KEY:,}"
        hint = f"declare at most {MOST_P_KEY:,} zones"
        problems.append(Problem("p-keys-exhausted", message, Where(field="zones"), hint))
    return tuple(separated), problems


def _vlan_problems(first: int, end: int) -> Iterator[Problem]:
    """Refuse VLANs from `first` to before `end` that go beyond the last VLAN."""
    if end - 1 <= MOST_VLAN:
        return
    count = end - first
    message = f"{counted(count, 'VLAN')} from {first} end at {end - 1}, and the last is {MOST_VLAN}"
    if count < MOST_VLAN:
        hint = f"write at most {MOST_VLAN - count + 1}"
    else:
        hint = "declare fewer zones or Ethernet fabrics"
    yield Problem("vlans-exhausted", message, Where(field="network.vlan"), hint)


def _isolation_kind(fabric: Fabric, zone: str) -> str:
    """Return how a zone is isolated on a fabric."""
    if "none" in (fabric.isolation, zone):
        return "none"
    if fabric.kind == "infiniband":
        return "p_key"
    return "vrf" if fabric.isolation == "vrf" else "vni"


def asn_problems(factory: AIFactory, sizes: Sequence[FabricSize]) -> Iterator[Problem]:
    """Refuse AS numbers that start outside the private ranges, or run out of the range that they start in."""
    needed = 0
    for size in sizes:
        if size.kind != "infiniband":
            needed += size.leaf + size.shape.pods + (size.core > 0) + size.border
    first = factory.network.asn
    where = Where(field="network.asn")
    if LAST_SHORT_ASN < first < FIRST_LONG_ASN:
        message = f"AS {first} is not a private number"
        yield Problem("public-asn", message, where, f"write {FIRST_LONG_ASN}")
        return
    last = LAST_SHORT_ASN if first <= LAST_SHORT_ASN else LAST_LONG_ASN
    if first + needed - 1 > last:
        message = f"{needed:,} AS numbers from {first} go beyond {last}, the last private one"
        hint = f"write {FIRST_LONG_ASN}, or at most {last - needed + 1}"
        yield Problem("asn-exhausted", message, where, hint)


def switches(
    plan: FabricPlan, size: FabricSize, racks: Mapping[str, str], loopback: Callable[[int], str], asn: int
) -> tuple[FabricPlan, int]:
    """Set rack, loopback and AS number of a plane's switches.

    Args:
        plan: the plane as cabled.
        size: its size.
        racks: switch name to rack name.
        loopback: position to loopback.
        asn: the first free AS number.

    Returns:
        The finished plane, and the next free AS number.
    """
    # InfiniBand switches forward by LID: they route no IP and need neither loopback nor AS number.
    if plan.kind == "infiniband":
        in_racks = tuple(_finish_switch(switch, racks, 0, "") for switch in plan.switches)
        return replace(plan, switches=in_racks), asn
    first_spine = asn + size.leaf
    first_core = first_spine + size.shape.pods
    first_border = first_core + (size.core > 0)
    pod_spines = max(size.shape.pod_spines, 1)
    numbers: defaultdict[str, int] = defaultdict(int)
    finished: list[Switch] = []
    for position, switch in enumerate(plan.switches):
        number = numbers[switch.tier]
        numbers[switch.tier] += 1
        if switch.tier == "leaf":
            own_asn = asn + number
        elif switch.tier == "spine":
            own_asn = first_spine + number // pod_spines
        elif switch.tier == "core":
            own_asn = first_core
        else:
            own_asn = first_border + number
        finished.append(_finish_switch(switch, racks, own_asn, loopback(position)))
    return replace(plan, switches=tuple(finished)), first_border + size.border


def _finish_switch(switch: Switch, racks: Mapping[str, str], asn: int, loopback: str) -> Switch:
    """Return a switch with its rack and numbers."""
    return Switch(switch.name, switch.tier, switch.rail, racks[switch.name], asn, loopback)


def with_control_plane(block: IPv4Network, pods: IPv4Network) -> IPv4Network:
    """Return the pod range of a cluster whose control plane nodes take a part of it too.

    The plan counts servers alone, and their parts may fill the block completely. So the range is twice as
    large.

    Args:
        block: the cluster's block in the plan.
        pods: the factory's range for pods.

    Returns:
        The block that contains the plan's. The plan's own block where the factory's range ends before that.
    """
    wider = block.supernet()
    return wider if wider.subnet_of(pods) else block
