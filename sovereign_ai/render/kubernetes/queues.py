"""Kueue's objects: topologies, a flavour and a queue for each pool, and the namespaces' local queues.

Pools of management machines have none of them: they run no tenant's work.

A queue serves the namespaces of one zone and is in no cohort, so no quota is lent across zones. It has its
pool's name whatever the zone, for Kueue does not let a local queue change the queue that it leads to.
Where a zone lends what its tenants do not use, each of its namespaces has a queue in a cohort of the pool.
Under fair sharing a queue that lends nothing is in a cohort too, alone (`_lonely_cohort`).

Quotas are what the pool's nodes have; spares do not count. Levels go from the hall down to the node by labels
that every node of the pool carries, since Kueue never uses a node without one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS, label
from sovereign_ai.plan import ClusterPlan, Dispatch, Namespace, PoolSlice, pool_shares
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Bytes

API = "kueue.x-k8s.io/v1beta2"
MULTIKUEUE = "kueue.x-k8s.io/multikueue"
"""The controller that answers an admission check by sending the work to another cluster."""
_GIB = 2**30
_SPACE = "kubernetes.io/metadata.name"
"""The label of a Namespace that the API server sets to its name."""
_HALL, _HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_LEVELS = {
    "racks": (_HALL, KEYS.scalable_unit, KEYS.rack, _HOST),
    "nvlink": (_HALL, KEYS.scalable_unit, KEYS.nvlink_domain, _HOST),
}


def objects(factory: AIFactory, cluster: ClusterPlan, sent: Sequence[Dispatch] = ()) -> Iterator[Object]:
    """Yield the cluster's topologies, flavours and queues.

    Args:
        factory: the description.
        cluster: the cluster.
        sent: the queues of this cluster from which work is sent to others.
    """
    maker = Maker(factory.name)
    shares = pool_shares(cluster)
    pools = [*cluster.work_pools, *(dispatch.pool for dispatch in sent)]
    for topology in sorted({_topology(pool) for pool in pools}):
        name, component = label(factory.name, topology), f"factory.{factory.name}"
        levels = []
        for key in _LEVELS[topology]:
            level = {"nodeLabel": key}
            levels.append(level)
        yield maker.make(API, "Topology", name, component, spec={"levels": levels})
    for pool in cluster.work_pools:
        component = f"pool.{pool.pool}"
        flavour = flavour_name(factory, pool)
        yield maker.make(API, "ResourceFlavor", flavour, component, spec=_flavour_spec(factory, pool))
        if not _is_lent(factory, pool.zone):
            spec = {**_lonely_cohort(factory, pool), **_queue_spec(pool, flavour)}
            yield maker.make(API, "ClusterQueue", pool.pool, component, spec=spec)
            continue
        for namespace in cluster.namespaces:
            if pool.pool in namespace.pools:
                spec = _lending_spec(pool, flavour, namespace, shares)
                spec |= _fair_sharing(factory, namespace)
                name = _lending_queue(pool.pool, namespace)
                yield maker.make(API, "ClusterQueue", name, component, spec=spec)
    for namespace in cluster.namespaces:
        component = f"tenant.{namespace.tenant}"
        for pool_name in namespace.pools:
            is_lent = _is_lent(factory, namespace.zone)
            queue = _lending_queue(pool_name, namespace) if is_lent else pool_name
            spec = {"clusterQueue": queue}
            yield maker.make(API, "LocalQueue", pool_name, component, namespace=namespace.name, spec=spec)
    for dispatch in sent:
        yield from _sending(factory, maker, dispatch)


def _sending(factory: AIFactory, maker: Maker, dispatch: Dispatch) -> Iterator[Object]:
    """Yield the flavour and the queues of a pool of other clusters, where an admission check sends the work.

    The flavour names the topology although no machine of it is here: a job may ask for its levels, and the
    worker's Kueue chooses the place. The quota is what all workers have; each has its own beside it.
    """
    pool, flavour = dispatch.pool, flavour_name(factory, dispatch.pool)
    component = f"pool.{pool.pool}"
    yield maker.make(API, "ResourceFlavor", flavour, component, spec=_flavour_spec(factory, pool))
    spaces = [namespace.name for namespace in dispatch.namespaces]
    spec = {**_lonely_cohort(factory, pool), **_queue_spec(pool, flavour)}
    spec["namespaceSelector"]["matchExpressions"] = [{"key": _SPACE, "operator": "In", "values": spaces}]
    spec["admissionChecksStrategy"] = {"admissionChecks": [{"name": dispatch.queue}]}
    yield maker.make(API, "ClusterQueue", pool.pool, component, spec=spec)
    for namespace in dispatch.namespaces:
        of_tenant = f"tenant.{namespace.tenant}"
        queue = {"clusterQueue": pool.pool}
        yield maker.make(API, "LocalQueue", pool.pool, of_tenant, namespace=namespace.name, spec=queue)


def _is_lent(factory: AIFactory, zone: str) -> bool:
    """Return whether tenants of a zone borrow what the others do not use."""
    return factory.zone(zone).idle_quota == "lent"


def _lonely_cohort(factory: AIFactory, pool: PoolSlice) -> dict[str, Any]:
    """Return the cohort of a queue that lends nothing: none, or under fair sharing one that it has alone.

    Under fair sharing Kueue 0.17 ends with a fault when work in a queue without a cohort finds too little in
    those that it may preempt, and again after each start (kubernetes-sigs/kueue#10891 and #12541).
    """
    return {"cohortName": pool.pool} if factory.fair_sharing else {}


def _fair_sharing(factory: AIFactory, namespace: Namespace) -> dict[str, Any]:
    """Return the part of a queue's spec that has its tenant's weight; nothing for the usual weight."""
    for tenant in factory.tenants:
        if tenant.name == namespace.tenant and tenant.weight is not None:
            return {"fairSharing": {"weight": _weight_text(tenant.weight)}}
    return {}


def _weight_text(weight: float) -> str:
    """Return a weight as the API server stores it: the shortest amount of Kubernetes, to a billionth.

    >>> _weight_text(2.0), _weight_text(0.25), _weight_text(0.0)
    ('2', '250m', '0')
    """
    count = math.ceil(Fraction(repr(weight)) * 10**9)
    suffixes = ["n", "u", "m", "", "k", "M", "G"]
    while count and count % 1000 == 0:
        count //= 1000
        del suffixes[0]
    return f"{count}{suffixes[0]}" if count else "0"


def _lending_queue(pool: str, namespace: Namespace) -> str:
    """Return the name of the queue of one namespace in a pool whose quota is lent."""
    return f"{pool}.{namespace.name}"


def flavour_name(factory: AIFactory, pool: PoolSlice) -> str:
    """Return the name of a pool's flavour, which contains everything that Kueue does not let change in one.

    A flavour that a queue uses cannot be deleted (finalizer `kueue.x-k8s.io/resource-in-use`), so it cannot
    be replaced under its own name either. A pool in another zone gets another flavour, its queue switches
    over, and the old one goes.
    """
    parts = [pool.pool, pool.zone]
    if _topology(pool) != "racks":
        parts.append(_topology(pool))
    if not _is_dedicated(factory, pool):
        parts.append("shared")
    return ".".join(parts)


def _is_dedicated(factory: AIFactory, pool: PoolSlice) -> bool:
    """Return whether a pool's nodes serve its zone alone."""
    return factory.zone(pool.zone).isolation.nodes == "dedicated"


def _topology(pool: PoolSlice) -> str:
    """Return the topology of a pool: by NVLink domain where nodes share one, else by rack."""
    return "nvlink" if system(pool.system).nvlink_domain_nodes else "racks"


def _flavour_spec(factory: AIFactory, pool: PoolSlice) -> dict[str, Any]:
    """Return the spec of a pool's flavour: the nodes that it selects."""
    spec: dict[str, Any] = {
        "nodeLabels": {KEYS.pool: pool.pool, KEYS.zone: pool.zone},
        "topologyName": label(factory.name, _topology(pool)),
    }
    if _is_dedicated(factory, pool):
        # Dedicated nodes carry their zone's taint.
        toleration = {
            "key": KEYS.namespace_zone,
            "operator": "Equal",
            "value": pool.zone,
            "effect": "NoSchedule",
        }
        spec["tolerations"] = [toleration]
    return spec


def _queue_spec(pool: PoolSlice, flavour: str) -> dict[str, Any]:
    """Return the spec of a pool's queue, whose quotas are everything that its nodes have."""
    machine = system(pool.system)
    memory = machine.memory * pool.nodes
    quotas = {
        "cpu": str(machine.cpus * pool.nodes),
        "memory": memory.to_kubernetes(),
    }
    if pool.resource:
        quotas[pool.resource] = str(pool.devices)
    preemption = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Never"}
    selector = {KEYS.namespace_zone: pool.zone}
    return _spec_of_queue(selector, preemption, flavour, quotas)


def _lending_spec(
    pool: PoolSlice, flavour: str, namespace: Namespace, shares: Mapping[tuple[str, str], int]
) -> dict[str, Any]:
    """Return the spec of one namespace's queue: its share of a pool, which others borrow while it is idle.

    CPU and memory follow the share of GPUs, and only whole GiB count, as in the namespaces' own quotas.
    """
    machine = system(pool.system)
    share = shares.get((pool.pool, namespace.name), 0)
    # Of machines without GPUs nobody has a share.
    whole = max(pool.gpus, 1)
    gibibytes = machine.memory.count * pool.nodes * share // whole // _GIB
    quotas = {
        "cpu": str(machine.cpus * pool.nodes * share // whole),
        "memory": Bytes(gibibytes * _GIB).to_kubernetes(),
    }
    if pool.resource:
        quotas[pool.resource] = str(share * pool.instances)
    # Lent is only what is taken back as soon as its owner needs it, whoever holds it.
    preemption = {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Any"}
    selector = {KEYS.namespace_zone: pool.zone, _SPACE: namespace.name}
    return {"cohortName": pool.pool, **_spec_of_queue(selector, preemption, flavour, quotas)}


def _spec_of_queue(
    selector: Mapping[str, str], preemption: Mapping[str, str], flavour: str, quotas: Mapping[str, str]
) -> dict[str, Any]:
    """Return the spec of a queue of one flavour."""
    resources = []
    for name, amount in quotas.items():
        resource = {"name": name, "nominalQuota": amount}
        resources.append(resource)
    group = {
        "coveredResources": list(quotas),
        "flavors": [{"name": flavour, "resources": resources}],
    }
    return {
        "namespaceSelector": {"matchLabels": dict(selector)},
        # A job that fits is admitted although an older, larger one still waits.
        "queueingStrategy": "BestEffortFIFO",
        "preemption": dict(preemption),
        "resourceGroups": [group],
    }
