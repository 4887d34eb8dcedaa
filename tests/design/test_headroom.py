"""The closed form of headroom against the assessment of the plan's cables."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest

from sovereign_ai.assess.fabric import Links
from sovereign_ai.catalog.system import system
from sovereign_ai.design.headroom import headroom
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import read_data

LARGE = {"rails": 8, "link": "400 Gbps", "radix": 16}
SHAPES: dict[str, dict[str, Any]] = {
    "published rule": {},
    "fewest spines": {"spines": "least"},
    "a spine may fail": {"spines": "least", "spine_spares": 1},
    "all rails a leaf": {"leaf_rails": 8, "spines": "least"},
    "2:1": {"oversubscription": "2:1"},
    "no spines": {"spines": "none", "radix": 256},
    "a pair": {"spines": "none", "radix": 160, "oversubscription": "4:1"},
    "two planes": {"planes": 2, "radix": 64, "spines": "least"},
    "three tiers": {"radix": 10},
    "three tiers, fewest": {"radix": 12, "spines": "least"},
    "groups of cores": {"radix": 14},
}


@pytest.mark.parametrize("machines", [1, 4, 12, 21])
@pytest.mark.parametrize("shape", SHAPES)
def test_headroom_is_what_the_cables_of_the_plan_leave_after_the_worst_switch(
    shape: str, machines: int
) -> None:
    request = DesignRequest("x", machines * 8, system("dgx-h100"), "DE")
    fabric = {
        "name": "compute",
        "role": "compute",
        "kind": "roce",
        "padding": "none",
        **LARGE,
        **SHAPES[shape],
    }
    factory = read_data({**request.base(), "fabrics": [fabric]}, "test").factory
    planes = factory.fabrics[0].planes
    closed = headroom(size_fabrics(factory, {})[0], planes)
    plane = plan(factory).fabrics[0]
    links = Links(plane, {})
    whole = links.without()
    ports = Counter(cable[0] for cable in plane.cables[: plane.node_leaf])
    worst, cut_off = Fraction(1), 0
    for switch in plane.switches:
        worst = min(worst, Fraction(links.without({switch.name}), whole))
        lost = links.cut_off({switch.name})
        cut_off = max(cut_off, sum(lost[host] == count for host, count in ports.items()))
    assert closed.share == (planes - 1 + worst) / planes
    assert closed.cut_off == (cut_off if planes == 1 else 0)
