"""The published tables obey their own arithmetic, and the misprint is known as one."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.published import (
    FabricRow,
    FabricTable,
    Misprint,
    bill,
    fabric_table,
    fabric_tables,
    rack_powers,
    rows,
)
from sovereign_ai.catalog.system import system
from sovereign_ai.units import Watts

CASES = [(table, row) for table in fabric_tables() for row in table.rows]
IDS = [f"{table.name}-{row.units}" for table, row in CASES]


def _endpoints(table: FabricTable, row: FabricRow) -> int:
    """Give the ports of the full units, managers' places counted."""
    return row.units * table.nodes_per_unit * table.rails


def test_all_four_tables_are_there_in_full() -> None:
    assert {table.name: [row.units for row in table.rows] for table in fabric_tables()} == {
        "b200": [2, 4, 8, 16, 32, 64],
        "b300": [1, 2, 4, 8, 16],
        "b300-xdr": [1, 2, 4, 8, 18],
        "h100": [1, 2, 3, 4],
    }


@pytest.mark.parametrize(("table", "row"), CASES, ids=IDS)
def test_a_row_counts_its_nodes_gpus_and_cables_right(table: FabricTable, row: FabricRow) -> None:
    one = system(table.system)
    assert row.nodes == row.units * table.nodes_per_unit - table.manager_slots
    assert row.gpus == row.nodes * one.gpus
    assert row.node_leaf == row.nodes * table.rails
    assert row.leaf_spine == _endpoints(table, row)
    if table.manager_cables:
        assert row.node_and_manager == row.node_leaf + table.manager_cables
    else:
        assert row.node_and_manager is None


@pytest.mark.parametrize(("table", "row"), CASES, ids=IDS)
def test_leaves_give_half_their_ports_to_nodes_and_tiers_above_have_ports_enough(
    table: FabricTable, row: FabricRow
) -> None:
    assert row.leaf * table.radix // 2 == _endpoints(table, row)
    assert row.spine * table.radix >= row.leaf_spine
    assert (row.leaf * table.radix // 2) % row.spine == 0
    if row.core:
        assert (row.spine, row.core) == (row.leaf, row.leaf // 2)
        assert row.spine_core == row.leaf_spine == row.core * table.radix


def test_three_rows_have_more_spines_than_ports_demand_so_that_links_divide_evenly() -> None:
    wide = {
        (table.name, row.units): row.spine
        for table, row in CASES
        if row.core is None and row.spine > -(-row.leaf_spine // table.radix)
    }
    assert wide == {("h100", 3): 16, ("b300-xdr", 4): 18, ("b300-xdr", 8): 36}


def test_rows_that_need_an_assumption_say_so() -> None:
    over = {
        table.name
        for table, row in CASES
        if row.core is None and _endpoints(table, row) > table.radix**2 // 2
    }
    assert over == {"b300"}
    assert any("planes" in reading for reading in fabric_table("b300").readings)


def test_the_only_misprint_is_corrected_and_kept() -> None:
    wrong = [(row.table, row.units, row.misprint) for _, row in CASES if row.misprint]
    assert [(name, units) for name, units, _ in wrong] == [("b300-xdr", 18)]
    misprint = wrong[0][2]
    assert isinstance(misprint, Misprint)
    assert (misprint.field, misprint.printed, misprint.right) == ("gpus", 9216, 10368)
    assert rows("b300-xdr")[-1].gpus == misprint.right == 1296 * 8


def test_the_bill_of_materials_adds_up() -> None:
    counts = bill("h100-4su").counts
    row = rows("h100")[-1]
    assert counts["nodes"] == row.nodes == 127
    assert counts["compute_switches"] == row.leaf + row.spine == 48
    assert counts["compute_cables"] == row.node_leaf + row.leaf_spine == 2040
    assert counts["compute_switch_transceivers"] == counts["compute_switches"] * 32 == 1536
    assert counts["compute_system_transceivers"] == counts["nodes"] * 4 == 508
    assert counts["in_band_cables"] == counts["nodes"] * 2 == 254
    assert counts["compute_rack_pdus"] == 3 * 32 == 96
    assert counts["fabric_managers"] == fabric_table("h100").manager_cables
    assert counts["racks"] == 32 + 6


def test_rack_powers_follow_from_the_machines() -> None:
    powers = {figure.field: figure.quantity(Watts) for figure in rack_powers()}
    assert powers["dgx-h100"] == system("dgx-h100").max_power * 4
    assert powers["dgx-b200"] == system("dgx-b200").max_power * 2
    assert abs(powers["dgx-b200-unit"].count - 32 * 14_300) < 500
    assert powers["gb200-nvl72-tray"] * 8 == powers["gb200-nvl72-unit"]
