"""The size of one fabric plane, computed without any cable.

Closed forms on whole numbers: validation uses them to decide whether a request can be met, and the planner
plans cables only after that. `feasibility.py` decides which planes there are, `clos.py` has the rule,
and `port_assignment.py` the places of servers.

    >>> h100 = fabric_size(31, 8, 64, Ratio(1, 1), padded_per_rail=32, unit=32, managers=4)
    >>> h100.leaf, h100.spine, h100.node_leaf, h100.leaf_spine
    (8, 4, 252, 256)
    >>> fabric_size(12_500, 8, 64, Ratio(1, 1)).tiers
    Traceback (most recent call last):
    ...
    sovereign_ai.errors.SpecError: fabrics.radix: 3,128 leaves are needed for 100,000 endpoints, and \
three tiers of 64-port switches carry at most 2,048: 65,536 endpoints at 1:1 [impossible-fabric]
        74 ports a switch would do (a 2-fold breakout gives 128); or at most 8,192 machines a fabric and site
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import Clos, MisfitError, Split, most_endpoints, most_leaves, shape, split
from sovereign_ai.plan.fabric.core_groups import CoreGroup, packed
from sovereign_ai.plan.fabric.layout import Laid, Layout, pairs_of
from sovereign_ai.plan.fabric.port_assignment import (
    MANAGERS,
    Block,
    first_free_place,
    total_places,
    total_ports,
)
from sovereign_ai.plan.fabric.switch_ports import Ports
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.text import counted
from sovereign_ai.units import Ratio

MOST_RADIX = 1024
"""The largest radix that a description may name."""
MOST_BREAKOUT = 8
"""The finest breakout that a description may name."""


@frozen_dataclass
class FabricSize:
    """The size of one plane of one fabric at one site.

    Attributes:
        fabric: the fabric's name in the description; empty where only numbers were given.
        site: its site.
        plane: number of the plane, from 0.
        role: `compute`, `storage`, `in-band` or `out-of-band`.
        kind: `infiniband`, `roce` or `ethernet`.
        rails: rails in it.
        radix: ports of a switch, breakout counted.
        link: bits a second of one link of this plane.
        tiers: 1, 2 or 3 switch tiers.
        endpoints: ports of servers and fabric managers that are cabled.
        padded: ports that it is sized for.
        down: ports of a leaf to servers.
        up: ports of a leaf to spines.
        leaf: number of leaves, border leaves not counted.
        spine: number of spines.
        core: number of cores.
        node_leaf: cables from servers and managers to leaves.
        leaf_spine: cables from leaves and border leaves to spines.
        spine_core: cables from spines to cores.
        shape: how pods, spines and cores meet.
        blocks: what joins, in the order of places.
        why: field to the formula and its inputs in words.
        layout: what its cables follow from where the description specifies more than radix and ratio; None
            elsewhere.
        first_rail: the server's rail that is this plane's first; 0 unless rails are planes of their own.
    """

    fabric: str
    site: str
    plane: int
    role: str
    kind: str
    rails: int
    radix: int
    link: int
    tiers: int
    endpoints: int
    padded: int
    down: int
    up: int
    leaf: int
    spine: int
    core: int
    node_leaf: int
    leaf_spine: int
    spine_core: int
    shape: Clos
    blocks: tuple[Block, ...]
    why: Mapping[str, str]
    layout: Layout | None = None
    first_rail: int = 0

    @property
    def leaf_rails(self) -> int:
        """Rails that a leaf serves."""
        return 1 if self.layout is None else self.layout.leaf_rails

    @property
    def uplink(self) -> int:
        """Bits a second of a link between switches."""
        return self.link if self.layout is None else self.layout.ports.uplink

    @property
    def leaf_leaf(self) -> int:
        """Cables between the two leaves of a pair without spines."""
        return 0 if self.layout is None else self.layout.peers

    @property
    def partners(self) -> int:
        """Cables between the two switches of pairs, of a plane with spines."""
        if self.layout is None:
            return 0
        pairs = pairs_of(self.leaf, self.rails, self.shape, self.layout)
        total = 0
        for tier, links in self.layout.partners.by_tier.items():
            total += links * len(pairs[tier])
        return total

    @property
    def border(self) -> int:
        """Number of border leaves, which `leaf` does not count."""
        return 0 if self.layout is None else self.layout.border_leaves

    @property
    def outside(self) -> int:
        """Number of links to the outside."""
        outside = None if self.layout is None else self.layout.outside
        if outside is None:
            return 0
        return outside.links * outside.count_switches(self.leaf, self.spine, self.core)


def fabric_size(
    endpoints_per_rail: int,
    rails: int,
    radix: int,
    ratio: Ratio = Ratio(1, 1),  # noqa: B008 - frozen
    *,
    padded_per_rail: int = 0,
    unit: int = 1,
    breakout: int = 1,
    managers: int = 0,
) -> FabricSize:
    """Return the size of one plane from numbers alone.

    Args:
        endpoints_per_rail: servers, each with one port a rail.
        rails: rails.
        radix: ports of a switch before breakout.
        ratio: capacity below a leaf to capacity above it.
        padded_per_rail: servers that it is sized for; at least `endpoints_per_rail` and the managers' places.
        unit: servers kept together on one leaf.
        breakout: number of links that a port is split into.
        managers: ports of fabric managers; they take free places.

    Raises:
        SpecError: no switches of that radix fit, with the smallest change that would.
    """
    needed = endpoints_per_rail + ceil_div(managers, rails)
    blocks = [Block("", endpoints_per_rail, max(needed, padded_per_rail), unit)]
    try:
        return sized(blocks, rails, radix * breakout, ratio, managers, breakout=breakout)
    except MisfitError as misfit:
        where = Where(field=f"fabrics.{misfit.field}")
        raise SpecError(Problem("impossible-fabric", misfit.message, where, misfit.hint)) from None


def sized(
    blocks: Sequence[Block],
    rails: int,
    radix: int,
    ratio: Ratio,
    managers: int,
    *,
    breakout: int = 1,
    link: int = 0,
) -> FabricSize:
    """Return one plane's size with the names left empty.

    Args:
        blocks: what joins, in the order of places.
        rails: rails.
        radix: ports of a switch, breakout counted.
        ratio: capacity below a leaf to capacity above it.
        managers: ports of fabric managers.
        breakout: links that a port is split into.
        link: bits a second of a link.
    """
    share = split(radix, ratio)
    # A single switch needs no ports upwards, so all of them are for servers.
    alone = rails == 1 and first_free_place(blocks, radix) <= radix
    if alone:
        share = Split(radix, 0)
    a_rail = ceil_div(first_free_place(blocks, share.down), share.down)
    try:
        clos = shape(leaf=a_rail * rails, radix=radix, split=share, alone=alone)
    except MisfitError:
        raise _too_large_error(blocks, rails, radix, ratio) from None
    if clos.tiers == 2 and clos.spine * clos.leaf:
        share, clos = _cheaper_split(blocks, rails, radix, ratio, share, clos)
    layout: Layout | None = None
    fewer = packed(clos.leaf, radix, share, clos.spine + clos.core) if clos.tiers == 3 else None
    if fewer is not None:
        clos, groups = fewer
        cages = radix // breakout
        ports = Ports(cages, breakout, breakout, 0, radix, breakout, link, link)
        layout = Layout(ports, 1, by_rail=False, peers=0, even=True, core_groups=groups)
    why = _why(blocks, rails, radix, ratio, share, clos, managers)
    if layout is not None:
        why |= _packed_why(clos, radix, layout.core_groups)
    size = _unnamed_size(blocks, rails, managers, radix, clos, (share.down, share.up), why)
    return replace(size, layout=layout)


def described(blocks: Sequence[Block], rails: int, managers: int, laid: Laid) -> FabricSize:
    """Return the size of a plane that `plan.fabric.sizing` sized, with the names left empty."""
    clos, ports = laid.clos, laid.layout.ports
    why = {**_joined_why(blocks, rails, managers), **laid.why}
    radix = (ports.cages + ports.reserved) * ports.breakout
    size = _unnamed_size(blocks, rails, managers, radix, clos, (laid.places, clos.leaf_up), why)
    # A pair of leaves has one tier: its links between the leaves are none to spines.
    leaf_spine = clos.leaf_spine if clos.tiers > 1 else 0
    leaf_spine += laid.layout.border_leaves * laid.layout.border_uplinks
    return replace(size, leaf_spine=leaf_spine, layout=laid.layout)


def _unnamed_size(
    blocks: Sequence[Block],
    rails: int,
    managers: int,
    radix: int,
    clos: Clos,
    ends_of_leaf: tuple[int, int],
    why: Mapping[str, str],
) -> FabricSize:
    """Return the size of a plane with the names left empty.

    Args:
        blocks: the machines on it.
        rails: rails.
        managers: ports of fabric managers.
        radix: ports of a leaf.
        clos: the shape of its switches.
        ends_of_leaf: ports of a leaf downwards and upwards.
        why: field to the formula and its inputs in words.
    """
    endpoints = total_ports(blocks, rails) + managers
    down, up = ends_of_leaf
    return FabricSize(
        fabric="",
        site="",
        plane=0,
        role="",
        kind="",
        rails=rails,
        radix=radix,
        link=0,
        tiers=clos.tiers,
        endpoints=endpoints,
        padded=total_places(blocks) * rails,
        down=down,
        up=up,
        leaf=clos.leaf,
        spine=clos.spine,
        core=clos.core,
        node_leaf=endpoints,
        leaf_spine=clos.leaf_spine,
        spine_core=clos.spine_core,
        shape=clos,
        blocks=tuple(blocks),
        why=why,
    )


WASTE = Fraction(5, 4)
"""More spines or uplinks than this multiple of the least are waste. Published designs with more have no
alternative with as many leaves."""


def _cheaper_split(
    blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio, share: Split, clos: Clos
) -> tuple[Split, Clos]:
    """Return another split with as many leaves where the rule of divisors would waste spines.

    That happens with a prime number of uplinks. Leaves that are filled evenly need fewer uplinks than a full
    leaf, and among those numbers is often one that divides.
    """
    # Below twice the least the published rule applies, and a note names the cheaper design.
    if clos.spine <= 2 * max(2, ceil_div(clos.leaf_spine, radix)):
        return share, clos
    a_rail = clos.leaf // rails
    places = ceil_div(total_places(blocks), a_rail)
    # Units that do not straddle leaves may need more; `share.down` places give `a_rail` leaves, so this ends.
    while ceil_div(first_free_place(blocks, places), places) != a_rail:
        places += 1
    need = max(ceil_div(places * ratio.fraction.denominator, ratio.fraction.numerator), 1)
    best_share, best = share, clos
    for up in range(need, radix - places + 1):
        candidate = shape(leaf=clos.leaf, radix=radix, split=Split(places, up))
        if (candidate.spine, up) < (best.spine, best_share.up):
            best_share, best = Split(places, up), candidate
    return best_share, best


def _too_large_error(blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio) -> MisfitError:
    """Return the error with the limit, and the smallest radix, breakout or division that would fit."""
    share = split(radix, ratio)

    def fits(ports: int) -> bool:
        down = split(ports, ratio).down
        return ceil_div(first_free_place(blocks, down), down) * rails <= most_leaves(ports)

    ways: list[str] = []
    # Switches have an even number of ports.
    first = radix + 2 - radix % 2
    wider = next((ports for ports in range(first, MOST_RADIX + 1, 2) if fits(ports)), None)
    if wider:
        way = f"{counted(wider, 'port')} a switch would do"
        finer = next((times for times in range(2, MOST_BREAKOUT + 1) if fits(radix * times)), None)
        if finer:
            way += f" (a {finer}-fold breakout gives {radix * finer})"
        ways.append(way)
    machines_text = counted(most_leaves(radix) // rails * share.down, "machine")
    ways.append(f"or at most {machines_text} a fabric and site")
    leaves = ceil_div(first_free_place(blocks, share.down), share.down) * rails
    endpoints = total_places(blocks) * rails
    most, most_ends = most_leaves(radix), most_endpoints(radix, share)
    leaves_text = counted(leaves, "leaf is", "leaves are")
    needed = f"{leaves_text} needed for {counted(endpoints, 'endpoint')}"
    endpoints_text = counted(most_ends, "endpoint")
    limit = f"three tiers of {radix}-port switches carry at most {most:,}: {endpoints_text} at {ratio}"
    message = f"{needed}, and {limit}"
    return MisfitError("radix", message, "; ".join(ways))


def _why(
    blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio, share: Split, clos: Clos, managers: int
) -> dict[str, str]:
    """Return the reasons of the numbers."""
    places = total_places(blocks)
    why = _joined_why(blocks, rails, managers)
    if clos.tiers == 1:
        places_text = counted(places, "place of one rail fits", "places of one rail fit")
        why["leaf"] = f"{places_text} one switch of {radix} ports"
        why["tiers"] = "one switch holds all, and one rail needs no other"
        return why
    a_rail = clos.leaf // rails
    if share.down + share.up == radix:
        why["down"] = f"the most of {radix} ports within {ratio}: {share.down} down, {share.up} up"
    else:
        why["down"] = (
            f"{share.down} down and {share.up} up of {radix} ports: leaves filled alike, within {ratio}, "
            "whose uplinks divide better"
        )
    places_text = counted(share.down, "place")
    why["leaf"] = f"{_across(rails)} x {_leaves(a_rail)} of {places_text} for {counted(places, 'place')}"
    why["spine"] = (
        f"smallest divisor of {counted(share.up, 'uplink')} whose {radix} ports hold them all, by pod: "
        f"{clos.pods - 1} x {clos.pod_spines} + {clos.last_spines}"
    )
    why["leaf_spine"] = f"{_leaves(clos.leaf)} x {counted(share.up, 'uplink')}"
    why["pods"] = f"{clos.pods} of at most {_leaves(clos.pod)}"
    why["pod_spines"] = f"{counted(clos.pod_spines, 'spine')} a full pod"
    why["tiers"] = f"{_leaves(clos.leaf)} against {radix} ports of a spine"
    if clos.tiers == 3:
        groups_text = counted(clos.pod_spines, "group")
        uplinks_text = counted(clos.spine_up, "uplink")
        why["core"] = (
            f"{groups_text} of {clos.group}: smallest divisor of {uplinks_text} "
            f"whose {radix} ports hold {counted(clos.pods, 'pod')}"
        )
        why["spine_core"] = f"{counted(clos.spine, 'spine')} x {counted(clos.spine_up, 'uplink')}"
    return why


def _packed_why(clos: Clos, radix: int, groups: Sequence[CoreGroup]) -> dict[str, str]:
    """Return the reasons of pods that meet groups of cores of different sizes."""
    parts = [f"{group.cores} for {counted(group.spines, 'spine')} a pod" for group in groups]
    why: dict[str, str] = {}
    pods_text = counted(clos.pods, "pod")
    uplinks_text = counted(clos.leaf_up, "uplink")
    why["spine"] = (
        f"{pods_text} x {clos.pod_spines}: smallest divisor of {uplinks_text} "
        f"whose {radix} ports hold those of {_leaves(clos.pod)}"
    )
    why["core"] = f"fewest of {radix} ports with equally many links from each spine: {', '.join(parts)}"
    return why


def _across(rails: int) -> str:
    """Return a number of rails in words."""
    return counted(rails, "rail")


def _joined_why(blocks: Sequence[Block], rails: int, managers: int) -> dict[str, str]:
    """Return what joins a plane and what it is sized for, in words."""
    hosts = [block for block in blocks if block.name != MANAGERS and block.hosts]
    members = [f"{block.hosts} {block.name or 'machines'}" for block in hosts if not block.ports]
    single = [f" + {block.ports} {block.name} of one port" for block in hosts if block.ports]
    across = _across(rails)
    listed = " + ".join(members) or "none"
    why: dict[str, str] = {}
    why["endpoints"] = f"({listed}) x {across}{''.join(single)} + {counted(managers, 'manager port')}"
    why["padded"] = f"{counted(total_places(blocks), 'place')} x {across}"
    why["node_leaf"] = "one cable an endpoint"
    return why


def _leaves(count: int) -> str:
    """Return a number of leaves in words."""
    return counted(count, "leaf", "leaves")
