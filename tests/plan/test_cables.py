"""Names and ports of the cables of one plane."""

from __future__ import annotations

from sovereign_ai.plan.cables import leaf_spine, node_leaf, plane_label, spine_core, switch_names
from sovereign_ai.plan.layout import port_names
from sovereign_ai.plan.size import FabricSize, fabric_size


def small() -> FabricSize:
    return fabric_size(8, 2, 8)


def test_leaves_are_numbered_by_rail_within_a_number() -> None:
    names = switch_names(small())
    stems = [name.split("-leaf-")[1] for name in names.leaves]
    assert stems == ["r0-001", "r1-001", "r0-002", "r1-002"]
    assert names.rails == (0, 1, 0, 1)


def test_the_names_of_switches_begin_with_the_plane() -> None:
    size = small()
    names = switch_names(size)
    assert names.plane == plane_label(size)
    assert all(name.startswith(names.plane) for name in (*names.leaves, *names.spines, *names.cores))


def test_a_server_has_one_cable_a_rail_at_leaves_of_one_number() -> None:
    size = small()
    names = switch_names(size)
    servers = {"": [f"n{number}" for number in range(8)]}
    ports = port_names(8, 1)
    cables = node_leaf(size, names, ports, servers, managers=0, planes=1, server_port=0)
    mine = [cable for cable in cables if cable[0] == "n5"]
    assert [(leaf.split("-leaf-")[1], port) for _, _, leaf, port in mine] == [
        ("r0-002", "2"),
        ("r1-002", "2"),
    ]


def test_several_planes_are_named_on_the_port() -> None:
    size = small()
    names = switch_names(size)
    cables = node_leaf(size, names, port_names(8, 1), {"": ["n0"]}, managers=0, planes=2, server_port=0)
    assert cables[0][1].endswith("0/1")


def test_every_leaf_has_equally_many_links_to_each_spine() -> None:
    size = small()
    cables = leaf_spine(size, switch_names(size), port_names(8, 1))
    pairs = [(leaf, spine) for leaf, _, spine, _ in cables]
    assert {pairs.count(pair) for pair in pairs} == {size.up // size.spine}
    assert len(cables) == size.leaf_spine


def test_no_port_of_a_switch_is_used_twice_in_three_tiers() -> None:
    size = fabric_size(40, 1, 8)
    names, ports = switch_names(size), port_names(8, 1)
    cables = leaf_spine(size, names, ports) + spine_core(size, names, ports)
    used = [end for a, a_port, b, b_port in cables for end in ((a, a_port), (b, b_port))]
    assert size.tiers == 3
    assert len(used) == len(set(used))
