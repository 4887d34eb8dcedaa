from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sovereign_ai.errors import Where
from sovereign_ai.rules import check as gate
from sovereign_ai.rules.check import check, decide
from sovereign_ai.rules.context import permitted_jurisdictions
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.registry import REGISTRY, registry_data, registry_digest, rule
from sovereign_ai.rules.rule import Rule
from tests.rules.subject import FACTORY, factory_of, plan_of, pod

TODAY = date(2026, 11, 24)
PERSONAL = FACTORY["residency"][0]


def tier(**changes: Any) -> list[dict[str, Any]]:
    return [{**FACTORY["storage"][0], **changes}, FACTORY["storage"][1]]


def found(**changes: Any) -> list[tuple[str, str, str]]:
    factory = factory_of(**changes)
    return [(one.rule, one.resource, one.where.field) for one in decide(factory, plan_of(factory), TODAY) if one.status != "notice"]


def test_the_small_factory_obeys_every_plan_rule():
    assert found() == []


def test_a_pool_outside_its_datas_countries_is_found_at_its_site_field():
    pools = [{**FACTORY["pools"][0], "site": "zrh1"}, FACTORY["pools"][1]]
    assert ("RES-001", "Pool/train", "pools[0].site") in found(pools=pools)


def test_a_pool_of_a_zone_that_holds_none_of_the_data_may_stand_anywhere():
    assert found(pools=[FACTORY["pools"][0], {**FACTORY["pools"][1], "site": "zrh1"}]) == []


def test_storage_in_another_country_is_found():
    factory = factory_of()
    wrong = [one.rule for one in decide(factory, plan_of(factory, storage_country="CH"), TODAY) if one.status == "violation"]
    assert wrong == ["RES-001"]


def test_backups_follow_the_list_of_backups():
    to = {"site": "zrh1", "every": "1 d", "retention": "30 d"}
    assert found(storage=tier(backup=to)) == [("RES-002", "Storage/scratch", "storage[0].backup.site")]
    assert found(storage=tier(backup={**to, "site": "fra1"})) == []
    nowhere = [{key: value for key, value in PERSONAL.items() if key != "backups"}]
    assert found(storage=tier(backup={**to, "site": "fra1"}), residency=nowhere)[0][0] == "RES-002"


def test_snapshots_lie_where_the_data_may_unless_a_list_says_otherwise():
    kept = tier(snapshots={"every": "1 h", "keep": 24})
    assert found(storage=kept) == []
    assert found(storage=kept, residency=[{**PERSONAL, "snapshots": ["CH"]}]) == [("RES-002", "Storage/scratch", "storage[0].snapshots")]


@pytest.mark.parametrize("changes", [{"jurisdiction": "US"}, {"custodian": "provider"}], ids=["foreign law", "provider's hands"])
def test_a_key_under_a_foreign_law_or_in_the_providers_hands_is_found(changes: dict[str, str]):
    keys = [{**FACTORY["keys"][0], **changes}]
    assert found(keys=keys) == [("KEY-001", "Storage/scratch", "storage[0].encryption.key")]


def test_a_gateway_that_the_policy_does_not_name_is_found():
    gateway = {**FACTORY["gateways"][0], "zones": ["restricted"]}
    assert found(gateways=[gateway]) == [("RES-003", "Gateway/exchange", "gateways[0].zones")]
    named = [{**PERSONAL, "gateways": ["exchange"]}]
    assert found(gateways=[gateway], residency=named) == []
    abroad = {**gateway, "seat": "US"}
    assert found(gateways=[abroad], residency=named) == [
        ("RES-003", "Gateway/exchange", "gateways[0].seat"),
        ("TRF-001", "Gateway/exchange", "gateways[0].seat"),
    ]
    assert found(gateways=[abroad], residency=[{**named[0], "transfer": "scc"}]) == []
    conditional = [("TRF-001", "Gateway/exchange", "gateways[0].seat")]
    assert found(gateways=[abroad], residency=[{**named[0], "transfer": "adequacy"}]) == conditional


def test_staff_support_and_sub_processors_are_held_against_staff_access():
    operator = {**FACTORY["operator"], "support": ["IN"]}
    assert found(operator=operator) == [("STF-001", "Factory/small", "operator.support")]
    body = {"name": "Example Analytics", "seat": "DE", "parent_seat": "US", "purpose": "billing", "data": ["personal"]}
    operator = {**FACTORY["operator"], "sub_processors": [body]}
    assert found(operator=operator) == [
        ("LAW-002", "Factory/small", "operator.sub_processors[0].parent_seat"),
        ("STF-001", "Factory/small", "operator.sub_processors[0].seat"),
        ("TRF-001", "Factory/small", "operator.sub_processors[0].parent_seat"),
    ]
    operator["sub_processors"] = [{**body, "data": []}]
    assert found(operator=operator) == []


def test_several_policies_on_a_zone_leave_what_all_of_them_permit():
    factory = factory_of(residency=[PERSONAL, {**PERSONAL, "data": "health", "in": ["CH", "DE"]}])
    assert permitted_jurisdictions(factory, "restricted") == {"DE"}
    assert permitted_jurisdictions(factory, "open") == {"DE", "CH"}
    apart = factory_of(residency=[PERSONAL, {**PERSONAL, "data": "health", "in": ["CH"]}])
    assert permitted_jurisdictions(apart, "restricted") == frozenset()


def test_a_rule_that_crashes_is_a_violation_that_names_it(monkeypatch: pytest.MonkeyPatch):
    def crash(_rule: Rule, _factory: object, _plan: object) -> list[Finding]:
        raise ZeroDivisionError("by zero")

    broken = Rule("TST-001", "t", "high", "r", "m", (), frozenset({"plan"}), decide=crash)
    monkeypatch.setattr(gate, "REGISTRY", (broken,))
    factory = factory_of()
    assert [(one.rule, one.status) for one in decide(factory, plan_of(factory))] == [("TST-001", "violation")]


def test_a_rule_of_advice_that_crashes_is_a_violation_all_the_same(monkeypatch: pytest.MonkeyPatch):
    def crash(_rule: Rule, _factory: object, _plan: object) -> list[Finding]:
        raise KeyError("gone")

    broken = Rule("TST-002", "t", "info", "r", "m", (), frozenset({"plan"}), decide=crash)
    monkeypatch.setattr(gate, "REGISTRY", (broken,))
    factory = factory_of()
    assert not check(factory, plan_of(factory), [], now=TODAY).ok


def test_a_rule_that_hangs_on_the_day_says_undecidable_without_one():
    factory = factory_of()
    undecided = {one.rule for one in decide(factory, plan_of(factory)) if one.status == "undecidable"}
    assert undecided == {one.id for one in REGISTRY if one.decide_on is not None} != set()
    assert not any(one.status == "undecidable" for one in decide(factory, plan_of(factory), TODAY))


def test_the_gate_points_findings_into_the_users_own_file():
    factory = factory_of(operator={**FACTORY["operator"], "support": ["IN"]})
    labelled = pod(image="nginx")
    labelled["metadata"]["labels"] = {"sovereign-ai.internal/component": "tenant.startups"}
    verdict = check(factory, plan_of(factory), [labelled], now=TODAY, where=lambda field: Where("factory.yaml", 7, 3, field))
    assert {str(finding.where) for finding in verdict.violations} == {
        "factory.yaml:7:3: operator.support",
        "factory.yaml:7:3: tenants[1]",
    }


def test_ids_are_unique_and_every_rule_says_why_what_to_do_and_what_it_serves():
    assert len({one.id for one in REGISTRY}) == len(REGISTRY)
    for one in REGISTRY:
        assert one.rationale, one.id
        assert one.remediation, one.id
        assert one.controls, one.id
        assert [bool(one.checks), bool(one.decide), bool(one.decide_on), bool(one.decide_live)].count(True) == 1, one.id
        assert all(control.date and control.version and control.source for control in one.controls)


def test_the_registry_is_plain_data_with_a_digest_and_an_unknown_id_gets_a_hint():
    assert [entry["id"] for entry in registry_data()] == [one.id for one in REGISTRY]
    assert len(registry_digest()) == 64
    assert rule("PLC-001").severity == "critical"
    with pytest.raises(Exception, match="PLC-001"):
        rule("PLC-01")
