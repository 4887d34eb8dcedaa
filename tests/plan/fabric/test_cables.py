"""Names and ports of the cables of one plane."""

from __future__ import annotations

from sovereign_ai.plan.fabric.cables import (
    Cable,
    Cables,
    leaf_spine,
    node_leaf,
    plane_name,
    spine_core,
    switch_names,
)
from sovereign_ai.plan.fabric.size import FabricSize, fabric_size
from sovereign_ai.plan.fabric.switch_ports import port_names


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
    assert names.plane == plane_name(size)
    assert all(name.startswith(names.plane) for name in (*names.leaves, *names.spines, *names.cores))


def test_a_server_has_one_cable_a_rail_at_leaves_of_one_number() -> None:
    size = small()
    names = switch_names(size)
    servers = {"": [f"n{number}" for number in range(8)]}
    ports = port_names(8, 1)
    cables = node_leaf(size, names, ports, servers, managers=0, copy=0, server_port=0)
    mine = [cable for cable in cables if cable.lower == "n5"]
    assert [(cable.upper.split("-leaf-")[1], cable.upper_port) for cable in mine] == [
        ("r0-002", "2"),
        ("r1-002", "2"),
    ]


def test_several_planes_are_named_on_the_port() -> None:
    size = small()
    names = switch_names(size)
    cables = node_leaf(size, names, port_names(8, 1), {"": ["n0"]}, managers=0, copy=1, server_port=0)
    assert cables[0].lower_port.endswith("0/1")


def test_every_leaf_has_equally_many_links_to_each_spine() -> None:
    size = small()
    cables = leaf_spine(size, switch_names(size), port_names(8, 1))
    pairs = list(cables.pairs())
    assert {pairs.count(pair) for pair in pairs} == {size.up // size.spine}
    assert len(cables) == size.leaf_spine


def test_no_port_of_a_switch_is_used_twice_in_three_tiers() -> None:
    size = fabric_size(40, 1, 8)
    names, ports = switch_names(size), port_names(8, 1)
    used = []
    for cable in (*leaf_spine(size, names, ports), *spine_core(size, names, ports)):
        used += [(cable.lower, cable.lower_port), (cable.upper, cable.upper_port)]
    assert size.tiers == 3
    assert len(used) == len(set(used))


ROWS = (("n1", "compute0", "leaf-1", "1"), ("n2", "compute0", "leaf-1", "2"), ("leaf-1", "3", "spine-1", "1"))


def test_cables_are_read_by_name_in_their_order() -> None:
    cables = Cables(ROWS)
    assert list(cables) == [Cable(*row) for row in ROWS]
    assert (cables[0].lower, cables[0].lower_port) == ("n1", "compute0")
    assert (cables[-1].upper, cables[-1].upper_port) == ("spine-1", "1")
    assert type(next(iter(cables))) is type(cables[0]) is Cable


def test_cables_name_their_ends_as_each_cable_does() -> None:
    cables = Cables(ROWS)
    assert list(cables.lowers()) == [cable.lower for cable in cables] == ["n1", "n2", "leaf-1"]
    assert list(cables.uppers()) == [cable.upper for cable in cables] == ["leaf-1", "leaf-1", "spine-1"]
    assert list(cables.pairs()) == [(cable.lower, cable.upper) for cable in cables]


def test_a_part_of_cables_is_cables_and_equal_rows_are_equal() -> None:
    cables = Cables(ROWS)
    assert cables[1:] == Cables(ROWS[1:])
    assert hash(cables[1:]) == hash(Cables(ROWS[1:]))
    assert cables[1:] != cables
    assert cables != ROWS
    assert (len(cables), len(cables[1:])) == (3, 2)
    assert cables[0] in cables
