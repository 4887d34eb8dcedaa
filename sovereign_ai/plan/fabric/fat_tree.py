"""Whether a plane is a fat tree to OpenSM's routing engine `ftree`.

Without a list of root switches the engine asks, by its manual page and as OpenSM 3.3.23 was seen to do in the
tests of the twin, for two to eight tiers, and for switches of one tier with equally many groups of links
upwards, equally many downwards unless they are leaves, and equally many links in each group; a group is the
links to one other switch. A plane whose last pod is partial, or whose links are dealt out unevenly, is none,
and OpenSM then routes by the next engine of its list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sovereign_ai.plan.fabric.planes import FabricPlan

_LINKS = {"leaf": "to spines", "spine": "to cores"}


def fat_tree_misfit(plane: FabricPlan) -> str:
    """Return why OpenSM's `ftree` does not take a plane; empty where it does."""
    if plane.tiers < 2:
        return "it has one tier of switches"
    if plane.partners:
        return "switches of a pair are joined to each other"
    groups = Counter((cable.lower, cable.upper) for cable in plane.uplinks)
    up: Counter[str] = Counter()
    down: Counter[str] = Counter()
    links: dict[str, set[int]] = {}
    tier_of = {switch.name: switch.tier for switch in plane.switches}
    for (lower, upper), count in groups.items():
        up[lower] += 1
        down[upper] += 1
        links.setdefault(tier_of[lower], set()).add(count)
    for tier, where in _LINKS.items():
        names = [switch.name for switch in plane.switches if switch.tier == tier]
        counts = _counts(up, names)
        if len(counts) > 1:
            return f"a {tier} meets {_range(counts)} {where.removeprefix('to ')}"
        if len(links.get(tier, ())) > 1:
            return f"a {tier} has {_range(links[tier])} links to each of its {where.removeprefix('to ')}"
    for tier, below in (("spine", "leaves"), ("core", "spines")):
        names = [switch.name for switch in plane.switches if switch.tier == tier]
        counts = _counts(down, names)
        if len(counts) > 1:
            return f"a {tier} meets {_range(counts)} {below}"
    return ""


def _counts(groups: Mapping[str, int], names: Iterable[str]) -> set[int]:
    """Return how many groups the switches of a tier have, each number once."""
    return {groups.get(name, 0) for name in names}


def _range(counts: Iterable[int]) -> str:
    """Return the least and the most of some counts in words."""
    ordered = sorted(counts)
    return f"{ordered[0]} to {ordered[-1]}"
