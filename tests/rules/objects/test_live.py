"""Rights and guards of a whole cluster: who is found beyond the rendered objects, and who is not."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.objects import live
from sovereign_ai.rules.rbac.grants import POLICIES, SECRETS, SHELLS, direct_grants
from sovereign_ai.rules.registry import REGISTRY, find_rule

Data = dict[str, Any]
GROUP = "admissionregistration.k8s.io"


def role(name: str, *rules: tuple[list[str], list[str], list[str]], namespace: str = "") -> Data:
    listed = [
        {"apiGroups": groups, "resources": resources, "verbs": verbs} for groups, resources, verbs in rules
    ]
    return {
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": head(name, namespace),
        "rules": listed,
    }


def head(name: str, namespace: str) -> Data:
    return {"name": name, **({"namespace": namespace} if namespace else {})}


def binding(to: Data, *subjects: Data, namespace: str = "", name: str = "b") -> Data:
    reference = {"kind": to["kind"], "name": to["metadata"]["name"]}
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    return {"kind": kind, "metadata": head(name, namespace), "roleRef": reference, "subjects": list(subjects)}


EVE = {"kind": "User", "name": "eve"}
TENANT = {"kind": "Group", "name": "tenant:research"}
ACCOUNT = {"kind": "ServiceAccount", "name": "default", "namespace": "research"}
READER = role("reader", ([""], ["secrets"], ["get"]))
OWN = role("tenant-admin", ([""], ["secrets"], ["get", "list", "watch"]), namespace="research")
NAMESPACE = {"kind": "Namespace", "metadata": {"name": "research"}}
WANTED: list[Data] = [NAMESPACE, OWN, binding(OWN, TENANT, namespace="research", name="tenant-admin")]


def decided(rule_id: str, objects: Iterable[Data], wanted: list[Data] | None = None) -> list[RuleFinding]:
    one = find_rule(rule_id)
    assert one.decide_live is not None
    return list(one.decide_live(one, list(objects), WANTED if wanted is None else wanted))


def found(*extra: Data) -> list[str]:
    return [f"{one.resource}: {one.message}" for one in decided("LIV-001", [*WANTED, *extra])]


def test_a_rendered_right_is_no_finding() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("rules", "verbs"),
    [
        (([""], ["secrets"], ["get"]), "get"),
        ((["*"], ["*"], ["*"]), "delete, deletecollection, get, list, patch, watch"),
        (([""], ["*"], ["list"]), "list"),
        ((["*"], ["secrets", "pods"], ["watch", "create"]), "watch"),
        (([""], ["secrets"], ["create", "delete"]), "delete"),
    ],
    ids=["named", "everything", "all resources", "all groups", "by deletion"],
)
def test_every_way_to_say_it_is_a_way_to_read(
    rules: tuple[list[str], list[str], list[str]], verbs: str
) -> None:
    wide = role("r", rules)
    assert f"ClusterRoleBinding/b: User eve may {verbs} secrets everywhere" in found(wide, binding(wide, EVE))


@pytest.mark.parametrize(
    "rules",
    [
        ([""], ["services"], ["*"]),
        (["apps"], ["secrets"], ["get"]),
        ([""], ["secrets"], ["create", "update"]),
        ([""], ["secrets/x"], ["get"]),
    ],
    ids=["other resource", "other group", "only writes", "only a part"],
)
def test_what_reads_no_secret_is_no_finding(rules: tuple[list[str], list[str], list[str]]) -> None:
    narrow = role("r", rules)
    assert found(narrow, binding(narrow, EVE)) == []


def test_a_right_to_one_named_secret_is_a_right() -> None:
    one = role("r", ([""], ["secrets"], ["get"]))
    one["rules"][0]["resourceNames"] = ["password"]
    assert found(one, binding(one, EVE)) == ["ClusterRoleBinding/b: User eve may get secrets everywhere"]


def test_a_cluster_role_bound_in_a_namespace_reaches_that_namespace_alone() -> None:
    assert found(READER, binding(READER, EVE, namespace="research")) == [
        "RoleBinding/research/b: User eve may get secrets in research"
    ]
    assert found(READER, binding(READER, EVE, namespace="elsewhere")) == []


def test_a_role_of_another_namespace_and_one_that_is_not_there_give_nothing() -> None:
    other = {**OWN, "metadata": head("tenant-admin", "elsewhere")}
    assert direct_grants([other, binding(other, EVE, namespace="research")], SECRETS) == []
    assert direct_grants([binding(READER, EVE)], SECRETS) == []


def test_each_subject_of_a_binding_counts_and_a_service_account_has_its_namespace() -> None:
    anonymous = {"kind": "Group", "name": "system:authenticated"}
    local = {"kind": "ServiceAccount", "name": "workload"}
    read = "read secrets, which may hold tokens, in research by RoleBinding/research/tenant-admin"
    on = "as ServiceAccount research/default, by ClusterRoleBinding/b"
    assert found(READER, binding(READER, ACCOUNT, anonymous)) == [
        "ClusterRoleBinding/b: Group system:authenticated may get secrets everywhere",
        (
            "ClusterRoleBinding/b: Group tenant:research may get secrets everywhere: as Group "
            "system:authenticated, by ClusterRoleBinding/b"
        ),
        f"ClusterRoleBinding/b: Group tenant:research may get secrets everywhere: {read}, {on}",
        "ClusterRoleBinding/b: ServiceAccount research/default may get secrets everywhere",
    ]
    assert found(READER, binding(READER, local, namespace="research")) == [
        "RoleBinding/research/b: ServiceAccount research/workload may get secrets in research"
    ]


def test_verbs_beyond_the_rendered_ones_are_reported_alone() -> None:
    little = role("tenant-admin", ([""], ["secrets"], ["get"]), namespace="research")
    wanted = [NAMESPACE, little, binding(little, TENANT, namespace="research", name="tenant-admin")]
    live_objects = [NAMESPACE, OWN, binding(OWN, TENANT, namespace="research", name="tenant-admin")]
    assert [one.message for one in decided("LIV-001", live_objects, wanted)] == [
        "Group tenant:research may list, watch secrets in research"
    ]


def test_no_label_but_a_built_in_name_makes_a_part_of_the_control_plane() -> None:
    labelled = binding(READER, EVE)
    labelled["metadata"]["labels"] = {
        "kubernetes.io/bootstrapping": "rbac-defaults",
        "sovereign-ai.internal/owner": "sovereign-ai",
    }
    assert found(READER, labelled)
    assert found(READER, binding(READER, {"kind": "Group", "name": "system:masters"})) == []
    assert found(READER, binding(READER, {"kind": "User", "name": "system:masters"}))


def test_lists_that_the_server_returns_as_null_grant_no_right() -> None:
    empty: Data = {**READER, "rules": None}
    hollow: Data = {
        **READER,
        "rules": [
            {"apiGroups": None, "resources": None, "verbs": None},
            {"apiGroups": [""], "resources": ["secrets"]},
        ],
    }
    for one in (empty, hollow):
        assert found(one, binding(one, EVE)) == []
    assert found(READER, {**binding(READER), "subjects": None}) == []


def test_only_roles_and_bindings_give_rights_and_only_namespaces_are_ours() -> None:
    stray: Data = {"kind": "ConfigMap", "metadata": {"name": "reader"}, "rules": READER["rules"]}
    assert (
        found(
            stray, binding({"kind": "ConfigMap", "metadata": {"name": "reader"}}, EVE, namespace="research")
        )
        == []
    )
    wanted = [*WANTED, {"kind": "ConfigMap", "metadata": {"name": "elsewhere", "namespace": "research"}}]
    assert decided("LIV-001", [*wanted, READER, binding(READER, EVE, namespace="elsewhere")], wanted) == []


@pytest.mark.parametrize("part", ["exec", "attach", "portforward", "ephemeralcontainers", "proxy"])
def test_every_way_into_a_pod_is_reported(part: str) -> None:
    for resource in (f"pods/{part}", f"*/{part}", "*"):
        shell = role("r", ([""], [resource], ["*"]))
        assert [one.rule for one in decided("LIV-002", [*WANTED, shell, binding(shell, EVE)])] == [
            "LIV-002"
        ], resource
    pods = role("r", ([""], ["pods", "pods/log"], ["*"]))
    assert decided("LIV-002", [*WANTED, pods, binding(pods, EVE)]) == []


@pytest.mark.parametrize("resource", [name for _, name in POLICIES.resources])
@pytest.mark.parametrize("verb", POLICIES.verbs)
def test_who_can_change_a_policy_is_reported(resource: str, verb: str) -> None:
    editor = role("r", ([GROUP], [resource], [verb]))
    assert f"User eve may {verb} admission policies everywhere" in [
        one.message for one in decided("LIV-003", [*WANTED, editor, binding(editor, EVE)])
    ]
    reader = role("r", ([GROUP], [resource], ["get", "list", "watch"]))
    assert decided("LIV-003", [*WANTED, reader, binding(reader, EVE)]) == []


POLICY: Data = {
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "sovereign-pods"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [{"apiGroups": [""], "operations": ["CREATE"], "resources": ["pods"]}]
        },
        "validations": [{"expression": "false", "message": "no"}],
    },
}
BOUND: Data = {
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "sovereign-pods"},
    "spec": {"policyName": "sovereign-pods", "validationActions": ["Deny"]},
}


def guards(*objects: Data) -> list[tuple[str, str]]:
    return [(one.resource, one.field) for one in decided("LIV-004", objects, [NAMESPACE, POLICY, BOUND])]


def changed(obj: Data, path: str, value: Any) -> Data:
    copied = copy.deepcopy(obj)
    inner: Any = copied["spec"]
    steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    return copied


def test_intact_policies_are_no_finding_with_defaults_of_the_server() -> None:
    served = changed(POLICY, "matchConstraints.matchPolicy", "Equivalent")
    served = changed(served, "matchConstraints.namespaceSelector", {})
    served = changed(served, "matchConstraints.resourceRules.0.scope", "*")
    assert guards(served, BOUND) == []


def test_what_was_rendered_empty_may_be_left_out_by_the_server_and_may_not_be_filled() -> None:
    wanted = changed(POLICY, "matchConstraints.objectSelector", {})
    filled = changed(POLICY, "matchConstraints.objectSelector", {"matchLabels": {"a": "b"}})
    assert decided("LIV-004", [POLICY], [wanted]) == []
    assert [one.field for one in decided("LIV-004", [filled], [wanted])] == [
        "spec.matchConstraints.objectSelector.matchLabels"
    ]
    variables = changed(POLICY, "variables", [])
    assert decided("LIV-004", [POLICY], [variables]) == []
    assert [one.field for one in decided("LIV-004", [changed(POLICY, "variables", "x")], [variables])] == [
        "spec.variables"
    ]


def test_missing_policies_are_reported() -> None:
    assert guards(BOUND) == [("ValidatingAdmissionPolicy/sovereign-pods", "")]
    assert guards(POLICY) == [("ValidatingAdmissionPolicyBinding/sovereign-pods", "")]


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("failurePolicy", "Ignore", "spec.failurePolicy"),
        ("failurePolicy", list("Fail"), "spec.failurePolicy"),
        ("matchConstraints", None, "spec.matchConstraints"),
        ("matchConstraints", [], "spec.matchConstraints"),
        ("validations", None, "spec.validations"),
        ("validations", {}, "spec.validations"),
        ("validations.0", {"expression": "false"}, "spec.validations[0].message"),
        ("validations", [], "spec.validations"),
        ("validations.0.expression", "true", "spec.validations[0].expression"),
        ("matchConditions", [{"name": "never", "expression": "false"}], "spec.matchConditions"),
        ("matchConstraints.matchPolicy", "Exact", "spec.matchConstraints.matchPolicy"),
        (
            "matchConstraints.namespaceSelector",
            {"matchLabels": {"a": "b"}},
            "spec.matchConstraints.namespaceSelector",
        ),
        (
            "matchConstraints.excludeResourceRules",
            [{"resources": ["*"]}],
            "spec.matchConstraints.excludeResourceRules",
        ),
        ("matchConstraints.resourceRules.0.scope", "Cluster", "spec.matchConstraints.resourceRules[0].scope"),
        (
            "matchConstraints.resourceRules.0.resourceNames",
            ["one"],
            "spec.matchConstraints.resourceRules[0].resourceNames",
        ),
    ],
)
def test_every_way_to_weaken_a_policy_is_reported(path: str, value: Any, field: str) -> None:
    assert guards(changed(POLICY, path, value), BOUND) == [
        ("ValidatingAdmissionPolicy/sovereign-pods", field)
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("validationActions", ["Warn", "Audit"]),
        ("policyName", "other"),
        ("paramRef", {"name": "loose"}),
        ("matchResources", {"objectSelector": {"matchLabels": {"a": "b"}}}),
    ],
)
def test_every_way_to_weaken_a_binding_is_reported(path: str, value: Any) -> None:
    assert guards(POLICY, changed(BOUND, path, value)) == [
        ("ValidatingAdmissionPolicyBinding/sovereign-pods", f"spec.{path}")
    ]


def test_live_rules_say_why_they_are_decided_nowhere_else() -> None:
    for one in live.RULES:
        assert one in REGISTRY
        assert {place for place, _ in one.elsewhere} == {"plan", "bundle", "pulumi", "admission"}
        assert replace(one, decide_live=None).places == frozenset({"live"})
    assert SHELLS.verbs
