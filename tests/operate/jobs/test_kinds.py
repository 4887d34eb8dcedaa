"""Which kinds of work a cluster serves, and in which version."""

from __future__ import annotations

from typing import Any

from sovereign_ai.operate.jobs.kinds import served_work
from tests.operate.jobs.given import JOB, JOB_SET, KUEUE, WorkApi, resource


def test_what_is_served_is_told_from_what_is_not() -> None:
    served = served_work(WorkApi(served=(JOB, JOB_SET)))  # type: ignore[arg-type]
    assert [kind.kind for kind in served.kinds()] == ["JobSet", "Job"]
    assert not served.is_queued


def test_queues_that_no_controller_looked_at_admit_nothing() -> None:
    queue: Any = {"kind": "LocalQueue", "metadata": {"name": "train"}}
    served = served_work(WorkApi(queue, served=(KUEUE,)))  # type: ignore[arg-type]
    assert (served.is_queued, served.has_controller) == (True, False)
    queue["status"] = {"conditions": [{"type": "Active", "status": "True"}]}
    assert served_work(WorkApi(queue, served=(KUEUE,))).has_controller  # type: ignore[arg-type]


def test_what_is_kept_for_its_records_alone_is_listed_and_not_submitted() -> None:
    labels = {"sovereign-ai.internal/without-controller": "jobset"}
    definition: Any = {"kind": "CustomResourceDefinition", "metadata": {"name": "jobsets", "labels": labels}}
    definition["spec"] = {"names": {"kind": "JobSet"}}
    served = served_work(WorkApi(definition, served=(JOB, JOB_SET)))  # type: ignore[arg-type]
    assert [kind.kind for kind in served.kinds()] == ["JobSet", "Job"]
    assert served.makes_pods("Job")
    assert not served.makes_pods("JobSet")


def test_a_kind_of_the_same_name_in_another_group_is_none() -> None:
    other = resource("example.com/v1", "Job")
    assert served_work(WorkApi(served=(other,))).resources == {}  # type: ignore[arg-type]


def test_a_stable_version_is_preferred_and_then_the_latest_beta() -> None:
    versions = [resource(f"batch/{version}", "Job") for version in ("v1beta2", "v1", "v1beta1")]
    assert served_work(WorkApi(served=versions)).resources["Job"].api_version == "batch/v1"  # type: ignore[arg-type]
    betas = [versions[2], versions[0]]
    assert served_work(WorkApi(served=betas)).resources["Job"].api_version == "batch/v1beta2"  # type: ignore[arg-type]
