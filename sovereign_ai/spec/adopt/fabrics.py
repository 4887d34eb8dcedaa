"""Fabrics as tables show them: planes of switches that cables connect, with the machines on them.

A switch is a leaf, spine or core by its role's name, and else by its cables: leaves have machines, spines are next to leaves, cores
beyond. A port of at most 1 Gbps on a faster switch is its management port: there it hangs on another plane as a server does. Rails are the ports of a machine on it. Planes are told one by one: tables do not say which belong together. The role of a
fabric is a guess by its rate and its rails, told as one: what is widest for its machines is compute, 1 Gbps is out-of-band, and of the
others what has at least half of compute's rate is storage, and what has less in-band.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import gcd

from sovereign_ai.catalog.switches import switches
from sovereign_ai.spec.adopt.tables import Device, Tables

End = tuple[str, str]
_SLOW = 10**9
"""Bits a second of a management port, at most."""
_TIERS = ("leaf", "spine", "core")
_TIER = re.compile(r"[-_.](?:leaf|spine|core)\b.*$")
_NOT_NAME = re.compile(r"[^a-z0-9-]+")
_GBPS = re.compile(r"^(\d+)(g?)base-")
_LANES = re.compile(r"^infiniband-([a-z]+)(?:-(\d)x)?$")
_LANE_GBPS = {"edr": 25, "hdr": 50, "ndr": 100, "xdr": 200}


@dataclass(frozen=True, slots=True)
class AdoptedFabric:
    """One plane as it is cabled.

    Attributes:
        name: what its switches' names begin with.
        site: where its switches stand; empty if they stand at several.
        kind: `infiniband`, or `ethernet`, of which `roce` may be a use.
        role: a guess.
        rails: the most ports of one machine on it.
        link: bits a second of a machine's port.
        switch: the catalogue's switch; empty where it knows none.
        radix: the most cabled ports of one of its switches.
        leaf: leaves.
        spine: switches next to leaves.
        core: switches beyond.
        node_leaf: cables from leaves downwards.
        inner: cables between switches.
        oversubscription: `down:up` of the leaf where it is worst, in lowest terms.
        roomy: whether a leaf has nothing below it: it is sized for more than hangs on it.
        machines: machines on it.
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


def plain(text: str) -> str:
    """Give a name without case, blanks and signs."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def named(text: str) -> str:
    """Make a description's name of any text."""
    return _NOT_NAME.sub("-", text.lower()).strip("-")[:40].strip("-") or "unnamed"


def planes(tables: Tables, here: Mapping[str, Device], machines: set[str]) -> tuple[tuple[AdoptedFabric, ...], list[str]]:
    """Give the planes that machines hang on, and switches that no machine can reach."""
    inner: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    managed = _managed(tables)
    for one, two in tables.cables:
        if one[0] not in here or two[0] not in here:
            continue
        low, high = (one, two) if is_end(one[0], here, machines) or one == managed(one, two) else (two, one)
        if is_end(low[0], here, machines) or low == managed(one, two):
            below[high[0]].append(low)
        else:
            inner[one[0]].append(two[0])
            inner[two[0]].append(one[0])
    found, loose = [], []
    left = set(inner) | set(below)
    while left:
        plane = _connected(min(left), inner)
        left -= plane
        if any(end[0] in machines for leaf in plane for end in below[leaf]):
            found.append(_plane(tables, here, plane, inner, below, machines))
        else:
            loose += sorted(plane)
    guessed = [_with_role(one, found) for one in found]
    return tuple(sorted(_single(guessed), key=lambda one: (-one.link * one.rails, one.site, one.name))), loose


def _managed(tables: Tables) -> Callable[[End, End], End | None]:
    """Give the function that tells which end of a cable between two switches is a management port; None for neither.

    It is one of at most 1 Gbps on a switch that has faster ports. Where both ends are, the switch with fewer such ports is managed
    by the other, which is there to manage.
    """
    slow: Counter[str] = Counter()
    fast: set[str] = set()
    for (device, _), kind in tables.interfaces.items():
        if 0 < rate_of(kind) <= _SLOW:
            slow[device] += 1
        elif rate_of(kind):
            fast.add(device)

    def managed(one: End, two: End) -> End | None:
        ends = [end for end in (one, two) if end[0] in fast and 0 < rate_of(tables.interfaces[end]) <= _SLOW]
        return min(ends, key=lambda end: (slow[end[0]], end), default=None)

    return managed


def _single(planes: list[AdoptedFabric]) -> Iterator[AdoptedFabric]:
    """Number planes whose names are alike."""
    counts = Counter(one.name for one in planes)
    seen: Counter[str] = Counter()
    for one in sorted(planes, key=lambda plane: (plane.name, plane.site, min(plane.machines))):
        seen[one.name] += 1
        yield one if counts[one.name] == 1 else replace(one, name=f"{one.name}-{seen[one.name]}")


def is_end(device: str, here: Mapping[str, Device], machines: set[str]) -> bool:
    """Tell whether a device is one that hangs on switches: a machine, or what its role calls a server, storage or a PDU."""
    return device in machines or any(word in here[device].role.lower() for word in ("server", "storage", "pdu"))


def _connected(start: str, inner: Mapping[str, list[str]]) -> set[str]:
    """Give the switches that cables connect with one."""
    found, todo = {start}, [start]
    while todo:
        for other in inner.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def _plane(
    tables: Tables,
    here: Mapping[str, Device],
    plane: set[str],
    inner: Mapping[str, list[str]],
    below: Mapping[str, list[tuple[str, str]]],
    machines: set[str],
) -> AdoptedFabric:
    """Give one plane."""
    tiers = {one: _tier(here[one], one, inner, below) for one in plane}
    leaves = {one for one, tier in tiers.items() if tier == "leaf"}
    ends = [end for leaf in leaves for end in below[leaf]]
    ports = Counter(end[0] for end in ends if end[0] in machines)
    kinds = Counter(tables.interfaces[end] for end in ends if end[0] in machines)
    kind = kinds.most_common(1)[0][0]
    ratios = [(len(below.get(leaf, ())), len(inner.get(leaf, ()))) for leaf in leaves] or [(0, 0)]
    down, up = max(ratios, key=lambda one: one[0] / one[1] if one[1] else 1)
    common = gcd(down, up) or 1
    sites = {here[one].site for one in plane}
    models = {plain(here[one].model) for one in plane}
    known = next((one.name for one in switches() if models == {plain(one.name)}), "")
    return AdoptedFabric(
        name=named(_stem(plane)),
        site=next(iter(sites)) if len(sites) == 1 else "",
        kind="infiniband" if kind.startswith("infiniband") else "ethernet",
        role="",
        rails=max(ports.values()),
        link=rate_of(kind),
        switch=known,
        radix=max(len(below[one]) + len(inner.get(one, ())) for one in plane),
        leaf=len(leaves),
        spine=sum(tier == "spine" for tier in tiers.values()),
        core=sum(tier == "core" for tier in tiers.values()),
        node_leaf=len(ends),
        inner=sum(len(inner.get(one, ())) for one in plane) // 2,
        oversubscription=f"{down // common}:{up // common}" if up and down > up else "1:1",
        roomy=any(not below.get(leaf) for leaf in leaves),
        machines=frozenset(ports),
    )


def _tier(device: Device, name: str, inner: Mapping[str, list[str]], below: Mapping[str, list[tuple[str, str]]]) -> str:
    """Tell a switch's tier."""
    for tier in _TIERS:
        if tier in device.role.lower():
            return tier
    if below.get(name):
        return "leaf"
    return "spine" if any(below.get(other) for other in inner.get(name, ())) else "core"


def _stem(plane: set[str]) -> str:
    """Give what the names of switches begin with, before their tier, their plane and their number.

    >>> _stem({"compute-a-p0-leaf-r0-001", "compute-a-p0-spine-001"}), _stem({"sw-01", "sw-02"}), _stem({"tor"})
    ('compute-a', 'sw', 'tor')
    """
    names = sorted({_TIER.sub("", name) for name in plane})
    first, last = names[0], names[-1]
    alike = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), min(len(first), len(last)))
    common = first[:alike].rstrip("-_.0123456789") if len(names) > 1 else first
    return re.sub(r"[-_.]p?\d*$", "", common) or common or first


def rate_of(kind: str) -> int:
    """Give the bits a second of NetBox's interface type; 0 where it has none.

    >>> rate_of("400gbase-x-qsfpdd"), rate_of("infiniband-ndr-4x"), rate_of("1000base-t"), rate_of("other")
    (400000000000, 400000000000, 1000000000, 0)
    """
    if found := _GBPS.match(kind):
        return int(found[1]) * (10**9 if found[2] else 10**6)
    if found := _LANES.match(kind):
        return _LANE_GBPS.get(found[1], 0) * int(found[2] or 1) * 10**9
    return 0


def _with_role(one: AdoptedFabric, planes: list[AdoptedFabric]) -> AdoptedFabric:
    """Guess a role by the planes that share machines with it."""
    others = [other for other in planes if other.machines & one.machines]
    mine = one.link * one.rails
    if one.link <= 10**9:
        role = "out-of-band"
    elif all(other.link * other.rails <= mine for other in others):
        role = "compute"
    else:
        wider = [other.link for other in others if other.link * other.rails > mine]
        role = "storage" if any(2 * one.link >= link for link in wider) else "in-band"
    kind = "roce" if one.kind == "ethernet" and role in ("compute", "storage") else one.kind
    return replace(one, role=role, kind=kind)
