"""Addresses and numbers: none twice, all within their range, exhaustion refused."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.addresses import Demand, host_address, pod_bits, prefixes, with_control_plane
from sovereign_ai.plan.factory import Plan, feasible, plan
from sovereign_ai.spec.factory import AIFactory

from .factories import NAMES, codes, factory, hall, management, only_problem, planned, pool, site, stack

ROCE = {"name": "compute", "role": "compute", "kind": "roce", "rails": 8, "radix": 64, "link": "400 Gbps"}


def addresses_are_sound(wish: AIFactory, found: Plan) -> None:
    blocks = sorted(
        (IPv4Network(prefix.cidr) for prefix in found.prefixes),
        key=lambda block: (block.network_address, block.prefixlen),
    )
    assert all(before.broadcast_address < after.network_address for before, after in pairwise(blocks))
    ranges = [
        IPv4Network(getattr(wish.network, name)) for name in ("nodes", "management", "pods", "services")
    ]
    assert all(any(block.subnet_of(one) for one in ranges) for block in blocks)
    given_out = [node.address for node in found.nodes] + [node.bmc for node in found.nodes]
    given_out += [one.loopback for plane in found.fabrics for one in plane.switches]
    given_out = [address for address in given_out if address]
    assert len(given_out) == len(set(given_out))
    by_owner = {(prefix.use, prefix.owner): IPv4Network(prefix.cidr) for prefix in found.prefixes}
    for node in found.nodes:
        if node.address:
            assert IPv4Address(node.address) in by_owner["nodes", node.pool]
            assert node.address != str(by_owner["nodes", node.pool].broadcast_address)
        if node.bmc:
            assert IPv4Address(node.bmc) in by_owner["bmc", node.pool]


@pytest.mark.parametrize("name", NAMES)
def test_no_address_of_a_stack_is_given_out_twice(name: str) -> None:
    wish = stack(name)
    addresses_are_sound(wish, plan(wish))


@settings(max_examples=30)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=4), st.booleans())
def test_no_address_of_any_factory_is_given_out_twice(sizes: list[int], two_sites: bool) -> None:
    sites = [site("a"), site("b")] if two_sites else [site("a")]
    pools = [
        pool(f"p{index}", nodes=nodes, site="b" if two_sites and index % 2 else "a")
        for index, nodes in enumerate(sizes)
    ]
    wish = factory(sites=sites, pools=pools, fabrics=[ROCE, *management()])
    addresses_are_sound(wish, plan(wish))


def test_a_range_that_is_too_small_is_refused_with_the_one_that_fits() -> None:
    found = only_problem(factory(fabrics=management(), network={"nodes": "10.64.0.0/29"}))
    assert (found.code, found.where.field) == ("addresses-exhausted", "network.nodes")
    hint = found.hint
    wider = f"10.64.0.0{hint.split()[2].removeprefix('10.64.0.0')}"
    assert plan(factory(fabrics=management(), network={"nodes": wider})).prefixes


def test_more_than_any_private_range_holds_is_refused_with_what_would_fit_one() -> None:
    halls = [hall("ha", racks=100_000)]
    large = {
        "sites": [site(halls=halls, power={"it_budget": "9 GW", "feeds": {"A": "20 GW", "B": "20 GW"}})],
        "pools": [pool(nodes=250_000)],
    }
    wide = {
        "pods": "10.0.0.0/8",
        "nodes": "172.16.0.0/12",
        "management": "100.64.0.0/10",
        "services": "192.168.0.0/16",
    }
    [found] = [one for one in feasible(factory(**large, network=wide)) if one.code == "addresses-exhausted"]
    assert found.where.field == "network.pods"
    assert found.hint == (
        "no private range holds more than 16,777,216; "
        "write clusters.pods_per_node: 16 or less and a /8, or describe several factories"
    )
    for pods, refused in ((16, []), (17, ["addresses-exhausted"])):
        wish = factory(**large, network=wide, clusters={"pods_per_node": pods})
        assert [code for code in codes(wish) if code == "addresses-exhausted"] == refused


def test_ranges_that_no_number_of_pods_makes_fit_are_to_be_divided() -> None:
    wanted = [
        Demand("pods", "pods", "a", "c", -1, 64 * 2**24),
        Demand("nodes", "nodes", "a", "p", -1, 2**24 + 1),
    ]
    hints = {one.where.field: one.hint for one in prefixes(factory(), wanted)[1]}
    divide = "no private range holds more than 16,777,216; describe several factories"
    assert hints == {"network.nodes": divide, "network.pods": divide}


def test_pods_get_twice_their_number_of_addresses() -> None:
    assert [pod_bits(pods) for pods in (1, 16, 30, 32, 33, 110)] == [31, 27, 26, 26, 25, 24]


def test_every_machine_of_a_cluster_finds_a_pod_range_in_it() -> None:
    found = planned("gigafactory")
    for cluster in found.clusters:
        block = next(
            IPv4Network(prefix.cidr)
            for prefix in found.prefixes
            if (prefix.use, prefix.owner) == ("pods", cluster.name)
        )
        assert block.num_addresses >= cluster.nodes << (32 - pod_bits(30))


def test_growth_within_a_block_moves_nobody() -> None:
    small = plan(factory(pools=[pool(nodes=8), pool("serve", nodes=8)], fabrics=management()))
    larger = plan(factory(pools=[pool(nodes=10), pool("serve", nodes=8)], fabrics=management()))
    before = {node.name: (node.address, node.bmc) for node in small.nodes}
    after = {node.name: (node.address, node.bmc) for node in larger.nodes}
    assert all(after[name] == addresses for name, addresses in before.items())


def test_each_rail_of_a_routed_fabric_has_a_range_and_infiniband_has_none() -> None:
    routed = plan(factory(fabrics=[ROCE]))
    assert [prefix.rail for prefix in routed.prefixes if prefix.use == "rail"] == list(range(8))
    infiniband = plan(factory(fabrics=[{**ROCE, "kind": "infiniband"}]))
    assert [prefix.use for prefix in infiniband.prefixes] == ["pods", "services"]
    assert {(one.asn, one.loopback) for plane in infiniband.fabrics for one in plane.switches} == {(0, "")}


def test_leaves_have_an_as_number_each_spines_one_a_pod_and_cores_one_a_plane() -> None:
    found = planned("gigafactory")
    plane = next(plane for plane in found.fabrics if plane.role == "in-band")
    numbers: dict[str, list[int]] = defaultdict(list)
    for one in plane.switches:
        numbers[one.tier].append(one.asn)
    assert len(set(numbers["leaf"])) == plane.leaf
    assert len(set(numbers["spine"])) == int(plane.why["pods"].split()[0])
    assert len(set(numbers["core"])) == 1
    assert not set(numbers["leaf"]) & set(numbers["spine"])
    pod_of = {a: b for a, b in plane.uplinks.pairs() if "-leaf-" in a and "-spine-" in b}
    asn = {one.name: one.asn for one in plane.switches}
    meets = defaultdict(set)
    for leaf, spine in plane.cables.pairs():
        if leaf in pod_of and spine in asn:
            meets[leaf].add(asn[spine])
    assert {len(found) for found in meets.values()} == {1}


def test_as_numbers_are_unique_over_planes_and_private() -> None:
    found = planned("plural")
    tiers = {(one.asn, plane.name) for plane in found.fabrics for one in plane.switches if one.asn}
    assert len({asn for asn, _ in tiers}) == len(tiers)
    assert all(4_200_000_000 <= asn <= 4_294_967_294 for asn, _ in tiers)


@pytest.mark.parametrize(
    ("first", "code"), [(65_534, "asn-exhausted"), (70_000, "public-asn"), (4_294_967_294, "asn-exhausted")]
)
def test_as_numbers_outside_the_private_ranges_are_refused(first: int, code: str) -> None:
    found = only_problem(factory(fabrics=[ROCE], network={"asn": first}))
    assert (found.code, found.where.field) == (code, "network.asn")


def test_every_zone_has_a_part_of_every_fabric_and_no_number_serves_two() -> None:
    found = planned("plural")
    assert len(found.partitions) == 7 * 3
    for kind in ("vni", "vrf"):
        numbers = [part.number for part in found.partitions if part.kind == kind]
        assert len(numbers) == len(set(numbers)) > 0
    vlans = [part.vlan for part in found.partitions if part.vlan]
    assert len(vlans) == len(set(vlans))
    keys = [(part.fabric, part.number) for part in found.partitions if part.kind == "p_key"]
    assert len(keys) == len(set(keys)) == 2 * 3
    assert all(0 < number < 0x7FFF for _, number in keys)


def test_an_isolation_of_none_gets_no_number() -> None:
    found = plan(factory(fabrics=[{**ROCE, "isolation": "none"}]))
    assert [(part.kind, part.number, part.vlan) for part in found.partitions] == [("none", 0, 0)]


def test_vlans_that_run_out_are_refused() -> None:
    zones = [{"name": f"z{index}" if index else "z", "trust": "low"} for index in range(100)]
    found = only_problem(factory(fabrics=[ROCE], zones=zones, network={"vlan": 4000}))
    assert (found.code, found.hint) == ("vlans-exhausted", "write at most 3995")


def test_more_zones_than_an_infiniband_fabric_has_partition_keys_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sovereign_ai.plan.addresses.MOST_P_KEY", 2)
    zones = [{"name": f"z{index}" if index else "z", "trust": "low"} for index in range(3)]
    assert (
        only_problem(factory(fabrics=[{**ROCE, "kind": "infiniband"}], zones=zones)).code
        == "p-keys-exhausted"
    )


def test_positions_become_addresses_after_the_gateway() -> None:
    assert host_address("10.0.0.0/24", 0) == "10.0.0.2"
    assert host_address("10.0.0.128/25", 125) == "10.0.0.255"


def test_a_control_plane_of_nodes_gets_room_for_its_pods_as_far_as_the_factory_has_addresses() -> None:
    block = IPv4Network("10.0.0.0/22")
    assert with_control_plane(block, IPv4Network("10.0.0.0/11")) == IPv4Network("10.0.0.0/21")
    assert with_control_plane(block, block) == block
