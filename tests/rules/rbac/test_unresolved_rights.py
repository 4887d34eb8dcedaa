"""Rights whose end nobody knows are findings; those of known components are not."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.rbac.escalation import WORKLOAD_GROUPS
from sovereign_ai.rules.rbac.unresolved_rights import unfollowed
from tests.rules.objects.test_live import EVE, NAMESPACE, READER, WANTED, binding, decided, role

Rule = tuple[list[str], list[str], list[str]]


def gaps(rule: Rule, namespace: str = "") -> list[str]:
    held = role("r", rule)
    return [gap.message for gap in unfollowed([held, binding(held, EVE, namespace=namespace)])]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ((["cd.example.com"], ["syncs"], ["create"]), "what their controller does"),
        ((["cd.example.com"], ["syncs"], ["patch"]), "what their controller does"),
        ((["cd.example.com"], ["*"], ["*"]), "what their controller does"),
        ((["argoproj.io"], ["applications"], ["patch"]), "what their controller does"),
        ((["kubeflow.org"], ["notebooks", "profiles"], ["create"]), "what their controller does"),
        (([""], ["pods"], ["teleport"]), "no component of Kubernetes"),
        ((["apiregistration.k8s.io"], ["apiservices"], ["create"]), "what such a server does"),
        ((["apiregistration.k8s.io"], ["*"], ["update"]), "what such a server does"),
    ],
)
def test_what_cannot_be_followed_is_named(rule: Rule, words: str) -> None:
    assert [words in text for text in gaps(rule)] == [True]


@pytest.mark.parametrize(
    "rule",
    [
        ((["cd.example.com"], ["syncs"], ["get", "list", "watch", "delete"])),
        (([""], ["pods"], ["create"])),
        (([""], ["users"], ["impersonate"])),
        ((["authentication.k8s.io"], ["users"], ["impersonate:user-info"])),
        ((["certificates.k8s.io"], ["signers"], ["approve", "sign", "attest"])),
        ((["kueue.x-k8s.io"], ["workloads"], ["create"])),
        ((["argoproj.io"], ["workflows"], ["create"])),
        ((["argoproj.io"], ["applications"], ["get"])),
        ((["apiregistration.k8s.io"], ["apiservices"], ["get"])),
        ((["exceptions.sovereign-ai.internal"], ["waivers"], ["honour"])),
        *(([group], ["things"], ["create"]) for group in WORKLOAD_GROUPS),
    ],
    ids=str,
)
def test_what_is_followed_or_leads_nowhere_is_not_named(rule: Rule) -> None:
    assert gaps(rule) == []


@pytest.mark.parametrize("namespace", ["", "research"])
def test_a_binding_to_a_role_that_does_not_exist_is_found(namespace: str) -> None:
    dangling = binding(READER, EVE, namespace=namespace)
    name = f"RoleBinding/{namespace}/b" if namespace else "ClusterRoleBinding/b"
    found = decided("LIV-005", [*WANTED, dangling])
    assert [(one.resource, one.field) for one in found] == [(name, "roleRef")]
    assert found[0].message == (
        "User eve is bound to ClusterRole reader, which does not exist: whoever makes it decides what "
        "it grants"
    )
    assert decided("LIV-005", [*WANTED, READER, dangling]) == []


def test_rights_elsewhere_and_of_the_control_plane_are_not_reported() -> None:
    assert decided("LIV-005", [*WANTED, binding(READER, EVE, namespace="elsewhere")]) == []
    stock = {"kind": "ServiceAccount", "name": "job-controller", "namespace": "kube-system"}
    assert (
        decided("LIV-005", [*WANTED, binding(READER, stock, name="system:controller:job-controller")]) == []
    )
    assert len(decided("LIV-005", [*WANTED, binding(READER, stock, name="more")])) == 1


def machines(*extra: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.resource, one.message) for one in decided("LIV-006", [NAMESPACE, *extra], [NAMESPACE])]


@pytest.mark.parametrize("resource", ["nodes", "nodes/status", "*/status", "*"])
@pytest.mark.parametrize("verb", ["create", "update", "patch", "*"])
def test_who_can_write_nodes_is_reported(resource: str, verb: str) -> None:
    writer = role("r", ([""], [resource], [verb]))
    assert [one for one in machines(writer, binding(writer, EVE)) if one[1].endswith("machines everywhere")]
    reader = role("r", ([""], [resource], ["get", "list", "watch"]))
    assert [
        one for one in machines(reader, binding(reader, EVE)) if one[1].endswith("machines everywhere")
    ] == []


def test_who_can_impersonate_the_identity_that_labels_nodes_is_reported() -> None:
    acting = role("r", ([""], ["users"], ["impersonate"]))
    acting["rules"][0]["resourceNames"] = ["sovereign-ai:machines"]
    path = "impersonate User sovereign-ai:machines by ClusterRoleBinding/b"
    text = f"User eve may create, patch, update machines everywhere: {path}"
    assert machines(acting, binding(acting, EVE)) == [("ClusterRoleBinding/b", text)]
    acting["rules"][0]["resourceNames"] = ["somebody"]
    assert machines(acting, binding(acting, EVE)) == []


@pytest.mark.parametrize(
    ("subject", "name", "is_found"),
    [
        (
            {"kind": "ServiceAccount", "name": "node-controller", "namespace": "kube-system"},
            "system:controller:node-controller",
            False,
        ),
        (
            {"kind": "ServiceAccount", "name": "node-controller", "namespace": "kube-system"},
            "system:controller:ttl-controller",
            True,
        ),
        ({"kind": "ServiceAccount", "name": "node-controller", "namespace": "kube-system"}, "more", True),
        (
            {"kind": "ServiceAccount", "name": "node-controller", "namespace": "research"},
            "system:controller:node-controller",
            True,
        ),
        ({"kind": "User", "name": "sovereign-ai:kwok"}, "sovereign-ai:kwok", False),
        ({"kind": "User", "name": "eve"}, "sovereign-ai:kwok", True),
        ({"kind": "User", "name": "system:kube-scheduler"}, "system:kube-scheduler", False),
        ({"kind": "User", "name": "eve"}, "system:kube-scheduler", True),
    ],
)
def test_a_component_is_known_together_with_its_own_binding(
    subject: dict[str, Any], name: str, is_found: bool
) -> None:
    writer = role("r", ([""], ["nodes"], ["patch"]))
    assert bool(machines(writer, binding(writer, subject, name=name))) is is_found
