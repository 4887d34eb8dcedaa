"""The whole description: `AIFactory` holds every part, once, and knows which names exist."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from pydantic import Field, PrivateAttr

from sovereign_ai.errors import SpecError, Where
from sovereign_ai.spec.base import Model, Name, all_defaults, later
from sovereign_ai.spec.checks import check
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.operator import Operator
from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.service import Service
from sovereign_ai.spec.site import Site
from sovereign_ai.spec.source import SourceMap, of_python
from sovereign_ai.spec.storage import Key, StorageTier
from sovereign_ai.spec.supplier import Images, Supplier, Waiver, Workload
from sovereign_ai.spec.zone import Gateway, ResidencyPolicy, SecurityZone, Tenant


class Network(Model):
    """Address ranges that the plan may give out; all private and none overlapping."""

    nodes: str = "10.64.0.0/10"
    """Machines' addresses on in-band, storage and compute Ethernet."""
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
    """How large one Kubernetes cluster may grow; beyond it the plan splits."""

    nodes: int = Field(default=5_000, ge=1, le=5_000, strict=True)
    """Machines a cluster; Kubernetes publishes 5,000 as its limit."""
    pods_per_node: int = Field(default=30, ge=1, le=110, strict=True)
    """Pods a machine; 110 is the kubelet's default limit, and nodes times pods may not exceed 150,000."""


class AIFactory(Model):
    """A complete AI factory: everything the plan, the rules and the clusters follow from."""

    name: Name
    """The factory's name; Pulumi projects, labels and clusters carry it."""
    operator: Operator
    """Who runs it."""
    sites: tuple[Site, ...] = Field(min_length=1)
    """Where it stands."""
    pools: tuple[GpuNodePool, ...] = Field(min_length=1)
    """What computes."""
    fabrics: tuple[Fabric, ...] = ()
    """What joins it."""
    storage: tuple[StorageTier, ...] = ()
    """What remembers."""
    keys: tuple[Key, ...] = ()
    """What it is encrypted under."""
    zones: tuple[SecurityZone, ...] = Field(min_length=1)
    """Who is kept apart from whom."""
    tenants: tuple[Tenant, ...] = ()
    """Who uses it."""
    residency: tuple[ResidencyPolicy, ...] = ()
    """Where data may be."""
    gateways: tuple[Gateway, ...] = ()
    """Ways out."""
    images: Images
    """Where container images may come from."""
    suppliers: tuple[Supplier, ...] = ()
    """On whom it depends."""
    services: tuple[Service, ...] = later(())
    """What running parts ask from outside: identity, names, time, certificates, packages, licences, heartbeats, remote attestation."""
    workloads: tuple[Workload, ...] = ()
    """What it shall carry."""
    waivers: tuple[Waiver, ...] = ()
    """Recorded exceptions; they change no plan and have a digest of their own."""
    network: Network = all_defaults()
    """Address ranges."""
    clusters: ClusterLimits = all_defaults()
    """Size of a Kubernetes cluster."""

    def __init__(self, /, **data: Any) -> None:
        """Make the factory and hold its parts against each other.

        Raises:
            SpecError: every problem at once, each at the line that made the part.
        """
        super().__init__(**data)
        problems = check(self)
        if problems:
            raise SpecError(problems)

    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]  # pydantic's own mark

    _source: SourceMap | None = PrivateAttr(default=None)

    def where(self, field: str) -> Where:
        """Give the place of a field such as `pools[0].zone`: in the file it was read from, or of the Python call that made it."""
        source = self._source or of_python(self)
        return source.where(field)

    def to_data(self) -> dict[str, Any]:
        """Give plain data with every default written out, waivers left out."""
        return self.model_dump(mode="json", by_alias=True, exclude={"waivers"})

    def canonical(self) -> bytes:
        """Give the canonical JSON: sorted keys, no spaces, UTF-8."""
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

    def site(self, name: str) -> Site:
        """Give the site of that name (checked to exist when the factory was made)."""
        return next(site for site in self.sites if site.name == name)

    def zone(self, name: str) -> SecurityZone:
        """Give the zone of that name."""
        return next(zone for zone in self.zones if zone.name == name)
