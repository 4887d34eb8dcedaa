"""What waits for a name that nothing has any more is told before, and made again where it is filled in."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.waiting_work import claim_costs, renew_waiting, waiting_costs
from sovereign_ai.errors import Problem
from sovereign_ai.names import KEYS
from tests.render.lab import bundle

OWNED = [{"kind": "ReplicaSet", "name": "web", "controller": True}]


def pod(
    name: str, zone: str, *, owned: bool = True, node: str = "", space: str = "startups"
) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": space,
        "uid": f"uid-{name}",
        "resourceVersion": "7",
        "ownerReferences": OWNED if owned else [],
    }
    placed = {"nodeName": node} if node else {}
    return {"kind": "Pod", "metadata": meta, "spec": {"nodeSelector": {KEYS.zone: zone}, **placed}}


def controller(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    inner = {"template": {"spec": spec}}
    wrapped = {"jobTemplate": {"spec": inner}} if kind == "CronJob" else inner
    return {"kind": kind, "metadata": {"name": "web", "namespace": "startups"}, "spec": wrapped}


def test_waiting_pods_and_templates_that_name_a_zone_are_told() -> None:
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": KEYS.zone, "operator": "In", "values": ["open"]}]}
                ]
            }
        }
    }
    usage = Usage(
        pods=(pod("a", "open"), pod("b", "open", owned=False), pod("c", "open", node="n"), pod("d", "other")),
        controllers=(
            controller("Deployment", {"nodeSelector": {KEYS.zone: "open"}}),
            controller("CronJob", {"affinity": affinity}),
            controller("Job", {"nodeSelector": {KEYS.zone: "other"}}),
        ),
    )
    assert list(waiting_costs("zone", {"open"}, usage)) == [
        "1 waiting pod is made again",
        "1 waiting pod names it, and never starts",
        (
            "CronJob startups/web, Deployment startups/web name it in the pod template, "
            "whose new pods do not start until it is changed"
        ),
    ]


def test_a_pod_that_waits_for_a_pool_is_not_made_again_since_nothing_fills_that_in() -> None:
    waiting = pod("a", "open")
    waiting["spec"]["nodeSelector"] = {KEYS.pool: "serve"}
    told = list(waiting_costs("pool", {"serve"}, Usage(pods=(waiting,))))
    assert told == ["1 waiting pod names it, and never starts"]
    assert list(waiting_costs("key", {"serve"}, Usage(pods=(waiting,)))) == []


def test_claims_that_wait_for_a_class_and_templates_that_name_it_are_told() -> None:
    claim = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"storageClassName": "models"}}
    bound = {**claim, "status": {"phase": "Bound"}}
    stateful = controller("StatefulSet", {})
    stateful["spec"]["volumeClaimTemplates"] = [{"spec": {"storageClassName": "models"}}]
    usage = Usage(claims=(claim, bound), controllers=(stateful,))
    assert list(claim_costs({"models"}, usage)) == [
        "1 volume claim waits for its storage class, and gets no volume",
        "StatefulSet startups/web names its storage class in a claim template",
    ]
    assert list(claim_costs(set(), usage)) == []


class Cluster:
    """An API server with some waiting pods."""

    def __init__(self, *pods: dict[str, Any], status: int = 200) -> None:
        self.pods, self.status = pods, status
        self.deleted: list[str] = []
        self.job: dict[str, Any] | None = None

    def get(self, version: str, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        assert (version, kind, name, namespace) == ("batch/v1", "Job", "train", "startups")
        return self.job

    def request(self, method: str, path: str, body: Any = None, query: Any = None) -> dict[str, Any]:
        if method == "GET":
            assert query == {"fieldSelector": "spec.nodeName=,status.phase=Pending"}
            return {"items": list(self.pods)}
        if self.status != 200:
            raise ApiError(Problem("api", "refused"), status=self.status)
        name = path.rpartition("/")[2]
        assert body["preconditions"] == {"uid": f"uid-{name}", "resourceVersion": "7"}
        self.deleted.append(path)
        return {}

    def many(self, calls: Any) -> list[Any]:
        return [call() for call in calls]


def test_waiting_pods_with_the_old_name_of_their_zone_are_made_again_and_no_others() -> None:
    going = pod("going", "public")
    going["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    cluster: Any = Cluster(
        pod("old", "public"),
        pod("alone", "public", owned=False),
        pod("right", "open"),
        pod("elsewhere", "public", space="not-ours"),
        going,
    )
    lines: list[str] = []
    renew_waiting(cluster, bundle().objects, lines.append)
    assert cluster.deleted == ["/api/v1/namespaces/startups/pods/old"]
    assert lines == ["1 waiting pod is made again in namespace startups, which is in zone open now"]


def of_job(name: str) -> dict[str, Any]:
    made = pod(name, "public")
    made["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "train", "controller": True}]
    return made


@pytest.mark.parametrize(
    ("spec", "failed", "is_renewed"),
    [
        ({}, 0, True),
        ({"backoffLimit": 6}, 4, True),
        ({"backoffLimit": 6}, 5, False),
        ({"backoffLimit": 0}, 0, False),
        ({"backoffLimit": 2**31 - 1, "backoffLimitPerIndex": 1}, 0, False),
    ],
)
def test_a_job_that_would_fail_without_its_waiting_pods_keeps_them(
    spec: dict[str, Any], failed: int, is_renewed: bool
) -> None:
    """A Job counts a deleted pod as failed, and has no second chance after the last."""
    cluster: Any = Cluster(of_job("a"), of_job("b"))
    cluster.job = {"spec": spec, "status": {"failed": failed}}
    lines: list[str] = []
    renew_waiting(cluster, bundle().objects, lines.append)
    assert len(cluster.deleted) == (2 if is_renewed else 0)
    if not is_renewed:
        kept = "Job startups/train would fail without them: 2 waiting pods name the old zone; submit it again"
        assert lines == [kept]


def test_waiting_pods_of_jobs_are_told_with_what_may_keep_them() -> None:
    assert list(waiting_costs("zone", {"public"}, Usage(pods=(of_job("a"), pod("b", "public"))))) == [
        "1 waiting pod is made again",
        "1 waiting pod of a Job is made again where that does not reach the backoffLimit",
    ]


@pytest.mark.parametrize("status", [404, 409])
def test_a_pod_that_is_gone_or_was_scheduled_meanwhile_is_left(status: int) -> None:
    cluster: Any = Cluster(pod("old", "public"), status=status)
    renew_waiting(cluster, bundle().objects, lambda _line: None)
    assert cluster.deleted == []


def test_a_refused_deletion_is_reported() -> None:
    cluster: Any = Cluster(pod("old", "public"), status=403)
    with pytest.raises(ApiError):
        renew_waiting(cluster, bundle().objects, lambda _line: None)
