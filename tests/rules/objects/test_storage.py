from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.rules.context import ENCRYPTION_KEY, Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.spec.storage import Csi
from tests.render.lab import stack
from tests.rules import subject
from tests.rules.deciding import obj, refused_by


def _claim(**spec: Any) -> dict[str, Any]:
    return obj("PersistentVolumeClaim", spec=spec)


def test_a_claim_names_a_class_of_its_own_zone() -> None:
    assert refused_by(_claim(storageClassName="scratch")) == set()
    assert refused_by(_claim()) == {"STO-001"}
    startups = obj("PersistentVolumeClaim", namespace="startups", spec={"storageClassName": "scratch"})
    assert refused_by(startups) == {"STO-001"}


def test_a_claim_is_filled_from_its_own_namespace() -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "startups"}
    assert refused_by(_claim(storageClassName="scratch", dataSourceRef=source)) == {"STO-009"}


def _class(**changes: Any) -> dict[str, Any]:
    expression = {"key": "topology.kubernetes.io/region", "values": ["fra1"]}
    fields = {
        "metadata": {"name": "scratch"},
        "provisioner": "sovereign-ai.internal/parallel",
        "parameters": {ENCRYPTION_KEY: "hsm"},
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [expression]}],
    }
    return obj("StorageClass", "storage.k8s.io/v1", namespace="", **{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, set()),
        ({"allowedTopologies": []}, {"STO-002"}),
        ({"volumeBindingMode": "Immediate"}, {"STO-003"}),
        ({"parameters": {ENCRYPTION_KEY: "other"}}, {"STO-004"}),
        ({"parameters": {ENCRYPTION_KEY: "hsm", "encrypted": "false"}}, {"STO-004"}),
        ({"parameters": {ENCRYPTION_KEY: "hsm", "server": "nas.example.com"}}, {"STO-012"}),
        ({"provisioner": "csi.example.com"}, {"STO-012"}),
    ],
)
def test_a_class_keeps_its_volumes_in_place_and_under_its_key(changes: Any, rules: set[str]) -> None:
    assert refused_by(_class(**changes)) == rules


CSI = Csi(driver="csi.example.com", parameters={"pool": "fast"})


@cache
def _context_with_driver() -> Context:
    """The small factory, whose tier has a CSI driver."""
    factory = subject.factory_of()
    tiers = tuple(tier.model_copy(update={"csi": CSI}) for tier in factory.storage)
    changed = factory.model_copy(update={"storage": tiers})
    return factory_context(changed, subject.plan_of(changed))


def _refused_with_driver(value: dict[str, Any]) -> set[str]:
    return {finding.rule for finding in evaluate([value], _context_with_driver())}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, set()),
        ({"provisioner": "csi.example.org"}, {"STO-012"}),
        ({"provisioner": "sovereign-ai.internal/parallel"}, {"STO-012"}),
        ({"metadata": {"name": "scratch"}}, {"STO-004"}),
        ({"metadata": {"name": "scratch", "annotations": {ENCRYPTION_KEY: "other"}}}, {"STO-004"}),
        ({"parameters": {"pool": "fast", "encrypted": "true", "encryptionKMSID": "hsm"}}, set()),
        ({"parameters": {"encryptionKMSID": "other"}}, {"STO-004"}),
        ({"parameters": {"encrypted": "false"}}, {"STO-004"}),
        ({"parameters": {"server": "nas.example.com"}}, {"STO-012"}),
        ({"allowedTopologies": []}, {"STO-002"}),
    ],
)
def test_a_class_of_a_csi_driver_has_it_alone_and_names_its_key_beside_the_parameters(
    changes: Any, rules: set[str]
) -> None:
    annotated = {"name": "scratch", "annotations": {ENCRYPTION_KEY: "hsm"}}
    fields = {"metadata": annotated, "provisioner": CSI.driver, "parameters": {"pool": "fast"}, **changes}
    assert _refused_with_driver(_class(**fields)) == rules


@pytest.mark.parametrize(
    ("driver", "made_by", "more", "rules"),
    [
        ("csi.example.com", "csi.example.com", {}, set()),
        ("csi.example.org", "csi.example.org", {}, {"STO-005"}),
        ("csi.example.com", "", {}, {"STO-005", "STO-013"}),
        ("csi.example.com", "csi.example.com", {"storageClassName": "other"}, {"STO-005"}),
        ("csi.example.com", "csi.example.com", {"attributes": {"server": "nas.example.com"}}, {"STO-013"}),
    ],
)
def test_a_volume_of_its_tiers_driver_needs_no_topology(
    driver: str, made_by: str, more: dict[str, Any], rules: set[str]
) -> None:
    csi = {"driver": driver, "volumeHandle": "h", "volumeAttributes": more.get("attributes", {})}
    spec = {
        "storageClassName": more.get("storageClassName", "scratch"),
        "csi": csi,
        "claimRef": {"namespace": "research", "name": "data"},
    }
    annotations = {"pv.kubernetes.io/provisioned-by": made_by} if made_by else {}
    volume = obj("PersistentVolume", namespace="", metadata={"annotations": annotations}, spec=spec)
    assert _refused_with_driver(volume) - {"STO-007"} == rules


@pytest.mark.parametrize(
    ("described", "live", "rules"),
    [
        # The storage fabric of the lab has 10.64.1.96/27 and 10.64.1.128/27, that of GPUs 10.64.0.64/27.
        ("10.64.1.98", "10.64.1.98", set()),
        ("10.64.1.98, 10.64.1.130", "10.64.1.130,10.64.1.98", set()),
        ("10.64.1.98", "10.64.1.99", {"STO-012"}),
        ("10.64.1.98", "10.64.1.98,192.0.2.1", {"STO-012"}),
        ("10.64.0.66", "10.64.0.66", {"STO-012"}),
        ("192.0.2.1", "192.0.2.1", {"STO-012"}),
    ],
)
def test_a_described_parameter_names_servers_on_the_storage_fabric_of_its_site(
    described: str, live: str, rules: set[str]
) -> None:
    factory, _ = stack("lab")
    csi = Csi(driver=CSI.driver, parameters={"server": described})
    tiers = tuple(tier.model_copy(update={"csi": csi}) for tier in factory.storage)
    changed = factory.model_copy(update={"storage": tiers})
    context = factory_context(changed, plan(changed))
    annotated = {"name": "scratch", "annotations": {ENCRYPTION_KEY: "hsm-fra"}}
    made = _class(metadata=annotated, provisioner=CSI.driver, parameters={"server": live})
    assert {finding.rule for finding in evaluate([made], context)} == rules
    annotations = {"pv.kubernetes.io/provisioned-by": CSI.driver}
    source = {"driver": CSI.driver, "volumeHandle": "h", "volumeAttributes": {"server": live}}
    spec = {"storageClassName": "scratch", "csi": source}
    volume = obj("PersistentVolume", namespace="", metadata={"annotations": annotations}, spec=spec)
    assert bool(evaluate([volume], context)) is bool(rules)
