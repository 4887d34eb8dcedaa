"""Every cable of one fabric plane, with both of its ends.

* A server's port is `<role><rail>`, counted from 0. With several planes it is `<role><rail>/<plane>`, the
  plane counted from 1, since the planes share one cage of the server.
* A switch's ports count from 1. Split by breakout they are `<port>/<part>`, both counted from 1.
* On a leaf the places of servers come first and the uplinks after them, so a server's port follows from its
  place alone. On a spine the leaves of its pod come first, in order, and the cores after them. On a core the
  pods come in order.
* On a border leaf the links to the outside come first; elsewhere they have the last ports. Links between the
  two switches of a pair follow a leaf's uplinks, and have a spine's last ports before those.
* Rows are made by zipping ready lists of text: 450,000 of them take a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat, starmap
from operator import itemgetter
from typing import NamedTuple, overload

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan.fabric.layout import Layout, pairs_of, pods_of
from sovereign_ai.plan.fabric.port_assignment import MANAGED, SERVERS, assign_places
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.fabric.switch_ports import Outside, port_names
from sovereign_ai.plan.rounding import ceil_div

CableRow = tuple[str, str, str, str]
"""A cable as the canonical JSON has it: lower device, its port, upper device, its port."""

# Characters of a plane's name. `-leaf-r15-00001` and the like must fit behind it in a DNS label of 63
# characters.
_LONGEST_PREFIX = 47


class Cable(NamedTuple):
    """One cable.

    Attributes:
        lower: the device at the lower end: a server, storage server or fabric manager, a leaf or a spine.
            Between the two leaves of a pair it is the first leaf. Of a link to the outside it is
            `<plane>-outside`, which stands for whatever is there.
        lower_port: its port there; a host's port is `<role><rail>`, a switch's is a number from 1.
        upper: the switch at the upper end.
        upper_port: its port there.
    """

    lower: str
    lower_port: str
    upper: str
    upper_port: str


class Cables(Sequence[Cable]):
    """Cables in the plan's order, read as `Cable`.

    They are kept as plain tuples and become a `Cable` when they are read. A factory of 100,000 GPUs has
    450,000 cables: made as `Cable` at once they would take a tenth of the time of the plan, and its canonical
    JSON would have to turn them back, since orjson refuses subclasses of tuple. `lowers`, `uppers` and
    `pairs` read one end or both without making a `Cable`, for counts over all cables.

    Attributes:
        rows: the cables as the canonical JSON has them.
    """

    __slots__ = ("rows",)

    rows: tuple[CableRow, ...]

    def __init__(self, rows: Iterable[CableRow] = ()) -> None:
        self.rows = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Cable]:
        return starmap(Cable, self.rows)

    @overload
    def __getitem__(self, index: int) -> Cable: ...

    @overload
    def __getitem__(self, index: slice) -> Cables: ...

    def __getitem__(self, index: int | slice) -> Cable | Cables:
        if isinstance(index, slice):
            return Cables(self.rows[index])
        return Cable(*self.rows[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cables):
            return NotImplemented
        return self.rows == other.rows

    def __hash__(self) -> int:
        return hash(self.rows)

    def __repr__(self) -> str:
        return f"Cables({list(self)!r})"

    def lowers(self) -> Iterator[str]:
        """Return the device at each cable's lower end."""
        return map(_LOWER, self.rows)

    def uppers(self) -> Iterator[str]:
        """Return the switch at each cable's upper end."""
        return map(_UPPER, self.rows)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Return the devices at the lower and the upper end of each cable."""
        return map(_PAIR, self.rows)


_LOWER = itemgetter(Cable._fields.index("lower"))
_UPPER = itemgetter(Cable._fields.index("upper"))
_PAIR = itemgetter(Cable._fields.index("lower"), Cable._fields.index("upper"))


@frozen_dataclass
class CableNames:
    """Names of one plane's switches.

    Attributes:
        plane: the plane's own name.
        leaves: leaves in order: by number, and within a number by rail.
        rails: the rail of each leaf; the first one where a leaf serves several.
        spines: spines, pod by pod.
        cores: cores, group by group.
        borders: border leaves.
    """

    plane: str
    leaves: tuple[str, ...]
    rails: tuple[int, ...]
    spines: tuple[str, ...]
    cores: tuple[str, ...]
    borders: tuple[str, ...] = ()

    @property
    def switches(self) -> tuple[str, ...]:
        """Every switch: leaves, spines, cores, border leaves."""
        return (*self.leaves, *self.spines, *self.cores, *self.borders)


def plane_name(size: FabricSize) -> str:
    """Return the name of a plane, with which the names of its switches begin."""
    return label(size.fabric, size.site, f"p{size.plane}", most=_LONGEST_PREFIX)


def switch_names(size: FabricSize) -> CableNames:
    """Return the name of every switch of a plane."""
    rails = range(0, size.rails, size.leaf_rails)
    return _switch_names(plane_name(size), rails, size.leaf, size.spine, size.core, size.border)


@lru_cache(maxsize=64)
def _switch_names(plane: str, rails: range, leaf: int, spine: int, core: int, border: int) -> CableNames:
    """Return the names; kept, since sizing asks for those of every plane again and again."""
    groups = len(rails)
    rail_of = tuple(rails) * (leaf // groups)
    leaves: list[str] = []
    for index, rail in enumerate(rail_of):
        leaves.append(f"{plane}-leaf-r{rail}-{index // groups + 1:03d}")
    spines = _numbered(f"{plane}-spine", spine)
    cores = _numbered(f"{plane}-core", core)
    borders = _numbered(f"{plane}-border", border)
    return CableNames(plane, tuple(leaves), rail_of, spines, cores, borders)


def outside_name(plane: str) -> str:
    """Return the name that stands for whatever a plane's links to the outside end at."""
    return f"{plane}-outside"


def _numbered(stem: str, count: int) -> tuple[str, ...]:
    """Return names with a stem, numbered from 001."""
    return tuple(f"{stem}-{number:03d}" for number in range(1, count + 1))


def node_leaf(
    size: FabricSize,
    names: CableNames,
    ports: list[str],
    hosts: Mapping[str, Sequence[str]],
    *,
    managers: int,
    copy: int,
    server_port: int,
) -> Cables:
    """Connect servers, storage servers and fabric managers to their leaves.

    Args:
        size: the plane's size.
        names: its switches.
        ports: port names of a switch.
        hosts: block name to the hosts in it, in order of their places.
        managers: manager ports; they use the free places behind the servers of the last pool.
        copy: which of the planes that share a rail's rate it is, from 1; 0 where none does.
        server_port: number of a storage server's first port, where earlier fabrics of the role use some.
    """
    hosts_placed: list[str] = []
    host_places: list[int] = []
    first_ports: list[int] = []
    free: list[int] = []
    widths: list[int] = []
    free_width = 1
    # Devices with one port each, with their places and their port's name: they take the rails in turn.
    single: list[tuple[Sequence[str], list[int], str]] = []
    for block, places in zip(size.blocks, assign_places(size.blocks, size.down), strict=True):
        members = hosts.get(block.name, ())
        if block.ports:
            number = server_port if block.name == SERVERS else 0
            single.append((members[: block.ports], places, f"{size.role}{number}"))
            continue
        # A block may have more places than hosts (growth) or none at all (managers alone).
        count = min(len(members), len(places))
        hosts_placed += members[:count]
        host_places += places[:count]
        first_ports += [server_port if block.name == SERVERS else 0] * count
        widths += [block.width] * count
        if block.name not in (SERVERS, MANAGED):
            free, free_width = places[block.hosts :], block.width
    ports_of_width = {width: _ports_of_rate(size, ports, width) for width in {free_width, *widths}}
    cables: list[CableRow] = []
    leaf_rails, groups = size.leaf_rails, size.rails // size.leaf_rails
    host_leaves = [place // size.down for place in host_places]
    # A server's ports of one leaf are neighbours: one twin-port transceiver serves two of them.
    leaf_ports: list[list[str]] = []
    for of_leaf in range(leaf_rails):
        rail_ports = [
            ports_of_width[width][place % size.down // width * leaf_rails + of_leaf]
            for place, width in zip(host_places, widths, strict=True)
        ]
        leaf_ports.append(rail_ports)
    suffix = f"/{copy}" if copy else ""
    for rail in range(size.rails):
        leaves = names.leaves[rail // leaf_rails :: groups]
        number = size.first_rail + rail
        port_of = {first: f"{size.role}{first + number}{suffix}" for first in {0, server_port}}
        own_ports = [port_of[first] for first in first_ports]
        above = [leaves[leaf] for leaf in host_leaves]
        cables.extend(zip(hosts_placed, own_ports, above, leaf_ports[rail % leaf_rails], strict=True))
        for devices, places, own_port in single:
            for device, place in zip(devices[rail :: size.rails], places, strict=False):
                leaf, position = divmod(place, size.down)
                leaf_port = ports[position * leaf_rails + rail % leaf_rails]
                cables.append((device, own_port, leaves[leaf], leaf_port))
    for manager in range(managers):
        turn, rail = divmod(manager, size.rails)
        leaf, position = divmod(free[turn], size.down)
        name = f"{names.plane}-manager-{manager + 1}"
        own_leaf = names.leaves[leaf * groups + rail // leaf_rails]
        leaf_port = ports_of_width[free_width][position // free_width * leaf_rails + rail % leaf_rails]
        cables.append((name, f"{size.role}{size.first_rail + rail}{suffix}", own_leaf, leaf_port))
    return Cables(cables)


def _ports_of_rate(size: FabricSize, ports: list[str], width: int) -> list[str]:
    """Return the names of a leaf's ports to hosts that take `width` places of the slowest rate."""
    if size.layout is None or width == 1:
        return ports
    breakout = size.layout.ports.breakout // width
    return port_names(size.layout.ports.cages * breakout, breakout)


def leaf_spine(size: FabricSize, names: CableNames, ports: list[str]) -> Cables:
    """Connect every leaf to every spine of its pod with equally many links."""
    shape = size.shape
    if size.layout is not None:
        return _distribute_uplinks(size, names, size.layout)
    if shape.tiers == 1:
        return Cables()
    up = ports[size.down : size.down + size.up]
    cables: list[CableRow] = []
    for pod in range(shape.pods):
        count = shape.last_spines if pod == shape.pods - 1 else shape.pod_spines
        links = size.up // count
        first = pod * shape.pod_spines
        above: list[str] = []
        for spine in names.spines[first : first + count]:
            above += [spine] * links
        leaves = names.leaves[pod * shape.pod : (pod + 1) * shape.pod]
        for place, leaf in enumerate(leaves):
            spine_ports = ports[place * links : (place + 1) * links] * count
            cables.extend(zip(repeat(leaf), up, above, spine_ports, strict=False))
    return Cables(cables)


def spine_core(size: FabricSize, names: CableNames, ports: list[str]) -> Cables:
    """Connect spine j of every pod to the cores of group j.

    The spines of a smaller last pod serve several groups each.
    """
    shape = size.shape
    if shape.tiers < 3:
        return Cables()
    if size.layout is not None:
        return _distribute_core_links(size, names, size.layout)
    below = size.radix - shape.spine_up
    up = ports[below:]
    full_links = shape.spine_up // shape.group
    cables: list[CableRow] = []
    for pod in range(shape.pods):
        count = shape.last_spines if pod == shape.pods - 1 else shape.pod_spines
        cores = len(names.cores) // count
        links = shape.spine_up // cores
        # All pods before this one are full, so its ports on a core start behind their links.
        core_ports = ports[pod * full_links : pod * full_links + links] * cores
        first = pod * shape.pod_spines
        for place, spine in enumerate(names.spines[first : first + count]):
            above: list[str] = []
            for core in names.cores[place * cores : (place + 1) * cores]:
                above += [core] * links
            cables.extend(zip(repeat(spine), up, above, core_ports, strict=False))
    return Cables(cables)


def _distribute_uplinks(size: FabricSize, names: CableNames, layout: Layout) -> Cables:
    """Distribute each pod's uplinks over its spines in turn, or connect two leaves without spines."""
    up = layout.ports.uplink_names(size.down * layout.leaf_rails)
    if layout.peers:
        first, second = names.leaves
        return Cables((first, port, second, port) for port in up[: layout.peers])
    if size.shape.tiers == 1:
        return Cables()
    spine_ports = port_names(layout.ports.spine_radix, layout.ports.spine_breakout)
    count = size.shape.pod_spines
    border_up = _upper_border_ports(layout.outside)[: layout.border_uplinks]
    cables: list[CableRow] = []
    pods = pods_of(size.leaf, size.rails, size.shape, layout)
    for pod, positions in enumerate(pods):
        spines = names.spines[pod * count : (pod + 1) * count]
        below = [(names.leaves[position], up[: size.up]) for position in positions]
        # Border leaves belong to the pods in turn.
        below += [(name, border_up) for name in names.borders[pod :: len(pods)]]
        # One counter through the whole pod: two spines differ by one link at most, as do a leaf's links to
        # them.
        dealt = 0
        for leaf, leaf_ports in below:
            for port in leaf_ports:
                turn, spine = divmod(dealt, count)
                cables.append((leaf, port, spines[spine], spine_ports[turn]))
                dealt += 1
    return Cables(cables)


def partner_links(size: FabricSize, names: CableNames) -> Cables:
    """Connect the two switches of each pair of a plane with spines: leaves, spines, border leaves."""
    layout = size.layout
    if layout is None:
        return Cables()
    switches = {"leaf": names.leaves, "spine": names.spines, "border": names.borders}
    cables: list[CableRow] = []
    pairs = pairs_of(size.leaf, size.rails, size.shape, layout)
    for tier, names_of_tier in switches.items():
        ports = _partner_ports(size, layout, tier) if pairs[tier] else []
        for first, second in pairs[tier]:
            near, far = names_of_tier[first], names_of_tier[second]
            cables.extend((near, port, far, port) for port in ports)
    return Cables(cables)


def _partner_ports(size: FabricSize, layout: Layout, tier: str) -> list[str]:
    """Return the ports of a switch to the other one of its pair."""
    partners, ports, outside = layout.partners, layout.ports, layout.outside
    if tier == "leaf":
        upper = ports.uplink_names(size.down * layout.leaf_rails)
        return upper[size.up :][: partners.leaf]
    if tier == "border":
        upper = _upper_border_ports(outside)
        return upper[layout.border_uplinks :][: partners.border]
    last = ports.spine_radix
    if outside is not None and outside.tier == "spine":
        last -= outside.cages * ports.spine_breakout
    names = port_names(last, ports.spine_breakout)
    return names[-partners.spine :]


def _upper_border_ports(outside: Outside | None) -> list[str]:
    """Return the ports of a border leaf besides those to the outside: for spines, then for its partner."""
    if outside is None or outside.ports is None:
        return []
    ports, taken = outside.ports, outside.cages
    return ports.uplink_names(taken * ports.breakout)


def outside_links(size: FabricSize, names: CableNames) -> Cables:
    """Return the links to the outside, switch by switch, their far ends numbered from 1."""
    outside = None if size.layout is None else size.layout.outside
    if outside is None:
        return Cables()
    tier = {"border": names.borders, "leaf": names.leaves, "spine": names.spines, "core": names.cores}
    switches = tier[outside.tier][: outside.count_switches(size.leaf, size.spine, size.core)]
    far = outside_name(names.plane)
    ends = [(switch, port) for switch in switches for port in outside.names]
    return Cables((far, str(number), switch, port) for number, (switch, port) in enumerate(ends, 1))


def _distribute_core_links(size: FabricSize, names: CableNames, layout: Layout) -> Cables:
    """Distribute the spines' uplinks over the cores of their group in turn."""
    shape = size.shape
    ports = port_names(layout.ports.spine_radix, layout.ports.spine_breakout)
    borders = ceil_div(layout.border_leaves, shape.pods)
    below = ceil_div(shape.pod * shape.leaf_up + borders * layout.border_uplinks, shape.pod_spines)
    up = ports[below:]
    # For each spine of a pod: its group, and that group's first core and number of cores.
    meets: list[tuple[int, int, int]] = []
    first = 0
    for number, group in enumerate(layout.core_groups):
        meets += [(number, first, group.cores)] * group.spines
        first += group.cores
    # One counter for each group through all pods: two cores of a group differ by one link at most.
    turns = [0] * len(layout.core_groups)
    cables: list[CableRow] = []
    for number, spine in enumerate(names.spines):
        own, first, cores = meets[number % shape.pod_spines]
        for port in range(shape.spine_up):
            turn, core = divmod(turns[own], cores)
            cables.append((spine, up[port], names.cores[first + core], ports[turn]))
            turns[own] += 1
    return Cables(cables)
