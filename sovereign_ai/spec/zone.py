"""Security zones: who may speak to whom, and how far apart they are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sovereign_ai.spec.base import Area, Country, Flag, Model, Name, Text, all_defaults


class Flow(Model):
    """A declared flow out of a zone; what is not declared is denied."""

    to: Name
    """The zone at the other end."""
    ports: tuple[Annotated[int, Field(ge=1, le=65_535, strict=True)], ...] = ()
    """TCP ports at the other end; empty with `never`."""
    protocol: Literal["TCP", "UDP"] = "TCP"
    """Transport protocol."""
    never: Flag = False
    """A promise instead of a permission: no rule may ever open this way."""


class Gateway(Model):
    """A way out of the factory, owned by a legal entity that has a name."""

    name: Name
    """Unique in the factory."""
    entity: Text
    """Legal name of who runs the other end."""
    seat: Country
    """Country of its head office."""
    addresses: tuple[str, ...] = Field(min_length=1)
    """CIDR ranges at the other end; a hint for the packet filter, never a proof of who owns them."""
    ports: tuple[Annotated[int, Field(ge=1, le=65_535, strict=True)], ...] = (443,)
    """TCP ports at the other end."""
    zones: tuple[Name, ...] = Field(min_length=1)
    """Zones that may use it."""


class Isolation(Model):
    """How a zone is kept apart on each kind of network."""

    fabric: Literal["partition", "vrf", "vni", "none"] = "partition"
    """On compute and storage fabrics, whose traffic no NetworkPolicy sees."""
    in_band: Literal["vrf", "vni", "none"] = "vrf"
    """On the in-band network, below the NetworkPolicies."""
    out_of_band: Literal["vrf", "vni", "none"] = "vrf"
    """On the out-of-band network, where the machines' controllers answer."""
    nodes: Literal["dedicated", "shared"] = "dedicated"
    """Whether machines serve one zone alone."""


class SecurityZone(Model):
    """A set of tenants and machines under one trust level."""

    name: Name
    """Unique in the factory."""
    trust: Literal["low", "medium", "high"]
    """How much is trusted to what runs in it."""
    tenants: tuple[Name, ...] = ()
    """Tenants with a namespace in it."""
    allow: tuple[Flow, ...] = ()
    """Declared flows, and promises of none."""
    exposure: Literal["internal", "partner", "internet"] = "internal"
    """From where its services may be reached."""
    isolation: Isolation = all_defaults()
    """How far it is kept apart."""
    admin_path: Literal["bastion", "vpn", "direct"] = "bastion"
    """How administrators come in; `direct` is a finding at high trust."""


class Tenant(Model):
    """A body whose people and workloads use the factory."""

    name: Name
    """Unique in the factory; namespaces carry it."""
    seat: Country
    """Country of its head office."""
    entity: Text | None = None
    """Legal name."""
    gpus: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] | None = None
    """GPUs it may hold at once, of those cut by MIG with all their instances; left out, an equal share of its zones' pools."""
    data: tuple[Name, ...] = ()
    """Data classes it brings; each needs a residency policy."""


class ResidencyPolicy(Model):
    """Where one class of data may be, and who may touch it. What is not listed is denied."""

    data: Name
    """The data class, such as `personal`; unique."""
    within: tuple[Area, ...] = Field(min_length=1, alias="in")
    """Where the data itself may be."""
    replicas: tuple[Area, ...] = ()
    """Where copies for availability may be."""
    snapshots: tuple[Area, ...] = ()
    """Where snapshots may be; left out, where the data may be."""
    backups: tuple[Area, ...] = ()
    """Where backups may be."""
    logs: tuple[Area, ...] = ()
    """Where logs that may hold it may be."""
    metrics: tuple[Area, ...] = ()
    """Where metrics derived from it may be; left out, where logs may be."""
    keys: tuple[Area, ...] = Field(min_length=1)
    """Whose law may reach the keys it is encrypted under."""
    staff_access: tuple[Area, ...] = Field(min_length=1)
    """From where people may reach it."""
    transfer: Literal["none", "adequacy", "scc", "bcr"] = "none"
    """The mechanism that a transfer out of the area would rest on; `none` forbids it."""
    gateways: tuple[Name, ...] = ()
    """Gateways through which it may leave."""
    zones: tuple[Name, ...] = ()
    """Zones that hold it; empty means all."""
