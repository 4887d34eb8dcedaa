"""GPU-hours and energy of what Kueue admitted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS
from sovereign_ai.plan import ClusterPlan, Namespace, PoolSlice
from sovereign_ai.verify.queue_usage import by_team, by_tenant, usage_of

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
GPU, SLICE = "nvidia.com/gpu", "nvidia.com/mig-1g.10gb"


@pytest.fixture(scope="module")
def cluster() -> ClusterPlan:
    from tests.assess.stacks import stack

    return stack("lab")[1].clusters[0]


def workload(name: str, gpus: str, *conditions: tuple[str, int], **more: Any) -> dict[str, Any]:
    """Return a workload of `research` with conditions that became true some hours after noon."""
    rows = []
    for kind, hours in conditions:
        moment = (NOON + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
        rows.append({"type": kind, "status": more.get("status", "True"), "lastTransitionTime": moment})
    metadata = {"name": f"job-{name}-1", "namespace": more.get("namespace", "research")}
    metadata["ownerReferences"] = [{"name": name}]
    part = {"name": "main", "resourceUsage": {more.get("resource", GPU): gpus, "cpu": "9"}}
    spec = {"queueName": more.get("queue", "train")}
    status = {"conditions": rows, "admission": {"podSetAssignments": [part]}}
    return {"metadata": metadata, "spec": spec, "status": status}


def used(cluster: ClusterPlan, *workloads: Any, since: datetime | None = None) -> list[Any]:
    return usage_of(workloads, cluster, since, NOON + timedelta(hours=10))


def test_work_counts_from_its_admission_to_its_end_or_to_now(cluster: ClusterPlan) -> None:
    ended = workload("a", "8", ("Admitted", 1), ("Finished", 3))
    running = workload("b", "1k", ("Admitted", 8))
    first, second = used(cluster, running, ended)
    assert (first.name, first.tenant, first.gpu_hours, first.is_over) == ("a", "research", 16.0, True)
    assert (second.name, second.gpu_hours, second.is_over) == ("b", 2000.0, False)
    kind = system("dgx-h100")
    assert first.kwh == pytest.approx(16 * kind.max_power.count / kind.gpus / 1000)


def test_only_the_part_within_the_period_counts(cluster: ClusterPlan) -> None:
    across = workload("a", "8", ("Admitted", 1), ("Finished", 3))
    before = workload("b", "8", ("Admitted", 0), ("Finished", 1))
    (use,) = used(cluster, across, before, since=NOON + timedelta(hours=2))
    assert (use.name, use.gpu_hours) == ("a", 8.0)


@pytest.mark.parametrize(
    "idle",
    [
        workload("a", "8"),
        workload("a", "8", ("QuotaReserved", 1)),
        workload("a", "8", ("Admitted", 1), status="False"),
        workload("a", "0", ("Admitted", 1)),
        workload("a", "8", ("Admitted", 1), namespace="kube-system"),
        workload("a", "8", ("Admitted", 1), queue="nobodys"),
        workload("a", "8", ("Admitted", 1), resource="cpu"),
    ],
    ids=["pending", "reserved", "evicted", "no GPUs", "no tenant", "no pool", "other resource"],
)
def test_what_holds_no_gpus_of_a_tenant_used_nothing(cluster: ClusterPlan, idle: Any) -> None:
    assert used(cluster, idle) == []


def test_time_before_an_eviction_is_told_and_not_counted(cluster: ClusterPlan) -> None:
    (use,) = used(cluster, workload("a", "8", ("Evicted", 4), ("Admitted", 5)))
    assert (use.was_evicted, use.gpu_hours) == (True, 40.0)


def test_a_mig_instance_counts_as_its_share_of_a_gpu() -> None:
    pool = PoolSlice("shared", "open", "dgx-h100", "inference", 2, 0, 16, SLICE, "", "1g.10gb")
    space = Namespace("startups", "startups", "open", {}, ("shared",))
    divided = ClusterPlan.__new__(ClusterPlan)
    object.__setattr__(divided, "pools", (pool,))
    object.__setattr__(divided, "namespaces", (space,))
    work = workload("a", "14", ("Admitted", 9), namespace="startups", queue="shared", resource=SLICE)
    (use,) = used(divided, work)
    assert use.gpu_hours == 2.0


def test_the_sums_of_a_tenant_are_those_of_its_works(cluster: ClusterPlan) -> None:
    uses = used(cluster, workload("a", "8", ("Admitted", 9)), workload("b", "16", ("Admitted", 9)))
    (tenant,) = by_tenant(uses)
    assert (tenant.tenant, tenant.works, tenant.gpu_hours) == ("research", 2, 24.0)
    assert tenant.kwh == sum(use.kwh for use in uses)


def of_team(name: str, team: str, *, on_pods: bool = True) -> dict[str, Any]:
    """Return a workload of eight GPU-hours whose pods, or which itself, is labelled with a team."""
    made = workload(name, "8", ("Admitted", 9))
    labels = {KEYS.team: team}
    if on_pods:
        made["spec"]["podSets"] = [{"name": "main", "template": {"metadata": {"labels": labels}}}]
    else:
        made["metadata"]["labels"] = labels
    return made


def test_work_counts_for_the_team_that_it_or_its_pods_are_labelled_with(cluster: ClusterPlan) -> None:
    works = [of_team("a", "vision"), of_team("b", "vision", on_pods=False), of_team("c", "speech")]
    bare = {**workload("e", "8", ("Admitted", 9)), "spec": {"queueName": "train", "podSets": [{}]}}
    uses = used(cluster, *works, workload("d", "8", ("Admitted", 9)), bare)
    assert [use.team for use in uses] == ["vision", "vision", "speech", "", ""]
    teams = {(each.tenant, each.team): (each.works, each.gpu_hours) for each in by_team(uses)}
    assert teams == {
        ("research", ""): (2, 16.0),
        ("research", "speech"): (1, 8.0),
        ("research", "vision"): (2, 16.0),
    }
    (tenant,) = by_tenant(uses)
    assert (tenant.team, tenant.gpu_hours) == ("", sum(hours for _, hours in teams.values()))


def test_work_that_is_sent_is_counted_where_it_is_sent_from_alone(cluster: ClusterPlan) -> None:
    far = replace(cluster.pools[0], pool="far")
    work = workload("a", "8", ("Admitted", 1), ("Finished", 3), queue="far")
    until = NOON + timedelta(hours=10)
    [use] = usage_of([work], cluster, None, until, [far])
    assert (use.pool, use.gpu_hours) == ("far", 16.0)
    assert usage_of([work], cluster, None, until) == []
    received = workload("b", "8", ("Admitted", 1), ("Finished", 3))
    assert len(used(cluster, received)) == 1
    received["metadata"]["labels"] = {"kueue.x-k8s.io/multikueue-origin": "lab"}
    assert used(cluster, received) == []
