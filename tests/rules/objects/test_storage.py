from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.context import ENCRYPTION_KEY
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
    ],
)
def test_a_class_keeps_its_volumes_in_place_and_under_its_key(changes: Any, rules: set[str]) -> None:
    assert refused_by(_class(**changes)) == rules
