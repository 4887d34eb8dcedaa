from __future__ import annotations

from datetime import date
from functools import cache

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.sovereignty.drill import Drill, Trigger
from sovereign_ai.sovereignty.report import SovereigntyReport, assess_sovereignty
from sovereign_ai.spec.reader import load
from tests.sovereignty.described import STACKS, Data, changed, report
from tests.sovereignty.test_mutation import put

NOW = date(2026, 11, 24)


@cache
def stack(name: str) -> SovereigntyReport:
    """A stack's report."""
    factory = load(STACKS / name)
    return assess_sovereignty(factory, plan(factory), now=NOW)


def drill(found: SovereigntyReport, kind: str, name: str) -> Drill:
    """One drill of a report."""
    return next(one for one in found.drills if one.trigger == Trigger(kind, name))  # type: ignore[arg-type]


def test_installed_machines_run_on_without_their_vendor_and_stop_when_the_drivers_grace_ends() -> None:
    found = drill(stack("gigafactory"), "holder", "NVIDIA")
    for served in ("training", "inference"):
        assert dict(found.served[served]) == {0: "shrinks", 30: "shrinks", 90: "shrinks", 365: "stops"}
    assert found.stops[365] == ("driver:nvidia",)
    assert found.reserve["system:dgx-b200"] == 40 + 219


def test_a_plant_abroad_stops_supply_and_not_what_runs(rich: Data) -> None:
    held = report(changed(rich, put("suppliers", 3, "control_channel", value="licence")))
    assert drill(held, "country", "US").first_stop("training") == 0
    assert dict(drill(held, "country", "TW").served["training"]) == dict.fromkeys((0, 30, 90, 365), "shrinks")
    assert drill(held, "holder", "TSMC").stops[365] == ()


def test_one_vendor_alone_stops_the_gigafactory_within_a_year_and_none_outside_at_once() -> None:
    for sets in stack("gigafactory").sets.values():
        assert ["NVIDIA"] in sets.holders[365]
        assert ["NVIDIA"] not in sets.holders[0]
        assert sets.countries[365] == [["FI"], ["US"]]
        assert sets.countries[0] == [["FI"]]


def test_a_second_service_of_a_kind_takes_the_first_out_of_the_sets_of_one(rich: Data) -> None:
    single = report(rich).sets["training"].parts
    rich["services"].append(
        {"name": "dns2", "kind": "dns", "supplier": "Example Other", "jurisdiction": "FR"}
    )
    double = report(rich).sets["training"].parts
    assert ["service:dns-service"] in single
    assert ["service:dns-service"] not in double
    assert ["service:dns-service", "service:dns2"] in double


@pytest.mark.parametrize("number", range(8))
def test_a_service_abroad_stops_everything_when_its_grace_ends_and_at_once_without_one(
    rich: Data, number: int
) -> None:
    abroad = changed(rich, put("services", number, "jurisdiction", value="US"))
    found = drill(report(abroad), "country", "US")
    assert found.first_stop("training") == found.first_stop("inference") == 0
    assert found.second_source[f"service:{rich['services'][number]['name']}"] == "another"
    lasting = drill(report(changed(abroad, put("services", number, "grace", value="60 d"))), "country", "US")
    assert (
        lasting.served["training"][30],
        lasting.first_stop("training"),
        lasting.first_stop("inference"),
    ) != ("stops", 0, 0)
    assert lasting.first_stop("training") == lasting.first_stop("inference") == 90


def test_a_rich_description_is_certain_until_one_service_lacks_its_entry_its_holder_or_its_law(
    rich: Data,
) -> None:
    def certain(data: Data) -> bool:
        return all(one.certain for one in report(data).drills)

    rich["services"][0].pop("entity")
    assert certain(rich)
    for missing in (("jurisdiction",), ("supplier",), ("supplier", "jurisdiction")):
        less = changed(
            rich, lambda data, missing=missing: [data["services"][0].pop(name) for name in missing]
        )  # type: ignore[misc]  # bound
        assert not certain(less), missing
        assert any(one["id"] == "service:identity-service" for one in report(less).questions())
    absent = changed(rich, lambda data: data["services"].pop(0))
    assert not certain(absent)
    assert any(one["id"] == "identity:" for one in report(absent).questions())


def test_what_nobody_describes_makes_no_drill_certain_and_joins_none() -> None:
    found = stack("lab")
    dark = {part.id for part in found.graph.parts if not part.described}
    assert {
        "dns:",
        "identity:",
        "time:",
        "ca:",
        "licence:",
        "heartbeat:",
        "attestation:",
        "packages:",
        "energy:fra1",
    } <= dark
    assert not any(one.certain or dark & set(one.reached) for one in found.drills)
