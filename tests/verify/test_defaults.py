from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.verify import difference
from sovereign_ai.verify.defaults import completed
from sovereign_ai.verify.kinds import ADMISSION, RBAC
from tests.sim.plans import factory_of, plan_of
from tests.verify.small_bundle import small_bundle

SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "default": {},
            "properties": {
                "strategy": {"type": "string", "default": "BestEffort"},
                "items": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"weight": {"type": "integer", "default": 1}}},
                },
                "by": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"on": {"type": "boolean", "default": True}},
                    },
                },
            },
        }
    },
}


def bare(version: str, kind: str, **body: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "bare-defaults"}, **body}


BARE: tuple[dict[str, Any], ...] = (
    bare("v1", "Namespace"),
    bare("scheduling.k8s.io/v1", "PriorityClass", value=7, globalDefault=False),
    bare("storage.k8s.io/v1", "StorageClass", provisioner="example.com/none"),
    bare("node.k8s.io/v1", "RuntimeClass", handler="none"),
    bare(RBAC, "ClusterRole", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
    bare(
        RBAC,
        "ClusterRoleBinding",
        roleRef={"kind": "ClusterRole", "name": "view", "apiGroup": "rbac.authorization.k8s.io"},
        subjects=[{"kind": "User", "name": "u"}],
    ),
    bare(
        "resource.k8s.io/v1",
        "DeviceClass",
        spec={"selectors": [{"cel": {"expression": "device.driver == 'none'"}}]},
    ),
    bare(
        ADMISSION,
        "ValidatingAdmissionPolicy",
        spec={
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "validations": [{"expression": "true"}],
        },
    ),
    bare(
        ADMISSION,
        "ValidatingAdmissionPolicyBinding",
        spec={
            "policyName": "bare-defaults",
            "validationActions": ["Audit"],
            "matchResources": {"namespaceSelector": {"matchLabels": {"none": "here"}}},
        },
    ),
    bare(
        ADMISSION,
        "MutatingAdmissionPolicyBinding",
        spec={
            "policyName": "bare-defaults",
            "matchResources": {"namespaceSelector": {"matchLabels": {"none": "here"}}},
        },
    ),
)
"""One object of each kind that says no more than it must."""


def test_a_custom_resources_defaults_are_those_of_its_schema() -> None:
    full = completed({"kind": "Queue", "spec": {"items": [{}, {"weight": 2}], "by": {"a": {}}}}, SCHEMA)
    assert full["spec"] == {
        "strategy": "BestEffort",
        "items": [{"weight": 1}, {"weight": 2}],
        "by": {"a": {"on": True}},
    }
    assert completed({"kind": "Queue"}, SCHEMA)["spec"] == {"strategy": "BestEffort"}


def test_what_is_stated_is_never_overwritten_and_the_object_itself_stays() -> None:
    wanted = bare("storage.k8s.io/v1", "StorageClass", reclaimPolicy="Retain")
    assert completed(wanted)["reclaimPolicy"] == "Retain"
    assert "volumeBindingMode" not in wanted


@pytest.mark.cluster
def test_the_server_adds_exactly_the_defaults_that_we_know(small: Api) -> None:
    factory = factory_of()
    bundle = small_bundle(factory, plan_of(factory)).objects
    for obj in (*BARE, *bundle):
        small.apply(obj, force=True)
    try:
        for obj in (*BARE, *bundle):
            metadata = obj["metadata"]
            live = small.get(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace"))
            assert live is not None
            assert [str(one) for one in difference.object_differences(obj, live)] == []
    finally:
        for obj in BARE:
            small.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
