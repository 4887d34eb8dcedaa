"""Minimal cut sets of a fault tree without negation: the smallest sets of failures that stop the top.

`any_of` fails when one child fails, `all_of` when every child does. Sets larger than the bound are
dropped at each gate; since a gate only ever joins sets, every minimal set within the bound is still
found, and none that is not minimal. So the answer is exact for sets up to the bound, and says so.

    >>> tree = all_of(any_of("chip", "line-a"), any_of("chip", "line-b"))
    >>> sorted(map(sorted, minimal_sets(tree, most=2)))
    [['chip'], ['line-a', 'line-b']]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations

Set = frozenset[str]
Label = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate of a fault tree.

    Attributes:
        every: whether every child must fail; else one is enough.
        children: gates, or names of basic events.
    """

    every: bool
    children: tuple[Gate | str, ...]


Node = Gate | str


def any_of(*children: Node) -> Gate:
    """Fail when one child fails; without children never."""
    return Gate(every=False, children=children)


def all_of(*children: Node) -> Gate:
    """Fail when every child fails; without children never, since nothing there can fail."""
    return Gate(every=True, children=children) if children else Gate(every=False, children=())


def minimal_sets(tree: Node, most: int, label: Label = lambda name: name) -> frozenset[Set]:
    """Give every minimal cut set of at most so many labels.

    Args:
        tree: the fault tree.
        most: the largest set that is wanted.
        label: what stands for a basic event, such as its holder; None for one that cannot fail.
    """
    if isinstance(tree, str):
        name = label(tree)
        return frozenset() if name is None else frozenset({frozenset({name})})
    children = [minimal_sets(child, most, label) for child in tree.children]
    if not tree.every:
        return minimal(cut for child in children for cut in child)
    found: frozenset[Set] = frozenset({frozenset()})
    for child in sorted(children, key=len):
        found = minimal(left | right for left in found for right in child if len(left | right) <= most)
        if not found:
            break
    return found if children else frozenset()


def minimal(sets: Iterable[Set]) -> frozenset[Set]:
    """Keep the sets that hold no other; each asks for its own subsets, of which small sets have few."""
    kept: set[Set] = set()
    for one in sorted(set(sets), key=len):
        if not any(frozenset(part) in kept for size in range(len(one)) for part in combinations(one, size)):
            kept.add(one)
    return frozenset(kept)


def fails(tree: Node, down: Callable[[str], bool]) -> bool:
    """Whether the top fails when some basic events have."""
    if isinstance(tree, str):
        return down(tree)
    if not tree.children:
        return False
    results = (fails(child, down) for child in tree.children)
    return all(results) if tree.every else any(results)
