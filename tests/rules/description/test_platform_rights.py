"""Rights and webhooks of controllers: what reaches secrets, pods, policies and machines is named."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.description.platform_rights import RULES
from tests.rules.subject import factory_of, plan_of

RBAC = "rbac.authorization.k8s.io"
CERTIFICATE = {"service": {"name": "hook", "namespace": "kueue-system"}}


def findings(*manifests: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return rule, resource and field of each finding on some manifests of Kueue."""
    controller = {"name": "kueue", "manifests": list(manifests)}
    factory = factory_of(platform={"queueing": "kueue", "controllers": [controller]})
    found: list[tuple[str, str, str]] = []
    for rule in RULES:
        assert rule.decide is not None
        for finding in rule.decide(rule, factory, plan_of(factory)):
            field = finding.where.field.removeprefix("platform.controllers[0].manifests")
            found.append((finding.rule, finding.resource, field))
    return sorted(set(found))


def role(*rules: dict[str, Any], kind: str = "ClusterRole", namespace: str | None = None) -> dict[str, Any]:
    metadata = {"name": "manager"} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}


def binding(
    kind: str = "ClusterRoleBinding",
    to: str = "manager",
    namespace: str | None = None,
    of: str = "ClusterRole",
) -> dict[str, Any]:
    metadata = {"name": "manager"} | ({"namespace": namespace} if namespace else {})
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": of, "name": to},
        "subjects": [{"kind": "ServiceAccount", "name": "manager", "namespace": "kueue-system"}],
    }


def on(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


@pytest.mark.parametrize(
    "rule",
    [
        on("", ["secrets"], ["list"]),
        on("*", ["*"], ["*"]),
        on("", ["pods/exec"], ["create"]),
        on("admissionregistration.k8s.io", ["validatingadmissionpolicybindings"], ["delete"]),
        on("", ["nodes"], ["patch"]),
        on("flowcontrol.apiserver.k8s.io", ["flowschemas"], ["update"]),
        # Whoever makes pods anywhere mounts any secret; whoever binds anything is whoever he likes.
        on("batch", ["jobs"], ["create"]),
        on(RBAC, ["clusterroles", "clusterrolebindings"], ["bind", "create"]),
    ],
)
def test_a_right_on_what_is_not_the_controllers_is_named_at_its_binding(rule: dict[str, Any]) -> None:
    found = findings(role(rule), binding())
    assert ("PLT-004", "ClusterRoleBinding/manager", "[1]") in found


def test_what_a_controller_reads_without_a_secret_and_holds_in_its_own_namespace_is_permitted() -> None:
    looks = role(on("", ["pods", "nodes", "services"], ["get", "list", "watch"]))
    inside = role(on("", ["secrets"], ["get", "list"]), kind="Role", namespace="kueue-system")
    own = binding("RoleBinding", namespace="kueue-system", of="Role")
    assert findings(looks, binding(), inside, own) == []


def test_the_same_right_in_the_namespace_of_kubernetes_is_named() -> None:
    inside = role(on("", ["secrets"], ["get"]), kind="Role", namespace="kube-system")
    own = binding("RoleBinding", namespace="kube-system", of="Role")
    assert findings(inside, own) == [("PLT-004", "RoleBinding/kube-system/manager", "[1]")]


@pytest.mark.parametrize("to", ["cluster-admin", "edit", "somebody-elses"])
def test_a_binding_to_a_role_that_the_manifests_do_not_hold_is_named(to: str) -> None:
    assert findings(binding(to=to)) == [("PLT-004", "ClusterRoleBinding/manager", "[0]")]


@pytest.mark.parametrize("to", ["system:auth-delegator", "view"])
def test_roles_of_kubernetes_that_show_nothing_may_be_bound(to: str) -> None:
    assert findings(binding(to=to)) == []


def webhook(kind: str, group: str, resource: str) -> dict[str, Any]:
    rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE"], "resources": [resource]}
    entry = {"name": "hook.example.com", "clientConfig": CERTIFICATE, "rules": [rule]}
    metadata = {"name": "hook"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "webhooks": [entry],
    }


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
@pytest.mark.parametrize(("group", "resource"), [("", "secrets"), ("*", "*"), ("", "*/*"), ("*", "secrets")])
def test_a_webhook_that_is_sent_secrets_is_named(kind: str, group: str, resource: str) -> None:
    assert findings(webhook(kind, group, resource)) == [("PLT-005", f"{kind}/hook", "[0]")]


def test_a_webhook_on_its_own_kinds_is_permitted() -> None:
    assert findings(webhook("ValidatingWebhookConfiguration", "kueue.x-k8s.io", "*")) == []


def registration(group: str, **spec: Any) -> dict[str, Any]:
    full = {"group": group, "version": "v1", "service": CERTIFICATE["service"], **spec}
    metadata = {"name": f"v1.{group}"}
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": metadata,
        "spec": full,
    }


def server(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "hook", "namespace": "kueue-system"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": "kueue"}, **spec},
    }


@pytest.mark.parametrize(
    ("group", "is_named"),
    [
        ("apps", True),
        ("rbac.authorization.k8s.io", True),
        ("kueue.x-k8s.io", True),
        ("gateway.networking.k8s.io", True),
        ("x-k8s.io", True),
        ("sovereign-ai.internal", True),
        ("metrics.k8s.io", False),
        ("visibility.kueue.x-k8s.io", False),
        ("things.example.com", False),
        ("notk8s.io", False),
    ],
)
def test_a_server_in_the_place_of_the_api_server_is_named(group: str, *, is_named: bool) -> None:
    assert bool(findings(registration(group), server())) is is_named


@pytest.mark.parametrize(
    "service",
    [
        None,
        server(selector={}),
        server(selector=None, type="ExternalName", externalName="api.example.org"),
    ],
)
def test_a_server_whose_pods_the_manifests_do_not_select_is_named(service: dict[str, Any] | None) -> None:
    brought = (registration("things.example.com"), *((service,) if service else ()))
    assert ("PLT-005", "APIService/v1.things.example.com", "[0]") in findings(*brought)


def test_a_server_that_answers_for_kinds_that_are_defined_in_the_cluster_is_named() -> None:
    names = {"kind": "Thing", "plural": "things"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.things.example.com"},
        "spec": {"group": "things.example.com", "names": names, "scope": "Namespaced", "versions": []},
    }
    found = findings(registration("things.example.com"), server(), definition)
    assert found == [("PLT-005", "APIService/v1.things.example.com", "[0]")]


def test_a_server_whose_certificate_nobody_checks_is_named() -> None:
    assert findings(registration("things.example.com", insecureSkipTLSVerify=True), server())
    assert not findings(registration("things.example.com", insecureSkipTLSVerify=False), server())


def test_a_group_that_the_api_server_serves_by_itself_has_no_other_server() -> None:
    assert findings(registration("apps", service=None)) == []


def test_a_description_without_manifests_has_no_finding() -> None:
    factory = factory_of(platform={"queueing": "kueue"})
    for rule in RULES:
        assert rule.decide is not None
        assert list(rule.decide(rule, factory, plan_of(factory))) == []


def daemon(account: str, namespace: str = "kube-system") -> dict[str, Any]:
    pod = {"serviceAccountName": account, "containers": []}
    metadata = {"name": "agent", "namespace": namespace}
    spec = {"template": {"spec": pod}}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": spec}


def account(name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def test_pods_in_kube_system_run_as_an_account_of_the_manifests() -> None:
    assert findings(daemon("agent"), account("agent")) == []
    assert findings(daemon("default")) == []
    assert findings(daemon("agent")) == [("PLT-004", "DaemonSet/kube-system/agent", "[0]")]
    assert findings(daemon("agent", "kueue-system")) == []


@pytest.mark.parametrize("name", ["clusterrole-aggregation-controller", "namespace-controller"])
def test_an_account_of_kubernetes_own_controllers_is_nobody_elses(name: str) -> None:
    # The API server binds its rights whether the account exists or not.
    assert findings(daemon(name), account(name)) == [("PLT-004", "DaemonSet/kube-system/agent", "[0]")]


def test_a_role_of_another_group_is_judged_where_it_has_the_shape_of_one() -> None:
    reader = role(on("", ["secrets"], ["list"])) | {"apiVersion": "authorization.openshift.io/v1"}
    bound = binding() | {"apiVersion": "authorization.openshift.io/v1"}
    assert findings(reader, bound) == [("PLT-004", "ClusterRoleBinding/manager", "[1]")]
    other = {**bound, "roleRef": "manager", "subjects": 3}
    assert findings(reader, other) == []
