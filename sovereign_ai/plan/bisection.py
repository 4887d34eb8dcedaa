"""What the cables carry, counted from the cables alone and never from the wish.

>>> full = [("n1", "compute0", "l1", "1"), ("n2", "compute0", "l2", "1")]
>>> carried(full, [("l1", "2", "s1", "1"), ("l2", "2", "s1", "2")], []).bisection
1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter

from sovereign_ai.plan.cables import Cable


@dataclass(frozen=True, slots=True)
class Carried:
    """What a plane carries.

    Attributes:
        oversubscription: links below to links above at the worst leaf and the worst spine, multiplied; 1 for a single switch.
        bisection: links that the worst half of the endpoints can fill towards the other half at once.
    """

    oversubscription: Fraction
    bisection: int


def carried(node_leaf: Sequence[Cable], leaf_spine: Sequence[Cable], spine_core: Sequence[Cable]) -> Carried:
    """Measure one plane of a folded Clos whose links are spread evenly.

    The worst half takes whole leaves, those with the least capacity an endpoint first, since
    traffic under one leaf needs no spine. A leaf carries the smaller of its links below and above
    (times what a spine passes on, where cores exist and a spine has fewer links above than below).
    A half may end within a leaf; its part counts in proportion and the sum is rounded down, so the
    figure is never more than what the cables carry.

    Args:
        node_leaf: cables from machines to leaves.
        leaf_spine: cables from leaves to spines.
        spine_core: cables from spines to cores.
    """
    below = Counter(map(itemgetter(2), node_leaf))
    half = len(node_leaf) // 2
    if not leaf_spine:
        return Carried(Fraction(1), half)
    above = Counter(map(itemgetter(0), leaf_spine))
    passes = _passes(leaf_spine, spine_core)
    kinds = Counter((count, above[leaf]) for leaf, count in below.items())
    worst_leaf = max(Fraction(down, up) for down, up in kinds)
    return Carried(worst_leaf / passes, _worst_half(kinds, passes, half))


def _passes(leaf_spine: Sequence[Cable], spine_core: Sequence[Cable]) -> Fraction:
    """Give the share of its links below that the worst spine passes on to cores, at most all."""
    if not spine_core:
        return Fraction(1)
    down = Counter(map(itemgetter(2), leaf_spine))
    up = Counter(map(itemgetter(0), spine_core))
    kinds = {(up[spine], count) for spine, count in down.items()}
    return min(Fraction(1), *(Fraction(*kind) for kind in kinds))


def _worst_half(kinds: Mapping[tuple[int, int], int], passes: Fraction, half: int) -> int:
    """Fill half the endpoints from the leaves that carry least an endpoint; `kinds` counts leaves by (below, above)."""
    carries = sorted((min(Fraction(1), up * passes / down), down * leaves) for (down, up), leaves in kinds.items())
    total, left = Fraction(0), half
    for each, endpoints in carries:
        taken = min(left, endpoints)
        total += each * taken
        left -= taken
    return int(total)
