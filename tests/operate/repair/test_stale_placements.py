"""Pods that hold machines by an admission of Kueue's that is over: the controller evicts them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sovereign_ai.operate.repair.decide import Act
from tests.cluster.placed_pods import LONG_AGO, admitted, placed, waiting
from tests.cluster.placed_pods import NOW as SEEN
from tests.operate.repair.test_controller import Cluster, acts, controller

HELD, FREE = "train-003", "train-004"


class Queued(Cluster):
    """A cluster with Kueue's Workloads, in which one job stands on the machine of another."""

    def __init__(self) -> None:
        super().__init__()
        self.workloads = [
            admitted("pretrain", since=LONG_AGO, **{FREE: 1}),
            admitted("sweep", since=LONG_AGO, **{HELD: 1}),
        ]
        self.pods = [placed("pretrain", HELD), waiting("sweep", HELD)]

    def list(self, api_version: str, kind: str, **options: object) -> list[dict[str, Any]]:
        if kind == "Workload":
            return self.workloads
        return super().list(api_version, kind, **options)

    def request(self, method: str, path: str, body: Any = None, *rest: Any, **more: Any) -> dict[str, Any]:
        if path == "/api/v1/pods" and more["query"]["fieldSelector"] == "status.phase=Pending":
            return {"items": [pod for pod in self.pods if pod["status"]["phase"] == "Pending"]}
        return super().request(method, path, body, *rest, **more)


def test_a_pod_that_kueue_has_placed_elsewhere_makes_room_and_an_event_says_so():
    cluster = Queued()
    assert acts(cluster, controller(cluster), SEEN) == [(HELD, Act.FREE)]
    assert [pod["metadata"]["name"] for pod in cluster.pods] == [f"sweep-{HELD}-waits"]
    (event,) = cluster.events
    assert event["reason"] == "StalePlacementEvicted"
    assert event["message"].startswith(f"research/pretrain-{HELD} holds {HELD}")
    assert cluster.nodes[HELD]["metadata"]["annotations"] == {}


def test_a_budget_keeps_such_a_pod_and_the_refusal_is_told():
    cluster = Queued()
    cluster.budgets = [{"spec": {"kept": f"pretrain-{HELD}"}}]
    (done,) = controller(cluster).round(SEEN)
    assert done.refused
    assert len(cluster.pods) == 2


def test_a_pod_that_nobody_recreates_is_left_to_a_person():
    cluster = Queued()
    del cluster.pods[0]["metadata"]["ownerReferences"]
    (done,) = controller(cluster).round(SEEN)
    assert done.refused == "no controller recreates it: a person has to end it"
    assert len(cluster.pods) == 2


def test_they_are_looked_for_every_ten_seconds_and_a_dry_run_evicts_none():
    cluster = Queued()
    repairer = controller(cluster)
    assert [decision.act for decision in repairer.plan(SEEN)] == [Act.FREE]
    assert len(cluster.pods) == 2
    repairer.round(SEEN)
    cluster.pods.append(placed("pretrain", HELD, number="-again"))
    assert acts(cluster, repairer, SEEN + timedelta(seconds=9)) == []
    assert acts(cluster, repairer, SEEN + timedelta(seconds=10)) == [(HELD, Act.FREE)]


def test_machines_of_nobodys_plan_keep_their_pods():
    cluster = Queued()
    for pod in cluster.pods:
        pod["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "abroad"}
    cluster.pods[0]["spec"]["nodeName"] = "abroad"
    assert acts(cluster, controller(cluster), SEEN) == []
    assert len(cluster.pods) == 2
