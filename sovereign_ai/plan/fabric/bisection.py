"""Oversubscription and bisection of a fabric plane, measured on its cables alone, never on the description.

>>> from sovereign_ai.plan.fabric import Cables
>>> full = Cables([("n1", "compute0", "l1", "1"), ("n2", "compute0", "l2", "1")])
>>> carried(full, Cables([("l1", "2", "s1", "1"), ("l2", "2", "s1", "2")]), Cables()).bisection
1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.cables import CableRow, Cables


@frozen_dataclass
class Carried:
    """The capacity of a plane.

    Attributes:
        oversubscription: links below to links above at the worst leaf and the worst spine, multiplied; 1 for
            a single switch.
        bisection: links that the worst half of the endpoints can fill towards the other half at the same
            time.
    """

    oversubscription: Fraction
    bisection: int


def carried(node_leaf: Cables, leaf_spine: Cables, spine_core: Cables) -> Carried:
    """Measure one plane of a folded Clos whose links are spread evenly.

    The worst half consists of whole leaves, those with the least capacity for each endpoint first, since
    traffic under one leaf needs no spine. A leaf carries the smaller of its links below and above (times the
    share that a spine passes on, where cores exist and a spine has fewer links above than below). A half may
    end within a leaf. Its part counts in proportion and the sum is rounded down, so the figure never exceeds
    the capacity of the cables.

    Args:
        node_leaf: cables from servers to leaves.
        leaf_spine: cables from leaves to spines.
        spine_core: cables from spines to cores.
    """
    below = Counter(node_leaf.uppers())
    half = len(node_leaf) // 2
    if not leaf_spine:
        return Carried(Fraction(1), half)
    above = Counter(leaf_spine.lowers())
    passes = _share_passed(leaf_spine, spine_core)
    # Thousands of leaves are of a few kinds, so fractions are computed once a kind instead of once a leaf.
    kinds: Counter[tuple[int, int]] = Counter()
    for leaf, count in below.items():
        kinds[count, above[leaf]] += 1
    worst_leaf = Fraction(0)
    for down, up in kinds:
        worst_leaf = max(worst_leaf, Fraction(down, up))
    return Carried(worst_leaf / passes, _worst_half(kinds, passes, half))


def _share_passed(leaf_spine: Cables, spine_core: Cables) -> Fraction:
    """Return the share of its links below that the worst spine passes on to cores, at most all of them."""
    passes = Fraction(1)
    if not spine_core:
        return passes
    down = Counter(leaf_spine.uppers())
    up = Counter(spine_core.lowers())
    kinds = {(up[spine], count) for spine, count in down.items()}
    for above, below in kinds:
        passes = min(passes, Fraction(above, below))
    return passes


def _worst_half(kinds: Mapping[tuple[int, int], int], passes: Fraction, half: int) -> int:
    """Return the links that half of the endpoints fill, from the leaves with the least capacity an endpoint.

    Args:
        kinds: (links below, links above) of a leaf to the number of such leaves.
        passes: share of its links that a spine passes on.
        half: endpoints to count.
    """
    shares: list[tuple[Fraction, int]] = []
    for (down, up), leaves in kinds.items():
        shares.append((min(Fraction(1), up * passes / down), down * leaves))
    shares.sort()
    total, left = Fraction(0), half
    for share, endpoints in shares:
        counted = min(left, endpoints)
        total += share * counted
        left -= counted
    return int(total)


def carried_laid(
    node_leaf: Cables,
    leaf_spine: Cables,
    spine_core: Cables,
    *,
    peers: bool,
    weight: Fraction,
) -> Carried:
    """Measure one plane with uneven links, links of another rate than the servers', or a pair of leaves.

    Of a leaf's links to its spines only the even part counts: as many to each spine as to the one with the
    fewest. The same holds between a spine and its cores. Over that part traffic can be spread evenly, on
    which the proof of a bisection rests. So the figure never exceeds the capacity of the cables.

    Args:
        node_leaf: cables from servers to leaves.
        leaf_spine: cables from leaves to spines, or between two leaves.
        spine_core: cables from spines to cores.
        peers: the cables of `leaf_spine` connect two leaves.
        weight: rate of a link between switches over that of a link to a server.
    """
    return _carried_below(Counter(node_leaf.uppers()), leaf_spine, spine_core, peers=peers, weight=weight)


def carried_rates(
    node_leaf: Cables,
    leaf_spine: Cables,
    spine_core: Cables,
    *,
    peers: bool,
    weight: Fraction,
    units: Mapping[str, int],
    usual: int,
) -> Carried:
    """Measure one plane whose hosts have links of several rates, as `carried_laid` does.

    The bisection is counted in links of the unit, and the worst half is half of what the hosts can send.

    Args:
        node_leaf: cables from servers to leaves.
        leaf_spine: cables from leaves to spines, or between two leaves.
        spine_core: cables from spines to cores.
        peers: the cables of `leaf_spine` connect two leaves.
        weight: rate of a link between switches over the unit.
        units: rate of a host's link over the unit, of those that differ from `usual`.
        usual: that of all others.
    """
    below: Counter[str] = Counter()
    for host, leaf in node_leaf.pairs():
        below[leaf] += units.get(host, usual)
    return _carried_below(below, leaf_spine, spine_core, peers=peers, weight=weight)


def _carried_below(
    below: Mapping[str, int], leaf_spine: Cables, spine_core: Cables, *, peers: bool, weight: Fraction
) -> Carried:
    """Measure one plane from what the hosts of each leaf can send.

    Args:
        below: leaf to what its hosts send, in links of one rate.
        leaf_spine: cables from leaves to spines, or between two leaves.
        spine_core: cables from spines to cores.
        peers: the cables of `leaf_spine` connect two leaves.
        weight: rate of a link between switches over that of a link below.
    """
    half = sum(below.values()) // 2
    if not leaf_spine:
        return Carried(Fraction(1), half)
    links = Counter(leaf_spine.lowers())
    if peers:
        # A cable between two leaves is an uplink of both.
        links += Counter(leaf_spine.uppers())
        even, passes, even_passes = dict(links), Fraction(1), Fraction(1)
    else:
        pairs = Counter(leaf_spine.pairs())
        even = _even_links(pairs)
        passes = _share_passed(leaf_spine, spine_core)
        even_passes = _even_share_passed(pairs, even, spine_core)
    kinds: Counter[tuple[int, int]] = Counter()
    worst_leaf = Fraction(0)
    for leaf, count in below.items():
        kinds[count, even[leaf]] += 1
        worst_leaf = max(worst_leaf, Fraction(count) / (links[leaf] * weight))
    bisection = _worst_half(kinds, even_passes * weight, half)
    return Carried(worst_leaf / passes, bisection)


def sent_below(rows: Iterable[CableRow], rates: Mapping[str, int], usual: int) -> dict[str, int]:
    """Return the bits a second that the links below each switch carry.

    Args:
        rows: the cables, with the switch at the upper end.
        rates: device at the lower end to the rate of its links, where that is not the usual one.
        usual: the rate of all others.
    """
    sent: Counter[str] = Counter()
    for lower, _, upper, _ in rows:
        sent[upper] += rates.get(lower, usual)
    return dict(sent)


def worst_ratio(
    sent: Mapping[str, int], leaf_spine: Cables, spine_core: Cables, uplink: int, *, peers: bool
) -> Fraction:
    """Return what is sent below the worst leaf over what its links upwards carry, and spines pass on.

    Args:
        sent: switch to the bits a second below it; switches without links upwards have no ratio.
        leaf_spine: cables from leaves to spines, or between two leaves.
        spine_core: cables from spines to cores.
        uplink: bits a second of a link between switches.
        peers: the cables of `leaf_spine` connect two leaves.
    """
    links = Counter(leaf_spine.lowers())
    if peers:
        links += Counter(leaf_spine.uppers())
    worst = Fraction(0)
    for switch, count in sent.items():
        if links[switch]:
            worst = max(worst, Fraction(count, links[switch] * uplink))
    return worst if peers else worst / _share_passed(leaf_spine, spine_core)


def _even_share_passed(
    pairs: Mapping[tuple[str, str], int], even: Mapping[str, int], spine_core: Cables
) -> Fraction:
    """Return the share of its even load that the worst spine passes on over its own even links.

    Args:
        pairs: links of each leaf and spine.
        even: each leaf's links that are the same to all of its spines.
        spine_core: cables from spines to cores.
    """
    spines_of = _count_uppers(pairs)
    load: Counter[str] = Counter()
    for leaf, spine in pairs:
        load[spine] += even[leaf] // spines_of[leaf]
    upwards = _even_links(Counter(spine_core.pairs()))
    passes = Fraction(1)
    for spine, count in upwards.items():
        if load[spine]:
            passes = min(passes, Fraction(count, load[spine]))
    return passes


def _count_uppers(pairs: Mapping[tuple[str, str], int]) -> Counter[str]:
    """Count the upper switches that each lower switch is connected to."""
    return Counter(lower for lower, _ in pairs)


def _even_links(pairs: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return each lower switch's links that are the same to all of its upper switches."""
    least: dict[str, int] = {}
    for (lower, _), count in pairs.items():
        least[lower] = min(count, least.get(lower, count))
    uppers = _count_uppers(pairs)
    even: dict[str, int] = {}
    for lower, count in least.items():
        even[lower] = count * uppers[lower]
    return even
