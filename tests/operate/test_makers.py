"""What controllers make from a waived workload gets in on a real control plane, and nothing that only looks
like it.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.verify.cluster_audit import audit
from tests.operate.real import LISTED, UNLISTED, WORKLOAD, Plane, now, pod, until

pytestmark = pytest.mark.cluster
MINUTES, HASH = "29393939", "6b9f7c8d5"
APPS, BATCH = "apps/v1", "batch/v1"
MAKINGS = [
    ("deployment-controller", "ReplicaSet", APPS, "Deployment", f"{WORKLOAD}"),
    ("cronjob-controller", "Job", BATCH, "CronJob", f"{WORKLOAD}"),
    ("replicaset-controller", "Pod", APPS, "ReplicaSet", f"{WORKLOAD}"),
    ("replicaset-controller", "Pod", APPS, "ReplicaSet", f"{WORKLOAD}-{HASH}"),
    ("job-controller", "Pod", BATCH, "Job", f"{WORKLOAD}"),
    ("job-controller", "Pod", BATCH, "Job", f"{WORKLOAD}-{MINUTES}"),
    ("statefulset-controller", "Pod", APPS, "StatefulSet", f"{WORKLOAD}"),
    ("daemon-set-controller", "Pod", APPS, "DaemonSet", f"{WORKLOAD}"),
    ("replication-controller", "Pod", "v1", "ReplicationController", f"{WORKLOAD}"),
]


@pytest.fixture(scope="module")
def plane(real: Plane) -> Plane:
    real.deploy()
    return real


def template(image: str = UNLISTED, **spec: Any) -> dict[str, Any]:
    """A pod template."""
    return {"metadata": {"labels": {"app": WORKLOAD}}, "spec": {**pod("x", image)["spec"], **spec}}


def deployment(name: str) -> dict[str, Any]:
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": WORKLOAD}}, "template": template()}
    return {
        "apiVersion": APPS,
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "research"},
        "spec": spec,
    }


def made(kind: str, version: str, owner: str, name: str) -> dict[str, Any]:
    """An object as its controller would make it."""
    reference = {"apiVersion": version, "kind": owner, "name": name, "uid": "0", "controller": True}
    labels = {"app": WORKLOAD, "pod-template-hash": HASH}
    metadata = {
        "name": f"{name}-made",
        "namespace": "research",
        "labels": labels,
        "ownerReferences": [reference],
    }
    if kind == "Pod":
        return pod("x") | {"metadata": metadata}
    if kind == "Job":
        return {
            "apiVersion": BATCH,
            "kind": kind,
            "metadata": metadata,
            "spec": {"template": template(restartPolicy="Never")},
        }
    spec = {"selector": {"matchLabels": {"app": WORKLOAD}}, "template": template()}
    return {"apiVersion": APPS, "kind": kind, "metadata": metadata, "spec": spec}


def controller(plane: Plane, tmp_path: Path, account: str) -> Api:
    return plane.somebody(tmp_path, f"system:serviceaccount:kube-system:{account}", "system:serviceaccounts")


@pytest.mark.parametrize(("account", "kind", "version", "owner", "name"), MAKINGS)
def test_what_its_controller_makes_gets_in_and_the_same_from_anybody_else_does_not(
    plane: Plane, tmp_path: Path, account: str, kind: str, version: str, owner: str, name: str
) -> None:
    obj = made(kind, version, owner, name)
    api = controller(plane, tmp_path, account)
    try:
        assert plane.refusal(obj, api) == ""
        for changes in ({"controller": False}, {"kind": "Node"}, {"name": f"not-{name}"}):
            other = deepcopy(obj)
            other["metadata"]["ownerReferences"][0] |= changes
            assert "IMG-001" in plane.refusal(other, api), changes
        orphan = deepcopy(obj)
        del orphan["metadata"]["ownerReferences"]
        assert "IMG-001" in plane.refusal(orphan, api)
    finally:
        api.close()
    assert "IMG-001" in plane.refusal(obj)


def test_a_replicaset_s_pod_whose_hash_is_another_is_no_deployment_s(plane: Plane, tmp_path: Path) -> None:
    obj = made("Pod", APPS, "ReplicaSet", f"{WORKLOAD}-{HASH}")
    obj["metadata"]["labels"]["pod-template-hash"] = "other"
    api = controller(plane, tmp_path, "replicaset-controller")
    try:
        assert "IMG-001" in plane.refusal(obj, api)
    finally:
        api.close()


def test_a_controller_is_believed_about_no_other_rule(plane: Plane, tmp_path: Path) -> None:
    obj = made("Pod", APPS, "StatefulSet", WORKLOAD)
    obj["spec"]["containers"][0]["securityContext"]["privileged"] = False
    obj["spec"]["nodeName"] = "serve-001"
    api = controller(plane, tmp_path, "statefulset-controller")
    try:
        assert "PLC-" in plane.refusal(obj, api)
    finally:
        api.close()


@pytest.fixture(scope="module")
def running(plane: Plane) -> Iterator[Plane]:
    """The plane with the waived Deployment on it, of which the real controllers have made ReplicaSet and
    pod.
    """
    plane.api.create(deployment(WORKLOAD))
    until(lambda: pods(plane), 60)
    yield plane
    plane.api.delete(APPS, "Deployment", WORKLOAD, "research")


def pods(plane: Plane) -> list[dict[str, Any]]:
    return [
        one
        for one in plane.api.list("v1", "Pod", "research")
        if one["metadata"]["name"].startswith(f"{WORKLOAD}-")
    ]


def test_a_waived_deployment_gets_its_pods_and_another_with_the_same_image_is_refused(running: Plane) -> None:
    assert pods(running)[0]["spec"]["containers"][0]["image"] == UNLISTED
    assert "IMG-001" in running.refusal(deployment("other"))


def test_the_audit_covers_a_pod_with_the_workload_it_was_made_from(running: Plane) -> None:
    name = f"Pod/research/{pods(running)[0]['metadata']['name']}"
    found = audit(
        running.api, running.factory, running.plan, running.bundle, cluster="lab", now=now().date()
    ).verdict
    of_images = {one.resource: (one.status, one.waiver) for one in found.findings if one.rule == "IMG-001"}
    assert (
        of_images[name] == of_images[f"Deployment/research/{WORKLOAD}"] == ("waived", "workload-deployment")
    )


def test_nobody_smuggles_an_image_into_what_a_controller_made(running: Plane) -> None:
    [owner] = [
        one
        for one in running.api.list(APPS, "ReplicaSet", "research")
        if one["metadata"]["name"].startswith(f"{WORKLOAD}-")
    ]
    name, mark = owner["metadata"]["name"], owner["metadata"]["labels"]["pod-template-hash"]
    reference = {
        "apiVersion": APPS,
        "kind": "ReplicaSet",
        "name": name,
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    forged = pod("forged")
    forged["metadata"] |= {
        "labels": {"app": WORKLOAD, "pod-template-hash": mark},
        "ownerReferences": [reference],
    }
    assert "IMG-001" in running.refusal(forged)
    twin = made("ReplicaSet", APPS, "Deployment", WORKLOAD)
    twin["metadata"]["name"] = f"{WORKLOAD}-{HASH}"
    assert "IMG-001" in running.refusal(twin)
    assert running.refusal(twin | {"spec": twin["spec"] | {"template": template(LISTED)}}) == ""
