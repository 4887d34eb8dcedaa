"""Drains of pods that take long to end, on a cluster that deletes as Kubernetes does.

The API server permits a deletion to get shorter, never longer, and counts its period from the first request
(rest.BeforeDelete); a kubelet counts the new period from when it hears of it (pod_workers.go). A pod that is
being deleted is evicted without a look at budgets (eviction.go).
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cli.repair import _done_data, _done_line
from sovereign_ai.cli.repair_text import drain_holds, machine_lines
from sovereign_ai.cluster.evictions import cut_grace
from sovereign_ai.errors import SpecError
from sovereign_ai.operate.repair.controller import RepairController
from sovereign_ai.operate.repair.decide import Act, Policy
from sovereign_ai.operate.repair.policies import NodeGroup, Policies, one_policy, read_policies
from sovereign_ai.operate.repair.record import ANNOTATION, Step, read_record
from sovereign_ai.operate.repair.view import observe_machines
from tests.operate.repair.test_controller import NOW, PLACED, PLAN, Cluster, acts, controller, refused

MACHINE = "train-003"
LIMIT = Policy().grace
YEAR, ENDLESS = 31_536_000, 2**62
STEP = timedelta(minutes=10)
HELD = timedelta(hours=2)


class DeletingCluster(Cluster):
    """One machine with a broken GPU; its pods end when their kubelet kills them.

    Attributes:
        now: the moment.
        requested: pod to when its deletion was requested first.
        kills: pod to when its kubelet kills it.
        asked: name and grace period of each eviction that was not refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.nodes = {MACHINE: self.nodes[MACHINE]}
        self.break_gpu(MACHINE)
        self.requested: dict[str, datetime] = {}
        self.kills: dict[str, datetime] = {}
        self.asked: list[tuple[str, int | None]] = []

    def run(self, name: str, own: int | None, *, recreated: bool = True) -> None:
        self.run_pod(MACHINE, name)
        self.pods[-1]["metadata"]["uid"] = name
        if own is not None:
            self.pods[-1]["spec"]["terminationGracePeriodSeconds"] = own
        if not recreated:
            self.pods[-1]["metadata"]["ownerReferences"] = []

    def request(self, method: str, path: str, body: Any = None, *args: Any, **more: Any) -> dict[str, Any]:
        if not path.endswith("/eviction"):
            return super().request(method, path, body, *args, **more)
        name = path.split("/")[-2]
        options = body.get("deleteOptions") or {}
        pod = self.pod(name)
        assert options["preconditions"] == {"uid": pod["metadata"]["uid"]}
        is_kept = any(budget["spec"]["kept"] == name for budget in self.budgets)
        if is_kept and "deletionTimestamp" not in pod["metadata"]:
            raise refused(429)
        self.asked.append((name, options.get("gracePeriodSeconds")))
        self.delete(name, options.get("gracePeriodSeconds"))
        return {}

    def pod(self, name: str) -> dict[str, Any]:
        (pod,) = [each for each in self.pods if each["metadata"]["name"] == name]
        return pod

    def delete(self, name: str, seconds: int | None = None, at: datetime | None = None) -> None:
        """Delete a pod as an API server does, with a grace period or its own."""
        pod = self.pod(name)
        meta, requested = pod["metadata"], self.requested.setdefault(name, at or self.now)
        if "deletionTimestamp" in meta:
            if seconds is None or seconds >= meta["deletionGracePeriodSeconds"]:
                return
        elif seconds is None:
            seconds = pod["spec"].get("terminationGracePeriodSeconds", 30)
        meta["deletionGracePeriodSeconds"] = seconds
        # The server's sum of such a number is some moment or other.
        is_countable = seconds < 10 * YEAR
        ends = requested + timedelta(seconds=seconds) if is_countable else NOW - timedelta(days=9000)
        meta["deletionTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        heard = at or self.now
        self.kills[name] = heard + timedelta(seconds=min(seconds, 10 * YEAR))

    def work(self, repairer: RepairController, passed: timedelta) -> None:
        """Let time pass, end the pods that are over, and do a round."""
        self.now = NOW + passed
        self.pods = [pod for pod in self.pods if not self._is_over(pod["metadata"]["name"])]
        repairer.round(self.now)

    def _is_over(self, name: str) -> bool:
        return name in self.kills and self.now >= self.kills[name]


@pytest.fixture
def cluster() -> DeletingCluster:
    return DeletingCluster()


def keep(cluster: DeletingCluster, name: str) -> None:
    cluster.budgets.append({"metadata": {"name": "kept", "namespace": "research"}, "spec": {"kept": name}})


GRACES = (None, 30, 3600, 3601, 2 * 3600, YEAR, ENDLESS)
DELETED = (None, timedelta(hours=-3), timedelta(minutes=-20), timedelta(minutes=30))


def drained(
    own: int | None, deleted: timedelta | None, given: int | None, *, is_kept: bool, is_recreated: bool
) -> DeletingCluster:
    """Return a cluster after hours of a drain of one pod.

    Args:
        own: its grace period.
        deleted: when its owner deletes it, from the drain's begin on; None for never.
        given: the grace period of that; None for its own.
        is_kept: whether a budget keeps it for hours.
        is_recreated: whether it has a controller.
    """
    cluster: Any = DeletingCluster()
    cluster.run("job", own, recreated=is_recreated)
    if is_kept:
        keep(cluster, "job")
    if deleted is not None and deleted < timedelta(0):
        cluster.delete("job", given, NOW + deleted)
    repairer = controller(cluster)
    passed = timedelta(0)
    while passed < timedelta(hours=6) and cluster.pods:
        cluster.now = NOW + passed
        if passed == deleted and "job" not in cluster.requested:
            cluster.delete("job", given)
        if passed == HELD:
            cluster.budgets.clear()
        cluster.work(repairer, passed)
        passed += STEP
    return cluster


CASES = list(itertools.product((None, 60, YEAR), (False, True), (False, True)))


@pytest.mark.parametrize("own", GRACES)
@pytest.mark.parametrize("deleted", DELETED, ids=str)
def test_every_pod_ends_with_its_own_time_or_the_limit_and_is_asked_once(
    own: int | None, deleted: timedelta | None
) -> None:
    for given, is_kept, is_recreated in CASES:
        cluster = drained(own, deleted, given, is_kept=is_kept, is_recreated=is_recreated)
        case = (given, is_kept, is_recreated)
        requested = cluster.requested.get("job")
        if requested is None:
            assert not is_recreated, case
            continue
        is_owners = deleted is not None and requested == NOW + deleted
        if not is_owners:
            assert is_recreated, case
            assert requested >= NOW + (HELD if is_kept else timedelta(0)), case
        author = 30 if own is None else own
        check(cluster, requested, given if is_owners and given is not None else author, case)


def check(cluster: DeletingCluster, requested: datetime, asked_for: int, case: object) -> None:
    """Assert that a pod ends when it should, and that its kubelet hears of that once."""
    assert len(cluster.asked) <= 1, case
    cut = [seconds for _, seconds in cluster.asked if seconds is not None]
    most = max(requested, NOW) + LIMIT
    due = requested + timedelta(seconds=min(asked_for, 2 * YEAR))
    if due <= most:
        assert not cut, case
        assert cluster.kills["job"] == due, case
        return
    assert most - STEP <= cluster.kills["job"] <= most + STEP, case
    (seconds,) = cut
    assert 0 < seconds <= LIMIT.total_seconds(), case


def test_a_pod_that_has_ended_long_enough_has_one_second_and_never_none() -> None:
    cluster = DeletingCluster()
    cluster.run("job", YEAR)
    cluster.delete("job", at=NOW - timedelta(days=3))
    since = NOW - timedelta(days=2)
    assert cut_grace(cluster.pod("job"), LIMIT, since, NOW) == 1
    cluster.delete("job", 1)
    assert cut_grace(cluster.pod("job"), LIMIT, since, NOW) is None


def test_a_pod_that_a_budget_let_go_late_has_all_of_the_limit(cluster: DeletingCluster) -> None:
    cluster.run("job", YEAR)
    keep(cluster, "job")
    repairer = controller(cluster)
    for hours in range(5):
        cluster.work(repairer, timedelta(hours=hours))
    assert cluster.asked == []
    cluster.budgets.clear()
    cluster.work(repairer, timedelta(hours=5))
    assert cluster.asked == [("job", 3600)]
    cluster.work(repairer, timedelta(hours=6))
    assert cluster.asked == [("job", 3600)]
    record = read_record(cluster.nodes[MACHINE]["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert record.step is Step.RESET


def test_a_pod_that_runs_on_beside_the_gpus_to_reset_is_left_to_end_by_itself(cluster: Any) -> None:
    cluster.run("beside", YEAR)
    cluster.run("holder", YEAR)
    cluster.claim(MACHINE, "beside", 5)
    cluster.claim(MACHINE, "holder", 3)
    cluster.delete("beside", at=NOW - timedelta(days=1))
    repairer = RepairController(cluster, PLACED, Policy(by_gpu=True), "first")
    for hours in range(3):
        cluster.work(repairer, timedelta(hours=hours))
    assert cluster.asked == [("holder", 3600)]
    record = read_record(cluster.nodes[MACHINE]["metadata"]["annotations"][ANNOTATION])
    assert record is not None
    assert (record.step, record.partial) == (Step.RESET, True)


def test_the_policy_of_a_machines_group_gives_the_limit(cluster: Any) -> None:
    group = NodeGroup.model_validate({"name": "a", "grace": "10 min"})
    policies = Policies(Policy(), {MACHINE: group})
    assert policies.grace_of(MACHINE) == timedelta(minutes=10)
    assert policies.grace_of("train-001") == LIMIT
    cluster.run("job", 3600)
    cluster.run("quick", 30)
    repairer = RepairController(cluster, PLACED, policies, "first")
    for minutes in range(2):
        cluster.work(repairer, timedelta(minutes=minutes))
    assert cluster.asked == [("job", 600), ("quick", None)]


def test_a_cut_is_told_once_as_an_event_and_in_the_status(cluster: Any) -> None:
    cluster.run("job", YEAR)
    cluster.run("quick", 30)
    keep(cluster, "quick")
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [(MACHINE, Act.CORDON)]
    text = "research/job: its grace period of 31536000 s is cut: a drain gives it 1:00:00 at most"
    for minutes in range(1, 4):
        cluster.now = NOW + timedelta(minutes=minutes)
        (done,) = repairer.round(cluster.now)
        assert text in done.note
        assert text in _done_line(done)
        assert _done_data(done)["note"] == done.note
        assert "research/quick" in done.refused
    told = [event["message"] for event in cluster.events if event["reason"] == "Draining"]
    assert len(told) == 1
    assert text in told[0]
    machines = observe_machines(cluster, PLACED, cluster.now).machines
    (machine,) = [each for each in machines if each.name == MACHINE]
    holds = drain_holds(cluster, machines, cluster.now, one_policy(Policy()).grace_of)
    assert text in " ".join(" ".join(machine_lines([machine], {}, holds)).split())
    assert drain_holds(cluster, machines, cluster.now) == {}


def test_no_time_at_all_is_refused_and_any_long_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policies.yaml"
    file.write_text("groups:\n  - name: a\n    pools: [train]\n    grace: 0 s\n")
    with pytest.raises(SpecError) as caught:
        read_policies(file, PLAN, "lab")
    [problem] = caught.value.problems
    assert problem.where is not None
    assert problem.where.line == 4
    longest = f"{2**63 - 1} s"
    fields = {"name": "a", **dict.fromkeys(("grace", "reset", "reboot", "accept", "readiness"), longest)}
    group = NodeGroup.model_validate(fields)
    policies = Policies(Policy(), {MACHINE: group})
    cluster: Any = DeletingCluster()
    cluster.run("job", ENDLESS)
    repairer = RepairController(cluster, PLACED, policies, "first")
    for hours in range(3):
        cluster.work(repairer, timedelta(hours=hours))
    assert cluster.asked == [("job", int(policies.grace_of(MACHINE).total_seconds()))]
    assert policies.patience is not None
    assert policies.patience(MACHINE) == policies.grace_of(MACHINE)
