"""The whole description: `AIFactory` holds every part once, and the names that they declare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import Field, PrivateAttr

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.files import SourceMap
from sovereign_ai.spec.base import CatalogRow, Model, Name, added_later, all_defaults
from sovereign_ai.spec.cabling import Cabling
from sovereign_ai.spec.checks.every_check import check
from sovereign_ai.spec.disruption import DisruptionBudget
from sovereign_ai.spec.dns import Dns
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.images import Images
from sovereign_ai.spec.operator import Operator
from sovereign_ai.spec.phase import Phase
from sovereign_ai.spec.platform import Platform
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.service import Service
from sovereign_ai.spec.site import Site
from sovereign_ai.spec.source import of_python
from sovereign_ai.spec.storage import Key, StorageTier
from sovereign_ai.spec.supplier import Supplier
from sovereign_ai.spec.waiver import Approver, Waiver
from sovereign_ai.spec.workload import Workload
from sovereign_ai.spec.zone import Gateway, Provider, ResidencyPolicy, SecurityZone, Tenant


class Network(Model):
    """Address ranges that the plan may allocate; all private, none overlapping."""

    nodes: str = "10.64.0.0/10"
    """Addresses of servers on in-band, storage and compute Ethernet."""
    management: str = "10.128.0.0/12"
    """Out-of-band addresses."""
    pods: str = "10.0.0.0/11"
    """Pod addresses."""
    services: str = "10.32.0.0/16"
    """Service addresses."""
    asn: int = Field(default=4_200_000_000, ge=64_512, le=4_294_967_294, strict=True)
    """First private autonomous system number (RFC 6996)."""
    vni: int = Field(default=10_000, ge=1, le=16_000_000, strict=True)
    """First VXLAN network identifier."""
    vlan: int = Field(default=100, ge=2, le=4000, strict=True)
    """First VLAN."""


class ClusterLimits(Model):
    """How large one Kubernetes cluster may grow; the plan divides a site beyond that."""

    nodes: int = Field(default=5_000, ge=1, le=5_000, strict=True)
    """Nodes of a cluster; Kubernetes publishes 5,000 as its limit."""
    pods_per_node: int = Field(default=30, ge=1, le=110, strict=True)
    """Pods of a node; 110 is the kubelet's default limit, and nodes times pods may not exceed 150,000."""
    home: Name | None = added_later()
    """Site whose first cluster keeps the factory's name when there are several; commands that name no cluster
    mean it."""


class AIFactory(Model):
    """A complete AI factory: everything the plan, the rules and the clusters follow from."""

    name: Name
    """The factory's name; Pulumi projects, labels and clusters carry it."""
    operator: Operator
    """Who runs it."""
    sites: tuple[Site, ...] = Field(min_length=1)
    """Its sites, with halls and power."""
    pools: tuple[GpuNodePool, ...] = Field(min_length=1)
    """GPU node pools."""
    phases: tuple[Phase, ...] = added_later(())
    """Phases of construction, in order; left out, everything stands at once."""
    phase: Name | None = added_later()
    """The phase at whose end the factory stands now; left out, the last."""
    fabrics: tuple[Fabric, ...] = ()
    """Networks."""
    cabling: Cabling | None = added_later()
    """How their links are cabled; left out, by the defaults."""
    storage: tuple[StorageTier, ...] = ()
    """Storage tiers."""
    keys: tuple[Key, ...] = ()
    """Encryption keys."""
    zones: tuple[SecurityZone, ...] = Field(min_length=1)
    """Security zones."""
    tenants: tuple[Tenant, ...] = ()
    """Tenants."""
    residency: tuple[ResidencyPolicy, ...] = ()
    """Residency policies, one for each data class."""
    gateways: tuple[Gateway, ...] = ()
    """Gateways to the outside."""
    dns: Dns | None = added_later()
    """Names outside the clusters that may be asked for, and the resolvers that are asked; left out, the
    configuration of the clusters' DNS is not judged."""
    catalog: tuple[CatalogRow, ...] = added_later(())
    """Hardware that the package does not know: rows, or names of files beside the description that hold them
    under `rows`."""
    images: Images
    """Where container images may come from."""
    suppliers: tuple[Supplier, ...] = ()
    """Suppliers that it depends on."""
    services: tuple[Service, ...] = added_later(())
    """What running parts ask from outside: identity, names, time, certificates, packages, licences,
    heartbeats, remote attestation."""
    providers: tuple[Provider, ...] = added_later(())
    """Other Pulumi providers that its programs may use, each with the country that it writes to."""
    platform: Platform | None = added_later()
    """The controllers that its clusters run; left out, none is described."""
    workloads: tuple[Workload, ...] = ()
    """Jobs and services that it runs."""
    disruption_budgets: tuple[DisruptionBudget, ...] = added_later(())
    """How many machines repair may take out of work at a time, and when it may drain them; left out, only the
    shares of the repair policy hold."""
    approvers: tuple[Approver, ...] = added_later(())
    """People and roles that may approve exceptions, each with a public key."""
    waivers: tuple[Waiver, ...] = ()
    """Recorded exceptions; they change no plan and have a digest of their own."""
    network: Network = all_defaults()
    """Address ranges."""
    clusters: ClusterLimits = all_defaults()
    """Limits of a Kubernetes cluster."""
    drift: Literal["restore", "report"] = added_later("restore")
    """What `up` does about fields and objects that were changed or deleted on the cluster: `restore` puts
    them back; `report` names them, ends with exit code 1 and leaves them, but for admission policies, which
    are put back always."""

    def __init__(self, /, **data: Any) -> None:
        """Make the factory and check its parts against each other.

        Raises:
            SpecError: every problem at once, each at the line that made the part.
        """
        super().__init__(**data)
        problems = check(self)
        if problems:
            raise SpecError(problems)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    _source: SourceMap | None = PrivateAttr(default=None)
    # By site, with the pools that they were read from: a copy with other pools has others by site too.
    _pools_at: tuple[tuple[GpuNodePool, ...], Mapping[str, tuple[GpuNodePool, ...]]] | None = PrivateAttr(
        default=None
    )

    def where(self, field: str) -> Where:
        """Return the place of a field such as `pools[0].zone`: in the file, or of the Python call."""
        source = self._source or of_python(self)
        return source.where(field)

    def to_data(self) -> dict[str, Any]:
        """Return plain data with every default written out, without waivers."""
        return self.model_dump(mode="json", by_alias=True, exclude={"waivers"})

    def canonical(self) -> bytes:
        """Return the canonical JSON: sorted keys, no spaces, UTF-8."""
        return orjson.dumps(self.to_data(), option=orjson.OPT_SORT_KEYS)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal; the same from Python and from YAML."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def waivers_digest(self) -> str:
        """SHA-256 of the waivers' canonical JSON."""
        data = [waiver.model_dump(mode="json") for waiver in self.waivers]
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def in_phase(self, name: str | None) -> AIFactory:
        """Return the factory as it stands at the end of a phase; of the last where none is named."""
        return self.model_copy(update={"phase": name})

    def standing(self, pool: GpuNodePool) -> int:
        """Return the servers of a pool that stand in the phase of now, without spares."""
        for phase in self.phases:
            if phase.name == self.phase:
                for entry in phase.pools:
                    if entry.pool == pool.name:
                        return entry.nodes
        return pool.nodes

    def site(self, name: str) -> Site:
        """Return the site of that name, which was checked to exist when the factory was made."""
        return next(site for site in self.sites if site.name == name)

    def pool(self, name: str) -> GpuNodePool:
        """Return the pool of that name."""
        return next(pool for pool in self.pools if pool.name == name)

    def pools_at(self, site: str) -> tuple[GpuNodePool, ...]:
        """Return the pools of a site, in the order of the description."""
        # Grouped once: planners ask for each site and fabric.
        if self._pools_at is None or self._pools_at[0] is not self.pools:
            by_site: dict[str, list[GpuNodePool]] = {}
            for pool in self.pools:
                by_site.setdefault(pool.site, []).append(pool)
            self._pools_at = (self.pools, {name: tuple(pools) for name, pools in by_site.items()})
        return self._pools_at[1].get(site, ())

    def pools_of(self, budget: DisruptionBudget) -> frozenset[str]:
        """Return the names of the pools that a disruption budget holds for."""
        zones = {zone.name for zone in self.zones if set(zone.tenants) & set(budget.tenants)}
        named = set()
        for pool in self.pools:
            is_of_tenant = not budget.tenants or pool.zone in zones
            if is_of_tenant and pool.name in (budget.pools or (pool.name,)):
                named.add(pool.name)
        return frozenset(named)

    @property
    def fair_sharing(self) -> tuple[str, ...]:
        """The strategies by which Kueue shares lent idle quota; none where it does not."""
        return self.platform.fair_sharing if self.platform is not None else ()

    def zone(self, name: str) -> SecurityZone:
        """Return the zone of that name."""
        return next(zone for zone in self.zones if zone.name == name)
