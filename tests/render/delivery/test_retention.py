"""What stays in a cluster when the description no longer has it."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.render.delivery.retention import annotated, is_kept
from tests.render.lab import bundle, every


def _policy(**spec: Any) -> dict[str, Any]:
    return {"kind": "NetworkPolicy", "metadata": {"name": "any"}, "spec": {"podSelector": {}, **spec}}


@pytest.mark.parametrize("kind", ["Namespace", "StorageClass", "ResourceQuota", "LimitRange"])
def test_what_holds_data_and_what_limits_it_stays(kind: str):
    assert every(kind)
    assert all(is_kept(obj) for obj in every(kind))


@pytest.mark.parametrize("kind", ["RoleBinding", "Role", "LocalQueue", "ValidatingAdmissionPolicyBinding"])
def test_rights_and_old_policies_go(kind: str):
    assert every(kind)
    assert not any(is_kept(obj) for obj in every(kind))


def test_a_network_policy_that_only_closes_stays_and_one_that_opens_goes():
    assert is_kept(_policy(policyTypes=["Ingress", "Egress"]))
    assert is_kept(_policy(policyTypes=["Ingress"], ingress=[]))
    assert not is_kept(_policy(policyTypes=["Ingress"], ingress=[{}]))
    assert not is_kept(_policy(policyTypes=["Egress"], egress=[{"to": []}]))
    kept = {is_kept(obj) for obj in every("NetworkPolicy")}
    assert kept == {True, False}


def test_annotations_are_added_to_a_copy_and_labels_stay():
    [obj] = [obj for obj in bundle().objects if obj["metadata"]["name"] == "sovereign-training"]
    copy = annotated(obj, {"a": "b"})
    assert copy["metadata"]["annotations"] == {"a": "b"}
    assert "annotations" not in obj["metadata"]
    assert copy["metadata"]["labels"] == obj["metadata"]["labels"]
    assert annotated(copy, {"c": "d"})["metadata"]["annotations"] == {"a": "b", "c": "d"}
