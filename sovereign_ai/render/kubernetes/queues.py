"""Kueue: a topology, a flavour and a queue for each pool, and a local queue where a namespace may use it.

A queue serves the namespaces of one zone and stands in no cohort, so no quota is lent across zones.
Quotas are what the pool's machines have; spares do not count. Levels go from the hall down to the
machine by labels that every node of the pool carries, since one without them would never be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.catalog.systems import system
from sovereign_ai.names import KEYS, label
from sovereign_ai.plan.clusters import ClusterPlan, PoolSlice
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.spec.factory import AIFactory

API = "kueue.x-k8s.io/v1beta2"
_HALL, _HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
_LEVELS = {
    "racks": (_HALL, KEYS.scalable_unit, KEYS.rack, _HOST),
    "nvlink": (_HALL, KEYS.scalable_unit, KEYS.nvlink_domain, _HOST),
}


def objects(factory: AIFactory, cluster: ClusterPlan) -> Iterator[Object]:
    """Give the cluster's queues."""
    maker = Maker(factory.name)
    for topology in sorted({_topology(pool) for pool in cluster.pools}):
        levels = [{"nodeLabel": key} for key in _LEVELS[topology]]
        yield maker.make(API, "Topology", label(factory.name, topology), f"factory.{factory.name}", spec={"levels": levels})
    for pool in cluster.pools:
        component = f"pool.{pool.pool}"
        yield maker.make(API, "ResourceFlavor", pool.pool, component, spec=_flavour(factory, pool))
        yield maker.make(API, "ClusterQueue", queue(pool), component, spec=_queue(pool))
    pools = {pool.pool: pool for pool in cluster.pools}
    for one in cluster.namespaces:
        for name in one.pools:
            yield maker.make(API, "LocalQueue", name, f"tenant.{one.tenant}", namespace=one.name, spec={"clusterQueue": queue(pools[name])})


def queue(pool: PoolSlice) -> str:
    """Name the cluster queue of a pool."""
    return label(pool.zone, pool.pool)


def _topology(pool: PoolSlice) -> str:
    """Give the topology of a pool: machines that share an NVLink domain are told apart by it, others by rack."""
    return "nvlink" if system(pool.system).nvlink_domain_nodes else "racks"


def _flavour(factory: AIFactory, pool: PoolSlice) -> dict[str, Any]:
    """Say which nodes a pool's flavour stands for."""
    spec: dict[str, Any] = {
        "nodeLabels": {KEYS.pool: pool.pool, KEYS.zone: pool.zone},
        "topologyName": label(factory.name, _topology(pool)),
    }
    if factory.zone(pool.zone).isolation.nodes == "dedicated":
        spec["tolerations"] = [{"key": KEYS.namespace_zone, "operator": "Equal", "value": pool.zone, "effect": "NoSchedule"}]
    return spec


def _queue(pool: PoolSlice) -> dict[str, Any]:
    """Give a pool's queue with all that its machines have."""
    machine = system(pool.system)
    quotas = {
        "cpu": str(machine.cpus * pool.nodes),
        "memory": (machine.memory * pool.nodes).to_kubernetes(),
        pool.resource: str(pool.devices),
    }
    return {
        "namespaceSelector": {"matchLabels": {KEYS.namespace_zone: pool.zone}},
        "queueingStrategy": "BestEffortFIFO",
        "preemption": {"withinClusterQueue": "LowerPriority", "reclaimWithinCohort": "Never"},
        "resourceGroups": [
            {
                "coveredResources": list(quotas),
                "flavors": [{"name": pool.pool, "resources": [{"name": name, "nominalQuota": amount} for name, amount in quotas.items()]}],
            }
        ],
    }
