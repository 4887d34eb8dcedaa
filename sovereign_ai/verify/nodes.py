"""Compare live nodes with the plan: which must exist, their placement, and the devices that they offer.

The expectation is derived from the plan here and not by what simulates nodes, so that one proves the other.
It holds for real nodes as well. What only a simulated node has from the plan (its provider ID, its address,
its pod range, no device resource but its own) is compared only there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from sovereign_ai.catalog.accelerator import accelerator_of, accelerators
from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS, MANAGEMENT_ROLE, OWNER, label_value
from sovereign_ai.plan import Node, Plan, PoolSlice, with_control_plane
from sovereign_ai.render.interop import switch_tiers
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify.equal_values import quantity
from sovereign_ai.verify.findings import ClusterFinding, Difference, changed, foreign, missing
from sovereign_ai.verify.kinds import RESOURCES
from sovereign_ai.verify.observation import Observed

_CLUSTER_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Prefixes of the taints that the control plane and cloud providers set themselves, such as `not-ready`."""
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_VENDORS = frozenset(row.resource.partition("/")[0] for row in accelerators())
_FAKE = "kwok.x-k8s.io/node"
"""Annotation of the nodes that KWOK simulates; its value there is `fake`."""
_FAULT = f"{KEYS.domain}/fault="
"""How the taint begins that the simulation gives a machine with an injected fault."""
_REPAIR = (
    "it reports an injected fault: `sovereign-ai repair run` takes it through its repair; `up` leaves it"
)
_RESTORE = "run `sovereign-ai up` to restore it, or bring the machine back"

Object = Mapping[str, Any]


def compare_nodes(
    observed: Observed, factory: AIFactory, plan: Plan, cluster: str
) -> Iterator[ClusterFinding]:
    """Yield a finding for every node that is missing, not as planned, or not planned.

    Raises:
        KeyError: the plan has no such cluster.
    """
    live_nodes = {str(node["metadata"]["name"]): node for node in observed.of("v1", "Node")}
    planned = plan.cluster(cluster)
    pools = {pool.pool: pool for pool in planned.pools}
    ranges = _pod_ranges(factory, plan, planned.site, live_nodes.values())
    counts = _device_counts(observed.of(RESOURCES, "ResourceSlice"))
    drivers = {driver for _node, driver in counts}
    switches_by_node = switch_tiers(plan)
    for node in plan.nodes_of(cluster):
        live = live_nodes.pop(node.name, None)
        if live is None:
            yield missing(f"Node/{node.name}", _RESTORE)
            continue
        pool = pools[node.pool]
        differences = [
            *_placement(factory, node, switches_by_node.get(node.name, ()), live),
            *_capacity(node, pool, live),
            *_pod_range(ranges, live),
        ]
        chip = accelerator_of(system(node.system))
        driver = chip.dra_driver if chip else None
        # A real cluster may run without DRA: devices are compared only once its driver publishes any slice.
        if driver is not None and (driver in drivers or is_simulated(live)):
            differences += _devices(node, pool, driver, counts.get((node.name, driver), 0))
        if differences:
            yield changed(f"Node/{node.name}", differences, _remedy(differences))
    # The planned nodes were removed above. A control plane's own node is in no plan.
    for name in sorted(live_nodes):
        if not _is_control_plane(live_nodes[name]):
            hint = "remove it from the cluster, or describe it"
            yield foreign(f"Node/{name}", "the plan has no such machine", hint)


def _remedy(differences: Sequence[Difference]) -> str:
    """Return what makes a node as planned again: a deployment does not take an injected fault away."""
    more: list[str] = []
    for difference in differences:
        if difference.field != "spec.taints" or not set(difference.wanted) <= set(difference.found):
            return _RESTORE
        more += [taint for taint in difference.found if taint not in difference.wanted]
    return _REPAIR if all(taint.startswith(_FAULT) for taint in more) else _RESTORE


def stated_labels(factory: AIFactory, node: Node, switches: Sequence[str] = ()) -> dict[str, str]:
    """Return the labels that placement, jurisdiction and topology rest on.

    Args:
        factory: the description.
        node: the planned node.
        switches: the switches above it on its compute fabric, the leaf first.
    """
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
    }
    for number, name in enumerate(switches):
        labels[KEYS.tier(number)] = name
    if node.nvlink_domain:
        labels[KEYS.nvlink_domain] = node.nvlink_domain
    for key, value in labels.items():
        labels[key] = label_value(value)
    if factory.pool(node.pool).is_management:
        labels[MANAGEMENT_ROLE] = ""
    return labels


def _placement(factory: AIFactory, node: Node, switches: Sequence[str], live: Object) -> Iterator[Difference]:
    """Compare labels, taints, provider ID and address."""
    labels = live["metadata"].get("labels") or {}
    for key, value in sorted(stated_labels(factory, node, switches).items()):
        if labels.get(key) != value:
            yield Difference(f"metadata.labels[{key}]", value, labels.get(key))
    wanted_taints = _planned_taints(factory, node)
    live_taints = _live_taints(live)
    if live_taints != wanted_taints:
        yield Difference("spec.taints", wanted_taints, live_taints)
    if not is_simulated(live):
        return
    provider = f"sovereign-ai://{node.site}/{node.hall}/{node.name}"
    live_provider = live["spec"].get("providerID")
    if live_provider != provider:
        yield Difference("spec.providerID", provider, live_provider)
    address = _internal_address(live)
    if address is not None and address != node.address:
        yield Difference("status.addresses[InternalIP]", node.address or None, address)


def _planned_taints(factory: AIFactory, node: Node) -> list[str]:
    """Return the taints that the plan gives a node, sorted."""
    taints = []
    if factory.zone(node.zone).isolation.nodes == "dedicated":
        taints.append(f"{KEYS.namespace_zone}={node.zone}:NoSchedule")
    if node.spare:
        taints.append(f"{KEYS.domain}/spare=true:NoSchedule")
    if factory.pool(node.pool).is_management:
        taints.append(f"{MANAGEMENT_ROLE}=:NoSchedule")
    return sorted(taints)


def _live_taints(live: Object) -> list[str]:
    """Return a node's taints as kubectl writes them, without those of the control plane, sorted."""
    taints = []
    for taint in live["spec"].get("taints") or []:
        key = str(taint["key"])
        if not key.startswith(_CLUSTER_TAINTS):
            taints.append(f"{taint['key']}={taint.get('value', '')}:{taint['effect']}")
    return sorted(taints)


def _internal_address(live: Object) -> str | None:
    """Return a node's first internal address; None if it has none."""
    for entry in live.get("status", {}).get("addresses") or ():
        if entry["type"] == "InternalIP":
            address: str | None = entry["address"]
            return address
    return None


def _capacity(node: Node, pool: PoolSlice, live: Object) -> Iterator[Difference]:
    """Compare the devices that a node offers, and whether it is ready and stays."""
    status = live.get("status", {})
    # A machine without accelerators offers no devices that could be counted.
    for field in ("capacity", "allocatable") if pool.resource else ():
        amount = (status.get(field) or {}).get(pool.resource)
        if not _fits(quantity(amount), node.gpus, pool):
            yield Difference(f"status.{field}[{pool.resource}]", _expected_count(node, pool), amount)
    if is_simulated(live):
        for resource in sorted(status.get("capacity") or ()):
            vendor, slash, _ = resource.partition("/")
            if slash and vendor in _VENDORS and resource != pool.resource:
                yield Difference(f"status.capacity[{resource}]", None, status["capacity"][resource])
    ready = None
    for condition in status.get("conditions") or []:
        if condition["type"] == "Ready":
            ready = condition["status"]
            break
    if ready != "True":
        yield Difference("status.conditions[Ready]", "True", ready)
    deleted = live["metadata"].get("deletionTimestamp")
    if deleted:
        yield Difference("metadata.deletionTimestamp", None, deleted)


def _pod_ranges(factory: AIFactory, plan: Plan, site: str, live: Iterable[Object]) -> list[IPv4Network]:
    """Return the ranges from which the nodes of a site may give addresses to pods."""
    ranges = []
    for prefix in plan.prefixes:
        is_for_pods = prefix.use == "pods" and prefix.site == site
        if is_for_pods:
            ranges.append(IPv4Network(prefix.cidr))
    if not any(map(_is_control_plane, live)):
        return ranges
    # Where the control plane's node takes part in the pod network, as in kind, it takes its share of the
    # range.
    pods = IPv4Network(factory.network.pods)
    return [with_control_plane(block, pods) for block in ranges]


def _pod_range(ranges: Sequence[IPv4Network], live: Object) -> Iterator[Difference]:
    """Compare the pod range of a simulated node with the ranges that the plan gives its site."""
    pod_cidr = live["spec"].get("podCIDR")
    if not pod_cidr or not ranges or not is_simulated(live):
        return
    network = IPv4Network(pod_cidr)
    if not any(map(network.subnet_of, ranges)):
        yield Difference("spec.podCIDR", f"within {', '.join(map(str, ranges))}", pod_cidr)


def _devices(node: Node, pool: PoolSlice, driver: str, count: int) -> Iterator[Difference]:
    """Compare the number of devices in a node's ResourceSlices."""
    if not _fits(count, node.gpus, pool):
        yield Difference(f"ResourceSlice[{driver}].devices", _expected_count(node, pool), count)


def _fits(count: Any, gpus: int, pool: PoolSlice) -> bool:
    """Return whether a number of devices is right.

    It is the number of GPUs; with MIG it is the same whole number of instances on each GPU, whatever the
    profile.
    """
    if count is None:
        return False
    if pool.mig:
        return bool(count > 0 and count % gpus == 0)
    return bool(count == gpus)


def _expected_count(node: Node, pool: PoolSlice) -> str:
    """Return which number of devices is right, in words."""
    return f"a multiple of {node.gpus}" if pool.mig else str(node.gpus)


def _device_counts(slices: Iterable[Object]) -> dict[tuple[str, str], int]:
    """Count devices by node and driver; a node may publish several slices."""
    counts: dict[tuple[str, str], int] = {}
    for obj in slices:
        spec = obj["spec"]
        key = str(spec.get("nodeName", "")), str(spec["driver"])
        counts[key] = counts.get(key, 0) + len(spec.get("devices") or [])
    return counts


def _is_control_plane(live: Object) -> bool:
    """Return whether a node runs the control plane."""
    labels = live["metadata"].get("labels") or {}
    return _CONTROL_PLANE in labels


def is_simulated(live: Object) -> bool:
    """Return whether KWOK simulates a node."""
    annotations = live["metadata"].get("annotations") or {}
    return bool(annotations.get(_FAKE) == "fake")
