"""Security zones, tenants, gateways and residency policies: permitted flows, and the places of data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from sovereign_ai.spec.base import Area, Country, Day, Flag, Model, Name, Text, added_later, all_defaults
from sovereign_ai.spec.field_location import TextForm


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


Host = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253
    ),
    TextForm("bad-host", "the full name of a host in lower case, such as telemetry.example.com", digits=True),
]
"""A host's full name; no wildcard, no port and no scheme."""


class Gateway(Model):
    """A way out of the factory, owned by a legal entity that has a name."""

    name: Name
    """Unique in the factory."""
    entity: Text
    """Legal name of the operator of the other end."""
    seat: Country
    """Country of its head office."""
    addresses: tuple[str, ...] = Field(min_length=1)
    """CIDR ranges at the other end; a hint for the packet filter, never a proof of who owns them."""
    ports: tuple[Annotated[int, Field(ge=1, le=65_535, strict=True)], ...] = (443,)
    """TCP ports at the other end."""
    zones: tuple[Name, ...] = Field(min_length=1)
    """Zones that may use it."""
    hosts: tuple[Host, ...] = added_later(())
    """Names at the other end, by which workloads of its zones may call it in their settings; also names of
    buckets there."""


class Provider(Model):
    """A Pulumi provider besides those of the factory itself, whose resources a stack's program may make."""

    package: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$"),
        TextForm(
            "bad-package",
            "the package before the first colon of its resources' types, such as openstack",
            digits=True,
        ),
    ]
    """The package, as the types of its resources begin; `pulumi-python` for dynamic resources. Unique."""
    country: Country
    """The country in which it keeps what it makes."""
    reason: Text
    """Why it is needed, and why it writes nowhere else."""


class Isolation(Model):
    """How a zone is isolated on each kind of network."""

    fabric: Literal["partition", "vrf", "vni", "none"] = "partition"
    """On compute and storage fabrics, whose traffic no NetworkPolicy sees."""
    in_band: Literal["vrf", "vni", "none"] = "vrf"
    """On the in-band network, below the NetworkPolicies."""
    out_of_band: Literal["vrf", "vni", "none"] = "vrf"
    """On the out-of-band network, with the servers' management controllers."""
    nodes: Literal["dedicated", "shared"] = "dedicated"
    """Whether servers belong to one zone alone."""


class SecurityZone(Model):
    """A set of tenants and servers under one trust level."""

    name: Name
    """Unique in the factory."""
    trust: Literal["low", "medium", "high"]
    """How much its workloads are trusted."""
    tenants: tuple[Name, ...] = ()
    """Tenants with a namespace in it."""
    allow: tuple[Flow, ...] = ()
    """Declared flows, and promises of none."""
    exposure: Literal["internal", "partner", "internet"] = "internal"
    """From where its services may be reached."""
    isolation: Isolation = all_defaults()
    """How far it is isolated."""
    admin_path: Literal["bastion", "vpn", "direct"] = "bastion"
    """How administrators connect; `direct` is a finding at high trust."""
    idle_quota: Literal["kept", "lent"] = added_later("kept")
    """What happens to quota that a tenant does not use: `lent`, others of the zone borrow it, and Kueue takes
    it back when the owner's work needs it. Then a queue a tenant and pool admits, and namespaces' own quotas,
    which cannot lend, are those of the whole zone."""


def _as_weight(value: float) -> float:
    """Return a weight that Kueue takes: it refuses those that it could not tell from nothing."""
    if 0 < value <= LEAST_WEIGHT:
        message = f"a weight is 0, or more than {LEAST_WEIGHT:g}"
        raise ValueError(message)
    return value


LEAST_WEIGHT = 1e-9
"""What Kueue's webhook takes for too little (0.17, pkg/webhooks/common.go)."""
Weight = Annotated[float, Field(ge=0, le=1_000_000_000, strict=True), AfterValidator(_as_weight)]
"""A weight of Kueue's fair sharing. An amount of Kubernetes holds each to a billionth up to this bound."""


class Tenant(Model):
    """A body whose people and workloads use the factory."""

    name: Name
    """Unique in the factory; namespaces carry it."""
    seat: Country
    """Country of its head office."""
    entity: Text | None = None
    """Legal name."""
    gpus: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] | None = None
    """GPUs it may hold at once, of those cut by MIG with all their instances; left out, an equal share of its
    zones' pools."""
    data: tuple[Name, ...] = ()
    """Data classes it brings; each needs a residency policy."""
    home: Name | None = added_later()
    """Of several zones the one in which its namespace has the tenant's name alone, as in an only zone.

    A tenant that enters a second zone keeps its namespace so."""
    weight: Weight | None = added_later()
    """Its part of lent idle quota under the platform's `fair_sharing`, beside others' (Kueue's
    `fairSharing.weight`): with 2 it borrows twice as much as one with 1, with 0 only what nobody else wants.
    Left out, 1."""


class AllowedKind(Model):
    """A kind of Kubernetes object that no rule knows, and that is permitted all the same."""

    kind: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,62}$"),
        TextForm("bad-kind", "a kind as its objects write it, such as ExternalSecret", digits=True),
    ]
    """The kind, as its objects write it."""
    group: Annotated[
        str,
        StringConstraints(
            pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253
        ),
        TextForm("bad-group", "an API group without a version, such as external-secrets.io", digits=True),
    ]
    """Its API group, without a version."""
    reason: Text
    """Why it is needed, and why its data stays where the policy says."""
    expires: Day | None = None
    """The first day on which it no longer counts; left out, it stays."""


class ResidencyPolicy(Model):
    """The places of one class of data, and the people with access. What is not listed is denied."""

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
    """Jurisdictions that the keys that encrypt it may be under."""
    staff_access: tuple[Area, ...] = Field(min_length=1)
    """From where people may reach it."""
    transfer: Literal["none", "adequacy", "scc", "bcr"] = "none"
    """The mechanism that a transfer out of the area would rest on; `none` forbids it."""
    gateways: tuple[Name, ...] = ()
    """Gateways through which it may leave."""
    zones: tuple[Name, ...] = ()
    """Zones that hold it; empty means all."""
    allowed_kinds: tuple[AllowedKind, ...] = added_later(())
    """Kinds of Kubernetes objects that no rule knows and that its zones may store; each policy of a zone must
    list them."""
