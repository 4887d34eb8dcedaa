"""Manifests of controllers: images, hosts, registries and installs that lead out, wherever they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.plan.platform import plan_platform
from sovereign_ai.rules.context import factory_context
from sovereign_ai.rules.description.platform import PLATFORM_CONTACTS
from sovereign_ai.rules.objects.images import IMAGES
from sovereign_ai.rules.platform_objects import evaluate_deployed, judge_manifests
from sovereign_ai.rules.residency_by_default import ADDED
from tests.rules.subject import FACTORY, factory_of, plan_of

REGISTRY = FACTORY["images"]["registries"][0]
IMAGE = f"{REGISTRY}/kueue@sha256:" + "a" * 64
OTEL = "otel.example.net"


def refused(
    *objects: dict[str, Any], platform: dict[str, Any] | None = None, **changes: Any
) -> list[tuple[str, str]]:
    """Return rule and field of each violation of some manifests."""
    factory = factory_of(platform=platform or {"queueing": "kueue"}, **changes)
    planned = replace(plan_of(factory), platform=plan_platform(factory))
    verdict = judge_manifests(factory, planned, objects, now=date(2026, 11, 27))
    return [(finding.rule, finding.field) for finding in verdict.violations]


def deployment(**container: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "manager", "image": IMAGE, **container}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "kueue", "namespace": "kueue-system"},
        "spec": {"template": {"metadata": {"labels": {}}, "spec": pod}},
    }


def settings(text: str, key: str = "manager.yaml") -> dict[str, Any]:
    metadata = {"name": "settings", "namespace": "kueue-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {key: text}}


def own_kind(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "nvidia.com/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": "policy"},
        "spec": spec,
    }


def test_a_controller_from_the_registry_that_calls_nobody_outside_is_permitted() -> None:
    quiet = deployment(args=["--config=/c.yaml", "--metrics-bind-address=:8443"])
    assert refused(quiet, settings("metrics: {bindAddress: 0.0.0.0:8443}")) == []


def test_an_image_of_another_registry_is_refused_in_a_controller_as_in_a_workload() -> None:
    foreign = deployment(image="registry.k8s.io/kueue/kueue:v0.17.0")
    field = "spec.template.spec.containers"
    assert refused(foreign) == [("IMG-001", field), ("IMG-002", field)]


@pytest.mark.parametrize(
    "container",
    [
        {"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": OTEL}]},
        {"args": [f"--endpoint=https://{OTEL}"]},
    ],
    ids=["env", "args"],
)
def test_an_endpoint_in_environment_or_arguments_is_refused(container: dict[str, Any]) -> None:
    assert refused(deployment(**container)) == [("RES-013", "spec.template.spec.containers")]


def test_a_host_in_a_configuration_file_is_refused_and_one_in_a_comment_is_not() -> None:
    field = "data.manager.yaml"
    assert refused(settings(f"report: https://{OTEL}/v1")) == [("RES-012", field)]
    # A name with a port is one of any ConfigMap, too.
    assert ("RES-012", field) in refused(settings(f"report: {OTEL}:4317"))
    assert refused(settings(f"# see https://{OTEL}\nreport: https://metrics.monitoring.svc:9090")) == []


def test_an_entry_that_is_named_like_a_variable_is_read_as_one() -> None:
    assert refused(settings(OTEL, "OTEL_ENDPOINT")) == [("RES-012", "data")]


def test_a_registry_in_an_object_of_the_controllers_own_kind_is_refused() -> None:
    own = {"driver": {"repository": REGISTRY, "image": "driver", "version": "580"}}
    foreign = {"driver": {"repository": "nvcr.io/nvidia", "image": "driver"}}
    assert refused(own_kind(own)) == []
    assert refused(own_kind(foreign)) == [("IMG-001", "spec.driver.repository")]


@pytest.mark.parametrize(
    "command",
    [
        "apk add --no-cache kubectl",
        "apt-get -y install linux-headers",
        "pip3 install torch",
        "dnf install gcc",
    ],
)
def test_a_package_that_is_installed_when_it_runs_is_refused(command: str) -> None:
    field = "spec.template.spec.containers[0].command"
    assert refused(deployment(command=["sh", "-c", command])) == [("PLT-002", field)]
    assert refused(settings(f"set -e\n{command}\n", "start.sh")) == [("PLT-002", "data.start.sh")]


def test_a_package_from_files_of_the_image_is_no_package_from_outside() -> None:
    command = "pip install --no-index --find-links /wheels torch"
    assert refused(deployment(command=["sh", "-c", command])) == []


def test_definitions_of_kinds_are_not_searched() -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"description": f"see https://{OTEL} and apt-get install it"},
    }
    assert [rule for rule, _ in refused(definition) if rule.startswith(("PLT", "RES"))] == []


def test_a_contact_that_the_rule_permits_is_permitted_in_the_manifests_too() -> None:
    contact = {"name": "otel", "kind": "telemetry", "host": OTEL, "jurisdiction": "DE"}
    platform = {"queueing": "kueue", "controllers": [{"name": "kueue", "contacts": [contact]}]}
    calls = deployment(args=[f"--endpoint=https://{OTEL}"])
    written = settings(f"report: https://{OTEL}")
    assert refused(calls, written, platform=platform) == []
    contact["jurisdiction"] = "US"
    assert {rule for rule, _ in refused(calls, written, platform=platform)} == {"RES-012", "RES-013"}


def test_what_a_gateway_lists_is_permitted_in_the_manifests_too() -> None:
    gateways = [{**FACTORY["gateways"][0], "hosts": [OTEL]}]
    assert refused(settings(f"report: https://{OTEL}"), gateways=gateways) == []


def service(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "webhook", "namespace": "kueue-system"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def test_a_controllers_service_leads_to_its_own_pods_and_takes_no_address() -> None:
    assert refused(service(selector={"app": "kueue"}, ports=[{"port": 443}])) == []
    assert refused(service(type="ExternalName", externalName=OTEL)) == [("NET-003", "spec.type")]
    assert refused(service(externalIPs=["192.0.2.1"])) == [("NET-001", "spec.externalIPs")]
    assert refused(service(type="NodePort")) == [("NET-002", "spec.type")]
    metadata = {"name": "webhook", "namespace": "kueue-system"}
    slices = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
    outside = {**slices, "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.1"]}]}
    assert refused(outside) == [("NET-008", "endpoints")]


def deployed(*objects: dict[str, Any], manifests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return rule and resource of each violation of deployed objects; the description has the manifests."""
    controllers = [{"name": "kueue", "manifests": manifests}]
    factory = factory_of(platform={"queueing": "kueue", "controllers": controllers})
    plan = replace(plan_of(factory), platform=plan_platform(factory))
    found = evaluate_deployed(factory, plan, objects, factory_context(factory, plan))
    return [(finding.rule, finding.resource) for finding in found if finding.status == "violation"]


def test_a_manifest_of_the_description_is_judged_as_one_and_not_as_a_tenants_workload() -> None:
    described = deployment()
    assert deployed(described, manifests=[described]) == []
    rules = {rule for rule, _ in deployed(described, manifests=[])}
    assert "PLC-001" in rules


def test_a_manifest_is_known_by_its_content_and_not_by_its_labels_or_its_name_alone() -> None:
    other = deployment(image="registry.k8s.io/kueue/kueue:v0.17.0")
    other["metadata"]["labels"] = {KEYS.component: "platform.kueue"}
    assert "PLC-001" in {rule for rule, _ in deployed(other, manifests=[deployment()])}


def test_images_hosts_and_installs_of_a_deployed_manifest_are_refused() -> None:
    for bad, rule in (
        (deployment(image="registry.k8s.io/kueue/kueue:v0.17.0"), IMAGES.id),
        (deployment(command=["sh", "-c", "apt-get install x"]), PLATFORM_CONTACTS.id),
        (settings(f"endpoint: https://{OTEL}"), ADDED.id),
    ):
        assert rule in {found for found, _ in deployed(bad, manifests=[bad])}


def test_an_object_outside_namespaces_is_judged_as_every_other_too() -> None:
    config = {"service": {"name": "hook", "namespace": "research"}}
    hook = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hook"},
        "webhooks": [{"name": "h.example.com", "clientConfig": config}],
    }
    assert ("WHK-002", "ValidatingWebhookConfiguration/hook") in deployed(hook, manifests=[hook])
