"""The plan as a whole, its canonical JSON and its digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from sovereign_ai.plan.addresses import Partition, Prefix
from sovereign_ai.plan.clusters import ClusterPlan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.power import SitePower
from sovereign_ai.plan.racks import Rack
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True)
class Plan:
    """Everything that follows from one description.

    Attributes:
        factory: the factory's name.
        spec_digest: digest of the description it follows from.
        nodes: every machine, by name.
        racks: every rack, by name.
        power: every site's power.
        fabrics: every plane of every fabric at every site.
        prefixes: address ranges.
        partitions: zones' parts of fabrics.
        storage: every tier at every site.
        clusters: Kubernetes clusters.
        warnings: what is allowed yet wants a look, each with the figure behind it.
    """

    factory: str
    spec_digest: str
    nodes: tuple[Node, ...]
    racks: tuple[Rack, ...]
    power: tuple[SitePower, ...]
    fabrics: tuple[FabricPlan, ...]
    prefixes: tuple[Prefix, ...]
    partitions: tuple[Partition, ...]
    storage: tuple[StoragePlan, ...]
    clusters: tuple[ClusterPlan, ...]
    warnings: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Give plain data, as the canonical JSON holds it."""
        data: dict[str, Any] = orjson.loads(self.canonical)
        return data

    @cached_property
    def canonical(self) -> bytes:
        """Canonical JSON: sorted keys, whole numbers only, UTF-8."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.canonical).hexdigest()

    def cluster(self, name: str) -> ClusterPlan:
        """Give the cluster of that name; KeyError if there is none."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        raise KeyError(name)

    def nodes_of(self, cluster: str) -> tuple[Node, ...]:
        """Give the machines of one cluster."""
        return tuple(node for node in self.nodes if node.cluster == cluster)


def plan(factory: AIFactory) -> Plan:
    """Derive the plan.

    Raises:
        SpecError: a wish that cannot be, with the limit and the smallest change that would fit.
    """
    raise NotImplementedError
