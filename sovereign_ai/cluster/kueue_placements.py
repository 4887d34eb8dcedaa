"""Pods on machines where Kueue has placed them no longer, while other pods wait for these machines.

    find_stale_placements(api, now)     # -> the pods that have to go, and who waits for each

Kueue's topology-aware scheduling writes the machine of each pod into its node selector and counts by the
workload's assignment. A workload that is evicted and admitted again before the Job controller has counted its
new pods keeps those of the admission before, with their machines: Kueue takes a Job whose status counts no
active pod for stopped, and the Job controller never sees that it was suspended. Such machines are free in
Kueue's view, so that it places other work there, whose pods wait for ever; neither of both is at fault.
Source: Kueue v0.17.0, pkg/controller/jobs/job (IsActive) and pkg/controller/tas/topology_ungater.go; seen
with 2,000 machines of which a quarter failed at once, 2026-11-30.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sovereign_ai.cluster.api import Api, list_if_served
from sovereign_ai.cluster.evictions import evictable_pods_on
from sovereign_ai.frozen_dataclass import frozen_dataclass

Object = Mapping[str, Any]

SETTLED = timedelta(seconds=30)
"""How long a pod has to wait, and an admission to stand: what Kueue is about to change is left to it."""
_WORKLOAD, _POD_SET = "kueue.x-k8s.io/workload", "kueue.x-k8s.io/podset"
"""Kueue's annotation of a pod with its workload, and its label with the set of pods that it belongs to."""
_HOST = "kubernetes.io/hostname"
_OF_NO_SET = ""
_KUEUE = "kueue.x-k8s.io/v1beta2"


@frozen_dataclass
class StalePlacement:
    """A pod that has to go, so that the work of both can run.

    Attributes:
        pod: the pod, which its controller makes anew and Kueue places anew.
        machine: the machine that it stands on, or waits for.
        waiting: who waits for that machine, as `namespace/name`; the pod itself, if it waits in vain.
    """

    pod: Object
    machine: str
    waiting: str

    @property
    def name(self) -> str:
        """Return the pod as `namespace/name`."""
        return _full_name(self.pod)

    def __str__(self) -> str:
        """Return it as a person reads it."""
        if self.waiting == self.name:
            return f"{self.name} waits for {self.machine}, where Kueue has placed it no longer"
        return (
            f"{self.name} holds {self.machine}, where Kueue has placed it no longer, and {self.waiting} waits"
        )


def find_stale_placements(api: Api, now: datetime) -> tuple[StalePlacement, ...]:
    """Return these pods of a cluster; one list of the pods that wait is all that it costs where none does.

    Args:
        api: the cluster.
        now: the moment.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    answer = api.request("GET", "/api/v1/pods", query={"fieldSelector": "status.phase=Pending"})
    waiting = [pod for pod in answer.get("items", ()) if machine_waited_for(pod, now)]
    if not waiting:
        return ()
    workloads = list_if_served(api, _KUEUE, "Workload")
    machines = {machine_waited_for(pod, now) for pod in waiting}
    pods = list(waiting)
    for on_machine in evictable_pods_on(api, machines).values():
        pods += on_machine
    return stale_placements(pods, workloads, now)


def machine_waited_for(pod: Object, now: datetime) -> str:
    """Return the machine that Kueue chose for a pod and that does not take it; empty where it does not wait.

    Args:
        pod: the pod.
        now: the moment: a pod that has waited for less than `SETTLED` may still be placed.
    """
    if _workload_of(pod) is None or pod["spec"].get("nodeName"):
        return ""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            is_settled = _is_before(condition.get("lastTransitionTime"), now - SETTLED)
            return str((pod["spec"].get("nodeSelector") or {}).get(_HOST, "")) if is_settled else ""
    return ""


def stale_placements(
    pods: Iterable[Object], workloads: Iterable[Object], now: datetime
) -> tuple[StalePlacement, ...]:
    """Return the pods that keep machines from others, or wait for one, by an admission that is over.

    Args:
        pods: pods that wait, and at least all pods of the machines that they wait for.
        workloads: Kueue's Workloads (`v1beta2`).
        now: the moment.
    """
    assigned = {}
    for workload in workloads:
        settled = _assignment(workload, now)
        if settled is not None:
            assigned[_full_name(workload)] = settled
    by_machine: dict[str, list[Object]] = {}
    waiting: dict[str, str] = {}
    for pod in pods:
        machine = pod["spec"].get("nodeName") or machine_waited_for(pod, now)
        if machine and not pod["metadata"].get("deletionTimestamp"):
            by_machine.setdefault(machine, []).append(pod)
            if not pod["spec"].get("nodeName"):
                waiting.setdefault(machine, _full_name(pod))
    found = []
    for machine, waits in waiting.items():
        for pod in _in_excess(by_machine[machine], assigned, machine):
            is_placed = bool(pod["spec"].get("nodeName"))
            found.append(StalePlacement(pod, machine, waits if is_placed else _full_name(pod)))
    return tuple(found)


def _in_excess(
    pods: Iterable[Object], assigned: Mapping[str, Mapping[str, Mapping[str, int]]], machine: str
) -> Iterator[Object]:
    """Yield the pods of a machine beyond those that their workloads are assigned there; placed ones stay."""
    left: dict[tuple[str, str], int] = {}
    for pod in sorted(pods, key=_placed_first):
        workload = _workload_of(pod)
        if workload is None or workload not in assigned or _is_over(pod):
            continue
        sets = assigned[workload]
        name = str((pod["metadata"].get("labels") or {}).get(_POD_SET, _OF_NO_SET))
        if name not in sets:
            # A pod without the label is of the only set, and of a set without machines nothing is known.
            if name != _OF_NO_SET or len(sets) != 1:
                continue
            name = next(iter(sets))
        place = (workload, name)
        left.setdefault(place, sets[name].get(machine, 0))
        left[place] -= 1
        if left[place] < 0:
            yield pod


def _placed_first(pod: Object) -> tuple[bool, str, str]:
    metadata = pod["metadata"]
    return not pod["spec"].get("nodeName"), str(metadata.get("creationTimestamp", "")), metadata["name"]


def _assignment(workload: Object, now: datetime) -> dict[str, dict[str, int]] | None:
    """Return the pods on each machine by pod set; None where Kueue has not admitted it, or only just has."""
    if not _is_settled(workload, now):
        return None
    status = workload.get("status") or {}
    # While a machine is replaced, the assignment names one that is broken.
    if status.get("unhealthyNodes"):
        return None
    sets = {}
    for each in (status.get("admission") or {}).get("podSetAssignments") or ():
        topology = each.get("topologyAssignment") or {}
        if (topology.get("levels") or ("",))[-1] == _HOST:
            sets[str(each["name"])] = _pods_on_machines(topology.get("slices") or ())
    return sets


def _is_settled(workload: Object, now: datetime) -> bool:
    """Return whether a workload is admitted, and has been for long enough that its pods have followed."""
    since = now - SETTLED
    is_admitted = False
    for condition in (workload.get("status") or {}).get("conditions") or ():
        is_true = condition["status"] == "True"
        if condition["type"] == "Admitted":
            is_admitted = is_true and _is_before(condition.get("lastTransitionTime"), since)
        elif condition["type"] == "Evicted" and is_true:
            return False
    return is_admitted


def _pods_on_machines(slices: Iterable[Object]) -> dict[str, int]:
    """Return how many pods an assignment has on each machine, which its last level names."""
    pods: dict[str, int] = {}
    for part in slices:
        number = int(part["domainCount"])
        names = _values(part["valuesPerLevel"][-1], number)
        for machine, count in zip(names, _values(part["podCounts"], number), strict=True):
            pods[str(machine)] = pods.get(str(machine), 0) + int(count)
    return pods


def _values(written: Object, number: int) -> list[Any]:
    """Return a value for each domain: written once for all, or each by itself, with a common prefix."""
    if "universal" in written:
        return [written["universal"]] * number
    each = written["individual"]
    if isinstance(each, list):
        return each
    prefix, suffix = each.get("prefix", ""), each.get("suffix", "")
    return [f"{prefix}{root}{suffix}" for root in each["roots"]]


def _workload_of(pod: Object) -> str | None:
    """Return the workload of a pod as `namespace/name`; None where Kueue wrote none."""
    metadata = pod["metadata"]
    name = (metadata.get("annotations") or {}).get(_WORKLOAD)
    return f"{metadata.get('namespace', '')}/{name}" if name else None


def _is_over(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}


def _is_before(written: object, moment: datetime) -> bool:
    try:
        return datetime.fromisoformat(str(written)) <= moment
    except (TypeError, ValueError):
        return False


def _full_name(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"
