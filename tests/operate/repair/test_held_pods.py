"""Which budget keeps a pod, since when, and what to do; test_eviction_of_budgets.py asks an API server."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.operate.repair.held_pods import held_pods, held_text

SINCE = "2026-11-29T05:00:00Z"


def pod(name: str = "web-0", *, ready: bool = True, phase: str = "Running", **meta: Any) -> dict[str, Any]:
    owner = {"kind": "StatefulSet", "name": "web", "controller": True}
    metadata = {"name": name, "namespace": "research", "labels": {"app": "web"}, "ownerReferences": [owner]}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": metadata | meta, "spec": {}, "status": {"phase": phase, "conditions": conditions}}


def budget(
    name: str = "web", healthy: int = 2, wanted: int = 2, expected: int = 2, allowed: int = 0, **spec: Any
) -> dict[str, Any]:
    refused = {"type": "DisruptionAllowed", "status": "False", "reason": "InsufficientPods"}
    status = {"currentHealthy": healthy, "desiredHealthy": wanted, "expectedPods": expected}
    status |= {"disruptionsAllowed": allowed, "conditions": [refused | {"lastTransitionTime": SINCE}]}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 2} | spec
    return {"metadata": {"name": name, "namespace": "research"}, "spec": spec, "status": status}


@pytest.mark.parametrize(
    ("given", "step"),
    [
        (budget(), "it never lets one of its 2 pods go: add a replica, or change its minAvailable"),
        (budget(healthy=2, wanted=3, expected=4), "once 1 more run: kubectl get pods -n research"),
        (budget(expected=3), "once one more is ready"),
    ],
)
def test_a_pod_that_a_budget_keeps_names_it_since_when_and_the_next_step(
    given: dict[str, Any], step: str
) -> None:
    (held,) = held_pods([pod()], [given])
    assert (held.pod, held.budget, held.since) == ("research/web-0", "research/web", SINCE)
    assert step in held.next_step
    assert f"needs {given['status']['desiredHealthy']} healthy pods" in held.reason
    assert SINCE in str(held)


@pytest.mark.parametrize(
    ("kept", "given"),
    [
        (pod(), budget(allowed=1)),
        (pod(labels={"app": "other"}), budget()),
        (pod(namespace="startups"), budget()),
        (pod(), budget(selector=None)),
        (pod(phase="Pending", ready=False), budget()),
        (pod(deletionTimestamp=SINCE), budget()),
        (pod(ready=False), budget()),
        (pod(ready=False), budget(healthy=1, unhealthyPodEvictionPolicy="AlwaysAllow")),
    ],
)
def test_a_pod_that_may_go_is_not_held(kept: dict[str, Any], given: dict[str, Any]) -> None:
    assert held_pods([kept], [given]) == ()


def test_an_unready_pod_of_a_budget_without_its_healthy_pods_stays() -> None:
    (held,) = held_pods([pod(ready=False)], [budget(healthy=1)])
    assert held.budget == "research/web"


def test_of_two_budgets_both_are_named() -> None:
    (held,) = held_pods([pod()], [budget(allowed=1), budget("other", allowed=1)])
    assert held.budget == "research/web, research/other"
    assert "let one of them select it" in held.next_step


def test_a_budget_that_kubernetes_cannot_compute_says_why() -> None:
    given = budget()
    given["status"]["conditions"][0] |= {"reason": "SyncFailed", "message": "no scale of Job x"}
    (held,) = held_pods([pod()], [given])
    assert "no scale of Job x" in held.next_step


def test_a_pod_that_nobody_recreates_is_named_with_how_to_delete_it() -> None:
    (held,) = held_pods([pod(ownerReferences=[])], [])
    assert "kubectl delete pod -n research web-0" in held.next_step


def test_of_many_pods_the_first_are_told() -> None:
    text = held_text(held_pods([pod(f"web-{number}") for number in range(9)], [budget()]))
    assert "web-2" in text
    assert text.endswith("and 6 more pods")
