from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.catalog.published import FabricRow, FabricTable, fabric_table, rows
from sovereign_ai.errors import SpecError
from sovereign_ai.plan.fabric.clos import MisfitError, Split, most_endpoints, most_leaves, shape, split
from sovereign_ai.plan.fabric.feasibility import fabric_problems, size_fabrics
from sovereign_ai.plan.fabric.port_assignment import Block, assign_places, first_free_place
from sovereign_ai.plan.fabric.size import FabricSize, fabric_size
from sovereign_ai.units import Ratio
from tests.plan.wishes import pool, wish

EVEN = Ratio(1, 1)
PUBLISHED = [(fabric_table(name), row) for name in ("h100", "b200", "b300-xdr") for row in rows(name)]


def sized(table: FabricTable, row: FabricRow, radix: int) -> FabricSize:
    whole = row.units * table.nodes_per_unit
    return fabric_size(
        row.nodes,
        table.rails,
        radix,
        padded_per_rail=whole,
        unit=min(table.nodes_per_unit, radix // 2),
        managers=table.manager_cables,
    )


@pytest.mark.parametrize(
    ("table", "row"), PUBLISHED, ids=[f"{table.name}-{row.units}" for table, row in PUBLISHED]
)
def test_a_published_row_is_reproduced(table: FabricTable, row: FabricRow) -> None:
    size = sized(table, row, table.radix)
    assert (size.leaf, size.spine, size.core) == (row.leaf, row.spine, row.core or 0)
    assert size.node_leaf == (row.node_and_manager or row.node_leaf)
    assert (size.leaf_spine, size.spine_core) == (row.leaf_spine, row.spine_core or 0)
    assert row.nodes * table.rails == row.gpus


@pytest.mark.parametrize("row", rows("b300"), ids=lambda row: str(row.units))
def test_a_b300_row_is_two_planes_of_half_the_rate_with_both_planes_in_one_cable(row: FabricRow) -> None:
    """The reading: each 800 Gbps link is two of 400 Gbps, one a plane, on switches of 128 such ports.

    Switches of both planes are counted; a published cable carries a link of either plane.
    """
    table = fabric_table("b300")
    plane = sized(table, row, 2 * table.radix)
    assert plane.tiers == 2
    assert (2 * plane.leaf, 2 * plane.spine) == (row.leaf, row.spine)
    assert (plane.node_leaf, plane.leaf_spine) == (row.node_leaf, row.leaf_spine)


def test_one_b300_plane_of_radix_64_would_need_three_tiers_from_eight_units_on() -> None:
    table = fabric_table("b300")
    assert [sized(table, row, table.radix).tiers for row in table.rows] == [2, 2, 2, 3, 3]


def test_the_published_b300_table_ends_where_one_plane_of_two_tiers_ends() -> None:
    assert rows("b300")[-1].node_leaf == most_two_tiers(128)


def most_two_tiers(radix: int) -> int:
    return radix * radix // 2


@pytest.mark.parametrize(("name", "units"), [("h100", 3), ("b300-xdr", 4), ("b300-xdr", 8)])
def test_rounding_up_alone_would_miss_a_row_that_the_divisor_step_meets(name: str, units: int) -> None:
    table = fabric_table(name)
    row = next(row for row in table.rows if row.units == units)
    assert math.ceil(row.leaf_spine / table.radix) < row.spine == sized(table, row, table.radix).spine


def test_no_other_row_distinguishes_the_divisor_step_from_rounding_up() -> None:
    differ = {
        (table.name, row.units)
        for table, row in PUBLISHED
        if row.core is None and math.ceil(row.leaf_spine / table.radix) != row.spine
    }
    assert differ == {("h100", 3), ("b300-xdr", 4), ("b300-xdr", 8)}


def test_the_xdr_table_misprints_9216_gpus_where_its_own_cable_columns_say_10368() -> None:
    row = rows("b300-xdr")[-1]
    assert row.misprint is not None
    assert (row.misprint.field, row.misprint.printed) == ("gpus", 9216)
    size = sized(fabric_table("b300-xdr"), row, 144)
    assert size.node_leaf == size.leaf_spine == row.node_leaf == row.gpus == row.misprint.right == 10368


def test_the_lab_of_16_nodes_at_radix_32_has_8_leaves_and_4_spines() -> None:
    size = fabric_size(16, 8, 32)
    assert (size.tiers, size.down, size.leaf, size.spine) == (2, 16, 8, 4)


def test_a_hundred_thousand_endpoints_are_too_many_for_one_plane_of_radix_64() -> None:
    with pytest.raises(SpecError) as refused:
        fabric_size(12_500, 8, 64)
    [problem] = refused.value.problems
    assert problem.code == "impossible-fabric"
    assert "65,536 endpoints" in problem.message
    assert "74 ports" in problem.hint
    assert "2-fold breakout" in problem.hint
    assert "8,192 machines" in problem.hint


def test_every_way_out_that_the_refusal_names_does_fit() -> None:
    assert fabric_size(12_500, 8, 74).tiers == 3
    assert fabric_size(12_500, 8, 64, breakout=2).radix == 128
    assert fabric_size(8_192, 8, 64).leaf == most_leaves(64)


@pytest.mark.parametrize("radix", [66, 68, 70, 72])
def test_no_smaller_radix_than_the_refusal_names_would_do(radix: int) -> None:
    with pytest.raises(SpecError):
        fabric_size(12_500, 8, radix)


@pytest.mark.parametrize("radix", [4, 16, 64, 144])
def test_three_tiers_end_at_a_quarter_of_the_cubed_radix(radix: int) -> None:
    assert most_endpoints(radix, split(radix, EVEN)) == radix**3 // 4
    full = shape(leaf=most_leaves(radix), radix=radix, split=split(radix, EVEN))
    assert (full.spine, full.core) == (full.leaf, full.leaf // 2)
    with pytest.raises(MisfitError):
        shape(leaf=most_leaves(radix) + 1, radix=radix, split=split(radix, EVEN))


@pytest.mark.parametrize(
    ("radix", "ratio", "down", "up"),
    [(64, "1:1", 32, 32), (64, "3:1", 48, 16), (48, "11:1", 44, 4), (48, "2:1", 32, 16), (64, "2:2", 32, 32)],
)
def test_a_ratio_shares_out_whole_ports(radix: int, ratio: str, down: int, up: int) -> None:
    assert split(radix, Ratio.parse(ratio)) == Split(down, up)


@pytest.mark.parametrize(("radix", "ratio", "down"), [(64, "2:1", 42), (48, "12:1", 44), (64, "1:2", 21)])
def test_a_ratio_without_whole_ports_is_a_maximum_that_the_leaf_stays_within(
    radix: int, ratio: str, down: int
) -> None:
    found, most = split(radix, Ratio.parse(ratio)), Ratio.parse(ratio).fraction
    assert found == Split(down, radix - down)
    assert Fraction(found.down, found.up) <= most < Fraction(found.down + 1, found.up - 1)


def test_a_ratio_that_leaves_no_port_for_a_machine_is_refused() -> None:
    with pytest.raises(MisfitError, match="not one is left") as refused:
        split(4, Ratio(1, 8))
    assert "9 ports" in refused.value.hint
    assert split(9, Ratio(1, 8)) == Split(1, 8)
    assert split(4, Ratio(1, 3)) == Split(1, 3)


def test_one_rail_that_fits_one_switch_needs_no_spine() -> None:
    size = fabric_size(48, 1, 48, Ratio(11, 1))
    assert (size.tiers, size.leaf, size.spine, size.leaf_spine) == (1, 1, 0, 0)
    assert fabric_size(49, 1, 48, Ratio(11, 1)).tiers == 2


def test_two_rails_meet_at_spines_however_few_machines_there_are() -> None:
    size = fabric_size(2, 2, 64)
    assert (size.tiers, size.leaf, size.spine) == (2, 2, 2)


def test_four_managers_take_the_one_free_place_of_the_last_unit() -> None:
    assert fabric_size(127, 8, 64, padded_per_rail=128, managers=4).leaf == 32
    assert fabric_size(128, 8, 64, padded_per_rail=128, managers=4).leaf == 40


def test_two_pools_are_padded_each_to_its_own_units() -> None:
    factory = wish(
        [pool("train", 33), pool("serve", 4)],
        {"name": "c", "rails": 8, "radix": 64, "link": "400 Gbps", "kind": "roce"},
    )
    [size] = size_fabrics(factory, {"train": 1})
    assert size.padded == (64 + 32) * 8
    assert size.endpoints == (33 + 1 + 4) * 8


def test_a_fabric_without_padding_is_sized_for_its_machines() -> None:
    wished = {"name": "c", "rails": 8, "radix": 32, "link": "400 Gbps", "kind": "roce", "padding": "none"}
    [size] = size_fabrics(wish([pool("train", 12), pool("serve", 4)], wished), {})
    assert (size.leaf, size.spine, size.padded) == (8, 4, 128)


def test_storage_servers_take_ports_of_storage_and_management_but_not_of_compute() -> None:
    factory = wish(
        [pool(nodes=32)],
        {"name": "c", "rails": 8, "radix": 64, "kind": "roce"},
        {"name": "s", "role": "storage", "rails": 2, "radix": 64, "kind": "roce"},
        {"name": "i", "role": "in-band", "rails": 2, "radix": 64},
    )
    sizes = size_fabrics(factory, {}, {"a": 5})
    assert [size.endpoints for size in sizes] == [32 * 8, 37 * 2, 37 * 2]


def test_every_impossible_fabric_is_named_at_once_with_its_field() -> None:
    factory = wish(
        [pool(nodes=20_000)],
        {"name": "c", "rails": 3, "radix": 64, "kind": "roce"},
        {"name": "d", "rails": 8, "radix": 64, "link": "800 Gbps", "kind": "roce"},
        {
            "name": "i",
            "role": "in-band",
            "rails": 2,
            "radix": 6,
            "oversubscription": "1:5",
            "padding": "none",
        },
    )
    problems = fabric_problems(factory, {})
    assert {problem.code for problem in problems} == {"impossible-fabric"}
    assert {problem.where.field for problem in problems} == {
        "fabrics[0].rails",
        "fabrics[1].link",
        "fabrics[1].pools",
        "fabrics[1].radix",
        "fabrics[2].radix",
    }
    assert all(problem.hint for problem in problems)
    with pytest.raises(SpecError) as refused:
        size_fabrics(factory, {})
    assert len(refused.value.problems) == len(problems)


def test_trays_of_four_ports_refuse_rails_that_no_cable_makes_of_them_and_take_four() -> None:
    trays = [pool("nvl", 144, system="gb200-nvl72-tray")]
    for rails in (6, 12):
        wrong = wish(trays, {"name": "c", "rails": rails, "radix": 64, "kind": "roce"})
        assert ["write 'rails: 4'" in problem.hint for problem in fabric_problems(wrong, {})] == [True]
    split = {"name": "c", "rails": 8, "radix": 64, "kind": "roce"}
    assert fabric_problems(wish(trays, {**split, "link": "200 Gbps"}), {}) == []
    [problem] = fabric_problems(wish(trays, {**split, "link": "400 Gbps"}), {})
    assert "200 Gbps" in problem.hint
    [size] = size_fabrics(wish(trays, {"name": "c", "rails": 4, "radix": 144, "kind": "roce"}), {})
    assert (size.leaf, size.node_leaf) == (8, 576)


def test_a_unit_that_fits_a_leaf_never_straddles_two() -> None:
    places = assign_places([Block("a", 20, 20, 20), Block("b", 40, 40, 20)], 32)
    assert [place // 32 for place in places[1]] == [1] * 20 + [2] * 20


@given(
    blocks=st.lists(st.tuples(st.integers(1, 200), st.integers(1, 70)), min_size=1, max_size=5),
    down=st.integers(1, 64),
)
def test_places_are_counted_as_they_are_given_out(blocks: list[tuple[int, int]], down: int) -> None:
    made = [Block(str(index), count, count, unit) for index, (count, unit) in enumerate(blocks)]
    given_out = assign_places(made, down)
    flat = [place for places in given_out for place in places]
    assert flat == sorted(set(flat))
    assert [len(places) for places in given_out] == [count for count, _ in blocks]
    assert first_free_place(made, down) == flat[-1] + 1
    for places, (_, unit) in zip(given_out, blocks, strict=True):
        for start in range(0, len(places), unit) if unit <= down else ():
            assert len({place // down for place in places[start : start + unit]}) == 1


@given(leaf=st.integers(1, 5000), half=st.integers(2, 40))
def test_spines_and_cores_have_ports_for_every_link_and_no_fewer_above_than_below(
    leaf: int, half: int
) -> None:
    radix = 2 * half
    found = shape(leaf=min(leaf, most_leaves(radix)), radix=radix, split=Split(half, half))
    assert found.leaf_spine <= found.spine * radix
    if found.tiers == 3:
        assert found.leaf_spine <= found.spine_core <= found.core * radix
        assert found.spine >= found.leaf
        assert found.core >= found.leaf / 2
