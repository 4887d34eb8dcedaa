from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.verify.kinds import ADMISSION, GOVERNED, KUEUE, RBAC
from tests.verify.small_bundle import POLICY, check
from tests.verify.test_verdict import FACTORY, PLAN, memory


def found(*objects: dict[str, Any]) -> list[tuple[str, str]]:
    api = memory()
    api.put(*objects)
    return [(one.kind, one.resource) for one in check(api, FACTORY, PLAN).findings]


def named(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **place}, **more}


def binding(kind: str, subject: dict[str, str], namespace: str = "", **labels: str) -> dict[str, Any]:
    obj = named(
        RBAC, kind, "stranger", namespace, roleRef={"kind": "ClusterRole", "name": "edit"}, subjects=[subject]
    )
    obj["metadata"]["labels"] = {key.replace("__", "/"): value for key, value in labels.items()}
    return obj


@pytest.mark.parametrize(("version", "kind"), GOVERNED)
def test_every_governed_kind_in_a_namespace_of_ours_must_be_declared(version: str, kind: str) -> None:
    assert found(named(version, kind, "stranger", "research")) == [("foreign", f"{kind}/research/stranger")]


def test_outside_our_namespaces_the_same_objects_are_none_of_our_business() -> None:
    assert found(*(named(version, kind, "stranger", "elsewhere") for version, kind in GOVERNED)) == []


def test_the_service_account_that_every_namespace_has_is_expected() -> None:
    assert found(named("v1", "ServiceAccount", "default", "research")) == []


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "ServiceAccount", "name": "default", "namespace": "research"},
        {"kind": "Group", "name": "system:serviceaccounts:research"},
        {"kind": "Group", "name": "tenant:research"},
        {"kind": "Group", "name": "system:authenticated"},
        {"kind": "Group", "name": "system:unauthenticated"},
    ],
)
def test_a_cluster_wide_binding_that_reaches_our_tenants_is_foreign(subject: dict[str, str]) -> None:
    assert found(binding("ClusterRoleBinding", subject)) == [("foreign", "ClusterRoleBinding/stranger")]


def test_bindings_of_others_to_others_are_none_of_our_business() -> None:
    assert found(binding("ClusterRoleBinding", {"kind": "User", "name": "operator"})) == []
    assert (
        found(
            binding("ClusterRoleBinding", {"kind": "ServiceAccount", "name": "a", "namespace": "elsewhere"})
        )
        == []
    )


def stock(name: str, group: str) -> dict[str, Any]:
    """A cluster role binding under the label that the server gives to those it makes for itself."""
    made = binding(
        "ClusterRoleBinding",
        {"kind": "Group", "name": group},
        **{"kubernetes.io__bootstrapping": "rbac-defaults"},
    )
    return {**made, "metadata": {**made["metadata"], "name": name}}


def test_what_the_server_binds_for_everybody_is_expected() -> None:
    assert (
        found(
            stock("system:discovery", "system:authenticated"),
            stock("system:public-info-viewer", "system:unauthenticated"),
        )
        == []
    )


@pytest.mark.parametrize(
    ("name", "group"), [("stranger", "system:authenticated"), ("cluster-admin", "system:authenticated")]
)
def test_the_servers_own_label_and_names_excuse_nothing_more(name: str, group: str) -> None:
    assert found(stock(name, group)) == [("foreign", f"ClusterRoleBinding/{name}")]


def test_one_more_group_on_a_binding_of_the_servers_own_is_foreign() -> None:
    assert found(stock("system:discovery", "system:unauthenticated")) == [
        ("foreign", "ClusterRoleBinding/system:discovery")
    ]


def test_a_tenants_group_that_is_given_rights_elsewhere_is_foreign() -> None:
    group = {"kind": "Group", "name": "tenant:research"}
    assert found(binding("RoleBinding", group, "kube-system")) == [
        ("foreign", "RoleBinding/kube-system/stranger")
    ]


def test_a_namespace_that_claims_a_zone_of_ours_is_foreign() -> None:
    claiming = named("v1", "Namespace", "trojan")
    claiming["metadata"]["labels"] = {KEYS.namespace_zone: "restricted"}
    assert found(claiming) == [("foreign", "Namespace/trojan")]
    assert found(named("v1", "Namespace", "harmless")) == []


def test_another_binding_of_our_admission_policy_is_foreign() -> None:
    again = named(
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        "again",
        spec={"policyName": POLICY, "validationActions": ["Audit"]},
    )
    assert found(again) == [("foreign", "ValidatingAdmissionPolicyBinding/again")]


def test_queues_of_others_cluster_wide_are_none_of_our_business() -> None:
    assert found(named(KUEUE, "ClusterQueue", "theirs")) == []


@pytest.mark.parametrize(
    ("kind", "namespace"),
    [("RoleBinding", "research"), ("RoleBinding", "elsewhere"), ("ClusterRoleBinding", "")],
)
def test_break_glass_access_is_foreign_wherever_it_is_and_whatever_it_carries(
    kind: str, namespace: str
) -> None:
    person = {"kind": "User", "name": "break-glass:on-call:1f2e3d4c"}
    opened = binding(kind, person, namespace, **{"kubernetes.io__bootstrapping": "rbac-defaults"})
    api = memory()
    api.put(opened)
    [one] = check(api, FACTORY, PLAN).findings
    assert one.kind == "foreign"
    assert one.message.startswith("break-glass access is open: break-glass:on-call:1f2e3d4c has edit")
