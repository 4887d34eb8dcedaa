"""Manifests held to the definitions of their kinds: wrong, unknown and missing fields are named."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.assess.fit.workload_kinds import deviations, workload_kind

JOB_SET: dict[str, Any] = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "spec": {
        "suspend": True,
        "replicatedJobs": [
            {"name": "node", "replicas": 1, "template": {"spec": {"template": {"spec": {"anything": 1}}}}}
        ],
    },
}


def with_job(**changes: Any) -> dict[str, Any]:
    (job,) = JOB_SET["spec"]["replicatedJobs"]
    return {**JOB_SET, "spec": {"replicatedJobs": [{**job, **changes}]}}


def test_a_manifest_of_the_definition_has_no_deviation_and_its_pods_are_kubernetes_own() -> None:
    assert deviations(JOB_SET) == []


@pytest.mark.parametrize(
    ("manifest", "deviation"),
    [
        ({**JOB_SET, "apiVersion": "jobset.x-k8s.io/v1"}, "apiVersion: expected jobset.x-k8s.io/v1alpha2"),
        (with_job(replica=1), "spec.replicatedJobs[].replica: JobSet has no such field"),
        (with_job(replicas="1"), "spec.replicatedJobs[].replicas: expected integer"),
        (with_job(replicas=True), "spec.replicatedJobs[].replicas: expected integer"),
        (
            with_job(template={"spec": {}}),
            "spec.replicatedJobs[].template.spec.template: it is missing",
        ),
        ({**JOB_SET, "spec": None}, "spec: expected object"),
    ],
)
def test_every_deviation_is_named_by_its_path(manifest: dict[str, Any], deviation: str) -> None:
    assert deviations(manifest) == [deviation]


@pytest.mark.parametrize("name", ["TrainJob", "JobSet", "LeaderWorkerSet"])
def test_each_kind_names_the_file_that_its_fields_were_read_from(name: str) -> None:
    kind = workload_kind(name)
    assert kind.source.endswith(".yaml")
    assert "@v" in kind.source
    assert kind.fields["spec"] == "object"
    assert set(kind.required) <= set(kind.fields)
