"""A described factory whose tenants share by weights what one of them does not use, on the real Kueue.

Weather lends its nine machines. Startups take all there is, and research, with twice their weight, takes from
them until the shares are equal: six machines and three. When weather needs its own, both go back to theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, status, up
from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes import queues
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify import find_workload, observe_queues, reason_of
from sovereign_ai.verify.fair_share import STRATEGIES
from sovereign_ai.verify.pod_requests import field_of
from sovereign_ai.verify.queue_state import is_true
from tests.queues.test_pending import KUEUE, made, until
from tests.render.lab import stack

pytestmark = pytest.mark.queues

PLANE = "weights"
MACHINES = {"research": 1, "startups": 2, "weather": 9}
"""Of the pool's twelve machines, the tenants' own."""
WAIT = 240


def described(*strategies: str) -> AIFactory:
    """Return the lab, with three tenants that share its training pool."""
    data = stack("lab")[0].to_data()
    data["platform"] = {"queueing": "kueue", "fair_sharing": list(strategies)}
    tenants = []
    for name, machines in MACHINES.items():
        tenants.append({"name": name, "seat": "DE", "gpus": 8 * machines})
    tenants.append({"name": "guests", "seat": "DE"})
    tenants[0] |= {"weight": 2.0, "data": ["personal"]}
    data["tenants"] = tenants
    shared, kept = data["zones"]
    shared |= {"tenants": list(MACHINES), "idle_quota": "lent"}
    kept |= {"tenants": ["guests"]}
    return AIFactory(**data)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with the factory's machines and queues."""
    root = tmp_path_factory.mktemp("clusters")
    factory = described(*STRATEGIES)
    cluster = up(PLANE, root=root, queueing=True, wait_seconds=300, fair_sharing=factory.fair_sharing)
    api = open_cluster(cluster.kubeconfig)
    derived = plan(factory)
    for node in node_objects(factory, derived, "lab"):
        api.create({key: value for key, value in node.items() if key != "status"})
        until(lambda node=node: reports(api, node))
    for namespace in derived.clusters[0].namespaces:
        labels = {KEYS.namespace_zone: namespace.zone}
        api.create(made("v1", "Namespace", namespace.name, {}, labels=labels))
    for obj in queues.objects(factory, derived.clusters[0]):
        api.create(obj)
    yield api
    assert "panic" not in logs(root)
    down(PLANE, root=root)


def logs(root: Any) -> str:
    """Return what Kueue has written."""
    texts = []
    for file in sorted((root / PLANE / "logs").glob("kueue*")):
        texts.append(file.read_text(errors="replace"))
    assert status(PLANE, root=root).healthy
    return "".join(texts)


def reports(api: Api, node: dict[str, Any]) -> bool:
    """Write a node's status; False where a controller has changed the node meanwhile."""
    live = api.get("v1", "Node", node["metadata"]["name"])
    assert live is not None
    ready = [{"type": "Ready", "status": "True"}]
    try:
        api.update_status(live | {"status": {**node["status"], "conditions": ready}})
    except ApiError as error:
        if error.problems[0].code != "api-conflict":
            raise
        return False
    return True


def submit(api: Api, tenant: str, number: int, *, pool: str = "train", pods: int = 1, level: int = 0) -> str:
    """Submit a job that fills machines; return its name."""
    name = f"{tenant}-{number:02}"
    asked = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"nvidia.com/gpu": "8"}}
    containers = [{"name": "main", "image": "example.com/a", "resources": asked}]
    template = {
        "metadata": {"annotations": {SIMULATED_DURATION: "10h"}},
        "spec": {"containers": containers, "restartPolicy": "Never"},
    }
    labels = {"kueue.x-k8s.io/queue-name": pool}
    if level:
        labels["kueue.x-k8s.io/priority-class"] = f"p{level}"
    spec = {"parallelism": pods, "completions": pods, "template": template}
    api.create(made("batch/v1", "Job", name, spec, namespace=tenant, labels=labels))
    return name


def holds(api: Api, tenant: str) -> int:
    """Return the machines that a tenant's jobs hold."""
    machines = 0
    for workload in api.list(KUEUE, "Workload", tenant):
        if is_true(field_of(workload, "status", "conditions"), "Admitted"):
            machines += 1
    return machines


def share(api: Api, tenant: str) -> int | None:
    """Return a tenant's share as Kueue writes it."""
    queue = api.get(KUEUE, "ClusterQueue", f"train.{tenant}") or {}
    weighted = field_of(queue, "status", "fairSharing", "weightedShare")
    return None if weighted is None else int(weighted)


def test_idle_quota_ends_two_to_one_and_goes_back_to_its_owner(api: Api) -> None:
    for number in range(12):
        submit(api, "startups", number)
    until(lambda: holds(api, "startups") == 12, WAIT)
    for number in range(12):
        submit(api, "research", number)
    until(lambda: (holds(api, "research"), holds(api, "startups")) == (1 + 6, 2 + 3), WAIT)
    until(lambda: (share(api, "research"), share(api, "startups")) == (250, 250), WAIT)
    waiting = []
    for workload in api.list(KUEUE, "Workload", "research"):
        conditions = field_of(workload, "status", "conditions")
        if not is_true(conditions, "QuotaReserved") and conditions:
            waiting.append(workload["metadata"]["ownerReferences"][0]["name"])
    observed = observe_queues(api)
    assert observed.fair_sharing == STRATEGIES
    reason = reason_of(find_workload(observed, f"research/{waiting[0]}"), observed)
    assert (reason.code, reason.kueue_reason) == ("waits-for-quota", "Pending")
    assert "the share of ClusterQueue train.research is 292" in reason.message
    assert "train.startups's, is 250" in reason.message
    for number in range(9):
        submit(api, "weather", number)
    until(lambda: holds(api, "weather") == 9, WAIT)
    assert (holds(api, "research"), holds(api, "startups")) == (1, 2)


def test_work_that_finds_too_little_to_preempt_in_a_queue_that_lends_nothing_waits(api: Api) -> None:
    """Kueue 0.17 ends with a fault there under fair sharing, unless the queue is in a cohort."""
    for value in (50, 100):
        kind = {"apiVersion": KUEUE, "kind": "WorkloadPriorityClass", "metadata": {"name": f"p{value}"}}
        api.create(kind | {"value": value})
    submit(api, "guests", 1, pool="serve")
    submit(api, "guests", 2, pool="serve", pods=3, level=100)
    until(lambda: holds(api, "guests") == 2, WAIT)
    waiting = submit(api, "guests", 3, pool="serve", pods=2, level=50)

    def is_said() -> bool:
        for workload in api.list(KUEUE, "Workload", "guests"):
            for condition in field_of(workload, "status", "conditions") or ():
                is_own = workload["metadata"]["ownerReferences"][0]["name"] == waiting
                if is_own and "insufficient unused quota" in condition["message"]:
                    return True
        return False

    until(is_said, WAIT)
    observed = observe_queues(api)
    reason = reason_of(find_workload(observed, f"guests/{waiting}"), observed)
    assert reason.change is not None
    assert (reason.code, reason.change.kind) == ("waits-for-quota", "end")
