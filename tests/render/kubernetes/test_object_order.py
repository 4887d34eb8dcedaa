"""The order of controllers' objects: found in what each names, and never a circle."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.object_order import awaited, levels, prerequisites

LABELS = {KEYS.component: "platform.kueue"}
POD_LABELS = {"app": "hook"}
CLIENT = {"service": {"name": "hook", "namespace": "n"}}


def obj(
    api_version: str, kind: str, name: str = "hook", namespace: str | None = None, **body: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": LABELS}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def definition(**spec: Any) -> dict[str, Any]:
    whole = {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Cluster", **spec}
    return obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "w.example.com", spec=whole)


def webhooks(group: str = "example.com") -> dict[str, Any]:
    entry = {"name": "h", "clientConfig": CLIENT, "rules": [{"apiGroups": [group], "resources": ["*"]}]}
    return obj("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[entry])


def server(**pod: Any) -> list[dict[str, Any]]:
    template = {"metadata": {"labels": POD_LABELS}, "spec": pod}
    return [
        obj("v1", "Service", namespace="n", spec={"selector": POD_LABELS}),
        obj("apps/v1", "Deployment", namespace="n", spec={"template": template}),
    ]


WIDGET = obj("example.com/v1", "Widget")


def test_a_custom_object_needs_its_definition_and_who_judges_it() -> None:
    needs = prerequisites([WIDGET, webhooks(), *server(), definition()])
    assert needs["Widget/hook"] == [
        "CustomResourceDefinition/w.example.com",
        "ValidatingWebhookConfiguration/hook",
    ]
    assert needs["ValidatingWebhookConfiguration/hook"] == ["Deployment/n/hook", "Service/n/hook"]


def test_a_webhook_on_every_group_judges_custom_objects_too_and_one_on_another_does_not() -> None:
    wide = prerequisites([WIDGET, webhooks("*"), definition()])
    narrow = prerequisites([WIDGET, webhooks("other.example.com"), definition()])
    assert "ValidatingWebhookConfiguration/hook" in wide["Widget/hook"]
    assert narrow["Widget/hook"] == ["CustomResourceDefinition/w.example.com"]


def test_a_workload_needs_its_account_and_what_it_mounts() -> None:
    volumes = [{"configMap": {"name": "c"}}, {"projected": {"sources": [{"configMap": {"name": "d"}}]}}]
    containers = [{"envFrom": [{"configMapRef": {"name": "e"}}]}]
    parts = [obj("v1", "ConfigMap", name, "n") for name in "cde"]
    account = obj("v1", "ServiceAccount", "a", "n")
    pod = {"serviceAccountName": "a", "volumes": volumes, "containers": containers}
    needs = prerequisites([*parts, account, *server(**pod)])
    assert needs["Deployment/n/hook"] == [
        "ConfigMap/n/c",
        "ConfigMap/n/d",
        "ConfigMap/n/e",
        "ServiceAccount/n/a",
    ]


def test_our_own_objects_of_a_kind_that_a_controller_defines_need_it_too() -> None:
    queue = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "q", "labels": {KEYS.component: "pool.a"}},
    }
    assert prerequisites([queue, definition()])["Widget/q"] == ["CustomResourceDefinition/w.example.com"]


def test_only_what_answers_the_api_server_is_waited_for() -> None:
    conversion = {"webhook": {"clientConfig": CLIENT}}
    other = obj(
        "apps/v1", "Deployment", "other", "n", spec={"template": {"metadata": {"labels": {"app": "other"}}}}
    )
    assert awaited([webhooks(), *server(), other]) == {"Deployment/n/hook"}
    assert awaited([definition(conversion=conversion), *server(), other]) == {"Deployment/n/hook"}
    assert awaited([*server(), other]) == frozenset()


def test_an_object_comes_one_level_after_the_last_that_it_needs() -> None:
    found = levels(prerequisites([WIDGET, webhooks(), *server(), definition()]))
    assert (
        found["Widget/hook"]
        > found["ValidatingWebhookConfiguration/hook"]
        > found.get("Deployment/n/hook", 0)
    )


def test_manifests_of_any_shape_are_ordered() -> None:
    for value in (None, 1, "a", [], {}, [1], {"a": 1}):
        shapes = [
            obj("apps/v1", "Deployment", spec=value),
            obj("v1", "Service", spec=value),
            obj("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", webhooks=value),
            obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef=value, subjects=value),
            obj("apiregistration.k8s.io/v1", "APIService", spec=value),
        ]
        prerequisites(shapes)
        awaited(shapes)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=20))
def test_there_is_an_order_whatever_names_whom(pairs: list[tuple[int, int]]) -> None:
    mounted: dict[int, list[dict[str, Any]]] = {}
    for one, other in pairs:
        mounted.setdefault(one, []).append({"configMap": {"name": f"m{other}"}})
    objects = [
        obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"d{n}.example.com") for n in range(6)
    ]
    for number in range(6):
        spec = {"template": {"spec": {"volumes": mounted.get(number, [])}}}
        objects.append(obj("apps/v1", "Deployment", f"m{number}", "n", spec=spec))
        objects.append(obj("v1", "ConfigMap", f"m{number}", "n"))
    needs = prerequisites(objects)
    found = levels(needs)
    assert all(found[name] > found.get(need, 0) for name, listed in needs.items() for need in listed)
