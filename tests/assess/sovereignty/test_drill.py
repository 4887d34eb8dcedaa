from __future__ import annotations

from datetime import date
from functools import cache

from sovereign_ai.assess.sovereignty.drill import Drill, Trigger
from sovereign_ai.assess.sovereignty.report import SovereigntyReport, assess
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.load import load
from tests.assess.sovereignty.described import STACKS, Data, changed, report
from tests.assess.sovereignty.test_mutation import put

NOW = date(2026, 11, 24)


@cache
def stack(name: str) -> SovereigntyReport:
    """A stack's report."""
    factory = load(STACKS / name)
    return assess(factory, plan(factory), now=NOW)


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
    held = report(changed(rich, put("suppliers", 10, "control_channel", value="licence")))
    assert drill(held, "country", "US").first_stop("training") == 0
    assert dict(drill(held, "country", "TW").served["training"]) == dict.fromkeys((0, 30, 90, 365), "shrinks")
    assert drill(held, "holder", "TSMC").stops[365] == ()


def test_a_site_loses_the_pools_that_hang_on_a_contract() -> None:
    found = drill(stack("gigafactory"), "holder", "Example Wind Power")
    assert found.served["training"][0] == "runs"
    assert found.capacity["training"][0] == 100 * 5000 // 9000
    assert found.capacity["inference"][0] == 100 * 1250 // 3500


def test_two_carriers_at_each_site_must_both_go_and_training_never_needs_them() -> None:
    sets = stack("gigafactory").sets
    assert ["Example Carrier", "Example Telecom"] in sets["inference"].holders[0]
    assert not any("Example Carrier" in one for one in sets["training"].holders[0])


def test_one_vendor_alone_stops_the_gigafactory_within_a_year_and_none_outside_at_once() -> None:
    for sets in stack("gigafactory").sets.values():
        assert ["NVIDIA"] in sets.holders[365]
        assert ["NVIDIA"] not in sets.holders[0]
        assert sets.countries[365] == [["FI"], ["US"]]
        assert sets.countries[0] == [["FI"]]


def test_four_makes_must_fail_together_to_stop_the_plural_stacks_training() -> None:
    found = stack("plural").sets["training"].parts
    assert ["driver:amd", "driver:nvidia"] in found
    assert ["driver:nvidia"] not in found
    assert ["accelerator:gb200", "accelerator:h100-sxm", "accelerator:mi300x"] in found


def test_a_second_supplier_of_a_role_takes_the_first_out_of_the_sets_of_one(rich: Data) -> None:
    single = report(rich).sets["training"].parts
    rich["suppliers"].append({"name": "dns2", "component": "DNS", "vendor": "Example Other", "jurisdiction": "FR"})
    double = report(rich).sets["training"].parts
    assert ["supplier:s1"] in single
    assert ["supplier:s1"] not in double
    assert ["supplier:dns2", "supplier:s1"] in double


def test_a_licence_server_abroad_without_grace_stops_everything_at_once(rich: Data) -> None:
    found = drill(report(changed(rich, put("suppliers", 5, "jurisdiction", value="US"))), "country", "US")
    assert found.first_stop("training") == found.first_stop("inference") == 0
    assert found.second_source["supplier:s5"] == "another"


def test_what_nobody_describes_makes_no_drill_certain_and_joins_none() -> None:
    found = stack("lab")
    dark = {part.id for part in found.graph.parts if not part.described}
    assert {"dns:", "identity:", "time:", "ca:", "licence:", "attestation:", "packages:", "energy:fra1"} <= dark
    assert not any(one.certain or dark & set(one.reached) for one in found.drills)


def test_an_export_rule_reaches_chips_machines_and_driver_together() -> None:
    found = drill(stack("lab"), "export-rule", "3A090.a")
    assert found.foreign
    assert found.reached == ("accelerator:h100-sxm", "system:dgx-h100", "driver:nvidia")
