"""Machines against the plan: which must be there, where they say they stand, and what they can carry.

The expectation is read from the plan here, apart from what simulates machines, so that one proves
the other; it holds for real machines as well. What only a simulated machine has (its provider ID)
is looked at only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.systems import system
from sovereign_ai.names import KEYS, OWNER, label_value
from sovereign_ai.plan.clusters import PoolSlice
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.verify.difference import quantity
from sovereign_ai.verify.findings import Difference, Finding, changed, foreign, missing
from sovereign_ai.verify.kinds import RESOURCES
from sovereign_ai.verify.observe import Observed

_CLUSTER_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_FAKE = "kwok.x-k8s.io/node"
_RESTORE = "run `sovereign-ai up` to restore it, or bring the machine back"

Object = Mapping[str, Any]


def machines(observed: Observed, factory: AIFactory, plan: Plan, cluster: str) -> Iterator[Finding]:
    """Give a finding for every machine that is missing, not as planned, or not planned.

    Raises:
        KeyError: the plan has no such cluster.
    """
    live = {str(node["metadata"]["name"]): node for node in observed.of("v1", "Node")}
    parts = {part.pool: part for part in plan.cluster(cluster).pools}
    counts = _device_counts(observed.of(RESOURCES, "ResourceSlice"))
    drivers = {driver for _node, driver in counts}
    for node in plan.nodes_of(cluster):
        there = live.pop(node.name, None)
        if there is None:
            yield missing(f"Node/{node.name}", _RESTORE)
            continue
        found = [*_place(factory, node, there), *_strength(node, parts[node.pool], there)]
        driver = accelerator(system(node.system).accelerator).dra_driver
        if driver is not None and (driver in drivers or _is_simulated(there)):
            found += _devices(node, parts[node.pool], driver, counts.get((node.name, driver), 0))
        if found:
            yield changed(f"Node/{node.name}", found, _RESTORE)
    for name in sorted(live):
        if _CONTROL_PLANE not in (live[name]["metadata"].get("labels") or {}):
            yield foreign(f"Node/{name}", "the plan has no such machine", "remove it from the cluster, or describe it")


def stated_labels(factory: AIFactory, node: Node) -> dict[str, str]:
    """Give the labels that placement, law and topology rest on."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/arch": system(node.system).cpu_arch,
        "topology.kubernetes.io/region": node.region,
        "topology.kubernetes.io/zone": node.hall,
        KEYS.owner: OWNER,
        KEYS.factory: factory.name,
        KEYS.pool: node.pool,
        KEYS.rack: node.rack,
        KEYS.scalable_unit: node.scalable_unit,
        KEYS.hall: node.hall,
        KEYS.zone: node.zone,
        KEYS.jurisdiction: node.jurisdiction,
        KEYS.tier(0): node.scalable_unit,
    }
    if node.nvlink_domain:
        labels[KEYS.nvlink_domain] = node.nvlink_domain
    return {key: label_value(value) for key, value in labels.items()}


def _place(factory: AIFactory, node: Node, live: Object) -> Iterator[Difference]:
    """Compare labels, taints and provider ID."""
    labels = live["metadata"].get("labels") or {}
    for key, value in sorted(stated_labels(factory, node).items()):
        if labels.get(key) != value:
            yield Difference(f"metadata.labels[{key}]", value, labels.get(key))
    wanted = []
    if factory.zone(node.zone).isolation.nodes == "dedicated":
        wanted.append(f"{KEYS.namespace_zone}={node.zone}:NoSchedule")
    if node.spare:
        wanted.append(f"{KEYS.domain}/spare=true:NoSchedule")
    found = sorted(_taint(one) for one in live["spec"].get("taints") or [] if not str(one["key"]).startswith(_CLUSTER_TAINTS))
    if found != sorted(wanted):
        yield Difference("spec.taints", sorted(wanted), found)
    provider = f"sovereign-ai://{node.site}/{node.hall}/{node.name}"
    if _is_simulated(live) and live["spec"].get("providerID") != provider:
        yield Difference("spec.providerID", provider, live["spec"].get("providerID"))


def _strength(node: Node, part: PoolSlice, live: Object) -> Iterator[Difference]:
    """Compare what the machine can carry, and whether it is up."""
    status = live.get("status", {})
    for part_of in ("capacity", "allocatable"):
        found = (status.get(part_of) or {}).get(part.resource)
        if not _fits(quantity(found), node.gpus, part):
            yield Difference(f"status.{part_of}[{part.resource}]", _wish(node, part), found)
    ready = next((one for one in status.get("conditions") or [] if one["type"] == "Ready"), None)
    if ready is None or ready["status"] != "True":
        yield Difference("status.conditions[Ready]", "True", None if ready is None else ready["status"])
    if live["metadata"].get("deletionTimestamp"):
        yield Difference("metadata.deletionTimestamp", None, live["metadata"]["deletionTimestamp"])


def _devices(node: Node, part: PoolSlice, driver: str, count: int) -> Iterator[Difference]:
    """Compare the devices in the machine's ResourceSlices."""
    if not _fits(count, node.gpus, part):
        yield Difference(f"ResourceSlice[{driver}].devices", _wish(node, part), count)


def _fits(found: Any, gpus: int, part: PoolSlice) -> bool:
    """Tell whether a number of devices is right: the GPUs, or with MIG the same whole number of instances on each."""
    if found is None:
        return False
    return bool(found > 0 and found % gpus == 0) if part.mig else bool(found == gpus)


def _wish(node: Node, part: PoolSlice) -> str:
    """Say which number is right."""
    return f"a multiple of {node.gpus}" if part.mig else str(node.gpus)


def _device_counts(slices: Iterable[Object]) -> dict[tuple[str, str], int]:
    """Count devices by machine and driver."""
    counts: dict[tuple[str, str], int] = {}
    for obj in slices:
        key = str(obj["spec"].get("nodeName", "")), str(obj["spec"]["driver"])
        counts[key] = counts.get(key, 0) + len(obj["spec"].get("devices") or [])
    return counts


def _is_simulated(live: Object) -> bool:
    """Tell whether KWOK plays the machine."""
    return bool((live["metadata"].get("annotations") or {}).get(_FAKE) == "fake")


def _taint(taint: Object) -> str:
    """Write a taint as kubectl does."""
    return f"{taint['key']}={taint.get('value', '')}:{taint['effect']}"
