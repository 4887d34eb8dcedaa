"""Machines: names and places."""

from __future__ import annotations

import pytest

from sovereign_ai.names import is_label
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.nodes import machine_name

from .factories import NAMES, factory, hall, planned, pool, power, site


def test_counted_machines_come_first_and_spares_after_them() -> None:
    nodes = plan(factory(pools=[pool(nodes=3, spares=2)])).nodes
    assert [(node.name, node.spare) for node in nodes] == [
        ("train-001", False),
        ("train-002", False),
        ("train-003", False),
        ("train-004", True),
        ("train-005", True),
    ]


def test_a_growing_pool_keeps_its_names_and_places() -> None:
    def places(nodes: int) -> dict[str, tuple[str, int, str]]:
        large = site(power=power(it_budget="12 MW", feeds={"A": "9 MW", "B": "9 MW", "C": "9 MW"}))
        return {
            node.name: (node.rack, node.place, node.scalable_unit)
            for node in plan(factory(sites=[large], pools=[pool(nodes=nodes)])).nodes
        }

    small, larger = places(999), places(1001)
    assert all(larger[name] == place for name, place in small.items())
    assert machine_name("train", 1000) == "train-1001"


def test_a_rack_of_18_trays_is_one_nvlink_domain() -> None:
    wet = site(halls=[hall("ha", "hybrid", rack_limit="160 kW")])
    nodes = plan(factory(sites=[wet], pools=[pool(system="gb200-nvl72-tray", nodes=30, spares="auto")])).nodes
    assert len(nodes) == 48
    assert {(node.rack, node.nvlink_domain) for node in nodes} == {
        (f"ha-r00{number}", f"train-nvl00{number}") for number in (1, 2, 3)
    }
    assert {node.gpus for node in nodes} == {4}


def test_an_hgx_machine_ends_its_own_nvlink() -> None:
    assert {node.nvlink_domain for node in planned("superpod").nodes} == {""}


def test_scalable_units_are_numbered_through_the_pool() -> None:
    nodes = plan(factory(pools=[pool(nodes=40), pool("serve", nodes=6, scalable_unit=4)])).nodes
    assert {node.scalable_unit for node in nodes if node.pool == "train"} == {"a-train-su0", "a-train-su1"}
    assert [node.scalable_unit for node in nodes if node.pool == "serve"] == ["a-serve-su0"] * 4 + [
        "a-serve-su1"
    ] * 2


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_a_dns_label_and_unique(name: str) -> None:
    found = planned(name)
    names = [node.name for node in found.nodes] + [
        one.name for plane in found.fabrics for one in plane.switches
    ]
    names += [server for tier in found.storage for server in tier.servers] + [
        rack.name for rack in found.racks
    ]
    assert len(names) == len(set(names))
    others = {node.scalable_unit for node in found.nodes} | {
        node.nvlink_domain for node in found.nodes if node.nvlink_domain
    }
    others |= {cluster.name for cluster in found.clusters} | {
        space.name for cluster in found.clusters for space in cluster.namespaces
    }
    assert all(is_label(one) for one in [*names, *others])


def test_the_longest_names_still_make_dns_labels() -> None:
    long = "x" * 32
    wish = factory(
        name=long,
        sites=[site(long, halls=[hall(f"h{long[1:]}")])],
        pools=[pool(long, site=long, zone=long, nodes=60)],
        zones=[{"name": long, "trust": "low", "tenants": [long]}],
        tenants=[{"name": long, "seat": "DE"}],
        clusters={"nodes": 30},
    )
    found = plan(wish)
    assert all(
        is_label(text)
        for node in found.nodes
        for text in (node.name, node.scalable_unit, node.cluster, node.rack)
    )
    assert len({node.cluster for node in found.nodes}) == 2


def test_without_management_networks_machines_have_no_addresses() -> None:
    assert {(node.address, node.bmc) for node in plan(factory()).nodes} == {("", "")}
