"""Fabrics as files show them: planes of switches that cables connect, with the servers on them.

A switch is a leaf, spine or core by the name of its role, and else by its cables: leaves have servers, spines
are next to leaves, cores are beyond. A port of at most 1 Gbps on a faster switch is its management port:
there the switch is connected to another plane like a server. Rails are the ports of a server on a plane.
Planes are reported one by one: files do not show which belong together. The role of a fabric is a guess by
its rate and its rails, and reported as one: the widest for its servers is compute, 1 Gbps is out-of-band. Of
the others, those with at least half of compute's rate are storage, and those with less are in-band.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from math import gcd

from sovereign_ai.adopt.standing import MACHINE, SWITCH, Device, End, StandingSite
from sovereign_ai.catalog.switch import switches
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import ceil_div

_MANAGEMENT = re.compile(r"(?:out-of-band|oob|mgmt|management|bmc|ipmi)", re.IGNORECASE)
"""The beginning of a management port's name."""
_ROLE_WORDS = {
    "storage": ("storage",),
    "in-band": ("inband", "frontend"),
    "out-of-band": ("outofband", "oob", "mgmt"),
}
# Bits a second of a management port, at most.
_SLOW = 10**9
_TIERS = ("border", "leaf", "spine", "core")
"""What roles say; a border leaf is called so, and no leaf for machines."""
_TIER = re.compile(r"[-_.](?:border|leaf|spine|core)\b.*$")
_NOT_NAME = re.compile(r"[^a-z0-9-]+")
_GBPS = re.compile(r"^(\d+)(g?)base-")
_LANES = re.compile(r"^infiniband-([a-z0-9]+?)(?:-(\d+)x)?$")
_LABEL_GBPS = re.compile(r"\((\d+) ?(GE|Gbps)\b")
"""The rate in the names that NetBox's own exports have, such as `QSFP-DD (400GE)` and `NDR (100 Gbps)`."""
_INFINIBAND = re.compile(r"^infiniband-|\b[SDQFEHNX]DR(?:10)?\b")
_LANE_MBPS = {
    "sdr": 2_500,
    "ddr": 5_000,
    "qdr": 10_000,
    "fdr10": 10_000,
    "fdr": 14_000,
    "edr": 25_000,
    "hdr": 50_000,
    "ndr": 100_000,
    "xdr": 200_000,
}
"""Megabits a second of one lane, as the rates are called; InfiniBand Architecture Specification, volume 2."""


@frozen_dataclass
class AdoptedBorder:
    """How a plane meets the outside.

    Attributes:
        at: `border-leaf`, `leaf`, `spine` or `core`.
        switches: how many have such ports; of border leaves all there are.
        is_whole: whether all switches of their tier have some.
        ports: the most ports to the outside of one of them; 0 where the files have none.
        link: bits a second of such a port; 0 where its type has no rate.
        uplinks: the most links of a border leaf to spines.
        switch: the catalogue's model of border leaves, where leaves are another; else empty.
        radix: the most ports of a border leaf, where it is another model that the catalogue does not have; 0
            elsewhere.
        is_even: whether all have as many ports, at one rate, in one tier.
        is_guess: whether no role tells border leaves from cores.
        peer_links: the most links of a border leaf to another one.
    """

    at: str
    switches: int
    is_whole: bool
    ports: int
    link: int
    uplinks: int = 0
    switch: str = ""
    radix: int = 0
    is_even: bool = True
    is_guess: bool = False
    peer_links: int = 0

    def to_data(self, link: int) -> dict[str, object]:
        """Return it as in a description, of a fabric whose servers have links of some rate."""
        data: dict[str, object] = {}
        if self.at != "border-leaf":
            data["at"] = self.at
        if self.at == "border-leaf" or (self.at == "leaf" and not self.is_whole):
            data["leaves"] = self.switches
        if self.ports:
            data["ports"] = self.ports
        if self.link and self.link != link:
            data["link"] = f"{self.link // 10**9} Gbps"
        for name in ("uplinks", "peer_links", "switch", "radix"):
            if getattr(self, name):
                data[name] = getattr(self, name)
        return data


@frozen_dataclass
class AdoptedFabric:
    """One plane as it is cabled.

    Attributes:
        name: the common beginning of its switches' names.
        site: the site of its switches; empty if they are at several.
        kind: `infiniband`, or `ethernet`, which may be used for `roce`.
        role: a guess.
        rails: the most ports of one server on it.
        link: bits a second of a server's port.
        switch: the catalogue's switch; empty where it contains none.
        radix: the most cabled ports of one of its switches.
        leaf: leaves.
        spine: switches next to leaves.
        core: switches beyond.
        border: border leaves.
        node_leaf: cables from leaves downwards.
        inner: cables between switches.
        oversubscription: `down:up` of the worst leaf, in lowest terms.
        roomy: whether a leaf has nothing below it: the plane is sized for more than is connected.
        machines: servers on it.
        fullest: machines of the leaf that has the most.
        is_tree: whether the files name no ports, so that each link of devices may be several cables.
        outside: how it meets the outside; None where nothing in the files says that it does.
        leaf_rails: the most ports of one server on one leaf.
        pod_leaves: the most leaves that share spines, where cores join several such pods; 0 elsewhere.
        peer_links: the most links of a leaf to another one, where there are spines.
        spine_peer_links: the most links of a spine to another one.
    """

    name: str
    site: str
    kind: str
    role: str
    rails: int
    link: int
    switch: str
    radix: int
    leaf: int
    spine: int
    core: int
    node_leaf: int
    inner: int
    oversubscription: str
    roomy: bool
    machines: frozenset[str]
    fullest: int = 0
    is_tree: bool = False
    border: int = 0
    outside: AdoptedBorder | None = None
    leaf_rails: int = 1
    pod_leaves: int = 0
    peer_links: int = 0
    spine_peer_links: int = 0


def plain(text: str) -> str:
    """Return a name in lower case, without blanks and punctuation."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def named(text: str) -> str:
    """Return a name that a description accepts, made from any text."""
    return _NOT_NAME.sub("-", text.lower()).strip("-")[:40].strip("-") or "unnamed"


@frozen_dataclass
class _Cabling:
    """The cables of a site, by switch.

    Attributes:
        below: switch to the ends of its cables downwards.
        inner: switch to the switches that it is connected to, one entry for each cable.
        outside: switch to its ports to the outside.
    """

    below: defaultdict[str, list[End]]
    inner: defaultdict[str, list[str]]
    outside: defaultdict[str, list[End]]


def planes(
    site: StandingSite, here: Mapping[str, Device], machines: set[str]
) -> tuple[tuple[AdoptedFabric, ...], list[str]]:
    """Return the planes that servers are connected to, and the switches that no server can reach.

    Args:
        site: the standing site.
        here: the devices of the sites that are adopted.
        machines: names of the servers.
    """
    cabling = _cabling(site, here, machines)
    fabrics: list[AdoptedFabric] = []
    loose: list[str] = []
    left = set(cabling.inner) | set(cabling.below)
    while left:
        plane = _connected_switches(min(left), cabling.inner)
        left -= plane
        if _has_machines(plane, cabling, machines):
            fabrics.append(_make_fabric(site, here, plane, cabling, machines))
        else:
            loose += sorted(plane)
    # A role depends on the other planes of the same servers, so all are known first.
    with_roles = [_with_role(fabric, fabrics) for fabric in fabrics]
    widest_first = sorted(
        _numbered(with_roles), key=lambda fabric: (-fabric.link * fabric.rails, fabric.site, fabric.name)
    )
    return tuple(widest_first), loose


def _cabling(site: StandingSite, here: Mapping[str, Device], machines: set[str]) -> _Cabling:
    """Sort the cables of a site into those downwards and those between switches."""
    cabling = _Cabling(defaultdict(list), defaultdict(list), defaultdict(list))
    managed = _management_ports(site)
    for first, second in site.cables:
        if first[0] not in here or second[0] not in here:
            continue
        if is_end(first[0], here, machines) or first == managed(first, second):
            cabling.below[second[0]].append(first)
        elif is_end(second[0], here, machines) or second == managed(first, second):
            cabling.below[first[0]].append(second)
        else:
            cabling.inner[first[0]].append(second[0])
            cabling.inner[second[0]].append(first[0])
    for end in site.outside:
        if end[0] in here and not is_end(end[0], here, machines):
            cabling.outside[end[0]].append(end)
    return cabling


def _has_machines(plane: set[str], cabling: _Cabling, machines: set[str]) -> bool:
    """Return whether a server is connected to one of a plane's switches."""
    ends: list[End] = []
    for switch in plane:
        ends += cabling.below.get(switch, ())
    return any(device in machines for device, _ in ends)


def _management_ports(site: StandingSite) -> Callable[[End, End], End | None]:
    """Return a function that finds the management port among the ends of a cable between two switches.

    A management port has at most 1 Gbps, on a switch with faster ports, or a name that says so. Where both
    ends are such ports, the switch with fewer of them is managed by the other, whose purpose is to manage.

    Returns:
        The function. It returns None where neither end is a management port.
    """
    slow: Counter[str] = Counter()
    fast: set[str] = set()
    for (device, _), kind in site.interfaces.items():
        if 0 < rate_of(kind) <= _SLOW:
            slow[device] += 1
        elif rate_of(kind):
            fast.add(device)

    def managed(first: End, second: End) -> End | None:
        ends: list[End] = []
        for end in (first, second):
            is_slow = end[0] in fast and 0 < rate_of(site.interfaces.get(end, "")) <= _SLOW
            if is_slow or _MANAGEMENT.match(end[1]):
                ends.append(end)
        return min(ends, key=lambda end: (slow[end[0]], end), default=None)

    return managed


def managed_only(site: StandingSite) -> set[str]:
    """Return the devices that have management ports alone, where machines have more: PDUs, other switches."""
    cabled: set[str] = set()
    carrying: set[str] = set()
    for cable in site.cables:
        for device, port in cable:
            cabled.add(device)
            if not _MANAGEMENT.match(port):
                carrying.add(device)
    machines = [name for name in carrying if site.devices[name].kind == MACHINE]
    return cabled - carrying if machines else set()


def _numbered(planes: list[AdoptedFabric]) -> Iterator[AdoptedFabric]:
    """Number planes with equal names."""
    counts: Counter[str] = Counter()
    for plane in planes:
        counts[plane.name] += 1
    seen: Counter[str] = Counter()
    for plane in sorted(planes, key=lambda plane: (plane.name, plane.site, min(plane.machines))):
        seen[plane.name] += 1
        if counts[plane.name] == 1:
            yield plane
        else:
            yield replace(plane, name=f"{plane.name}-{seen[plane.name]}")


def is_end(device: str, here: Mapping[str, Device], machines: set[str]) -> bool:
    """Return whether a device is below switches: a server of the catalogue, or one with such a role.

    Roles with `server`, `storage` or `pdu` in their name count.
    """
    if device in machines or here[device].kind == MACHINE:
        return True
    if here[device].kind == SWITCH:
        return False
    role = here[device].role.lower()
    return "server" in role or "storage" in role or "pdu" in role


def _connected_switches(start: str, inner: Mapping[str, list[str]]) -> set[str]:
    """Return the switches that cables connect with one switch, itself included."""
    connected, waiting = {start}, [start]
    while waiting:
        for other in inner.get(waiting.pop(), ()):
            if other not in connected:
                connected.add(other)
                waiting.append(other)
    return connected


def _make_fabric(
    site: StandingSite,
    here: Mapping[str, Device],
    plane: set[str],
    cabling: _Cabling,
    machines: set[str],
) -> AdoptedFabric:
    """Return one plane."""
    below, inner = cabling.below, cabling.inner
    tier_of = _tiers(here, plane, cabling)
    tiers = Counter(tier_of.values())
    partners: Counter[str] = Counter()
    if tiers["spine"]:
        # What two switches of one tier are joined by is no uplink of either.
        partners = _partner_links(tier_of, inner)
        cabling = replace(cabling, inner=_links_upwards(tier_of, inner))
    leaves: list[str] = []
    sites: set[str] = set()
    models: set[str] = set()
    radix = inner_ends = 0
    # In order of the names: of equal counts the first one decides the kind of the ports.
    for switch in sorted(plane):
        if tier_of[switch] == "leaf":
            leaves.append(switch)
        sites.add(here[switch].site)
        links = len(inner.get(switch, ()))
        inner_ends += links
        # Border leaves may be another model, which the border has.
        if tier_of[switch] == "border":
            continue
        models.add(plain(here[switch].model))
        ports_used = len(below[switch]) + links + _outside_ports(cabling.outside[switch], site, below[switch])
        # A switch of InfiniBand may count an inner port beside its pairs.
        radix = max(radix, ports_used, here[switch].ports // 2 * 2)
    node_leaf = fullest = 0
    roomy = False
    is_tree = True
    ports: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    leaf_rails = 1
    for leaf in leaves:
        on_leaf = Counter(device for device, _ in below[leaf] if device in machines)
        leaf_rails = max(leaf_rails, *on_leaf.values(), 1)
        node_leaf += len(below[leaf])
        if not below[leaf]:
            roomy = True
        fullest = max(fullest, len({device for device, _ in below[leaf]}))
        for end in below[leaf]:
            if end[1]:
                is_tree = False
            if end[0] in machines:
                ports[end[0]] += 1
                kinds[site.interfaces.get(end, "")] += 1
    kind = kinds.most_common(1)[0][0]
    return AdoptedFabric(
        name=named(_common_stem(plane)),
        site=next(iter(sites)) if len(sites) == 1 else "",
        kind="infiniband" if _INFINIBAND.search(kind) else "ethernet",
        role="",
        rails=max(ports.values()),
        link=rate_of(kind),
        switch=_catalogue_switch(models),
        radix=radix,
        leaf=len(leaves),
        spine=tiers["spine"],
        core=tiers["core"],
        border=tiers["border"],
        node_leaf=node_leaf,
        # Each cable between switches has two ends.
        inner=inner_ends // 2,
        oversubscription=_oversubscription(leaves, cabling, site.interfaces, rate_of(kind)),
        roomy=roomy,
        machines=frozenset(ports),
        fullest=fullest,
        is_tree=is_tree,
        outside=_border(site, here, tier_of, cabling, models, partners["border"]),
        leaf_rails=leaf_rails,
        pod_leaves=_pod_leaves(leaves, tier_of, inner),
        peer_links=partners["leaf"],
        spine_peer_links=partners["spine"],
    )


def _partner_links(tier_of: Mapping[str, str], inner: Mapping[str, list[str]]) -> Counter[str]:
    """Return the most links between two switches of each tier."""
    most: Counter[str] = Counter()
    for switch, tier in tier_of.items():
        links = Counter(inner.get(switch, ()))
        for other, count in links.items():
            if tier_of[other] == tier:
                most[tier] = max(most[tier], count)
    return most


def _links_upwards(tier_of: Mapping[str, str], inner: Mapping[str, list[str]]) -> defaultdict[str, list[str]]:
    """Return the other ends of each switch's links to switches of another tier."""
    links: defaultdict[str, list[str]] = defaultdict(list)
    for switch, tier in tier_of.items():
        for other in inner.get(switch, ()):
            if tier_of[other] != tier:
                links[switch].append(other)
    return links


def _pod_leaves(leaves: list[str], tier_of: Mapping[str, str], inner: Mapping[str, list[str]]) -> int:
    """Return the most leaves of a pod; 0 where there is one pod alone, or no core."""
    if "core" not in tier_of.values():
        return 0
    below: dict[str, list[str]] = {}
    for switch in tier_of:
        if tier_of[switch] != "core":
            below[switch] = [other for other in inner.get(switch, ()) if tier_of[other] != "core"]
    left, sizes = set(leaves), []
    while left:
        pod = _connected_switches(min(left), below) & left
        left -= pod
        sizes.append(len(pod))
    return max(sizes) if len(sizes) > 1 else 0


def _outside_ports(ends: list[End], site: StandingSite, below: list[End]) -> int:
    """Return how many whole ports links to the outside take, of a switch whose others are at a server's rate.

    Where a port is split, several of them share one.
    """
    whole = max((rate_of(site.interfaces.get(end, "")) for end in below), default=0)
    rates = [rate_of(site.interfaces.get(end, "")) for end in ends]
    if not whole or not all(rates):
        return len(ends)
    return sum(max(ceil_div(rate * rates.count(rate), whole), 1) for rate in set(rates))


def _tiers(here: Mapping[str, Device], plane: set[str], cabling: _Cabling) -> dict[str, str]:
    """Return the tier of each switch of a plane.

    Without a role that says so, a switch beyond spines with ports to the outside is a border leaf: cores with
    such ports are rare, and both hang on spines alone.
    """
    tiers: dict[str, str] = {}
    for switch in plane:
        tier = _tier_of(here[switch], switch, cabling)
        if tier == "core" and cabling.outside[switch] and not _role_tier(here[switch]):
            tier = "border"
        tiers[switch] = tier
    return tiers


def _border(
    site: StandingSite,
    here: Mapping[str, Device],
    tier_of: Mapping[str, str],
    cabling: _Cabling,
    models: set[str],
    peer_links: int,
) -> AdoptedBorder | None:
    """Return how a plane meets the outside; None where nothing says that it does.

    Args:
        site: the standing site.
        here: the devices of the sites that are adopted.
        tier_of: tier of each switch.
        cabling: the cables of the site.
        models: models of the plane's other switches.
        peer_links: the most links between two border leaves.
    """
    open_switches = sorted(switch for switch in tier_of if cabling.outside[switch])
    borders = sorted(switch for switch, tier in tier_of.items() if tier == "border")
    if not open_switches and not borders:
        return None
    tiers = Counter(tier_of[switch] for switch in open_switches)
    tier = "border" if borders else tiers.most_common(1)[0][0]
    of_tier = [switch for switch, other in tier_of.items() if other == tier]
    with_ports = borders or [switch for switch in open_switches if tier_of[switch] == tier]
    counts = {len(cabling.outside[switch]) for switch in with_ports}
    rates: Counter[int] = Counter()
    for switch in with_ports:
        rates.update(rate_of(site.interfaces.get(end, "")) for end in cabling.outside[switch])
    own = {plain(here[switch].model) for switch in borders}
    name, radix = "", 0
    if borders and own != models:
        name = _catalogue_switch(own)
        most = max(len(cabling.inner.get(switch, ())) + len(cabling.outside[switch]) for switch in borders)
        most += peer_links
        radix = 0 if name else max(most + most % 2, 4)
    is_even = len(counts) == 1 and len(rates) <= 1 and len(tiers) <= 1
    if tier in ("spine", "core"):
        is_even = is_even and len(with_ports) == len(of_tier)
    return AdoptedBorder(
        at="border-leaf" if borders else tier,
        switches=len(with_ports),
        is_whole=len(with_ports) == len(of_tier),
        ports=max(counts),
        link=rates.most_common(1)[0][0] if rates else 0,
        uplinks=max((len(cabling.inner.get(switch, ())) for switch in borders), default=0),
        switch=name,
        radix=radix,
        is_even=is_even,
        is_guess=any(not _role_tier(here[switch]) for switch in borders),
        peer_links=peer_links,
    )


def _catalogue_switch(models: set[str]) -> str:
    """Return the catalogue's switch if all switches of a plane are of that model, else the empty string."""
    for switch in switches():
        if models == {plain(switch.name)}:
            return switch.name
    return ""


def _oversubscription(leaves: list[str], cabling: _Cabling, interfaces: Mapping[End, str], link: int) -> str:
    """Return `down:up` of the worst leaf, in lowest terms; `1:1` where it does not block or has no uplink.

    A link to the outside counts as so many of servers as its rate is of theirs, rounded down.
    """
    worst: tuple[int, int] = (0, 0)
    worst_ratio = -1.0
    for leaf in leaves:
        down, up = len(cabling.below.get(leaf, ())), len(cabling.inner.get(leaf, ()))
        outside = sum(rate_of(interfaces.get(end, "")) for end in cabling.outside.get(leaf, ()))
        down += outside // link if link else 0
        ratio = down / up if up else 1
        if ratio > worst_ratio:
            worst, worst_ratio = (down, up), ratio
    down, up = worst
    if not up or down <= up:
        return "1:1"
    common = gcd(down, up)
    return f"{down // common}:{up // common}"


def _tier_of(device: Device, name: str, cabling: _Cabling) -> str:
    """Return a switch's tier."""
    tier = _role_tier(device)
    if tier:
        return tier
    if cabling.below.get(name):
        return "leaf"
    for other in cabling.inner.get(name, ()):
        if cabling.below.get(other):
            return "spine"
    return "core"


def _role_tier(device: Device) -> str:
    """Return the tier that a switch's role names; empty where it names none."""
    for tier in _TIERS:
        if tier in device.role.lower():
            return tier
    return ""


def _common_stem(plane: set[str]) -> str:
    """Return the common beginning of switches' names, before their tier, their plane and their number.

    >>> _common_stem({"compute-a-p0-leaf-r0-001", "compute-a-p0-spine-001"}), _common_stem({"sw-01", "sw-02"})
    ('compute-a', 'sw')
    """
    names = sorted({_TIER.sub("", name) for name in plane})
    first = names[0]
    # Names are sorted, so what the first and the last have in common all have in common.
    common = first
    if len(names) > 1:
        common = _common_start(first, names[-1]).rstrip("-_.0123456789")
    return re.sub(r"[-_.]p?\d*$", "", common) or common or first


def _common_start(first: str, last: str) -> str:
    """Return the characters with which both names begin."""
    length = 0
    while length < min(len(first), len(last)) and first[length] == last[length]:
        length += 1
    return first[:length]


def rate_of(kind: str) -> int:
    """Return the bits a second of NetBox's interface type; 0 where it has no rate.

    >>> rate_of("400gbase-x-qsfpdd"), rate_of("infiniband-ndr-4x"), rate_of("1000base-t"), rate_of("other")
    (400000000000, 400000000000, 1000000000, 0)
    """
    if match := _GBPS.match(kind):
        return int(match[1]) * (10**9 if match[2] else 10**6)
    if match := _LANES.match(kind):
        return _LANE_MBPS.get(match[1], 0) * int(match[2] or 1) * 10**6
    if match := _LABEL_GBPS.search(kind):
        return int(match[1]) * 10**9
    return 0


def _role_by_name(name: str) -> str:
    """Return a role by a word in a fabric's name, where its rate is not known; else `compute`."""
    for role, words in _ROLE_WORDS.items():
        for word in words:
            if word in plain(name):
                return role
    return "compute"


def _with_role(fabric: AdoptedFabric, fabrics: list[AdoptedFabric]) -> AdoptedFabric:
    """Return a plane with a guess of its role, by the planes that share servers with it."""
    width = fabric.link * fabric.rails
    others = [other for other in fabrics if other.machines & fabric.machines]
    wider = [other.link for other in others if other.link * other.rails > width]
    if not fabric.link:
        role = _role_by_name(fabric.name)
    elif fabric.link <= _SLOW:
        role = "out-of-band"
    elif not wider:
        role = "compute"
    elif 2 * fabric.link >= min(wider):
        role = "storage"
    else:
        role = "in-band"
    kind = "roce" if fabric.kind == "ethernet" and role in ("compute", "storage") else fabric.kind
    return replace(fabric, role=role, kind=kind)
