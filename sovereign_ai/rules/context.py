"""What object rules know of the factory: plain constants, made from the description and the plan.

context = factory_context(factory, plan, "lab")
context.constants()["namespaces"]            # {'research': 'restricted', 'startups': 'open', ...}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sovereign_ai.catalog.jurisdictions import expand
from sovereign_ai.names import KEYS, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.plan.clusters import ClusterPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

DNS_NAMESPACE = "kube-system"
"""Where the cluster's DNS answers."""
SPARE_TAINT = f"{KEYS.domain}/spare"
"""Taint of machines kept ready; no workload may tolerate it."""
SECRET_READERS = ("tenant-admin",)
"""Roles that may read secrets: a tenant's own people, in the tenant's own namespace."""
ENCRYPTION_KEY = f"{KEYS.domain}/encryption-key"
"""StorageClass parameter that names the key."""

_REFERENCE = "[A-Za-z0-9._/:-]+"
_DIGEST = "@sha256:[0-9a-f]{64}"


@dataclass(frozen=True, slots=True)
class Context:
    """The constants that object rules compare with; hashable, sorted, free of anything a tenant can edit.

    Attributes:
        factory: the factory's name.
        tenants: namespace to its tenant; our own namespace has none.
        partitioned: zones with a part of the fabrics of their own.
        namespaces: namespace to its zone; our own namespace has none and maps to the empty text.
        jurisdictions: zone to the countries in which its pods may run.
        classes: storage class to the zone whose claims it serves.
        class_regions: storage class to the regions in which its volumes may lie.
        class_keys: storage class to the key that encrypts it.
        regions: every region in which volumes may lie.
        openings: what network policies may open, as `zone:a>zone:b/TCP/8443`.
        registries: what a permitted image starts with; each ends with the slash that is its path boundary.
        image: regular expression that a permitted image matches whole.
    """

    factory: str
    namespaces: tuple[tuple[str, str], ...]
    jurisdictions: tuple[tuple[str, tuple[str, ...]], ...]
    classes: tuple[tuple[str, str], ...]
    class_regions: tuple[tuple[str, tuple[str, ...]], ...]
    class_keys: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]
    openings: tuple[str, ...]
    registries: tuple[str, ...]
    image: str
    tenants: tuple[tuple[str, str], ...] = ()
    partitioned: tuple[str, ...] = ()

    def constants(self) -> dict[str, Any]:
        """Give each `$name` that an expression may use as plain data."""
        return {
            "namespaces": dict(self.namespaces),
            "jurisdictions": {zone: list(countries) for zone, countries in self.jurisdictions},
            "classes": dict(self.classes),
            "class_regions": {name: list(regions) for name, regions in self.class_regions},
            "class_keys": dict(self.class_keys),
            "regions": list(self.regions),
            "openings": list(self.openings),
            "registries": list(self.registries),
            "image": self.image,
            "tenants": dict(self.tenants),
            "partitioned": list(self.partitioned),
            "factory": self.factory,
            "factory_key": KEYS.factory,
            "owner_key": KEYS.owner,
            "owner": OWNER,
            "system": SYSTEM_NAMESPACE,
            "secret_readers": list(SECRET_READERS),
            "zone_key": KEYS.zone,
            "jurisdiction_key": KEYS.jurisdiction,
            "namespace_zone": KEYS.namespace_zone,
            "zone_taint": KEYS.namespace_zone,
            "spare_taint": SPARE_TAINT,
            "encryption_key": ENCRYPTION_KEY,
        }

    def zone_of(self, namespace: str) -> str:
        """Give the zone of a namespace; empty if it has none."""
        return dict(self.namespaces).get(namespace, "")


def factory_context(factory: AIFactory, plan: Plan, cluster: str | None = None) -> Context:
    """Give the constants for one cluster, or for all of them together.

    Args:
        factory: the description.
        plan: what follows from it.
        cluster: the cluster's name; None for all.

    Raises:
        KeyError: the plan has no such cluster.
    """
    clusters = plan.clusters if cluster is None else (plan.cluster(cluster),)
    permitted = {zone.name: permitted_jurisdictions(factory, zone.name) for zone in factory.zones}
    here = {one.jurisdiction for one in clusters}
    regions = {one.region: one.jurisdiction for one in clusters}
    classes = _classes(plan, clusters)
    return Context(
        factory=factory.name,
        namespaces=tuple(sorted({SYSTEM_NAMESPACE: "", **{ns.name: ns.zone for one in clusters for ns in one.namespaces}}.items())),
        jurisdictions=tuple(sorted((zone, tuple(sorted(countries & here))) for zone, countries in permitted.items())),
        classes=tuple(sorted((name, zone) for name, zone, _ in classes)),
        class_regions=tuple(
            (name, tuple(sorted(region for region, country in regions.items() if country in permitted[zone])))
            for name, zone, _ in sorted(classes)
        ),
        class_keys=tuple(sorted((name, key) for name, _, key in classes)),
        regions=tuple(sorted(region for region, country in regions.items() if any(country in ok for ok in permitted.values()))),
        openings=tuple(sorted(set(_openings(factory)))),
        registries=tuple(sorted(f"{registry.rstrip('/')}/" for registry in factory.images.registries)),
        tenants=tuple(sorted({(ns.name, ns.tenant) for one in clusters for ns in one.namespaces})),
        partitioned=tuple(sorted(zone.name for zone in factory.zones if zone.isolation.fabric != "none")),
        image=f"^{_REFERENCE}{_DIGEST}$" if factory.images.digests == "required" else f"^{_REFERENCE}({_DIGEST})?$",
    )


def permitted_jurisdictions(factory: AIFactory, zone: str) -> frozenset[str]:
    """Give the countries where a zone's data may be: what every residency policy on it permits, among the factory's sites."""
    countries = frozenset(site.country for site in factory.sites)
    for policy in factory.residency:
        if not policy.zones or zone in policy.zones:
            countries &= expand(policy.within)
    return countries


def _classes(plan: Plan, clusters: Iterable[ClusterPlan]) -> set[tuple[str, str, str]]:
    """Give name, zone and key of every storage class in these clusters; object stores have buckets and no class."""
    sites = {one.site for one in clusters}
    return {(one.tier, one.zone, one.key) for one in plan.storage if one.site in sites and one.protocol != "object"}


def _openings(factory: AIFactory) -> Iterable[str]:
    """Give every opening that the description declares, and DNS for all."""
    for zone in ("", *(one.name for one in factory.zones)):
        yield from (f"zone:{zone}>namespace:{DNS_NAMESPACE}/{protocol}/53" for protocol in ("TCP", "UDP"))
    for one in factory.zones:
        for flow in one.allow:
            if not flow.never:
                yield from (f"zone:{one.name}>zone:{flow.to}/{flow.protocol}/{port}" for port in flow.ports)
    for gateway in factory.gateways:
        for name in gateway.zones:
            yield from (f"zone:{name}>cidr:{cidr}/TCP/{port}" for cidr in gateway.addresses for port in gateway.ports)
