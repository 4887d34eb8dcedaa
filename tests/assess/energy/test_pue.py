"""PUE from the chain between the grid and the servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.energy.pue import compressors, cop
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from tests.assess.energy.test_supply import _year
from tests.assess.stacks import changed, stack


def test_a_hotter_wet_bulb_never_costs_less():
    found = [compressors(_year(mean, 8), 22, 10, 10, 0.5) for mean in (0, 5, 10, 15, 20, 25)]
    assert found == sorted(found)
    assert found[0] == 0.0
    assert found[-1] > 0.05


def test_a_warmer_supply_never_costs_more():
    found = [compressors(_year(14, 8), supply, 10, 10, 0.5) for supply in (18, 22, 27, 32, 45)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0.0


def test_a_chiller_is_carnot_times_its_share():
    assert cop(20, 30, 10, 0.5) == pytest.approx(0.5 * 293.15 / 20)
    assert cop(20, -30, 10, 0.5) == 15


def test_pue_is_a_range_without_a_wet_bulb_and_narrower_with_one():
    factory, planned = stack("superpod")
    wide = assess_energy(factory, planned).measure("site.lyon.pue")
    cool = assess_energy(factory, planned, wet_bulb={"lyon": _year(8, 8)}).measure("site.lyon.pue")
    warm = assess_energy(factory, planned, wet_bulb={"lyon": _year(24, 4)}).measure("site.lyon.pue")
    for one in (wide, cool, warm):
        assert one.low is not None
        assert one.value is not None
        assert one.high is not None
        assert 1 < one.low < one.value < one.high < 1.6
    assert (cool.value or 0) < (warm.value or 0)
    assert (cool.high or 0) - (cool.low or 0) < (wide.high or 0) - (wide.low or 0)


def test_a_measured_pue_replaces_the_chain():
    factory, planned = stack("superpod")
    found = assess_energy(factory, planned, {"site.lyon.pue": GivenValue(1.2)})
    assert found.measure("site.lyon.pue").value == 1.2
    tue = found.measure("site.lyon.tue")
    assert tue.value == pytest.approx(1.2 / 0.875)


def test_evaporating_all_heat_takes_1_47_litres_a_kilowatt_hour():
    factory, planned = stack("superpod")
    found = assess_energy(factory, planned, {"site.lyon.evaporated-share": GivenValue(1.0)})
    assert found.measure("site.lyon.wue").value == pytest.approx(3.6 / 2.45)
    known = assess_energy(factory, planned, {"site.lyon.water": GivenValue(1000.0)})
    assert known.measure("site.lyon.wue").value == pytest.approx(
        1e6 / (known.measure("site.lyon.e-it").value or 1)
    )


CHAIN = """
      chain:
        power_factor: 95 %
        mechanical: {power: 60 kW, on_ups: 20 kW}
        transformers: {rating: 500 kVA, redundancy: N+1, no_load_loss: 600 W, load_loss: 5 kW}
        generators:
          {rating: 250 kW, redundancy: N+1, start: 15 s, autonomy: 48 h, fuel: 20 m3, consumption: 65 L/h}
        ups:
          topology: distributed-redundant
          module: 50 kW
          efficiency:
            {quarter: 94 %, half: 96 %, three_quarters: 96 %, full: 96 %, grade: measured, source: test}
          recharge: 10 kW
"""


def with_chain(tmp: Path, more: str = "") -> tuple[AIFactory, Plan]:
    """The lab with a power chain."""
    return changed("lab", "      rack_pdus: 3\n", f"      rack_pdus: 3{CHAIN}{more}", tmp)


def test_described_losses_take_the_place_of_the_estimates_and_are_in_the_pue_once(tmp_path: Path):
    energy = assess_energy(*with_chain(tmp_path))
    ratio = energy.measure("site.fra1.pue")
    terms = [energy.measure(name) for name in ratio.inputs]
    assert ratio.value == pytest.approx(1 + sum(term.value or 0 for term in terms))
    assert "site.fra1.ups-loss" in ratio.inputs
    assert {"chain.ups-loss", "chain.distribution-loss", "site.fra1.transformer-loss"}.isdisjoint(
        ratio.inputs
    )
    distribution = energy.measure("site.fra1.distribution-loss")
    assert distribution.inputs == ("site.fra1.transformer-loss", "chain.cabling-loss")


def test_a_measured_pue_leaves_nothing_of_the_chain_to_be_added(tmp_path: Path):
    given = {"site.fra1.pue": GivenValue(1.25)}
    bare, described = stack("lab"), with_chain(tmp_path)
    for name in ("site.fra1.pue", "site.fra1.e-dc"):
        known = assess_energy(*bare, given).measure(name).value
        assert assess_energy(*described, given).measure(name).value == known


def test_a_site_without_a_chain_keeps_the_estimates():
    ratio = assess_energy(*stack("lab")).measure("site.fra1.pue")
    assert {"chain.ups-loss", "chain.distribution-loss"} <= set(ratio.inputs)


def test_generators_and_transformers_of_a_description_are_failures_that_are_decided(tmp_path: Path):
    failures = {failure.what: failure for failure in assess_energy(*with_chain(tmp_path)).failures}
    assert failures["utility"].survives is True
    assert failures["utility"].needs == ()
    assert [failures[what].survives for what in ("transformer", "generator", "UPS system")] == [True] * 3


def test_a_cap_bounds_typical_power_too(tmp_path: Path):
    tight = assess_energy(*with_chain(tmp_path, "      cap: {rack: 20 kW}\n"))
    assert tight.measure("site.fra1.capped.dgx-h100.typical").value == 5_000
    assert tight.measure("site.fra1.machines.typical").value == 16 * 5_000
