"""Storage classes: one a tier, confined to its site's region and halls, encrypted under its key.

An object store is reached through buckets and has no storage class. Volumes outlive their claims (`Retain`):
releasing data is a decision, not a side effect.
"""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.names import KEYS
from sovereign_ai.plan import ClusterPlan, Plan, StoragePlan
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.rules import ENCRYPTION_KEY
from sovereign_ai.spec import AIFactory

REGION, HALL = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


def objects(factory: AIFactory, plan: Plan, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the storage classes of the tiers at the cluster's site."""
    maker = Maker(factory.name)
    tiers = [tier for tier in plan.storage if tier.site == cluster.site and tier.protocol.has_storage_class]
    for tier in sorted(tiers, key=_tier_name):
        parameters = {
            f"{KEYS.domain}/tier": tier.tier,
            f"{KEYS.domain}/zone": tier.zone,
            ENCRYPTION_KEY: tier.key,
        }
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
            provisioner=f"{KEYS.domain}/{tier.protocol}",
            parameters=parameters,
            allowedTopologies=[{"matchLabelExpressions": topology}],
            # The volume is made where the scheduler puts the first pod, not where the claim is made.
            volumeBindingMode="WaitForFirstConsumer",
            reclaimPolicy="Retain",
            allowVolumeExpansion=True,
        )


def _tier_name(tier: StoragePlan) -> str:
    """Return the key that sorts tiers by name."""
    return tier.tier
