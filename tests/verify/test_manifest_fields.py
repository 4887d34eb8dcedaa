"""Objects of controllers: stated fields must be live, and what others set beside them is a difference."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.verify.difference import object_differences
from sovereign_ai.verify.manifest_fields import is_applied

LABELS = {KEYS.component: "platform.kueue"}


def differences(
    wanted: dict[str, Any], live: dict[str, Any], *entries: dict[str, Any], kind: str = "apps/v1/Deployment"
) -> list[str]:
    api_version, _, name = kind.rpartition("/")
    base = {"apiVersion": api_version, "kind": name}
    rendered = {**base, "metadata": {"name": "a", "labels": LABELS}, **wanted}
    stored = {**base, "metadata": {"name": "a", "labels": LABELS, "managedFields": list(entries)}, **live}
    return [difference.field for difference in object_differences(rendered, stored)]


def owner(fields: dict[str, Any], manager: str = "somebody", **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields, **more}


def test_defaults_that_nobody_owns_are_no_difference() -> None:
    live = {
        "spec": {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate"},
            "template": {"spec": {"dnsPolicy": "ClusterFirst"}},
        }
    }
    assert differences({"spec": {"replicas": 1, "template": {"spec": {}}}}, live) == []


def test_a_stated_value_that_is_another_or_gone_is_a_difference() -> None:
    assert differences({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}) == ["spec.replicas"]
    assert differences({"spec": {"args": ["a"]}}, {"spec": {"args": ["a", "b"]}}) == ["spec.args"]
    assert differences({"spec": {"args": ["a"]}}, {"spec": {}}) == ["spec.args"]


def test_quantities_of_one_amount_are_equal() -> None:
    assert differences({"spec": {"limits": {"cpu": "1"}}}, {"spec": {"limits": {"cpu": "1000m"}}}) == []


def test_what_a_secret_holds_is_its_controllers_and_its_labels_are_not() -> None:
    filled = {"data": {"tls.key": "aGlkZGVu"}, "type": "Opaque"}
    assert differences({}, filled, owner({"f:data": {"f:tls.key": {}}}), kind="v1/Secret") == []
    assert differences({}, {**filled, "metadata": {"name": "a"}}, kind="v1/Secret") != []


def test_a_kind_of_others_that_is_called_secret_too_is_compared_whole() -> None:
    custom = "vault.example.com/v1/Secret"
    assert differences({"spec": {"path": "a"}}, {"spec": {"path": "b"}}, kind=custom) == ["spec.path"]


def test_what_the_server_leaves_out_is_no_difference_unless_it_means_the_opposite() -> None:
    assert (
        differences({"spec": {"hostNetwork": False, "minReadySeconds": 0, "labels": {}}}, {"spec": {}}) == []
    )
    field = "automountServiceAccountToken"
    assert differences({"spec": {field: False}}, {"spec": {}}) == [f"spec.{field}"]
    custom = "example.com/v1/Widget"
    assert differences({"spec": {"on": False}}, {"spec": {}}, kind=custom) == ["spec.on"]


@pytest.mark.parametrize("manager", ["kube-controller-manager", "kube-apiserver"])
def test_what_kubernetes_itself_sets_is_no_difference(manager: str) -> None:
    entry = owner({"f:spec": {"f:clusterIP": {}}}, manager)
    assert differences({"spec": {}}, {"spec": {"clusterIP": "10.0.0.1"}}, entry) == []


@pytest.mark.parametrize("manager", ["somebody", "sovereign-ai"])
def test_a_field_that_was_added_is_a_difference_wherever_it_stands_under_any_name(manager: str) -> None:
    containers = {'k:{"name":"a"}': {".": {}, "f:command": {}}}
    entry = owner({"f:spec": {"f:hostPID": {}, "f:containers": containers}}, manager)
    wanted = {"spec": {"containers": [{"name": "a"}]}}
    live = {"spec": {"hostPID": True, "containers": [{"name": "a", "command": ["sh"]}]}}
    assert differences(wanted, live, entry) == ["spec.containers[0].command", "spec.hostPID"]


def test_a_status_and_a_subresource_are_written_by_controllers() -> None:
    entry = owner({"f:status": {"f:replicas": {}}, "f:metadata": {"f:annotations": {"f:a": {}}}})
    scaled = owner({"f:spec": {"f:paused": {}}}, subresource="scale")
    assert (
        differences({"spec": {}}, {"spec": {"paused": True}, "status": {"replicas": 1}}, entry, scaled) == []
    )


def test_the_certificate_of_a_webhook_is_its_controllers_and_everything_else_of_it_is_not() -> None:
    kind = "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration"
    step = 'k:{"name":"h"}'
    wanted = {"webhooks": [{"name": "h", "clientConfig": {"service": {"name": "s"}}}]}
    held = {"name": "h", "clientConfig": {"service": {"name": "s"}, "caBundle": "abc"}}
    authority = owner({"f:webhooks": {step: {"f:clientConfig": {"f:caBundle": {}}}}})
    assert differences(wanted, {"webhooks": [held]}, authority, kind=kind) == []
    opened = owner({"f:webhooks": {step: {"f:failurePolicy": {}}}})
    assert differences(wanted, {"webhooks": [{**held, "failurePolicy": "Ignore"}]}, opened, kind=kind) == [
        "webhooks[0].failurePolicy"
    ]


def test_the_rules_of_a_role_that_aggregates_others_are_not_its_own() -> None:
    kind = "rbac.authorization.k8s.io/v1/ClusterRole"
    entry = owner({"f:rules": {}}, "clusterrole-aggregation-controller")
    wanted = {"aggregationRule": {"clusterRoleSelectors": []}, "rules": []}
    assert differences(wanted, {"aggregationRule": {}, "rules": [{"verbs": ["get"]}]}, entry, kind=kind) == []


def test_copied_labels_do_not_make_an_object_ours() -> None:
    assert not is_applied({"labels": LABELS, "managedFields": [owner({})]})
    assert is_applied({"managedFields": [{"manager": "sovereign-ai", "operation": "Apply"}]})
