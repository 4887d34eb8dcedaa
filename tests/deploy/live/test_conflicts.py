"""Fields of ours that somebody else owns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.deploy.live.conflicts import conflicts
from sovereign_ai.deploy.live_objects import key_of
from tests.support.memory_cluster import MemoryCluster, refusal

POLICY = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "dns", "namespace": "research", "labels": {"a": "b"}},
    "spec": {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}],
    },
}


class Contested(MemoryCluster):
    """Answers every dry run with conflicts."""

    causes: tuple[str, ...] = ()

    def apply(
        self, obj: Mapping[str, Any], *, field_manager: str = "", force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        assert (field_manager, force, dry_run) == ("sovereign-ai", False, True), (
            "a look at who owns what stores nothing"
        )
        self._ask(f"APPLY {obj['metadata']['name']}")
        if self.causes:
            raise refusal(409, "Conflict", self.causes)
        return dict(obj)


def owned(fields: Mapping[str, Any], manager: str = "kubectl-edit", **more: Any) -> dict[str, Any]:
    return {"managedFields": [{"manager": manager, "operation": "Update", "fieldsV1": fields, **more}]}


def test_each_contested_field_is_named_with_its_manager() -> None:
    api = Contested()
    api.causes = (
        '.spec.egress: conflict with "kubectl-edit" using networking.k8s.io/v1',
        '.spec.podSelector: conflict with "argo"',
    )
    found = conflicts(api, [POLICY], {key_of(POLICY): owned({"f:spec": {"f:egress": {}}})})
    assert [(one.resource, one.field, one.manager) for one in found] == [
        ("NetworkPolicy/research/dns", ".spec.egress", "kubectl-edit"),
        ("NetworkPolicy/research/dns", ".spec.podSelector", "argo"),
    ]
    assert (
        str(found[0]) == "NetworkPolicy/research/dns .spec.egress: 'kubectl-edit' changed it; it is put back"
    )


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({"f:spec": {"f:egress": {}}}, True),
        ({"f:spec": {"f:policyTypes": {'v:"Egress"': {}}}}, True),
        ({"f:spec": {"f:policyTypes": {'v:"Ingress"': {}}}}, False),
        ({"f:metadata": {"f:labels": {"f:a": {}}}}, True),
        ({"f:metadata": {"f:labels": {".": {}, "f:c": {}}}}, False),
        ({"f:spec": {"f:ingress": {}}}, False),
        ({"f:spec": {"f:egress": {'k:{"ports":7}': {"f:ports": {}}}}}, False),
        ({}, False),
    ],
)
def test_only_objects_of_which_somebody_owns_a_stated_field_are_tried(
    fields: dict[str, Any], asked: bool
) -> None:
    api = Contested()
    assert conflicts(api, [POLICY], {key_of(POLICY): owned(fields)}) == []
    assert bool(api.asked) is asked


def test_controllers_subresources_and_absent_objects_are_no_conflict() -> None:
    api = Contested()
    api.causes = ('.spec.egress: conflict with "x"',)
    field = {"f:spec": {"f:egress": {}}}
    for live in (
        {key_of(POLICY): owned(field, "sovereign-ai")},
        {key_of(POLICY): owned(field, "kube-controller-manager")},
        {key_of(POLICY): owned(field, subresource="status")},
        {},
    ):
        assert conflicts(api, [POLICY], live) == []
    assert api.asked == []


def test_another_refusal_of_the_dry_run_is_left_to_the_deployment() -> None:
    api = Contested()
    api.failure = refusal(403, "Forbidden")
    assert conflicts(api, [POLICY], {key_of(POLICY): owned({"f:spec": {"f:egress": {}}})}) == []
