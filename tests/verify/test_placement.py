"""Pods are judged by the machine they run on, whoever created them."""

from __future__ import annotations

from typing import Any

from sovereign_ai.verify.placement import misplaced
from tests.sim.plans import CLUSTER
from tests.verify.small_bundle import check
from tests.verify.test_verdict import FACTORY, PLAN, memory

[SPACE, *_] = PLAN.cluster(CLUSTER).namespaces
INSIDE = next(node.name for node in PLAN.nodes_of(CLUSTER) if node.zone == SPACE.zone)


def pod(namespace: str, machine: str, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": namespace, **metadata},
        "spec": {"nodeName": machine},
        "status": {"phase": phase},
    }


def reasons(*pods: dict[str, Any]) -> list[str]:
    return [finding.message for finding in misplaced(pods, PLAN, CLUSTER)]


def test_a_pod_on_a_machine_of_its_own_zone_is_no_finding() -> None:
    assert reasons(pod(SPACE.name, INSIDE)) == []


def test_a_pod_outside_its_zone_is_a_finding_with_both_names() -> None:
    [reason] = reasons(pod(SPACE.name, "elsewhere"))
    assert "elsewhere" in reason
    assert SPACE.zone in reason


def test_a_pod_that_waits_or_has_finished_occupies_no_machine() -> None:
    assert (
        reasons(
            pod(SPACE.name, ""),
            pod(SPACE.name, "elsewhere", "Succeeded"),
            pod(SPACE.name, "elsewhere", "Failed"),
        )
        == []
    )


def test_a_strangers_pod_on_a_machine_of_a_zone_is_a_finding() -> None:
    [reason] = reasons(pod("stranger", INSIDE))
    assert "belongs to no zone" in reason


def test_agents_of_every_machine_and_the_system_may_run_in_a_zone() -> None:
    agent = [{"kind": "DaemonSet", "name": "agent", "controller": True}]
    assert (
        reasons(
            pod("monitoring", INSIDE, ownerReferences=agent),
            pod("monitoring", INSIDE, annotations={"kubernetes.io/config.mirror": "x"}),
            pod("kube-system", INSIDE),
        )
        == []
    )


def test_the_namespace_that_everybody_has_is_not_the_systems() -> None:
    assert len(reasons(pod("default", INSIDE))) == 1


def test_an_owner_that_only_looks_like_a_daemon_set_excuses_nothing() -> None:
    assert (
        len(reasons(pod("monitoring", INSIDE, ownerReferences=[{"kind": "DaemonSet", "name": "agent"}]))) == 1
    )


def test_a_verdict_names_the_pod() -> None:
    api = memory()
    api.plays_pods = False
    api.put(pod(SPACE.name, "elsewhere"))
    assert [(finding.kind, finding.resource) for finding in check(api, FACTORY, PLAN).findings] == [
        ("foreign", f"Pod/{SPACE.name}/p")
    ]
