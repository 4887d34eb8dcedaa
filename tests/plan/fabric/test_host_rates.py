"""Machines and storage servers of several port rates on one leaf."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest

from sovereign_ai.assess.fabric import Links
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.cabling.order import order_cables
from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.interop.cabling import cables_csv
from sovereign_ai.render.interop.infragraph import infrastructure
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.render.switches.sonic import sonic
from sovereign_ai.spec.factory import AIFactory
from tests.plan import checker
from tests.plan.factories import factory as small_factory
from tests.plan.factories import hall, power, site
from tests.plan.factories import pool as small_pool
from tests.plan.wishes import as_json, machines, pool, wish

FAST = pool(name="fast", nodes=9, system="dgx-b300", scalable_unit=1)
SLOW = pool(name="slow", nodes=13, system="dgx-h100", scalable_unit=1)
BASE = {"name": "f", "kind": "roce", "rails": 8, "switch": "sn5600", "link": "800 Gbps", "padding": "none"}
MIXED = {**BASE, "pool_links": [{"pool": "slow", "link": "400 Gbps"}]}


def planned(factory: AIFactory) -> list[FabricPlan]:
    members = machines(factory)
    planes = plan_fabrics(factory, members)
    assert checker.findings(as_json(planes, members)) == []
    return list(planes)


def ports_by_host(plane: FabricPlan, leaf: str) -> dict[str, list[str]]:
    ports: defaultdict[str, list[str]] = defaultdict(list)
    for cable in plane.host_links:
        if cable.upper == leaf:
            ports[cable.lower].append(cable.upper_port)
    return dict(ports)


def test_fast_machines_take_whole_ports_and_slow_ones_parts_of_the_next_ports() -> None:
    [plane] = planned(wish([FAST, SLOW], MIXED))
    ports = ports_by_host(plane, "f-a-p0-leaf-r0-001")
    assert [ports[f"fast-{index:05d}"] for index in range(9)] == [[str(port)] for port in range(1, 10)]
    assert ports["slow-00000"] == ["10/1"]
    assert ports["slow-00001"] == ["10/2"]
    assert ports["slow-00012"] == ["16/1"]
    # 9 x 800 and 13 x 400 are 31 of 400 on 16 ports below, and as many ports lead upwards.
    assert (plane.leaf, plane.spine, plane.leaf_spine) == (8, 2, 8 * 16)
    assert plane.host_rate("fast-00000") == 800 * 10**9
    assert plane.host_rate("slow-00000") == 400 * 10**9


def test_it_does_not_matter_which_of_the_rates_is_the_fabric_s_own() -> None:
    [plane] = planned(wish([FAST, SLOW], MIXED))
    other_way = {**BASE, "link": "400 Gbps", "breakout": 2, "uplink": "800 Gbps"}
    other_way["pool_links"] = [{"pool": "fast", "link": "800 Gbps"}]
    [other] = planned(wish([FAST, SLOW], other_way))
    assert other.cables == plane.cables
    assert (other.bisection, other.oversubscription) == (plane.bisection, plane.oversubscription)


def test_all_rails_of_a_slow_machine_are_neighbouring_parts_of_ports_of_one_leaf() -> None:
    [plane] = planned(wish([FAST, SLOW], {**MIXED, "leaf_rails": 8}))
    first = plane.switches[0].name
    ports = ports_by_host(plane, first)
    assert ports["fast-00001"] == [str(port) for port in range(9, 17)]
    # Nine fast machines take four leaves and eight ports of a third; four slow ones take two ports each.
    ports = ports_by_host(plane, "f-a-p0-leaf-r0-003")
    whole = int(ports["slow-00000"][0].partition("/")[0])
    assert whole == 9
    assert ports["slow-00000"] == [f"{whole + rail // 2}/{rail % 2 + 1}" for rail in range(8)]


def test_one_switch_holds_machines_of_two_rates_where_their_ports_fit() -> None:
    few = [{**FAST, "nodes": 4}, {**SLOW, "nodes": 8}]
    [plane] = planned(wish(few, {**MIXED, "leaf_rails": 8}))
    assert (plane.leaf, plane.spine) == (1, 0)
    assert plane.bisection == (4 * 8 * 800 + 8 * 8 * 400) * 10**9 // 2


def test_why_says_which_rates_stand_on_a_leaf_and_what_they_take() -> None:
    [plane] = planned(wish([FAST, SLOW], MIXED))
    assert plane.why["rates"] == "fast 800 Gbps, 1 a port; slow 400 Gbps, 2 a port"
    assert "31 of 400 Gbps" in plane.why["leaf"]


def test_what_a_lost_part_leaves_counts_each_machine_at_its_own_rate() -> None:
    [plane] = planned(wish([FAST, SLOW], MIXED))
    links = Links(plane, {})
    assert links.without() * links.unit == plane.bisection
    leaf = plane.switches[0].name
    whole = (9 * 800 + 13 * 400) * 10**9
    assert links.sent[leaf] * links.unit == whole
    # Without one of eight rails the others carry what they did, half of what their machines send, in whole
    # links: the uplinks of a leaf have room for all.
    assert links.without({leaf}) == 7 * 31 // 2


def random_fabric(draw: random.Random) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Make pools of two or three rates and a fabric of a few shapes for them."""
    rates = [("dgx-b300", 800), ("dgx-h100", 400), ("dgx-h100", 200), ("dgx-h100", 100)]
    chosen = draw.sample(rates, draw.choice((2, 3)))
    pools = []
    for number, (system, _) in enumerate(chosen):
        unit = draw.choice((1, 3, 8))
        pools.append(pool(f"p{number}", draw.randrange(1, 60), system=system, scalable_unit=unit))
    base = draw.randrange(len(chosen))
    own = [
        {"pool": f"p{number}", "link": f"{rate} Gbps"}
        for number, (_, rate) in enumerate(chosen)
        if number != base
    ]
    link = chosen[base][1]
    fabric: dict[str, Any] = {
        **BASE,
        "link": f"{link} Gbps",
        "pool_links": own,
        "padding": draw.choice(("none", "scalable-unit")),
        "oversubscription": draw.choice(("1:1", "2:1", "3:2")),
        "managers": draw.choice((0, 3)),
        "leaf_rails": draw.choice((1, 2, 4, 8)),
        "spines": draw.choice(("even", "least")),
        "uplink": draw.choice((f"{link} Gbps", "800 Gbps", "400 Gbps")),
    }
    if draw.random() < 0.2:
        fabric["planes_by"] = "rail"
    return pools, fabric


def test_random_mixtures_of_rates_break_no_invariant() -> None:
    draw = random.Random(20261127)  # noqa: S311 - no secret
    planned_count = 0
    for _ in range(25):
        pools, fabric = random_fabric(draw)
        try:
            planes = planned(wish(pools, fabric))
        except SpecError:
            continue
        planned_count += 1
        for plane in planes:
            links = Links(plane, {})
            assert links.without() * links.unit == plane.bisection
    assert planned_count > 18


def site_of_two_rates() -> AIFactory:
    """A factory with storage servers of 200 Gbps beside machines of 400 Gbps, on one storage fabric."""
    storage = {"name": "s", "role": "storage", "kind": "roce", "rails": 2, "switch": "sn5600"}
    rates = {"link": "400 Gbps", "breakout": 2, "storage_link": "200 Gbps", "padding": "none"}
    tier = {"name": "scratch", "protocol": "parallel", "grade": "good", "capacity": "50 TB", "zone": "z"}
    return small_factory(
        sites=[site(power=power(), halls=[hall()])],
        pools=[small_pool(nodes=6, spares=1)],
        fabrics=[{**storage, **rates}],
        storage=[{**tier, "encryption": {"key": "k"}}],
        keys=[{"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}],
    )


def test_storage_of_200_gbps_stands_beside_machines_of_400_gbps() -> None:
    factory = site_of_two_rates()
    whole = plan(factory)
    [plane] = whole.fabrics
    assert checker.findings(as_json([plane], list(whole.nodes))) == []
    servers = whole.storage[0].servers
    assert {plane.host_rate(server) for server in servers} == {200 * 10**9}
    ports = ports_by_host(plane, plane.switches[0].name)
    # Seven machines take parts of four ports, and the storage servers quarters from the fifth on.
    assert ports[servers[0]][0] == "5/1"
    rates = {line.split(",")[7] for line in cables_csv(whole, plane).splitlines()[1:]}
    assert {"400 Gbps", "200 Gbps"} <= rates


def test_switches_get_the_speed_lanes_and_breakout_of_each_rate() -> None:
    factory = site_of_two_rates()
    whole = plan(factory)
    [plane] = whole.fabrics
    server = whole.storage[0].servers[0]
    leaf = port_maps(factory, whole, plane)[0]
    config = sonic(leaf)
    port = next(port for port in leaf.ports if port.peer == server)
    machine = next(port for port in leaf.ports if port.peer.startswith("train"))
    assert leaf.rate_of(port) == 200 * 10**9
    assert leaf.rate_of(machine) == 400 * 10**9
    assert len(leaf.panel_of(port).port(port.name).lanes) == 2
    assert len(leaf.panel_of(machine).port(machine.name).lanes) == 4
    assert '"speed": "200000"' in config
    assert '"speed": "400000"' in config


def test_the_order_list_has_a_plug_of_each_rate() -> None:
    factory = site_of_two_rates()
    order = order_cables(factory, plan(factory))
    assert order.unserved == 0
    assert any("200g" in line.part.name for line in order.lines)
    assert any("400g" in line.part.name for line in order.lines)


def test_an_infragraph_has_a_link_of_each_rate() -> None:
    text = infrastructure(plan(site_of_two_rates()))
    assert '"f-a-p0-hosts"' not in text
    assert "hosts-200g" in text
    assert "hosts-400g" in text


REFUSED = [
    ({"pool_links": [{"pool": "slow", "link": "1600 Gbps"}]}, "a port of a leaf gives 800 Gbps"),
    ({"pool_links": [{"pool": "slow", "link": "300 Gbps"}]}, "is not split into links of 300 Gbps"),
    ({"pool_links": [{"pool": "slow", "link": "10 Gbps"}]}, "is not split into links of 10 Gbps"),
    ({"pool_links": [{"pool": "slow", "link": "400 Gbps"}] * 2}, "pool 'slow' has two rates"),
    ({"pool_links": [{"pool": "slw", "link": "400 Gbps"}]}, "slw"),
    ({"storage_link": "200 Gbps"}, "storage servers join no compute fabric"),
]


@pytest.mark.parametrize(("fields", "text"), REFUSED)
def test_rates_that_no_leaf_can_have_are_refused_with_a_hint(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError) as caught:
        wish([FAST, SLOW], {**BASE, **fields})
    problems = [problem for problem in caught.value.problems if text in problem.message]
    assert problems
    assert problems[0].hint


def test_a_machine_too_slow_for_the_fabric_is_told_how_it_can_have_its_own_rate() -> None:
    with pytest.raises(SpecError) as caught:
        planned(wish([FAST, SLOW], BASE))
    [problem] = caught.value.problems
    assert "pool_links: [{pool: slow, link: 400 Gbps}]" in problem.hint


def hosts_by_leaf(plane: FabricPlan) -> dict[str, set[str]]:
    hosts: defaultdict[str, set[str]] = defaultdict(set)
    for cable in plane.host_links:
        hosts[cable.upper].add(cable.lower)
    return dict(hosts)


def test_a_leaf_takes_at_most_as_many_machines_as_are_described_whatever_their_rates() -> None:
    pools = []
    for group in ("a", "b"):
        pools.append(pool(name=f"fast-{group}", nodes=2, scalable_unit=1))
        pools.append(pool(name=f"slow-{group}", nodes=4, scalable_unit=1))
    slow = [{"pool": f"slow-{group}", "link": "200 Gbps"} for group in ("a", "b")]
    fabric = {"name": "f", "kind": "roce", "rails": 8, "radix": 32, "link": "400 Gbps", "padding": "none"}
    fabric |= {"leaf_hosts": 6, "uplinks": 4, "spines": 2, "pool_links": slow}
    [plane] = planned(wish(pools, fabric))
    # A lab that was published: each leaf has two machines of 400 and four of 200, and four links up.
    assert (plane.leaf, plane.spine, plane.leaf_spine) == (16, 2, 64)
    assert {len(hosts) for hosts in hosts_by_leaf(plane).values()} == {6}


def test_random_limits_hold_on_every_leaf_and_lose_nobody() -> None:
    draw = random.Random(20261127)  # noqa: S311 - no secret
    planned_count = 0
    for _ in range(25):
        pools, fabric = random_fabric(draw)
        # At least the largest unit: the checker does not know the limit, and asks that a leaf holds a unit.
        most = draw.randrange(8, 24)
        try:
            planes = planned(wish(pools, {**fabric, "leaf_hosts": most}))
        except SpecError:
            continue
        planned_count += 1
        for plane in planes:
            on = hosts_by_leaf(plane)
            servers = [{host for host in hosts if host.startswith("p")} for hosts in on.values()]
            assert max(len(hosts) for hosts in servers) <= most
            assert len(set().union(*servers)) == sum(entry["nodes"] for entry in pools)
            links = Links(plane, {})
            assert links.without() * links.unit == plane.bisection
    assert planned_count > 15


def test_more_machines_of_several_rates_than_a_leaf_has_ports_are_refused() -> None:
    with pytest.raises(SpecError, match="machines of several rates do not fit a leaf"):
        planned(wish([FAST, SLOW], {**MIXED, "leaf_rails": 8, "leaf_hosts": 9, "uplinks": 64}))
