from __future__ import annotations

from datetime import date
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes.admission import policy_name
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.asked import RESOURCE
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.supplier import Waiver
from tests.render.lab import every, one, stack


def policies() -> list[dict[str, Any]]:
    return [obj["spec"] for obj in every("ValidatingAdmissionPolicy")]


def one_policy(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = one("ValidatingAdmissionPolicy", name)["spec"]
    return spec


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


def test_every_check_of_every_object_rule_stands_in_a_policy_of_each_of_its_kinds_with_its_rules_id():
    found = {obj["metadata"]["name"]: obj["spec"] for obj in every("ValidatingAdmissionPolicy")}
    for rule in (rule for rule in REGISTRY if "admission" in rule.places):
        for check in rule.checks:
            for name in {policy_name(KINDS[kind].group) for kind in check.kinds}:
                told = [one["message"] for one in found[name]["validations"] if one["message"].startswith(f"{rule.id}: ")]
                assert any(check.message in message for message in told), (rule.id, name)


def test_checks_of_a_rule_for_the_same_kinds_share_one_validation_and_all_of_them_must_hold():
    shared = next(one for one in one_policy("sovereign-pods")["validations"] if one["message"].startswith("IMG-003"))
    assert shared["expression"] == (
        '(variables.containers.all(c, !has(c.imagePullPolicy) || c.imagePullPolicy != "Never"))'
        ' && (variables.volumes.all(v, !has(v.image) || !has(v.image.pullPolicy) || v.image.pullPolicy != "Never"))'
    )
    assert "an image of a container is never" in shared["message"]
    assert "an image volume is never" in shared["message"]


def test_no_expression_about_pods_asks_for_the_kind_or_reads_a_plain_path_through_a_variable():
    spec = one_policy("sovereign-pods")
    assert "pod" not in {one["name"] for one in spec["variables"]}
    for text in (each["expression"] for each in [*spec["validations"], *spec["variables"]]):
        assert "object.kind" not in text
        assert "variables.pod" not in text
    assert "variables.pod" in str(one_policy("sovereign-templates")["validations"]), "templates lie in different places"


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


def waived(*resources: str, rule: str = "IMG-001") -> dict[str, dict[str, Any]]:
    """Give the lab's policies with a waiver for each of these resources, by their names."""
    factory, derived = stack("lab")
    facts = {"reason": "r", "owner": "o", "requester": "a", "approver": "b $zone", "compensating_control": "object.spec"}
    days = {"created": date(2026, 11, 1), "expires": date(2026, 12, 1)}
    waivers = tuple(Waiver(id=f"w{number}", rule=rule, resource=name, **facts, **days) for number, name in enumerate(resources))
    bundle = render(factory.model_copy(update={"waivers": waivers}), derived, "lab")
    return {obj["metadata"]["name"]: obj["spec"] for obj in bundle.objects if obj["kind"] == "ValidatingAdmissionPolicy"}


def asks(spec: dict[str, Any]) -> list[str]:
    """Give the ids of the rules whose expressions ask about waivers."""
    return [each["message"][:7] for each in spec["validations"] if '.resource("waivers")' in each["expression"]]


def test_a_waiver_is_asked_about_by_exactly_its_rule_in_the_policies_of_its_kind() -> None:
    found = waived("Pod/research/job")
    assert {name: {*asks(spec)} for name, spec in found.items() if asks(spec)} == {"sovereign-pods": {"IMG-001"}}
    expression = next(each["expression"] for each in found["sovereign-pods"]["validations"] if each["message"].startswith("IMG-001"))
    assert expression.count("Pod/research/job") == 4, "as a key and in the question, each of them twice"
    assert "b $zone" in expression
    assert {"name": "resource", "expression": RESOURCE} in found["sovereign-pods"]["variables"]


def test_without_waivers_nothing_is_asked_and_with_them_every_other_policy_is_as_it_was() -> None:
    plain = {obj["metadata"]["name"]: obj["spec"] for obj in every("ValidatingAdmissionPolicy")}
    assert not any(asks(spec) for spec in plain.values())
    found = waived("Pod/research/job")
    assert {name for name in plain if plain[name] != found[name]} == {"sovereign-pods"}


def test_a_waiver_for_another_kind_or_a_rule_about_waivers_is_asked_about_nowhere() -> None:
    assert not any(asks(spec) for spec in waived("Service/research/web").values())
    assert not any(asks(spec) for spec in waived("Waiver/w1", rule="WVR-001").values())


def test_a_refusal_stays_a_refusal_where_the_operator_says_no() -> None:
    for validation in waived("Pod/research/job")["sovereign-pods"]["validations"]:
        if '.resource("waivers")' in validation["expression"]:
            rule, _, lift = validation["expression"].rpartition(" || (variables.resource in ")
            assert rule.startswith("(")
            assert rule.endswith(")")
            assert lift.endswith('.check("honour").allowed())')
