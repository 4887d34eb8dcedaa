"""Ports of switches for links to the outside: which they are, how many fit, and what is refused."""

from __future__ import annotations

import doctest
from collections import Counter
from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric import switch_ports
from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from tests.plan import checker
from tests.plan.wishes import as_json, machines, pool, wish


def planned(border: dict[str, Any], nodes: int = 64, **fields: Any) -> FabricPlan:
    """Plan an in-band fabric of two rails on 64 ports of 100 Gbps, and hold it against the checker."""
    shape = {"role": "in-band", "rails": 2, "radix": 64, "padding": "none", **fields}
    factory = wish([pool(nodes=nodes)], {"name": "f", "border": border, **shape})
    nodes_there = machines(factory)
    [plane] = plan_fabrics(factory, nodes_there)
    assert checker.findings(as_json([plane], nodes_there)) == []
    return plane


def refused(border: dict[str, Any], nodes: int = 64, **fields: Any) -> str:
    with pytest.raises(SpecError) as error:
        planned(border, nodes, **fields)
    return str(error.value)


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(switch_ports).failed == 0


def test_border_leaves_have_the_uplinks_that_the_ratio_asks_for() -> None:
    plane = planned({"leaves": 3, "ports": 20})
    assert (plane.leaf, plane.border, plane.outside) == (4, 3, 60)
    above = Counter(lower for lower, _ in plane.uplinks.pairs() if "-border-" in lower)
    assert set(above.values()) == {20}
    assert [switch.name for switch in plane.switches if switch.tier == "border"] == [
        f"f-a-p0-border-00{number}" for number in (1, 2, 3)
    ]


def test_the_ports_of_each_switch_are_counted_by_hand() -> None:
    """A border leaf of 32 ports of 400 Gbps: 8 links of 100 take two, and two links of 400 carry them."""
    plane = planned({"ports": 8, "radix": 32, "link": "100 Gbps"}, link="400 Gbps", radix=32, nodes=16)
    used = {(row.upper, row.upper_port) for row in plane.outside_links if row.upper.endswith("border-001")}
    assert sorted(port for _, port in used) == [f"{port}/{part}" for port in (1, 2) for part in (1, 2, 3, 4)]
    own = [row.lower_port for row in plane.uplinks if row.lower.endswith("border-001")]
    assert own == ["3", "4"]


def test_links_to_the_outside_take_the_last_ports_of_a_leaf_and_count_for_its_uplinks() -> None:
    without, plane = planned({"at": "spine", "ports": 1}), planned({"at": "leaf", "ports": 4})
    assert {row.upper_port for row in plane.outside_links} == {"61", "62", "63", "64"}
    assert plane.outside == 4 * plane.leaf
    assert plane.oversubscription == "26:27"
    assert plane.leaf > without.leaf


def test_a_number_of_leaves_has_them_on_the_first() -> None:
    plane = planned({"at": "leaf", "ports": 2, "leaves": 1})
    assert set(plane.outside_links.uppers()) == {"f-a-p0-leaf-r0-001"}


def test_spines_with_links_to_the_outside_have_fewer_ports_for_leaves() -> None:
    plane = planned({"at": "spine", "ports": 8}, nodes=56, spines="least")
    assert plane.outside == 8 * plane.spine
    assert max(Counter(plane.uplinks.uppers()).values()) <= 56


def test_each_pod_has_its_share_of_border_leaves() -> None:
    plane = planned({"leaves": 4, "ports": 4}, nodes=64, pod_leaves=2)
    spines = {lower: set() for lower in plane.uplinks.lowers() if "-border-" in lower}
    for lower, upper in plane.uplinks.pairs():
        if lower in spines:
            spines[lower].add(upper)
    assert len({frozenset(met) for met in spines.values()}) == 2


def test_a_leaf_whose_ports_are_slow_uses_its_fast_ones() -> None:
    fields = {"role": "out-of-band", "rails": 1, "switch": "sn2201", "radix": None, "link": "1 Gbps"}
    plane = planned({"at": "leaf", "ports": 2, "link": "100 Gbps"}, nodes=16, **fields)
    assert [row.upper_port for row in plane.outside_links] == ["49", "50"]


def test_a_plane_without_a_border_is_as_before() -> None:
    factory = wish([pool(nodes=16)], {"name": "f", "rails": 8, "radix": 64})
    [plane] = plan_fabrics(factory, machines(factory))
    assert (plane.border, plane.outside, len(plane.outside_links)) == (0, 0, 0)
    assert "outside" not in plane.why


@pytest.mark.parametrize(
    ("border", "fields", "field", "hint"),
    [
        ({"ports": 65}, {}, "border.ports", "write at most 63"),
        ({"ports": 40}, {}, "border.ports", "write fewer, or a larger oversubscription"),
        ({"ports": 8, "uplinks": 4}, {}, "border.uplinks", "write 8, or a larger oversubscription"),
        ({"ports": 8, "uplinks": 60}, {}, "border.uplinks", "write 8 to 56, or leave it out"),
        ({"ports": 1, "link": "400 Gbps"}, {}, "border.link", "write at most '100 Gbps'"),
        ({"ports": 1, "link": "30 Gbps"}, {}, "border.link", "50 Gbps"),
        ({"at": "core", "ports": 1}, {}, "border.at", "write 'at: spine'"),
        ({"at": "spine", "ports": 1}, {"rails": 1, "nodes": 4}, "border.at", "write 'at: leaf'"),
        ({"at": "leaf", "ports": 64}, {}, "border.ports", "write at most 63"),
        ({"at": "leaf", "ports": 1, "leaves": 60}, {}, "border.leaves", "leave it out for all"),
        ({"ports": 1, "switch": "sn2201"}, {}, "border.link", "write at most '1 Gbps'"),
    ],
)
def test_what_cannot_be_built_is_refused_with_the_field_and_a_hint(
    border: dict[str, Any], fields: dict[str, Any], field: str, hint: str
) -> None:
    text = refused(border, **fields)
    assert f"fabrics[0].{field}" in text
    assert hint in text
