"""The places of servers on the ports of leaves."""

from __future__ import annotations

import pytest

from sovereign_ai.plan.fabric.port_assignment import (
    Block,
    assign_places,
    blocks_of,
    fabrics_by_name,
    first_free_place,
    joins_servers,
    manages,
    pools_of,
    total_hosts,
    total_places,
)
from tests.plan.factories import factory, management, pool

COMPUTE = {"name": "c", "kind": "roce", "rails": 8, "radix": 32, "link": "400 Gbps", "managers": 4}


@pytest.mark.parametrize("down", [3, 8, 20, 32])
def test_the_end_is_behind_the_last_place(down: int) -> None:
    blocks = [Block("a", 5, 6, 3), Block("b", 20, 20, 20), Block("c", 1, 1, 1)]
    places = assign_places(blocks, down)
    assert first_free_place(blocks, down) == places[-1][-1] + 1
    assert [len(own) for own in places] == [6, 20, 1]


def test_no_place_is_given_twice() -> None:
    places = assign_places([Block("a", 5, 6, 3), Block("b", 7, 7, 2)], down=4)
    everything = [place for own in places for place in own]
    assert len(everything) == len(set(everything))


def test_a_unit_that_fits_a_leaf_does_not_straddle_two() -> None:
    (places,) = assign_places([Block("a", 9, 9, 3)], down=4)
    assert places == [0, 1, 2, 4, 5, 6, 8, 9, 10]


def test_hosts_and_places_are_summed_over_blocks() -> None:
    blocks = [Block("a", 5, 8, 1), Block("b", 2, 2, 1)]
    assert (total_hosts(blocks), total_places(blocks)) == (7, 10)


def test_managers_without_a_free_place_get_a_block_of_their_own() -> None:
    wish = factory(fabrics=[{**COMPUTE, "padding": "none"}])
    names = [block.name for block in blocks_of(wish, wish.fabrics[0], "a", {}, 0)]
    assert names == ["train", "fabric managers"]


def test_compute_fabrics_connect_no_storage_servers() -> None:
    wish = factory(fabrics=[COMPUTE, *management()])
    assert [joins_servers(wish, fabric, "a") for fabric in wish.fabrics] == [False, True, True]
    assert [manages(wish, fabric, "a") for fabric in wish.fabrics] == [False, False, True]


def test_a_fabric_connects_the_pools_that_it_names() -> None:
    wish = factory(pools=[pool(), pool("other")], fabrics=[{**COMPUTE, "pools": ["other"]}])
    assert [entry.name for entry in pools_of(wish, fabrics_by_name(wish)["c"], "a")] == ["other"]
