"""Features of Kueue beside each other: what its source says of each, as small fleets.

The judge is the source of Kueue 0.17 (pkg/scheduler, pkg/cache/scheduler): each case says what it does there.
`make queues` has some of them on the real one.
"""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.verify.queue_reason import reason_of
from sovereign_ai.verify.queue_state import QueueState
from sovereign_ai.verify.queue_submission import workload_of

GPU = "example.com/gpu"
UNIT, RACK, HOST = "example.com/unit", "example.com/rack", "kubernetes.io/hostname"
QUEUE = "kueue.x-k8s.io/queue-name"
Made = dict[str, Any]


def named(name: str, spec: Made, **more: Any) -> Made:
    return {"metadata": {"name": name}, "spec": spec, **more}


def pods(gpus: int = 8, **pod: Any) -> Made:
    """Return the template of pods."""
    container = {"name": "main", "resources": {"requests": {GPU: str(gpus)}}}
    return {"metadata": {"annotations": pod.pop("notes", {})}, "spec": {"containers": [container], **pod}}


def pod_set(count: int = 1, gpus: int = 8, name: str = "main", **more: Any) -> Made:
    return {"name": name, "count": count, "template": pods(gpus, **more.pop("pod", {})), **more}


def asks(*pod_sets: Made, queue: str = "a", **spec: Any) -> Made:
    metadata = {"name": "waits", "namespace": "team", "creationTimestamp": "2026-01-02T00:00:00Z"}
    return {"metadata": metadata, "spec": {"queueName": queue, "podSets": list(pod_sets), **spec}}


def holds(name: str, queue: str, gpus: int, flavor: str = "f", **more: Any) -> Made:
    """Return an admitted workload."""
    assigned = {"name": "main", "count": 1, "flavors": {GPU: flavor}, "resourceUsage": {GPU: str(gpus)}}
    assigned |= more.pop("assigned", {})
    admission = {"clusterQueue": queue, "podSetAssignments": [assigned]}
    reserved = {"type": "QuotaReserved", "status": "True", "lastTransitionTime": more.pop("since", "")}
    status = {"admission": admission, "conditions": [reserved], **more.pop("status", {})}
    created = more.pop("created", "2026-01-01T00:00:00Z")
    metadata = {"name": name, "namespace": "team", "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"podSets": [], **more}, "status": status}


def queue(
    name: str, *quotas: tuple[str, int], cohort: str = "", limits: Made | None = None, **spec: Any
) -> Made:
    """Return a queue with one group of resources, whose flavors have quotas."""
    flavors = []
    for flavor, gpus in quotas or (("f", 32),):
        entry = {"name": GPU, "nominalQuota": str(gpus), **(limits or {})}
        flavors.append({"name": flavor, "resources": [entry]})
    whole = {"resourceGroups": [{"coveredResources": [GPU], "flavors": flavors}], **spec}
    if cohort:
        whole["cohortName"] = cohort
    conditions = [{"type": "Active", "status": "True"}]
    return named(name, whole, status={"conditions": conditions})


def cohort(name: str, parent: str = "", gpus: int = 0, **limits: str) -> Made:
    entry = {"name": GPU, "nominalQuota": str(gpus), **limits}
    group = {"coveredResources": [GPU], "flavors": [{"name": "f", "resources": [entry]}]}
    return named(name, {"parentName": parent, "resourceGroups": [group]})


def flavor(name: str = "f", topology: str = "", **spec: Any) -> Made:
    more = {"topologyName": topology} if topology else {}
    return named(name, {"nodeLabels": {"pool": name}, **more, **spec})


def machine(name: str, unit: str, rack: str, pool: str = "f", gpus: int = 8) -> Made:
    labels = {"pool": pool, UNIT: unit, RACK: rack, HOST: name}
    status = {"allocatable": {GPU: str(gpus), "pods": "30"}}
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": status}


RACKS = tuple(machine(f"n{n}", f"u{n // 4}", f"r{n // 2}") for n in range(8))
"""Two units of two racks of two nodes."""


def fleet(*queues: Made, **state: Any) -> QueueState:
    locals_ = []
    for each in queues:
        name = each["metadata"]["name"]
        metadata = {"name": name, "namespace": "team"}
        locals_.append({"metadata": metadata, "spec": {"clusterQueue": name}})
    levels = [{"nodeLabel": level} for level in (UNIT, RACK, HOST)]
    usual: Made = {
        "flavors": (flavor(),),
        "topologies": (named("racks", {"levels": levels}),),
        "nodes": RACKS,
    }
    return QueueState(cluster_queues=queues, local_queues=locals_, **(usual | state))


def low(**rules: Any) -> Made:
    return {"preemption": rules}


TWO = {"flavors": (flavor("x"), flavor("y"))}
TAS = {"flavors": (flavor(topology="racks"),)}
MIXED = {"flavors": (flavor("x"), flavor("y", topology="racks"))}
ANY, LOWER = {"reclaimWithinCohort": "Any"}, {"reclaimWithinCohort": "LowerPriority"}
OWN = {"withinClusterQueue": "LowerPriority"}


def request(level: str, kind: str = "required", **more: Any) -> Made:
    return {"topologyRequest": {kind: level, **more}}


CASES: dict[str, tuple[Made, QueueState, str]] = {
    "two pod sets get a flavor each": (
        asks(pod_set(2, name="a"), pod_set(2, name="b")),
        fleet(queue("a", ("x", 16), ("y", 16)), **TWO),
        "fits",
    ),
    "the second pod set finds what the first left too small": (
        asks(pod_set(2, name="a"), pod_set(3, name="b")),
        fleet(queue("a", ("x", 16), ("y", 16)), **TWO),
        "over-quota",
    ),
    "one pod set is not parted over flavors": (
        asks(pod_set(4)),
        fleet(queue("a", ("x", 16), ("y", 16)), **TWO),
        "over-quota",
    ),
    "a pod set that selects the second flavor gets it": (
        asks(pod_set(1, name="a"), pod_set(1, name="b", pod={"nodeSelector": {"pool": "y"}})),
        fleet(queue("a", ("x", 8), ("y", 8)), **TWO),
        "fits",
    ),
    "a taken first flavor leads to the second": (
        asks(pod_set(2)),
        fleet(queue("a", ("x", 16), ("y", 16)), workloads=(holds("h", "a", 16, "x"),), **TWO),
        "fits",
    ),
    "a flavor with a taint leads to the next": (
        asks(pod_set(2)),
        fleet(
            queue("a", ("x", 16), ("y", 16)),
            flavors=(
                flavor("x", nodeTaints=[{"key": "spot", "value": "", "effect": "NoSchedule"}]),
                flavor("y"),
            ),
        ),
        "fits",
    ),
    "two pod sets on one flavor count together": (
        asks(pod_set(2, name="a"), pod_set(3, name="b")),
        fleet(queue("a")),
        "over-quota",
    ),
    "a quota of nothing": (asks(pod_set(1)), fleet(queue("a", ("f", 0))), "over-quota"),
    "nothing is asked of a quota of nothing": (asks(pod_set(1, gpus=0)), fleet(queue("a", ("f", 0))), "fits"),
    "a borrowing limit of nothing": (
        asks(pod_set(3)),
        fleet(queue("a", ("f", 16), cohort="c", limits={"borrowingLimit": "0"}), queue("b", cohort="c")),
        "over-quota",
    ),
    "a lending limit of nothing": (
        asks(pod_set(3)),
        fleet(queue("a", ("f", 16), cohort="c"), queue("b", cohort="c", limits={"lendingLimit": "0"})),
        "over-quota",
    ),
    "the quota of a cohort itself": (
        asks(pod_set(3)),
        fleet(queue("a", ("f", 8), cohort="c"), cohorts=(cohort("c", gpus=16),)),
        "fits",
    ),
    "the quota of a cohort two levels up": (
        asks(pod_set(4)),
        fleet(
            queue("a", ("f", 0), cohort="c"),
            queue("b", ("f", 32), cohort="d"),
            cohorts=(cohort("c", "root"), cohort("d", "root")),
        ),
        "fits",
    ),
    "a cohort that lends only a part upwards": (
        asks(pod_set(4)),
        fleet(
            queue("a", ("f", 0), cohort="c"),
            queue("b", ("f", 32), cohort="d"),
            cohorts=(cohort("c", "root"), cohort("d", "root", lendingLimit="16")),
        ),
        "over-quota",
    ),
    "a cohort that borrows only a part from above": (
        asks(pod_set(4)),
        fleet(
            queue("a", ("f", 0), cohort="c"),
            queue("b", ("f", 32), cohort="d"),
            cohorts=(cohort("c", "root", borrowingLimit="16"), cohort("d", "root")),
        ),
        "over-quota",
    ),
    "a cousin's quota that its owner uses": (
        asks(pod_set(4)),
        fleet(
            queue("a", ("f", 0), cohort="c"),
            queue("b", ("f", 32), cohort="d"),
            cohorts=(cohort("c", "root"), cohort("d", "root")),
            workloads=(holds("h", "b", 24),),
        ),
        "waits-for-quota",
    ),
    "Any takes back from a higher priority": (
        asks(pod_set(2)),
        fleet(
            queue("a", ("f", 16), cohort="c", preemption=ANY),
            queue("b", ("f", 16), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=9), holds("h2", "b", 16, priority=9)),
        ),
        "fits",
    ),
    "LowerPriority takes back from a lower priority only": (
        asks(pod_set(2), priority=5),
        fleet(
            queue("a", ("f", 16), cohort="c", preemption=LOWER),
            queue("b", ("f", 16), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=9), holds("h2", "b", 16, priority=9)),
        ),
        "waits-for-quota",
    ),
    "LowerPriority takes back from a lower priority": (
        asks(pod_set(2), priority=5),
        fleet(
            queue("a", ("f", 16), cohort="c", preemption=LOWER),
            queue("b", ("f", 16), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=1), holds("h2", "b", 16, priority=9)),
        ),
        "fits",
    ),
    "a borrower keeps what is its own": (
        asks(pod_set(3)),
        fleet(
            queue("a", ("f", 16), cohort="c", preemption=ANY),
            queue("b", ("f", 16), cohort="c"),
            workloads=(holds("h1", "b", 16), holds("h2", "b", 16)),
        ),
        "waits-for-quota",
    ),
    "who borrows takes nothing back": (
        asks(pod_set(3), priority=9),
        fleet(
            queue("a", ("f", 16), cohort="c", preemption=LOWER),
            queue("b", ("f", 8), cohort="c"),
            queue("d", ("f", 8), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=1),),
        ),
        "waits-for-quota",
    ),
    "who borrows takes from lower priorities where it is told so": (
        asks(pod_set(3), priority=9),
        fleet(
            queue(
                "a",
                ("f", 16),
                cohort="c",
                preemption={**LOWER, "borrowWithinCohort": {"policy": "LowerPriority"}},
            ),
            queue("b", ("f", 8), cohort="c"),
            queue("d", ("f", 8), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=1),),
        ),
        "fits",
    ),
    "a threshold keeps higher priorities from who borrows": (
        asks(pod_set(3), priority=9),
        fleet(
            queue(
                "a",
                ("f", 16),
                cohort="c",
                preemption={
                    **LOWER,
                    "borrowWithinCohort": {"policy": "LowerPriority", "maxPriorityThreshold": 0},
                },
            ),
            queue("b", ("f", 8), cohort="c"),
            queue("d", ("f", 8), cohort="c"),
            workloads=(holds("h1", "b", 16, priority=1),),
        ),
        "waits-for-quota",
    ),
    "an equal priority that is older stays": (
        asks(pod_set(4)),
        fleet(
            queue("a", preemption={"withinClusterQueue": "LowerOrNewerEqualPriority"}),
            workloads=(holds("h", "a", 32),),
        ),
        "waits-for-quota",
    ),
    "an equal priority that is newer goes": (
        asks(pod_set(4)),
        fleet(
            queue("a", preemption={"withinClusterQueue": "LowerOrNewerEqualPriority"}),
            workloads=(holds("h", "a", 32, created="2026-01-03T00:00:00Z"),),
        ),
        "fits",
    ),
    "an equal priority stays by default": (
        asks(pod_set(4)),
        fleet(
            queue("a", preemption=OWN),
            workloads=(holds("h", "a", 32, created="2026-01-03T00:00:00Z"),),
        ),
        "waits-for-quota",
    ),
    "fewer pods are enough": (asks(pod_set(6, minCount=2)), fleet(queue("a")), "fits"),
    "fewer pods are enough, and still too many": (
        asks(pod_set(9, minCount=5)),
        fleet(queue("a")),
        "over-quota",
    ),
    "pods that have ended need nothing any more": (
        asks(pod_set(2)),
        fleet(
            queue("a", ("f", 32)),
            workloads=(
                holds(
                    "h",
                    "a",
                    32,
                    assigned={"count": 4},
                    status={"reclaimablePods": [{"name": "main", "count": 2}]},
                ),
            ),
        ),
        "fits",
    ),
    "required in a rack": (
        asks(pod_set(3, **request(RACK))),
        fleet(queue("a", ("f", 64)), **TAS),
        "topology",
    ),
    "preferred in a rack": (
        asks(pod_set(3, **request(RACK, "preferred"))),
        fleet(queue("a", ("f", 64)), **TAS),
        "fits",
    ),
    "unconstrained": (
        asks(pod_set(8, topologyRequest={"unconstrained": True})),
        fleet(queue("a", ("f", 64)), **TAS),
        "fits",
    ),
    "slices that a rack holds": (
        asks(pod_set(8, **request(UNIT, "preferred", podSetSliceRequiredTopology=RACK, podSetSliceSize=2))),
        fleet(queue("a", ("f", 64)), **TAS),
        "fits",
    ),
    "slices that no rack holds": (
        asks(pod_set(8, **request(UNIT, "preferred", podSetSliceRequiredTopology=RACK, podSetSliceSize=4))),
        fleet(queue("a", ("f", 64)), **TAS),
        "topology",
    ),
    "two pod sets do not share a rack's nodes": (
        asks(
            pod_set(5, name="a", topologyRequest={"unconstrained": True}),
            pod_set(4, name="b", topologyRequest={"unconstrained": True}),
        ),
        fleet(queue("a", ("f", 128)), **TAS),
        "topology",
    ),
    "a leader and its workers share a rack": (
        asks(
            pod_set(1, name="leader", **request(RACK, podSetGroupName="g")),
            pod_set(1, name="worker", **request(RACK, podSetGroupName="g")),
        ),
        fleet(queue("a", ("f", 64)), **TAS),
        "fits",
    ),
    "a leader and its workers are too many for a rack": (
        asks(
            pod_set(1, name="leader", **request(RACK, podSetGroupName="g")),
            pod_set(2, name="worker", **request(RACK, podSetGroupName="g")),
        ),
        fleet(queue("a", ("f", 64)), **TAS),
        "topology",
    ),
    "a place in a topology is asked of a flavor without one": (
        asks(pod_set(1, **request(RACK))),
        fleet(queue("a")),
        "topology",
    ),
    "a place in a topology leads to the flavor that has one": (
        asks(pod_set(1, **request(RACK))),
        fleet(queue("a", ("x", 8), ("y", 8)), nodes=(machine("n", "u", "r", "y"),), **MIXED),
        "fits",
    ),
    "who asks for no place gets no flavor with a topology beside others": (
        asks(pod_set(2)),
        fleet(queue("a", ("x", 8), ("y", 64)), nodes=(machine("n", "u", "r", "y", 64),), **MIXED),
        "topology",
    ),
    "what a workload may preempt makes room on its nodes": (
        asks(pod_set(8), priority=5),
        fleet(
            queue("a", ("f", 128), preemption=OWN),
            workloads=(holds("h", "a", 8, priority=1),),
            pods=(
                {
                    "metadata": {"namespace": "team", "annotations": {"kueue.x-k8s.io/workload": "h"}},
                    "spec": {"nodeName": "n0", **pods()["spec"]},
                },
            ),
            **TAS,
        ),
        "fits",
    ),
    "a second flavor's nodes have the room that the first's have not": (
        asks(pod_set(2, **request(RACK))),
        fleet(
            queue("a", ("x", 64), ("y", 64)),
            flavors=(flavor("x", topology="racks"), flavor("y", topology="racks")),
            nodes=(
                machine("n1", "u", "r1", "x"),
                machine("n2", "u", "r2", "y"),
                machine("n3", "u", "r2", "y"),
            ),
        ),
        "fits",
    ),
    "a priority class that is missing": (
        asks(
            pod_set(1),
            priorityClassRef={"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": "urgent"},
        ),
        fleet(queue("a")),
        "no-priority-class",
    ),
    "a workload that comes back later": (
        asks(pod_set(1))
        | {
            "status": {
                "requeueState": {"count": 2, "requeueAt": "2026-01-02T01:00:00Z"},
                "conditions": [{"type": "Requeued", "status": "False", "reason": "PodsReadyTimeout"}],
            }
        },
        fleet(queue("a")),
        "back-off",
    ),
    "a pod larger than every node": (asks(pod_set(1, gpus=16)), fleet(queue("a", ("f", 64))), "no-node"),
    "a pod larger than every node, where no node is known": (
        asks(pod_set(1, gpus=16)),
        fleet(queue("a", ("f", 64)), nodes=()),
        "fits",
    ),
    "failed checks keep a workload out": (
        asks(pod_set(1))
        | {"status": {"admissionChecks": [{"name": "budget", "state": "Rejected", "message": "no"}]}},
        fleet(queue("a")),
        "admission-check",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_feature_of_kueue_does_what_its_source_says(name: str) -> None:
    workload, state, code = CASES[name]
    reason = reason_of(workload, state)
    assert reason.code == code, reason


def test_what_every_flavor_lacks_is_named() -> None:
    state = fleet(queue("a", ("x", 16), ("y", 24)), **TWO)
    reason = reason_of(asks(pod_set(4)), state)
    assert "flavor y of ClusterQueue a has 24 in all" in reason.message
    assert "flavor x has 16 in all" in reason.message


def test_a_queue_without_topology_is_no_way_out_for_a_pod_larger_than_a_node() -> None:
    state = fleet(
        queue("a", ("f", 64)),
        queue("b", ("g", 64)),
        flavors=(flavor(topology="racks"), flavor("g")),
        nodes=(*RACKS, machine("m", "u", "r", "g")),
    )
    reason = reason_of(asks(pod_set(1, gpus=16)), state)
    assert (reason.code, reason.change) == ("topology", None)
    small = reason_of(asks(pod_set(1), pod_set(8, name="more")), state)
    assert small.change is None or small.change.kind != "queue"


def test_a_missing_priority_class_is_answered_by_the_nearest() -> None:
    known = {"kind": "WorkloadPriorityClass", "metadata": {"name": "urgent"}, "value": 7}
    reference = {"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": "urgnet"}
    state = fleet(queue("a"), priority_classes=(known,))
    reason = reason_of(asks(pod_set(1), priorityClassRef=reference), state)
    assert str(reason.change) == "use the priority class 'urgent' in place of urgnet"


def test_a_rejected_check_is_nothing_to_wait_for() -> None:
    checks = [{"name": "budget", "state": "Rejected", "message": "spent"}]
    reason = reason_of(asks(pod_set(1)) | {"status": {"admissionChecks": checks}}, fleet(queue("a")))
    assert (reason.message, reason.change) == ("admission check budget is Rejected: spent", None)


def test_cohorts_in_a_circle_end_somewhere() -> None:
    state = fleet(queue("a", ("f", 8), cohort="c"), cohorts=(cohort("c", "d"), cohort("d", "c")))
    assert reason_of(asks(pod_set(1)), state).code == "fits"


def job(**changed: Any) -> Made:
    labels = {QUEUE: "a", **changed.pop("labels", {})}
    metadata = {"name": "j", "namespace": "team", "labels": labels, **changed.pop("metadata", {})}
    notes = changed.pop("notes", {})
    return {"kind": "Job", "metadata": metadata, "spec": {"template": pods(notes=notes), **changed}}


@pytest.mark.parametrize(
    ("work", "counts", "requests"),
    [
        (job(parallelism=4, completions=2), [(2, None)], [None]),
        (job(parallelism=4, completions=9), [(4, None)], [None]),
        (
            job(parallelism=4, metadata={"annotations": {"kueue.x-k8s.io/job-min-parallelism": "2"}}),
            [(4, 2)],
            [None],
        ),
        (
            job(notes={"kueue.x-k8s.io/podset-preferred-topology": RACK}),
            [(1, None)],
            [{"preferred": RACK}],
        ),
        (
            job(notes={"kueue.x-k8s.io/podset-unconstrained-topology": "true"}),
            [(1, None)],
            [{"unconstrained": True}],
        ),
        (
            job(
                parallelism=8,
                notes={
                    "kueue.x-k8s.io/podset-required-topology": UNIT,
                    "kueue.x-k8s.io/podset-slice-required-topology": RACK,
                    "kueue.x-k8s.io/podset-slice-size": "2",
                },
            ),
            [(8, None)],
            [{"required": UNIT, "podSetSliceRequiredTopology": RACK, "podSetSliceSize": 2}],
        ),
    ],
)
def test_a_job_becomes_the_pod_set_that_kueue_makes_of_it(
    work: Made, counts: list[Any], requests: list[Any]
) -> None:
    found = workload_of(work)["spec"]["podSets"]
    assert [(each["count"], each.get("minCount")) for each in found] == counts
    assert [each.get("topologyRequest") for each in found] == requests


def test_a_job_set_has_a_pod_set_for_each_replicated_job() -> None:
    parts = []
    for name, replicas, parallelism in (("driver", 1, 1), ("worker", 2, 4)):
        template = {"spec": {"parallelism": parallelism, "template": pods()}}
        parts.append({"name": name, "replicas": replicas, "template": template})
    work = {
        "kind": "JobSet",
        "metadata": {"name": "j", "labels": {QUEUE: "a"}},
        "spec": {"replicatedJobs": parts},
    }
    found = workload_of(work)["spec"]["podSets"]
    assert [(each["name"], each["count"]) for each in found] == [("driver", 1), ("worker", 8)]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"size": 4, "workerTemplate": pods()}, [("main", 4)]),
        ({"size": 4, "workerTemplate": pods(), "leaderTemplate": pods()}, [("leader", 1), ("worker", 3)]),
        ({"size": 1, "workerTemplate": pods(), "leaderTemplate": pods()}, [("leader", 1)]),
    ],
)
def test_a_group_of_a_leader_worker_set_is_a_workload(template: Made, expected: list[Any]) -> None:
    metadata = {"name": "s", "labels": {QUEUE: "a"}}
    work = {"kind": "LeaderWorkerSet", "metadata": metadata, "spec": {"leaderWorkerTemplate": template}}
    found = workload_of(work)["spec"]["podSets"]
    assert [(each["name"], each["count"]) for each in found] == expected


def test_the_priority_of_work_is_that_of_its_class() -> None:
    classes = (
        {"kind": "WorkloadPriorityClass", "metadata": {"name": "urgent"}, "value": 9},
        {"kind": "PriorityClass", "metadata": {"name": "usual"}, "value": 2, "globalDefault": True},
    )
    state = fleet(
        queue("a", preemption=OWN), workloads=(holds("h", "a", 32, priority=5),), priority_classes=classes
    )
    urgent = workload_of(job(labels={"kueue.x-k8s.io/priority-class": "urgent"}))
    assert reason_of(urgent, state).code == "fits"
    assert reason_of(workload_of(job()), state).code == "waits-for-quota"
