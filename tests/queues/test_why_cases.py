"""Sixty drawn cases of work that the real Kueue does not admit: why says the reason, and what admits it.

    make queues                                                  # all of them
    pytest -m queues tests/queues/test_why_cases.py -k "23"      # one again, by its number

Each case draws its own small fleet, with nodes, flavors and queues of its own, from its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.embedded.pod_stages import SIMULATED_DURATION
from sovereign_ai.names import KEYS
from sovereign_ai.verify import QueueReason, find_workload, observe_queues, reason_of, workload_of
from sovereign_ai.verify.pod_requests import amount_of, field_of
from tests.queues.test_pending import KUEUE, made, until

pytestmark = pytest.mark.queues

GPU, OTHER = "example.com/gpu", "example.com/fpga"
UNIT, DOMAIN, HOST = "example.com/unit", "example.com/nvlink", "kubernetes.io/hostname"
POOL, MODEL = "example.com/pool", "example.com/model"
LEVELS = [{"nodeLabel": level} for level in (UNIT, DOMAIN, HOST)]
CASES = 60


@dataclass
class SmallFleet:
    """The nodes, queues and jobs of one case.

    Attributes:
        api: the cluster.
        name: of its namespace, and of what it has.
        drawn: what draws its sizes.
        domains: the nodes of each NVLink domain.
        jobs: how many jobs were submitted.
        made: its cluster-wide objects, as apiVersion, kind and name.
        last: the manifest that was submitted last, by the name of the job.
    """

    api: Api
    name: str
    drawn: random.Random
    domains: list[list[str]] = field(default_factory=list)
    jobs: int = 0
    made: list[tuple[str, str, str]] = field(default_factory=list)
    last: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def nodes(self) -> list[str]:
        """The names of all nodes."""
        return [name for names in self.domains for name in names]

    def keep(self, obj: dict[str, Any]) -> None:
        """Create a cluster-wide object."""
        self.api.create(obj)
        self.made.append((obj["apiVersion"], obj["kind"], obj["metadata"]["name"]))

    def add_nodes(self, units: int = 2, domains: int = 2, size: int = 2) -> None:
        """Create nodes of eight GPUs: units of domains of so many."""
        calls: list[Callable[[], None]] = []
        for unit in range(units):
            for domain in range(domains):
                place = f"{self.name}-u{unit}-d{domain}"
                names = [f"{place}-n{number}" for number in range(size)]
                self.domains.append(names)
                for name in names:
                    calls.append(partial(self._add_node, name, f"{self.name}-u{unit}", place))
        self.api.many(calls)

    def _add_node(self, name: str, unit: str, domain: str) -> None:
        amounts = {"cpu": "64", "memory": "512Gi", "pods": "30", GPU: "8"}
        ready = {"type": "Ready", "status": "True"}
        labels = {POOL: self.name, MODEL: "h100", UNIT: unit, DOMAIN: domain, HOST: name}
        node = made("v1", "Node", name, {}, labels=labels, annotations={"kwok.x-k8s.io/node": "fake"})
        self.keep(node)
        status = {"allocatable": amounts, "capacity": amounts, "conditions": [ready]}
        until(lambda: self.writes(name, status))

    def writes(self, name: str, status: dict[str, Any]) -> bool:
        """Write a node's status; False where a controller has changed the node meanwhile."""
        live = self.api.get("v1", "Node", name)
        assert live is not None
        try:
            self.api.update_status(live | {"status": (live.get("status") or {}) | status})
        except ApiError as error:
            if error.problems[0].code != "api-conflict":
                raise
            return False
        return True

    def change_node(self, name: str, **spec: Any) -> None:
        """Change a node's spec."""
        self.api.patch("v1", "Node", name, {"spec": spec})

    def add_flavor(self, name: str = "", **spec: Any) -> str:
        """Create a flavor of the nodes; return its name."""
        name = name or self.name
        labels = {POOL: self.name}
        flavor = {"nodeLabels": labels, "topologyName": "whys", **spec}
        self.keep(made(KUEUE, "ResourceFlavor", name, flavor))
        return name

    def add_queue(self, gpus: int, name: str = "", flavor: str = "", **spec: Any) -> str:
        """Create a queue with a quota for the namespace; return its name."""
        name = f"{self.name}-{name}" if name else self.name
        limits = spec.pop("limits", {})
        resources = [{"name": "cpu", "nominalQuota": "1000"}]
        resources.append({"name": GPU, "nominalQuota": str(gpus), **limits})
        flavors = [{"name": flavor or self.name, "resources": resources}]
        group = {"coveredResources": ["cpu", GPU], "flavors": flavors}
        preemption = {"withinClusterQueue": "LowerPriority"}
        whole = {"namespaceSelector": {}, "resourceGroups": [group], "preemption": preemption, **spec}
        self.keep(made(KUEUE, "ClusterQueue", name, whole))
        self.api.create(made(KUEUE, "LocalQueue", name, {"clusterQueue": name}, namespace=self.name))
        return name

    def job(self, pods: int, queue: str = "", **more: Any) -> dict[str, Any]:
        """Return a job of pods of eight GPUs."""
        self.jobs += 1
        name = f"{self.name}-{self.jobs}"
        asked = {"requests": {"cpu": "1"}, "limits": {GPU: "8", **more.get("devices", {})}}
        containers = [{"name": "main", "image": "example.com/a", "resources": asked}]
        pod = {"containers": containers, "restartPolicy": "Never", **more.get("pod", {})}
        annotations = {SIMULATED_DURATION: "10h"}
        if level := more.get("level"):
            annotations["kueue.x-k8s.io/podset-required-topology"] = level
        template = {"metadata": {"annotations": annotations}, "spec": pod}
        labels = {"kueue.x-k8s.io/queue-name": queue or self.name}
        if priority := more.get("priority"):
            labels["kueue.x-k8s.io/priority-class"] = self.priority(priority)
        spec = {"parallelism": pods, "completions": pods, "template": template}
        return made("batch/v1", "Job", name, spec, namespace=self.name, labels=labels)

    def priority(self, value: int) -> str:
        """Return the name of a priority class of a value, which is made."""
        name = f"{self.name}-p{value}"
        if (KUEUE, "WorkloadPriorityClass", name) not in self.made:
            metadata = {"name": name}
            kind = {"apiVersion": KUEUE, "kind": "WorkloadPriorityClass"}
            self.keep(kind | {"metadata": metadata, "value": value})
        return name

    def submit(self, job: dict[str, Any]) -> str:
        """Create a job; return its name."""
        name = str(job["metadata"]["name"])
        self.api.create(job)
        self.last[name] = job
        return name

    def run(self, pods: int, queue: str = "", **more: Any) -> str:
        """Submit a job and wait until its pods are on nodes."""
        name = self.submit(self.job(pods, queue, **more))
        self.admitted(name)

        def are_placed() -> bool:
            placed = 0
            for pod in self.api.list("v1", "Pod", self.name):
                is_of_job = pod["metadata"]["labels"].get("batch.kubernetes.io/job-name") == name
                placed += is_of_job and bool(pod["spec"].get("nodeName"))
            return placed == pods

        until(are_placed)
        return name

    def reason(self, name: str) -> QueueReason:
        """Return why a job waits."""
        observed = observe_queues(self.api)
        return reason_of(find_workload(observed, f"{self.name}/{name}"), observed)

    def workload(self, name: str) -> dict[str, Any] | None:
        """Return the workload of a job; None before there is one."""
        for each in self.api.list(KUEUE, "Workload", self.name):
            if each["metadata"]["ownerReferences"][0]["name"] == name:
                return each
        return None

    def admitted(self, name: str) -> None:
        """Wait until Kueue has admitted a job."""

        def is_admitted() -> bool:
            for condition in field_of(self.workload(name) or {}, "status", "conditions") or ():
                if condition["type"] == "Admitted":
                    return bool(condition["status"] == "True")
            return False

        until(is_admitted, 60)

    def remove(self) -> None:
        """Remove everything, the jobs first."""
        for job in self.api.list("batch/v1", "Job", self.name):
            self.api.delete("batch/v1", "Job", job["metadata"]["name"], self.name)
        until(lambda: not self.api.list(KUEUE, "Workload", self.name))
        for queue in self.api.list(KUEUE, "LocalQueue", self.name):
            self.api.delete(KUEUE, "LocalQueue", queue["metadata"]["name"], self.name)
        nodes = [name for _, kind, name in self.made if kind == "Node"]
        self.api.many([partial(self.api.delete, "v1", "Node", name) for name in nodes])
        for api_version, kind, name in reversed(self.made):
            if kind != "Node":
                self.api.delete(api_version, kind, name)


@dataclass(frozen=True)
class Drawn:
    """What waits, and what has to be said.

    Attributes:
        job: the job that waits.
        code: this program's word.
        kueue: Kueue's.
        words: a part of Kueue's message, which says that the case is what it was drawn as.
        kinds: the changes that may be named.
    """

    job: dict[str, Any]
    code: str
    kueue: str
    words: str
    kinds: tuple[str, ...]


def own_quota(fleet: SmallFleet) -> Drawn:
    """More than the quota of its own queue."""
    fleet.add_nodes()
    pods = fleet.drawn.randint(2, 5)
    fleet.add_queue(8 * pods)
    job = fleet.job(pods + fleet.drawn.randint(1, 3))
    return Drawn(job, "over-quota", "Pending", "insufficient quota", ("count",))


def no_quota_at_all(fleet: SmallFleet) -> Drawn:
    """A quota smaller than one pod."""
    fleet.add_nodes()
    fleet.add_queue(fleet.drawn.randint(1, 7))
    return Drawn(fleet.job(1), "over-quota", "Pending", "insufficient quota", ("quota",))


def taken_quota(fleet: SmallFleet) -> Drawn:
    """A quota that others of the queue hold."""
    fleet.add_nodes()
    fleet.add_queue(32)
    taken = fleet.drawn.randint(1, 3)
    fleet.run(taken)
    fleet.run(4 - taken)
    job = fleet.job(fleet.drawn.randint(1, max(taken, 4 - taken)))
    return Drawn(job, "waits-for-quota", "Pending", "insufficient unused quota", ("end",))


def low_priority(fleet: SmallFleet) -> Drawn:
    """A quota that several of more priority hold."""
    fleet.add_nodes()
    pods = fleet.drawn.randint(2, 4)
    fleet.add_queue(8 * pods)
    for _ in range(pods):
        fleet.run(1, priority=100)
    job = fleet.job(pods, priority=10)
    return Drawn(job, "waits-for-quota", "Pending", "insufficient unused quota", ("priority",))


def behind_in_order(fleet: SmallFleet) -> Drawn:
    """A queue in strict order, whose first waits for what runs."""
    fleet.add_nodes()
    fleet.add_queue(32, queueingStrategy="StrictFIFO", preemption={"withinClusterQueue": "Never"})
    fleet.run(3)
    first = fleet.submit(fleet.job(4, priority=100))
    until(lambda: fleet.workload(first) and fleet.reason(first).kueue_reason)
    return Drawn(fleet.job(1, priority=50), "behind", "", "", ("priority",))


def borrowing_limit(fleet: SmallFleet) -> Drawn:
    """More than its queue may borrow."""
    fleet.add_nodes()
    own, limit = fleet.drawn.randint(1, 2), fleet.drawn.randint(1, 2)
    limits = {"borrowingLimit": str(8 * limit)}
    fleet.add_queue(8 * own, cohortName=fleet.name, limits=limits)
    fleet.add_queue(64, "lender", cohortName=fleet.name)
    job = fleet.job(own + limit + fleet.drawn.randint(1, 2))
    return Drawn(job, "over-quota", "Pending", "insufficient quota", ("count",))


def lending_limit(fleet: SmallFleet) -> Drawn:
    """More than another queue of its cohort lends."""
    fleet.add_nodes()
    own, lent = fleet.drawn.randint(1, 2), fleet.drawn.randint(0, 2)
    fleet.add_queue(8 * own, cohortName=fleet.name)
    limits = {"lendingLimit": str(8 * lent)}
    fleet.add_queue(64, "lender", cohortName=fleet.name, limits=limits)
    job = fleet.job(own + lent + fleet.drawn.randint(1, 2))
    return Drawn(job, "over-quota", "Pending", "insufficient quota", ("count",))


def empty_cohort(fleet: SmallFleet) -> Drawn:
    """A cohort whose quota its other queue uses itself."""
    fleet.add_nodes()
    fleet.add_queue(0, cohortName=fleet.name)
    lender = fleet.add_queue(32, "lender", cohortName=fleet.name)
    fleet.run(4, lender)
    job = fleet.job(fleet.drawn.randint(1, 4))
    return Drawn(job, "waits-for-quota", "Pending", "insufficient unused quota", ("end",))


def lent_and_reclaimed(fleet: SmallFleet) -> Drawn:
    """A job that loses the quota it had borrowed, when its owner needs it."""
    fleet.add_nodes()
    reclaim = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Any"}
    own = fleet.drawn.randint(1, 3)
    fleet.add_queue(8 * own, cohortName=fleet.name, preemption=reclaim)
    owner = fleet.add_queue(8 * (8 - own), "owner", cohortName=fleet.name, preemption=reclaim)
    borrower = fleet.job(own + fleet.drawn.randint(1, 2))
    fleet.submit(borrower)
    fleet.admitted(borrower["metadata"]["name"])
    fleet.run(8 - own, owner)
    return Drawn(borrower, "waits-for-quota", "Pending", "", ("end",))


def unit_too_small(fleet: SmallFleet) -> Drawn:
    """More pods in one scalable unit than it has nodes."""
    fleet.add_nodes(units=2, domains=1, size=fleet.drawn.randint(2, 4))
    fleet.add_queue(512)
    job = fleet.job(len(fleet.domains[0]) + 1, level=UNIT)
    return Drawn(job, "topology", "Pending", 'topology "whys" allows to fit only', ("count",))


def domain_too_small(fleet: SmallFleet) -> Drawn:
    """More pods in one NVLink domain than it has nodes, and not more than its unit has."""
    fleet.add_nodes(units=1, domains=3, size=fleet.drawn.randint(1, 3))
    fleet.add_queue(512)
    job = fleet.job(len(fleet.domains[0]) + 1, level=DOMAIN)
    return Drawn(job, "topology", "Pending", 'topology "whys"', ("level",))


def domain_in_pieces(fleet: SmallFleet) -> Drawn:
    """Each NVLink domain is in part taken: there is room, and none in one place."""
    fleet.add_nodes(units=2, domains=1, size=3)
    fleet.add_queue(512)
    for names in fleet.domains:
        fleet.run(fleet.drawn.randint(1, 2), pod={"nodeSelector": {HOST: names[0]}}, devices={GPU: "4"})
    job = fleet.job(3, level=DOMAIN)
    return Drawn(job, "topology", "Pending", 'topology "whys" allows to fit only 2 out of 3', ("count",))


def gang_of_nodes_too_large(fleet: SmallFleet) -> Drawn:
    """More pods than the fleet has nodes."""
    fleet.add_nodes(size=fleet.drawn.randint(1, 2))
    fleet.add_queue(4096)
    job = fleet.job(len(fleet.nodes) + fleet.drawn.randint(1, 20))
    return Drawn(job, "topology", "Pending", 'topology "whys" allows to fit only', ("count",))


def nodes_taken_by_another_queue(fleet: SmallFleet) -> Drawn:
    """All nodes are taken, and the quota is not."""
    fleet.add_nodes(size=1)
    fleet.add_queue(512, cohortName=fleet.name)
    other = fleet.add_queue(512, "other", cohortName=fleet.name)
    fleet.run(4, other)
    return Drawn(fleet.job(1), "topology", "Pending", 'topology "whys"', ("end",))


def faulty_nodes(fleet: SmallFleet) -> Drawn:
    """Nodes that repair has cordoned or tainted."""
    fleet.add_nodes(units=1, domains=2, size=2)
    fleet.add_queue(512)
    taint = {"key": "example.com/fault", "value": "xid-79", "effect": "NoSchedule"}
    for name in fleet.nodes:
        spec: dict[str, Any] = {"taints": [taint]} if fleet.drawn.random() < 0.5 else {"unschedulable": True}
        fleet.change_node(name, **spec)
    level = fleet.drawn.choice(("", DOMAIN))
    job = fleet.job(fleet.drawn.randint(1, 2), level=level)
    return Drawn(job, "topology", "Pending", 'topology "whys"', ("repair",))


def wrong_label_of_flavor(fleet: SmallFleet) -> Drawn:
    """A node selector that the flavor's labels do not meet."""
    fleet.add_nodes()
    fleet.add_queue(512)
    job = fleet.job(1, pod={"nodeSelector": {POOL: "elsewhere"}})
    return Drawn(job, "wrong-label", "Pending", "doesn't match node affinity", ("selector",))


def wrong_affinity(fleet: SmallFleet) -> Drawn:
    """A required affinity that the flavor's labels do not meet."""
    fleet.add_nodes()
    fleet.add_queue(512)
    operator, values = fleet.drawn.choice((("NotIn", [fleet.name]), ("In", ["elsewhere"])))
    expression = {"key": POOL, "operator": operator, "values": values}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    job = fleet.job(1, pod={"affinity": affinity})
    return Drawn(job, "wrong-label", "Pending", "doesn't match node affinity", ("affinity",))


def wrong_label_of_nodes(fleet: SmallFleet) -> Drawn:
    """A node selector that no node meets, by a label that the flavor does not have."""
    fleet.add_nodes()
    fleet.add_queue(512)
    selected = fleet.drawn.choice(({MODEL: "h200"}, {"example.com/unknown": "yes"}))
    job = fleet.job(1, pod={"nodeSelector": selected})
    return Drawn(job, "topology", "Pending", 'topology "whys"', ("selector",))


def untolerated_flavor(fleet: SmallFleet) -> Drawn:
    """A taint of the flavor that the pods do not tolerate."""
    fleet.add_nodes()
    value = fleet.drawn.choice(("research", ""))
    taint = {"key": "example.com/reserved", "value": value, "effect": "NoSchedule"}
    flavor = fleet.add_flavor(f"{fleet.name}-tainted", nodeTaints=[taint])
    fleet.add_queue(512, flavor=flavor)
    return Drawn(fleet.job(2), "untolerated", "Pending", "untolerated taint", ("tolerate",))


def unknown_queue(fleet: SmallFleet) -> Drawn:
    """A queue that does not exist."""
    fleet.add_nodes()
    fleet.add_queue(512)
    job = fleet.job(1, fleet.drawn.choice((f"{fleet.name}x", "qwertz")))
    return Drawn(job, "no-queue", "Inadmissible", "doesn't exist", ("queue",))


def stopped_queue(fleet: SmallFleet) -> Drawn:
    """A queue that was stopped, of the cluster or of the namespace."""
    fleet.add_nodes()
    fleet.add_queue(512)
    stop = {"spec": {"stopPolicy": fleet.drawn.choice(("Hold", "HoldAndDrain"))}}
    if fleet.drawn.random() < 0.5:
        fleet.api.patch(KUEUE, "ClusterQueue", fleet.name, stop)
    else:
        fleet.api.patch(KUEUE, "LocalQueue", fleet.name, stop, fleet.name)
    return Drawn(fleet.job(1), "stopped-queue", "Inadmissible", "is ", ("resume",))


def dead_check(fleet: SmallFleet) -> Drawn:
    """An admission check that nobody answers."""
    fleet.add_nodes()
    fleet.keep(made(KUEUE, "AdmissionCheck", fleet.name, {"controllerName": "example.com/budget"}))
    fleet.add_queue(512, admissionChecksStrategy={"admissionChecks": [{"name": fleet.name}]})
    return Drawn(fleet.job(1), "inactive-queue", "Inadmissible", "is inactive", ("check",))


def open_check(fleet: SmallFleet) -> Drawn:
    """An admission check that has not answered yet."""
    drawn = dead_check(fleet)
    answer_check(fleet, fleet.name)
    return Drawn(drawn.job, "admission-check", "QuotaReserved", "Quota reserved", ("wait",))


def missing_flavor(fleet: SmallFleet) -> Drawn:
    """A queue of a flavor that does not exist."""
    fleet.add_nodes()
    fleet.add_queue(512, flavor=f"{fleet.name}-missing")
    return Drawn(fleet.job(1), "inactive-queue", "Inadmissible", "is inactive", ("flavor",))


def mistyped_resource(fleet: SmallFleet) -> Drawn:
    """A resource of nearly the name of one that has a quota."""
    fleet.add_nodes()
    fleet.add_queue(512)
    job = fleet.job(1, devices={"example.com/gpus": "8"})
    del job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"][GPU]
    return Drawn(job, "not-covered", "Pending", "unavailable in ClusterQueue", ("resource",))


def resource_of_no_node(fleet: SmallFleet) -> Drawn:
    """A resource that no flavor and no node has."""
    fleet.add_nodes()
    fleet.add_queue(512)
    job = fleet.job(1, devices={"example.org/quantum": "1"})
    return Drawn(job, "not-covered", "Pending", "unavailable in ClusterQueue", ("resource",))


def resource_without_quota(fleet: SmallFleet) -> Drawn:
    """A resource that the nodes have and the queue has no quota for."""
    fleet.add_nodes()
    for name in fleet.nodes:
        status = (fleet.api.get("v1", "Node", name) or {})["status"]
        more = {OTHER: "2"}
        amounts = {"allocatable": status["allocatable"] | more, "capacity": status["capacity"] | more}
        until(lambda name=name, amounts=amounts: fleet.writes(name, amounts))
    fleet.add_queue(512)
    job = fleet.job(1, devices={OTHER: str(fleet.drawn.randint(1, 2))})
    return Drawn(job, "not-covered", "Pending", "unavailable in ClusterQueue", ("cover",))


def other_namespace(fleet: SmallFleet) -> Drawn:
    """A queue for other namespaces, beside one for this."""
    fleet.add_nodes()
    fleet.add_queue(512, "right")
    fleet.add_queue(512, namespaceSelector={"matchLabels": {"example.com/zone": "other"}})
    return Drawn(fleet.job(1), "other-namespace", "Pending", "namespace doesn't match", ("queue",))


def deactivated(fleet: SmallFleet) -> Drawn:
    """A workload that somebody has deactivated."""
    fleet.add_nodes()
    fleet.add_queue(512)
    return Drawn(fleet.job(1), "deactivated", "Deactivated", "deactivated", ("activate",))


DRAWERS: tuple[Callable[[SmallFleet], Drawn], ...] = (
    own_quota,
    no_quota_at_all,
    taken_quota,
    low_priority,
    behind_in_order,
    borrowing_limit,
    lending_limit,
    empty_cohort,
    lent_and_reclaimed,
    unit_too_small,
    domain_too_small,
    domain_in_pieces,
    gang_of_nodes_too_large,
    nodes_taken_by_another_queue,
    faulty_nodes,
    wrong_label_of_flavor,
    wrong_affinity,
    wrong_label_of_nodes,
    untolerated_flavor,
    unknown_queue,
    stopped_queue,
    dead_check,
    open_check,
    missing_flavor,
    mistyped_resource,
    resource_of_no_node,
    resource_without_quota,
    other_namespace,
    deactivated,
)
AFTER_SUBMISSION = {"deactivated", "admission-check", "behind"}
"""What no file shows before it is submitted, or what Kueue says nothing of."""


def answer_check(fleet: SmallFleet, name: str) -> None:
    """Say that an admission check has somebody who answers it."""
    active = {"type": "Active", "status": "True", "reason": "Active", "message": "by hand"}
    conditions = [active | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]
    check = fleet.api.get(KUEUE, "AdmissionCheck", name)
    assert check is not None
    fleet.api.update_status(check | {"status": {"conditions": conditions}})


def apply_change(fleet: SmallFleet, waiting: str, reason: QueueReason) -> str:
    """Do exactly what a change says; return the job that has to be admitted."""
    change = reason.change
    assert change is not None
    cluster_wide = _CLUSTER_CHANGES.get(change.kind)
    if cluster_wide is not None:
        cluster_wide(fleet, waiting, change.target, change.value)
        return waiting
    fleet.jobs += 1
    again = change_job(fleet, waiting, change.kind, change.target, change.value)
    again["metadata"]["name"] = f"{fleet.name}-{fleet.jobs}"
    fleet.api.delete("batch/v1", "Job", waiting, fleet.name)
    return fleet.submit(again)


def change_job(fleet: SmallFleet, waiting: str, kind: str, target: str, value: str) -> dict[str, Any]:
    """Return a job as a change says that it has to be submitted."""
    job = fleet.last[waiting]
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    labels = job["metadata"]["labels"]
    match kind:
        case "count":
            job["spec"] |= {"parallelism": int(value), "completions": int(value)}
        case "level":
            annotations["kueue.x-k8s.io/podset-required-topology"] = value
        case "queue":
            labels["kueue.x-k8s.io/queue-name"] = value
        case "priority":
            labels["kueue.x-k8s.io/priority-class"] = fleet.priority(int(value) + 1)
        case _:
            change_pod(job["spec"]["template"]["spec"], kind, target, value)
    return job


def change_pod(pod: dict[str, Any], kind: str, target: str, value: str) -> None:
    """Change the spec of a job's pods in place."""
    limits = pod["containers"][0]["resources"]["limits"]
    match kind:
        case "selector":
            del pod["nodeSelector"][target]
            if value:
                pod["nodeSelector"][target] = value
        case "affinity":
            del pod["affinity"]
        case "tolerate":
            pair, effect = value.rsplit(":", 1)
            key, _, text = pair.partition("=")
            toleration = {"key": key, "operator": "Equal", "value": text, "effect": effect}
            pod["tolerations"] = [toleration]
        case "resource":
            amount = limits.pop(target)
            if value:
                limits[value] = amount
        case _:
            raise AssertionError(kind)


def _end(fleet: SmallFleet, _: str, target: str, __: str) -> None:
    holder = find_workload(observe_queues(fleet.api), target)
    fleet.api.delete("batch/v1", "Job", holder["metadata"]["ownerReferences"][0]["name"], fleet.name)


def _resume(fleet: SmallFleet, _: str, target: str, __: str) -> None:
    for stopped in target.split(" and "):
        kind, name = stopped.split(" ")
        namespace = fleet.name if kind == "LocalQueue" else None
        fleet.api.patch(KUEUE, kind, name.rpartition("/")[2], {"spec": {"stopPolicy": "None"}}, namespace)


def _activate(fleet: SmallFleet, _: str, target: str, __: str) -> None:
    name = target.partition("/")[2]
    fleet.api.patch(KUEUE, "Workload", name, {"spec": {"active": True}}, fleet.name)


def _raise_quota(fleet: SmallFleet, _: str, target: str, value: str) -> None:
    resource, _, name = target.partition(" in ClusterQueue ")
    queue = fleet.api.get(KUEUE, "ClusterQueue", name)
    assert queue is not None
    (group,) = queue["spec"]["resourceGroups"]
    entries = group["flavors"][0]["resources"]
    if resource not in group["coveredResources"]:
        group["coveredResources"].append(resource)
        entries.append({"name": resource, "nominalQuota": "0"})
    for entry in entries:
        if entry["name"] == resource:
            entry["nominalQuota"] = str(amount_of(entry["nominalQuota"]) + Fraction(value))
    fleet.api.patch(KUEUE, "ClusterQueue", name, {"spec": {"resourceGroups": [group]}})


def _repair(fleet: SmallFleet, _: str, __: str, value: str) -> None:
    for name in value.split(", "):
        fleet.change_node(name, taints=None, unschedulable=None)


def _answer(fleet: SmallFleet, waiting: str, target: str, _: str) -> None:
    workload = fleet.workload(waiting)
    assert workload is not None
    for check in workload["status"]["admissionChecks"]:
        if check["name"] == target:
            check |= {"state": "Ready", "message": "by hand"}
    fleet.api.update_status(workload)


def _start_check(fleet: SmallFleet, waiting: str, target: str, _: str) -> None:
    answer_check(fleet, target)
    until(lambda: fleet.reason(waiting).code == "admission-check")
    _answer(fleet, waiting, target, "")


def _create_flavor(fleet: SmallFleet, _: str, target: str, __: str) -> None:
    fleet.add_flavor(target)


def _label(fleet: SmallFleet, _: str, target: str, value: str) -> None:
    labels = {}
    for text in value.split(", "):
        key, _, wanted = text.partition("=")
        labels[key.removesuffix("-")] = wanted or None
    fleet.api.patch("v1", "Namespace", target, {"metadata": {"labels": labels}})


def _create_queue(fleet: SmallFleet, _: str, target: str, value: str) -> None:
    namespace, name = target.split("/")
    fleet.api.create(made(KUEUE, "LocalQueue", name, {"clusterQueue": value}, namespace=namespace))


_CLUSTER_CHANGES: dict[str, Callable[[SmallFleet, str, str, str], None]] = {
    "end": _end,
    "resume": _resume,
    "activate": _activate,
    "quota": _raise_quota,
    "cover": _raise_quota,
    "repair": _repair,
    "wait": _answer,
    "check": _start_check,
    "flavor": _create_flavor,
    "label": _label,
    "local-queue": _create_queue,
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with Kueue and a topology."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("whys", root=root, queueing=True, wait_seconds=300)
    api = open_cluster(cluster.kubeconfig)
    api.create(made(KUEUE, "Topology", "whys", {"levels": LEVELS}))
    yield api
    down("whys", root=root)


@pytest.fixture
def fleet(api: Api, number: int) -> Iterator[SmallFleet]:
    """Make the namespace and the flavor of a case, and remove everything after it."""
    name = f"case{number}"
    small = SmallFleet(api, name, random.Random(number))  # noqa: S311 - a seed for cases, and no secret
    api.create(made("v1", "Namespace", name, {}, labels={KEYS.namespace_zone: "open"}))
    small.add_flavor()
    yield small
    small.remove()


@pytest.mark.parametrize("number", range(CASES))
def test_why_says_what_kueue_says_and_its_change_admits(fleet: SmallFleet, number: int) -> None:
    drawn = DRAWERS[number % len(DRAWERS)](fleet)
    waiting = str(drawn.job["metadata"]["name"])
    if waiting not in fleet.last and drawn.code not in AFTER_SUBMISSION:
        before = reason_of(workload_of(drawn.job), observe_queues(fleet.api))
        assert before.code == drawn.code, before
    if waiting not in fleet.last:
        fleet.submit(drawn.job)
    if drawn.code == "deactivated":
        fleet.admitted(waiting)
        stopped = fleet.workload(waiting)
        assert stopped is not None
        name = stopped["metadata"]["name"]
        fleet.api.patch(KUEUE, "Workload", name, {"spec": {"active": False}}, fleet.name)
    said: list[QueueReason] = []

    def is_said() -> bool:
        if fleet.workload(waiting) is None:
            return False
        said.append(fleet.reason(waiting))
        # Kueue looks more than once, and says at first what was so before.
        is_settled = said[-1].kueue_reason == drawn.kueue and drawn.words in said[-1].kueue_message
        return said[-1].state == "waits" and is_settled

    try:
        until(is_said, 30)
    except AssertionError as error:
        raise AssertionError(f"Kueue never says {drawn.kueue}, {drawn.words!r}: {said[-1:]}") from error
    reason = said[-1]
    assert reason.code == drawn.code, reason
    assert reason.change is not None, reason
    assert reason.change.kind in drawn.kinds, reason
    try:
        fleet.admitted(apply_change(fleet, waiting, reason))
    except AssertionError as error:
        raise AssertionError(f"not admitted after: {reason.change}; it was {reason}") from error
