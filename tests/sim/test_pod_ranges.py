"""Pod address ranges of nodes."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.plan.addresses import Prefix
from sovereign_ai.sim.pod_ranges import assign, cluster_range, has_control_plane, is_within
from tests.sim.plans import CLUSTER, factory_of, plan_of

PLAN = plan_of(factory_of())


def node(name: str, cidr: str = "", **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"podCIDR": cidr} if cidr else {}}


def test_new_nodes_get_the_lowest_free_ranges_and_none_overlaps_a_live_one() -> None:
    live = [node("a", "10.0.0.64/26"), node("b", "10.0.1.0/25"), node("c", "fd00::/64"), node("d")]
    new = assign([node(f"n{number}") for number in range(6)], live, "10.0.0.0/16", 30)
    ranges = [each["spec"]["podCIDR"] for each in new]
    assert ranges[:2] == ["10.0.0.0/26", "10.0.0.128/26"]
    networks = [ip_network(text) for text in (*ranges, "10.0.0.64/26", "10.0.1.0/25")]
    for number, network in enumerate(networks):
        assert not any(network.overlaps(other) for other in networks[number + 1 :])


@pytest.mark.parametrize("whole", ["10.0.0.0/26", "10.0.0.0/28"])
def test_where_ranges_run_out_every_machine_without_one_is_named(whole: str) -> None:
    with pytest.raises(UsageError, match=rf"range {whole} has no part of /26 .* made: b, c") as refused:
        assign([node("b"), node("c")], [node("a", "10.0.0.0/27"), node("far", "10.9.0.0/26")], whole, 30)
    (problem,) = refused.value.problems
    assert problem.code == "pod-ranges-exhausted"
    assert "nodes that use it: a;" in problem.hint
    assert "`network.pods`" in problem.hint
    assert "`clusters.pods_per_node`" in problem.hint


def test_a_plan_without_a_range_leaves_nodes_as_they_are() -> None:
    assert assign([node("a")], [], None, 30) == [node("a")]


@pytest.mark.parametrize(
    ("cidr", "whole", "within"),
    [
        ("10.0.0.0/26", "10.0.0.0/16", True),
        ("10.1.0.0/26", "10.0.0.0/16", False),
        ("10.0.0.0/25", "10.0.0.0/16", False),
        ("fd00::/64", "10.0.0.0/16", False),
        ("", "10.0.0.0/16", True),
        ("10.1.0.0/26", None, True),
    ],
)
def test_a_range_is_kept_where_a_new_node_could_get_it(cidr: str, whole: str | None, within: bool) -> None:
    assert is_within(node("a", cidr), whole, 30) is within


def test_a_clusters_own_range_comes_before_that_of_its_site() -> None:
    shared, own = Prefix("10.9.0.0/16", "pods", "fra1", "other", -1), PLAN.prefixes[0]
    assert cluster_range(replace(PLAN, prefixes=(shared, own)), CLUSTER) == own.cidr
    assert cluster_range(replace(PLAN, prefixes=(shared,)), CLUSTER) == shared.cidr
    assert cluster_range(replace(PLAN, prefixes=()), CLUSTER) is None


def test_a_control_plane_on_nodes_of_its_own_is_recognised() -> None:
    control = node("c", **{"node-role.kubernetes.io/control-plane": ""})
    assert has_control_plane([node("a"), control])
    assert not has_control_plane([node("a"), {"metadata": {}, "spec": {}}])
