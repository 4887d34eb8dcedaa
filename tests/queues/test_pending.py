"""Jobs that the real Kueue does not admit: its reason and ours, and that the proposed change admits them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from itertools import count
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION
from sovereign_ai.cluster.kueue_placements import SETTLED
from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE
from sovereign_ai.operate.repair.controller import RepairController
from sovereign_ai.operate.repair.decide import Act, Policy
from sovereign_ai.operate.repair.view import Place
from sovereign_ai.verify import QueueReason, find_workload, observe_queues, reason_of
from sovereign_ai.verify.pod_requests import amount_of, field_of, requests_of_pod
from sovereign_ai.verify.queue_submission import answer_to

pytestmark = pytest.mark.queues

KUEUE = "kueue.x-k8s.io/v1beta2"
GPU = "example.com/gpu"
SPACE, FLAVOR, QUEUE = "research", "gpu", "pool"
RACK, HOST = "example.com/rack", "kubernetes.io/hostname"
NUMBERS = count(1)


def until(holds: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)
    return value


def made(api_version: str, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name} | metadata,
        "spec": spec,
    }


def node(name: str, rack: str) -> dict[str, Any]:
    amounts = {"cpu": "64", "memory": "512Gi", "pods": "30", GPU: "8"}
    status = {
        "allocatable": amounts,
        "capacity": amounts,
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    labels = {"pool": QUEUE, RACK: rack, HOST: name}
    annotations = {"kwok.x-k8s.io/node": "fake"}
    return made("v1", "Node", name, {}, labels=labels, annotations=annotations) | {"status": status}


def _reports(api: Api, machine: dict[str, Any]) -> bool:
    """Write a node's status; False where a controller has changed the node meanwhile."""
    live = api.get("v1", "Node", machine["metadata"]["name"])
    assert live is not None
    try:
        api.update_status(live | {"status": machine["status"]})
    except ApiError as error:
        if error.problems[0].code != "api-conflict":
            raise
        return False
    return True


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with Kueue, two racks of two nodes, and a queue for their 32 GPUs."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("queues", root=root, queueing=True, wait_seconds=300)
    api = open_cluster(cluster.kubeconfig)
    api.create(made("v1", "Namespace", SPACE, {}, labels={KEYS.namespace_zone: "open"}))
    for number in range(4):
        machine = node(f"n{number}", f"r{number // 2}")
        api.create(machine)
        until(lambda machine=machine: _reports(api, machine))
    api.create(made(KUEUE, "Topology", "racks", {"levels": [{"nodeLabel": RACK}, {"nodeLabel": HOST}]}))
    flavor = {"nodeLabels": {"pool": QUEUE}, "topologyName": "racks"}
    api.create(made(KUEUE, "ResourceFlavor", FLAVOR, flavor))
    resources = [{"name": "cpu", "nominalQuota": "256"}, {"name": GPU, "nominalQuota": "32"}]
    group = {"coveredResources": ["cpu", GPU], "flavors": [{"name": FLAVOR, "resources": resources}]}
    api.create(made(KUEUE, "ClusterQueue", QUEUE, {"namespaceSelector": {}, "resourceGroups": [group]}))
    api.create(made(KUEUE, "LocalQueue", QUEUE, {"clusterQueue": QUEUE}, namespace=SPACE))
    yield api
    down("queues", root=root)


@pytest.fixture(autouse=True)
def _nothing_left(api: Api) -> Iterator[None]:
    yield
    for job in api.list("batch/v1", "Job", SPACE):
        api.delete("batch/v1", "Job", job["metadata"]["name"], SPACE)
    until(lambda: not api.list(KUEUE, "Workload", SPACE))


def submit(api: Api, pods: int, *, queue: str = QUEUE, level: str = "", duration: str = "") -> str:
    """Create a job of pods of 8 GPUs; return its name."""
    name = f"job-{next(NUMBERS)}"
    asked = {"requests": {"cpu": "1"}, "limits": {GPU: "8"}}
    containers = [{"name": "main", "image": "example.com/a", "resources": asked}]
    template: dict[str, Any] = {"spec": {"containers": containers, "restartPolicy": "Never"}}
    annotations = {"kueue.x-k8s.io/podset-required-topology": level, SIMULATED_DURATION: duration}
    given = {key: value for key, value in annotations.items() if value}
    if given:
        template["metadata"] = {"annotations": given}
    spec = {"parallelism": pods, "completions": pods, "template": template}
    api.create(
        made("batch/v1", "Job", name, spec, namespace=SPACE, labels={"kueue.x-k8s.io/queue-name": queue})
    )
    return name


def settled(api: Api, name: str, state: str) -> QueueReason:
    """Return the reason for a job when Kueue has looked at it and it is in a state."""

    def look() -> QueueReason | None:
        observed = observe_queues(api)
        owners = [owner for each in observed.workloads for owner in each["metadata"]["ownerReferences"]]
        if name not in {owner["name"] for owner in owners}:
            return None
        reason = reason_of(find_workload(observed, f"{SPACE}/{name}"), observed)
        return reason if reason.state == state and reason.kueue_reason else None

    reason: QueueReason = until(look)
    return reason


def test_a_job_that_fits_runs_and_says_where(api: Api):
    reason = settled(api, submit(api, 2), "runs")
    assert reason.message.startswith(f"queue {QUEUE}: 2 pods of main on {FLAVOR}")


def test_more_than_the_quota_waits_until_it_asks_for_less(api: Api):
    reason = settled(api, submit(api, 5), "waits")
    assert (reason.kueue_reason, reason.code) == ("Pending", "over-quota")
    assert "insufficient quota" in reason.kueue_message
    assert reason.change is not None
    assert reason.change.kind == "count"
    settled(api, submit(api, int(reason.change.value)), "runs")


def test_a_taken_quota_is_free_when_the_named_workload_has_ended(api: Api):
    settled(api, submit(api, 3), "runs")
    waiting = submit(api, 2)
    reason = settled(api, waiting, "waits")
    assert (reason.kueue_reason, reason.code) == ("Pending", "waits-for-quota")
    assert reason.change is not None
    assert reason.change.kind == "end"
    holder = find_workload(observe_queues(api), reason.change.target)
    api.delete("batch/v1", "Job", holder["metadata"]["ownerReferences"][0]["name"], SPACE)
    settled(api, waiting, "runs")


def test_a_missing_queue_is_answered_by_one_that_admits(api: Api):
    reason = settled(api, submit(api, 1, queue="pol"), "waits")
    assert (reason.kueue_reason, reason.code) == ("Inadmissible", "no-queue")
    assert reason.change is not None
    settled(api, submit(api, 1, queue=reason.change.value), "runs")


def test_a_stopped_queue_admits_when_it_is_resumed(api: Api):
    api.patch(KUEUE, "ClusterQueue", QUEUE, {"spec": {"stopPolicy": "Hold"}})
    waiting = submit(api, 1)
    reason = settled(api, waiting, "waits")
    assert (reason.kueue_reason, reason.code) == ("Inadmissible", "stopped-queue")
    api.patch(KUEUE, "ClusterQueue", QUEUE, {"spec": {"stopPolicy": "None"}})
    settled(api, waiting, "runs")


def test_a_gang_too_large_for_a_rack_fits_when_it_asks_for_less(api: Api):
    reason = settled(api, submit(api, 3, level=RACK), "waits")
    assert (reason.kueue_reason, reason.code) == ("Pending", "topology")
    assert reason.change is not None
    assert (reason.change.kind, reason.change.value) == ("count", "2")
    settled(api, submit(api, 2, level=RACK), "runs")


def _machines_of(api: Api, job: str) -> list[str]:
    """Return the machines on which pods of a job stand."""
    machines = []
    for pod in api.list("v1", "Pod", SPACE):
        if pod["metadata"]["labels"].get("job-name") == job and pod["spec"].get("nodeName"):
            machines.append(pod["spec"]["nodeName"])
    return sorted(machines)


def test_a_pod_that_holds_a_machine_of_an_earlier_admission_makes_room_for_the_one_that_waits(api: Api):
    """In a storm of faults Kueue admits a job elsewhere whose pods are those of the admission before.

    Here its assignment is changed beneath it, to the two machines that are free.
    """
    first = submit(api, 2, duration="1h")
    held = until(lambda: found if len(found := _machines_of(api, first)) == 2 else [])
    workload = find_workload(observe_queues(api), f"{SPACE}/{first}")
    live = api.get(KUEUE, "Workload", workload["metadata"]["name"], SPACE)
    assert live is not None
    (assigned,) = live["status"]["admission"]["podSetAssignments"]
    free = sorted({f"n{number}" for number in range(4)} - set(held))
    (part,) = assigned["topologyAssignment"]["slices"]
    part["valuesPerLevel"][-1] = {"individual": {"roots": free}}
    api.update_status(live)
    second = submit(api, 2, duration="1h")
    waits = until(lambda: _unplaced(api, second))
    assert "holds" in waits.message
    placed = {f"n{number}": Place(QUEUE, frozenset(), None) for number in range(4)}
    api.create(made("v1", "Namespace", SYSTEM_NAMESPACE, {}))
    repairer = RepairController(api, placed, Policy(), "test")
    later = datetime.now(UTC) + SETTLED
    freed = [each for each in repairer.round(later) if each.decision.act is Act.FREE]
    assert sorted(each.decision.machine for each in freed) == held
    assert not any(each.refused for each in freed)
    until(lambda: _machines_of(api, second) == held and _machines_of(api, first) == free)


def _unplaced(api: Api, job: str) -> QueueReason | None:
    """Return why a job waits, once none of its two pods finds a node."""
    observed = observe_queues(api)
    if not any(each["metadata"]["ownerReferences"][0]["name"] == job for each in observed.workloads):
        return None
    reason = reason_of(find_workload(observed, f"{SPACE}/{job}"), observed)
    return reason if "2 of its 2 pods find no node" in reason.message else None


def test_a_pod_asks_for_what_the_api_server_counts_against_a_quota(api: Api) -> None:
    """Sidecars, init containers and limits alone, in 20 pods of every order; the server's own arithmetic."""
    drawn = random.Random(18)  # noqa: S311 - a seed for examples, and no secret
    space = "amounts"
    api.create(made("v1", "Namespace", space, {}))
    quota = {"hard": {"requests.cpu": "10k"}}
    api.create(made("v1", "ResourceQuota", "all", quota, namespace=space))
    until(lambda: _used(api, space) == 0)
    asked = Fraction(0)
    for number in range(20):
        boxes = []
        for place in range(drawn.randint(1, 5)):
            field = drawn.choice(("requests", "limits"))
            amounts = {field: {"cpu": f"{drawn.randint(1, 4000)}m"}}
            boxes.append({"name": f"c{place}", "image": "example.com/a", "resources": amounts})
        for box in boxes[1:]:
            box.update(drawn.choice(({}, {"restartPolicy": "Always"})))
        spec = {"containers": boxes[:1], "initContainers": boxes[1:]}
        api.create(made("v1", "Pod", f"p{number}", spec, namespace=space))
        asked += requests_of_pod(spec)["cpu"]
    until(lambda: _used(api, space) == asked)


def _used(api: Api, space: str) -> Fraction | None:
    """Return the cores that a quota counts; None before it has counted."""
    quota = api.get("v1", "ResourceQuota", "all", space)
    used = field_of(quota or {}, "status", "used", "requests.cpu")
    return None if used is None else amount_of(used)


@pytest.mark.parametrize(
    ("annotations", "said"),
    [
        ({"podset-slice-required-topology": RACK, "podset-slice-size": "4"}, "pod set count"),
        ({"podset-required-topology": RACK, "podset-preferred-topology": HOST}, "more than one topology"),
    ],
)
def test_work_that_kueues_webhook_refuses_is_refused_before_it_is_submitted(
    api: Api, annotations: dict[str, str], said: str
):
    asked = {"requests": {"cpu": "1"}, "limits": {GPU: "8"}}
    containers = [{"name": "main", "image": "example.com/a", "resources": asked}]
    template = {
        "metadata": {"annotations": {f"kueue.x-k8s.io/{key}": value for key, value in annotations.items()}},
        "spec": {"containers": containers, "restartPolicy": "Never"},
    }
    labels = {"kueue.x-k8s.io/queue-name": QUEUE}
    job = made(
        "batch/v1", "Job", "refused", {"parallelism": 2, "template": template}, namespace=SPACE, labels=labels
    )
    assert said in answer_to(api, job).refusal
