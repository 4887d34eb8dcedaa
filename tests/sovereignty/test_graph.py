"""Fault trees over the parts of a factory."""

from __future__ import annotations

from typing import Any

from sovereign_ai.sovereignty.cut_sets import Node, minimal_sets
from sovereign_ai.sovereignty.graph import outside_ways
from sovereign_ai.sovereignty.report import assess_sovereignty
from tests.plan.factories import factory, site
from tests.sovereignty.test_drill import NOW, drill, stack
from tests.support.later_pool import lab_before_its_second_pool


def test_a_site_loses_the_pools_that_hang_on_a_contract() -> None:
    found = drill(stack("gigafactory"), "holder", "Example Wind Power")
    assert found.served["training"][0] == "runs"
    assert found.capacity["training"][0] == 100 * 5000 // 9000
    assert found.capacity["inference"][0] == 100 * 1250 // 3500


def test_two_carriers_at_each_site_must_both_go_and_training_never_needs_them() -> None:
    sets = stack("gigafactory").sets
    assert ["Example Carrier", "Example Telecom"] in sets["inference"].holders[0]
    assert not any("Example Carrier" in one for one in sets["training"].holders[0])


def test_four_makes_must_fail_together_to_stop_the_plural_stacks_training() -> None:
    found = stack("plural").sets["training"].parts
    assert ["driver:amd", "driver:nvidia"] in found
    assert ["driver:nvidia"] not in found
    assert ["accelerator:gb200", "accelerator:h100-sxm", "accelerator:mi300x"] in found


def test_a_pool_that_comes_later_serves_nothing_yet() -> None:
    found = assess_sovereignty(*lab_before_its_second_pool(), now=NOW)
    assert all(set(drill.capacity) == {"training"} for drill in found.drills)


def _sites(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> Node:
    """Two sites with lines, as the fault tree of the first one's way to the outside."""
    sites = [site(uplinks=first), site("b", uplinks=second)]
    described = factory(sites=sites)
    return outside_ways(described, described.sites[0])


def _line(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "carrier": name, "carrier_seat": "DE", "rate": "1 Gbps", "route": ["DE"], **more}


def test_a_site_without_lines_of_its_own_reaches_the_outside_over_the_other_site() -> None:
    tree = _sites([_line("wan", to="b")], [_line("net")])
    assert minimal_sets(tree, 2) == {frozenset({"carrier:a/wan"}), frozenset({"carrier:b/net"})}


def test_a_line_to_another_site_is_one_more_way_beside_a_line_to_the_outside() -> None:
    tree = _sites([_line("own")], [_line("net"), _line("wan", to="a")])
    sets = minimal_sets(tree, 2)
    assert sets == {frozenset({"carrier:a/own", name}) for name in ("carrier:b/net", "carrier:b/wan")}
