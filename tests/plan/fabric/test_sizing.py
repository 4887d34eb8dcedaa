"""Fabrics whose description says more of their switches than radix and ratio."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from typing import Any

import pytest

from sovereign_ai.plan.fabric.feasibility import fabric_problems, size_fabrics
from sovereign_ai.plan.fabric.planes import host_rails, plan_fabrics
from sovereign_ai.plan.factory import plan as whole_plan
from sovereign_ai.render.switches.ports import rail_addresses
from tests.plan import checker
from tests.plan.fabric.described import FABRIC, described, planned, refused
from tests.plan.factories import factory as small_factory
from tests.plan.factories import pool as small_pool
from tests.plan.wishes import as_json, machines, pool, wish


def test_all_rails_of_a_machine_end_at_neighbouring_ports_of_one_leaf() -> None:
    plane = planned(leaf_rails=8, leaf_hosts=2)
    mine = [row for row in plane.cables if row.lower == "train-00003"]
    assert mine == [
        ("train-00003", f"compute{rail}", "f-a-p0-leaf-r0-002", str(9 + rail)) for rail in range(8)
    ]
    assert host_rails(plane)[: 16 * 2] == [0] * 16 + [1] * 16


def test_a_single_switch_carries_all_whatever_rate_links_to_others_would_have() -> None:
    plane = planned(nodes=4, leaf_rails=8, breakout=2, uplink="800 Gbps")
    assert (plane.tiers, plane.leaf, plane.spine, plane.oversubscription) == (1, 1, 0, "1:1")
    assert plane.bisection == 16 * 400 * 10**9


def test_a_pair_of_leaves_has_as_many_links_between_them_as_its_machines_need() -> None:
    plane = planned(spines="none", breakout=2)
    assert (plane.tiers, plane.leaf, plane.spine, plane.leaf_spine, plane.leaf_leaf) == (1, 1, 0, 0, 0)
    plane = planned(12, spines="none", breakout=2, leaf_rails=4)
    assert (plane.leaf, plane.spine, plane.leaf_leaf, plane.oversubscription) == (2, 0, 48, "1:1")
    assert plane.bisection == 48 * plane.link
    assert len(plane.peer_links) == 48
    assert set(plane.peer_links.pairs()) == {("f-a-p0-leaf-r0-001", "f-a-p0-leaf-r4-001")}
    assert (plane.switch_links, len(plane.uplinks)) == (plane.peer_links, 0)


def test_ports_for_spines_alone_come_behind_the_others() -> None:
    fields = {"role": "out-of-band", "kind": "ethernet", "rails": 1, "link": "1 Gbps", "uplink": "100 Gbps"}
    plane = planned(100, **{**fields, "radix": 48, "uplink_ports": 4, "spine_radix": 64})
    assert (plane.leaf, plane.radix, plane.spine_radix, plane.uplink_ports) == (3, 48, 64, 4)
    assert {row.lower_port for row in plane.switch_links} == {"49"}
    named = wish(
        [pool(nodes=100, scalable_unit=1)],
        {**FABRIC, **fields, "radix": None, "switch": "sn2201", "spine_switch": "sn4600c"},
    )
    [same] = plan_fabrics(named, machines(named))
    assert same.cables == plane.cables


def test_pods_by_rail_have_spines_of_their_own_and_meet_at_every_core() -> None:
    plane = planned(
        288, system="gb200-nvl72-tray", unit=144, rails=4, leaf_hosts="rack", pod_leaves=8, pod_by="rail"
    )
    assert (plane.leaf, plane.spine, plane.core) == (64, 48, 18)
    rails = {one.name: one.rail for one in plane.switches if one.tier == "leaf"}
    of_spine: dict[str, set[int]] = {}
    for leaf, spine in plane.uplinks.pairs():
        if leaf in rails:
            of_spine.setdefault(spine, set()).add(rails[leaf])
    assert {len(found) for found in of_spine.values()} == {1}


@pytest.mark.parametrize(("most", "cores"), [(3, 11), (7, 5)])
def test_cores_carry_the_described_share_of_what_spines_take_from_leaves(most: int, cores: int) -> None:
    """Pods of 16 leaves with 32 uplinks: a quarter or an eighth of a spine's ports are enough for cores."""
    factory = described(
        256, unit=32, pod_leaves=16, core_oversubscription=f"{most}:1", spines="least", name="f"
    )
    members = machines(factory)
    [plane] = plan_fabrics(factory, members)
    below = Counter(link.upper for link in plane.uplinks if "-spine-" in link.upper)
    above = Counter(link.lower for link in plane.uplinks if "-core-" in link.upper)
    assert (plane.tiers, plane.leaf, plane.core) == (3, 64, cores)
    for spine, links in below.items():
        assert links <= above[spine] * most
        assert links + above[spine] <= 64
        # One link to the cores less would carry too little, so there is none in vain.
        assert links > (above[spine] - 1) * most
    # The checker knows designs that do not block alone, and finds nothing else.
    for finding in checker.findings(as_json([plane], members)):
        assert re.search(r"spine-\d+ has \d+ links below and \d+ above$", finding), finding


def test_of_pods_with_as_few_switches_the_most_even_are_chosen() -> None:
    """6 pods of 24 spines take 72 cores as 9 pods of 16 do, whose leaves have two links to each spine."""
    [size] = size_fabrics(described(576, unit=32, spines="least"), {})
    assert (size.spine, size.core, size.shape.pods, size.shape.pod_spines) == (144, 72, 9, 16)


@pytest.mark.parametrize(
    ("nodes", "fields", "field"),
    [
        (16, {"leaf_rails": 3}, "leaf_rails"),
        (16, {"leaf_hosts": 70}, "leaf_hosts"),
        (64, {"leaf_hosts": 40}, "leaf_hosts"),
        (64, {"uplinks": 3}, "uplinks"),
        (64, {"spines": 2}, "spines"),
        (64, {"spines": 33}, "spines"),
        (64, {"spines": "none"}, "spines"),
        (16, {"spines": "none", "breakout": 2, "leaf_rails": 4, "peer_links": 70}, "peer_links"),
        (64, {"spines": "least", "spine_spares": 16, "leaf_hosts": 32}, "spine_spares"),
        (64, {"pod_leaves": 40}, "pod_leaves"),
        (256, {"pod_leaves": 16, "cores": 1}, "cores"),
        (256, {"pod_leaves": 1, "spine_radix": 8}, "pod_leaves"),
        (256, {"pod_leaves": 1, "spine_radix": 8, "cores": 64}, "pod_leaves"),
        (16, {"core_oversubscription": "3:1"}, "core_oversubscription"),
        (64, {"peer_links": 63}, "peer_links"),
        (64, {"peer_links": 8, "leaf_hosts": 32}, "peer_links"),
        (64, {"spine_peer_links": 64}, "spine_peer_links"),
        (64, {"border": {"ports": 8, "peer_links": 56}}, "border.ports"),
        (256, {"pod_leaves": 15, "peer_links": 2}, "pod_leaves"),
        (256, {"pod_leaves": 50, "core_oversubscription": "3:1"}, "pod_leaves"),
    ],
)
def test_fields_that_cannot_be_met_together_name_the_one_to_change(
    nodes: int, fields: dict[str, Any], field: str
) -> None:
    assert refused(nodes, **fields).where.field == f"fabrics[0].{field}"


def test_both_ports_of_a_card_may_end_at_two_leaves_below_the_same_spines() -> None:
    plane = planned(32, rails=16, link="200 Gbps")
    assert (plane.rails, plane.leaf, plane.node_leaf) == (16, 16, 512)
    problem = refused(32, rails=16)
    assert problem.message == "one of 2 parts of a compute port of dgx-h100 gives 200 Gbps, not 400 Gbps"


def test_an_infiniband_plane_beyond_the_addresses_of_a_subnet_is_refused_unless_it_is_divided() -> None:
    large = {"kind": "infiniband", "radix": 64, "link": "400 Gbps"}
    problem = refused(6_000, unit=32, **large)
    assert problem.where.field == "fabrics[0].subnets"
    assert "and one ends at 49,151" in problem.message
    assert problem.hint.startswith("write 'subnets: 2'")
    assert (
        refused(32, unit=32, **large, subnets=2).message
        == "at site a: 2 subnets, and the plane has 1 pod to divide into them"
    )


def test_each_port_of_a_leaf_of_several_rails_has_an_address_of_its_own_rail() -> None:
    fabric = {**FABRIC, "leaf_rails": 4, "radix": 32}
    factory = small_factory(pools=[small_pool()], fabrics=[fabric])
    plan = whole_plan(factory)
    [plane] = plan.fabrics
    addresses = rail_addresses(plan, plane)
    assert len(set(addresses.values())) == len(addresses) == plane.node_leaf
    blocks = {prefix.rail: prefix.cidr for prefix in plan.prefixes if prefix.use == "rail"}
    assert len(blocks) == 8
    by_rail: dict[int, set[str]] = {}
    for link, rail in zip(plane.host_links, host_rails(plane), strict=True):
        by_rail.setdefault(rail, set()).add(addresses[link.lower, link.lower_port].rpartition(".")[0])
    assert all(len(found) == 1 for found in by_rail.values())


def test_fields_with_defaults_are_in_no_plan() -> None:
    factory = small_factory(fabrics=[{**FABRIC, "radix": 32}])
    [plain] = whole_plan(factory).to_data()["fabrics"]
    assert "leaf_rails" not in plain
    factory = small_factory(fabrics=[{**FABRIC, "radix": 32, "leaf_rails": 2}])
    [shaped] = whole_plan(factory).to_data()["fabrics"]
    assert shaped["leaf_rails"] == 2


@pytest.mark.parametrize("radix", [16, 32])
def test_a_number_that_a_refusal_advises_is_taken(radix: int) -> None:
    """Cores were refused with the number that was advised, and so were uplinks that no port is left for."""
    followed = {"cores": 0, "uplinks": 0}
    shapes = product((20, 60, 130), (2, 4, 8, 16), ({"cores": 1}, {"cores": 6}, {"cores": 9}, {"uplinks": 1}))
    for nodes, hosts, wished in shapes:
        fields = {"radix": radix, "leaf_hosts": hosts, "pod_leaves": 4, **wished}
        for problem in fabric_problems(described(nodes, **fields), {}):
            name = problem.where.field.rpartition(".")[2]
            number = re.match(r"write (\d+), or", problem.hint)
            if number:
                advised = described(nodes, **{**fields, name: int(number[1])})
                places = [other.where.field for other in fabric_problems(advised, {})]
                assert problem.where.field not in places, (fields, problem)
                followed[name] += 1
    assert min(followed.values()) > 3
