"""Machines that an operator looks after: their pools, their taints, and their ports on RDMA fabrics."""

from __future__ import annotations

from collections.abc import Collection

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import node_taints
from sovereign_ai.spec import AIFactory, GpuNodePool

NVIDIA = "nvidia"
_RDMA = ("infiniband", "roce")


def nvidia_pools(factory: AIFactory) -> list[GpuNodePool]:
    """Return the pools whose machines have NVIDIA's GPUs, in the order of the description."""
    pools: list[GpuNodePool] = []
    for pool in factory.pools:
        chip = accelerator_of(system(pool.system))
        if chip is not None and chip.vendor == NVIDIA:
            pools.append(pool)
    return pools


def rdma_kinds(factory: AIFactory, pool: GpuNodePool) -> set[str]:
    """Return the kinds of the RDMA fabrics on which a pool computes; empty where there is none."""
    kinds: set[str] = set()
    for fabric in factory.fabrics:
        if fabric.role == "compute" and fabric.kind in _RDMA and pool.is_on(fabric):
            kinds.add(fabric.kind)
    return kinds


def tolerations(factory: AIFactory, plan: Plan, pools: Collection[str]) -> list[dict[str, str]]:
    """Return what pods need to run on every machine of some pools, spares included."""
    tolerated: dict[tuple[str, str], dict[str, str]] = {}
    for node in plan.nodes:
        if node.pool not in pools:
            continue
        for taint in node_taints(factory, node):
            key = (taint["key"], taint.get("value", ""))
            operator = "Equal" if "value" in taint else "Exists"
            tolerated[key] = {"operator": operator, **taint}
    return [tolerated[key] for key in sorted(tolerated)]


def compute_ports(plan: Plan, pools: Collection[str]) -> list[str]:
    """Return the plan's names of the ports by which machines of some pools join RDMA fabrics, sorted."""
    hosts: set[str] = set()
    for node in plan.nodes:
        if node.pool in pools:
            hosts.add(node.name)
    ports: set[str] = set()
    for plane in plan.fabrics:
        if plane.role != "compute" or plane.kind not in _RDMA:
            continue
        for link in plane.host_links:
            if link.lower in hosts:
                ports.add(link.lower_port)
    return sorted(ports, key=lambda port: (len(port), port))
