"""What the cables of a plane follow from, and which of its switches belong together: pods and pairs.

`sizing.py` computes it from a description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.fabric.clos import Clos
from sovereign_ai.plan.fabric.core_groups import CoreGroup
from sovereign_ai.plan.fabric.switch_ports import Outside, Ports
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import Fabric


@frozen_dataclass
class Partners:
    """Links between the two switches of each pair, of a plane with spines; 0 where there are none.

    Attributes:
        leaf: of each pair of leaves.
        spine: of each pair of spines.
        border: of each pair of border leaves.
    """

    leaf: int = 0
    spine: int = 0
    border: int = 0

    @property
    def by_tier(self) -> Mapping[str, int]:
        """The tiers in the order of their cables, with their links."""
        return {"leaf": self.leaf, "spine": self.spine, "border": self.border}


def partners_of(fabric: Fabric) -> Partners:
    """Return the links of pairs that a fabric describes.

    Without spines the two leaves have nothing else above them, and their links are counted apart.
    """
    if fabric.spines == "none":
        return Partners()
    at_leaves, at_spines = fabric.peer_links, fabric.spine_peer_links
    at_border = fabric.border.peer_links if fabric.border else None
    return Partners(at_leaves or 0, at_spines or 0, at_border or 0)


@frozen_dataclass
class Layout:
    """What the cables of a plane follow from, besides its counts.

    Attributes:
        ports: ports of its switches.
        leaf_rails: rails that a leaf serves.
        by_rail: a pod's leaves belong to one group of rails.
        peers: links between the two leaves of a pair; 0 where there are spines or one switch.
        partners: links between the two switches of each pair, of a plane with spines.
        even: each leaf has equally many links to each spine of its pod, and each spine to each core that it
            meets.
        core_groups: the cores that each spine of a pod meets, in order; empty without cores.
        outside: links to the outside, with the border leaves; None where none is described.
    """

    ports: Ports
    leaf_rails: int
    by_rail: bool
    peers: int
    even: bool
    core_groups: Sequence[CoreGroup] = ()
    outside: Outside | None = None
    partners: Partners = Partners()

    @property
    def border_leaves(self) -> int:
        """How many border leaves the plane has."""
        return 0 if self.outside is None else self.outside.border_leaves

    @property
    def border_uplinks(self) -> int:
        """Links of a border leaf to spines."""
        return 0 if self.outside is None else self.outside.uplinks


@frozen_dataclass
class Laid:
    """A plane's counts.

    Attributes:
        layout: what its cables follow from.
        places: servers that a leaf holds.
        clos: switches and links by tier.
        why: field to the rule and its inputs in words.
    """

    layout: Layout
    places: int
    clos: Clos
    why: Mapping[str, str]


def pods_of(leaf: int, rails: int, clos: Clos, layout: Layout) -> list[list[int]]:
    """Return the leaves of each pod by their positions: by groups of rails, else in order."""
    if not layout.by_rail:
        if ceil_div(leaf, clos.pod) < clos.pods:
            # A pair of leaves is in one pod.
            together = 2 if layout.partners.leaf else 1
            return _level_chunks(range(leaf), clos.pods, together)
        return _chunks(range(leaf), clos.pod)
    groups = rails // layout.leaf_rails
    pods: list[list[int]] = []
    for group in range(groups):
        # Leaves are numbered rail by rail within a number, so every `groups`-th leaf serves the same rails.
        pods += _chunks(range(group, leaf, groups), clos.pod)
    return pods


def pairs_of(leaf: int, rails: int, clos: Clos, layout: Layout) -> dict[str, list[tuple[int, int]]]:
    """Return tier to pairs by their positions: leaves, spines and border leaves with links between the two.

    Neighbours are a pair: leaves of one number, which serve the same servers, or those of two numbers where
    one alone serves all of a server's rails, or where the groups of rails are odd. Two switches of a pair are
    in one pod. A last switch without a neighbour has no partner.
    """
    partners = layout.partners
    pairs: dict[str, list[tuple[int, int]]] = {"leaf": [], "spine": [], "border": []}
    if partners == Partners():
        return pairs
    groups = rails // layout.leaf_rails
    pods = pods_of(leaf, rails, clos, layout)
    by_rail = groups % 2 == 1 and not layout.by_rail
    for pod, positions in enumerate(pods):
        if partners.leaf:
            pairs["leaf"] += _leaf_pairs(positions, groups if by_rail else 1)
        if partners.spine:
            first = pod * clos.pod_spines
            spines = range(first, first + clos.pod_spines)
            pairs["spine"] += _by_twos(spines)
        if partners.border:
            # Border leaves belong to the pods in turn.
            borders = range(pod, layout.border_leaves, len(pods))
            pairs["border"] += _by_twos(borders)
    return pairs


def _leaf_pairs(positions: Sequence[int], groups: int) -> Iterator[tuple[int, int]]:
    """Yield the pairs of a pod's leaves, those of each of some groups by themselves."""
    for group in range(groups):
        neighbours: list[int] = []
        for position in positions:
            if position % groups == group:
                neighbours.append(position)
        yield from _by_twos(neighbours)


def _by_twos(neighbours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first two, the next two, and so on; a last one alone is left out."""
    firsts, seconds = neighbours[::2], neighbours[1::2]
    return zip(firsts, seconds, strict=False)


def _chunks(leaves: range, size: int) -> list[list[int]]:
    """Divide positions of leaves into lists of at most `size`."""
    return [list(leaves[at : at + size]) for at in range(0, len(leaves), size)]


def _level_chunks(leaves: range, pods: int, together: int) -> list[list[int]]:
    """Divide positions of leaves into some lists that differ by as few as are kept together at most."""
    least, more = divmod(ceil_div(len(leaves), together), pods)
    chunks: list[list[int]] = []
    at = 0
    for pod in range(pods):
        end = at + least * together
        if pod < more:
            end += together
        chunks.append(list(leaves[at:end]))
        at = end
    return chunks
