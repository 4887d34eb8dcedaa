"""The shape of a folded Clos network, in whole numbers: leaves, spines, cores, and the links between them.

The rule reproduces every published row (NVIDIA RA-11333-001 V11, tables 3 and 4, and the B200, B300 and
B300-XDR reference architectures, read 2026-11-24):

* A leaf splits its ports into `down` and `up` by the oversubscription, which is a maximum. Where it gives no
  whole ports, the leaf blocks a little less. One leaf serves one rail.
* Every leaf has equally many links to each spine, so the number of spines is the smallest divisor of `up`
  whose ports hold all links. This step, not rounding up, gives 16 spines to 24 leaves of 64. There are at
  least two spines where `up` allows it, so that the loss of one spine does not separate the leaves.
* Two tiers carry at most as many leaves as a switch has ports: radix^2 / 2 endpoints at 1:1.
* Beyond that leaves form pods of half a radix. Spine j of every pod connects to the same group of cores, with
  equally many links to each (the same divisor step). Where pods fill their cores that is spine = leaf and
  core = leaf / 2, as published. The limit is radix^3 / 4 endpoints at 1:1. Where pods do not fill their
  cores, `core_groups.py` has designs with fewer.
* Only a fabric of one rail may end at one switch. Several rails always meet at spines.

    >>> shape(leaf=24, radix=64, split=Split(32, 32)).spine
    16
    >>> large = shape(leaf=256, radix=64, split=Split(32, 32))
    >>> large.tiers, large.spine, large.core
    (3, 256, 128)
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.text import counted
from sovereign_ai.units import Ratio


class MisfitError(ValueError):
    """A request that no switches can meet.

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


@frozen_dataclass
class Split:
    """How a leaf's ports are divided.

    Attributes:
        down: ports to servers.
        up: ports to spines.
    """

    down: int
    up: int


@frozen_dataclass
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
    """Divide a leaf's ports: the most below that stay within the ratio, all others above.

    Where the ratio's parts divide the radix, the result is the ratio itself. Elsewhere the leaf blocks a
    little less than requested: 64 ports at 2:1 are 42 and 22.

    Raises:
        MisfitError: not one port below stays within the ratio.
    """
    fraction = ratio.fraction
    parts = fraction.numerator + fraction.denominator
    down = radix * fraction.numerator // parts
    if not 0 < down < radix:
        least = ceil_div(parts, fraction.numerator)
        ports_text = counted(least, "port")
        raise MisfitError(
            "oversubscription",
            f"{radix} ports cannot be shared {ratio}: not one is left for a machine",
            f"write '1:{max(radix - 1, 1)}' or a larger ratio, or use a switch of {ports_text} or more",
        )
    return Split(down, radix - down)


def most_leaves(radix: int) -> int:
    """Return the most leaves of three tiers: a core's ports (pods) times a spine's ports below."""
    return radix * (radix - radix // 2)


def most_endpoints(radix: int, split: Split) -> int:
    """Return the most endpoints of three tiers: radix^3 / 4 at 1:1."""
    return most_leaves(radix) * split.down


def divisors(number: int) -> Iterator[int]:
    """Yield the divisors of a number, smallest first."""
    for part in range(1, number + 1):
        if number % part == 0:
            yield part


def _spine_counts(uplinks: int) -> Iterator[int]:
    """Yield the divisors of a leaf's uplinks from two upwards, or one where there is one uplink."""
    for part in divisors(uplinks):
        if part > 1 or uplinks == 1:
            yield part


def shape(*, leaf: int, radix: int, split: Split, alone: bool = False) -> Clos:
    """Return the smallest Clos for a number of leaves.

    Args:
        leaf: leaves needed.
        radix: ports of every switch, breakout counted.
        split: how a leaf's ports are divided.
        alone: the one leaf holds every endpoint, so no switch is needed above it.

    Raises:
        MisfitError: more leaves than three tiers carry.
    """
    if alone:
        return Clos(1, leaf, 0, 0, leaf, 1, 0, 0, 0, 0, 0)
    if leaf <= radix:
        spine = _spines(leaf, radix, split)
        return Clos(2, leaf, spine, 0, leaf, 1, spine, spine, 0, 0, split.up)
    if leaf > most_leaves(radix):
        most, most_ends = most_leaves(radix), most_endpoints(radix, split)
        limit = f"three tiers of {radix}-port switches carry at most {most:,}"
        endpoints = f"{counted(most_ends, 'endpoint')} at {split.down}:{split.up}"
        message = f"{leaf:,} leaves are needed and {limit}, which is {endpoints}"
        raise MisfitError("radix", message, "")
    return _three_tiers(leaf, radix, split)


def _spines(leaf: int, radix: int, split: Split) -> int:
    """Return the fewest spines that divide the uplinks of a leaf and hold those of all leaves."""
    for spines in _spine_counts(split.up):
        if leaf * (split.up // spines) <= radix:
            return spines
    # With as many spines as uplinks each leaf has one link to each, and there are no more leaves than ports.
    raise AssertionError("as many spines as uplinks always fit")


def _three_tiers(leaf: int, radix: int, split: Split) -> Clos:
    """Return pods under cores. The first fit has the fewest cores, then the fewest spines in the last pod."""
    spine_up = radix // 2
    pod = radix - spine_up
    full, rest = divmod(leaf, pod)
    spines = split.up  # a full pod has as many leaves as a spine has ports below: one link each
    for group in divisors(spine_up):
        links = spine_up // group
        cores = group * spines
        if not rest:
            if full * links <= radix:
                count = full * spines
                return Clos(3, leaf, count, cores, pod, full, spines, spines, group, spine_up, split.up)
            continue
        for last in _spine_counts(spines):
            # A spine of the last pod replaces as many spines of a full pod, and serves all of their
            # groups.
            merged = spines // last
            leaves_fit = rest * (split.up // last) <= pod
            cores_fit = links % merged == 0 and full * links + links // merged <= radix
            if leaves_fit and cores_fit:
                count = full * spines + last
                return Clos(3, leaf, count, cores, pod, full + 1, spines, last, group, spine_up, split.up)
    raise AssertionError("a group of half a radix always fits")  # full + rest pods <= radix, one link each
