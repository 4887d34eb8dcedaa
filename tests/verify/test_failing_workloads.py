"""Workloads of controllers whose pods do not run are found, with the pod's own reason and the next step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.verify.failing_workloads import failing_workloads, find_failing
from sovereign_ai.verify.findings import ClusterFinding
from sovereign_ai.verify.kinds import OWNERS
from sovereign_ai.verify.observation import examples, observe_kinds
from tests.verify.in_memory import InMemoryApi
from tests.verify.small_bundle import check
from tests.verify.test_verdict import FACTORY, PLAN, memory

Object = dict[str, Any]
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SPACE = "monitoring"
CRASH = {
    "restartCount": 7,
    "state": {
        "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
    },
    "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "password=hunter2"}},
}
NO_IMAGE = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
NOT_PLACED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/5 nodes are available: 5 node(s) had untolerated taints.",
}


def ago(**time: float) -> str:
    return (NOW - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")


def rendered(api_version: str, kind: str, spec: Object | None = None, status: Object | None = None) -> Object:
    labels = {KEYS.owner: OWNER, KEYS.factory: FACTORY.name, KEYS.component: "platform.prometheus"}
    metadata = {"name": "prometheus", "namespace": SPACE, "labels": labels, "uid": "uid-of-workload"}
    metadata["creationTimestamp"] = ago(hours=1)
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": status or {},
    }


def owned(obj: Object, uid: str) -> Object:
    """Give an object a controller as its owner."""
    obj["metadata"]["ownerReferences"] = [{"kind": "Any", "name": "any", "uid": uid, "controller": True}]
    return obj


def pod(
    container: Object | None = None, *conditions: Object, name: str = "prometheus-1", **status: Any
) -> Object:
    metadata = {"name": name, "namespace": SPACE, "creationTimestamp": ago(seconds=5)}
    image = "registry.example.com/prometheus"
    containers = [{"name": "main", "image": image, **container}] if container is not None else []
    whole = {"phase": "Pending", "conditions": list(conditions), "containerStatuses": containers, **status}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": whole}


def between(workload: Object) -> list[Object]:
    """Return what Kubernetes makes between a workload and its pods, the nearest to the pods last."""
    made = {"Deployment": ("apps/v1", "ReplicaSet"), "CronJob": ("batch/v1", "Job")}.get(workload["kind"])
    if made is None:
        return []
    api_version, kind = made
    metadata = {"name": "prometheus-x", "namespace": SPACE, "uid": "uid-between"}
    return [owned({"apiVersion": api_version, "kind": kind, "metadata": metadata}, "uid-of-workload")]


def found(workload: Object, *pods: Object) -> tuple[ClusterFinding, ...]:
    api = InMemoryApi()
    api.plays_pods = False
    middle = between(workload)
    owner = middle[-1]["metadata"]["uid"] if middle else "uid-of-workload"
    api.put(workload, *middle, *(owned(each, owner) for each in pods))
    return findings(api, workload)


def findings(api: InMemoryApi, *workloads: Object) -> tuple[ClusterFinding, ...]:
    """Find what does not run at the moment of this file, whenever the test runs."""
    observed = observe_kinds(api, FACTORY, workloads, (("v1", "Node"), ("v1", "Pod")))
    return failing_workloads(replace(observed, observed_at=NOW), workloads)


@pytest.mark.parametrize("kind", OWNERS, ids=lambda kind: kind[1])
@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (pod(CRASH), "container main ends again and again, with exit code 2 (Error)"),
        (pod(NO_IMAGE), "ImagePullBackOff of registry.example.com/prometheus: not found"),
        (pod(None, NOT_PLACED), "is not placed: 0/5 nodes are available"),
    ],
    ids=["crashes", "has no image", "is not placed"],
)
def test_a_pod_that_does_not_run_is_found_whatever_kind_of_workload_it_is_of(
    kind: tuple[str, str], trouble: Object, said: str
) -> None:
    (finding,) = found(rendered(*kind), trouble)
    assert (finding.kind, finding.resource) == ("failing", f"{kind[1]}/{SPACE}/prometheus")
    assert "pod prometheus-1 does not run" in finding.message
    assert said in finding.message
    assert finding.hint
    assert "hunter2" not in str(finding.to_data())


@pytest.mark.parametrize("kind", OWNERS, ids=lambda kind: kind[1])
def test_a_workload_that_was_stopped_on_purpose_is_silent(kind: tuple[str, str]) -> None:
    for spec in ({"replicas": 0}, {"suspend": True}):
        assert found(rendered(*kind, spec), pod(CRASH)) == ()


@pytest.mark.parametrize("reason", ["CreateContainerConfigError", "RunContainerError", "SomethingOfTomorrow"])
def test_a_reason_that_nobody_knows_yet_is_trouble_and_said_as_it_is(reason: str) -> None:
    waiting = {"state": {"waiting": {"reason": reason, "message": 'configmap "rules" not found'}}}
    (finding,) = found(rendered("apps/v1", "Deployment"), pod(waiting))
    assert f'{reason}: configmap "rules" not found' in finding.message


@pytest.mark.parametrize(
    "quiet",
    [
        pod({"state": {"waiting": {"reason": "ContainerCreating"}}}),
        pod({"state": {"running": {"startedAt": ago(seconds=3)}}, "restartCount": 1}, phase="Running"),
        pod(None, {**NOT_PLACED, "reason": "SchedulingGated"}),
        pod({"state": {"terminated": {"exitCode": 1}}}, phase="Failed", reason="Evicted"),
        pod({"state": {"running": {}}}, {"type": "Ready", "status": "True"}, phase="Running"),
    ],
    ids=["starts", "started once more", "is held back", "was evicted and replaced", "runs"],
)
def test_a_pod_that_starts_runs_or_was_replaced_is_silent(quiet: Object) -> None:
    assert found(rendered("apps/v1", "Deployment"), quiet, pod(name="other")) == ()


def test_between_two_ends_a_container_that_runs_and_is_ready_is_found_all_the_same() -> None:
    container = CRASH | {"state": {"running": {"startedAt": ago(seconds=20)}}, "ready": True}
    (finding,) = found(rendered("apps/v1", "StatefulSet"), pod(container, phase="Running"))
    assert "ends again and again" in finding.message


def test_an_init_container_is_a_container() -> None:
    trouble = pod(None, initContainerStatuses=[{"name": "first", **CRASH}])
    (finding,) = found(rendered("apps/v1", "DaemonSet"), trouble)
    assert "container first ends" in finding.message


def test_a_pod_that_is_not_ready_after_ten_minutes_is_found_for_whatever_reason() -> None:
    late = {"type": "Ready", "status": "False", "message": "containers with unready status: [main]"}
    running = {"state": {"running": {}}}
    slow = pod(running, late | {"lastTransitionTime": ago(minutes=9)}, phase="Running")
    assert found(rendered("apps/v1", "Deployment"), slow) == ()
    stuck = pod(running, late | {"lastTransitionTime": ago(minutes=11)}, phase="Running")
    (finding,) = found(rendered("apps/v1", "Deployment"), stuck)
    assert "containers with unready status: [main]" in finding.message


def test_a_pod_that_no_scheduler_has_seen_is_found_after_ten_minutes() -> None:
    unseen = pod()
    unseen["metadata"]["creationTimestamp"] = ago(minutes=11)
    (finding,) = found(rendered("apps/v1", "Deployment"), unseen)
    assert "not ready for more than 10 minutes" in finding.message


@pytest.mark.parametrize(
    "kind", [kind for kind in OWNERS if kind[1] not in {"CronJob", "DaemonSet"}], ids=lambda kind: kind[1]
)
def test_a_workload_none_of_whose_pods_exists_is_found(kind: tuple[str, str]) -> None:
    (finding,) = found(rendered(*kind))
    assert finding.message == "none of its pods exists"
    young = rendered(*kind)
    young["metadata"]["creationTimestamp"] = ago(seconds=5)
    assert found(young) == ()


def test_agents_that_no_machine_takes_are_none_that_are_missing() -> None:
    assert found(rendered("apps/v1", "DaemonSet", status={"desiredNumberScheduled": 0})) == ()
    assert len(found(rendered("apps/v1", "DaemonSet", status={"desiredNumberScheduled": 2}))) == 1


def test_who_refuses_the_pods_is_said() -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: tenant"}
    (finding,) = found(rendered("apps/v1", "Deployment", status={"conditions": [refused]}), pod(name="old"))
    assert finding.message == "its pods are not made: exceeded quota: tenant"


def test_a_job_is_judged_by_its_end() -> None:
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    (finding,) = found(rendered("batch/v1", "Job", status={"conditions": [failed]}))
    assert "backoff limit" in finding.message
    done = {"type": "Complete", "status": "True"}
    ended = pod({"state": {"terminated": {"exitCode": 1}}}, phase="Failed")
    assert found(rendered("batch/v1", "Job", status={"conditions": [done]}), ended) == ()
    (finding,) = found(rendered("batch/v1", "Job"), ended)
    assert "container main ended, with exit code 1" in finding.message


def test_a_job_by_the_clock_is_judged_by_its_last_run() -> None:
    last = {"lastScheduleTime": ago(minutes=5), "lastSuccessfulTime": ago(minutes=9)}
    (finding,) = found(rendered("batch/v1", "CronJob", status=last))
    assert "did not succeed" in finding.message
    succeeded = last | {"lastSuccessfulTime": ago(minutes=4)}
    assert found(rendered("batch/v1", "CronJob", status=succeeded)) == ()
    assert found(rendered("batch/v1", "CronJob")) == ()


def test_what_an_operator_makes_of_its_own_object_leads_back_to_that_object() -> None:
    policy = rendered("nvidia.com/v1", "ClusterPolicy")
    operator = rendered("apps/v1", "Deployment")
    operator["metadata"] |= {"name": "gpu-operator", "uid": "uid-of-operator"}
    agents = owned(rendered("apps/v1", "DaemonSet"), "uid-of-workload")
    agents["metadata"] |= {"name": "driver", "uid": "uid-of-agents", "labels": {}}
    api = InMemoryApi()
    api.plays_pods = False
    running = pod({"state": {"running": {}}}, {"type": "Ready", "status": "True"}, name="operator")
    api.put(policy, operator, agents, owned(running, "uid-of-operator"), owned(pod(CRASH), "uid-of-agents"))
    (finding,) = findings(api, policy, operator)
    assert finding.resource == f"ClusterPolicy/{SPACE}/prometheus"


def test_pods_of_others_and_owners_without_an_end_are_none_of_our_business() -> None:
    workload = rendered("apps/v1", "ReplicaSet", {"replicas": 1})
    circle = owned(rendered("apps/v1", "Deployment"), "uid-of-circle")
    circle["metadata"] |= {"name": "circle", "uid": "uid-of-circle", "labels": {}}
    api = InMemoryApi()
    api.plays_pods = False
    mine = owned(pod({"state": {"running": {}}}, name="mine"), "uid-of-workload")
    api.put(workload, circle, mine, owned(pod(CRASH), "uid-of-circle"), pod(CRASH, name="alone"))
    assert findings(api, workload) == ()


def test_without_workloads_nothing_more_is_read_and_with_them_it_may_be_asked_for_before() -> None:
    api = InMemoryApi()
    assert find_failing(api, FACTORY, [{**rendered("v1", "ConfigMap")}]) == ()
    assert api.asked == []
    before = {(each["apiVersion"], each["kind"]) for each in examples([])}
    after = {(each["apiVersion"], each["kind"]) for each in examples([rendered("batch/v1", "Job")])}
    assert after - before == set(OWNERS)


def test_verify_names_it() -> None:
    api = memory()
    workload = rendered("apps/v1", "Deployment")
    api.put(workload, *between(workload), owned(pod(NO_IMAGE), "uid-between"))
    # Where all machines are simulated no container runs, and the pods of no zone have no place.
    assert check(api, FACTORY, PLAN, more=(workload,)).ok
    control = {"node-role.kubernetes.io/control-plane": ""}
    metadata = {"name": "control-plane", "labels": control}
    api.put({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": {}})
    verdict = check(api, FACTORY, PLAN, more=(workload,))
    assert [(one.kind, one.resource) for one in verdict.findings] == [
        ("failing", f"Deployment/{SPACE}/prometheus")
    ]
    assert not verdict.ok
