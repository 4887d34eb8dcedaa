"""Controllers' objects in a bundle: labelled, in their order, under own names, and left out whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.errors import SpecError
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.delivery.phases import PHASES, phases_of
from sovereign_ai.render.kubernetes.bundle import Bundle, render
from sovereign_ai.render.kubernetes.object_order import is_of_platform
from sovereign_ai.render.kubernetes.platform import AWAITED
from sovereign_ai.spec import AIFactory, manifest_title
from sovereign_ai.spec.reader import read_data

ROOT = Path(__file__).resolve().parents[3]
LAB: dict[str, Any] = yaml.load(
    (ROOT / "stacks" / "lab" / "factory.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader
)
MANIFEST = (ROOT / "tests" / "support" / "controller.yaml").read_text(encoding="utf-8")
OBJECTS: list[dict[str, Any]] = list(yaml.load_all(MANIFEST, yaml.CSafeLoader))
COMPONENT = "platform.node-problem-detector"


def factory_with(*manifests: dict[str, Any]) -> AIFactory:
    controller = {"name": "node-problem-detector", "namespace": "monitoring", "manifests": list(manifests)}
    platform = {"health": ["node-problem-detector"], "controllers": [controller]}
    return read_data({**LAB, "platform": platform}, "lab").factory


def bundle_with(*manifests: dict[str, Any]) -> Bundle:
    factory = factory_with(*manifests)
    return render(factory, plan(factory))


def test_objects_carry_our_labels_beside_their_own_and_stand_in_their_order() -> None:
    objects = list(filter(is_of_platform, bundle_with(*OBJECTS).objects))
    titles = [manifest_title(obj) for obj in objects]
    account = objects[titles.index("ServiceAccount/monitoring/node-problem-detector")]
    assert account["metadata"]["labels"]["app.kubernetes.io/name"] == "node-problem-detector"
    assert {obj["metadata"]["labels"][KEYS.component] for obj in objects} == {COMPONENT}
    definition = "CustomResourceDefinition/widgets.monitoring.example.com"
    for first, second in (
        ("Namespace/monitoring", "Service/monitoring/node-problem-detector"),
        ("ServiceAccount/monitoring/node-problem-detector", "Deployment/monitoring/node-problem-detector"),
        ("ClusterRole/node-problem-detector", "ClusterRoleBinding/node-problem-detector"),
        (definition, "Widget/monitoring/first"),
    ):
        assert titles.index(first) < titles.index(second)


def test_objects_of_kinds_that_controllers_define_come_after_all_of_theirs() -> None:
    kinds = [(obj["kind"], is_of_platform(obj)) for obj in bundle_with(*OBJECTS).objects]
    last = max(index for index, (_, is_theirs) in enumerate(kinds) if is_theirs)
    assert last < kinds.index(("ClusterQueue", False))


def test_an_object_under_a_name_of_the_descriptions_own_is_refused() -> None:
    devices = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "gpu.nvidia.com"},
    }
    with pytest.raises(SpecError, match="object of the description too"):
        bundle_with(devices)


def test_the_same_object_with_and_without_its_namespace_is_refused() -> None:
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    placed = {**plain, "metadata": {"name": "a", "namespace": "monitoring"}}
    with pytest.raises(SpecError, match="twice") as caught:
        bundle_with(plain, placed)
    assert {problem.code for problem in caught.value.problems} == {"duplicate-name"}


def test_only_a_workload_that_answers_the_api_server_is_marked_as_waited_for() -> None:
    client = {"service": {"name": "node-problem-detector", "namespace": "monitoring"}}
    webhook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "w"},
        "webhooks": [{"name": "w.example.com", "clientConfig": client, "rules": []}],
    }
    for manifests, marked in (([*OBJECTS, webhook], ["Deployment"]), (OBJECTS, [])):
        objects = bundle_with(*manifests).objects
        assert [obj["kind"] for obj in objects if AWAITED in obj["metadata"].get("annotations", {})] == marked


def test_without_a_component_the_digest_is_that_of_the_whole_and_labels_come_all_the_same() -> None:
    whole = bundle_with(*OBJECTS)
    left = whole.without(frozenset({COMPONENT}))
    assert left.digest == whole.digest
    assert not any(map(is_of_platform, left.objects))
    marked = left.of_stack("an-identity")
    assert (marked.digest, len(marked.objects)) == (whole.digest, len(left.objects))
    assert whole.without(frozenset()) is whole


def test_a_delivering_program_defines_kinds_before_and_asks_controllers_after_they_run() -> None:
    objects = bundle_with(*OBJECTS).objects
    names = {}
    for obj, phase in zip(objects, phases_of(objects), strict=True):
        names[manifest_title(obj)] = PHASES[phase][0]
    assert names["Namespace/monitoring"] == "namespaces"
    assert names["CustomResourceDefinition/widgets.monitoring.example.com"] == "definitions"
    assert names["Deployment/monitoring/node-problem-detector"] == "controllers"
    assert names["Widget/monitoring/first"] == "extensions"
    assert names["ClusterQueue/train"] == "cluster-queues"
