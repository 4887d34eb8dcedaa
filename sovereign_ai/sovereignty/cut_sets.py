"""Minimal cut sets of a fault tree without negation: the smallest sets of failures that stop the top.

`any_of` fails when one child fails, `all_of` when every child does. Sets larger than the bound are dropped at
each gate. Since a gate only ever joins sets, the result has every minimal set within the bound, and none that
is not minimal: it is exact for sets up to the bound.

    >>> tree = all_of(any_of("chip", "line-a"), any_of("chip", "line-b"))
    >>> sorted(map(sorted, minimal_sets(tree, most=2)))
    [['chip'], ['line-a', 'line-b']]
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import combinations

from sovereign_ai.frozen_dataclass import frozen_dataclass

Set = frozenset[str]
Label = Callable[[str], str | None]


@frozen_dataclass
class FaultGate:
    """A gate of a fault tree.

    Attributes:
        every: whether every child must fail; else one is enough.
        children: gates, or names of basic events.
    """

    every: bool
    children: tuple[FaultGate | str, ...]


Node = FaultGate | str


def any_of(*children: Node) -> FaultGate:
    """Return a gate that fails when one child fails; without children it never does."""
    return FaultGate(every=False, children=children)


def all_of(*children: Node) -> FaultGate:
    """Return a gate that fails when every child fails.

    Without children it never does, since nothing there can fail.
    """
    return FaultGate(every=True, children=children) if children else FaultGate(every=False, children=())


def minimal_sets(tree: Node, most: int, label: Label = lambda name: name) -> frozenset[Set]:
    """Return every minimal cut set of at most `most` labels.

    Args:
        tree: the fault tree.
        most: size of the largest set.
        label: returns the label of a basic event, such as its holder; None for one that cannot fail.
    """
    if isinstance(tree, str):
        name = label(tree)
        return frozenset() if name is None else frozenset({frozenset({name})})
    children = [minimal_sets(child, most, label) for child in tree.children]
    if not tree.every:
        return minimal(cut for child in children for cut in child)
    if not children:
        return frozenset()
    joined: frozenset[Set] = frozenset({frozenset()})
    # Short children first: they keep the products small.
    for child in sorted(children, key=len):
        unions: set[Set] = set()
        for left in joined:
            for right in child:
                union = left | right
                if len(union) <= most:
                    unions.add(union)
        joined = minimal(unions)
        if not joined:
            break
    return joined


def minimal(sets: Iterable[Set]) -> frozenset[Set]:
    """Return the sets that contain no other one."""
    kept: set[Set] = set()
    for members in sorted(set(sets), key=len):
        if not _contains_any(members, kept):
            kept.add(members)
    return frozenset(kept)


def _contains_any(members: Set, kept: Collection[Set]) -> bool:
    """Return whether a proper subset is among the kept sets."""
    # Small sets have few subsets, so looking up each of them is faster than comparing with every kept set.
    for size in range(len(members)):
        for subset in combinations(members, size):
            if frozenset(subset) in kept:
                return True
    return False


def fails(tree: Node, down: Callable[[str], bool]) -> bool:
    """Return whether the top fails when some basic events have failed."""
    if isinstance(tree, str):
        return down(tree)
    if not tree.children:
        return False
    results = (fails(child, down) for child in tree.children)
    return all(results) if tree.every else any(results)
