"""Heat that others use: E_REUSE, ERF, the temperature of waste heat and the KPI file, from the
description.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.energy.report import Energy, assess_energy
from sovereign_ai.assess.measure import Basis
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import changed, stack

SITE = "    uplinks:\n      - {name: north, carrier"
REUSE = "    heat_reuse:\n"


def _with(tmp: Path, *buyers: str, given: dict[str, GivenValue] | None = None) -> Energy:
    listed = "".join(f"      - {{{one}}}\n" for one in buyers)
    return assess_energy(*changed("superpod", SITE, f"{REUSE}{listed}{SITE}", tmp), given)


def test_a_contract_for_heat_gives_the_factor_and_fills_the_kpi_file(tmp_path: Path):
    found = _with(tmp_path, "buyer: Baths, energy: 2 GWh, temperature: 45 degC, evidence: contract")
    reuse, factor = found.measure("site.lyon.e-reuse"), found.measure("site.lyon.erf")
    whole = found.measure("site.lyon.e-dc").value
    assert (reuse.value, reuse.basis, reuse.low) == (2e6, Basis.PLAN, None)
    assert "2 GWh to Baths (contract)" in reuse.source
    assert factor.value == pytest.approx(2e6 / (whole or 0))
    fields = found.kpis[0]["fields"]
    assert (fields["E_REUSE"]["value"], fields["T_WH"]["value"]) == (2e6, 45.0)
    assert fields["ERF"]["value"] == pytest.approx(factor.value, rel=1e-5)


def test_a_mean_power_is_a_years_energy_and_temperatures_weigh_by_energy(tmp_path: Path):
    found = _with(
        tmp_path,
        "buyer: Baths, power: 100 kW, temperature: 60 degC, evidence: measured",
        "buyer: Glass, energy: 876.6 MWh, temperature: 30 degC, evidence: contract",
    )
    assert found.measure("site.lyon.e-reuse").value == pytest.approx(100 * 8766 * 2)
    assert found.measure("site.lyon.waste-heat").value == pytest.approx(45.0)


def test_what_is_only_planned_is_a_range_that_starts_without_it(tmp_path: Path):
    found = _with(
        tmp_path, "buyer: A, energy: 1 GWh, evidence: contract", "buyer: B, energy: 2 GWh, evidence: planned"
    )
    reuse = found.measure("site.lyon.e-reuse")
    assert (reuse.low, reuse.value, reuse.high, reuse.basis) == (1e6, 3e6, 3e6, Basis.ESTIMATE)


def test_nothing_described_is_asked_for_and_is_no_zero():
    found = assess_energy(*stack("superpod"))
    assert found.measure("site.lyon.erf").value is None
    assert found.kpis[0]["fields"]["E_REUSE"]["value"] is None
    assert found.kpis[0]["fields"]["T_WH"]["needs"] == ["site.lyon.waste-heat"]


def test_the_users_own_figure_replaces_the_described_one(tmp_path: Path):
    found = _with(
        tmp_path, "buyer: A, energy: 1 GWh, evidence: contract", given={"site.lyon.e-reuse": GivenValue(7.0)}
    )
    assert found.measure("site.lyon.e-reuse").value == 7.0


def test_described_heat_decides_the_law_that_asks_for_it(tmp_path: Path):
    german = "country: FR\n    power", "country: DE\n    power"
    for power, status in (("20 kW", "fails"), ("800 kW", "holds")):
        listed = f"{REUSE}      - {{buyer: A, power: {power}, evidence: contract}}\n{SITE}"
        factory = changed("superpod", SITE, listed, tmp_path, german)
        found = assess_energy(
            *factory, {"site.lyon.started": GivenValue(20270801), "site.lyon.pue": GivenValue(1.2)}
        )
        assert next(one for one in found.checks if one.rule == "EnEfG § 11(2) reused energy").status == status
