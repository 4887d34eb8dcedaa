"""Pods and Workloads as Kueue's topology-aware scheduling leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
LONG_AGO = (NOW - timedelta(minutes=5)).isoformat()


def admitted(name: str, *, since: str = LONG_AGO, **machines: int) -> dict[str, Any]:
    """Return a Workload that Kueue has admitted, with the pods that it has on each machine."""
    part = {
        "domainCount": len(machines),
        "valuesPerLevel": [{"individual": {"roots": list(machines)}}],
        "podCounts": {"individual": list(machines.values())},
    }
    slices = [part] if machines else []
    topology = {"levels": ["kubernetes.io/hostname"], "slices": slices}
    assigned = {"name": "main", "count": sum(machines.values()), "topologyAssignment": topology}
    condition = {"type": "Admitted", "status": "True", "lastTransitionTime": since}
    return {
        "metadata": {"name": f"job-{name}", "namespace": "research"},
        "spec": {"queueName": "train"},
        "status": {
            "admission": {"clusterQueue": "train", "podSetAssignments": [assigned]},
            "conditions": [condition],
        },
    }


def placed(work: str, machine: str, number: int | str = "") -> dict[str, Any]:
    """Return a pod that runs on a machine."""
    pod = _pod(work, machine, f"{work}-{machine}{number}")
    pod["spec"]["nodeName"] = machine
    pod["status"] = {"phase": "Running"}
    return pod


def waiting(work: str, machine: str, *, since: str = LONG_AGO, number: int | str = "") -> dict[str, Any]:
    """Return a pod that the scheduler cannot place on the machine that Kueue chose."""
    pod = _pod(work, machine, f"{work}-{machine}-waits{number}")
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "lastTransitionTime": since,
    }
    pod["status"] = {"phase": "Pending", "conditions": [condition]}
    return pod


def _pod(work: str, machine: str, name: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "research",
            "annotations": {"kueue.x-k8s.io/workload": f"job-{work}"},
            "labels": {"kueue.x-k8s.io/podset": "main", "work": work},
            "ownerReferences": [{"kind": "Job", "name": work, "controller": True}],
        },
        "spec": {"nodeSelector": {"kubernetes.io/hostname": machine}},
        "status": {},
    }
