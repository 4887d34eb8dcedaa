"""The shape of a folded Clos network from whole numbers alone: leaves, spines, cores, links between them.

The rule, which reproduces every published row (NVIDIA RA-11333-001 V11, tables 3 and 4, and the
B200, B300 and B300-XDR reference architectures, read 2026-11-24):

* A leaf splits its ports into `down` and `up` by the oversubscription, which is a maximum: where it
  gives no whole ports, the leaf blocks a little less. One leaf serves one rail.
* Every leaf has equally many links to each spine, so the spines number the smallest divisor of
  `up` whose ports hold all links. This step, not rounding up, gives 16 spines to 24 leaves of 64.
  They are two at least where `up` allows it, so that no spine's loss parts the leaves.
* Two tiers carry at most as many leaves as a switch has ports: radix^2 / 2 endpoints at 1:1.
* Beyond that leaves stand in pods of half a radix; spine j of every pod meets the same group of
  cores, with equally many links to each (the same divisor step). Where pods fill their cores that
  is spine = leaf and core = leaf / 2, as published. The limit is radix^3 / 4 endpoints at 1:1.
* Only a fabric of one rail may end at one switch; several rails always meet at spines.

    >>> shape(leaf=24, radix=64, split=Split(32, 32)).spine
    16
    >>> large = shape(leaf=256, radix=64, split=Split(32, 32))
    >>> large.tiers, large.spine, large.core
    (3, 256, 128)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sovereign_ai.units import Ratio


class MisfitError(ValueError):
    """A wish that no switches can meet.

    Attributes:
        field: the field of the fabric to change.
        message: the limit and by how much it is missed.
        hint: the smallest change that would fit.
    """

    def __init__(self, field: str, message: str, hint: str) -> None:
        self.field = field
        self.message = message
        self.hint = hint
        super().__init__(f"{message}; {hint}")


@dataclass(frozen=True, slots=True)
class Split:
    """How a leaf's ports are shared out.

    Attributes:
        down: ports to machines.
        up: ports to spines.
    """

    down: int
    up: int


@dataclass(frozen=True, slots=True)
class Clos:
    """A folded Clos.

    Attributes:
        tiers: 1, 2 or 3.
        leaf: leaves.
        spine: spines.
        core: cores; 0 with fewer than three tiers.
        pod: leaves of a full pod; all leaves with two tiers.
        pods: pods, the last of which may be smaller.
        pod_spines: spines of a full pod.
        last_spines: spines of the last pod.
        group: cores that one spine of a full pod meets.
        spine_up: links from each spine to cores.
        leaf_up: links from each leaf to spines.
    """

    tiers: int
    leaf: int
    spine: int
    core: int
    pod: int
    pods: int
    pod_spines: int
    last_spines: int
    group: int
    spine_up: int
    leaf_up: int

    @property
    def leaf_spine(self) -> int:
        """Cables from leaves to spines."""
        return self.leaf * self.leaf_up

    @property
    def spine_core(self) -> int:
        """Cables from spines to cores."""
        return self.spine * self.spine_up


def split(radix: int, ratio: Ratio) -> Split:
    """Share out a leaf's ports: the most below that stay within the ratio, all others above.

    Where the ratio's parts divide the radix that is the ratio itself; elsewhere the leaf blocks a
    little less than is wished: 64 ports at 2:1 are 42 and 22.

    Raises:
        MisfitError: not one port below stays within the ratio.
    """
    fraction = ratio.fraction
    down = radix * fraction.numerator // (fraction.numerator + fraction.denominator)
    if not 0 < down < radix:
        least = -(-(fraction.numerator + fraction.denominator) // fraction.numerator)
        raise MisfitError(
            "oversubscription",
            f"{radix} ports cannot be shared {ratio}: not one is left for a machine",
            f"write '1:{max(radix - 1, 1)}' or a larger ratio, or use a switch of {least} ports or more",
        )
    return Split(down, radix - down)


def most_leaves(radix: int) -> int:
    """Give the most leaves that three tiers carry: pods as many as a core's ports, each of a spine's ports below."""
    return radix * (radix - radix // 2)


def most_endpoints(radix: int, split: Split) -> int:
    """Give the most endpoints that three tiers carry: radix^3 / 4 at 1:1."""
    return most_leaves(radix) * split.down


def divisors(number: int) -> Iterator[int]:
    """Give the divisors of a number, smallest first."""
    return (part for part in range(1, number + 1) if number % part == 0)


def _several(number: int) -> Iterator[int]:
    """Give the divisors from two upwards, or the one divisor of one."""
    return (part for part in divisors(number) if part > 1 or number == 1)


def shape(*, leaf: int, radix: int, split: Split, alone: bool = False) -> Clos:
    """Give the smallest Clos for so many leaves.

    Args:
        leaf: leaves needed below.
        radix: ports of every switch, breakout counted.
        split: how a leaf's ports are shared out.
        alone: the one leaf takes every endpoint, so nothing is needed above it.

    Raises:
        MisfitError: more leaves than three tiers carry.
    """
    if alone:
        return Clos(1, leaf, 0, 0, leaf, 1, 0, 0, 0, 0, 0)
    if leaf <= radix:
        spine = next(part for part in _several(split.up) if leaf * (split.up // part) <= radix)
        return Clos(2, leaf, spine, 0, leaf, 1, spine, spine, 0, 0, split.up)
    if leaf > most_leaves(radix):
        raise MisfitError(
            "radix",
            f"{leaf:,} leaves are needed and three tiers of {radix}-port switches carry at most {most_leaves(radix):,}, "
            f"which is {most_endpoints(radix, split):,} endpoints at {split.down}:{split.up}",
            "",
        )
    return _three_tiers(leaf, radix, split)


def _three_tiers(leaf: int, radix: int, split: Split) -> Clos:
    """Stack pods under cores; the first fit has the fewest cores, then the fewest spines in the last pod."""
    spine_up = radix // 2
    pod = radix - spine_up
    full, rest = divmod(leaf, pod)
    spines = split.up  # a full pod has as many leaves as a spine has ports below: one link each
    for group in divisors(spine_up):
        links = spine_up // group
        if not rest:
            if full * links <= radix:
                return Clos(3, leaf, full * spines, group * spines, pod, full, spines, spines, group, spine_up, split.up)
            continue
        for last in _several(spines):
            merged = spines // last
            fits = rest * (split.up // last) <= pod and links % merged == 0 and full * links + links // merged <= radix
            if fits:
                return Clos(3, leaf, full * spines + last, group * spines, pod, full + 1, spines, last, group, spine_up, split.up)
    raise AssertionError("a group of half a radix always fits")  # full + rest pods <= radix, one link each
