from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import networkx as nx
import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sovereign_ai.catalog.published import bill, fabric_table, rows
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.planes import FabricPlan, host_rails, plan_fabrics, rails_beside
from sovereign_ai.plan.fabric.switch_ports import port_names
from sovereign_ai.plan.factory import plan as whole_plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load
from tests.plan import checker
from tests.plan.wishes import CABLE_ROWS, as_json, laid, machines, pool, wish

COMPUTE = {
    "name": "compute",
    "role": "compute",
    "kind": "infiniband",
    "rails": 8,
    "radix": 64,
    "link": "400 Gbps",
}
GBPS = 10**9
STACKS = sorted(
    file.parent for file in (Path(__file__).resolve().parents[3] / "stacks").glob("*/factory.yaml")
)


def findings(factory: AIFactory, spares: dict[str, int] | None = None) -> list[str]:
    nodes = machines(factory, spares)
    return checker.findings(as_json(plan_fabrics(factory, nodes), nodes))


@pytest.fixture(scope="module")
def superpod() -> FabricPlan:
    return laid(wish([pool(nodes=127)], {**COMPUTE, "managers": 4}))[0]


def test_the_h100_superpod_has_the_published_switches_and_cables(superpod: FabricPlan) -> None:
    row, pieces = rows("h100")[-1], bill("h100-4su").counts
    assert (superpod.leaf, superpod.spine, superpod.core) == (row.leaf, row.spine, 0)
    assert (superpod.node_leaf, superpod.leaf_spine) == (row.node_and_manager, row.leaf_spine)
    assert superpod.leaf + superpod.spine == pieces["compute_switches"]
    assert superpod.endpoints - 4 + superpod.leaf_spine == pieces["compute_cables"]
    assert (superpod.oversubscription, superpod.bisection) == ("1:1", 1020 // 2 * 400 * GBPS)


@pytest.mark.parametrize("name", ["h100", "b200", "b300-xdr"])
def test_every_published_row_is_cabled_so_and_checked(name: str) -> None:
    table = fabric_table(name)
    for row in table.rows[:4]:
        factory = wish(
            [pool(nodes=row.nodes, system=table.system, scalable_unit=table.nodes_per_unit)],
            {**COMPUTE, "radix": table.radix, "managers": table.manager_cables},
        )
        [plan] = laid(factory)
        assert (plan.leaf, plan.spine, plan.core) == (row.leaf, row.spine, row.core or 0)
        assert (plan.leaf_spine, plan.spine_core) == (row.leaf_spine, row.spine_core or 0)
        assert plan.node_leaf == (row.node_and_manager or row.node_leaf)
        assert findings(factory) == []


def test_b300_is_cabled_in_two_planes_whose_switches_add_up_to_the_published_row() -> None:
    row = rows("b300")[1]
    factory = wish(
        [pool(nodes=128, system="dgx-b300")],
        {**COMPUTE, "radix": 64, "breakout": 2, "planes": 2, "link": "800 Gbps"},
    )
    planes = laid(factory)
    assert sum(plan.leaf for plan in planes) == row.leaf
    assert sum(plan.spine for plan in planes) == row.spine
    assert [(plan.plane, plan.link, plan.node_leaf, plan.leaf_spine) for plan in planes] == [
        (0, 400 * GBPS, row.node_leaf, row.leaf_spine),
        (1, 400 * GBPS, row.node_leaf, row.leaf_spine),
    ]
    assert planes[1].cables[0] == ("train-00000", "compute0/2", "compute-a-p1-leaf-r0-001", "1/1")
    assert findings(factory) == []


def test_a_hundred_thousand_gpus_at_one_site_are_refused_on_one_plane_of_radix_64() -> None:
    with pytest.raises(SpecError, match="65,536 endpoints") as refused:
        laid(wish([pool(nodes=12_500)], COMPUTE))
    assert refused.value.problems[0].where.field == "fabrics[0].radix"


def test_a_hundred_thousand_gpus_over_two_sites_are_cabled_and_pass_the_independent_checker() -> None:
    factory = wish([pool(f"train-{site}", 6_250, site) for site in ("a", "b")], {**COMPUTE, "subnets": 2})
    nodes = machines(factory)
    plans = plan_fabrics(factory, nodes)
    assert [(plan.site, plan.tiers, plan.endpoints) for plan in plans] == [("a", 3, 50_000), ("b", 3, 50_000)]
    assert [plan.bisection for plan in plans] == [25_000 * 400 * GBPS] * 2
    assert checker.findings(as_json(plans, nodes)) == []


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_stack_passes_the_independent_checker(stack: Path) -> None:
    data = json.loads(whole_plan(load(stack / "factory.yaml")).canonical)
    assert data["fabrics"]
    assert checker.findings(data) == []


def test_managers_sit_one_a_rail_at_the_place_that_the_missing_node_leaves(superpod: FabricPlan) -> None:
    managers = [row for row in superpod.cables if "manager" in row.lower]
    assert managers == [
        (
            f"compute-a-p0-manager-{number}",
            f"compute{number - 1}",
            f"compute-a-p0-leaf-r{number - 1}-004",
            "32",
        )
        for number in (1, 2, 3, 4)
    ]


def test_a_machine_sits_at_the_same_port_of_the_same_leaf_number_on_every_rail(superpod: FabricPlan) -> None:
    mine = [row for row in superpod.cables if row.lower == "train-00037"]
    assert mine == [
        ("train-00037", f"compute{rail}", f"compute-a-p0-leaf-r{rail}-002", "6") for rail in range(8)
    ]


def test_a_leafs_uplinks_follow_its_places(superpod: FabricPlan) -> None:
    up = [row for row in superpod.cables if row.lower == "compute-a-p0-leaf-r1-001"]
    assert [row.lower_port for row in up] == [str(port) for port in range(33, 65)]
    assert [row[2:] for row in up[:3]] == [
        ("compute-a-p0-spine-001", "3"),
        ("compute-a-p0-spine-001", "4"),
        ("compute-a-p0-spine-002", "3"),
    ]


def test_a_split_port_has_two_numbers() -> None:
    assert port_names(6, 2) == ["1/1", "1/2", "2/1", "2/2", "3/1", "3/2"]
    assert port_names(2, 1) == ["1", "2"]


def test_a_lone_switch_has_no_cable_above_it() -> None:
    [plan] = laid(
        wish(
            [pool(nodes=16)],
            {
                "name": "oob",
                "role": "out-of-band",
                "rails": 1,
                "switch": "sn2201",
                "link": "1 Gbps",
                "oversubscription": "11:1",
            },
        )
    )
    assert (plan.tiers, plan.leaf, plan.spine, len(plan.cables)) == (1, 1, 0, 16)
    assert (plan.oversubscription, plan.bisection) == ("1:1", 8 * GBPS)


def test_the_published_in_band_switches_follow_from_three_to_one_on_two_rails() -> None:
    [plan] = laid(
        wish(
            [pool(nodes=127)],
            {"name": "inband", "role": "in-band", "rails": 2, "switch": "sn4600c", "oversubscription": "3:1"},
        )
    )
    pieces = bill("h100-4su").counts
    assert plan.leaf + plan.spine == pieces["in_band_switches"]
    assert plan.node_leaf == 127 * 2 == pieces["in_band_cables"]


def test_storage_servers_are_cabled_after_the_machines() -> None:
    factory = wish(
        [pool(nodes=3)],
        {"name": "store", "role": "storage", "rails": 2, "radix": 8, "kind": "roce", "padding": "none"},
    )
    nodes = machines(factory)
    [plan] = plan_fabrics(factory, nodes, {"a": ["scratch-0", "scratch-1"]})
    assert [row for row in plan.cables if row.lower == "scratch-1"] == [
        ("scratch-1", "storage0", "store-a-p0-leaf-r0-002", "1"),
        ("scratch-1", "storage1", "store-a-p0-leaf-r1-002", "1"),
    ]
    assert checker.findings(as_json([plan], nodes)) == []


def test_two_storage_fabrics_take_different_ports_of_a_storage_server() -> None:
    store = {"role": "storage", "rails": 2, "radix": 8, "kind": "roce", "padding": "none"}
    factory = wish(
        [pool("x", 3), pool("y", 3)],
        {"name": "one", "pools": ["x"], **store},
        {"name": "two", "pools": ["y"], **store},
    )
    nodes = machines(factory)
    plans = plan_fabrics(factory, nodes, {"a": ["scratch-0"]})
    ports = sorted(row.lower_port for plan in plans for row in plan.cables if row.lower == "scratch-0")
    assert ports == ["storage0", "storage1", "storage2", "storage3"]
    assert checker.findings(as_json(plans, nodes)) == []


def test_a_fabric_is_built_only_where_its_pools_stand() -> None:
    factory = wish([pool("x", 4, "a"), pool("y", 4, "b")], {**COMPUTE, "pools": ["y"]})
    assert [plan.site for plan in laid(factory)] == ["b"]


def test_every_number_has_a_reason(superpod: FabricPlan) -> None:
    assert {
        "endpoints",
        "padded",
        "down",
        "leaf",
        "spine",
        "node_leaf",
        "leaf_spine",
        "bisection",
        "oversubscription",
    } <= set(superpod.why)
    assert superpod.why["leaf"] == "8 rails x 4 leaves of 32 places for 128 places"


@pytest.mark.parametrize(
    ("nodes", "radix", "ratio"),
    [(48, 8, "3:1"), (24, 8, "1:1"), (61, 8, "1:1"), (48, 12, "2:1"), (30, 8, "1:3")],
)
def test_the_bisection_is_what_a_maximum_flow_finds_on_the_worst_half_and_no_half_is_worse(
    nodes: int, radix: int, ratio: str
) -> None:
    [plan] = laid(
        wish(
            [pool(nodes=nodes)],
            {
                "name": "i",
                "role": "in-band",
                "rails": 1,
                "radix": radix,
                "oversubscription": ratio,
                "padding": "none",
            },
        )
    )
    claimed = plan.bisection // plan.link
    hosts = list(plan.host_links.lowers())
    half = len(hosts) // 2
    assert flow_between(plan, set(hosts[:half])) == claimed
    for step in (7, 11, 13):
        assert flow_between(plan, {hosts[index * step % len(hosts)] for index in range(half)}) >= claimed


@pytest.mark.parametrize("nodes", [40, 45, 64])
def test_a_half_that_ends_within_a_leaf_carries_no_less_than_is_claimed(nodes: int) -> None:
    [plan] = laid(
        wish(
            [pool(nodes=nodes)],
            {
                "name": "i",
                "role": "in-band",
                "rails": 1,
                "radix": 8,
                "oversubscription": "3:1",
                "padding": "none",
            },
        )
    )
    hosts = list(plan.host_links.lowers())
    exact = flow_between(plan, set(hosts[: nodes // 2]))
    assert exact - (plan.radix // 2) < plan.bisection // plan.link <= exact


def flow_between(plan: FabricPlan, half: set[str]) -> int:
    """Return the links that one half of the endpoints fills towards the other, by a maximum flow."""
    graph = nx.DiGraph()
    for (below, above), links in Counter(plan.cables.pairs()).items():
        graph.add_edge(below, above, capacity=links)
        graph.add_edge(above, below, capacity=links)
    for host in set(plan.host_links.lowers()):
        graph.add_edge("all", host, capacity=1) if host in half else graph.add_edge(host, "rest", capacity=1)
    flow: int = nx.maximum_flow_value(graph, "all", "rest")
    return flow


SIZES = st.fixed_dictionaries(
    {"nodes": st.integers(1, 70), "scalable_unit": st.integers(1, 20), "spare": st.integers(0, 3)}
)
FABRICS = st.fixed_dictionaries(
    {
        "rails": st.sampled_from([1, 2, 4, 8]),
        "radix": st.sampled_from([4, 6, 8, 12, 16, 24, 64]),
        "breakout": st.integers(1, 3),
        "planes": st.integers(1, 2),
        "managers": st.integers(0, 5),
        "padding": st.sampled_from(["scalable-unit", "none"]),
        "oversubscription": st.sampled_from(["1:1", "2:1", "3:1", "1:3", "5:3"]),
        "role": st.sampled_from(["compute", "in-band"]),
    }
)


def drawn(name: str, pools: list[dict[str, int]], wished: dict[str, Any]) -> tuple[AIFactory, dict[str, int]]:
    made = [
        pool(f"p{index}", entry["nodes"], scalable_unit=entry["scalable_unit"])
        for index, entry in enumerate(pools)
    ]
    try:
        factory = wish(made, {"name": name, **wished})
    except SpecError:
        assume(False)  # noqa: FBT003 - hypothesis' own word for a refused request
        raise
    return factory, {f"p{index}": entry["spare"] for index, entry in enumerate(pools)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(pools=st.lists(SIZES, min_size=1, max_size=3), wished=FABRICS)
def test_every_request_is_refused_or_passes_the_independent_checker(
    pools: list[dict[str, int]], wished: dict[str, Any]
) -> None:
    factory, spares = drawn("f", pools, wished)
    nodes = machines(factory, spares)
    try:
        plans = plan_fabrics(factory, nodes)
    except SpecError as refused:
        problems = refused.problems
    else:
        problems = ()
    assert all(problem.code == "impossible-fabric" and problem.hint for problem in problems)
    if problems:
        return
    assert checker.findings(as_json(plans, nodes)) == []
    for laid_out in plans:
        assert laid_out.endpoints == len(nodes) * wished["rails"] + wished["managers"]
        links = defaultdict(set)
        for (leaf, _), count in Counter(laid_out.switch_links.pairs()).items():
            links[leaf].add(count)
        assert all(len(counts) == 1 for counts in links.values())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(pools=st.lists(SIZES, min_size=1, max_size=2), wished=FABRICS)
def test_another_name_changes_names_and_nothing_else(
    pools: list[dict[str, int]], wished: dict[str, Any]
) -> None:
    plans = []
    for name in ("f", "renamed-quite-differently"):
        factory, spares = drawn(name, pools, wished)
        try:
            found = plan_fabrics(factory, machines(factory, spares))
        except SpecError:
            return
        plans.append(orjson.dumps(found, default=CABLE_ROWS).replace(f'"{name}'.encode(), b'"f'))
    assert plans[0] == plans[1]


DAMAGE = [
    ("a port used twice", lambda rows: [[*rows[0][:3], rows[1][3]], *rows[1:]], "is used 2 times"),
    (
        "a rail at another rail's leaf",
        lambda rows: [[*rows[0][:2], *rows[40][2:]], *rows[1:40], [*rows[40][:2], *rows[0][2:]], *rows[41:]],
        "rail",
    ),
    ("a missing cable", lambda rows: rows[1:], "joins rails"),
    ("a missing uplink", lambda rows: rows[:-1], "links to its spines"),
    ("a port beyond the radix", lambda rows: [[*rows[0][:3], "65"], *rows[1:]], "beyond radix"),
    (
        "a leaf under a leaf",
        lambda rows: [*rows[:-1], [*rows[-1][:2], rows[0][2], "64"]],
        "does not climb one tier",
    ),
]


@pytest.mark.parametrize(
    ("change", "expected"), [entry[1:] for entry in DAMAGE], ids=[entry[0] for entry in DAMAGE]
)
def test_the_checker_sees_damage(change: Any, expected: str) -> None:
    factory = wish([pool(nodes=40)], COMPUTE)
    nodes = machines(factory)
    data = as_json(plan_fabrics(factory, nodes), nodes)
    [plane] = data["fabrics"]
    plane["cables"] = change(plane["cables"])
    assert any(expected in text for text in checker.findings(data))


def _two_pods(second: str) -> dict[str, Any]:
    """Return an uneven plane of two pods of two spines; those of the second meet the cores that are named.

    The first pod's spines meet cores a and b, and a and c, so that a has half of what it sends.
    """
    meets = dict(zip(("s1", "s2", "s3", "s4"), ("ab", "ac", *second.split()), strict=True))
    rows, used = [], Counter[str]()
    for number in range(8):
        leaf = f"l{number // 2 + 1}"
        rows.append([f"host-{number}", "in-band0", leaf, str(number % 2 + 1)])
    for number, leaf in enumerate(("l1", "l2", "l3", "l4")):
        first = number // 2 * 2 + 1
        rows += [[leaf, str(3 + up), f"s{first + up}", str(number % 2 + 1)] for up in range(2)]
    for spine, cores in meets.items():
        for up, core in enumerate(cores):
            used[core] += 1
            rows.append([spine, str(3 + up), core, str(used[core])])
    names = {"leaf": ["l1", "l2", "l3", "l4"], "spine": list(meets), "core": ["a", "b", "c"]}
    switches = []
    for tier, members in names.items():
        rail = 0 if tier == "leaf" else -1
        switches += [{"name": name, "tier": tier, "rail": rail} for name in members]
    counts = {"node_leaf": 8, "endpoints": 8, "leaf_spine": 8, "spine_core": 8, "tiers": 3}
    plane = {"name": "f", "role": "in-band", "rails": 1, "radix": 4, "link": 1, "switches": switches}
    tiers = {tier: len(members) for tier, members in names.items()}
    ends = {"bisection": 4, "oversubscription": "1:1", "uneven": True, "cables": rows}
    return {"nodes": [], "fabrics": [{**plane, **tiers, **counts, **ends}]}


def test_the_checker_proves_no_bisection_where_a_core_has_more_of_one_pod_than_of_another() -> None:
    """Core a has two links to the first pod and one to the second: of four links' traffic three pass."""
    assert checker.findings(_two_pods("ab ac")) == []
    [found] = checker.findings(_two_pods("ab bc"))
    assert re.search(r"the pod of s\d does not meet every core with its share of links", found)


@pytest.mark.parametrize(
    "field",
    ["leaf", "spine", "node_leaf", "leaf_spine", "bisection", "oversubscription", "tiers", "endpoints"],
)
def test_the_checker_sees_a_number_that_the_cables_belie(field: str, superpod: FabricPlan) -> None:
    wrong: Any = "7:1" if field == "oversubscription" else 7
    data = json.loads(
        orjson.dumps(
            {"nodes": [], "fabrics": [dataclasses.replace(superpod, **{field: wrong})]}, default=CABLE_ROWS
        )
    )
    assert any(field in text for text in checker.findings(data))


def test_the_checker_runs_on_a_file(
    tmp_path: Path, superpod: FabricPlan, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(orjson.dumps({"nodes": [], "fabrics": [superpod]}, default=CABLE_ROWS))
    assert checker.main(str(file)) == 0
    assert "1 planes, 2044 cables: 0 findings" in capsys.readouterr().out


def test_a_plane_names_the_cables_of_hosts_and_those_between_switches(superpod: FabricPlan) -> None:
    leaves = {switch.name for switch in superpod.switches if switch.tier == "leaf"}
    spines = {switch.name for switch in superpod.switches if switch.tier == "spine"}
    assert leaves.isdisjoint(superpod.host_links.lowers())
    assert set(superpod.host_links.uppers()) == leaves
    assert (set(superpod.uplinks.lowers()), set(superpod.uplinks.uppers())) == (leaves, spines)
    assert (len(superpod.host_links), len(superpod.uplinks)) == (superpod.node_leaf, superpod.leaf_spine)
    assert (superpod.switch_links, len(superpod.peer_links)) == (superpod.uplinks, 0)
    assert [*superpod.host_links, *superpod.switch_links] == list(superpod.cables)


def test_the_links_between_a_pair_of_leaves_are_no_uplinks() -> None:
    shaped = {**COMPUTE, "kind": "roce", "spines": "none", "breakout": 2, "leaf_rails": 4, "padding": "none"}
    [plane] = laid(wish([pool(nodes=12)], shaped))
    first, second = [switch.name for switch in plane.switches]
    assert len(plane.peer_links) == plane.leaf_leaf > 0
    assert set(plane.peer_links.pairs()) == {(first, second)}
    assert len(plane.uplinks) == 0
    assert plane.switch_links == plane.peer_links
    assert [*plane.host_links, *plane.peer_links] == list(plane.cables)


def test_uplinks_of_three_tiers_are_those_of_leaves_and_then_those_of_spines() -> None:
    [plane] = laid(wish([pool(nodes=64)], {"name": "i", "role": "in-band", "rails": 1, "radix": 8}))
    tiers = {switch.name: switch.tier for switch in plane.switches}
    climbs = [(tiers[lower], tiers[upper]) for lower, upper in plane.uplinks.pairs()]
    assert plane.core > 0
    assert climbs == [("leaf", "spine")] * plane.leaf_spine + [("spine", "core")] * plane.spine_core


def test_one_rail_and_one_leaf_are_reported_in_the_singular() -> None:
    [plan] = laid(
        wish([pool(nodes=4)], {"name": "i", "role": "in-band", "rails": 2, "radix": 16, "padding": "none"})
    )
    assert plan.why["leaf"] == "2 rails x 1 leaf of 8 places for 4 places"
    [plan] = laid(
        wish([pool(nodes=12)], {"name": "i", "role": "in-band", "rails": 1, "radix": 16, "padding": "none"})
    )
    assert plan.why["leaf"].startswith(("12 places of one rail", "1 rail x "))


@pytest.mark.parametrize(
    ("fields", "planes", "leaves", "spines", "ports"),
    [
        ({"radix": 16}, 8, 5, 4, {"compute3"}),
        ({"radix": 16, "planes": 2, "kind": "roce"}, 16, 5, 4, {"compute3/1"}),
        ({"radix": 32, "leaf_rails": 2, "managers": 3}, 4, 6, 4, {"compute6", "compute7"}),
        ({"radix": 64, "managers": 1}, 8, 1, 0, {"compute3"}),
    ],
)
def test_rails_that_are_planes_have_no_switch_in_common_and_each_its_port(
    fields: dict[str, Any], planes: int, leaves: int, spines: int, ports: set[str]
) -> None:
    factory = wish([pool(nodes=40, scalable_unit=8)], {**COMPUTE, "planes_by": "rail", **fields})
    nodes = machines(factory)
    built = plan_fabrics(factory, nodes)
    assert checker.findings(as_json(built, nodes)) == []
    assert len(built) == planes
    assert {(plane.leaf, plane.spine) for plane in built} == {(leaves, spines)}
    fourth = built[3]
    assert {cable.lower_port for cable in fourth.host_links if "-manager-" not in cable.lower} == ports
    assert set(host_rails(fourth)) == set(range(fourth.rails))
    of_first = set()
    for plane in built:
        of_first |= {cable.lower_port for cable in plane.host_links if cable.lower == nodes[0].name}
    assert len(of_first) == 8 * fields.get("planes", 1)
    assert fourth.why["rails"].endswith("of 8: no switch joins them with another plane's")
    assert rails_beside(fourth, built) == 8


def test_rails_that_no_group_divides_are_refused_also_where_rails_are_planes() -> None:
    factory = wish([pool(nodes=8)], {**COMPUTE, "planes_by": "rail", "leaf_rails": 3})
    with pytest.raises(SpecError, match="8 rails are no multiple of the 3 that a leaf takes"):
        plan_fabrics(factory, machines(factory))


def test_a_port_at_another_rails_plane_is_found() -> None:
    factory = wish([pool(nodes=8)], {**COMPUTE, "planes_by": "rail"})
    nodes = machines(factory)
    data = as_json(plan_fabrics(factory, nodes), nodes)
    data["fabrics"][3]["first_rail"] = 2
    found = "compute-a-p3: compute3 of train-00000 ends at compute-a-p3-leaf-r0-001 of rail 0"
    assert found in checker.findings(data)
