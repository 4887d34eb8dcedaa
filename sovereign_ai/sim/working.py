"""GPUs that work, GPUs that are held and stand still, and free ones: how much of a cluster's time is of use.

Work that spans machines makes progress only as a whole. Its GPUs work while every pod of it runs, and each on
a machine without a fault; while one waits, or stands on a broken machine, all of them stand still. The share
of all GPUs that work is what Google calls scheduling goodput (ML Productivity Goodput, 2024). What pods then
do with their GPUs, such as work that is lost to an old checkpoint, is not seen here.

    working = count_working(plan, "lab", pods, held, unwell)
    working.goodput
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.sim.allocation import Holders
from sovereign_ai.sim.difference import FAULT
from sovereign_ai.sim.factory import is_ready
from sovereign_ai.sim.machine import machines

_GANGS = (
    "jobset.sigs.k8s.io/jobset-name",
    "leaderworkerset.sigs.k8s.io/group-key",
    "batch.kubernetes.io/job-name",
)
"""Labels by which pods belong to one piece of work that runs whole or not at all, the widest first."""


@frozen_dataclass
class Working:
    """The GPUs of a cluster at one moment, whole ones; MIG instances count as their share.

    Attributes:
        gpus: all of them.
        working: those of work that runs whole on machines without a fault.
        stalled: those that are held by other work.
        by_namespace: namespace to the GPUs that its work holds, working or not.
    """

    gpus: float
    working: float
    stalled: float
    by_namespace: Mapping[str, float]

    @property
    def goodput(self) -> float:
        """The share of all GPUs that work; 0 where there are none."""
        return self.working / self.gpus if self.gpus else 0.0

    def to_data(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        return {
            "gpus": self.gpus,
            "working": self.working,
            "stalled": self.stalled,
            "by_namespace": dict(sorted(self.by_namespace.items())),
            "scheduling_goodput": round(self.goodput, 4),
        }


def count_working(
    plan: Plan, cluster: str, pods: Iterable[Mapping[str, Any]], held: Holders, unwell: Collection[str]
) -> Working:
    """Return which GPUs of a cluster work.

    Args:
        plan: the plan.
        cluster: which of its clusters.
        pods: its Pods.
        held: machine to the holder of each of its devices.
        unwell: machines that are broken or do not answer.

    Raises:
        KeyError: the plan has no such cluster.
    """
    gangs: dict[str, str] = {}
    stalled: set[str] = set()
    for pod in pods:
        holder, gang = _holder_and_gang(pod)
        phase = (pod.get("status") or {}).get("phase")
        if phase in {"Succeeded", "Failed"}:
            continue
        gangs[holder] = gang
        if phase != "Running" or pod["spec"].get("nodeName") in unwell:
            stalled.add(gang)
    counted: defaultdict[bool, Fraction] = defaultdict(Fraction)
    by_namespace: defaultdict[str, Fraction] = defaultdict(Fraction)
    total = 0
    for machine in machines(plan, cluster):
        total += machine.node.gpus
        for holder in held.get(machine.node.name, ()):
            if holder:
                share = Fraction(1, machine.instances)
                # A claim that no pod uses yet holds its device for nothing.
                works = holder in gangs and gangs[holder] not in stalled
                counted[works] += share
                by_namespace[holder.partition("/")[0]] += share
    held_by = {namespace: float(count) for namespace, count in by_namespace.items()}
    return Working(float(total), float(counted[True]), float(counted[False]), held_by)


def unwell_machines(nodes: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of Nodes that do not answer, or that have the taint of a fault."""
    names = set()
    for node in nodes:
        taints = node["spec"].get("taints") or ()
        if not is_ready(node) or any(taint.get("key") == FAULT for taint in taints):
            names.add(node["metadata"]["name"])
    return names


def _holder_and_gang(pod: Mapping[str, Any]) -> tuple[str, str]:
    """Return a pod as holders of devices are named, and the piece of work that it belongs to."""
    meta = pod["metadata"]
    labels = meta.get("labels") or {}
    holder = f"{meta['namespace']}/{meta['name']}"
    for key in _GANGS:
        if key in labels:
            return holder, f"{meta['namespace']} {key} {labels[key]}"
    return holder, holder
