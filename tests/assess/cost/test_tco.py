"""Yearly cost: annuities, contracts and the known part."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.cost.tco import annuity
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.cost.test_report import WHOLE
from tests.assess.stacks import changed, stack


def test_an_annuity_pays_off_its_capital():
    left = 1_000.0
    for _ in range(7):
        left = left * 1.06 - annuity(1_000.0, 0.06, 7)
    assert left == pytest.approx(0, abs=1e-9)


@examples(capital=st.floats(1, 1e9), rate=st.floats(0.001, 0.3), years=st.floats(1, 40))
def test_an_annuity_rises_with_interest_and_falls_with_life(capital: float, rate: float, years: float):
    assert (
        annuity(capital, rate, years)
        > annuity(capital, rate / 2, years)
        > annuity(capital, 0.0, years) * (1 - 1e-9)
    )
    assert annuity(capital, rate, years * 2) < annuity(capital, rate, years)


def test_useful_work_costs_a_gpu_hour_over_what_it_does():
    found = assess_cost(*stack("superpod"), WHOLE)
    hour, good = found.measure("gpu-hour").value or 0, found.measure("job.dgx.goodput").value or 1
    assert found.measure("job.dgx.exaflop").value == pytest.approx(
        hour / (989e12 * 0.41 * good * 3600) * 1e18
    )


def test_what_nobody_prices_has_no_total_and_a_lower_bound_that_says_so():
    found = assess_cost(*stack("superpod"))
    total, known = found.measure("year.total"), found.measure("year.total.known")
    assert total.value is None
    assert {"staff.people", "staff.cost", "other.cost", "price.storage.hps"} <= set(total.needs)
    assert known.value is not None
    assert found.measure("gpu-hour.known").note.startswith("a lower bound")


def test_where_every_contract_has_a_price_the_site_pays_their_mean_by_what_each_gives(tmp_path: Path):
    wind, base = "power: 80 MW, source: wind", "power: 60 MW, source: mixed"
    one = assess_cost(*changed("gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path))
    assert "site.north.electricity" not in {measure.id for measure in one.measures}
    both = assess_cost(
        *changed(
            "gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path, (base, f"{base}, price: 90 EUR/MWh")
        )
    )
    gives = both.measure("contract.north.wind.mean").value or 0
    expected = (gives * 0.05 + 60e6 * 0.09) / (gives + 60e6)
    assert both.measure("site.north.electricity").value == pytest.approx(expected)
    assert both.measure("year.energy.north").inputs[1] == "site.north.electricity"
    mine = assess_cost(
        *changed(
            "gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path, (base, f"{base}, price: 90 EUR/MWh")
        ),
        {"electricity.FI": GivenValue(0.04)},
    )
    assert mine.measure("year.energy.north").inputs[1] == "electricity.FI"
