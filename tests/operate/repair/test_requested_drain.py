"""Drains of pods whose eviction others have requested, in every order of what may happen meanwhile.

The controller writes nothing about requests: each round decides by what is there, so that one that is killed
and another copy go on alike. Both take turns here, and may be replaced by a new one at any moment.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from sovereign_ai.cli.repair_text import drain_holds
from sovereign_ai.cli.top import _fault
from sovereign_ai.operate.repair.controller import LEASE, RepairController
from sovereign_ai.operate.repair.decide import Act
from sovereign_ai.operate.repair.record import ANNOTATION, Step, read_record
from sovereign_ai.operate.repair.view import observe_machines
from tests.operate.repair.test_controller import NOW, PLACED, Cluster, acts, controller, names, refused

MACHINE = "train-003"
MOVER, LAST = "acme.io/mover", "imperative-eviction.k8s.io/evictor"
ROUND = LEASE + timedelta(seconds=1)
"""Later than the lease of a controller that was killed in the round before."""
EVENTS = ("requested", "begun", "done", "withdrawn", "silence", "killed", "moved", "second request")
LONGEST = 3


def stamp(seconds: timedelta) -> str:
    return (NOW + seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


class RequestedCluster(Cluster):
    """One machine with a broken GPU, a pod with responders and one without; who evicts which is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.passed, self.is_silent = timedelta(0), False
        self.nodes = {MACHINE: self.nodes[MACHINE]}
        self.break_gpu(MACHINE)
        for name in ("asked", "other"):
            self.run_pod(MACHINE, name)
        self.pods[0]["metadata"]["uid"] = "u0"
        self.pods[0]["spec"]["evictionResponders"] = [{"name": MOVER, "priority": 10_000}]
        self.lifecycle = {"EvictionRequest": [], "Eviction": []}
        self.evicted: dict[str, bool] = {}

    def request(self, method: str, path: str, body: Any = None, *args: Any, **more: Any) -> dict[str, Any]:
        if path.endswith("/eviction"):
            # Whether its responders had to be awaited at that moment.
            self.evicted[path.split("/")[-2]] = self.is_acted_on()
        assert "lifecycle.k8s.io" not in path
        return super().request(method, path, body, *args, **more)

    def is_acted_on(self) -> bool:
        """Return whether somebody wants the pod gone, its own responder has its turn, and is not silent."""
        wanted = [each for each in self.lifecycle["EvictionRequest"] if each["spec"]["intent"] == "Eviction"]
        states = [each["status"]["targetResponders"][0]["state"] for each in self.lifecycle["Eviction"]]
        return bool(wanted) and states != ["Completed"] and not self.is_silent

    def happen(self, event: str) -> None:
        """Let something happen by other hands."""
        requests, evictions = self.lifecycle["EvictionRequest"], self.lifecycle["Eviction"]
        if event in {"requested", "second request"}:
            self.is_silent = False
            name = "move" if event == "requested" else "again"
            meta = {"name": name, "namespace": "research", "creationTimestamp": stamp(self.passed)}
            spec = {"target": {"pod": {"name": "asked", "uid": "u0"}}, "requester": f"acme.io/{name}"}
            requests.append({"metadata": meta, "spec": {**spec, "intent": "Eviction"}})
        elif event == "begun" and requests:
            self.is_silent = False
            responders = [{"name": MOVER, "state": "Active"}, {"name": LAST, "state": "Inactive"}]
            status: dict[str, Any] = {"targetResponders": responders}
            status["responders"] = [{"name": MOVER, "startTime": stamp(self.passed)}]
            meta = {"name": "e", "namespace": "research", "creationTimestamp": stamp(self.passed)}
            evictions[:] = [{"metadata": meta, "spec": requests[0]["spec"], "status": status}]
        elif event == "done" and evictions:
            first, last = evictions[0]["status"]["targetResponders"]
            first["state"], last["state"] = "Completed", "Active"
        elif event == "withdrawn":
            for each in requests:
                each["spec"]["intent"] = "Withdrawn"
        elif event == "silence":
            self.passed += timedelta(minutes=26)
            self.is_silent = True
        elif event == "moved":
            self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != "asked"]


def work(cluster: Any, repairer: RepairController) -> None:
    cluster.passed += ROUND
    repairer.round(NOW + cluster.passed)


def explored(order: tuple[str, ...]) -> RequestedCluster:
    """Return a cluster after events in that order, with a round of either of two copies after each."""
    cluster = RequestedCluster()
    copies = [controller(cluster, "first"), controller(cluster, "second")]
    for number, event in enumerate(order):
        if event == "killed":
            copies[number % 2] = controller(cluster, f"copy-{number}")
        cluster.happen(event)
        work(cluster, copies[number % 2])
    cluster.happen("silence")
    for number in range(4):
        work(cluster, copies[number % 2])
    return cluster


def test_in_every_order_no_pod_is_evicted_under_its_responders_and_each_drain_ends() -> None:
    count = 0
    for length in range(1, LONGEST + 1):
        for order in itertools.permutations(EVENTS, length):
            cluster = explored(order)
            assert "other" in cluster.evicted, order
            assert not cluster.evicted.get("asked"), order
            # Evicted, or moved by its responder: the repair went on in any case.
            assert cluster.pods == [], order
            record = read_record(cluster.nodes[MACHINE]["metadata"]["annotations"][ANNOTATION])
            assert record is not None, order
            assert record.step is not Step.DRAIN, order
            count += 1
    assert count == 400


def test_what_holds_the_drain_is_told_by_events_status_and_top_until_it_is_withdrawn() -> None:
    cluster: Any = RequestedCluster()
    repairer = controller(cluster)
    cluster.happen("requested")
    assert acts(cluster, repairer) == [(MACHINE, Act.CORDON)]
    cluster.happen("begun")
    for _ in range(2):
        (done,) = repairer.round(NOW)
        assert done.refused.startswith("research/asked: acme.io/move requested its eviction (Eviction")
        assert "acme.io/mover carries it out, since 2026-11-27T12:00:00Z" in done.refused
        assert names(cluster) == ["asked"]
    assert [event["message"] for event in cluster.events].count(done.refused) == 1
    machines = observe_machines(cluster, PLACED, NOW).machines
    holds = drain_holds(cluster, machines, NOW)
    (held,) = holds[MACHINE]
    assert (held.pod, held.requester, held.since) == (
        "research/asked",
        "acme.io/move",
        "2026-11-27T12:00:00Z",
    )
    assert "kubectl get evictionrequests" in held.next_step
    (machine,) = [each for each in machines if each.name == MACHINE]
    assert "pod research/asked held by a request of acme.io/move since" in _fault(machine, holds[MACHINE])
    cluster.happen("withdrawn")
    assert acts(cluster, repairer) == [(MACHINE, Act.EVICT)]
    assert names(cluster) == []


def test_without_the_right_to_read_requests_the_other_pods_go(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster: Any = RequestedCluster()
    repairer = controller(cluster)
    assert acts(cluster, repairer) == [(MACHINE, Act.CORDON)]
    listed = cluster.list

    def refuses(api_version: str, kind: str, **_options: object) -> list[dict[str, Any]]:
        if api_version.startswith("lifecycle.k8s.io"):
            raise refused(403)
        return list(listed(api_version, kind))

    monkeypatch.setattr(cluster, "list", refuses)
    (done,) = repairer.round(NOW)
    assert "let this identity list evictionrequests and evictions" in done.refused
    assert names(cluster) == ["asked"]
