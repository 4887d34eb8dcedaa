"""What the repair controller observes of each machine, read from the cluster and placed by the plan."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.catalog.vendors import FaultCodes
from sovereign_ai.cluster import CORDON_OWNER, LISTED_ONE_BY_ONE, evictable_pods_on
from sovereign_ai.cluster.api import Api, list_newest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.operate.repair.decide import Cordon, Machine, gpus_to_reset
from sovereign_ai.operate.repair.faults import NOT_READY, Fault, Object, condition_faults, taint_faults
from sovereign_ai.operate.repair.maintenance import MAINTENANCE_VERSIONS, maintainers
from sovereign_ai.operate.repair.readiness import READINESS, ReadinessRule, read_rule, readiness_faults
from sovereign_ai.operate.repair.record import (
    ACCEPTANCE,
    ANNOTATION,
    CONTROLLER,
    HOLD,
    REPAIRS,
    REPLACES,
    Record,
    Step,
    read_record,
    read_repairs,
    read_verdict,
)
from sovereign_ai.plan import Node, Plan

FATAL_CONDITIONS = (
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "CorruptDockerOverlay2",
    "XfsShutdown",
    "CperHardwareErrorFatal",
)
"""Node conditions that are a fault where they are true: those that node-problem-detector sets by itself.

Source: kubernetes/node-problem-detector, its kernel, read-only and container monitors (read 2026-11-29); the
last is a fatal error of the hardware that the firmware reports by UEFI's CPER. A broken GPU is
not among them: device taints say of which GPU, so that it alone is reset.
"""
MAINTENANCE = "MaintenanceInProgress"
"""The node condition under which somebody works on a machine (KEP-5683, node lifecycle conditions)."""
_LONGEST_REASON = 200
GRACE = timedelta(seconds=30)
"""How long a node may be not ready before that is a fault: a restarted kubelet is back within seconds."""
_SKEW = timedelta(minutes=5)
"""How far the clocks of two hosts may be apart."""
_BETWEEN_LISTS = 4.0
"""A list of all pods is followed by a pause that many times as long."""
SPARE = f"{KEYS.domain}/spare"
"""The taint of machines that are kept ready."""
DRA_VERSIONS = ("resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1alpha3")
"""Newest first: a DeviceTaintRule is served as v1 from Kubernetes 1.37 on."""


@frozen_dataclass
class Place:
    """What the plan knows of a machine.

    Attributes:
        pool: its pool.
        domains: its rack, NVLink domain and power feeds.
        codes: the fault codes of its GPUs' vendor; None if the vendor has none.
    """

    pool: str
    domains: frozenset[str]
    codes: FaultCodes | None


@frozen_dataclass
class View:
    """The machines of a cluster, as observed at one moment.

    Attributes:
        machines: those of the plan that the cluster has, in the cluster's order.
        versions: machine to its Node's resourceVersion: a write that decides on it is refused if it changed.
        nodes: machine to its live Node.
    """

    machines: tuple[Machine, ...]
    versions: Mapping[str, str]
    nodes: Mapping[str, Object] = field(repr=False)

    def by_name(self) -> dict[str, Machine]:
        """Return the machines by name."""
        return {machine.name: machine for machine in self.machines}


@frozen_dataclass
class PodCount:
    """The pods of a machine that an eviction must remove.

    Attributes:
        running: those that nobody has deleted.
        ending: those that are being deleted.
    """

    running: int
    ending: int = 0


PodCounts = Callable[[Sequence[str]], Mapping[str, PodCount]]
"""Counts the pods of machines that an eviction must remove."""
Holders = Callable[[Mapping[str, Collection[int]]], Mapping[str, int]]
"""Counts the pods of machines that hold one of these GPUs, or of which nobody knows; others may run on."""
Patience = Callable[[str], timedelta | None]
"""Returns how long a machine may be tainted as not ready (`readiness.py`); None for any time."""


@frozen_dataclass
class NodeReports:
    """The live objects by which a cluster reports the state of its machines.

    Attributes:
        nodes: Nodes.
        rules: DeviceTaintRules.
        slices: ResourceSlices.
        maintenances: NodeMaintenances.
        readiness: NodeReadinessRules; empty where no policy asks for them.
    """

    nodes: Sequence[Object]
    rules: Sequence[Object]
    slices: Sequence[Object]
    maintenances: Sequence[Object] = ()
    readiness: Sequence[ReadinessRule] = ()


def places(plan: Plan, cluster: str) -> dict[str, Place]:
    """Return where each machine of a cluster stands, by name.

    Raises:
        KeyError: the plan has no such cluster.
    """
    feeds: dict[str, tuple[str, ...]] = {}
    for rack in plan.racks:
        # A feed's name is unique in its site.
        feeds[rack.name] = tuple(f"feed {rack.site}/{feed}" for feed in rack.pdus)
    placed = {}
    for node in plan.nodes_of(cluster):
        chip = accelerator_of(system(node.system))
        codes = chip.gpu_vendor.faults if chip else None
        placed[node.name] = Place(node.pool, _domains(node, feeds.get(node.rack, ())), codes)
    return placed


def observe_machines(
    api: Api,
    placed: Mapping[str, Place],
    now: datetime,
    fatal: Collection[str] = FATAL_CONDITIONS,
    more: Callable[[str], Sequence[str]] = lambda _machine: (),
    patience: Patience | None = None,
) -> View:
    """Observe every machine of a plan's cluster, by lists that are read now.

    Args:
        api: the cluster.
        placed: the machines, by name.
        now: the moment.
        fatal: node conditions that are a fault where they are true.
        more: the same of one machine, besides: those of its policy.
        patience: how long a machine may be tainted as not ready; None where no policy says it.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer; nothing is decided on an observation that is not whole.
    """
    reports = list_reports(api, readiness=patience is not None)
    return observe_reports(reports, placed, now, partial(count_pods, api), fatal, more, patience)


def observe_reports(
    reports: NodeReports,
    placed: Mapping[str, Place],
    now: datetime,
    pods_on: PodCounts,
    fatal: Collection[str] = FATAL_CONDITIONS,
    more: Callable[[str], Sequence[str]] = lambda _machine: (),
    patience: Patience | None = None,
    holders: Holders | None = None,
) -> View:
    """Observe every machine of a plan's cluster, from what the cluster reports.

    Args:
        reports: the live objects.
        placed: the machines, by name.
        now: the moment.
        pods_on: counts the pods of machines that an eviction must remove.
        fatal: node conditions that are a fault where they are true.
        more: the same of one machine, besides.
        patience: how long a machine may be tainted as not ready.
        holders: counts the pods that have to go before GPUs are reset; None where all have to.
    """
    codes = {name: place.codes for name, place in placed.items() if place.codes}
    tainted = taint_faults(reports.rules, reports.slices, codes)
    nodes = {}
    for node in reports.nodes:
        if node["metadata"]["name"] in placed:
            nodes[node["metadata"]["name"]] = node
    records = {name: _record(node, now) for name, node in nodes.items()}
    maintained = maintainers(reports.maintenances)
    # Pods are counted only where they matter.
    counts = pods_on([name for name, record in records.items() if record and record.step is Step.DRAIN])
    faults = {}
    for name, node in nodes.items():
        reported = (*condition_faults(node, (*fatal, *more(name)), now, GRACE), *tainted.get(name, ()))
        limit = patience(name) if patience else None
        if limit is not None:
            reported += readiness_faults(node, reports.readiness, now, limit)
        # Several agents may report the same fault.
        faults[name] = tuple(dict.fromkeys(reported))
    holding = _holding(records, faults, counts, holders)
    machines = []
    for name, node in nodes.items():
        pods = _list_blocking_pods(counts[name], node, now) if name in counts else 0
        in_work = pods, max(0, pods - holding.get(name, pods))
        maintainer = maintained.get(name, "")
        machines.append(_machine(node, placed[name], faults[name], in_work, records[name], maintainer))
    versions = {name: node["metadata"]["resourceVersion"] for name, node in nodes.items()}
    return View(tuple(machines), versions, nodes)


def list_reports(api: Api, *, readiness: bool = False) -> NodeReports:
    """Read what the cluster reports of its machines now.

    Args:
        api: the cluster.
        readiness: whether NodeReadinessRules are read too.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    rules, slices = _served(api, "DeviceTaintRule"), _served(api, "ResourceSlice")
    maintenances = []
    for api_version in MAINTENANCE_VERSIONS:
        listed = _served(api, "NodeMaintenance", (api_version,))
        # Items of a list do not say which API they are of.
        maintenances += [{**each, "apiVersion": api_version} for each in listed]
    required = []
    for live in _served(api, "NodeReadinessRule", (READINESS,)) if readiness else ():
        rule = read_rule(live)
        if rule is not None:
            required.append(rule)
    return NodeReports(api.list("v1", "Node"), rules, slices, maintenances, required)


def count_pods(api: Api, names: Sequence[str]) -> dict[str, PodCount]:
    """Return how many pods of each machine an eviction must remove.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    return {name: _pod_count(pods) for name, pods in evictable_pods_on(api, names).items()}


class PodCounter:
    """Counts pods of machines as `count_pods` does, round after round, at a fraction of a busy server's time.

    A list of all pods, for many machines, is repeated only after some times as long as it took. In between a
    machine that had pods is taken to have them still. Nothing is done to a machine by such a count: whoever
    evicts lists its pods anew, and one that may have none is counted anew before its repair.
    """

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is read yet."""
        self._api, self._clock = api, clock
        self._counted: dict[str, PodCount] = {}
        self._due = 0.0

    def __call__(self, names: Sequence[str]) -> Mapping[str, PodCount]:
        """Return how many pods of each machine an eviction must remove, or had to a moment ago.

        Raises:
            ApiError: the API server refused.
            UnreachableError: there was no answer.
        """
        began = self._clock()
        counted = {}
        for name in names:
            count = self._counted.get(name)
            if count is not None and count.running and began < self._due:
                counted[name] = count
        missing = [name for name in names if name not in counted]
        if len(missing) > LISTED_ONE_BY_ONE:
            counted = count_pods(self._api, names)
            ended = self._clock()
            self._due = ended + _BETWEEN_LISTS * (ended - began)
        else:
            counted |= count_pods(self._api, missing)
        self._counted = counted
        return counted


def _pod_count(pods: Sequence[Object]) -> PodCount:
    ending = sum(1 for pod in pods if pod["metadata"].get("deletionTimestamp"))
    return PodCount(len(pods) - ending, ending)


def _list_blocking_pods(count: PodCount, node: Object, now: datetime) -> int:
    """Return how many pods keep a machine from its repair.

    Those of a silent machine that are being deleted do not: only its kubelet could end them, and it answers
    after a restart.
    """
    if not count.running and count.ending:
        faults = condition_faults(node, (), now, timedelta(0))
        if any(fault.kind == NOT_READY for fault in faults):
            return 0
    return count.running + count.ending


def _holding(
    records: Mapping[str, Record | None],
    faults: Mapping[str, Sequence[Fault]],
    counts: Mapping[str, PodCount],
    holders: Holders | None,
) -> Mapping[str, int]:
    """Return how many pods hold GPUs with faults, of machines that are drained for a first reset of some."""
    wanted = {}
    for name, count in counts.items() if holders else ():
        record, gpus = records[name], gpus_to_reset(faults[name])
        has_pods = count.running + count.ending > 0
        if has_pods and gpus and record is not None and not record.attempts:
            wanted[name] = gpus
    return holders(wanted) if holders and wanted else {}


def list_claims(api: Api) -> list[dict[str, Any]]:
    """Return the resource claims of a cluster.

    Raises:
        ApiError: the API server refused.
        UnreachableError: there was no answer.
    """
    return _served(api, "ResourceClaim")


def _machine(
    node: Object,
    place: Place,
    faults: tuple[Fault, ...],
    in_work: tuple[int, int],
    record: Record | None,
    maintainer: str,
) -> Machine:
    """Return what is observed of one machine.

    Args:
        node: its live Node.
        place: what the plan knows of it.
        faults: what is reported of it now.
        in_work: its pods that an eviction must remove, and how many of them may run on.
        record: how far its repair is.
        maintainer: who else maintains it.
    """
    pods, spared = in_work
    annotations = _annotations(node)
    accepted = None
    if record is not None and record.step is Step.ACCEPT:
        accepted = read_verdict(annotations.get(ACCEPTANCE), record.since)
    is_spare = any(taint.get("key") == SPARE for taint in (node.get("spec") or {}).get("taints") or ())
    return Machine(
        node["metadata"]["name"],
        place.pool,
        place.domains,
        faults,
        _cordon(node),
        pods,
        record,
        accepted,
        spare=is_spare,
        replaces=annotations.get(REPLACES) or "",
        repairs=read_repairs(annotations.get(REPAIRS)),
        held=_held(node),
        maintainer=maintainer,
        spared=spared,
    )


def _record(node: Object, now: datetime) -> Record | None:
    """Return how far a machine's repair is; a record of a time to come counts as none.

    Its step would never end, and a machine's own kubelet may write annotations of its Node.
    """
    record = read_record(_annotations(node).get(ANNOTATION))
    return record if record is not None and record.since <= now + _SKEW else None


def _held(node: Object) -> str:
    """Return why somebody keeps the controller from a machine; empty for nobody."""
    reason = _annotations(node).get(HOLD)
    if reason:
        return f"a person holds it: {reason[:_LONGEST_REASON]}"
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition.get("type") == MAINTENANCE and condition.get("status") == "True":
            return f"{MAINTENANCE} is true"
    return ""


def _annotations(node: Object) -> Mapping[str, str]:
    return node["metadata"].get("annotations") or {}


def _cordon(node: Object) -> Cordon:
    """Return who cordoned a node. Of an owner that is not written down nobody but its author knows."""
    if not (node.get("spec") or {}).get("unschedulable"):
        return Cordon.NONE
    owner = _annotations(node).get(CORDON_OWNER)
    return Cordon.OWN if owner == CONTROLLER else Cordon.FOREIGN


def _domains(node: Node, feeds: Collection[str]) -> frozenset[str]:
    """Return the failure domains of a machine, each with its kind, since names of two kinds may be equal."""
    domains = {f"rack {node.rack}", *feeds}
    if node.nvlink_domain:
        domains.add(f"NVLink domain {node.nvlink_domain}")
    return frozenset(domains)


def _served(api: Api, kind: str, versions: Sequence[str] = DRA_VERSIONS) -> list[dict[str, Any]]:
    """List objects of a kind in the newest version that the server has; empty where it has none."""
    return list_newest(api, versions, kind)
