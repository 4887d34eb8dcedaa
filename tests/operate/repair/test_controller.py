"""The controller against a cluster in memory that refuses writes on an old resourceVersion."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api import ApiError
from sovereign_ai.errors import Problem
from sovereign_ai.operate.repair.budgets import Budget
from sovereign_ai.operate.repair.controller import LEASE, RepairController
from sovereign_ai.operate.repair.decide import Act, Policy
from sovereign_ai.operate.repair.holder import HOLDER_PROCESS
from sovereign_ai.operate.repair.policies import NodeGroup, Policies
from sovereign_ai.operate.repair.record import (
    ACCEPTANCE,
    ANNOTATION,
    CONTROLLER,
    HOLD,
    REPAIRS,
    REPLACES,
    Record,
    Step,
    read_record,
    write_verdict,
)
from sovereign_ai.operate.repair.view import PodCount, PodCounter, count_pods, observe_machines, places
from tests.render.lab import stack

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
Objects = list[dict[str, Any]]
_, PLAN = stack("lab")
PLACED = places(PLAN, "lab")


def refused(status: int, reason: str = "") -> ApiError:
    return ApiError(Problem(f"api-{status}", f"refused with {status}"), status=status, reason=reason)


class Cluster:
    """Nodes, pods, device taints, leases and events; every write makes a new resourceVersion."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []
        self.whole_lists = 0
        self.rules: list[dict[str, Any]] = []
        self.maintenances: list[dict[str, Any]] = []
        self.readiness: list[dict[str, Any]] = []
        self.claims: list[dict[str, Any]] = []
        self.budgets: list[dict[str, Any]] = []
        self.lifecycle: dict[str, Objects] = {}
        self.lease: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []
        self.before_write: Callable[[], None] = lambda: None
        self.before_request: Callable[[str], None] = lambda _path: None
        self.versions = 0
        for name in PLACED:
            meta = {"name": name, "uid": name, "annotations": {}, "resourceVersion": "0"}
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": NOW.isoformat()}
            self.nodes[name] = {"metadata": meta, "spec": {}, "status": {"conditions": [ready]}}
        stranger = copy.deepcopy(self.nodes["train-001"])
        stranger["metadata"]["name"] = "elsewhere"
        stranger["status"]["conditions"][0].update(status="False", lastTransitionTime="2020-01-01T00:00:00Z")
        self.nodes["elsewhere"] = stranger

    def list(self, api_version: str, kind: str, **_options: object) -> Objects:
        if kind == "Node":
            return copy.deepcopy(list(self.nodes.values()))
        if kind == "Pod":
            self.whole_lists += 1
            return copy.deepcopy(self.pods)
        if kind == "NodeMaintenance" and api_version.startswith("maintenance.nvidia.com"):
            return copy.deepcopy(self.maintenances)
        served = {"NodeReadinessRule": self.readiness, "PodDisruptionBudget": self.budgets, **self.lifecycle}
        if kind in served:
            return copy.deepcopy(served[kind])
        if api_version != "resource.k8s.io/v1beta2":
            raise refused(404, "KindUnknown")
        kinds = {"DeviceTaintRule": self.rules, "ResourceClaim": self.claims}
        return copy.deepcopy(kinds.get(kind, []))

    def create(self, obj: dict[str, Any]) -> dict[str, Any]:
        self.events.append(obj)
        return obj

    def many(self, calls: Iterable[Callable[[], Any]], _workers: int = 16) -> Sequence[Any]:
        return [call() for call in calls]

    def request(self, method: str, path: str, body: Any = None, *_: Any, **more: Any) -> dict[str, Any]:
        self.before_request(path)
        if "/leases" in path:
            return self._lease(method, body)
        if path == "/api/v1/pods":
            node = more["query"]["fieldSelector"].partition("=")[2]
            return {"items": [pod for pod in self.pods if pod["spec"].get("nodeName") == node]}
        if path.endswith("/eviction"):
            name = path.split("/")[-2]
            if any(budget["spec"]["kept"] == name for budget in self.budgets):
                raise refused(429)
            wanted = (body.get("deleteOptions") or {}).get("preconditions", {}).get("uid")
            if any(wanted not in {None, uid} for uid in self._uids(name)):
                raise refused(409)
            self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != name]
            return {}
        if method == "GET":
            return copy.deepcopy(self.nodes[path.rpartition("/")[2]])
        return self._patch(path.rpartition("/")[2], body)

    def _uids(self, name: str) -> Sequence[str | None]:
        """Return the uids of the pods of a name."""
        return [pod["metadata"].get("uid") for pod in self.pods if pod["metadata"]["name"] == name]

    def _patch(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.before_write()
        node = self.nodes[name]
        if body["metadata"].get("resourceVersion", "") != node["metadata"]["resourceVersion"]:
            raise refused(409)
        self.change(name, body["metadata"]["annotations"], **body.get("spec", {}))
        return node

    def change(self, name: str, annotations: dict[str, str | None], **spec: Any) -> None:
        """Change a node as anybody might."""
        self.versions += 1
        node = self.nodes[name]
        node["metadata"]["resourceVersion"] = str(self.versions)
        merge(node["metadata"]["annotations"], annotations)
        merge(node["spec"], spec)

    def _lease(self, method: str, body: Any) -> dict[str, Any]:
        if method == "GET":
            if self.lease is None:
                raise refused(404)
            return copy.deepcopy(self.lease)
        held = (self.lease or {}).get("metadata", {}).get("resourceVersion")
        if body["metadata"].get("resourceVersion") != held:
            raise refused(409)
        self.versions += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"]["resourceVersion"] = str(self.versions)
        return self.lease

    def break_gpu(self, name: str, xid: int = 48) -> None:
        taint = {"key": "gpu.nvidia.com/xid", "value": f"xid-{xid}", "effect": "NoSchedule"}
        selected = {"driver": "gpu.nvidia.com", "pool": name, "device": "gpu-3"}
        metadata = {"name": f"{name}-{xid}", "resourceVersion": "0"}
        self.rules.append({"metadata": metadata, "spec": {"deviceSelector": selected, "taint": taint}})

    def run_pod(self, node: str, name: str = "work") -> None:
        owner = {"kind": "Job", "name": "work", "controller": True}
        meta = {"name": name, "namespace": "research", "ownerReferences": [owner]}
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.pods.append({"metadata": meta, "spec": {"nodeName": node}, "status": status})

    def claim(self, node: str, pod: str, gpu: int) -> None:
        """Let a pod hold a GPU by a claim."""
        results = [{"driver": "gpu.nvidia.com", "pool": node, "device": f"gpu-{gpu}"}]
        status = {
            "allocation": {"devices": {"results": results}},
            "reservedFor": [{"resource": "pods", "name": pod}],
        }
        self.claims.append({"metadata": {"namespace": "research", "name": pod}, "status": status})
        for each in self.pods:
            if each["metadata"]["name"] == pod:
                each["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": pod}]


def merge(mapping: dict[str, Any], change: dict[str, Any]) -> None:
    """Merge as RFC 7396 says."""
    for key, value in change.items():
        if value is None:
            mapping.pop(key, None)
        else:
            mapping[key] = value


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def controller(cluster: Any, identity: str = "first") -> RepairController:
    return RepairController(cluster, PLACED, Policy(), identity)


def acts(cluster: Any, repairer: RepairController, now: datetime = NOW) -> list[tuple[str, Act]]:
    return [(each.decision.machine, each.decision.act) for each in repairer.round(now) if not each.refused]


def test_a_broken_gpu_goes_from_cordon_to_return_and_leaves_its_history_behind(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003")
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    node = cluster.nodes["train-003"]
    assert node["spec"] == {"unschedulable": True}
    assert node["metadata"]["annotations"][CORDON_OWNER] == CONTROLLER
    assert acts(cluster, repairer) == [("train-003", Act.EVICT)]
    assert cluster.pods == []
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    record = read_record(node["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert record.gpus == (3,)
    assert acts(cluster, repairer) == []
    cluster.rules.clear()
    assert acts(cluster, repairer) == [("train-003", Act.ACCEPT)]
    cluster.change("train-003", {ACCEPTANCE: write_verdict(passed=True, now=NOW)})
    assert acts(cluster, repairer) == [("train-003", Act.RETURN)]
    assert node["spec"] == {}
    # What stays is the verdict, and that it was repaired: a machine that breaks often is given up.
    assert node["metadata"]["annotations"].keys() == {ACCEPTANCE, REPAIRS}
    assert [event["reason"] for event in cluster.events] == [
        "Cordoned",
        "Draining",
        "ResetRequested",
        "AcceptanceRequested",
        "Returned",
    ]


def test_a_machine_of_nobodys_plan_is_left_alone(cluster: Cluster) -> None:
    before = copy.deepcopy(cluster.nodes["elsewhere"])
    assert acts(cluster, controller(cluster)) == []
    assert cluster.nodes["elsewhere"] == before


def test_somebody_elses_cordon_stays_when_the_machine_is_well_again(cluster: Cluster) -> None:
    cluster.change("train-003", {CORDON_OWNER: "operator"}, unschedulable=True)
    cluster.break_gpu("train-003")
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert cluster.nodes["train-003"]["metadata"]["annotations"][CORDON_OWNER] == "operator"
    acts(cluster, repairer)
    cluster.rules.clear()
    acts(cluster, repairer)
    cluster.change("train-003", {ACCEPTANCE: write_verdict(passed=True, now=NOW)})
    assert acts(cluster, repairer) == [("train-003", Act.RETURN)]
    node = cluster.nodes["train-003"]
    assert node["spec"] == {"unschedulable": True}
    assert ANNOTATION not in node["metadata"]["annotations"]


def test_a_node_that_somebody_changed_since_is_left_to_the_next_round(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")

    def meddle() -> None:
        cluster.before_write = lambda: None
        cluster.change("train-003", {CORDON_OWNER: "operator"}, unschedulable=True)

    cluster.before_write = meddle
    repairer = controller(cluster)
    (done,) = repairer.round(NOW)
    assert done.refused == "the Node changed in the meantime"
    assert cluster.nodes["train-003"]["metadata"]["annotations"][CORDON_OWNER] == "operator"
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert cluster.nodes["train-003"]["metadata"]["annotations"][CORDON_OWNER] == "operator"


def test_a_second_copy_waits_until_the_lease_of_the_first_has_ended(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    first, second = controller(cluster, "first"), controller(cluster, "second")
    first.round(NOW)
    assert second.round(NOW + LEASE - timedelta(seconds=1)) == ()
    assert acts(cluster, first, NOW + timedelta(seconds=10)) == [("train-003", Act.RESET)]
    assert second.round(NOW + timedelta(seconds=24)) == ()
    later = NOW + timedelta(seconds=10) + LEASE
    assert acts(cluster, second, later + timedelta(minutes=5)) == [("train-003", Act.REBOOT)]
    assert first.round(later + timedelta(minutes=5)) == ()


def test_a_copy_that_ends_gives_the_lease_back_and_never_anothers(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    first, second = controller(cluster, "first"), controller(cluster, "second")
    first.round(NOW)
    assert second.round(NOW) == ()
    assert second.leader == "first"
    second.release(NOW)
    assert second.round(NOW) == ()
    first.release(NOW)
    assert acts(cluster, second) == [("train-003", Act.RESET)]
    assert second.leader == "second"


def test_the_lease_of_a_copy_that_was_killed_on_this_host_is_taken_at_once(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    controller(cluster, "first").round(NOW)
    kernel, _, started = cluster.lease["metadata"]["annotations"][HOLDER_PROCESS].rpartition(" ")
    second = controller(cluster, "second")
    assert second.round(NOW) == ()
    # The same number, started at another time: the process of the lease is over.
    cluster.lease["metadata"]["annotations"][HOLDER_PROCESS] = f"{kernel} {int(started) - 1}"
    assert acts(cluster, second) == [("train-003", Act.RESET)]
    assert second.leader == "second"


def test_a_dry_run_writes_nothing_not_even_a_lease(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    assert [decision.act for decision in controller(cluster).plan(NOW)] == [Act.CORDON]
    assert (cluster.versions, cluster.lease, cluster.events) == (0, None, [])


def test_the_same_decision_is_told_once(cluster: Cluster) -> None:
    for name in ("train-001", "train-002"):
        cluster.break_gpu(name)
        cluster.run_pod(name, f"work-{name}")
    repairer = controller(cluster)
    repairer.round(NOW)
    # Twelve machines: one may be drained at a time, the other is held back in every round.
    cluster.before_write = lambda: None
    told = len(cluster.events)
    held = [each for each in repairer.round(NOW) if each.decision.act is Act.WAIT]
    assert [each.decision.machine for each in held] == ["train-002"]
    assert len(cluster.events) == told + 2


def test_every_machine_is_placed_in_its_rack_and_its_feeds() -> None:
    assert len(PLACED) == len(PLAN.nodes_of("lab"))
    racks = {f"rack {node.rack}" for node in PLAN.nodes_of("lab")}
    feeds = {f"feed {rack.site}/{feed}" for rack in PLAN.racks for feed in rack.pdus}
    for place in PLACED.values():
        assert len(place.domains & racks) == 1
        assert place.domains & feeds


def test_pods_are_counted_only_of_machines_that_are_drained(cluster: Any) -> None:
    cluster.run_pod("train-001")
    view = observe_machines(cluster, PLACED, NOW)
    assert {machine.pods for machine in view.machines} == {0}


@pytest.mark.parametrize("machines", [1, 33], ids=["one by one", "all at once"])
def test_pods_of_few_and_of_many_machines_are_counted_alike(cluster: Any, machines: int) -> None:
    counted = [f"train-{number:03}" for number in range(1, machines + 1)]
    cluster.run_pod("train-001", "runs")
    cluster.run_pod("train-001", "ends")
    cluster.run_pod("train-001", "finished")
    cluster.run_pod("elsewhere", "of another machine")
    cluster.pods.append({"metadata": {"name": "waits", "namespace": "research"}, "spec": {}, "status": {}})
    cluster.pods[1]["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    cluster.pods[2]["status"]["phase"] = "Succeeded"
    assert count_pods(cluster, counted) == {
        **dict.fromkeys(counted, PodCount(0)),
        "train-001": PodCount(running=1, ending=1),
    }
    assert cluster.whole_lists == (machines > 1)


def test_many_machines_are_not_counted_again_before_a_multiple_of_what_a_list_took(cluster: Any) -> None:
    names = [f"train-{number:03}" for number in range(1, 41)]
    for name in names:
        cluster.run_pod(name)
    moments = [0.0]

    def clock() -> float:
        """A moment; a list takes two seconds."""
        return moments[0] + 2.0 * cluster.whole_lists

    counter = PodCounter(cluster, clock)
    everywhere = dict.fromkeys(names, PodCount(1))
    assert counter(names) == everywhere
    cluster.pods.clear()
    moments[0] += 7.9
    assert counter(names) == everywhere
    assert cluster.whole_lists == 1
    moments[0] += 0.2
    assert counter(names) == dict.fromkeys(names, PodCount(0))
    assert cluster.whole_lists == 2


def test_a_machine_that_may_be_empty_is_counted_anew_at_each_look(cluster: Any) -> None:
    """By what is remembered of it, it would be reset under a pod that came since."""
    names = [f"train-{number:03}" for number in range(1, 41)]
    for name in names[1:]:
        cluster.run_pod(name)
    counter = PodCounter(cluster, lambda: 1.0 * cluster.whole_lists)
    assert counter(names[:-1])[names[0]] == PodCount(0)
    cluster.run_pod(names[0])
    assert counter(names) == dict.fromkeys(names, PodCount(1))
    assert cluster.whole_lists == 1


@pytest.mark.parametrize(("is_silent", "blocking_pods"), [(True, 0), (False, 1)])
def test_a_pod_that_only_a_silent_kubelet_could_end_is_not_in_the_way(
    cluster: Any, is_silent: bool, blocking_pods: int
) -> None:
    cluster.break_gpu("train-003")
    repairer = controller(cluster)
    repairer.round(NOW)
    cluster.run_pod("train-003")
    cluster.pods[0]["metadata"]["deletionTimestamp"] = "2026-11-28T12:00:00Z"
    if is_silent:
        silence = {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-11-27T11:59:59Z"}
        cluster.nodes["train-003"]["status"] = {"conditions": [silence]}
    view = observe_machines(cluster, PLACED, NOW)
    assert view.by_name()["train-003"].pods == blocking_pods
    cluster.run_pod("train-003", "runs")
    assert observe_machines(cluster, PLACED, NOW).by_name()["train-003"].pods == 2


def test_a_spare_is_activated_and_retired_and_no_other_taint_is_touched(cluster: Cluster) -> None:
    zone = {"key": "sovereign-ai.internal/zone", "value": "restricted", "effect": "NoSchedule"}
    kept = {"key": "sovereign-ai.internal/spare", "value": "true", "effect": "NoSchedule"}
    cluster.change("train-012", {}, taints=[zone, kept])
    cluster.break_gpu("train-003")
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON), ("train-012", Act.ACTIVATE)]
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    node = cluster.nodes["train-012"]
    assert node["spec"]["taints"] == [zone]
    assert node["metadata"]["annotations"] == {REPLACES: "train-003"}
    cluster.rules.clear()
    acts(cluster, repairer)
    cluster.change("train-003", {ACCEPTANCE: write_verdict(passed=True, now=NOW)})
    assert acts(cluster, repairer) == [("train-003", Act.RETURN)]
    assert acts(cluster, repairer) == [("train-012", Act.RETIRE)]
    assert node["spec"]["taints"] == [zone, kept]
    assert node["metadata"]["annotations"] == {}
    assert acts(cluster, repairer) == []


def test_a_pod_that_no_controller_recreates_is_never_evicted_and_holds_the_drain(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "owned")
    cluster.run_pod("train-003", "bare")
    cluster.pods[-1]["metadata"]["ownerReferences"] = []
    repairer = controller(cluster)
    repairer.round(NOW)
    for _ in range(2):
        (done,) = repairer.round(NOW)
        assert done.decision.act is Act.EVICT
        assert done.refused.startswith("research/bare: no controller recreates it")
        assert "kubectl delete pod -n research bare" in done.refused
    assert [pod["metadata"]["name"] for pod in cluster.pods] == ["bare"]
    cluster.pods.clear()
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]


@pytest.mark.parametrize("renewed", [None, "soon", "2026-11-27T12:00:00"])
def test_a_lease_that_somebody_wrote_without_a_time_is_taken(cluster: Cluster, renewed: object) -> None:
    spec = {"holderIdentity": "somebody", "renewTime": renewed}
    cluster.lease = {"metadata": {"resourceVersion": "7"}, "spec": spec}
    cluster.break_gpu("train-003")
    assert acts(cluster, controller(cluster)) == [("train-003", Act.CORDON)]


def test_a_machine_whose_record_was_removed_is_repaired_anew_and_not_left_cordoned(cluster: Cluster) -> None:
    cluster.change("train-003", {CORDON_OWNER: CONTROLLER, ANNOTATION: "{"}, unschedulable=True)
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.ACCEPT)]
    cluster.change("train-003", {ACCEPTANCE: write_verdict(passed=True, now=NOW)})
    assert acts(cluster, repairer) == [("train-003", Act.RETURN)]


def test_a_cordon_between_two_rounds_counts_no_pods_and_decides_nothing_else(cluster: Cluster) -> None:
    repairer = controller(cluster)
    assert acts(cluster, repairer) == []
    cluster.break_gpu("train-003")
    # No pod is read: a list of them would fail.
    cluster.pods = [{}]
    cluster.run_pod("train-003")
    (done,) = repairer.cordon(NOW)
    assert (done.decision.machine, done.decision.act) == ("train-003", Act.CORDON)
    assert repairer.cordon(NOW) == ()
    assert cluster.events == []
    cluster.pods.clear()
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    assert [event["reason"] for event in cluster.events] == ["Cordoned", "ResetRequested"]


def test_only_the_copy_that_leads_cordons_between_two_rounds(cluster: Cluster) -> None:
    first, second = controller(cluster, "first"), controller(cluster, "second")
    first.round(NOW)
    second.round(NOW)
    cluster.break_gpu("train-003")
    assert second.cordon(NOW) == ()
    assert first.cordon(NOW + LEASE) == ()
    assert len(first.cordon(NOW)) == 1
    first.release(NOW)
    cluster.break_gpu("train-004")
    assert first.cordon(NOW) == ()


def test_a_node_whose_change_is_refused_keeps_no_other_from_its_repair(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.break_gpu("train-004")

    def refuse() -> None:
        cluster.before_write = lambda: None
        raise refused(403)

    cluster.before_write = refuse
    done = {each.decision.machine: each.refused for each in controller(cluster).round(NOW)}
    assert done == {"train-003": "refused with 403", "train-004": ""}


@pytest.mark.parametrize("by", ["annotation", "condition"])
def test_a_machine_that_somebody_holds_is_cordoned_and_then_left_alone(cluster: Cluster, by: str) -> None:
    cluster.break_gpu("train-003")
    repairer = controller(cluster)
    node: dict[str, Any] = cluster.nodes["train-003"]
    if by == "annotation":
        cluster.change("train-003", {HOLD: "board on the bench"})
    else:
        conditions = node["status"].setdefault("conditions", [])
        conditions.append({"type": "MaintenanceInProgress", "status": "True"})
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.HOLD)]
    record = read_record(node["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert record.step is Step.DRAIN
    if by == "annotation":
        cluster.change("train-003", {HOLD: ""})
    else:
        node["status"]["conditions"][-1]["status"] = "False"
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]


def test_a_budget_that_refuses_is_told_with_its_pod_since_when_and_the_next_step(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "kept")
    cluster.run_pod("train-003", "other")
    repairer = controller(cluster)
    acts(cluster, repairer)
    refused = {"type": "DisruptionAllowed", "status": "False", "lastTransitionTime": "2026-11-27T11:00:00Z"}
    status = {"currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "conditions": [refused]}
    spec = {"selector": {}, "minAvailable": 1, "kept": "kept"}
    metadata = {"name": "web", "namespace": "research"}
    cluster.budgets.append({"metadata": metadata, "spec": spec, "status": status})
    (done,) = repairer.round(NOW)
    # The other one goes all the same.
    assert [pod["metadata"]["name"] for pod in cluster.pods] == ["kept"]
    for text in (done.refused, cluster.events[-1]["message"]):
        assert "research/kept" in text
        assert "research/web needs 1 healthy pod" in text
        assert "since 2026-11-27T11:00:00Z" in text
        assert "add a replica" in text
    # The same is told once, as long as it stays the same.
    told = len(cluster.events)
    repairer.round(NOW + timedelta(minutes=5))
    assert len(cluster.events) == told


def test_an_eviction_that_fails_otherwise_keeps_no_other_pod(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "kept")
    cluster.run_pod("train-003", "other")
    repairer = controller(cluster)
    acts(cluster, repairer)
    cluster.budgets.append({"metadata": {"name": "web", "namespace": "elsewhere"}, "spec": {"kept": "kept"}})
    (done,) = repairer.round(NOW)
    assert [pod["metadata"]["name"] for pod in cluster.pods] == ["kept"]
    assert done.refused == "research/kept: refused with 429"


def test_a_machine_of_which_every_check_of_every_gpu_fails_is_repaired_as_others_are(
    cluster: Cluster,
) -> None:
    for number in range(13):
        kind = f"GpuCheckNumber{number}Watch"
        events = [f"ErrorCode:X GPU:{gpu} Recommended Action=COMPONENT_RESET;" for gpu in range(8)]
        reason, message = f"{kind}IsNotHealthy", "".join(events)
        condition = {"type": kind, "status": "True", "reason": reason, "message": message}
        cluster.nodes["train-003"]["status"]["conditions"].append(condition)
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    record = read_record(cluster.nodes["train-003"]["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert record.gpus == tuple(range(8))
    assert record.cause.endswith(", and 96 more faults")


def sparing(cluster: Any, **fields: object) -> RepairController:
    """Return a controller that lets pods run on which hold none of the GPUs with faults."""
    group = NodeGroup.model_validate({"name": "a", "drain": "gpus", **fields})
    policies = Policies(Policy(), dict.fromkeys(PLACED, group))
    return RepairController(cluster, PLACED, policies, "first")


def names(cluster: Cluster) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in cluster.pods)


def test_pods_that_hold_none_of_the_gpus_with_faults_run_on_while_those_are_reset(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    for gpu in (3, 4):
        cluster.run_pod("train-003", f"on-{gpu}")
        cluster.claim("train-003", f"on-{gpu}", gpu)
    cluster.run_pod("train-003", "no-gpu")
    repairer = sparing(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.EVICT)]
    assert names(cluster) == ["no-gpu", "on-4"]
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    record = read_record(cluster.nodes["train-003"]["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert (record.gpus, record.partial) == ((3,), True)
    cluster.rules.clear()
    assert acts(cluster, repairer) == [("train-003", Act.ACCEPT)]
    verdict = write_verdict(passed=True, now=NOW)
    cluster.change("train-003", {ACCEPTANCE: verdict})
    assert acts(cluster, repairer) == [("train-003", Act.RETURN)]
    assert names(cluster) == ["no-gpu", "on-4"]


def test_before_a_restart_all_pods_go_also_those_that_ran_on(cluster: Cluster) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "on-4")
    cluster.claim("train-003", "on-4", 4)
    repairer, later = sparing(cluster), NOW + timedelta(minutes=6)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.RESET)]
    assert acts(cluster, repairer, later) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer, later) == [("train-003", Act.EVICT)]
    assert names(cluster) == []
    assert acts(cluster, repairer, later) == [("train-003", Act.REBOOT)]


@pytest.mark.parametrize("why", ["whole policy", "another fault", "no claims", "a number"])
def test_all_pods_go_where_nothing_else_is_known_to_do(cluster: Cluster, why: str) -> None:
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "on-4")
    cluster.claim("train-003", "on-4", 4)
    if why == "another fault":
        condition = {"type": "KernelDeadlock", "status": "True", "lastTransitionTime": NOW.isoformat()}
        cluster.nodes["train-003"]["status"]["conditions"].append(condition)
    if why == "no claims":
        cluster.claims.clear()
    if why == "a number":
        cluster.pods[0]["spec"]["containers"] = [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]
    repairer = controller(cluster) if why == "whole policy" else sparing(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]
    assert acts(cluster, repairer) == [("train-003", Act.EVICT)]
    assert names(cluster) == []


SINCE = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-27T12:00:00Z")


def odd_values() -> list[str]:
    """Return what anybody who may change a Node might write there, among them its own kubelet."""
    values = ["", "x" * 5_000, "null", "[]", "\\ud800", " ".join(SINCE)]
    for since in SINCE:
        values += [f"passed at {since}", f"failed at {since}"]
        for attempts, gpus in ((0, "[]"), ("1e400", "[1e400]"), (1, "[-1]")):
            for step in Step:
                head = f'"attempts":{attempts},"cause":"x","drains":7,"gpus":{gpus}'
                values.append(f'{{{head},"since":"{since}","step":"{step}"}}')
    return values


@pytest.mark.parametrize("key", [ANNOTATION, ACCEPTANCE, REPAIRS, REPLACES, HOLD, CORDON_OWNER])
def test_no_annotation_of_one_machine_keeps_another_from_its_repair(key: str) -> None:
    for odd in odd_values():
        cluster = Cluster()
        cluster.break_gpu("train-003")
        cluster.run_pod("train-001")
        cluster.nodes["train-001"]["metadata"]["annotations"][key] = odd
        repairer = controller(cluster)
        for minutes in range(3):
            repairer.round(NOW + timedelta(minutes=minutes))
        record = read_record(cluster.nodes["train-003"]["metadata"]["annotations"][ANNOTATION])
        assert record is not None, odd
        assert record.step is Step.RESET, odd


@pytest.mark.parametrize("step", Step)
def test_a_record_of_a_time_to_come_counts_as_none(cluster: Cluster, step: Step) -> None:
    record = Record(step, NOW + timedelta(days=1), "x").to_text()
    cluster.change("train-003", {ANNOTATION: record, CORDON_OWNER: CONTROLLER}, unschedulable=True)
    assert acts(cluster, controller(cluster)) == [("train-003", Act.CORDON)]
    soon = Record(step, NOW + timedelta(minutes=4), "x").to_text()
    cluster.change("train-003", {ANNOTATION: soon})
    assert ("train-003", Act.CORDON) not in acts(cluster, controller(cluster))


@pytest.mark.parametrize(
    "kind",
    [
        "KernelDeadlock",
        "ReadonlyFilesystem",
        "XfsShutdown",
        "CperHardwareErrorFatal",
        "CorruptDockerOverlay2",
    ],
)
def test_whatever_node_problem_detector_reports_for_good_by_itself_is_a_fault(
    cluster: Cluster, kind: str
) -> None:
    condition = {"type": kind, "status": "True", "lastTransitionTime": NOW.isoformat()}
    cluster.nodes["train-003"]["status"]["conditions"].append(condition)
    assert acts(cluster, controller(cluster)) == [("train-003", Act.CORDON)]


def test_a_machine_that_a_rule_keeps_tainted_is_repaired_where_its_policy_says_so(cluster: Cluster) -> None:
    taint = {"key": "readiness.k8s.io/network", "effect": "NoSchedule"}
    required = [{"type": "NetworkReady", "requiredStatus": "True"}]
    cluster.readiness.append({"spec": {"conditions": required, "taint": taint}})
    for name in ("train-001", "train-003"):
        cluster.nodes[name]["spec"]["taints"] = [taint]
        unmet = {"type": "NetworkReady", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        cluster.nodes[name]["status"]["conditions"].append(unmet)
    group = NodeGroup.model_validate({"name": "a", "readiness": "15 min"})
    policies = Policies(Policy(), {"train-003": group})
    repairer = RepairController(cluster, PLACED, policies, "here")  # type: ignore[arg-type]
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]


def test_a_machine_that_an_operator_maintains_is_left_alone_until_the_object_is_gone(
    cluster: Cluster,
) -> None:
    cluster.break_gpu("train-003")
    condition = {"type": "Ready", "status": "False", "reason": "Draining"}
    cluster.maintenances.append(
        {
            "metadata": {"namespace": "network", "name": "m"},
            "spec": {"nodeName": "train-003", "requestorID": "nvidia.network.operator"},
            "status": {"conditions": [condition]},
        }
    )
    before = copy.deepcopy(cluster.nodes["train-003"])
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [("train-003", Act.HOLD)]
    assert cluster.nodes["train-003"] == before
    assert "nvidia.network.operator, by NodeMaintenance network/m (Draining)" in cluster.events[-1]["message"]
    cluster.maintenances.clear()
    assert acts(cluster, repairer) == [("train-003", Act.CORDON)]


def stopped_at(cluster: Cluster, part: str, meanwhile: Callable[[], None]) -> None:
    """Stop whoever first makes a request with this part in its path, and let something happen meanwhile."""

    def stop(path: str) -> None:
        if part in path:
            cluster.before_request = lambda _path: None
            meanwhile()

    cluster.before_request = stop


def repaired_meanwhile(cluster: Cluster, name: str, later: datetime) -> None:
    """Let a second copy repair a machine until it is back."""
    second = controller(cluster, "second")
    for number in range(8):
        moment = later + timedelta(minutes=number)
        second.round(moment)
        record = read_record(cluster.nodes[name]["metadata"]["annotations"].get(ANNOTATION))
        if record is not None and record.step is Step.RESET:
            cluster.rules.clear()
        elif record is not None and record.step is Step.ACCEPT:
            cluster.change(name, {ACCEPTANCE: write_verdict(passed=True, now=moment)})
    assert ANNOTATION not in cluster.nodes[name]["metadata"]["annotations"]


@pytest.mark.parametrize("part", ["/eviction", "/api/v1/nodes/train-003", "/api/v1/pods"])
@pytest.mark.parametrize("place", ["train-003", "train-001"], ids=["the machine", "another"])
def test_a_copy_that_was_stopped_in_a_drain_evicts_nothing_that_runs_since(
    cluster: Cluster, part: str, place: str
) -> None:
    """A pod of a StatefulSet has the same name again, on the machine that is back or on another."""
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "chat-0")
    cluster.pods[0]["metadata"]["uid"] = "old"
    first = controller(cluster)
    first.round(NOW)

    def meanwhile() -> None:
        repaired_meanwhile(cluster, "train-003", NOW + 2 * LEASE)
        cluster.run_pod(place, "chat-0")
        cluster.pods[-1]["metadata"]["uid"] = "new"

    # The record is written by now, so that nothing of the next round is refused for a changed Node.
    cluster.change("train-003", {})
    budget = {"metadata": {"name": "kept", "namespace": "research"}, "spec": {"kept": "chat-0"}}
    cluster.budgets.append(budget)
    first.round(NOW + timedelta(seconds=1))
    cluster.budgets.clear()
    stopped_at(cluster, part, meanwhile)
    first.round(NOW + timedelta(seconds=2))
    assert [pod["metadata"]["uid"] for pod in cluster.pods] == ["new"]


def test_a_copy_that_was_stopped_before_it_wrote_finds_that_another_leads(cluster: Cluster) -> None:
    """Of two machines one may be out of work; the Node of the other did not change in the meantime."""
    seconds = {"passed": 0.0}
    budget = Budget("one", frozenset({"train-001", "train-003"}), 1)
    policies = Policies(Policy(), {}, (budget,))
    first = RepairController(cluster, PLACED, policies, "first", clock=lambda: seconds["passed"])
    second = RepairController(cluster, PLACED, policies, "second")
    cluster.break_gpu("train-003")
    cluster.run_pod("train-003", "one")
    cluster.run_pod("train-001", "two")
    first.round(NOW)

    def meanwhile() -> None:
        seconds["passed"] = 60.0
        moment = NOW + timedelta(minutes=1)
        cluster.break_gpu("train-001")
        hold = {HOLD: "a person looks"}
        cluster.change("train-003", hold)
        for number in range(2):
            second.round(moment + timedelta(seconds=number))
        cluster.change("train-003", {HOLD: None})
        # As it was before: a resourceVersion that never changed would be the same.
        cluster.nodes["train-003"]["metadata"]["resourceVersion"] = version

    version = cluster.nodes["train-003"]["metadata"]["resourceVersion"]
    stopped_at(cluster, "/api/v1/pods", meanwhile)
    done = first.round(NOW + timedelta(seconds=1))
    assert [each.refused for each in done] == ["another copy leads by now"]
    drains = []
    for name, node in cluster.nodes.items():
        record = read_record(node["metadata"]["annotations"].get(ANNOTATION))
        if record is not None and record.drains:
            drains.append(name)
    assert drains == ["train-001"]


def test_a_round_that_takes_longer_than_a_lease_keeps_it(cluster: Cluster) -> None:
    seconds = {"passed": 0.0}

    def slowly(path: str) -> None:
        if path == "/api/v1/pods":
            seconds["passed"] += 8

    first = RepairController(cluster, PLACED, Policy(unavailable=1), "first", clock=lambda: seconds["passed"])
    for number in range(1, 7):
        cluster.break_gpu(f"train-00{number}")
        cluster.run_pod(f"train-00{number}", f"pod-{number}")
    first.round(NOW)
    cluster.before_request = slowly
    first.round(NOW + timedelta(seconds=1))
    assert seconds["passed"] > 2 * LEASE.total_seconds()
    assert cluster.lease is not None
    renewed = datetime.fromisoformat(cluster.lease["spec"]["renewTime"])
    assert renewed > NOW + LEASE
    assert controller(cluster, "second").round(NOW + timedelta(seconds=seconds["passed"])) == ()
