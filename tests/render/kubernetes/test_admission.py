from __future__ import annotations

import re
from datetime import date
from typing import Any

import cel
import pytest

from sovereign_ai.cli.waiver import sign_waiver
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.admission import objects, policy_name
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.kinds import GROUPS, KINDS, ResourceKind, kind_named
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.waiver_review import RESOURCE
from sovereign_ai.spec.waiver import Approver, Waiver
from tests.daytwo.probes import Described
from tests.daytwo.table import changes
from tests.render.lab import every, one, stack
from tests.rules.cases import signed
from tests.support.approvals import key_of, public_key_of


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
        "sovereign-nodes",
        "sovereign-others",
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
    assert {
        ("", "pods"),
        ("", "pods/ephemeralcontainers"),
        ("", "pods/binding"),
        ("batch", "cronjobs"),
    } <= seen


def test_every_check_of_an_object_rule_is_in_a_policy_of_each_of_its_kinds_with_its_id():
    found = {obj["metadata"]["name"]: obj["spec"] for obj in every("ValidatingAdmissionPolicy")}
    for rule in (rule for rule in REGISTRY if "admission" in rule.places and not rule.only_with):
        for check in rule.checks:
            for name in {policy_name(kind_named(kind).group) for kind in check.kinds}:
                told = [
                    one["message"]
                    for one in found[name]["validations"]
                    if one["message"].startswith(f"{rule.id}: ")
                ]
                assert any(check.message in message for message in told), (rule.id, name)


def test_verified_digests_are_in_the_policies_of_pods_where_signers_are_declared_and_else_nothing():
    factory, derived = stack("lab")
    rendered = objects(factory, signed(factory_context(factory, derived, "lab")))
    declared = {
        obj["metadata"]["name"]: obj["spec"] for obj in rendered if obj["kind"] == "ValidatingAdmissionPolicy"
    }
    assert "IMG-004" not in str(policies())
    for group in GROUPS:
        added = [
            validation
            for validation in declared[policy_name(group)]["validations"]
            if validation["message"].startswith("IMG-004: ")
        ]
        judges_pods = group in {"pods", "templates", "others"}
        assert len(added) == judges_pods, group
        # The digests stand in a policy once: etcd limits its size.
        assert str(declared[policy_name(group)]).count("release/sha256:0123456789abcdef") == judges_pods


def test_checks_of_a_rule_for_the_same_kinds_share_one_validation_and_all_of_them_must_hold():
    shared = next(
        one for one in one_policy("sovereign-pods")["validations"] if one["message"].startswith("IMG-003")
    )
    assert shared["expression"] == (
        '(variables.containers.all(c, !has(c.imagePullPolicy) || c.imagePullPolicy != "Never"))'
        ' && (variables.volumes.all(v, !has(v.image) || !has(v.image.pullPolicy) || v.image.pullPolicy != "Never"))'  # noqa: E501 - one literal text
    )
    assert "an image of a container is never" in shared["message"]
    assert "an image volume is never" in shared["message"]


def test_no_expression_about_pods_asks_for_the_kind_or_reads_a_plain_path_through_a_variable():
    spec = one_policy("sovereign-pods")
    assert "pod" not in {one["name"] for one in spec["variables"]}
    for text in (each["expression"] for each in [*spec["validations"], *spec["variables"]]):
        assert "object.kind" not in text
        assert "variables.pod" not in text
    assert "variables.pod" in str(one_policy("sovereign-templates")["validations"]), (
        "templates lie in different places"
    )


def test_no_placeholder_is_left_and_nothing_of_kubernetes_own_dialect_is_used():
    for spec in policies():
        for validation in [*spec["validations"], *spec.get("variables", [])]:
            # Of texts and patterns the language reads nothing.
            literal = r'r""".*?"""' + r"|r'''.*?'''|r'[^']*'" + r'|r"[^"]*"|"(?:[^"\\]|\\.)*"'
            code = re.sub(literal, '""', validation["expression"])
            assert "$" not in code
            assert ".?" not in code
            assert "optional" not in code


def test_bindings_deny_and_no_label_decides_where_a_policy_holds() -> None:
    for obj in every("ValidatingAdmissionPolicyBinding"):
        assert obj["spec"] == {"policyName": obj["metadata"]["name"], "validationActions": ["Deny"]}
    assert one("MutatingAdmissionPolicyBinding", "sovereign-placement")["spec"] == {
        "policyName": "sovereign-placement"
    }
    for spec in policies():
        assert set(spec["matchConstraints"]) - {"excludeResourceRules"} == {"matchPolicy", "resourceRules"}


def test_a_policy_holds_in_the_factorys_namespaces_by_name_and_for_what_lies_in_none() -> None:
    for obj in every("ValidatingAdmissionPolicy"):
        conditions = {
            condition["name"]: condition["expression"] for condition in obj["spec"]["matchConditions"]
        }
        if obj["metadata"]["name"] in {"sovereign-cluster", "sovereign-nodes"}:
            assert set(conditions) == {"changed"}
            continue
        scope, *elsewhere = conditions["scope"].split(" || (")
        assert scope.endswith('request.namespace in ["research","sovereign-system","startups"]')
        assert 'request.namespace == ""' in scope
        assert bool(elsewhere) == (obj["metadata"]["name"] == "sovereign-others")
        if elsewhere:
            # The settings of the network plugin decide whether any policy holds.
            assert elsewhere[0].startswith('request.namespace == "kube-system" && object.kind == "ConfigMap"')
            # Kinds that no rule knows are judged by their shape: some send data out from anywhere.
            assert elsewhere[1].startswith("!(request.kind.group + ")


def judges(
    kind: ResourceKind, new: dict[str, Any], old: dict[str, Any] | None, operation: str = "UPDATE"
) -> bool:
    """Tell whether the policy of a kind judges an update, by its condition as it is rendered."""
    condition = next(
        one for one in one_policy(f"sovereign-{kind.group}")["matchConditions"] if one["name"] == "changed"
    )
    facts = {"object": new, "oldObject": old, "request": {"operation": operation}}
    return bool(cel.compile(condition["expression"]).execute(facts))


BODIES: dict[str, dict[str, Any]] = {
    "spec": {"spec": {"a": 1}},
    "no spec": {"rules": [{"verbs": ["get"]}], "roleRef": {"name": "r"}},
    "nothing": {},
}


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.group], ids=lambda kind: kind.name)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_finalizers_go_from_every_kind_unjudged_and_every_other_change_is_judged(
    kind: ResourceKind, body: dict[str, Any]
) -> None:
    head = {"apiVersion": "v", "kind": kind.name}
    old = {
        **head,
        "metadata": {"name": "n", "labels": {"a": "b"}, "finalizers": ["foregroundDeletion"]},
        "status": {},
        **body,
    }
    freed = {
        **old,
        "metadata": {**old["metadata"], "finalizers": [], "resourceVersion": "2"},
        "status": {"phase": "x"},
    }
    assert not judges(kind, freed, old)
    assert judges(kind, freed, None, "CREATE")
    assert judges(kind, {**freed, "metadata": {**freed["metadata"], "labels": {"a": "c"}}}, old)
    assert judges(kind, {**freed, "metadata": {**freed["metadata"], "annotations": {"a": "c"}}}, old)
    assert judges(kind, {**freed, "extra": 1}, old)
    for field, value in body.items():
        judged = not (kind.name == "Namespace" and field == "spec")
        assert judges(kind, {**freed, field: [value]}, old) is judged
        assert judges(kind, {key: one for key, one in freed.items() if key != field}, old) is judged


def test_a_namespace_is_judged_by_every_way_to_write_its_labels() -> None:
    resources = {
        name
        for rule in one_policy("sovereign-cluster")["matchConstraints"]["resourceRules"]
        for name in rule["resources"]
    }
    assert {"namespaces", "namespaces/finalize", "namespaces/status"} <= resources


def test_a_machine_is_judged_by_every_way_to_write_its_labels_and_a_heartbeat_is_not_judged() -> None:
    resources = {
        name
        for rule in one_policy("sovereign-nodes")["matchConstraints"]["resourceRules"]
        for name in rule["resources"]
    }
    assert resources == {"nodes", "nodes/status"}
    old = {
        "kind": "Node",
        "metadata": {"name": "n", "labels": {"a": "b"}},
        "spec": {"taints": []},
        "status": {"phase": "x"},
    }
    assert not judges(KINDS["Node"], {**old, "status": {"phase": "y"}}, old)
    assert judges(KINDS["Node"], {**old, "spec": {}}, old)


def test_the_mutating_policy_knows_each_zones_selector():
    text = str(one("MutatingAdmissionPolicy", "sovereign-placement")["spec"]["variables"])
    assert f'"restricted":{{"{KEYS.jurisdiction}":"DE","{KEYS.zone}":"restricted"}}' in text


def test_the_mutating_policy_of_a_factory_without_tenants_has_no_map_without_a_type() -> None:
    change = next(change for change in changes() if change.name == "all tenants go")
    objects = Described.of(change.after).bundle.objects
    [spec] = [
        obj["spec"]
        for obj in objects
        if obj["metadata"]["name"] == "sovereign-placement" and "variables" in obj["spec"]
    ]
    expressions = [entry["expression"] for entry in (*spec["matchConditions"], *spec["variables"])]
    assert all("{}" not in expression for expression in expressions)


def waived(*resources: str, rule: str = "IMG-001") -> dict[str, dict[str, Any]]:
    """Give the lab's policies with a waiver for each of these resources, by their names."""
    factory, derived = stack("lab")
    facts = {
        "reason": "r",
        "owner": "o",
        "requester": "a",
        "approver": "b $zone",
        "compensating_control": "object.spec",
    }
    days = {"created": date(2026, 11, 1), "expires": date(2026, 12, 1)}
    unsigned = [
        Waiver(id=f"w{number}", rule=rule, resource=name, **facts, **days)
        for number, name in enumerate(resources)
    ]
    key = key_of("b $zone")
    waivers = tuple(each.model_copy(update={"signature": sign_waiver(each, "lab", key)}) for each in unsigned)
    approvers = (Approver(name="b $zone", key=public_key_of("b $zone")),)
    bundle = render(factory.model_copy(update={"waivers": waivers, "approvers": approvers}), derived, "lab")
    return {
        obj["metadata"]["name"]: obj["spec"]
        for obj in bundle.objects
        if obj["kind"] == "ValidatingAdmissionPolicy"
    }


def asks(spec: dict[str, Any]) -> list[str]:
    """Give the ids of the rules whose expressions ask about waivers."""
    return [
        each["message"][:7] for each in spec["validations"] if '.resource("waivers")' in each["expression"]
    ]


def test_a_waiver_is_asked_about_by_exactly_its_rule_in_the_policies_of_its_kind() -> None:
    found = waived("Pod/research/job")
    assert {name: {*asks(spec)} for name, spec in found.items() if asks(spec)} == {
        "sovereign-pods": {"IMG-001"},
        "sovereign-others": {"IMG-001"},
    }, "a waiver names no API group, and another one may have a kind of that name"
    expression = next(
        each["expression"]
        for each in found["sovereign-pods"]["validations"]
        if each["message"].startswith("IMG-001")
    )
    assert expression.count("Pod/research/job") == 4, "as a key and in the question, each of them twice"
    assert "b $zone" in expression
    assert {"name": "resource", "expression": RESOURCE} in found["sovereign-pods"]["variables"]


def test_without_waivers_nothing_is_asked_and_with_them_every_other_policy_is_as_it_was() -> None:
    plain = {obj["metadata"]["name"]: obj["spec"] for obj in every("ValidatingAdmissionPolicy")}
    assert not any(asks(spec) for spec in plain.values())
    found = waived("Pod/research/job")
    assert {name for name in plain if plain[name] != found[name]} == {"sovereign-pods", "sovereign-others"}


def test_a_waiver_for_another_kind_or_a_rule_about_waivers_is_asked_about_nowhere_else() -> None:
    found = waived("Service/research/web")
    assert [name for name, spec in found.items() if asks(spec)] == ["sovereign-others"]
    assert not any(asks(spec) for spec in waived("Waiver/w1", rule="WVR-001").values())


def test_a_refusal_stays_a_refusal_where_the_operator_says_no() -> None:
    for validation in waived("Pod/research/job")["sovereign-pods"]["validations"]:
        if '.resource("waivers")' in validation["expression"]:
            rule, _, lift = validation["expression"].rpartition(" || (variables.resource in ")
            assert rule.startswith("(")
            assert rule.endswith(")")
            assert lift.endswith('.check("honour").allowed())')
