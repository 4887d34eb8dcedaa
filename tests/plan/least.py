"""The fewest spines, uplinks and cores that a plane needs, searched for by trying.

The search uses numbers alone and nothing of the planner.

What every design must keep, and all that it must keep:

* Units of machines that fit a leaf do not straddle two; leaves are as few as the ports and the ratio allow.
* All leaves are alike, so that a machine may stand anywhere: each has the uplinks that the fullest of them
  needs.
* Each leaf meets two spines at least where it has two uplinks, so that the loss of one parts nothing.
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
            return self.radix - used
        if self.extra:
            return self.extra
        return (self.radix // self.split - ceiling(used, self.split)) * self.up_split


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
    carried = Fraction(places * need.leaf_rails * need.up, need.down) / need.speed
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
    """Try every number of places a leaf; None where no number of tiers up to three is enough."""
    groups = need.rails // need.leaf_rails
    if (
        groups == 1
        and leaves_for(need, need.radix // need.leaf_rails or 1) == 1
        and need.radix >= need.leaf_rails
    ):
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
    radix = need.spine_radix
    if leaves <= radix:
        return Least(leaves, leaves * up, max(ceiling(leaves * up, radix), min(2, up)), 2)
    best: int | None = None
    for pods in range(2, min(radix, leaves) + 1):
        pod = ceiling(leaves, pods)
        if pod > radix // 2:
            continue
        for spines in range(max(ceiling(pod * up, radix // 2), min(2, up)), up + 1):
            above = ceiling(pod * up, spines)
            total = pods * spines + cores_for(pods * spines * above, spines, above, radix)
            best = total if best is None else min(best, total)
    return None if best is None else Least(leaves, leaves * up, best, 3)
