"""Limits with their dates, compared exactly; what hangs on an answer is open until it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.energy.rules import EnergyCheck, compare
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from tests.assess.stacks import changed, stack
from tests.support.dark_switch import LINE, DarkSwitch


def _german(tmp: Path) -> tuple[AIFactory, Plan]:
    return changed("superpod", "country: FR\n    power", "country: DE\n    power", tmp)


def _check(checks: tuple[EnergyCheck, ...], rule: str, since: str = "") -> EnergyCheck:
    return next(one for one in checks if one.rule == rule and (not since or one.since == since))


@pytest.mark.parametrize(
    ("value", "limit", "status"),
    [
        (1.2, 1.2, "holds"),
        (1.2000000001, 1.2, "fails"),
        (0.1 + 0.2, 0.3, "fails"),
        (1.1999, 1.2, "holds"),
        (None, 1.2, "open"),
    ],
)
def test_a_number_is_compared_as_it_is_written(value: float | None, limit: float, status: str):
    assert compare(value, None, None, limit) == status


def test_a_least_is_met_by_the_limit_itself():
    assert compare(0.1, None, None, 0.1, least=True) == "holds"
    assert compare(0.0999, None, None, 0.1, least=True) == "fails"


@examples(low=st.floats(0, 2), width=st.floats(0, 1), limit=st.floats(0, 3))
def test_a_range_holds_only_as_a_whole(low: float, width: float, limit: float):
    high = low + width
    status = compare((low + high) / 2, low, high, limit)
    assert (status == "holds") == (high <= limit)
    assert (status == "fails") == (low > limit)


_DUTY = "EED Art. 12, Del. Reg. 2024/1364: duty to report"


def _devices(factory: AIFactory, planned: Plan, watts: float) -> dict[str, GivenValue]:
    """Give every switch and server a power."""
    return {
        name: GivenValue(watts)
        for name in (one.id for one in assess_energy(factory, planned).measures)
        if name.startswith("device.") and name.endswith(".power")
    }


@pytest.mark.parametrize(("nodes", "status"), [(48, "not-applicable"), (49, "not-applicable"), (50, "due")])
def test_the_duty_to_report_starts_at_500_kilowatts(nodes: int, status: str, tmp_path: Path):
    factory, planned = changed(
        "superpod", "nodes: 127", f"nodes: {nodes}", tmp_path, ("gpus: 508", "gpus: 10")
    )
    found = assess_energy(factory, planned, _devices(factory, planned, 0.0))
    assert _check(found.checks, _DUTY).status == status
    assert len(found.kpis) == (status == "due")


def test_the_range_of_switches_without_watts_leaves_the_duty_to_report_open(
    tmp_path: Path, dark_switch: DarkSwitch
):
    """47 machines draw 479.4 kW, and the switches between nearly nothing and more than is missing."""
    dark_switch("infiniband", 64, 400)
    factory, planned = changed(
        "superpod",
        "nodes: 127",
        "nodes: 47",
        tmp_path,
        ("gpus: 508", "gpus: 10"),
        ("rails: 2, switch: qm9700, link", "rails: 2, switch: dark, link"),
        ("name: superpod", f"name: superpod\n{LINE}"),
    )
    known = _devices(factory, planned, 0.0)
    del known["device.dark.power"]
    found = assess_energy(factory, planned, known)
    duty = _check(found.checks, _DUTY)
    assert duty.status == "open"
    assert duty.needs == ("site.lyon.it.peak",)
    assert not found.kpis
    assert (
        _check(assess_energy(factory, planned, _devices(factory, planned, 1_000.0)).checks, _DUTY).status
        == "due"
    )


def test_devices_that_cannot_reach_a_threshold_leave_nothing_open():
    """The lab's machines, switches and servers draw at most 203 kW."""
    assert _check(assess_energy(*stack("lab")).checks, _DUTY).status == "not-applicable"


def test_devices_count_for_the_german_connection(tmp_path: Path, dark_switch: DarkSwitch):
    dark_switch("ethernet", 32, 400)
    factory, planned = changed(
        "lab", "radix: 32, link", "switch: dark, link", tmp_path, ("name: lab\n", f"name: lab\n{LINE}\n")
    )
    counts = assess_energy(factory, planned, {"site.fra1.pue": GivenValue(1.6)}).checks
    assert _check(counts, "EnEfG: connection from 300 kW on").status == "open"
    assert _check(counts, "EnEfG: connection from 300 kW on").needs == ("site.fra1.connection",)
    pue = {"site.fra1.pue": GivenValue(1.2)}
    assert (
        _check(
            assess_energy(factory, planned, pue | _devices(factory, planned, 100.0)).checks, "EnEfG"
        ).status
        == "not-applicable"
    )
    large = assess_energy(factory, planned, pue | _devices(factory, planned, 3_000.0))
    assert (large.measure("site.fra1.connection").value or 0) == pytest.approx((163_200 + 36 * 3_000) * 1.2)
    assert not [one for one in large.checks if one.rule in ("EnEfG", "EnEfG: connection from 300 kW on")]


def test_the_german_law_concerns_german_sites_alone(tmp_path: Path):
    assert not [one for one in assess_energy(*stack("superpod")).checks if one.rule.startswith("EnEfG")]
    found = [one for one in assess_energy(*_german(tmp_path)).checks if one.rule.startswith("EnEfG")]
    assert found
    assert _check(tuple(found), "EnEfG § 11 PUE and reused energy").needs == ("site.lyon.started",)


def test_below_300_kilowatts_of_connection_the_german_law_does_not_count(tmp_path: Path):
    for power, status in (("299 kW", "not-applicable"), ("300 kW", "open")):
        german = changed(
            "superpod",
            "country: FR\n    power",
            "country: DE\n    power",
            tmp_path,
            ("power: 2 MW", f"power: {power}"),
        )
        found = [one for one in assess_energy(*german).checks if one.rule.startswith("EnEfG")]
        assert found[0].status == status, power


def test_a_new_german_site_has_two_years_for_1_2_and_its_year_sets_the_reused_share(tmp_path: Path):
    factory, planned = _german(tmp_path)
    given = {
        "site.lyon.started": GivenValue(20270801),
        "site.lyon.pue": GivenValue(1.2),
        "site.lyon.e-reuse": GivenValue(3e5),
    }
    checks = assess_energy(factory, planned, given).checks
    pue, reuse = _check(checks, "EnEfG § 11(2) PUE"), _check(checks, "EnEfG § 11(2) reused energy")
    assert (pue.status, pue.since) == ("holds", "2029-08-01")
    assert (reuse.status, reuse.since) == ("fails", "2029-08-01")
    assert "at least 0.15" in reuse.why


def test_an_old_german_site_has_1_5_and_later_1_3(tmp_path: Path):
    factory, planned = _german(tmp_path)
    checks = assess_energy(
        factory, planned, {"site.lyon.started": GivenValue(20200101), "site.lyon.pue": GivenValue(1.4)}
    ).checks
    assert _check(checks, "EnEfG § 11(1) PUE", "2027-07-01").status == "holds"
    assert _check(checks, "EnEfG § 11(1) PUE", "2030-07-01").status == "fails"


def test_pacts_hang_on_climate_and_water(tmp_path: Path):
    factory, planned = stack("superpod")
    assert _check(assess_energy(factory, planned).checks, "CNDCP PUE").status == "open"
    given = {
        "site.lyon.warm": GivenValue(1),
        "site.lyon.water-stress": GivenValue(0),
        "site.lyon.pue": GivenValue(1.35),
    }
    checks = assess_energy(factory, planned, given).checks
    assert _check(checks, "CNDCP PUE, warm").status == "holds"
    assert _check(checks, "Gaia-X P6.1.2 PUE, warm").status == "holds"
    assert _check(checks, "Gaia-X P6.1.4 WUE").status == "not-applicable"
    checks = assess_energy(
        factory, planned, given | {"site.lyon.warm": GivenValue(0), "site.lyon.water-stress": GivenValue(1)}
    ).checks
    assert _check(checks, "Gaia-X P6.1.2 PUE, cool").status == "fails"
    assert _check(checks, "CNDCP WUE").status == "open"


def test_every_check_names_where_its_limit_stands():
    for name in ("gigafactory", "lab", "plural"):
        for one in assess_energy(*stack(name)).checks:
            assert one.source, one.rule
            assert one.status in ("holds", "fails", "open", "due", "not-applicable")
            assert one.needs or one.status not in ("open", "due"), one.rule


@pytest.mark.parametrize(
    ("country", "duty", "pact", "proposal"),
    [
        ("FR", "due", "open", "open"),
        ("NO", "open", "not-applicable", "open"),
        ("CH", "not-applicable", "not-applicable", "not-applicable"),
        ("US", "not-applicable", "not-applicable", "not-applicable"),
        ("SG", "not-applicable", "not-applicable", "not-applicable"),
    ],
)
def test_rules_of_the_union_concern_its_members_and_wait_for_the_agreement_in_the_rest_of_the_area(
    country: str, duty: str, pact: str, proposal: str, tmp_path: Path
):
    found = assess_energy(
        *changed("superpod", "country: FR\n    power", f"country: {country}\n    power", tmp_path)
    )
    rules = (
        _DUTY,
        "CNDCP PUE" if country == "FR" else "CNDCP",
        "CADA Annex I (a proposal): PUE, mean over the Union",
    )
    judged = [_check(found.checks, rule) for rule in rules]
    assert [one.status for one in judged] == [duty, pact, proposal]
    assert all(one.needs for one in judged if one.status == "open")
    assert all(f"{country} is not in it" in one.why for one in judged if one.status == "not-applicable")
    assert len(found.kpis) == (country == "FR")
