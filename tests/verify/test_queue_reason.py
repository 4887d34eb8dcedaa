from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sovereign_ai.verify import queue_reason
from sovereign_ai.verify.queue_change import Change
from sovereign_ai.verify.queue_obstacle import obstacle_of
from sovereign_ai.verify.queue_reason import reason_of
from sovereign_ai.verify.queue_state import QueueState
from sovereign_ai.verify.queue_submission import workload_of
from tests.cluster.placed_pods import admitted, placed, waiting

GPU = "nvidia.com/gpu"
RACK, UNIT, HOST = "example.com/rack", "example.com/unit", "kubernetes.io/hostname"


def pod_spec(gpus: int = 8, cpu: str = "4") -> dict[str, Any]:
    return {"containers": [{"resources": {"requests": {"cpu": cpu}, "limits": {GPU: str(gpus)}}}]}


def workload(count: int = 1, gpus: int = 8, **more: Any) -> dict[str, Any]:
    pod_set = {"name": "main", "count": count, "template": {"spec": pod_spec(gpus)}}
    pod_set |= more.pop("pod_set", {})
    spec = {"queueName": more.pop("queue", "train"), "podSets": [pod_set]} | more.pop("spec", {})
    return {"metadata": {"name": "job-a", "namespace": "research"}, "spec": spec} | more


def queue(gpus: int = 32, **spec: Any) -> dict[str, Any]:
    resources = [{"name": "cpu", "nominalQuota": "1000"}, {"name": GPU, "nominalQuota": str(gpus)}]
    group = {"coveredResources": ["cpu", GPU], "flavors": [{"name": "flavor", "resources": resources}]}
    active = {"type": "Active", "status": "True"}
    return {
        "metadata": {"name": "pool"},
        "spec": {"resourceGroups": [group]} | spec,
        "status": {"conditions": [active]},
    }


def node(name: str, unit: str, rack: str, gpus: int = 8, **spec: Any) -> dict[str, Any]:
    labels = {"pool": "pool", UNIT: unit, RACK: rack, HOST: name}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": {"cpu": "64", GPU: str(gpus), "pods": "30"}},
    }


def state(**changed: Any) -> QueueState:
    local = {"metadata": {"name": "train", "namespace": "research"}, "spec": {"clusterQueue": "pool"}}
    flavor = {
        "metadata": {"name": "flavor"},
        "spec": {"nodeLabels": {"pool": "pool"}, "topologyName": "racks"},
    }
    topology = {
        "metadata": {"name": "racks"},
        "spec": {"levels": [{"nodeLabel": UNIT}, {"nodeLabel": RACK}, {"nodeLabel": HOST}]},
    }
    nodes = (node("n1", "u1", "r1"), node("n2", "u1", "r1"), node("n3", "u1", "r2"), node("n4", "u1", "r2"))
    usual: dict[str, Any] = {
        "local_queues": (local,),
        "cluster_queues": (queue(),),
        "flavors": (flavor,),
        "topologies": (topology,),
        "nodes": nodes,
    }
    return QueueState(**(usual | changed))


def in_rack(count: int, level: str = RACK) -> dict[str, Any]:
    return workload(count, pod_set={"topologyRequest": {"required": level}})


def running(name: str, gpus: int) -> dict[str, Any]:
    assigned = {"name": "main", "count": 1, "flavors": {GPU: "flavor"}, "resourceUsage": {GPU: str(gpus)}}
    admission = {"clusterQueue": "pool", "podSetAssignments": [assigned]}
    return {"metadata": {"name": name, "namespace": "research"}, "status": {"admission": admission}}


def test_a_workload_that_fits_is_not_explained_away():
    reason = reason_of(workload(4), state())
    assert (reason.code, reason.state, reason.change) == ("fits", "waits", None)


def test_more_than_the_quota_is_brought_down_to_what_fits():
    reason = reason_of(workload(5), state())
    assert reason.code == "over-quota"
    assert "asks for 40 of nvidia.com/gpu" in reason.message
    assert "has 32 in all" in reason.message
    assert str(reason.change) == "ask for 4 pods in main"


def test_where_not_one_pod_fits_the_quota_has_to_grow_by_what_is_missing():
    large = state(nodes=(node("n1", "u1", "r1", gpus=40),))
    reason = reason_of(workload(1, gpus=40), large)
    assert reason.change is not None
    assert (reason.change.kind, reason.change.value) == ("quota", "8")
    # A larger quota alone does not make a node larger.
    assert reason_of(workload(1, gpus=40), state()).change is None


def test_a_taken_quota_names_the_smallest_workload_whose_end_is_enough():
    busy = state(workloads=(running("large", 16), running("small", 4), running("right", 8)))
    reason = reason_of(workload(1), busy)
    assert reason.code == "waits-for-quota"
    assert "4 free of 32: 4 are missing" in reason.message
    assert str(reason.change) == "wait for research/small, which frees enough when it ends"


def test_a_taken_quota_that_no_single_end_frees_is_answered_by_fewer_pods():
    busy = state(workloads=tuple(running(name, 4) for name in ("a", "b", "c", "d")))
    reason = reason_of(workload(4), busy)
    assert str(reason.change) == "ask for 2 pods in main"


def test_a_finished_workload_has_reserved_nothing():
    done = running("done", 32)
    done["status"]["conditions"] = [{"type": "Finished", "status": "True"}]
    assert reason_of(workload(4), state(workloads=(done,))).code == "fits"


def test_what_a_queue_reports_with_a_delay_decides_nothing():
    late = queue()
    late["status"]["flavorsReservation"] = [{"name": "flavor", "resources": [{"name": GPU, "total": "0"}]}]
    reason = reason_of(workload(1), state(cluster_queues=(late,), workloads=(running("all", 32),)))
    assert reason.code == "waits-for-quota"


def test_a_queue_that_is_missing_is_answered_by_the_nearest_one():
    reason = reason_of(workload(queue="trian"), state())
    assert reason.code == "no-queue"
    assert str(reason.change) == "use the queue 'train'"


def test_a_queue_of_another_namespace_is_none():
    local = {"metadata": {"name": "train", "namespace": "startups"}, "spec": {"clusterQueue": "pool"}}
    reason = reason_of(workload(), state(local_queues=(local,)))
    assert (reason.code, reason.change) == ("no-queue", Change("local-queue", "research/train", "pool"))


@pytest.mark.parametrize("policy", ["Hold", "HoldAndDrain"])
def test_a_stopped_queue_is_named(policy: str):
    reason = reason_of(workload(), state(cluster_queues=(queue(stopPolicy=policy),)))
    assert reason.code == "stopped-queue"
    assert str(reason.change) == "remove the stop policy of ClusterQueue pool"


def test_an_inactive_queue_says_what_kueue_says():
    inactive = queue()
    inactive["status"]["conditions"][0] |= {"status": "False", "message": "references missing flavor"}
    reason = reason_of(workload(), state(cluster_queues=(inactive,)))
    assert reason.code == "inactive-queue"
    assert "missing flavor" in reason.message


def test_a_resource_without_a_quota_is_named():
    asked = workload()
    asked["spec"]["podSets"][0]["template"]["spec"]["containers"][0]["resources"]["limits"] = {"other/gpu": 1}
    reason = reason_of(asked, state())
    assert reason.code == "not-covered"
    assert "other/gpu" in reason.message
    # No node has it, so that no quota would help.
    assert str(reason.change) == "leave out other/gpu, which no node has"
    machine = node("n1", "u1", "r1")
    machine["status"]["allocatable"]["other/gpu"] = "8"
    covered = reason_of(asked, state(nodes=(machine,)))
    assert str(covered.change) == "cover other/gpu in ClusterQueue pool with a quota of 1"


def test_a_gang_too_large_for_a_rack_is_answered_by_the_level_above():
    reason = reason_of(in_rack(3), state())
    assert reason.code == "topology"
    assert "3 pods have to be within one example.com/rack, and the largest has room for 2" in reason.message
    assert str(reason.change) == "ask for main within one example.com/unit"


def test_a_rack_with_lost_nodes_says_so():
    cordoned = state(nodes=(node("n1", "u1", "r1"), node("n2", "u1", "r1", unschedulable=True)))
    reason = reason_of(in_rack(2), cordoned)
    assert "room for 1; 1 of its nodes take no pods" in reason.message
    assert str(reason.change) == "ask for 1 pod in main"


def test_a_taint_that_nobody_tolerates_takes_a_node_out():
    tainted = node("n1", "u1", "r1", taints=[{"key": "fault", "value": "xid", "effect": "NoSchedule"}])
    reason = reason_of(in_rack(1), state(nodes=(tainted,)))
    assert reason.code == "topology"
    assert reason.change is not None
    assert reason.change.kind == "repair"


def test_pods_on_a_node_leave_less_room():
    pod = {"spec": pod_spec(8) | {"nodeName": "n1"}, "status": {"phase": "Running"}}
    ended = {"spec": pod_spec(8) | {"nodeName": "n3"}, "status": {"phase": "Succeeded"}}
    assert reason_of(in_rack(2), state(pods=(ended,))).code == "fits"
    two = {"spec": pod_spec(8) | {"nodeName": "n3"}, "status": {"phase": "Running"}}
    assert reason_of(in_rack(2), state(pods=(pod, two))).code == "topology"


def test_an_unknown_level_is_answered_by_the_lowest_one():
    reason = reason_of(in_rack(1, "example.com/row"), state())
    assert "no level of topology racks" in reason.message
    assert str(reason.change) == f"ask for main within one {HOST}"


def test_a_deactivated_workload_is_named():
    reason = reason_of(workload(spec={"active": False}), state())
    assert str(reason.change) == "set spec.active of research/job-a"


def test_kueues_own_word_and_message_are_passed_on():
    condition = {
        "type": "QuotaReserved",
        "status": "False",
        "reason": "Pending",
        "message": "too small",
    }
    reason = reason_of(workload(5, status={"conditions": [condition]}), state())
    assert (reason.kueue_reason, reason.kueue_message) == ("Pending", "too small")


def test_an_admission_check_that_has_not_answered_is_named():
    status = {
        "conditions": [{"type": "QuotaReserved", "status": "True", "reason": "QuotaReserved"}],
        "admissionChecks": [{"name": "budget", "state": "Pending", "message": "asking"}],
    }
    reason = reason_of(workload(status=status), state())
    assert reason.code == "admission-check"
    assert "budget is Pending: asking" in reason.message


def test_a_running_workload_says_where():
    admission = {
        "clusterQueue": "pool",
        "podSetAssignments": [{"name": "main", "count": 4, "flavors": {GPU: "flavor", "cpu": "flavor"}}],
    }
    status = {
        "conditions": [{"type": "Admitted", "status": "True", "reason": "Admitted"}],
        "admission": admission,
    }
    reason = reason_of(workload(status=status), state())
    assert (reason.state, reason.message) == ("runs", "queue pool: 4 pods of main on flavor")


def test_a_job_is_read_as_the_workload_that_it_would_become():
    job = {
        "metadata": {
            "name": "train",
            "namespace": "research",
            "labels": {"kueue.x-k8s.io/queue-name": "train"},
        },
        "spec": {
            "parallelism": 3,
            "template": {
                "metadata": {"annotations": {"kueue.x-k8s.io/podset-required-topology": RACK}},
                "spec": pod_spec(),
            },
        },
    }
    assert reason_of(workload_of(job), state()).code == "topology"


def test_an_admitted_workload_whose_pods_find_no_node_waits_in_the_schedulers_words() -> None:
    work = running("a", 8)
    work["status"]["conditions"] = [{"type": "Admitted", "status": "True", "reason": "Admitted"}]
    work["metadata"]["ownerReferences"] = [{"name": "job-a"}]
    work["spec"] = {"podSets": []}
    unscheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/4 nodes",
    }
    pods = []
    for number, conditions in enumerate(([unscheduled], [])):
        labels = {"batch.kubernetes.io/job-name": "job-a"}
        metadata = {"namespace": "research", "name": f"p{number}", "labels": labels}
        pods.append({"metadata": metadata, "spec": {}, "status": {"conditions": conditions}})
    reason = reason_of(work, state(workloads=(work,), pods=tuple(pods)))
    assert (reason.state, reason.code) == ("waits", "unschedulable")
    assert "1 of its 2 pods find no node: 0/4 nodes" in reason.message
    other = [{**pod, "metadata": {**pod["metadata"], "namespace": "startups"}} for pod in pods]
    assert reason_of(work, state(workloads=(work,), pods=tuple(other))).state == "runs"


def test_a_pod_whose_machine_is_held_by_work_that_is_placed_elsewhere_says_by_whom() -> None:
    workloads = (admitted("pretrain", m2=1), admitted("sweep", m1=1))
    pods = (placed("pretrain", "m1"), waiting("sweep", "m1"))
    reason = reason_of(workloads[1], state(workloads=workloads, pods=pods))
    assert (reason.state, reason.code) == ("waits", "unschedulable")
    assert "research/pretrain-m1 holds m1, where Kueue has placed it no longer" in reason.message
    assert "`sovereign-ai repair run` evicts" in reason.message
    assert reason_of(workloads[0], state(workloads=workloads, pods=pods)).state == "runs"


@pytest.mark.parametrize("wanted", ["train-0", "trian"])
def test_of_many_stopped_queues_each_is_looked_at_once(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    """Each was resumed to seek a queue among all the others, in every order: 6 queues took 20 seconds."""
    looks = []

    def look(*arguments: Any) -> Any:
        looks.append(arguments)
        return obstacle_of(*arguments)

    monkeypatch.setattr(queue_reason, "obstacle_of", look)
    locals_ = []
    for number in range(6):
        metadata = {"name": f"train-{number}", "namespace": "research"}
        locals_.append({"metadata": metadata, "spec": {"clusterQueue": "pool", "stopPolicy": "Hold"}})
    waiting = workload(99)
    waiting["spec"]["queueName"] = wanted
    reason = reason_of(waiting, state(local_queues=tuple(locals_)))
    assert len(looks) <= len(locals_)
    assert reason.code == ("no-queue" if wanted == "trian" else "stopped-queue")
    assert "is stopped; once that is no more: it asks for 792" in reason.message
    open_one = {"metadata": {"name": "other", "namespace": "research"}, "spec": {"clusterQueue": "pool"}}
    waiting["spec"]["podSets"][0]["count"] = 1
    found = reason_of(waiting, state(local_queues=(*locals_, open_one))).change
    assert found is not None
    assert (found.kind, found.value) == (("queue", "other") if wanted == "trian" else ("resume", ""))


def sent(**status: Any) -> QueueState:
    """A queue whose work another cluster runs; none of its machines is here."""
    checks = {"admissionChecks": [{"name": "far"}]}
    check = {
        "metadata": {"name": "far"},
        "spec": {"controllerName": "kueue.x-k8s.io/multikueue"},
        "status": status,
    }
    return state(cluster_queues=(queue(admissionChecksStrategy=checks),), admission_checks=(check,), nodes=())


def test_work_that_another_cluster_places_needs_no_machine_here():
    reason = reason_of(in_rack(2), sent())
    assert reason.code == "fits"
    here = state(nodes=())
    assert reason_of(in_rack(2), here).code == "topology"
    # Its quota counts all the same.
    assert reason_of(in_rack(5), sent()).code == "over-quota"


def test_work_that_is_offered_to_workers_says_so_and_where_it_runs_once_it_does():
    reserved = {
        "type": "QuotaReserved",
        "status": "True",
        "reason": "QuotaReserved",
        "message": "in queue pool",
    }
    pending = {"name": "far", "state": "Pending", "message": ""}
    status = {"conditions": [reserved], "admissionChecks": [pending], "nominatedClusterNames": ["b-1", "b-2"]}
    reason = reason_of(workload(2, status=status), sent())
    assert (reason.state, reason.code, reason.kueue_reason) == ("waits", "admission-check", "QuotaReserved")
    assert "it is offered to b-1, b-2; admission check far is Pending" in reason.message
    admitted = {
        "type": "Admitted",
        "status": "True",
        "reason": "Admitted",
        "message": "The workload is admitted",
    }
    admission = {"clusterQueue": "pool", "podSetAssignments": [{"name": "main", "count": 2}]}
    runs = {"conditions": [reserved, admitted], "clusterName": "b-1", "admission": admission}
    assert reason_of(workload(2, status=runs), sent()).message.startswith("cluster b-1, where its pods are; ")


def test_a_queue_whose_workers_are_not_connected_says_what_kueue_says_of_the_check():
    words = {
        "type": "Active",
        "status": "False",
        "reason": "NoUsableClusters",
        "message": "Inactive clusters: [b-1]",
    }
    inactive = sent(conditions=[words])
    dead = {"type": "Active", "status": "False", "message": "Can't admit new workloads"}
    queues = [{**each, "status": {"conditions": [dead]}} for each in inactive.cluster_queues]
    reason = reason_of(workload(2), replace(inactive, cluster_queues=queues))
    assert reason.code == "inactive-queue"
    assert reason.message.endswith("admission check far: Inactive clusters: [b-1]")
    assert reason.change == Change("check", "far")
