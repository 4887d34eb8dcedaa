"""How large one plane of a fabric becomes, without laying a single cable.

Closed forms on whole numbers: validation asks them whether a wish can be met, and the planner lays
cables only after they said yes. Which planes there are is in `fit.py`; the rule itself is in `clos.py`, who sits where in `seats.py`.

    >>> h100 = fabric_size(31, 8, 64, Ratio(1, 1), padded_per_rail=32, unit=32, managers=4)
    >>> h100.leaf, h100.spine, h100.node_leaf, h100.leaf_spine
    (8, 4, 252, 256)
    >>> fabric_size(12_500, 8, 64, Ratio(1, 1)).tiers
    Traceback (most recent call last):
    ...
    sovereign_ai.errors.SpecError: fabrics.radix: 3,128 leaves are needed for 100,000 endpoints, and three tiers of 64-port \
switches carry at most 2,048: 65,536 endpoints at 1:1 [impossible-fabric]
        74 ports a switch would do (breakout: 2 gives 128); or at most 8,192 machines a fabric and site
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.plan.clos import Clos, MisfitError, Split, most_endpoints, most_leaves, shape, split
from sovereign_ai.plan.seats import MANAGERS, Block, ends
from sovereign_ai.units import Ratio

MOST_RADIX = 1024
"""The largest radix that a description may name."""
MOST_BREAKOUT = 8
"""The finest breakout that a description may name."""


@dataclass(frozen=True, slots=True)
class FabricSize:
    """The size of one plane of one fabric at one site.

    Attributes:
        fabric: the fabric's name in the description; empty where only numbers were given.
        site: where it is.
        plane: from 0.
        role: `compute`, `storage`, `in-band` or `out-of-band`.
        kind: `infiniband`, `roce` or `ethernet`.
        rails: rails in it.
        radix: ports of a switch, breakout counted.
        link: bits a second of one link of this plane.
        tiers: 1, 2 or 3 switch tiers.
        endpoints: machine and manager ports really cabled.
        padded: ports it is sized for.
        down: ports of a leaf to machines.
        up: ports of a leaf to spines.
        leaf: number of leaves.
        spine: number of spines.
        core: number of cores.
        node_leaf: cables from machines and managers to leaves.
        leaf_spine: cables from leaves to spines.
        spine_core: cables from spines to cores.
        shape: how pods, spines and cores meet.
        blocks: who joins, in the order of places.
        why: field to the formula and its inputs in words.
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
    """Give the size of one plane from numbers alone.

    Args:
        endpoints_per_rail: machines, each with one port a rail.
        rails: rails.
        radix: ports of a switch before breakout.
        ratio: capacity below a leaf to capacity above it.
        padded_per_rail: machines it is sized for; no fewer than `endpoints_per_rail` and the managers' places.
        unit: machines kept together on one leaf.
        breakout: into how many links a port is split.
        managers: ports of fabric managers; they take free places.

    Raises:
        SpecError: no switches of that radix can meet it, with the smallest change that would.
    """
    needed = endpoints_per_rail + -(-managers // rails)
    blocks = [Block("", endpoints_per_rail, max(needed, padded_per_rail), unit)]
    try:
        return sized(blocks, rails, radix * breakout, ratio, managers)
    except MisfitError as misfit:
        raise SpecError(Problem("impossible-fabric", misfit.message, Where(field=f"fabrics.{misfit.field}"), misfit.hint)) from None


def sized(blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio, managers: int) -> FabricSize:
    """Give one plane's size with the names left empty."""
    share = split(radix, ratio)
    alone = rails == 1 and ends(blocks, radix) <= radix
    if alone:
        share = Split(radix, 0)
    a_rail = -(-ends(blocks, share.down) // share.down)
    try:
        clos = shape(leaf=a_rail * rails, radix=radix, split=share, alone=alone)
    except MisfitError:
        raise _too_large(blocks, rails, radix, ratio) from None
    endpoints = sum(block.hosts for block in blocks) * rails + managers
    padded = sum(block.places for block in blocks) * rails
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
        padded=padded,
        down=share.down,
        up=share.up,
        leaf=clos.leaf,
        spine=clos.spine,
        core=clos.core,
        node_leaf=endpoints,
        leaf_spine=clos.leaf_spine,
        spine_core=clos.spine_core,
        shape=clos,
        blocks=tuple(blocks),
        why=_why(blocks, rails, radix, ratio, share, clos, managers),
    )


def _too_large(blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio) -> MisfitError:
    """Say the limit, and the smallest radix, breakout or split that would fit."""
    share = split(radix, ratio)

    def fits(ports: int) -> bool:
        down = split(ports, ratio).down
        return -(-ends(blocks, down) // down) * rails <= most_leaves(ports)

    wider = next((ports for ports in range(radix + 2 - radix % 2, MOST_RADIX + 1, 2) if fits(ports)), None)
    finer = next((times for times in range(2, MOST_BREAKOUT + 1) if fits(radix * times)), None)
    ways = [f"{wider} ports a switch would do" + (f" (breakout: {finer} gives {radix * finer})" if finer else "")] if wider else []
    ways.append(f"or at most {most_leaves(radix) // rails * share.down:,} machines a fabric and site")
    leaves = -(-ends(blocks, share.down) // share.down) * rails
    wanted = sum(block.places for block in blocks) * rails
    return MisfitError(
        "radix",
        f"{leaves:,} leaves are needed for {wanted:,} endpoints, and three tiers of {radix}-port switches carry at most "
        f"{most_leaves(radix):,}: {most_endpoints(radix, share):,} endpoints at {ratio}",
        "; ".join(ways),
    )


def _why(blocks: Sequence[Block], rails: int, radix: int, ratio: Ratio, share: Split, clos: Clos, managers: int) -> Mapping[str, str]:
    """Say where each number comes from."""
    joined = " + ".join(f"{block.hosts} {block.name or 'machines'}" for block in blocks if block.name != MANAGERS and block.hosts) or "none"
    places = sum(block.places for block in blocks)
    across = f"{rails} {'rail' if rails == 1 else 'rails'}"
    told = {
        "endpoints": f"({joined}) x {across} + {managers} manager ports",
        "padded": f"{places} places x {across}",
        "node_leaf": "one cable an endpoint",
    }
    if clos.tiers == 1:
        return told | {
            "leaf": f"{places} places of one rail fit one switch of {radix} ports",
            "tiers": "one switch holds all, and one rail needs no other",
        }
    a_rail = clos.leaf // rails
    told |= {
        "down": f"the most of {radix} ports within {ratio}: {share.down} down, {share.up} up",
        "leaf": f"{across} x {_leaves(a_rail)} of {share.down} places for {places} places",
        "spine": f"smallest divisor of {share.up} uplinks whose {radix} ports hold them all, by pod: "
        f"{clos.pods - 1} x {clos.pod_spines} + {clos.last_spines}",
        "leaf_spine": f"{_leaves(clos.leaf)} x {share.up} uplinks",
        "pods": f"{clos.pods} of at most {_leaves(clos.pod)}",
        "pod_spines": f"{clos.pod_spines} spines a full pod",
        "tiers": f"{_leaves(clos.leaf)} against {radix} ports of a spine",
    }
    if clos.tiers == 3:
        told["core"] = (
            f"{clos.pod_spines} groups of {clos.group}: smallest divisor of {clos.spine_up} uplinks whose {radix} ports hold {clos.pods} pods"
        )
        told["spine_core"] = f"{clos.spine} spines x {clos.spine_up} uplinks"
    return told


def _leaves(count: int) -> str:
    """Count leaves in words."""
    return f"{count} {'leaf' if count == 1 else 'leaves'}"
