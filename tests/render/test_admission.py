from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.rules.registry import REGISTRY
from tests.render.lab import every, one


def policies() -> list[dict[str, Any]]:
    return [obj["spec"] for obj in every("ValidatingAdmissionPolicy")]


def test_there_are_few_policies_and_all_fail_closed():
    assert sorted(obj["metadata"]["name"] for obj in every("ValidatingAdmissionPolicy")) == [
        "sovereign-claims",
        "sovereign-cluster",
        "sovereign-network",
        "sovereign-network-policies",
        "sovereign-pods",
        "sovereign-rights",
        "sovereign-storage",
        "sovereign-templates",
    ]
    assert all(spec["failurePolicy"] == "Fail" for spec in policies())
    assert one("MutatingAdmissionPolicy", "sovereign-placement")["spec"]["failurePolicy"] == "Fail"


def test_no_resource_is_matched_by_two_validating_policies():
    seen: set[tuple[str, str]] = set()
    for spec in policies():
        for rule in spec["matchConstraints"]["resourceRules"]:
            resources = {(rule["apiGroups"][0], resource) for resource in rule["resources"]}
            assert not resources & seen
            seen |= resources
    assert {("", "pods"), ("", "pods/ephemeralcontainers"), ("", "pods/binding"), ("batch", "cronjobs")} <= seen


def test_every_check_of_every_object_rule_stands_in_a_policy_with_its_rules_id():
    messages = [validation["message"] for spec in policies() for validation in spec["validations"]]
    for rule in (rule for rule in REGISTRY if "admission" in rule.places):
        for check in rule.checks:
            assert any(message.startswith(f"{rule.id}: {check.message}") for message in messages)


def test_no_placeholder_is_left_and_nothing_of_kubernetes_own_dialect_is_used():
    for spec in policies():
        for validation in [*spec["validations"], *spec.get("variables", [])]:
            text = validation["expression"]
            assert "$" not in text.replace('$"', "")
            assert ".?" not in text
            assert "optional" not in text


def test_bindings_deny_in_our_namespaces_and_for_what_belongs_to_the_cluster_everywhere():
    for obj in every("ValidatingAdmissionPolicyBinding"):
        assert obj["spec"]["validationActions"] == ["Deny"]
        if obj["metadata"]["name"] == "sovereign-cluster":
            assert "matchResources" not in obj["spec"]
            continue
        selector = obj["spec"]["matchResources"]["namespaceSelector"]["matchLabels"]
        assert selector == {KEYS.owner: OWNER, KEYS.factory: "lab"}
        assert "paramRef" not in obj["spec"]


def test_the_mutating_policy_knows_each_zones_selector():
    text = str(one("MutatingAdmissionPolicy", "sovereign-placement")["spec"]["variables"])
    assert f'"restricted":{{"{KEYS.jurisdiction}":"DE","{KEYS.zone}":"restricted"}}' in text
