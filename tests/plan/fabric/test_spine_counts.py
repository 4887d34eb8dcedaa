"""What is left where spines fail, and what uneven links carry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import networkx as nx

from sovereign_ai.assess.fabric import Links
from sovereign_ai.plan.fabric.planes import FabricPlan
from tests.plan.fabric.described import planned


def test_every_leaf_keeps_what_it_needs_whichever_spines_fail() -> None:
    for spare in (1, 2):
        plane = planned(96, unit=32, spines="least", spine_spares=spare, oversubscription="2:1")
        above: dict[str, Counter[str]] = {}
        for leaf, spine in plane.uplinks.pairs():
            above.setdefault(leaf, Counter())[spine] += 1
        spines = sorted(set(plane.uplinks.uppers()))
        for lost in combinations(spines, spare):
            for links in above.values():
                assert sum(count for spine, count in links.items() if spine not in lost) * 2 >= 32


def test_links_that_differ_by_one_carry_at_least_what_is_said() -> None:
    plane = planned(96, unit=32, spines="least")
    assert (plane.leaf, plane.spine, plane.uneven) == (24, 12, True)
    claimed = plane.bisection // plane.link
    assert claimed == Links(plane, {}).without()
    assert claimed <= min(_flows(plane)) <= plane.endpoints // 2


def _flows(plane: FabricPlan) -> Iterator[int]:
    """Give the links that half of the leaves fill towards the other half, by networkx's own maximum flow."""
    leaves = sorted(set(plane.host_links.uppers()))
    below = Counter(plane.host_links.uppers())
    for step in (1, 5, 7):
        order = [leaves[index * step % len(leaves)] for index in range(len(leaves))]
        graph = nx.DiGraph()
        for (lower, upper), count in Counter(plane.uplinks.pairs()).items():
            graph.add_edge(lower, upper, capacity=count)
            graph.add_edge(upper, lower, capacity=count)
        for number, leaf in enumerate(order):
            ends = ("from", leaf) if number < len(order) // 2 else (leaf, "to")
            graph.add_edge(*ends, capacity=below[leaf])
        flow: int = nx.maximum_flow_value(graph, "from", "to")
        yield flow
