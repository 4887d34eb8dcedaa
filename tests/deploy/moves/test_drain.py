from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.moves.departures import CORDONED_AS, Departure
from sovereign_ai.deploy.moves.drain import drain, uncordon
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.names import OWNER
from tests.support.memory_cluster import refusal

BUDGET = "The disruption budget web needs 2 healthy pods and has 2 currently"
OWNED = [{"kind": "ReplicaSet", "name": "web", "controller": True}]


def pod(
    name: str, owners: list[dict[str, Any]] | None = None, phase: str = "Running", **meta: Any
) -> dict[str, Any]:
    owned = OWNED if owners is None else owners
    metadata = {"name": name, "namespace": "research", "ownerReferences": owned, **meta}
    return {"metadata": metadata, "spec": {"nodeName": "train-013"}, "status": {"phase": phase}}


class Cluster:
    """An API server in memory with the pods of one node.

    A disruption budget holds evictions back for some tries.
    """

    def __init__(
        self, pods: Iterable[dict[str, Any]], held: int = 0, node: dict[str, Any] | None = None
    ) -> None:
        self.pods, self.held = list(pods), held
        self.node = node or {"metadata": {"name": "train-013"}, "spec": {}}
        self.annotations: dict[str, str] = {}
        self.cordoned: list[str] = []
        self.evicted: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.before_cordon: Callable[[], None] = lambda: None

    def request(self, method: str, path: str, body: Any = None, **_: Any) -> dict[str, Any]:
        if method == "PATCH":
            assert body["spec"] == {"unschedulable": True}
            self.before_cordon()
            if body["metadata"]["resourceVersion"] != self.node["metadata"].get("resourceVersion"):
                raise refusal(409, "Conflict")
            self.annotations = body["metadata"]["annotations"]
            self.cordoned.append(path.rpartition("/")[2])
        if method == "POST":
            name = path.split("/")[-2]
            if self.held:
                self.held -= 1
                cause = f"DisruptionBudget: {BUDGET}"
                raise ApiError(
                    Problem("api-too-many-requests", "Cannot evict pod"), status=429, causes=[cause]
                )
            self.evicted.append(name)
            self.pods = [each for each in self.pods if each["metadata"]["name"] != name]
        return {"items": list(self.pods)}

    def get(self, _version: str, _kind: str, name: str) -> dict[str, Any] | None:
        return self.node if self.node["metadata"]["name"] == name else None

    def list(self, _version: str, kind: str, **_options: object) -> list[dict[str, Any]]:
        return self.requests if kind == "EvictionRequest" else []

    def many(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sovereign_ai.toolchain.waiting.time.sleep", lambda _seconds: None)


class Clock:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("sovereign_ai.deploy.moves.drain.time", clock)
    monkeypatch.setattr("sovereign_ai.toolchain.waiting.time", clock)
    return clock


def silent(_line: str) -> None:
    """Take a line of progress."""


def test_a_machine_is_cordoned_and_its_pods_are_evicted_until_none_is_left() -> None:
    cluster: Any = Cluster([pod("a"), pod("b")], held=3)
    assert drain(cluster, [Departure("train-013", "gone")], silent) == ["train-013"]
    assert cluster.cordoned == ["train-013"]
    assert sorted(cluster.evicted) == ["a", "b"]


@pytest.mark.parametrize(("uid", "drained"), [("first", ["train-013"]), ("second", [])])
def test_a_machine_that_joined_under_the_name_of_one_that_leaves_is_not_drained(
    uid: str, drained: list[str]
) -> None:
    """Between the decision and the drain another machine may get the name: nothing was decided about it."""
    node = {"metadata": {"name": "train-013", "uid": uid}, "spec": {}}
    cluster: Any = Cluster([pod("a")], node=node)
    assert drain(cluster, [Departure("train-013", "gone", uid="first")], silent) == drained
    assert (cluster.cordoned, bool(cluster.evicted)) == (drained, bool(drained))


def test_pods_that_need_no_move_are_left() -> None:
    daemon = pod("agent", owners=[{"kind": "DaemonSet", "name": "agent", "controller": True}])
    static = pod("proxy", owners=[], annotations={"kubernetes.io/config.mirror": "x"})
    cluster: Any = Cluster([daemon, static, pod("done", owners=[], phase="Succeeded")])
    drain(cluster, [Departure("train-013", "gone")], silent)
    assert cluster.evicted == []


def test_a_pod_that_nobody_makes_again_stops_the_drain_before_anything_is_cordoned() -> None:
    cluster: Any = Cluster([pod("a"), pod("bare", owners=[])])
    with pytest.raises(DeploymentError, match="no controller recreates pod research/bare on train-013"):
        drain(cluster, [Departure("train-013", "gone")], silent)
    assert cluster.cordoned == cluster.evicted == []


def test_a_pod_that_a_disruption_budget_holds_for_too_long_is_named(clock: Clock) -> None:
    cluster: Any = Cluster([pod("a")], held=1000)
    with pytest.raises(
        DeploymentError, match=rf"research/a is still on train-013 .* its disruption budget: {BUDGET}"
    ):
        drain(cluster, [Departure("train-013", "gone")], silent, wait_seconds=3)
    assert clock.now == 4


def test_pods_that_a_budget_holds_are_reported_with_it_after_two_seconds(clock: Clock) -> None:
    lines: list[tuple[float, str]] = []
    cluster: Any = Cluster([pod("a"), pod("b")], held=2 * 30)
    drain(cluster, [Departure("train-013", "gone")], lambda line: lines.append((clock.now, line)))
    assert lines[1:] == [
        (2.0, f"pod research/a waits for its disruption budget: {BUDGET}"),
        (2.0, f"pod research/b waits for its disruption budget: {BUDGET}"),
    ]
    assert sorted(cluster.evicted) == ["a", "b"]


def test_a_pod_whose_eviction_others_requested_is_left_to_its_responders(clock: Clock) -> None:
    asked, other = pod("a", uid="u0"), pod("b")
    asked["spec"]["evictionResponders"] = [{"name": "acme.io/mover", "priority": 10_000}]
    cluster: Any = Cluster([asked, other])
    meta = {"name": "move", "namespace": "research", "creationTimestamp": datetime.now(UTC).isoformat()}
    spec = {"target": {"pod": {"uid": "u0"}}, "requester": "acme.io/upgrade", "intent": "Eviction"}
    cluster.requests = [{"metadata": meta, "spec": spec}]
    lines: list[str] = []
    with pytest.raises(DeploymentError, match=r"it waits for its responders: acme\.io/upgrade requested"):
        drain(cluster, [Departure("train-013", "gone")], lines.append, wait_seconds=8)
    assert cluster.evicted == ["b"]
    assert lines[-1].startswith("pod research/a waits for its responders: acme.io/upgrade requested its")
    assert clock.now == 9
    spec["intent"] = "Withdrawn"
    drain(cluster, [Departure("train-013", "gone")], silent)
    assert cluster.evicted == ["b", "a"]


def test_a_quick_drain_reports_nothing_that_it_waits_for(clock: Clock) -> None:
    lines: list[str] = []
    cluster: Any = Cluster([pod("a"), pod("b")], held=2)
    drain(cluster, [Departure("train-013", "gone")], lines.append)
    assert lines == ["drain train-013: gone, 2 pods"]
    assert clock.now == 2


def test_of_many_held_pods_some_are_named_and_the_rest_is_counted(clock: Clock) -> None:
    lines: list[str] = []
    ending = pod("z", deletionTimestamp="2026-11-27T00:00:00Z")
    cluster: Any = Cluster([*[pod(f"web-{number}") for number in range(7)], ending], held=1000)
    with pytest.raises(DeploymentError):
        drain(cluster, [Departure("train-013", "gone")], lines.append, wait_seconds=8)
    held = [line for line in lines if line.startswith("pod research/web-")]
    assert len(held) == 5
    assert lines[-2:] == [
        "2 more pods wait for disruption budgets or responders",
        "waiting until evicted pods have ended: research/z",
    ]
    assert clock.now == 9


def test_the_cordon_keeps_what_the_node_was_before_the_first_of_several_changes() -> None:
    cluster: Any = Cluster([])
    second = Departure("train-013", "another driver", {"driver": "575.57.8", "system": "dgx-h100"})
    drain(cluster, [second], silent)
    assert cluster.annotations == {
        CORDON_OWNER: OWNER,
        CORDONED_AS: '{"driver":"575.57.8","system":"dgx-h100"}',
    }
    first = {CORDON_OWNER: OWNER, CORDONED_AS: '{"driver":"580.95.5"}'}
    cluster = Cluster(
        [], node={"metadata": {"name": "train-013", "annotations": first}, "spec": {"unschedulable": True}}
    )
    drain(cluster, [second], silent)
    assert cluster.annotations[CORDONED_AS] == '{"driver":"580.95.5","system":"dgx-h100"}'


def test_a_node_that_is_drained_already_is_not_written_again_and_told_how_it_gets_open() -> None:
    kept = {CORDON_OWNER: OWNER, CORDONED_AS: '{"driver":"580.95.5"}'}
    node = {"metadata": {"name": "train-013", "annotations": kept}, "spec": {"unschedulable": True}}
    cluster: Any = Cluster([], node=node)
    lines: list[str] = []
    leaving = Departure("train-013", "another driver", {"driver": "580.95.5"}, ("driver",))
    drain(cluster, [leaving], lines.append)
    assert cluster.cordoned == []
    assert lines == [
        "train-013 stays cordoned: another driver",
        "no label of train-013 shows its driver: `kubectl uncordon train-013` once it is as described",
    ]


@pytest.mark.parametrize("by", [None, "repair"])
def test_a_node_that_somebody_else_cordoned_is_drained_and_stays_theirs(by: str | None) -> None:
    cluster: Any = Cluster([pod("a")], node=cordoned("train-013", by))
    lines: list[str] = []
    drain(cluster, [Departure("train-013", "another driver", {"driver": "580.95.5"})], lines.append)
    assert cluster.evicted == ["a"]
    assert cluster.cordoned == []
    assert lines[-1] == "train-013 is cordoned by somebody else, who uncordons it: another driver"


def test_a_drain_forgets_what_an_earlier_one_kept_of_a_node_that_a_person_uncordoned() -> None:
    stale = {CORDON_OWNER: OWNER, CORDONED_AS: '{"hall":"a"}'}
    cluster: Any = Cluster([], node={"metadata": {"name": "train-013", "annotations": stale}, "spec": {}})
    drain(cluster, [Departure("train-013", "gone")], silent)
    assert cluster.annotations == {CORDON_OWNER: OWNER, CORDONED_AS: None}


def test_without_departures_nothing_is_asked() -> None:
    assert drain(object(), [], silent) == []  # type: ignore[arg-type]


def cordoned(name: str, by: str | None = OWNER) -> dict[str, Any]:
    owners = {CORDON_OWNER: by} if by else {}
    metadata = {"name": name, "annotations": owners, "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"unschedulable": True}}


class Nodes:
    """An API server in memory with some nodes, which merges patches into them."""

    def __init__(self, *nodes: dict[str, Any]) -> None:
        self.nodes = {each["metadata"]["name"]: each for each in nodes}
        self.patched: list[str] = []

    def get(self, _version: str, _kind: str, name: str) -> dict[str, Any] | None:
        return self.nodes.get(name)

    def request(self, method: str, path: str, body: Any, **_: Any) -> dict[str, Any]:
        assert method == "PATCH"
        name = path.rpartition("/")[2]
        live = self.nodes[name]
        assert body["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
        assert body["metadata"]["annotations"] == {CORDON_OWNER: None, CORDONED_AS: None}
        assert body["spec"] == {"unschedulable": None}
        self.patched.append(name)
        return live


def test_a_node_that_arrived_is_uncordoned_once_and_nobody_elses_cordon_is_lifted() -> None:
    lines: list[str] = []
    taken_over = cordoned("train-002", by="repair")
    cluster: Any = Nodes(cordoned("train-001"), taken_over)
    assert uncordon(cluster, ["train-001", "train-002", "gone"], lines.append) == ["train-001"]
    assert cluster.patched == ["train-001"]
    assert lines == ["uncordon train-001: it is as the plan has it"]


def test_a_cordon_that_somebody_else_sets_between_reading_and_writing_stays_theirs() -> None:
    """A person or the repair controller: of one cordon there are never two owners, nor is theirs lifted."""
    cluster = Cluster([pod("web-1", owners=OWNED)])
    metadata = {"name": "train-013", "resourceVersion": "7"}
    cluster.node = {"metadata": metadata, "spec": {}}

    def meanwhile() -> None:
        changed = {**metadata, "resourceVersion": "8", "annotations": {CORDON_OWNER: "sovereign-ai-repair"}}
        cluster.node = {"metadata": changed, "spec": {"unschedulable": True}}

    cluster.before_cordon = meanwhile
    lines: list[str] = []
    drain(cluster, [Departure("train-013", "is not in the plan")], lines.append)  # type: ignore[arg-type]
    assert cluster.cordoned == []
    assert any("cordoned by somebody else" in line for line in lines)


def test_a_node_that_changes_otherwise_meanwhile_is_cordoned_all_the_same() -> None:
    cluster = Cluster([pod("web-1", owners=OWNED)])
    versions = iter(range(100))

    def heartbeat() -> None:
        number = next(versions)
        if number < 3:
            cluster.node = {"metadata": {"name": "train-013", "resourceVersion": str(number)}, "spec": {}}

    cluster.before_cordon = heartbeat
    drain(cluster, [Departure("train-013", "is not in the plan")], lambda _: None)  # type: ignore[arg-type]
    assert cluster.cordoned == ["train-013"]
