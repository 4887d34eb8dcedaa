"""Accelerators, systems, switches and suppliers agree with each other and with arithmetic."""

from __future__ import annotations

import re

import pytest

from sovereign_ai.catalog.accelerators import PRECISIONS, accelerator, accelerators
from sovereign_ai.catalog.figures import Grade
from sovereign_ai.catalog.jurisdictions import country
from sovereign_ai.catalog.suppliers import supplier, suppliers
from sovereign_ai.catalog.switches import switch, switches
from sovereign_ai.catalog.systems import System, system, systems
from sovereign_ai.units import BitsPerSecond, Bytes, Watts


def test_the_tables_hold_the_rows_that_specifications_name() -> None:
    assert [one.name for one in accelerators()] == sorted(
        ["h100-sxm", "h200-sxm", "b200", "gb200", "b300", "gb300", "mi300x", "mi355x", "gaudi3"]
    )
    assert [one.name for one in systems()] == sorted(
        ["dgx-h100", "dgx-h200", "dgx-b200", "dgx-b300", "gb200-nvl72-tray", "gb300-nvl72-tray", "mi300x-oam8", "gaudi3-oam8"]
    )
    assert [one.name for one in switches()] == ["q3400", "qm9700", "sn2201", "sn4600c", "sn5600"]


@pytest.mark.parametrize("one", systems(), ids=lambda one: one.name)
def test_the_accelerators_of_a_system_draw_less_than_the_whole_system(one: System) -> None:
    assert accelerator(one.accelerator).tdp.count * one.gpus < one.max_power.count
    assert one.worst_power >= one.max_power


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
    assert one.nvlink_domain_nodes in {0, 18}
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
        share = system(name).max_power.count / (8 * accelerator(system(name).accelerator).tdp.count)
        known = [
            system(dgx).max_power.count / (8 * accelerator(system(dgx).accelerator).tdp.count)
            for dgx in ("dgx-h100", "dgx-b200", "dgx-b300")
        ]
        assert max(known) <= share <= max(known) + 0.02


def test_usable_memory_never_exceeds_what_is_fitted_nor_what_a_node_reports() -> None:
    for one in accelerators():
        if one.memory_raw:
            assert one.memory <= one.memory_raw, one.name
        if one.memory_reported:
            assert one.memory < one.memory_reported, one.name
            assert one.memory_reported.count % 2**20 == 0, one.name
    assert (accelerator("b200").memory, accelerator("b200").memory_raw) == (Bytes.parse("180 GB"), Bytes.parse("192 GB"))


def test_dense_rates_rise_as_precision_falls_and_disputed_ones_are_missing() -> None:
    for one in accelerators():
        assert set(one.dense_tflops) <= set(PRECISIONS)
        rates = [one.dense_tflops[precision] for precision in PRECISIONS if precision in one.dense_tflops]
        assert rates == sorted(rates), one.name
        assert rates, one.name
    assert "fp4" not in accelerator("h100-sxm").dense_tflops
    assert set(accelerator("b300").dense_tflops) == {"fp4"}
    assert accelerator("b200").dense_tflops["fp8"] * 2 == accelerator("b200").dense_tflops["fp4"] == 9000


def test_kubernetes_names_follow_the_vendor() -> None:
    wanted = {"nvidia": ("nvidia.com/gpu", "gpu.nvidia.com"), "amd": ("amd.com/gpu", "gpu.amd.com"), "intel": ("habana.ai/gaudi", None)}
    for one in accelerators():
        assert (one.resource, one.dra_driver) == wanted[one.vendor], one.name
        assert (one.compute_capability is not None) == (one.vendor == "nvidia"), one.name
        if one.product:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,61}[A-Za-z0-9]", one.product), one.name
        assert one.seat == "US"


def test_switches_have_the_radix_and_rate_of_their_tables_and_no_invented_power() -> None:
    assert [(one.name, one.ports, str(one.rate)) for one in switches()] == [
        ("q3400", 144, "800 Gbps"),
        ("qm9700", 64, "400 Gbps"),
        ("sn2201", 48, "1 Gbps"),
        ("sn4600c", 64, "100 Gbps"),
        ("sn5600", 64, "800 Gbps"),
    ]
    assert all(one.power is None for one in switches())
    assert switch("qm9700").rack_units == 1
    unverified = switch("sn5600").source_of("ports")
    assert unverified is not None
    assert unverified.grade is Grade.ESTIMATE


def test_every_supplier_sits_in_a_country_and_makes_something() -> None:
    for one in suppliers():
        assert country(one.seat).code == one.seat
        assert one.makes, one.name
        assert one.title, one.name
    seats = {one.name: one.seat for one in suppliers()}
    assert (seats["tsmc"], seats["asml"], seats["sk-hynix"], seats["micron"]) == ("TW", "NL", "KR", "US")
