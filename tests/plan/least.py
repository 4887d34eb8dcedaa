"""The fewest spines, uplinks and cores that a plane needs, searched for by trying.

The search uses numbers alone and nothing of the planner.

What every design must keep, and all that it must keep:

* Units of machines that fit a leaf do not straddle two; leaves are as few as the ports and the ratio allow.
* All leaves are alike, so that a machine may stand anywhere: each has the uplinks that the fullest of them
  needs.
* Each leaf meets two spines at least where it has two uplinks, so that the loss of one parts nothing.
* Border leaves, where there are any, have the uplinks that the ratio asks for and one to each spine at least;
  of pods each has its share of them. Links to the outside take whole ports.
* Two tiers hold as many leaves as a spine has ports. Beyond that pods are alike, each with spines of its own;
  a spine has no fewer links above than below. Cores are one group or several alike, with as many of a pod's
  spines each, and a spine has a link to each core of its group, so that traffic can spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Need:
    """The needs: places, rails, rails a leaf, ports of a switch, the ratio, and the unit kept together.

    `radix` counts links to servers, of which a cage gives `split`. A link upwards has `speed` times the rate
    of one to a server; a cage gives `up_split` of them, and is split for one of the two alone. `extra` ports
    of a leaf lead upwards and nowhere else. `above` is a spine's links, where it is another model.

    There are `borders` border leaves, each of which needs `border_up` uplinks and has ports for
    `border_room`. A leaf sends as much to the outside as over `leaf_outside` links to servers, whose ports
    `radix` does not count; a spine or core has `spine_outside` or `core_outside` links fewer.

    A leaf keeps `leaf_partner` of its links upwards for the other leaf of its pair, which is in its pod, and
    a spine `spine_partner` of its links.
    """

    places: int
    rails: int
    leaf_rails: int
    radix: int
    down: int
    up: int
    unit: int
    split: int = 1
    speed: Fraction = Fraction(1)
    up_split: int = 0
    extra: int = 0
    above: int = 0
    borders: int = 0
    border_up: int = 0
    border_room: int = 0
    leaf_outside: Fraction = Fraction(0)
    spine_outside: int = 0
    core_outside: int = 0
    leaf_partner: int = 0
    spine_partner: int = 0

    def above_leaves(self, leaves: int, up: int, borders: int, spines: int) -> int:
        """Links of leaves and border leaves to spines; none where a border leaf has no ports for them."""
        to_border = max(self.border_up, spines)
        if borders and to_border > self.border_room:
            return 0
        return leaves * up + borders * to_border

    @property
    def spine_radix(self) -> int:
        """Links of a spine or core."""
        if self.above:
            return self.above
        return self.radix // self.split * self.up_split if self.up_split else self.radix

    def most_up(self, places: int) -> int:
        """Links upwards for which a leaf of so many places has ports; negative where it has none."""
        used = places * self.leaf_rails
        if used > self.radix or not self.up_split:
            return self.radix - used - self.leaf_partner
        if self.extra:
            return self.extra - self.leaf_partner
        return (self.radix // self.split - ceiling(used, self.split)) * self.up_split - self.leaf_partner


@dataclass(frozen=True)
class Least:
    """What is the least: leaves, uplinks of all of them, and switches above them."""

    leaves: int
    uplinks: int
    above: int
    tiers: int


def ceiling(number: int, by: int) -> int:
    return (number + by - 1) // by


def leaves_for(need: Need, places: int) -> int:
    """Fill leaves one after the other, unit by unit."""
    if need.unit > places:
        return ceiling(need.places, places)
    filled, leaves, left = 0, 1, need.places
    while left:
        unit = min(need.unit, left)
        if filled + unit > places:
            leaves, filled = leaves + 1, 0
        filled += unit
        left -= unit
    return leaves


def uplinks_for(need: Need, places: int) -> int:
    """Links upwards that the ratio asks of a leaf."""
    carried = (places * need.leaf_rails + need.leaf_outside) * Fraction(need.up, need.down) / need.speed
    return max(ceiling(carried.numerator, carried.denominator), 1)


def cores_for(links: int, spines: int, above: int, radix: int) -> int:
    """Fewest cores that hold the spines' links and can be grouped."""
    cores = max(ceiling(links, radix), min(2, above))
    while not any(
        spines % groups == 0 and cores % groups == 0 and cores // groups <= above
        for groups in range(1, cores + 1)
    ):
        cores += 1
    return cores


def least(need: Need) -> Least | None:
    """Try every number of places a leaf; None where no number of tiers up to three is enough.

    None as well where spines or cores have links to the outside, and the least has none of them.
    """
    found = _least(need)
    if found is not None and found.leaves == 1 and not need.borders:
        # A single leaf needs no spine, also where it keeps ports for a partner that it has not.
        found = Least(1, 0, 0, 1)
    tiers = 3 if need.core_outside else 2 if need.spine_outside else 1
    return found if found is not None and found.tiers >= tiers else None


def is_one_switch(need: Need) -> bool:
    """Whether one switch holds all, and nothing that is wished for needs another."""
    if need.rails != need.leaf_rails or need.borders or need.leaf_partner or need.radix < need.leaf_rails:
        return False
    return leaves_for(need, need.radix // need.leaf_rails) == 1


def _least(need: Need) -> Least | None:
    """Try every number of places a leaf."""
    groups = need.rails // need.leaf_rails
    if is_one_switch(need):
        return Least(1, 0, 0, 1)
    fits = [
        places
        for places in range(1, need.radix // need.leaf_rails + 1)
        if uplinks_for(need, places) <= need.most_up(places)
    ]
    if not fits:
        return None
    fewest = min(leaves_for(need, places) for places in fits)
    places = min(places for places in fits if leaves_for(need, places) == fewest)
    leaves, up = fewest * groups, uplinks_for(need, places)
    radix, core_radix = need.spine_radix - need.spine_outside, need.spine_radix - need.core_outside
    radix -= need.spine_partner
    if leaves + need.borders <= radix:
        for spines in range(min(2, up), up + 1):
            links = need.above_leaves(leaves, up, need.borders, spines)
            if 0 < links <= spines * radix:
                return Least(leaves, links, spines, 2)
        return None
    best: int | None = None
    for pods in range(2, min(core_radix, leaves) + 1):
        pod, borders = ceiling(leaves, pods), ceiling(need.borders, pods)
        if pod + borders > radix // 2 or (need.leaf_partner and pod % 2):
            continue
        for spines in range(min(2, up), up + 1):
            links = need.above_leaves(pod, up, borders, spines)
            if not 0 < links <= spines * (radix // 2):
                continue
            above = ceiling(links, spines)
            total = pods * spines + cores_for(pods * spines * above, spines, above, core_radix)
            best = total if best is None else min(best, total)
    # A pod has at most as many spines as a leaf has uplinks, and a border leaf one link to each at least.
    uplinks = leaves * up + need.borders * max(need.border_up, up)
    return None if best is None else Least(leaves, uplinks, best, 3)
