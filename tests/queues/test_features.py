"""The small fleets of `tests/verify/test_queue_features.py` on the real Kueue, which says what is computed.

Workloads are made as such, without a job: Kueue admits them all the same. Where it has to preempt, nobody
gives the place of the other back, so that its eviction is the answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.names import KEYS
from sovereign_ai.verify import observe_queues, reason_of
from sovereign_ai.verify.pod_requests import Object, field_of
from sovereign_ai.verify.queue_state import QueueState, is_true
from tests.queues.test_pending import KUEUE, until
from tests.verify.test_queue_features import CASES, GPU, RACK, TAS, asks, fleet, machine, named, pod_set
from tests.verify.test_queue_features import request as request_of

pytestmark = pytest.mark.queues

NOT_SAID = {"no-priority-class", "back-off", "admission-check", "no-node"}
"""What Kueue says of a job or of its pods, and not of a workload."""
OLDER = {"an equal priority that is newer goes"}
"""What is older than what was there before it cannot be made."""
NAMES = {"a", "b", "c", "d", "f", "g", "h", "h1", "h2", "m", "n", "r", "root", "racks", "team", "u", "x", "y"}
WORDS = {
    "over-quota": ("insufficient quota",),
    "waits-for-quota": ("insufficient unused quota",),
    "topology": ("topology", "TopologyAwareScheduling"),
}
"""The words of Kueue's message for each of this program's codes."""
RUN = [name for name, (_, _, code) in CASES.items() if code not in NOT_SAID and name not in OLDER]


def renamed(value: Any, prefix: str) -> Any:
    """Return objects whose names are those of one case."""
    if isinstance(value, Mapping):
        return {key: renamed(inner, prefix) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [renamed(inner, prefix) for inner in value]
    is_name = isinstance(value, str) and (value in NAMES or (value[:1] in "nru" and value[1:].isdigit()))
    return f"{prefix}-{value}" if is_name else value


def build(api: Api, state: QueueState, prefix: str) -> None:
    """Create the fleet of a case."""
    labels = {KEYS.namespace_zone: "open"}
    api.create(made("v1", "Namespace", {"metadata": {"name": f"{prefix}-team", "labels": labels}}))
    for node in renamed(state.nodes, prefix):
        metadata = node["metadata"] | {"annotations": {"kwok.x-k8s.io/node": "fake"}}
        api.create(made("v1", "Node", {"metadata": metadata, "spec": {}}))
        conditions = [{"type": "Ready", "status": "True"}]
        amounts = node["status"]["allocatable"] | {"cpu": "64", "memory": "512Gi"}
        status = {"allocatable": amounts, "capacity": amounts, "conditions": conditions}
        until(partial(_writes, api, node["metadata"]["name"], status))
    for kind, objects in (
        ("Topology", state.topologies),
        ("ResourceFlavor", state.flavors),
        ("Cohort", state.cohorts),
    ):
        for obj in renamed(list(objects), prefix):
            spec = {key: value for key, value in obj["spec"].items() if value != ""}
            api.create(made(KUEUE, kind, obj | {"spec": spec}))
    for queue in renamed(list(state.cluster_queues), prefix):
        spec = {"namespaceSelector": {}} | queue["spec"]
        api.create(made(KUEUE, "ClusterQueue", {"metadata": queue["metadata"], "spec": spec}))
    for queue in renamed(list(state.local_queues), prefix):
        api.create(made(KUEUE, "LocalQueue", queue))

    def are_active() -> bool:
        for queue in state.cluster_queues:
            live = api.get(KUEUE, "ClusterQueue", f"{prefix}-{queue['metadata']['name']}")
            if not is_true(field_of(live or {}, "status", "conditions"), "Active"):
                return False
        return True

    until(are_active, 30)


def made(api_version: str, kind: str, obj: Object) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, **obj}


def _writes(api: Api, name: str, status: dict[str, Any]) -> bool:
    """Write a node's status; False where a controller has changed the node meanwhile."""
    live = api.get("v1", "Node", name)
    assert live is not None
    try:
        api.update_status(live | {"status": (live.get("status") or {}) | status})
    except ApiError as error:
        if error.problems[0].code != "api-conflict":
            raise
        return False
    return True


def hold(api: Api, held: Object, prefix: str) -> None:
    """Let a workload be admitted that holds what the case says."""
    admission = held["status"]["admission"]
    (assigned,) = admission["podSetAssignments"]
    count = int(assigned["count"])
    gpus = int(assigned["resourceUsage"][GPU])
    spec = {"queueName": admission["clusterQueue"], "podSets": [pod_set(count, gpus // count)]}
    spec["priority"] = held["spec"].get("priority", 0)
    name = f"{prefix}-{held['metadata']['name']}"
    metadata = {"name": name, "namespace": f"{prefix}-team"}
    api.create(made(KUEUE, "Workload", {"metadata": metadata, "spec": renamed(spec, prefix)}))
    until(lambda: _is_reserved(_workload(api, prefix, name)), 30)
    if reclaimable := held["status"].get("reclaimablePods"):
        live = _workload(api, prefix, name)
        api.update_status({**live, "status": live["status"] | {"reclaimablePods": reclaimable}})


def _workload(api: Api, prefix: str, name: str) -> Object:
    live = api.get(KUEUE, "Workload", name, f"{prefix}-team")
    assert live is not None
    return live


def _is_reserved(workload: Object) -> bool:
    return is_true(field_of(workload, "status", "conditions"), "QuotaReserved")


def answer(api: Api, prefix: str, waiting: str) -> str:
    """Return `fits` once Kueue lets a workload in, or evicts another for it; else what it says."""
    said = ""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for workload in api.list(KUEUE, "Workload", f"{prefix}-team"):
            conditions = field_of(workload, "status", "conditions") or ()
            is_own = workload["metadata"]["name"] == waiting
            if (is_own and _is_reserved(workload)) or (not is_own and is_true(conditions, "Evicted")):
                return "fits"
            for condition in conditions:
                if is_own and condition["type"] == "QuotaReserved":
                    said = f"{condition['reason']}: {condition['message']}"
        time.sleep(0.2)
    return said


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with Kueue."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("features", root=root, queueing=True, wait_seconds=300)
    yield open_cluster(cluster.kubeconfig)
    down("features", root=root)


@pytest.mark.parametrize("name", RUN)
def test_kueue_does_what_the_arithmetic_says(api: Api, name: str) -> None:
    prefix = f"p{RUN.index(name)}"
    workload, state, code = CASES[name]
    build(api, state, prefix)
    for held in state.workloads:
        hold(api, held, prefix)
    asked = renamed(workload, prefix)
    metadata = {"name": "waits", "namespace": f"{prefix}-team"}
    before = reason_of({"metadata": metadata, "spec": asked["spec"]}, observe_queues(api))
    api.create(made(KUEUE, "Workload", {"metadata": metadata, "spec": asked["spec"]}))
    said = answer(api, prefix, "waits")
    assert before.code == code, (before, said)
    assert (said == "fits") == (code == "fits"), (before, said)
    assert code == "fits" or any(words in said for words in WORDS[code]), (before, said)


def test_kueue_lets_claims_into_no_topology_of_machines_whose_gpus_are_devices_alone(api: Api) -> None:
    """It finds a place without the devices, and then none for them: the workload is tried again for ever.

    The quota is enough for three pods. Where nodes count the devices as well, there is a place.
    """
    counted, prefix = "nvidia.com/gpu", "claims"
    entry = {"name": counted, "nominalQuota": "24"}
    flavors = [{"name": "f", "resources": [entry]}]
    queue = named("a", {"resourceGroups": [{"coveredResources": [counted], "flavors": flavors}]})
    nodes = [machine(f"n{number}", "u0", "r0", gpus=0) for number in range(3)]
    nodes.append(machine("n3", "u0", "r1", gpus=0))
    nodes[3]["status"]["allocatable"][counted] = "8"
    build(api, fleet(queue, nodes=nodes, **TAS), prefix)
    request = {"name": "gpus", "exactly": {"deviceClassName": "gpu.nvidia.com", "count": 8}}
    space = f"{prefix}-team"
    metadata = {"name": "gpus", "namespace": space}
    template = {"metadata": metadata, "spec": {"spec": {"devices": {"requests": [request]}}}}
    api.create(made("resource.k8s.io/v1", "ResourceClaimTemplate", template))
    claims = [{"name": "gpus", "resourceClaimTemplateName": "gpus"}]
    # What is tried for ever is tried first each time, and the others of its queue wait: it comes last.
    for count, code in ((4, "over-quota"), (1, "fits"), (2, "topology")):
        asked = asks(pod_set(count, 0, pod={"resourceClaims": claims}, **request_of(RACK)))
        spec = renamed(asked["spec"], prefix)
        place = {"name": f"waits-{count}", "namespace": space}
        before = reason_of({"metadata": place, "spec": spec}, observe_queues(api))
        api.create(made(KUEUE, "Workload", {"metadata": place, "spec": spec}))
        said = answer(api, prefix, f"waits-{count}")
        assert before.code == code, (before, said)
        assert (said == "fits") == (code == "fits"), (before, said)
