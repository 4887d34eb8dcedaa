from __future__ import annotations

from datetime import date

import pytest

from sovereign_ai.errors import Where
from sovereign_ai.rules import whole_check as gate
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Rule
from sovereign_ai.rules.whole_check import check, decide
from tests.rules.subject import FACTORY, factory_of, plan_of, pod

TODAY = date(2026, 11, 24)


def test_a_rule_that_crashes_is_a_violation_that_names_it(monkeypatch: pytest.MonkeyPatch):
    def crash(_rule: Rule, _factory: object, _plan: object) -> list[RuleFinding]:
        raise ZeroDivisionError("by zero")

    broken = Rule("TST-001", "t", "high", "r", "m", (), frozenset({"plan"}), decide=crash)
    monkeypatch.setattr(gate, "REGISTRY", (broken,))
    factory = factory_of()
    assert [(one.rule, one.status) for one in decide(factory, plan_of(factory))] == [("TST-001", "violation")]


def test_a_rule_of_advice_that_crashes_is_a_violation_all_the_same(monkeypatch: pytest.MonkeyPatch):
    def crash(_rule: Rule, _factory: object, _plan: object) -> list[RuleFinding]:
        raise KeyError("gone")

    broken = Rule("TST-002", "t", "info", "r", "m", (), frozenset({"plan"}), decide=crash)
    monkeypatch.setattr(gate, "REGISTRY", (broken,))
    factory = factory_of()
    assert not check(factory, plan_of(factory), [], now=TODAY).ok


def test_a_rule_that_depends_on_the_day_is_undecidable_without_one():
    factory = factory_of()
    undecided = {one.rule for one in decide(factory, plan_of(factory)) if one.status == "undecidable"}
    assert undecided == {one.id for one in REGISTRY if one.decide_on is not None} != set()
    assert not any(one.status == "undecidable" for one in decide(factory, plan_of(factory), TODAY))


def test_the_gate_points_findings_into_the_users_own_file():
    factory = factory_of(operator={**FACTORY["operator"], "support": ["IN"]})
    labelled = pod(image="nginx")
    labelled["metadata"]["labels"] = {"sovereign-ai.internal/component": "tenant.startups"}
    verdict = check(
        factory,
        plan_of(factory),
        [labelled],
        now=TODAY,
        where=lambda field: Where("factory.yaml", 7, 3, field),
    )
    assert {str(finding.where) for finding in verdict.violations} == {
        "factory.yaml:7:3: operator.support",
        "factory.yaml:7:3: tenants[1]",
    }
