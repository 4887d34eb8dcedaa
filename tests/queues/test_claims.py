"""The same work by ResourceClaims and by an extended resource: what runs, waits and gives way is the same.

The embedded control plane opens Kueue's gate for claims (`DynamicResourceAllocation`, alpha in 0.17), which
counts them without topology. Each side has machines, flavor, queues and namespaces of its own. A gang
borrows, an owner takes its quota back, a gang waits for room, a machine breaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION
from sovereign_ai.names import KEYS
from sovereign_ai.verify.pod_requests import field_of
from tests.queues.test_pending import KUEUE, made, until

pytestmark = pytest.mark.queues

GPU = "nvidia.com/gpu"
"""What quotas count on both sides."""
CLASS, DRIVER = "gpu.nvidia.com", "gpu.nvidia.com"
MACHINES, GPUS = 6, 8
JOB = "batch.kubernetes.io/job-name"
OWNER, BORROWER = "weather", "research"


@dataclass(frozen=True)
class Side:
    """One of the two ways to ask for GPUs.

    Attributes:
        api: the cluster.
        name: of the way, and the first part of what belongs to it.
        is_claimed: whether pods ask by claims.
    """

    api: Api
    name: str
    is_claimed: bool

    def space(self, tenant: str) -> str:
        """Return the namespace of a tenant."""
        return f"{self.name}-{tenant}"

    def build(self) -> None:
        """Create machines, and queues of two tenants who lend each other what is idle."""
        for number in range(MACHINES):
            self._add_machine(f"{self.name}-n{number}")
        labels = {"nodeLabels": {KEYS.pool: self.name}}
        self.api.create(made(KUEUE, "ResourceFlavor", self.name, labels))
        preemption = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Any"}
        for tenant in (OWNER, BORROWER):
            space = self.space(tenant)
            self.api.create(made("v1", "Namespace", space, {}, labels={KEYS.namespace_zone: "open"}))
            resources = [{"name": "cpu", "nominalQuota": "100"}]
            resources.append({"name": GPU, "nominalQuota": str(GPUS * MACHINES // 2)})
            flavors = [{"name": self.name, "resources": resources}]
            group = {"coveredResources": ["cpu", GPU], "flavors": flavors}
            spec = {"namespaceSelector": {}, "cohortName": self.name, "resourceGroups": [group]}
            self.api.create(made(KUEUE, "ClusterQueue", space, spec | {"preemption": preemption}))
            self.api.create(made(KUEUE, "LocalQueue", "pool", {"clusterQueue": space}, namespace=space))
            if self.is_claimed:
                for count in (GPUS, GPUS // 2):
                    self._add_template(space, count)

    def _add_machine(self, name: str) -> None:
        """Create a machine whose GPUs are devices, or counted by a plugin."""
        amounts = {"cpu": "64", "memory": "512Gi", "pods": "30"}
        if not self.is_claimed:
            amounts[GPU] = str(GPUS)
        ready = {"type": "Ready", "status": "True"}
        labels = {KEYS.pool: self.name, "kubernetes.io/hostname": name}
        node = made("v1", "Node", name, {}, labels=labels, annotations={"kwok.x-k8s.io/node": "fake"})
        self.api.create(
            node | {"status": {"allocatable": amounts, "capacity": amounts, "conditions": [ready]}}
        )
        if self.is_claimed:
            devices = [{"name": f"gpu-{number}"} for number in range(GPUS)]
            pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
            spec = {"driver": DRIVER, "nodeName": name, "pool": pool, "devices": devices}
            self.api.create(made("resource.k8s.io/v1", "ResourceSlice", name, spec))

    def _add_template(self, space: str, count: int) -> None:
        exactly = {"deviceClassName": CLASS, "count": count}
        spec = {"spec": {"devices": {"requests": [{"name": "gpus", "exactly": exactly}]}}}
        template = made("resource.k8s.io/v1", "ResourceClaimTemplate", f"gpus-{count}", spec, namespace=space)
        self.api.create(template)

    def submit(self, tenant: str, name: str, pods: int, gpus: int) -> None:
        """Submit a job that runs until it is deleted."""
        resources: dict[str, Any] = {"requests": {"cpu": "1"}}
        container = {"name": "main", "image": "example.com/a", "resources": resources}
        pod: dict[str, Any] = {"restartPolicy": "Never", "containers": [container]}
        if self.is_claimed:
            pod["resourceClaims"] = [{"name": "gpus", "resourceClaimTemplateName": f"gpus-{gpus}"}]
            resources["claims"] = [{"name": "gpus"}]
        else:
            resources["limits"] = {GPU: str(gpus)}
        template = {"metadata": {"annotations": {SIMULATED_DURATION: "10h"}}, "spec": pod}
        labels = {"kueue.x-k8s.io/queue-name": "pool"}
        spec = {"parallelism": pods, "completions": pods, "template": template}
        self.api.create(made("batch/v1", "Job", name, spec, namespace=self.space(tenant), labels=labels))

    def delete(self, tenant: str, name: str) -> None:
        """End a job."""
        self.api.delete("batch/v1", "Job", name, self.space(tenant))

    def running(self) -> dict[str, int]:
        """Return the jobs whose pods run, each with their number."""
        running: Counter[str] = Counter()
        for tenant in (OWNER, BORROWER):
            for pod in self._pods(tenant):
                running[pod["metadata"]["labels"][JOB]] += 1
        return dict(running)

    def runs(self, **jobs: int) -> None:
        """Wait until these jobs run, with so many pods each, and no other."""
        until(lambda: self.running() == jobs)

    def machines_of(self, job: str) -> set[str]:
        """Return the machines on which pods of a job run."""
        machines: set[str] = set()
        for tenant in (OWNER, BORROWER):
            for pod in self._pods(tenant):
                if pod["metadata"]["labels"][JOB] == job:
                    machines.add(pod["spec"]["nodeName"])
        return machines

    def machine_of(self, job: str) -> str:
        """Return one of them, the first by name."""
        return min(self.machines_of(job))

    def break_machine(self, name: str) -> None:
        """Report a fault as a repair controller does: nothing new comes, and what is there has to go."""
        taints = [{"key": "example.com/broken", "effect": effect} for effect in ("NoSchedule", "NoExecute")]
        self.api.patch("v1", "Node", name, {"spec": {"taints": taints}})

    def _pods(self, tenant: str) -> list[dict[str, Any]]:
        """Return the pods of a tenant that run, and that nobody has deleted."""
        pods = []
        for pod in self.api.list("v1", "Pod", self.space(tenant)):
            if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]:
                pods.append(pod)
        return pods

    def end_state(self) -> dict[str, Any]:
        """Return what there is, without names that only one side has."""
        conditions: dict[str, dict[str, str]] = {}
        for tenant in (OWNER, BORROWER):
            for workload in self.api.list(KUEUE, "Workload", self.space(tenant)):
                job = workload["metadata"]["ownerReferences"][0]["name"]
                rows = field_of(workload, "status", "conditions") or ()
                conditions[job] = {row["type"]: f"{row['status']} {row['reason']}" for row in rows}
        running = self.running()
        machines = {job: len(self.machines_of(job)) for job in running}
        return {"conditions": conditions, "running": running, "machines": machines}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane; its Kueue counts what claims ask for."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("claims", root=root, queueing=True, wait_seconds=300)
    api = open_cluster(cluster.kubeconfig)
    selectors = [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]
    api.create(made("resource.k8s.io/v1", "DeviceClass", CLASS, {"selectors": selectors}))
    yield api
    down("claims", root=root)


def lived(side: Side) -> dict[str, Any]:
    """Let a gang, a service and an owner who takes back its quota happen; return the end."""
    side.build()
    for replica in range(2):
        side.submit(BORROWER, f"chat-{replica}", 1, GPUS // 2)
    side.runs(**{"chat-0": 1, "chat-1": 1})
    # A gang on two machines of its own and two that it borrows.
    side.submit(BORROWER, "gang", 4, GPUS)
    side.runs(**{"chat-0": 1, "chat-1": 1, "gang": 4})
    side.submit(OWNER, "urgent", 3, GPUS)
    side.runs(**{"chat-0": 1, "chat-1": 1, "urgent": 3})
    side.submit(OWNER, "more", 4, GPUS)
    # Kueue has looked at it: from now on two gangs wait for the same machines.
    until(lambda: side.end_state()["conditions"].get("more"))
    side.delete(OWNER, "urgent")
    until(lambda: "urgent" not in side.end_state()["conditions"])
    until(lambda: side.running().keys() & {"gang", "more"})
    side.delete(BORROWER, "chat-1")
    whole = _whole_gang(side)
    broken = side.machine_of(whole)
    side.break_machine(broken)
    until(lambda: broken not in side.machines_of(whole) and _whole_gang(side) == whole)
    return side.end_state()


def _whole_gang(side: Side) -> str:
    """Return the gang that runs, once one of the two does and the other waits."""
    whole: list[str] = []

    def is_settled() -> bool:
        running = side.running()
        whole[:] = [name for name in ("gang", "more") if running.get(name) == 4]
        return len(whole) == 1 and set(running) == {"chat-0", *whole}

    until(is_settled)
    return whole[0]


def test_claims_and_an_extended_resource_end_alike(api: Api) -> None:
    ends = api.many(
        [
            partial(lived, Side(api, "dra", is_claimed=True)),
            partial(lived, Side(api, "plugin", is_claimed=False)),
        ]
    )
    by_claims, by_plugin = ends
    assert by_claims == by_plugin
    # The gang that lost its place came before the other one, and runs again.
    assert by_claims["running"] == {"chat-0": 1, "gang": 4}
    assert by_claims["conditions"]["more"]["QuotaReserved"] == "False Pending"
