"""Which planes OpenSM's `ftree` takes, by the rules of its manual page."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.fabric.fat_tree import fat_tree_misfit
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.render.switches.subnet import opensm_conf
from tests.plan.wishes import laid, pool, wish


def plane_of(nodes: int, **fabric: Any) -> FabricPlan:
    described = {"name": "f", "kind": "infiniband", "rails": 8, "radix": 8, "padding": "none", **fabric}
    [plane] = laid(wish([pool(nodes=nodes, scalable_unit=1)], described))
    return plane


@pytest.mark.parametrize(
    ("nodes", "fabric"),
    [(4, {}), (8, {"radix": 16}), (16, {}), (36, {"rails": 1, "radix": 12})],
    ids=["a leaf a rail", "two leaves a rail", "whole pods", "one rail"],
)
def test_whole_trees_are_routed_as_fat_trees(nodes: int, fabric: dict[str, Any]) -> None:
    plane = plane_of(nodes, **fabric)
    assert plane.tiers > 1
    assert fat_tree_misfit(plane) == ""
    assert opensm_conf(plane).startswith("routing_engine ftree,updn\n")


def test_a_partial_last_pod_is_no_fat_tree_and_is_routed_up_and_down() -> None:
    plane = plane_of(10, rails=1, oversubscription="1:1", radix=4)
    assert plane.tiers == 3
    assert fat_tree_misfit(plane) == "a spine meets 1 to 2 leaves"
    settings = opensm_conf(plane).splitlines()
    assert "routing_engine updn" in settings
    assert "# root_guid_file /etc/opensm/roots.conf" in settings
    assert "routing_engine ftree,updn" not in settings


def test_links_that_are_dealt_out_unevenly_are_no_fat_tree() -> None:
    plane = plane_of(20, rails=1, radix=16, spines=3, uplinks=8, leaf_hosts=8)
    assert plane.uneven
    assert fat_tree_misfit(plane) == "a leaf has 2 to 3 links to each of its spines"


def test_one_switch_has_no_tiers_to_route_over() -> None:
    plane = plane_of(4, rails=1)
    assert fat_tree_misfit(plane) == "it has one tier of switches"
    assert "root_guid_file" not in opensm_conf(plane)
