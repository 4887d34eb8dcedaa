"""Kubernetes clusters: one law each, none larger than Kubernetes publishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolSlice:
    """The part of a pool that joins one cluster.

    Attributes:
        pool: the pool's name.
        zone: its security zone.
        system: catalogue name of the machine.
        purpose: what it is for.
        nodes: machines counted on.
        spares: machines kept ready.
        gpus: GPUs of the machines counted on.
        resource: extended resource name, such as `nvidia.com/gpu`.
        driver: GPU driver version.
        mig: MIG profile; empty where GPUs are whole.
    """

    pool: str
    zone: str
    system: str
    purpose: str
    nodes: int
    spares: int
    gpus: int
    resource: str
    driver: str
    mig: str


@dataclass(frozen=True, slots=True)
class Namespace:
    """A tenant's place in one zone of one cluster.

    Attributes:
        name: `<tenant>` where the tenant has one zone, else `<tenant>-<zone>`.
        tenant: the tenant's name.
        zone: the security zone.
        gpus: extended resource name to the GPUs it may hold in this cluster.
        pools: pools of its zone in this cluster.
    """

    name: str
    tenant: str
    zone: str
    gpus: Mapping[str, int]
    pools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """One Kubernetes cluster.

    Attributes:
        name: the factory's name where one cluster is enough, else `<factory>-<site>-<number>`.
        site: its site.
        region: Kubernetes region.
        jurisdiction: ISO country code.
        halls: halls (Kubernetes zones) that its machines stand in.
        pools: its parts of pools.
        namespaces: tenants' namespaces.
        nodes: machines in it, spares counted.
        pods: pods it may hold.
        why: field to the formula and its inputs in words.
    """

    name: str
    site: str
    region: str
    jurisdiction: str
    halls: tuple[str, ...]
    pools: tuple[PoolSlice, ...]
    namespaces: tuple[Namespace, ...]
    nodes: int
    pods: int
    why: Mapping[str, str]
