"""The chain above the feeds: what each level carries, counts, losses and UPS topologies."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.power.chain import ChainLoad, fuel_needed, transformer_losses, ups_efficiency, ups_loss
from sovereign_ai.spec import Generators, Transformers, UpsEfficiency
from tests.plan.factories import codes, factory, pool, power, site
from tests.plan.power.chains import EFFICIENCY, chain, elements, generators, transformers, ups, with_chain

CURVE = UpsEfficiency(**EFFICIENCY)
GRID = {"circuit": "200 kVA", "circuits": 2, "redundancy": "N+1"}


def test_generators_carry_it_cooling_losses_and_recharge() -> None:
    # Two racks of 40.8 kW, 20 kW of mechanical load, 4,372 W of losses of three systems, 5 kW of recharge.
    found = elements(with_chain({"ups": ups(), "generators": generators()}))
    assert found["generator"].load == 81_600 + 20_000 + found["UPS system"].losses + 5_000
    assert (found["generator"].needed, found["generator"].each) == (3, 36_991)


def test_transformers_carry_apparent_power_and_the_grid_their_losses_too() -> None:
    found = elements(with_chain({"transformers": transformers(), "grid": GRID}))
    assert found["transformer"].load == -(-101_600 * 100 // 95)
    lost = found["transformer"].losses
    assert found["grid circuit"].load == -(-(101_600 + lost) * 100 // 95)
    assert (found["transformer"].each, found["transformer"].after_loss) == (53_474, 106_948)


def test_transformer_losses_grow_with_the_square_of_the_load() -> None:
    wanted = Transformers(**transformers())
    assert transformer_losses(wanted, 2, Fraction(0)) == 400
    assert transformer_losses(wanted, 2, Fraction(160_000)) == 400 + 2 * 500
    assert transformer_losses(wanted, 2, Fraction(320_000)) == 400 + 2 * 2_000


def test_four_systems_of_which_three_carry_the_load_are_4n3r() -> None:
    described = with_chain(
        {"ups": ups()}, feeds=dict.fromkeys("ABCD", "6 MW"), rack_pdus=4, pools=[pool(nodes=32)]
    )
    system = elements(described)["UPS system"]
    # 8 racks of 40.8 kW and 4 kW of pumps over four systems, then over three.
    assert (system.installed, system.each) == (4, (8 * 40_800 + 4_000) // 4)
    assert system.after_loss > system.each * 4 / 3 - 1
    assert system.left >= 0


def test_a_distributed_system_is_sized_for_what_the_loss_of_another_leaves_to_it() -> None:
    wanted = elements(with_chain({"ups": ups(module="10 kW")}))["UPS system"]
    # 28.5 kW need three modules, 42.8 kW after a loss five.
    assert (wanted.each, wanted.after_loss, wanted.rating) == (28_534, 42_800, 50_000)


def test_a_reserve_system_takes_the_place_of_any_other() -> None:
    found = elements(with_chain({"ups": ups(topology="block-redundant", module="10 kW")}, survive="none"))
    assert found["UPS system"].installed == 4
    assert (found["UPS system"].after_loss, found["UPS system"].rating) == (28_534, 30_000)


def test_parallel_modules_have_one_more_than_the_load_needs() -> None:
    found = elements(with_chain({"ups": ups(topology="N+1", module="20 kW")}))
    assert (found["UPS module"].load, found["UPS module"].installed) == (85_600, 6)


def test_the_efficiency_of_a_ups_is_that_declared_at_the_four_loads() -> None:
    for quarters, name in enumerate(("quarter", "half", "three_quarters", "full"), start=1):
        at = ups_efficiency(CURVE, Fraction(quarters, 4))
        assert at == Fraction(getattr(CURVE, name).count, 10_000)
    assert ups_efficiency(CURVE, Fraction(3, 8)) == Fraction(9_550, 10_000)


@given(st.integers(0, 250_000))
def test_below_a_quarter_a_ups_loses_as_much_as_at_a_quarter(watts: int) -> None:
    quarter = ups_loss(CURVE, Fraction(250_000), 1_000_000)
    assert ups_loss(CURVE, Fraction(watts), 1_000_000) == quarter


def test_fuel_follows_the_load_and_the_time_without_delivery() -> None:
    wanted = Generators(**generators())
    # 28 L/h at 100 kW: 200 kW for 48 hours.
    assert fuel_needed(wanted, ChainLoad(0, 0, 0, 200_000, 0)) == 2 * 28 * 48


def test_a_chain_is_part_of_the_plan_and_none_is_no_part_of_its_digest() -> None:
    bare = plan(factory())
    assert b'"chain"' not in bare.canonical
    assert b'"limits"' not in bare.canonical
    described = plan(with_chain({"generators": generators()}))
    assert b'"generator"' in described.canonical


@pytest.mark.parametrize("topology", ["N+1", "block-redundant", "distributed-redundant"])
def test_counts_that_the_plan_derives_are_never_refused(topology: str) -> None:
    parts = {"ups": ups(topology=topology), "transformers": transformers(), "generators": generators()}
    assert codes(with_chain(parts)) == []


def test_a_site_without_machines_has_its_mechanical_load_alone() -> None:
    spare = site("b", power=power(chain=chain(generators=generators())))
    described = factory(sites=[site(), spare])
    found = plan(described).power[1].chain
    assert [element.load for element in found] == [20_000]
