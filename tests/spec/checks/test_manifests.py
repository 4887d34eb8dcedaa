"""Manifests that cannot be: of a wrong form, refused kinds, names twice, and namespaces of others."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from tests.rules.subject import factory_of

ACCOUNT = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "a", "namespace": "kueue-system"},
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Cluster"},
}


def problems(*manifests: Any) -> list[tuple[str, str]]:
    """Return code and field of each problem of a platform with these manifests, below its manifests."""
    controllers = [{"name": "kueue", "manifests": list(manifests)}]
    try:
        factory_of(platform={"queueing": "kueue", "controllers": controllers})
    except SpecError as error:
        start = "platform.controllers[0].manifests"
        return [(problem.code, problem.where.field.removeprefix(start)) for problem in error.problems]
    return []


def changed(obj: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    fresh = copy.deepcopy(obj)
    fresh["metadata"].update(metadata)
    return fresh


def of_kind(api_version: str, kind: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a"}}


@pytest.mark.parametrize(
    ("api_version", "kind", "name"),
    [
        ("v1", "ConfigMap", "coredns"),
        ("v1", "ConfigMap", "extension-apiserver-authentication"),
        ("v1", "ConfigMap", "kube-apiserver-legacy-service-account-token-tracking"),
        ("v1", "ConfigMap", "kube-proxy"),
        ("v1", "ConfigMap", "kubeadm-config"),
        ("v1", "ConfigMap", "kubelet-config"),
        ("v1", "ConfigMap", "kubelet-config-1.37"),
        ("v1", "Service", "kube-dns"),
        ("apps/v1", "Deployment", "coredns"),
        ("apps/v1", "DaemonSet", "kube-proxy"),
        ("rbac.authorization.k8s.io/v1", "Role", "extension-apiserver-authentication-reader"),
        ("rbac.authorization.k8s.io/v1", "Role", "kubeadm:nodes-kubeadm-config"),
    ],
)
def test_what_every_cluster_has_by_itself_is_refused_by_its_name(
    api_version: str, kind: str, name: str
) -> None:
    own = changed(of_kind(api_version, kind), name=name, namespace="kube-system")
    assert problems(own) == [("refused-manifest", "[0]")]


@pytest.mark.parametrize(
    "name", ["admin", "cluster-admin", "view", "system:node", "system:aggregate-to-edit"]
)
def test_roles_of_every_cluster_are_refused_by_their_names(name: str) -> None:
    role = changed(of_kind("rbac.authorization.k8s.io/v1", "ClusterRole"), name=name)
    assert problems(role) == [("refused-manifest", "[0]")]


def test_names_that_only_resemble_those_of_a_cluster_are_permitted() -> None:
    reader = changed(of_kind("rbac.authorization.k8s.io/v1", "ClusterRole"), name="system:metrics-server")
    settings = changed(of_kind("v1", "ConfigMap"), name="coredns")
    elsewhere = changed(of_kind("v1", "ConfigMap"), name="kube-proxy-rules", namespace="kube-system")
    assert problems(ACCOUNT, reader, settings, elsewhere) == []


def test_objects_in_the_controllers_own_namespace_and_in_that_of_kubernetes_are_permitted() -> None:
    reader = changed(of_kind("rbac.authorization.k8s.io/v1", "Role"), namespace="kube-system")
    assert problems(ACCOUNT, reader, DEFINITION, of_kind("v1", "ConfigMap")) == []


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("v1", "Pod"),
        ("v1", "Node"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io/v1beta1", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io/v1alpha1", "MutatingAdmissionPolicy"),
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicyBinding"),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "PriorityLevelConfiguration"),
        ("kueue.x-k8s.io/v1beta2", "ClusterQueue"),
        ("kueue.x-k8s.io/v1beta1", "Cohort"),
        ("resource.k8s.io/v1", "ResourceSlice"),
        ("resource.k8s.io/v1alpha3", "DeviceTaintRule"),
        ("coordination.k8s.io/v1", "Lease"),
        ("events.k8s.io/v1", "Event"),
        ("policy/v1", "Eviction"),
        ("authentication.k8s.io/v1", "TokenReview"),
        ("authorization.k8s.io/v1", "SubjectAccessReview"),
    ],
)
def test_what_the_description_machines_or_requests_bring_is_refused_in_every_version(
    api_version: str, kind: str
) -> None:
    assert problems(of_kind(api_version, kind)) == [("refused-manifest", "[0]")]


@pytest.mark.parametrize("fields", [{}, {"type": "Opaque"}, {"data": {}}, {"stringData": None, "data": None}])
def test_an_empty_secret_which_its_controller_fills_is_permitted(fields: dict[str, Any]) -> None:
    assert problems({**of_kind("v1", "Secret"), **fields}) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"data": {"tls.key": "aGlkZGVu"}}, "data"),
        ({"data": {"tls.key": ""}}, "data"),
        ({"stringData": {"password": "hidden"}}, "stringData"),
        ({"data": ["hidden"]}, "data"),
        ({"immutable": True}, "immutable"),
        ({"type": "kubernetes.io/service-account-token"}, "type"),
        ({"type": "kubernetes.io/tls"}, "type"),
        ({"type": None}, "type"),
        ({"type": ["Opaque"]}, "type"),
        ({"spec": {"a": 1}}, "spec"),
    ],
)
def test_a_secret_that_holds_something_or_that_another_fills_is_refused(
    fields: dict[str, Any], field: str
) -> None:
    assert problems({**of_kind("v1", "Secret"), **fields}) == [("refused-manifest", f"[0].{field}")]


def test_a_secret_with_what_kubectl_applied_last_holds_its_content() -> None:
    """`kubectl get secret -o yaml` writes it, and whoever takes `data` out may overlook it."""
    applied = '{"apiVersion":"v1","data":{"password":"aGlkZGVu"},"kind":"Secret"}'
    metadata = {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}
    assert problems({**of_kind("v1", "Secret"), "metadata": metadata}) == [
        ("refused-manifest", "[0].metadata.annotations")
    ]


@pytest.mark.parametrize(
    ("metadata", "code", "field"),
    [
        ({"annotations": {"helm.sh/hook": "pre-install"}}, "refused-manifest", "[0].metadata"),
        ({"labels": {"sovereign-ai.internal/owner": "me"}}, "refused-manifest", "[0].metadata.labels"),
        ({"annotations": {"pulumi.com/skipAwait": "true"}}, "refused-manifest", "[0].metadata.annotations"),
        ({"labels": {"count": 1}}, "bad-manifest", "[0].metadata.labels"),
        ({"uid": "1"}, "refused-manifest", "[0].metadata.uid"),
        ({"finalizers": ["example.com/hold"]}, "refused-manifest", "[0].metadata.finalizers"),
        ({"ownerReferences": [{}]}, "refused-manifest", "[0].metadata.ownerReferences"),
        ({"name": "a::b"}, "bad-manifest", "[0].metadata.name"),
        ({"name": "a/b"}, "bad-manifest", "[0].metadata.name"),
        ({"name": None, "generateName": "a-"}, "bad-manifest", "[0].metadata"),
        ({"namespace": "research"}, "foreign-namespace", "[0].metadata.namespace"),
        ({"namespace": "default"}, "foreign-namespace", "[0].metadata.namespace"),
        ({"namespace": "sovereign-system"}, "foreign-namespace", "[0].metadata"),
        ({"namespace": "Not A Label"}, "bad-manifest", "[0].metadata.namespace"),
    ],
)
def test_metadata_that_would_take_effect_beside_the_description_is_refused(
    metadata: dict[str, Any], code: str, field: str
) -> None:
    assert problems(changed(ACCOUNT, **metadata))[0] == (code, field)


@pytest.mark.parametrize(
    "obj",
    [
        {"kind": "ConfigMap", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "ConfigMap"},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": "a"},
        {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": []},
        {"apiVersion": ["v1"], "kind": "ConfigMap", "metadata": {"name": "a"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {1: "b"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": float("nan")}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": 1 << 64}},
    ],
)
def test_what_is_no_object_of_json_is_refused(obj: dict[Any, Any]) -> None:
    assert {code for code, _ in problems(obj)} <= {"bad-manifest"}
    assert problems(obj)


def test_the_name_of_a_file_is_refused_where_nothing_has_files_beside_it() -> None:
    assert [code for code, _ in problems("kueue.yaml")] == ["bad-manifest"]


def test_an_object_and_a_kind_stand_once_in_the_manifests_of_all_controllers() -> None:
    assert problems(ACCOUNT, ACCOUNT) == [("duplicate-name", "[1]")]
    other_group = of_kind("serving.knative.dev/v1", "Service")
    assert problems(of_kind("v1", "Service"), other_group) == [("duplicate-name", "[1]")]
    assert problems(DEFINITION, changed(DEFINITION, name="others.example.com")) == [("duplicate-name", "[1]")]


def test_a_definition_without_a_kind_and_one_of_our_own_group_are_refused() -> None:
    assert problems({**DEFINITION, "spec": {"group": "example.com"}}) == [("bad-manifest", "[0].spec")]
    ours = {**DEFINITION["spec"], "group": "exceptions.sovereign-ai.internal"}  # type: ignore[dict-item]
    assert problems({**DEFINITION, "spec": ours}) == [("refused-manifest", "[0].spec.group")]


def test_a_namespace_that_the_manifests_bring_is_the_platforms_and_can_be_no_tenants() -> None:
    brought = changed(of_kind("v1", "Namespace"), name="queue-webhooks")
    assert problems(brought, changed(ACCOUNT, namespace="queue-webhooks")) == []
    assert problems(changed(of_kind("v1", "Namespace"), name="kube-system")) == [("foreign-namespace", "[0]")]


@pytest.mark.parametrize("kind", ["List", "SecretList", "ClusterRoleBindingList", "ConfigMap"])
@pytest.mark.parametrize("items", [[of_kind("v1", "Secret")], [], None])
def test_an_object_that_kubectl_would_take_apart_is_refused(kind: str, items: Any) -> None:
    assert problems({**of_kind("v1", kind), "items": items}) == [("bad-manifest", "[0].items")]


@pytest.mark.parametrize("version", ["core/v1", "secrets/v1", "x/v1"])
def test_a_group_without_a_dot_is_one_of_kubernetes(version: str) -> None:
    assert problems(of_kind(version, "Secret")) == [("bad-manifest", "[0].apiVersion")]
    assert problems(of_kind("apps/v1", "Deployment"), of_kind("policy/v1", "PodDisruptionBudget")) == []


def test_no_manifest_sets_the_priority_of_all_pods_or_the_authority_that_they_trust() -> None:
    level = of_kind("scheduling.k8s.io/v1", "PriorityClass") | {"value": 1000}
    assert problems(level) == []
    assert problems({**level, "globalDefault": True}) == [("refused-manifest", "[0].globalDefault")]
    trusted = changed(of_kind("v1", "ConfigMap"), name="kube-root-ca.crt")
    assert problems(trusted) == [("refused-manifest", "[0]")]


def test_a_right_of_a_wrong_shape_is_a_problem_at_its_field() -> None:
    role = of_kind("rbac.authorization.k8s.io/v1", "ClusterRole") | {"rules": [{"verbs": "get"}]}
    assert problems(role) == [("bad-manifest", "[0].rules[0].verbs")]
