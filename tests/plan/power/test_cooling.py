"""Cooling: heat against air and coolant; the rule of thumb only warns."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.power.cooling import air_capacity, airflow, coolant_capacity
from sovereign_ai.units import Celsius, CubicMetresPerHour, LitresPerMinute, Watts
from tests.plan.factories import codes, factory, hall, management, only_problem, pool, site


def cooled(kind: str = "air", **cooling: Any) -> dict[str, Any]:
    return site(halls=[hall("ha", kind, cooling=cooling, rack_limit="160 kW")])


def test_air_is_volume_times_heat_times_rise() -> None:
    """40.8 kW at 12 degrees: 40,800 / (1.2 x 1,005 x 12) = 2.819 m3/s."""
    assert airflow(40_800, 120) == 10_150


def test_too_little_air_is_refused_with_what_would_do() -> None:
    found = only_problem(factory(sites=[cooled(airflow="20000 m3/h")]))
    assert (found.code, found.where.field) == ("over-cooling", "sites[0].halls[0].cooling.airflow")
    assert "20,000 m3/h of air" in found.message
    assert found.hint.startswith("write at least '20299 m3/h'")
    assert codes(factory(sites=[cooled(airflow="20299 m3/h")])) == []


def test_a_hall_without_a_described_airflow_is_not_checked_and_warned_of() -> None:
    assert any(
        "is not checked, since airflow is not described" in warning for warning in plan(factory()).warnings
    )


def test_the_rule_of_thumb_for_air_is_a_warning_with_the_air_it_takes() -> None:
    warnings = plan(factory(sites=[cooled(airflow="40000 m3/h")])).warnings
    assert any(
        "40.8 kW under air is beyond the rule of thumb" in warning and "10,150 m3/h" in warning
        for warning in warnings
    )
    two = plan(factory(sites=[cooled(airflow="40000 m3/h")], pools=[pool(nodes_per_rack=2)])).warnings
    assert not any("rule of thumb" in warning for warning in two)


def test_a_machine_built_for_cold_plates_is_refused_in_an_air_hall() -> None:
    found = only_problem(factory(sites=[cooled()], pools=[pool(system="gb200-nvl72-tray", nodes=18)]))
    assert (found.code, found.where.field, found.hint) == (
        "wrong-cooling",
        "pools[0].hall",
        "choose a hall with hybrid cooling",
    )


def test_a_hybrid_hall_takes_what_its_coolant_and_its_air_take_together() -> None:
    trays = [pool(system="gb200-nvl72-tray", nodes=18)]
    air = {"airflow": "10000 m3/h", "temperature_rise": "10 degC"}
    assert codes(factory(sites=[cooled("hybrid", cdu_capacity="120 kW", **air)], pools=trays)) == []
    found = only_problem(factory(sites=[cooled("hybrid", cdu_capacity="90 kW", **air)], pools=trays))
    assert (found.code, found.hint) == ("over-cooling", "write at least '98.5 kW'")


def loop(**coolant: str) -> dict[str, Any]:
    return {"coolant": {"flow": "100 L/min", "supply": "20 degC", "return": "30 degC", **coolant}}


def test_too_little_coolant_is_refused_with_what_would_do() -> None:
    """81.6 kW at 10 degrees: 81,600 x 60 / (4,182 x 0.998 x 10) = 117.3 L/min, so 118."""
    found = only_problem(factory(sites=[cooled("rear-door", **loop(flow="117 L/min"))]))
    assert (found.code, found.where.field) == ("over-cooling", "sites[0].halls[0].cooling.coolant.flow")
    assert found.hint.startswith("write at least '118 L/min'")
    assert codes(factory(sites=[cooled("rear-door", **loop(flow="118 L/min"))])) == []
    assert codes(factory(sites=[cooled("rear-door", **loop(flow="7.08 m3/h"))])) == []
    assert codes(factory(sites=[cooled("rear-door", **loop(flow="59 L/min", **{"return": "40 degC"}))])) == []


def test_what_is_less_of_pump_and_distribution_unit_bounds_a_hybrid_hall() -> None:
    trays = [pool(system="gb200-nvl72-tray", nodes=18)]
    air = {"airflow": "10000 m3/h", "temperature_rise": "10 degC", "cdu_capacity": "120 kW"}
    assert codes(factory(sites=[cooled("hybrid", **air, **loop(flow="200 L/min"))], pools=trays)) == []
    found = only_problem(factory(sites=[cooled("hybrid", **air, **loop())], pools=trays))
    assert found.where.field == "sites[0].halls[0].cooling.coolant.flow"
    assert "its coolant takes 69.56 kW" in found.message


@given(st.integers(1, 10**9), st.integers(1, 600))
def test_coolant_takes_more_with_more_flow_and_more_rise_and_never_more_than_the_formula(
    flow: int, rise: int
) -> None:
    watts = coolant_capacity(LitresPerMinute(flow), rise)
    assert watts <= flow / 60_000 / 60 * 0.998 * 4_182 * rise / 10 + 1e-6
    assert coolant_capacity(LitresPerMinute(flow + 1), rise) >= watts
    assert coolant_capacity(LitresPerMinute(flow), rise + 1) >= watts


@given(st.integers(1, 10**9), st.integers(10, 600))
def test_the_required_airflow_carries_the_heat_away(watts: int, rise: int) -> None:
    flow = airflow(watts, rise)
    assert air_capacity(CubicMetresPerHour(flow), Celsius(rise)) >= watts
    assert air_capacity(CubicMetresPerHour(flow - 1), Celsius(rise)) < watts


def storage(**more: Any) -> dict[str, Any]:
    tier = {"name": "data", "protocol": "parallel", "grade": "good", "capacity": "2 PB", "zone": "z"}
    vault = {"name": "vault", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}
    return {"storage": [{**tier, "encryption": {"key": "vault"}}], "keys": [vault], **more}


def test_switches_and_storage_servers_give_heat_as_machines_do() -> None:
    """The least airflow that is enough carries exactly what the site draws."""
    wish = factory(sites=[cooled(airflow="20299 m3/h")], fabrics=management(), **storage())
    found = only_problem(wish)
    planned = plan(factory(sites=[cooled()], fabrics=management(), **storage()))
    load = planned.power[0].it_load
    assert load > 81_600
    assert f"write at least '{airflow(load, 120)} m3/h'" in found.hint
    assert any(f"cooling of {Watts(load)} is not checked" in warning for warning in planned.warnings)


def test_cold_plates_take_no_heat_of_switches_and_storage_servers() -> None:
    trays = [pool(system="gb200-nvl72-tray", nodes=18)]
    small = {"airflow": "100 m3/h", "temperature_rise": "10 degC", "cdu_capacity": "1 MW"}
    wish = factory(sites=[cooled("hybrid", **small)], pools=trays, **storage())
    found = only_problem(wish)
    assert found.where.field == "sites[0].halls[0].cooling.airflow"
    assert "switches and storage servers alone give it" in found.message


def test_a_switch_that_draws_more_than_a_rack_may_is_refused() -> None:
    fabric = {"name": "inband", "role": "in-band", "kind": "ethernet", "rails": 2, "switch": "sn5600"}
    tight = site(halls=[hall("ha", rack_limit="2 kW")])
    problems = feasible(factory(sites=[tight], fabrics=[{**fabric, "link": "100 Gbps"}]))
    [found] = [problem for problem in problems if problem.message.startswith("one switch")]
    assert (found.code, found.where.field) == ("rack-over-limit", "sites[0].halls[0].rack_limit")
    roomy = site(halls=[hall("ha")])
    assert codes(factory(sites=[roomy], fabrics=[{**fabric, "link": "100 Gbps"}])) == []


def test_only_what_is_not_described_is_named_where_cooling_is_not_checked() -> None:
    trays = [pool(system="gb200-nvl72-tray", nodes=18)]

    def unchecked(**cooling: str | dict[str, str]) -> list[str]:
        warnings = plan(factory(sites=[cooled("hybrid", **cooling)], pools=trays)).warnings
        return [warning.split("since ")[1] for warning in warnings if "is not checked" in warning]

    assert unchecked() == ["airflow and cdu_capacity are not described"]
    assert unchecked(cdu_capacity="1 MW") == ["airflow is not described"]
    assert unchecked(airflow="90000 m3/h") == ["cdu_capacity is not described"]
    assert unchecked(airflow="90000 m3/h", cdus={"unit": "cdu-1-3mw"}) == []


def test_switches_that_air_cannot_cool_are_refused_however_much_coolant_is_described() -> None:
    trays = [pool(system="gb200-nvl72-tray", nodes=18)]
    network = {"name": "n", "kind": "roce", "rails": 4, "radix": 64, "link": "400 Gbps", "padding": "none"}
    wish = factory(sites=[cooled("hybrid", airflow="10 m3/h")], pools=trays, fabrics=[network])
    found = only_problem(wish)
    assert found.code == "over-cooling"
    assert "switches and storage servers alone" in found.message
