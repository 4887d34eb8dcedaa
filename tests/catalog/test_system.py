"""Accelerators, systems, switches and suppliers agree with each other and with arithmetic."""

from __future__ import annotations

import re

import pytest

from sovereign_ai.catalog.accelerator import (
    accelerator_of,
    accelerators,
    needed_accelerator,
    resource_of,
)
from sovereign_ai.catalog.figures import Grade
from sovereign_ai.catalog.parts import parts
from sovereign_ai.catalog.storage import media
from sovereign_ai.catalog.supplier import supplier
from sovereign_ai.catalog.switch import switches
from sovereign_ai.catalog.system import System, system, systems
from sovereign_ai.names import DNS_LABEL
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.units import BitsPerSecond, Watts


def test_the_tables_hold_the_rows_that_specifications_name() -> None:
    chips = {one.name for one in accelerators()}
    assert {"h100-sxm", "h200-sxm", "b200", "gb200", "b300", "gb300", "mi300x", "mi355x", "gaudi3"} <= chips
    assert {"rubin", "mi350x", "mi455x", "h200-nvl", "rtx-pro-6000", "l40s"} <= chips
    machines = {one.name for one in systems()}
    assert {
        "dgx-h100",
        "dgx-h200",
        "dgx-b200",
        "dgx-b300",
        "gb200-nvl72-tray",
        "gb300-nvl72-tray",
        "mi300x-oam8",
        "gaudi3-oam8",
    } <= machines
    assert {
        "vera-rubin-nvl72-tray",
        "helios-mi455x-tray",
        "mi355x-oam8",
        "xe9780-b300",
        "c885a-h200",
        "sr680a-b300",
    } <= machines
    assert {
        "cloudmatrix-384-node",
        "galaxy-blackhole",
        "sambarack-sn40l-16",
        "vera-rubin-nvl4-tray",
    } <= machines
    assert {"dgx-rubin-nvl8-tray", "kyber-nvl576-tray"} <= machines
    assert {"rubin-cpx", "rubin-ultra", "mi430x", "ascend-910c", "blackhole", "wse-3", "lpu-v1"} <= chips
    assert {"qfx5240-64od", "z9864f-on", "cx864e-n", "z9664f-on"} <= {one.name for one in switches()}
    assert {"q3400", "qm9700", "sn2201", "sn4600c", "sn5600"} <= {one.name for one in switches()}
    assert {"sn5610", "sn6600", "sn6810", "q3450", "arista-7060x6-64pe", "n9364e"} <= {
        one.name for one in switches()
    }


@pytest.mark.parametrize("one", systems(), ids=lambda one: one.name)
def test_the_accelerators_of_a_system_draw_less_than_the_whole_system(one: System) -> None:
    chip = accelerator_of(one)
    assert (chip is None) == (one.gpus == 0)
    assert chip is None or chip.tdp.count * one.gpus < one.max_power.count
    assert one.worst_power >= one.max_power


def test_servers_that_run_a_factory_have_no_accelerators_and_ports_in_band() -> None:
    servers = {one.name: one for one in systems() if not one.gpus}
    assert servers.keys() == {"r660", "dl360-gen11", "sys-221h-tnr"}
    for one in servers.values():
        assert (one.accelerator, accelerator_of(one), resource_of(one)) == (None, None, "")
        assert (one.compute_nics, one.storage_nics) == (0, 2)
        with pytest.raises(ValueError, match="has no accelerators"):
            needed_accelerator(one)


@pytest.mark.parametrize("one", systems(), ids=lambda one: one.name)
def test_the_supplies_that_must_live_carry_the_most_a_system_draws(one: System) -> None:
    known = {one.supplies is None, one.supply_rating is None, one.supplies_required is None}
    assert len(known) == 1, "supplies are known in full or not at all"
    if one.supplies and one.supply_rating and one.supplies_required:
        assert one.supplies_required <= one.supplies
        assert one.supply_rating.count * one.supplies_required >= one.max_power.count
        assert one.supply_rating.count * (one.supplies_required - 1) < one.max_power.count


@pytest.mark.parametrize("one", systems(), ids=lambda one: one.name)
def test_a_system_refers_to_rows_that_exist(one: System) -> None:
    assert supplier(one.vendor)
    assert one.cpu_arch in {"amd64", "arm64"}
    assert set(one.cooling) <= {"air", "liquid", "hybrid"}
    assert one.nvlink_domain_nodes in {0, 18, 72}
    assert (one.scalable_unit is None) == (not one.scalable_units)
    if one.scalable_units:
        assert one.scalable_units[0].nodes == one.scalable_unit


def test_half_the_supplies_of_an_h100_system_are_too_few() -> None:
    h100 = system("dgx-h100")
    assert (h100.supplies, h100.supply_rating, h100.supplies_required) == (6, Watts(3300), 4)
    assert 3 * 3300 < h100.max_power.count == 10_200


def test_a_full_rack_draws_what_its_machines_draw_and_what_they_share() -> None:
    for one in systems():
        if one.rack_power is None or one.nodes_per_rack is None or one.nvlink_domain_nodes:
            continue
        assert one.rack_power.count == one.nodes_per_rack * one.max_power.count, one.name
    gb200 = system("gb200-nvl72-tray")
    assert gb200.nodes_per_rack == 18
    assert gb200.rack_shared_power == Watts(3600)
    assert 18 * gb200.max_power.count + 3600 == 120_600
    assert 18 * gb200.worst_power.count < 150_000


def test_an_nvl72_domain_is_one_rack_of_seventy_two_and_a_unit_is_eight_of_them() -> None:
    for name in ("gb200-nvl72-tray", "gb300-nvl72-tray"):
        tray = system(name)
        assert tray.cpu_arch == "arm64"
        assert tray.nvlink_domain_nodes * tray.gpus == 72
        assert tray.scalable_unit == 8 * tray.nvlink_domain_nodes == 144


def test_network_ports_are_those_of_the_vendors_pages() -> None:
    def ports(name: str) -> tuple[int, BitsPerSecond, int | None]:
        one = system(name)
        return one.compute_nics, one.compute_nic_rate, one.storage_nics

    assert ports("dgx-h100") == (8, BitsPerSecond.parse("400 Gbps"), 2)
    assert ports("gb200-nvl72-tray") == (4, BitsPerSecond.parse("400 Gbps"), 2)
    assert ports("gb300-nvl72-tray") == (4, BitsPerSecond.parse("800 Gbps"), 2)
    assert system("gb300-nvl72-tray").storage_nic_rate == BitsPerSecond.parse("200 Gbps")


def test_the_published_scalable_units_are_kept_side_by_side() -> None:
    assert [system(name).scalable_unit for name in ("dgx-h100", "dgx-b200", "dgx-b300")] == [32, 32, 64]
    assert [unit.nodes for unit in system("dgx-b300").scalable_units] == [64, 72]
    assert system("mi300x-oam8").scalable_unit is None


def test_power_that_no_vendor_states_is_an_estimate_at_its_upper_end() -> None:
    for name in ("mi300x-oam8", "gaudi3-oam8"):
        figure = system(name).source_of("max_power")
        assert figure is not None
        assert figure.grade is Grade.ESTIMATE
        assert figure.value == figure.high
        share = system(name).max_power.count / (8 * needed_accelerator(system(name)).tdp.count)
        known = [
            system(dgx).max_power.count / (8 * needed_accelerator(system(dgx)).tdp.count)
            for dgx in ("dgx-h100", "dgx-b200", "dgx-b300")
        ]
        assert max(known) <= share <= max(known) + 0.02


def test_a_figure_on_which_sources_conflict_is_a_range_that_holds_both() -> None:
    ends = {
        "gb200": {
            "dense_tflops.bf16": (2250, 2500),
            "dense_tflops.fp8": (4500, 5000),
            "dense_tflops.fp4": (9000, 10000),
        },
        "gb200-nvl72-tray": {"storage_nic_rate": (200, 400), "rack_power": (120, 132)},
        "gb300-nvl72-tray": {"storage_nic_rate": (200, 400), "rack_power": (120, 142)},
    }
    rows = {one.name: one for one in (*accelerators(), *systems())}
    for name, fields in ends.items():
        for field, both in fields.items():
            figure = rows[name].source_of(field)
            assert figure is not None
            assert (figure.low, figure.high) == both, f"{name}.{field}"


def test_every_row_of_late_2026_has_watts_and_every_machine_of_it_weight_and_idle_power() -> None:
    for row in (*switches(), *parts()):
        power = row.source_of("power")
        assert power is not None, row.name
        assert power.source, row.name
        assert power.read, row.name
        # What a switch draws depends on its cables, so even a sourced figure has two ends.
        if row in switches() or power.grade is Grade.ESTIMATE:
            assert power.low is not None, row.name
            assert power.high is not None, row.name
    for medium in media():
        for figure in medium.figures:
            assert (figure.low or 0) > 0, medium.name
            assert (figure.low or 0) < (figure.high or 0) == figure.value, medium.name
    for machine in systems():
        assert machine.weight_kg is not None, machine.name
        assert machine.idle_power is not None, machine.name
        assert machine.idle_power < machine.max_power, machine.name
        # A tray has its power from the busbar of its rack.
        assert (machine.supplies is None) == machine.name.endswith("-tray"), machine.name


def test_a_reference_rack_of_every_system_is_no_higher_than_a_rack() -> None:
    for machine in systems():
        assert (machine.nodes_per_rack or 1) * (machine.rack_units or 0) <= RACK_UNITS, machine.name


def test_a_floor_must_carry_the_most_that_a_machine_may_weigh() -> None:
    assert system("dgx-b200").worst_weight_kg == 142.4
    assert system("gb300-nvl72-tray").worst_weight_kg == 95


def test_what_no_source_gives_of_a_machine_of_late_2026_counts_at_its_upper_end() -> None:
    for name in ("xe9780-b300", "c885a-h200", "sr680a-b300", "kyber-nvl576-tray", "helios-mi455x-tray"):
        for field in ("max_power", "weight_kg"):
            figure = system(name).source_of(field)
            assert figure is not None
            assert (figure.grade, figure.value) == (Grade.ESTIMATE, figure.high), f"{name}.{field}"


def test_supplies_that_are_a_range_decide_nothing() -> None:
    assert system("dgx-h100").decided_supplies == (6, 4)
    guessed = system("xe9680-h200")
    assert guessed.supplies is not None
    assert guessed.decided_supplies is None
    assert system("gb200-nvl72-tray").decided_supplies is None


def test_a_figure_that_no_source_gives_is_a_range() -> None:
    for row in (*accelerators(), *systems(), *switches(), *parts()):
        for figure in row.figures:
            if figure.grade is Grade.ESTIMATE and isinstance(figure.value, int | float):
                assert figure.low is not None, f"{row.name}.{figure.field}"


def test_every_row_has_a_name_that_a_description_can_write() -> None:
    for row in (*accelerators(), *systems(), *switches(), *parts()):
        assert re.fullmatch(DNS_LABEL, row.name), row.name
        assert len(row.name) <= 32, row.name
