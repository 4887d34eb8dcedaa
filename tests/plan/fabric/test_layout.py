"""Fabrics whose description says more of their switches than radix and ratio."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import networkx as nx
import pytest

from sovereign_ai.assess.fabric import Links
from sovereign_ai.errors import Problem, SpecError
from sovereign_ai.plan.fabric.fat_tree import fat_tree_misfit
from sovereign_ai.plan.fabric.feasibility import fabric_problems, size_fabrics
from sovereign_ai.plan.fabric.planes import FabricPlan, host_rails, plan_fabrics
from sovereign_ai.plan.factory import plan as whole_plan
from sovereign_ai.render.switches.ports import rail_addresses
from sovereign_ai.spec.factory import AIFactory
from tests.plan import checker
from tests.plan.factories import factory as small_factory
from tests.plan.factories import pool as small_pool
from tests.plan.wishes import as_json, machines, pool, wish

FABRIC = {"name": "f", "kind": "roce", "rails": 8, "radix": 64, "link": "400 Gbps", "padding": "none"}


def described(nodes: int = 16, system: str = "dgx-h100", unit: int = 1, **fields: Any) -> AIFactory:
    return wish([pool(nodes=nodes, system=system, scalable_unit=unit)], {**FABRIC, **fields})


def planned(nodes: int = 16, **fields: Any) -> FabricPlan:
    factory = described(nodes, **fields)
    members = machines(factory)
    [plane] = plan_fabrics(factory, members)
    assert checker.findings(as_json([plane], members)) == []
    return plane


def refused(nodes: int = 16, **fields: Any) -> Problem:
    factory = described(nodes, **fields)
    members = machines(factory)
    with pytest.raises(SpecError) as caught:
        plan_fabrics(factory, members)
    [problem] = caught.value.problems
    assert problem.hint
    return problem


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


def test_links_between_two_leaves_are_of_a_pair_however_few_machines_there_are() -> None:
    """One switch with room for all came out, and the links that were written in no cable."""
    plane = planned(1, spines="none", peer_links=8)
    assert (plane.leaf, plane.leaf_leaf, len(plane.peer_links)) == (2, 8, 8)


def test_leaves_below_spines_are_joined_by_twos_and_keep_the_ports_for_it() -> None:
    """Machines of two ports end at both leaves of a pair; a leaf keeps two ports for its partner."""
    without, plane = planned(64), planned(64, peer_links=2)
    pairs = set()
    for rail, number in product((0, 2, 4, 6), ("001", "002", "003")):
        pairs.add((f"f-a-p0-leaf-r{rail}-{number}", f"f-a-p0-leaf-r{rail + 1}-{number}"))
    assert (plane.leaf, plane.partners, len(plane.peer_links)) == (24, 24, 24)
    assert set(plane.peer_links.pairs()) == pairs
    assert (without.leaf, without.partners) == (16, 0)
    assert plane.oversubscription == without.oversubscription == "1:1"
    assert plane.bisection == without.bisection
    used = Counter(name for row in plane.cables for name in (row.lower, row.upper) if "-leaf-" in name)
    assert max(used.values()) <= 64
    assert [*plane.peer_links, *plane.routed_links] == list(plane.switch_links)
    assert plane.routed_links == plane.uplinks


@pytest.mark.parametrize(
    ("nodes", "fields", "pairs"),
    [
        # One leaf for all rails of a machine, and three groups of rails: neighbours of one rail.
        (8, {"role": "in-band", "rails": 1, "leaf_hosts": 2}, ["r0-001 r0-002", "r0-003 r0-004"]),
        (
            6,
            {"role": "in-band", "rails": 3, "leaf_hosts": 3},
            ["r0-001 r0-002", "r1-001 r1-002", "r2-001 r2-002"],
        ),
        # The last leaf has no neighbour.
        (5, {"role": "in-band", "rails": 1, "leaf_hosts": 2}, ["r0-001 r0-002"]),
        # Pods of one rail each: a pair is in one pod.
        (
            8,
            {"role": "in-band", "rails": 2, "leaf_hosts": 2, "pod_leaves": 2, "pod_by": "rail"},
            ["r0-001 r0-002", "r0-003 r0-004", "r1-001 r1-002", "r1-003 r1-004"],
        ),
    ],
)
def test_neighbours_that_serve_the_same_machines_or_the_same_rail_are_a_pair(
    nodes: int, fields: dict[str, Any], pairs: list[str]
) -> None:
    plane = planned(nodes, peer_links=1, **fields)
    found = {f"{lower} {upper}".replace("f-a-p0-leaf-", "") for lower, upper in plane.peer_links.pairs()}
    assert sorted(found) == pairs


def test_spines_and_border_leaves_are_joined_by_twos_as_well() -> None:
    """The reference topology of Cumulus: four leaves, two spines and two border leaves, all in pairs."""
    border = {"leaves": 2, "ports": 2, "peer_links": 2}
    shape = {"role": "in-band", "rails": 2, "leaf_hosts": 2, "uplinks": 2, "spines": 2}
    plane = planned(4, peer_links=2, spine_peer_links=2, border=border, **shape)
    tiers = Counter(lower.split("-")[3] for lower in plane.peer_links.lowers())
    assert tiers == {"leaf": 4, "spine": 2, "border": 2}
    assert (plane.partners, plane.leaf_spine, plane.outside) == (8, 12, 4)
    assert plane.why["partners"] == (
        "2 pairs of leaves x 2 links; 1 pair of spines x 2 links; 1 pair of border leaves x 2 links"
    )


@pytest.mark.parametrize(("nodes", "borders"), [(20, 6), (32, 8), (36, 6), (52, 8), (104, 4)])
def test_a_pair_is_in_one_pod_also_where_border_leaves_make_more_pods(nodes: int, borders: int) -> None:
    """Pods of 20 machines and six border leaves came out without any leaf."""
    border = {"leaves": borders, "ports": 2}
    shape: dict[str, Any] = {"role": "in-band", "rails": 2, "radix": 12, "spines": "least"}
    plane = planned(nodes, peer_links=1, border=border, **shape)
    assert plane.tiers == 3
    assert plane.partners == plane.leaf // 2


def test_links_of_pairs_take_the_last_ports_of_a_spine_before_those_to_the_outside() -> None:
    plane = planned(16, spine_peer_links=2, border={"at": "spine", "ports": 4})
    ports = {row.lower_port for row in plane.peer_links}
    assert ports == {"59", "60"}
    assert {row.upper_port for row in plane.outside_links} == {"61", "62", "63", "64"}


def test_infiniband_leaves_have_as_many_links_to_their_partner_as_upwards() -> None:
    """Its shortest path leads over them alone, so fewer would carry less than the plane's bisection says."""
    problem = refused(64, peer_links=2, kind="infiniband")
    assert problem.where.field == "fabrics[0].peer_links"
    assert problem.hint == "write 22 or more, or leave it out"
    plane = planned(64, peer_links=24, kind="infiniband")
    assert fat_tree_misfit(plane) == "switches of a pair are joined to each other"


def test_a_pair_carries_what_its_links_carry_and_loses_what_it_loses() -> None:
    plane = planned(12, spines="none", breakout=2, leaf_rails=4, peer_links=12, oversubscription="4:1")
    assert (plane.leaf_leaf, plane.oversubscription, plane.bisection) == (12, "4:1", 12 * plane.link)
    links = Links(plane, {})
    assert links.without() == 12
    assert links.without(cut=("f-a-p0-leaf-r0-001", "f-a-p0-leaf-r4-001")) < 12


def test_links_upwards_of_another_rate_count_by_their_rate() -> None:
    plane = planned(64, breakout=2, uplink="800 Gbps", spines="least")
    assert (plane.leaf, plane.spine, plane.leaf_spine, plane.oversubscription) == (8, 4, 256, "1:1")
    assert plane.uplink == 2 * plane.link
    assert plane.bisection == 64 * 8 // 2 * plane.link == Links(plane, {}).without() * plane.link
    ports = [row.lower_port for row in plane.cables if row.lower == "f-a-p0-leaf-r0-001"]
    assert ports[:2] == ["33", "34"], "a port is split for machines or for spines, never for both"


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


def test_leaves_take_fewer_machines_where_full_ones_leave_no_port_for_a_lost_spine() -> None:
    plane = planned(96, unit=32, spines="least", spine_spares=1)
    assert plane.leaf_places < 32
    assert min(Counter(plane.uplinks.lowers()).values()) > plane.leaf_places


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
