"""Storage classes: one a tier, confined to its site's region and halls, encrypted under its key.

An object store is reached through buckets and has no storage class. Volumes outlive their claims (`Retain`):
releasing data is a decision, not a side effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.plan import ClusterPlan, Plan, StoragePlan
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.rules import ENCRYPTION_KEY
from sovereign_ai.spec import AIFactory, Csi

REGION, HALL = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


def objects(factory: AIFactory, plan: Plan, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the storage classes of the tiers at the cluster's site."""
    maker = Maker(factory.name)
    drivers = {tier.name: tier.csi for tier in factory.storage}
    tiers = [tier for tier in plan.storage if tier.site == cluster.site and tier.protocol.has_storage_class]
    for tier in sorted(tiers, key=_tier_name):
        topology = [
            {"key": REGION, "values": [cluster.region]},
            {"key": HALL, "values": sorted(tier.halls)},
        ]
        yield maker.make(
            "storage.k8s.io/v1",
            "StorageClass",
            tier.tier,
            f"storage.{tier.tier}",
            labels={KEYS.namespace_zone: tier.zone},
            **_driver_fields(tier, drivers[tier.tier]),
            allowedTopologies=[{"matchLabelExpressions": topology}],
            # The volume is made where the scheduler puts the first pod, not where the claim is made.
            volumeBindingMode="WaitForFirstConsumer",
            reclaimPolicy="Retain",
            allowVolumeExpansion=True,
        )


def _driver_fields(tier: StoragePlan, csi: Csi | None) -> dict[str, Any]:
    """Return the fields of a tier's storage class that name its driver and are passed to it."""
    facts = {
        f"{KEYS.domain}/tier": tier.tier,
        f"{KEYS.domain}/zone": tier.zone,
        ENCRYPTION_KEY: tier.key,
    }
    if csi is None:
        return {"provisioner": f"{KEYS.domain}/{tier.protocol}", "parameters": facts}
    # Some drivers refuse a parameter that they do not know.
    fields: dict[str, Any] = {"annotations": facts, "provisioner": csi.driver}
    if csi.parameters:
        fields["parameters"] = dict(csi.parameters)
    if csi.mount_options:
        fields["mountOptions"] = list(csi.mount_options)
    return fields


def _tier_name(tier: StoragePlan) -> str:
    """Return the key that sorts tiers by name."""
    return tier.tier
